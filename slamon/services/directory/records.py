"""The records administrators keep: organizations, sites, people, projects, calendars, policies; each change audited."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import singledispatch
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import delete, inspect, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from slamon.addresses import parse_address
from slamon.config import Settings
from slamon.countries import is_country
from slamon.db.base import Base, NamedOnce, Stamped
from slamon.db.parties import (
    AuditedCmo,
    AuditedProject,
    Calendar,
    Organization,
    OrganizationKind,
    Person,
    PersonSite,
    PersonStatus,
    Project,
    ProjectCmo,
    Site,
)
from slamon.db.policies import Policy
from slamon.domain.calendar import WorkingCalendar
from slamon.domain.normal_form import is_blank
from slamon.domain.timeline import CMO_ROLES, Actor, Role
from slamon.domain.zones import is_zone
from slamon.errors import AlreadyExists, Conflict, Invalid, NotFound
from slamon.names import refuse_no_name
from slamon.public_holidays import refuse_unnamed_region
from slamon.services.access import address_changes
from slamon.services.audit.trail import record
from slamon.services.directory.duties import unfit_as_backup
from slamon.services.directory.holdings import refuse_while_holding
from slamon.services.outbox.addresses import Addresses, address_kinds, keep_address
from slamon.services.policies import reachability
from slamon.services.policies.lines import (
    former_line,
    refuse_faulty,
    refuse_tie,
    refuse_unknown_channels,
    start_of_change,
)
from slamon.services.transaction import Tx

Named = TypeVar("Named", Organization, Site, Person)
Kept = TypeVar("Kept", Organization, Site, Person, Project, Calendar, Policy)

# Never shown, and never written into the trail.
SECRETS = frozenset({"password_hash", "email_key", "access_generation", "name_key", "name_rank"})


def create(tx: Tx, kept: type[Kept], values: Mapping[str, Any], *, by: Actor, reason: str | None = None) -> Kept:
    """Add a record. Raises Invalid naming the field, AlreadyExists, or Conflict for a policy tie."""
    plain, links, addresses = _parted(tx, kept, values)
    if kept is Policy:
        refuse_unknown_channels(plain["ladder"], tx.rules.channels)
    row = kept(**plain, created_at=tx.business_now, created_by=by.id)
    _check(row, tx)
    _refuse_taken(tx.session, row)
    _flush(tx.session, row)
    _set_links(tx.session, row, links)
    _set_addresses(tx.session, row, addresses)
    if isinstance(row, Policy):
        refuse_tie(tx.session, row)
    if kept in reachability.DECIDING:
        reachability.refuse_unreachable(row, tx, tx.business_now)
    record(
        tx, by=by, action="create", entity=kept.__tablename__, entity_id=row.id, new=fields_of(tx, row), reason=reason
    )
    return row


def change(
    tx: Tx,
    kept: type[Kept],
    record_id: UUID,
    values: Mapping[str, Any],
    *,
    by: Actor,
    reason: str,
    expected_version: int | None = None,
) -> Kept:
    """Change some fields of a record, saying why; the trail keeps what they were.

    What follows from a changed address or a disabled account stands in `address_changes`. Open requests keep their
    terms. A policy line in force that decides otherwise from now on leaves what it said until then as a line of its
    own. Raises NotFound, StaleVersion, StillHolds, and whatever `create` raises.
    """
    if is_blank(reason):
        raise Invalid("reason", "say why; the trail keeps it")
    of_contact = address_changes.locked_requests(tx.session, record_id) if kept is Person and "email" in values else []
    row = find(tx.session, kept, record_id, lock=True)
    row.refuse_stale(expected_version)
    old = fields_of(tx, row)
    plain, links, addresses = _parted(tx, kept, values)
    was_admin = isinstance(row, Person) and _administers(row)
    former, was = None, address_changes.reached(tx, row) if isinstance(row, Person) else None
    if isinstance(row, Policy) and "ladder" in plain:
        refuse_unknown_channels(plain["ladder"], tx.rules.channels, row.ladder)
    if isinstance(row, Policy) and (since := start_of_change(row, plain, tx)):
        former, plain["effective_from"] = former_line(row, since, by_id=by.id, now=tx.business_now), since
    with tx.session.no_autoflush:
        for name, value in plain.items():
            setattr(row, name, value)
        _check(row, tx)
        _refuse_taken(tx.session, row)
    if isinstance(row, Person) and was is not None:
        address_changes.end_secrets(row, was)
    _flush(tx.session, row)
    _set_links(tx.session, row, links)
    _set_addresses(tx.session, row, addresses)
    if was_admin and isinstance(row, Person) and not _administers(row):
        _refuse_last_administrator(tx.session, row)
    if isinstance(row, Person) and row.status == PersonStatus.DISABLED != old["status"]:
        refuse_while_holding(tx, row)
    if former is not None:
        _flush(tx.session, former)
    if isinstance(row, Policy):
        refuse_tie(tx.session, row)
    new = fields_of(tx, row)
    changed = [name for name in new if old.get(name) != new[name]]
    if not set(reachability.DECIDING.get(kept, ())).isdisjoint(changed):
        reachability.refuse_unreachable(row, tx, tx.business_now)
    if former is not None:
        record(
            tx,
            by=by,
            action="set_aside",
            entity=kept.__tablename__,
            entity_id=former.id,
            new=fields_of(tx, former),
            reason=reason,
        )
    if changed:
        row.version += 1
        _flush(tx.session, row)
        done: dict[str, Any] = {}
        if isinstance(row, Person) and was is not None:
            done = address_changes.follow(tx, row, was, of_contact, by=by)
        record(
            tx,
            by=by,
            action="change",
            entity=kept.__tablename__,
            entity_id=row.id,
            old={name: old.get(name) for name in changed},
            new={name: new[name] for name in changed} | done,
            reason=reason,
        )
    return row


def find(session: Session, kept: type[Kept], record_id: UUID, *, lock: bool = False) -> Kept:
    row = session.get(kept, record_id, with_for_update=lock or None, populate_existing=lock)
    if row is None:
        raise NotFound(kept.__tablename__, record_id)
    return row


def fields_of(tx: Tx, row: Stamped) -> dict[str, Any]:
    """The record as JSON can hold it, without secrets."""
    columns = inspect(type(row)).column_attrs.keys()
    kept = {name: _plain(getattr(row, name)) for name in columns if name not in SECRETS}
    for name, link in LINKS.items():
        if isinstance(row, link.of):
            kept[name] = [str(other_id) for other_id in links_of(tx.session, name, [row.id])[row.id]]
    if isinstance(row, Person | Organization):
        kept |= Addresses.of(tx.session, [row.id]).fields(row, tx.rules.channels)
    return kept


@dataclass(frozen=True, slots=True)
class Link:
    """A field of `of` that names many records of another table; each is a row of the `table` between the two."""

    of: type[Stamped]
    table: type[Base]
    own: str
    other: str
    to: type[Stamped]


LINKS: Mapping[str, Link] = {
    "cmo_ids": Link(Project, ProjectCmo, "project_id", "organization_id", Organization),
    "site_ids": Link(Person, PersonSite, "person_id", "site_id", Site),
    "reads_cmo_ids": Link(Person, AuditedCmo, "person_id", "organization_id", Organization),
    "reads_project_ids": Link(Person, AuditedProject, "person_id", "project_id", Project),
}


_LINKED = {"cmo_ids": "CMO", "reads_cmo_ids": "CMO", "reads_project_ids": "project", "site_ids": "site of theirs:"}


def links_of(session: Session, name: str, ids: Sequence[UUID]) -> dict[UUID, list[UUID]]:
    """What a field of `LINKS` names for each of many records."""
    link, found = LINKS[name], {record_id: list[UUID]() for record_id in ids}
    own, other = (getattr(link.table, column) for column in (link.own, link.other))
    for record_id, other_id in session.execute(select(own, other).where(own.in_(ids)).order_by(other)):
        found[record_id].append(other_id)
    return found


SPONSOR = select(Organization).where(Organization.kind == OrganizationKind.SPONSOR).limit(1)


def the_sponsor(session: Session) -> Organization:
    """The one sponsor this installation serves."""
    return session.scalars(SPONSOR).one()


def sponsor_name(session: Session, settings: Settings) -> str:
    """What CMOs know the sponsor as: the setting, else what `slamon setup` was told."""
    named = select(Organization.name).where(Organization.kind == OrganizationKind.SPONSOR).limit(1)
    return settings.sponsor_name or session.scalar(named) or "Sponsor"


def _parted(
    tx: Tx, kept: type[Base], values: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Sequence[UUID]], dict[str, str | None]]:
    """The columns, the fields that name records of other tables, and the addresses by channel.

    Raises Invalid for an address that cannot be one.
    """
    kinds = address_kinds(kept, tx.rules.channels)
    links = {name: ids for name, ids in values.items() if name in LINKS and ids is not None}
    addresses = {
        channel: None if (address := values[kind.field]) is None else kind.checked(address)
        for channel, kind in kinds.items()
        if kind.field in values
    }
    apart = {*LINKS, *(kind.field for kind in kinds.values())}
    return {name: value for name, value in values.items() if name not in apart}, links, addresses


def _set_addresses(session: Session, row: Stamped, addresses: Mapping[str, str | None]) -> None:
    if isinstance(row, Person | Organization):
        for channel, address in addresses.items():
            keep_address(session, row, channel, address)


def _set_links(session: Session, row: Stamped, links: Mapping[str, Sequence[UUID]]) -> None:
    for name, ids in links.items():
        link = LINKS[name]
        if ids and link.table in (AuditedCmo, AuditedProject) and Role.AUDITOR.value not in getattr(row, "roles", ()):
            raise Invalid(name, "is for auditors alone; everybody else reads what their roles allow")
        for other_id in ids:
            _refuse_unfit_link(name, row, session.get(link.to, other_id), other_id)
        session.execute(delete(link.table).where(getattr(link.table, link.own) == row.id))
        session.add_all(link.table(**{link.own: row.id, link.other: each}) for each in dict.fromkeys(ids))
        session.flush()
    if isinstance(row, Person):
        session.refresh(row, ["_sites"])
        _refuse_backup_elsewhere(session, row)


def _refuse_unfit_link(name: str, row: Stamped, other: Stamped | None, other_id: UUID) -> None:
    """Raise Invalid where a field names a record that is not there, of another kind, or of another organization."""
    is_no_cmo = isinstance(other, Organization) and other.kind != OrganizationKind.CMO
    is_foreign = isinstance(other, Site) and isinstance(row, Person) and other.organization_id != row.organization_id
    if other is None or is_no_cmo or is_foreign:
        raise Invalid(name, f"no {_LINKED[name]} {other_id}")


def _administers(person: Person) -> bool:
    return Role.ADMIN.value in person.roles and person.status != PersonStatus.DISABLED


def _refuse_last_administrator(session: Session, person: Person) -> None:
    """Raise Conflict where nobody would be left who can administer.

    Two administrators who disable each other at the same time wait for each other here, so one of them stays.
    """
    session.flush()
    organization = select(Organization.id).where(Organization.id == person.organization_id)
    session.execute(organization.with_for_update(key_share=True))
    others = select(Person).where(Person.organization_id == person.organization_id, Person.id != person.id)
    if not any(map(_administers, session.scalars(others.execution_options(populate_existing=True)))):
        raise Conflict(f"{person.name} is the last administrator; make somebody else one first.")


def _refuse_no_name(row: Named) -> None:
    if inspect(row).attrs.name.history.has_changes():
        refuse_no_name("name", row.name)


def _refuse_backup_elsewhere(session: Session, person: Person) -> None:
    """Whoever backs a contact up must serve the same sites. To be asked once these are stored."""
    backup = session.get(Person, person.backup_id) if person.backup_id else None
    if backup is not None and person.status != PersonStatus.DISABLED and not _serves_all_of(backup, person):
        raise Invalid("backup_id", f"{backup.name} does not serve all these sites, and could not open their requests")
    backed_up = select(Person).where(Person.backup_id == person.id, Person.status != PersonStatus.DISABLED)
    for other in session.scalars(backed_up.order_by(Person.id)):
        if not _serves_all_of(person, other):
            raise Invalid("site_ids", f"must hold all sites of {other.name}, whose backup this is; name another first")


def _serves_all_of(backup: Person, person: Person) -> bool:
    """Whether the backup can open every request of the person; no sites means all of them."""
    if not person.site_ids:
        return backup.serves_every_site
    return all(backup.serves(person.organization_id, site_id) for site_id in person.site_ids)


@singledispatch
def _check(row: Base, tx: Tx) -> None:
    """Rules a record must keep that its types cannot say; one function for each kind of record."""
    raise TypeError(f"{type(row).__name__} in {tx}")


@_check.register
def _(row: Organization, tx: Tx) -> None:
    _refuse_no_name(row)
    if row.lead_id is not None and _is_new(row, "lead_id"):
        _must_hold(tx.session, "lead_id", row.lead_id, Role.LEAD)


@_check.register
def _(row: Site, tx: Tx) -> None:
    _refuse_no_name(row)
    _refuse_unknown_zone(row.time_zone)
    if not is_country(row.country):
        raise Invalid("country", f"'{row.country}' is not an ISO 3166-1 alpha-2 code such as DE")
    cmo = tx.session.get(Organization, row.organization_id)
    if cmo is None:
        raise Invalid("organization_id", f"no organization {row.organization_id}")
    if row.calendar_id is not None:
        calendar = tx.session.get(Calendar, row.calendar_id)
        if calendar is None:
            raise Invalid("calendar_id", f"no calendar {row.calendar_id}")


@_check.register
def _(row: Person, tx: Tx) -> None:
    if is_blank(row.name):
        raise Invalid("name", "must hold something to be seen")
    row.time_zone = row.time_zone or "UTC"
    _refuse_unknown_zone(row.time_zone)
    _refuse_no_name(row)
    address = parse_address(row.email)
    row.email, row.email_key = address.text, address.key
    organization = tx.session.get(Organization, row.organization_id)
    if organization is None:
        raise Invalid("organization_id", f"no organization {row.organization_id}")
    roles = {Role(role) for role in row.roles}
    if not roles:
        raise Invalid("roles", "name at least one")
    is_cmo = organization.kind == OrganizationKind.CMO
    if Role.SYSTEM in roles or (roles - CMO_ROLES - {Role.AUDITOR} if is_cmo else roles & CMO_ROLES):
        raise Invalid("roles", f"people of a {organization.kind} cannot hold {', '.join(sorted(roles))}")
    if Role.ADMIN in roles and len(roles) > 1:
        raise Invalid("roles", "an administrator takes no part in the business; give the person a second account")
    if row.backup_id is not None:
        backup = tx.session.get(Person, row.backup_id)
        if backup is None or backup.organization_id != organization.id or backup.id == row.id:
            raise Invalid("backup_id", f"must be somebody else at {organization.name}")
        _refuse_unfit_backup(row, backup)


def _refuse_unfit_backup(row: Person, backup: Person) -> None:
    """A backup can do what they will be asked to; somebody who is disabled is not asked for anything any more."""
    if row.status == PersonStatus.DISABLED or not _is_new(row, "backup_id", "roles", "status"):
        return
    if not backup.is_enabled:
        raise Invalid("backup_id", f"the account of {backup.name} is disabled; name somebody else")
    if lacking := unfit_as_backup(backup, row.roles):
        roles = " or ".join(sorted(lacking))
        told = f"{backup.name} would be asked for what needs the role {roles}; name somebody who holds it"
        raise Invalid("backup_id", told)


@_check.register
def _(row: Project, tx: Tx) -> None:
    if _is_new(row, "pm_id"):
        _must_hold(tx.session, "pm_id", row.pm_id, Role.PROJECT_MANAGER)
    if row.lead_id is not None and _is_new(row, "lead_id"):
        _must_hold(tx.session, "lead_id", row.lead_id, Role.LEAD)


@_check.register
def _(row: Calendar, tx: Tx) -> None:
    del tx
    row.opening_days = row.opening_days or []
    closed = [day["date"] for day in row.closed_days]
    openings = {day["date"]: day["hours"] for day in row.opening_days}
    if len(openings) < len(row.opening_days):
        raise Invalid("opening_days", "the same date stands twice; give it all its hours in one place")
    plain = {"tz": "UTC", "weekly": row.weekly["hours"], "holidays": closed, "openings": openings}
    WorkingCalendar.from_json(plain)
    if row.subdivision and not row.country:
        raise Invalid("country", "is needed with a subdivision")
    if row.country and any(inspect(row).attrs[name].history.has_changes() for name in ("country", "subdivision")):
        refuse_unnamed_region(row.country, row.subdivision)


@_check.register
def _(row: Policy, tx: Tx) -> None:
    refuse_faulty(tx, row)
    if row.owner_id is not None and inspect(row).attrs.owner_id.history.has_changes():
        _must_hold(tx.session, "owner_id", row.owner_id, Role.ADMIN)


def _must_hold(session: Session, field: str, person_id: UUID, role: Role) -> None:
    person = session.get(Person, person_id)
    if person is None or role.value not in person.roles or person.status == PersonStatus.DISABLED:
        told = f"must be an active person with the role {role.value}; name another, or give them the role first"
        raise Invalid(field, told)


def _is_new(row: Base, *fields: str) -> bool:
    """Whether one of the fields was just set: who was named long ago is judged when they are told."""
    return any(inspect(row).attrs[field].history.has_changes() for field in fields)


def _refuse_unknown_zone(name: str) -> None:
    if not is_zone(name):
        raise Invalid("time_zone", f"'{name}' is not an IANA time zone such as Europe/Berlin")


def _refuse_taken(session: Session, row: Stamped) -> None:
    """Raise AlreadyExists for a new name that looks like one there is, whatever its case, spaces or hidden letters.

    Raises Invalid for a name of which nothing is to be seen.
    """
    if not isinstance(row, NamedOnce) or not inspect(row).attrs.name_key.history.has_changes():
        return
    kept: Any = type(row)
    if not row.name_key:
        raise Invalid(kept.NAMED_BY, "must hold something to be seen")
    same = select(getattr(kept, kept.NAMED_BY)).where(kept.name_key == row.name_key, kept.id != row.id)
    if isinstance(row, Site):
        same = same.where(Site.organization_id == row.organization_id)
    with session.no_autoflush:
        taken = session.scalars(same.limit(1)).first()
    if taken is not None:
        raise AlreadyExists(f"{kept.NAMED_BY}: somebody or something else has this already: '{taken}'.")


def _flush(session: Session, row: Stamped) -> None:
    """Write now, so that a name already taken is told kindly."""
    try:
        with session.begin_nested():
            session.add(row)
            session.flush()
    except IntegrityError as error:
        words = str(error.orig).casefold()
        if "unique" in words:
            named = row.NAMED_BY if isinstance(row, NamedOnce) else "name"
            taken = "email" if "email" in words else named
            raise AlreadyExists(f"{taken}: somebody or something else has this already.") from error
        raise


def _plain(value: Any) -> Any:
    if isinstance(value, date):  # an instant is one as well
        return value.isoformat()
    return str(value) if isinstance(value, UUID | Decimal) else value
