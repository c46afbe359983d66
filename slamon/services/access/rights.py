"""Who may do what to which record: one table, and the two questions that every route, page and use case asks of it.

May this caller do it at all (`allow`), and to this record (`allow_on`)? Which records they may read says `visibility`,
and always first: what they do not see does not exist for them. `docs/rights.md` is written from the table.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from slamon.db.parties import Organization, Person, Project, ProjectCmo, Standing
from slamon.db.requests import CmoRequest
from slamon.db.statements import held_by_id
from slamon.domain.lifecycle import ACTORS, FILERS
from slamon.domain.scopes import Scope
from slamon.domain.timeline import CMO_ROLES, Actor, Role
from slamon.errors import Forbidden
from slamon.services.access.callers import Caller


class Deed(StrEnum):
    """What can be done, in words for people."""

    READ_REQUESTS = "read requests, their timelines, clocks and files"
    FILE = "file requests"
    KEEP_DRAFTS = "write, file and discard drafts"
    ACT = "act on requests"
    RECORD = "write down what the CMO said by phone or mail"
    ATTACH = "send files"
    WITHDRAW_LINKS = "withdraw a contact's links"
    READ_RECORDS = "read CMOs, sites, contacts, people, projects, calendars, policies, shutdowns"
    READ_STATUS = "see whether messages leave and processes run"
    CREATE_CMOS = "add CMOs"
    CHANGE_CMOS = "change CMOs"
    NAME_LEADS = "name the lead of a CMO or project"
    KEEP_SITES = "add and change sites"
    KEEP_CONTACTS = "add and change contacts"
    CREATE_PROJECTS = "add projects"
    CHANGE_PROJECTS = "change projects"
    STAFF_PROJECTS = "name a project's manager and CMOs, restrict it"
    KEEP_PEOPLE = "add, change, invite and disable people"
    SCOPE_AUDITORS = "say what an auditor may read"
    KEEP_CALENDARS = "add and change calendars"
    KEEP_POLICIES = "add and change policies"
    APPLY_TERMS = "apply a policy or calendar to open requests"
    IMPORT_DIRECTORY = "import CMOs, sites and contacts"
    ANNOUNCE_SHUTDOWNS = "write shutdowns down"
    DECIDE_SHUTDOWNS = "agree to, refuse and apply shutdowns"
    READ_DEAD_LETTERS = "list messages that did not arrive"
    KEEP_DEAD_LETTERS = "send again or dismiss messages that did not arrive"
    SWITCH_OUTGOING = "hold all messages back or let them go"
    MAKE_OWN_KEYS = "make, list and revoke one's own API keys"
    KEEP_KEYS = "make keys for services, list and revoke all keys"
    READ_DOCUMENT = "read the API's description"


class On(StrEnum):
    """On which records a right holds; always only on those that its holder may read."""

    SEEN = "those they may read"
    OWN = "by role"  # see REACH
    SELF = "their own"
    INSTALLATION = "the installation"


@dataclass(frozen=True, slots=True)
class Right:
    """One line of the table. `scope` is what an API key needs for it; None: any key will do.

    A right `for_people` is for none of the named service accounts: through one, somebody could widen their own rights.
    """

    scope: Scope | None
    roles: frozenset[Role]
    on: On
    for_people: bool = False


_PM, _LEAD, _HEAD, _QUALITY = Role.PROJECT_MANAGER, Role.LEAD, Role.HEAD, Role.QUALITY
_ADMIN, _AUDITOR, _STEERING = Role.ADMIN, Role.AUDITOR, Role.STEERING
STAFF = frozenset({_PM, _LEAD, _HEAD, _QUALITY, _STEERING, _ADMIN, _AUDITOR})
EVERYBODY = STAFF | CMO_ROLES

# Where a right holds by role. A deputy counts as the person whose backup they are, in the roles they hold themselves.
REACH: Mapping[Role, str] = {
    Role.PROJECT_MANAGER: "own projects",
    Role.LEAD: "CMOs and projects they lead",
    Role.HEAD: "any",
    Role.QUALITY: "any",
    Role.STEERING: "any",
    Role.ADMIN: "any",
    Role.AUDITOR: "any",
    Role.CMO_CONTACT: "own CMO and sites",
    Role.CMO_LEAD: "own CMO",
}


def _right(scope: Scope | None, on: On, *roles: Role, for_people: bool = False) -> Right:
    return Right(scope, frozenset(roles), on, for_people)


RIGHTS: Mapping[Deed, Right] = {
    Deed.READ_REQUESTS: _right(Scope.READ, On.SEEN, *EVERYBODY),
    Deed.FILE: _right(Scope.FILE, On.OWN, *FILERS),
    Deed.KEEP_DRAFTS: _right(Scope.FILE, On.SELF, *FILERS),
    Deed.ACT: _right(Scope.ACT, On.OWN, *ACTORS),
    Deed.RECORD: _right(Scope.ACT, On.OWN, *FILERS),
    Deed.ATTACH: _right(Scope.ACT, On.OWN, *FILERS, *CMO_ROLES),
    Deed.WITHDRAW_LINKS: _right(Scope.ACT, On.OWN, *FILERS),
    Deed.READ_RECORDS: _right(Scope.READ, On.SEEN, *STAFF),
    Deed.READ_STATUS: _right(Scope.READ, On.INSTALLATION, *STAFF),
    Deed.CREATE_CMOS: _right(Scope.ADMIN, On.INSTALLATION, _ADMIN, for_people=True),
    Deed.CHANGE_CMOS: _right(Scope.ADMIN, On.OWN, _ADMIN, _LEAD, for_people=True),
    Deed.NAME_LEADS: _right(Scope.ADMIN, On.OWN, _ADMIN, _HEAD, for_people=True),
    Deed.KEEP_SITES: _right(Scope.ADMIN, On.OWN, _ADMIN, _LEAD, for_people=True),
    Deed.KEEP_CONTACTS: _right(Scope.ADMIN, On.OWN, _ADMIN, _LEAD, for_people=True),
    Deed.CREATE_PROJECTS: _right(Scope.ADMIN, On.OWN, _ADMIN, _LEAD, for_people=True),
    Deed.CHANGE_PROJECTS: _right(Scope.ADMIN, On.OWN, _ADMIN, _LEAD, for_people=True),
    Deed.STAFF_PROJECTS: _right(Scope.ADMIN, On.OWN, _ADMIN, _HEAD, _LEAD, for_people=True),
    Deed.KEEP_PEOPLE: _right(Scope.ADMIN, On.OWN, _ADMIN, for_people=True),
    Deed.SCOPE_AUDITORS: _right(Scope.ADMIN, On.OWN, _ADMIN, _HEAD, _QUALITY, for_people=True),
    Deed.KEEP_CALENDARS: _right(Scope.ADMIN, On.OWN, _ADMIN, for_people=True),
    Deed.KEEP_POLICIES: _right(Scope.ADMIN, On.OWN, _ADMIN, for_people=True),
    Deed.APPLY_TERMS: _right(Scope.ADMIN, On.OWN, _ADMIN, for_people=True),
    Deed.IMPORT_DIRECTORY: _right(Scope.ADMIN, On.INSTALLATION, _ADMIN, for_people=True),
    Deed.ANNOUNCE_SHUTDOWNS: _right(Scope.ACT, On.OWN, _PM, _LEAD, _ADMIN),
    Deed.DECIDE_SHUTDOWNS: _right(Scope.ACT, On.OWN, _LEAD),
    Deed.READ_DEAD_LETTERS: _right(Scope.READ, On.SEEN, *FILERS, _ADMIN),
    Deed.KEEP_DEAD_LETTERS: _right(Scope.ACT, On.OWN, *FILERS, _ADMIN),
    Deed.SWITCH_OUTGOING: _right(Scope.ADMIN, On.INSTALLATION, _ADMIN),
    Deed.MAKE_OWN_KEYS: _right(None, On.SELF, *STAFF, for_people=True),
    Deed.KEEP_KEYS: _right(Scope.ADMIN, On.INSTALLATION, _ADMIN, for_people=True),
    Deed.READ_DOCUMENT: _right(None, On.INSTALLATION, *EVERYBODY),
}


# Where people of either side come as far as the record: they see requests, and are told why they get no key.
_OF_BOTH_SIDES = frozenset(deed for deed, right in RIGHTS.items() if right.roles & CMO_ROLES) | {
    Deed.RECORD, Deed.WITHDRAW_LINKS, Deed.MAKE_OWN_KEYS,
}  # fmt: skip


def admit(by: Caller, deed: Deed) -> None:
    """Ask what needs no record: the key's scope and the caller's side. Raises Forbidden.

    For what is done to a record. Whether they may see it comes next, and then their roles (`allow_on`): so what they
    may not see is not found, whatever they may do.
    """
    scope = RIGHTS[deed].scope
    if scope is not None:
        by.needs(scope)
    if by.is_cmo and deed not in _OF_BOTH_SIDES:
        raise Forbidden(f"Only the sponsor's people {deed}.")


def allow(by: Caller, deed: Deed) -> Actor:
    """The caller in the role in which they may do this somewhere. Raises Forbidden."""
    admit(by, deed)
    right = RIGHTS[deed]
    if right.for_people and by.person_id is None:
        raise Forbidden(f"A service account may not {deed}; that is for people.")
    if not by.roles & right.roles or (by.is_cmo and not CMO_ROLES & right.roles):
        raise Forbidden(f"Your roles do not allow you to {deed}; that is for {_named(right.roles)}.")
    return by.as_actor(right.roles)


def is_allowed(by: Caller, deed: Deed) -> bool:
    """Whether `allow` would let them; for what a page offers."""
    try:
        allow(by, deed)
    except Forbidden:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Owners:
    """The people of the sponsor whose record something is; those who back them up count as they do."""

    manager_ids: frozenset[UUID] = frozenset()
    lead_ids: frozenset[UUID] = frozenset()


def allow_on(by: Caller, deed: Deed, owners: Owners) -> Actor:
    """The same for one record, which they are known to see; in the role that counts there. Raises Forbidden."""
    allow(by, deed)
    roles = roles_on(by, owners) & RIGHTS[deed].roles
    if not roles:
        raise Forbidden(f"You may not {deed} here: this is neither your project nor a CMO that you lead.")
    return by.as_actor(roles)


def is_allowed_on(by: Caller, deed: Deed, owners: Owners) -> bool:
    """Whether `allow_on` would let them; for what a page offers."""
    try:
        allow_on(by, deed, owners)
    except Forbidden:
        return False
    return True


def roles_on(by: Caller, owners: Owners) -> frozenset[Role]:
    """The caller's roles that count on a record of these owners, which they are known to see.

    People of a CMO see only what is theirs. A service account owns nothing, and reaches all it sees.
    """
    if by.person_id is None or by.is_cmo:
        return by.roles
    foreign = set()
    if by.person_id not in owners.manager_ids:
        foreign.add(Role.PROJECT_MANAGER)
    if by.person_id not in owners.lead_ids:
        foreign.add(Role.LEAD)
    return by.roles - foreign


def as_held(by: Caller, roles: frozenset[Role]) -> Caller:
    """The caller with only those roles that count here."""
    return replace(by, roles=roles)


def owners_of(session: Session, request: CmoRequest) -> Owners:
    """Who answers for a request on the sponsor's side: its project's manager, the leads of project and CMO."""
    project = held_by_id(session, Project, [request.project_id])[request.project_id]
    return owners_at(session, project, held_by_id(session, Organization, [request.cmo_id])[request.cmo_id])


def owners_at(session: Session, project: Project, cmo: Organization) -> Owners:
    """The same for the project's requests to one CMO."""
    return _with_backups(session, [project.pm_id], [project.lead_id, cmo.lead_id])


