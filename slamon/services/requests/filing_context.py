"""Whom a filing concerns: project, site, CMO and contact, refused where they do not fit.

They, the policy lines over them, and whose API key it is are read in one statement.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from sqlalchemy import Connection, Row, and_, bindparam, exists, literal, select, true
from sqlalchemy.orm import Session, aliased

from slamon.db.json_lists import json_list, json_lists
from slamon.db.parties import (
    Calendar,
    Organization,
    OrganizationKind,
    Person,
    PersonSite,
    PersonStatus,
    Project,
    ProjectCmo,
    Site,
    Standing,
)
from slamon.db.shutdowns import Shutdown, ShutdownStatus
from slamon.domain.timeline import CMO_ROLES, Actor, Role
from slamon.errors import Invalid
from slamon.services.access.callers import KEY_FOUND, Caller, KeyFound, calling
from slamon.services.access.rights import Deed, Owners, allow_on, owners
from slamon.services.access.visibility import is_seen
from slamon.services.policies.calendars import closed_on, days_of
from slamon.services.policies.policies import (
    CALENDAR_COLUMNS,
    AsksForSomething,
    PolicyLine,
    SiteCalendar,
    lines_at_site,
    lines_in,
)


class Asked(AsksForSomething, Protocol):
    """Whom and what a filing names."""

    @property
    def contact_id(self) -> UUID | None: ...


@dataclass(frozen=True, slots=True)
class Contact:
    id: UUID
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Parties:
    """Found, active and fit for each other. `calendar` is the site's; None where it never closes.

    `filer` is who files, in the role that lets them.
    """

    project_id: UUID
    project_code: str
    site_id: UUID
    site_name: str
    time_zone: str
    calendar: SiteCalendar | None
    cmo_id: UUID
    cmo_name: str
    contact: Contact
    owners: Owners
    filer: Actor


# Built once, and run without the ORM: putting a statement together and filling records takes longer than reading. What
# there may be many of comes as JSON, so that it is one row; without a contact of its own a site has the whole CMO's.
_GIVEN = select(literal(1)).subquery()  # one row, whatever is found beside it
_PM, _LEAD, _CMO_LEAD, _CONTACT = aliased(Person), aliased(Person), aliased(Person), aliased(Person)
_SERVED = PersonSite.person_id == _CONTACT.id
_CONTACTS = (
    select(
        json_lists(
            _CONTACT.id, _CONTACT.name, _CONTACT.email, _CONTACT.roles, exists().where(_SERVED),
            exists().where(_SERVED, PersonSite.site_id == bindparam("site")),
        )
    )
    .where(_CONTACT.organization_id == Organization.id, _CONTACT.status != PersonStatus.DISABLED)
    .correlate(Organization)
)  # fmt: skip
_SHUTDOWNS = (
    select(json_lists(Shutdown.first_day, Shutdown.last_day, Shutdown.name))
    .where(
        Shutdown.site_id == Site.id,
        Shutdown.status == ShutdownStatus.AGREED,
        Shutdown.last_day >= bindparam("yesterday"),
    )
    .correlate(Site)
)
_FOUND = (
    _GIVEN.outerjoin(Project, Project.id == bindparam("project"))
    .outerjoin(Site, Site.id == bindparam("site"))
    .outerjoin(Organization, Organization.id == Site.organization_id)
    .outerjoin(Calendar, Calendar.id == Site.calendar_id)
    .outerjoin(ProjectCmo, and_(ProjectCmo.project_id == Project.id, ProjectCmo.organization_id == Organization.id))
    .outerjoin(_PM, _PM.id == Project.pm_id)
    .outerjoin(_LEAD, _LEAD.id == Project.lead_id)
    .outerjoin(_CMO_LEAD, _CMO_LEAD.id == Organization.lead_id)
)
_CONTEXT = select(
    Project.id.label("project_id"), Project.code, Project.status.label("project_status"), Project.restricted,
    ProjectCmo.project_id.label("works_on"),
    Site.id.label("site_id"), Site.name.label("site_name"), Site.status.label("site_status"), Site.time_zone,
    Calendar.id.label("calendar_id"),
    json_list(*(getattr(Calendar, column) for column in CALENDAR_COLUMNS)).label("calendar"),
    Organization.id.label("cmo_id"), Organization.name.label("cmo_name"), Organization.kind,
    Organization.status.label("cmo_status"),
    Project.pm_id, _PM.backup_id.label("pm_backup_id"),
    Project.lead_id, _LEAD.backup_id.label("lead_backup_id"),
    Organization.lead_id.label("cmo_lead_id"), _CMO_LEAD.backup_id.label("cmo_lead_backup_id"),
    _CONTACTS.scalar_subquery().label("contacts"),
    _SHUTDOWNS.scalar_subquery().label("shutdowns"),
    lines_at_site().label("lines"),
)  # fmt: skip
_KEY = KEY_FOUND.subquery()
_OF_KNOWN = _CONTEXT.select_from(_FOUND)
_WITH_KEY = _CONTEXT.add_columns(*(_KEY.c[name].label(f"key_{name}") for name in KeyFound._fields)).select_from(
    _FOUND.outerjoin(_KEY, true())
)


@dataclass(frozen=True, slots=True)
class FilingContext:
    """What the database says of those a filing names and of the policy lines over them, at one instant; unjudged."""

    row: Row[*tuple[Any, ...]]

    @property
    def lines(self) -> Sequence[PolicyLine]:
        """The policy lines in force that may cover it, whatever its kind."""
        return lines_in(self.row.lines or "[]")

    def caller(self) -> Caller:
        """Who calls with the key that was asked for. Raises NotSignedIn."""
        return calling(KeyFound(*(getattr(self.row, f"key_{name}") for name in KeyFound._fields)))


def filing_context(reader: Connection, asked: Asked, at: datetime, *, key_digest: str | None = None) -> FilingContext:
    """Read all that filing `asked` depends on, in one statement; with `key_digest` also whose API key that is."""
    given = {
        "project": asked.project_id,
        "site": asked.site_id,
        "type": asked.type,
        "priority": asked.priority,
        "at": at,
        "yesterday": at.date() - timedelta(days=1),  # as early as today can be anywhere, in UTC
    }
    if key_digest is None:
        return FilingContext(reader.execute(_OF_KNOWN, given).one())
    return FilingContext(reader.execute(_WITH_KEY, {**given, "digest": key_digest}).one())


def find_parties(session: Session, asked: Asked, *, by: Caller, at: datetime) -> Parties:
    """Those a filing concerns; raises as `fit_parties`."""
    return fit_parties(session, filing_context(session.connection(), asked, at), asked, by=by)


def fit_parties(reader: Session | Connection, context: FilingContext, asked: Asked, *, by: Caller) -> Parties:
    """Raises Invalid where one is not there, not active, not for `by` to see, or does not belong to the others;
    Forbidden where they may not file for this project and CMO.

    Without a `contact_id` the site's own contact is chosen, else one of the whole CMO's. The calendar is closed on
    the days of shutdowns that were agreed before and are not over.
    """
    found = context.row
    is_hidden = found.restricted and not is_seen(reader, Project, asked.project_id, by=by)
    if found.project_status != Standing.ACTIVE or is_hidden:
        raise Invalid("project_id", f"no active project {asked.project_id}")
    backups = {
        found.pm_id: found.pm_backup_id,
        found.lead_id: found.lead_backup_id,
        found.cmo_lead_id: found.cmo_lead_backup_id,
    }
    whose = owners(found.pm_id, (found.lead_id, found.cmo_lead_id), backups)
    filer = allow_on(by, Deed.FILE, whose)
    if found.site_status != Standing.ACTIVE:
        raise Invalid("site_id", f"no active site {asked.site_id}")
    if found.kind != OrganizationKind.CMO or found.cmo_status != Standing.ACTIVE:
        raise Invalid("site_id", f"{found.site_name} does not belong to an active CMO")
    if found.works_on is None:
        told = f"{found.cmo_name} does not work on project {found.code}; add it to the project's cmo_ids first"
        raise Invalid("site_id", told)
    return Parties(
        project_id=found.project_id,
        project_code=found.code,
        site_id=found.site_id,
        site_name=found.site_name,
        time_zone=found.time_zone,
        calendar=_site_calendar(found.calendar, found.shutdowns or "[]") if found.calendar_id else None,
        cmo_id=found.cmo_id,
        cmo_name=found.cmo_name,
        contact=_contact([_Person(*each) for each in json.loads(found.contacts or "[]")], found.site_name, asked),
        owners=whose,
        filer=filer,
    )


@lru_cache(maxsize=256)
def _site_calendar(calendar: str, shutdowns: str) -> SiteCalendar:
    """From what `_CONTEXT` gave; the same object for the same text."""
    plain = dict(zip(CALENDAR_COLUMNS, json.loads(calendar), strict=True))
    closed: dict[date, str] = {}
    for first_day, last_day, name in sorted(json.loads(shutdowns)):
        closed |= days_of(date.fromisoformat(first_day), date.fromisoformat(last_day), name)
    return SiteCalendar(closed_on(plain, closed))


class _Person(NamedTuple):
    """Somebody of the site's CMO, as `_CONTACTS` has them."""

    id: str
    name: str
    email: str
    roles: Sequence[str]
    has_sites: bool
    has_this_site: bool

    @property
    def serves(self) -> bool:
        """`Person.serves`, for this site."""
        is_theirs = self.has_this_site or not self.has_sites or Role.CMO_LEAD.value in self.roles
        return is_theirs and bool(CMO_ROLES.intersection(self.roles))


def _contact(people: Sequence[_Person], site_name: str, asked: Asked) -> Contact:
    if asked.contact_id is not None:
        fit = [person for person in people if UUID(person.id) == asked.contact_id and person.serves]
        if not fit:
            raise Invalid("contact_id", f"no active contact {asked.contact_id} at {site_name}")
    else:
        contacts = sorted(person for person in people if CMO_ROLES.intersection(person.roles))
        fit = [person for person in contacts if person.has_this_site] or [p for p in contacts if p.serves]
        if not fit:
            raise Invalid("contact_id", f"{site_name} has no active contact; add one first")
    chosen = next((person for person in fit if Role.CMO_CONTACT.value in person.roles), fit[0])
    return Contact(UUID(chosen.id), chosen.name, chosen.email)