def owners_of_project(session: Session, project: Project) -> Owners:
    """Its manager, its lead and the leads of all its CMOs."""
    leads = select(Organization.lead_id).join(ProjectCmo, ProjectCmo.organization_id == Organization.id)
    of_cmos = session.scalars(leads.where(ProjectCmo.project_id == project.id)).all()
    return _with_backups(session, [project.pm_id], [project.lead_id, *of_cmos])


def owners_of_cmo(session: Session, cmo_id: UUID) -> Owners:
    """The CMO's lead, and the managers of the active projects it works on."""
    managers = (
        select(Project.pm_id)
        .join(ProjectCmo, ProjectCmo.project_id == Project.id)
        .where(ProjectCmo.organization_id == cmo_id, Project.status == Standing.ACTIVE)
    )
    cmo = session.get_one(Organization, cmo_id)
    return _with_backups(session, session.scalars(managers).all(), [cmo.lead_id])


def owners(pm_id: UUID, leads: Iterable[UUID | None], backups: Mapping[UUID, UUID | None]) -> Owners:
    """The owners where all is at hand; `backups` by the person they stand in for."""
    return Owners(_and_backups([pm_id], backups), _and_backups(leads, backups))


def backed_up(session: Session, people: Sequence[UUID | None]) -> frozenset[UUID]:
    """These people and those who back them up."""
    return _and_backups(people, _backups(session, people))


def _with_backups(session: Session, managers: Sequence[UUID | None], leads: Sequence[UUID | None]) -> Owners:
    backups = _backups(session, [*managers, *leads])
    return Owners(_and_backups(managers, backups), _and_backups(leads, backups))


def _backups(session: Session, people: Iterable[UUID | None]) -> Mapping[UUID, UUID | None]:
    found = select(Person.id, Person.backup_id).where(Person.id.in_(set(people) - {None}))
    return dict(session.execute(found).all())


def _and_backups(people: Iterable[UUID | None], backups: Mapping[UUID, UUID | None]) -> frozenset[UUID]:
    named = [person for person in people if person is not None]
    return frozenset(person for person in [*named, *map(backups.get, named)] if person is not None)


def _named(roles: Iterable[Role]) -> str:
    return ", ".join(role.value.replace("_", " ") for role in Role if role in set(roles))
