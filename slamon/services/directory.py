"""The records administrators keep: organizations, sites, people, projects, calendars, policies; each change audited."""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache, singledispatch
from importlib.resources import files
from typing import Any, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import delete, inspect, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from slamon.db.base import Base, NamedOnce, Stamped
from slamon.db.parties import (
    Calendar,
    Organization,
    OrganizationKind,
    Person,
    PersonStatus,
    Project,
    ProjectCmo,
    Site,
)
from slamon.db.policies import Policy
from slamon.domain.calendar import WorkingCalendar
from slamon.domain.normal_form import invisible_in, is_blank
from slamon.domain.timeline import CMO_ROLES, Actor, Role
from slamon.errors import AlreadyExists, Invalid, NotFound, StaleVersion
from slamon.services.audit import record
from slamon.services.policies import public_holidays
from slamon.services.policy_lines import former_line, refuse_faulty, refuse_tie, start_of_change

Kept = TypeVar("Kept", Organization, Site, Person, Project, Calendar, Policy)

# Never shown, and never written into the trail.
SECRETS = frozenset({"password_hash", "email_key", "name_key", "name_rank", "failed_sign_ins", "locked_until"})


def create(
    session: Session,
    kept: type[Kept],
    values: Mapping[str, Any],
    *,
    by: Actor,
    now: datetime,
    reason: str | None = None,
) -> Kept:
    """Add a record. Raises Invalid naming the field, AlreadyExists, or Conflict for a policy tie."""
    plain = dict(values)
    cmo_ids = plain.pop("cmo_ids", None)
    row = kept(**plain, created_at=now, created_by=by.id)
    _check(row, session)
    _refuse_taken(session, row)
    _flush(session, row)
    if isinstance(row, Project):
        _set_cmos(session, row, cmo_ids or [])
    if isinstance(row, Policy):
        refuse_tie(session, row)
    record(
        session, by=by, action="create", entity=kept.__tablename__, entity_id=row.id, now=now,
        new=fields_of(session, row), reason=reason,
    )  # fmt: skip
    return row


def change(
    session: Session,
    kept: type[Kept],
    record_id: UUID,
    values: Mapping[str, Any],
    *,
    by: Actor,
    now: datetime,
    reason: str,
    expected_version: int | None = None,
) -> Kept:
    """Change some fields of a record, saying why; the trail keeps what they were.

    Raises NotFound, StaleVersion, and whatever `create` raises. Open requests keep the terms they were filed under. A
    policy line that was in force and decides otherwise from now on leaves what it said until then as a line of its own.
    """
    if is_blank(reason):
        raise Invalid("reason", "say why; the trail keeps it")
    row = find(session, kept, record_id, lock=True)
    if expected_version is not None and expected_version != row.version:
        raise StaleVersion(row.version)
    old = fields_of(session, row)
    plain = dict(values)
    cmo_ids = plain.pop("cmo_ids", None)
    former = None
    if isinstance(row, Policy) and (since := start_of_change(row, plain, now)):
        former, plain["effective_from"] = former_line(row, since, by_id=by.id, now=now), since
    with session.no_autoflush:
        for name, value in plain.items():
            setattr(row, name, value)
        _check(row, session)
        _refuse_taken(session, row)
    _flush(session, row)
    if isinstance(row, Project) and cmo_ids is not None:
        _set_cmos(session, row, cmo_ids)
    if former is not None:
        _flush(session, former)
    if isinstance(row, Policy):
        refuse_tie(session, row)
    new = fields_of(session, row)
    changed = [name for name in new if old.get(name) != new[name]]
    if former is not None:
        record(
            session, by=by, action="set_aside", entity=kept.__tablename__, entity_id=former.id, now=now,
            new=fields_of(session, former), reason=reason,
        )  # fmt: skip
    if changed:
        row.version += 1
        _flush(session, row)
        record(
            session, by=by, action="change", entity=kept.__tablename__, entity_id=row.id, now=now,
            old={name: old.get(name) for name in changed}, new={name: new[name] for name in changed}, reason=reason,
        )  # fmt: skip
    return row


def find(session: Session, kept: type[Kept], record_id: UUID, *, lock: bool = False) -> Kept:
    row = session.get(kept, record_id, with_for_update=lock or None, populate_existing=lock)
    if row is None:
        raise NotFound(kept.__tablename__, record_id)
    return row


def fields_of(session: Session, row: Stamped) -> dict[str, Any]:
    """The record as JSON can hold it, without secrets."""
    columns = inspect(type(row)).column_attrs.keys()
    kept = {name: _plain(getattr(row, name)) for name in columns if name not in SECRETS}
    if isinstance(row, Project):
        kept["cmo_ids"] = [str(cmo_id) for cmo_id in cmos_of(session, row.id)]
    return kept


def cmos_of(session: Session, project_id: UUID) -> list[UUID]:
    statement = select(ProjectCmo.organization_id).where(ProjectCmo.project_id == project_id)
    return list(session.scalars(statement.order_by(ProjectCmo.organization_id)))


def the_sponsor(session: Session) -> Organization:
    """The one sponsor this installation serves."""
    statement = select(Organization).where(Organization.kind == OrganizationKind.SPONSOR).limit(1)
    return session.scalars(statement).one()


def _set_cmos(session: Session, project: Project, cmo_ids: list[UUID]) -> None:
    for cmo_id in cmo_ids:
        cmo = session.get(Organization, cmo_id)
        if cmo is None or cmo.kind != OrganizationKind.CMO:
            raise Invalid("cmo_ids", f"no CMO {cmo_id}")
    session.execute(delete(ProjectCmo).where(ProjectCmo.project_id == project.id))
    session.add_all(ProjectCmo(project_id=project.id, organization_id=cmo_id) for cmo_id in dict.fromkeys(cmo_ids))
    session.flush()


@singledispatch
def _check(row: Base, session: Session) -> None:
    """Rules a record must keep that its types cannot say; one function for each kind of record."""
    raise TypeError(f"{type(row).__name__} in {session}")


@_check.register
def _(row: Organization, session: Session) -> None:
    if row.lead_id is not None:
        _must_hold(session, "lead_id", row.lead_id, Role.LEAD)


@_check.register
def _(row: Site, session: Session) -> None:
    _refuse_unknown_zone(row.time_zone)
    _refuse_unknown_country(row.country)
    cmo = session.get(Organization, row.organization_id)
    if cmo is None:
        raise Invalid("organization_id", f"no organization {row.organization_id}")
    if row.calendar_id is not None:
        calendar = session.get(Calendar, row.calendar_id)
        if calendar is None:
            raise Invalid("calendar_id", f"no calendar {row.calendar_id}")


@_check.register
def _(row: Person, session: Session) -> None:
    if is_blank(row.name):
        raise Invalid("name", "must hold something to be seen")
    row.time_zone = row.time_zone or "UTC"
    _refuse_unknown_zone(row.time_zone)
    row.email_key = row.email.strip().casefold()
    organization = session.get(Organization, row.organization_id)
    if organization is None:
        raise Invalid("organization_id", f"no organization {row.organization_id}")
    roles = {Role(role) for role in row.roles}
    if not roles:
        raise Invalid("roles", "name at least one")
    is_cmo = organization.kind == OrganizationKind.CMO
    if Role.SYSTEM in roles or (roles - CMO_ROLES if is_cmo else roles & CMO_ROLES):
        raise Invalid("roles", f"people of a {organization.kind} cannot hold {', '.join(sorted(roles))}")
    if Role.ADMIN in roles and len(roles) > 1:
        raise Invalid("roles", "an administrator takes no part in the business; give the person a second account")
    site = session.get(Site, row.site_id) if row.site_id else None
    if row.site_id is not None and (site is None or site.organization_id != organization.id):
        raise Invalid("site_id", f"no site {row.site_id} at {organization.name}")
    if row.backup_id is not None:
        backup = session.get(Person, row.backup_id)
        if backup is None or backup.organization_id != organization.id or backup.id == row.id:
            raise Invalid("backup_id", f"must be somebody else at {organization.name}")
        if row.site_id is not None and not backup.serves(organization.id, row.site_id):
            raise Invalid("backup_id", f"{backup.name} serves another site, and could not open these requests")
    _refuse_readdressed(row)


@_check.register
def _(row: Project, session: Session) -> None:
    _must_hold(session, "pm_id", row.pm_id, Role.PROJECT_MANAGER)
    if row.lead_id is not None:
        _must_hold(session, "lead_id", row.lead_id, Role.LEAD)


@_check.register
def _(row: Calendar, session: Session) -> None:
    del session
    row.opening_days = row.opening_days or []
    closed = [day["date"] for day in row.closed_days]
    openings = {day["date"]: day["hours"] for day in row.opening_days}
    if len(openings) < len(row.opening_days):
        raise Invalid("opening_days", "the same date stands twice; give it all its hours in one place")
    plain = {"tz": "UTC", "weekly": row.weekly["hours"], "holidays": closed, "openings": openings}
    WorkingCalendar.from_json(plain)
    if row.subdivision and not row.country:
        raise Invalid("country", "is needed with a subdivision")
    if row.country:
        public_holidays(row.country, row.subdivision, (2026,))


@_check.register
def _(row: Policy, session: Session) -> None:
    refuse_faulty(session, row)


def _must_hold(session: Session, field: str, person_id: UUID, role: Role) -> None:
    person = session.get(Person, person_id)
    if person is None or role.value not in person.roles or person.status == PersonStatus.DISABLED:
        raise Invalid(field, f"must be an active person with the role {role.value}")


def _refuse_unknown_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Invalid("time_zone", f"'{name}' is not an IANA time zone such as Europe/Berlin") from None


def _refuse_unknown_country(code: str) -> None:
    if code not in _countries():
        raise Invalid("country", f"'{code}' is not an ISO 3166-1 alpha-2 code such as DE")


@lru_cache(maxsize=1)
def _countries() -> frozenset[str]:
    """The codes in the tz database's own copy of ISO 3166-1."""
    lines = (files("tzdata") / "zoneinfo" / "iso3166.tab").read_text("utf-8").splitlines()
    return frozenset(line.split("\t")[0] for line in lines if line and not line.startswith("#"))


_EMAIL = re.compile(r"[^@\s\x00-\x1f<>\",;:\\]+@[^@\s\x00-\x1f<>\",;:\\]+")


def _refuse_readdressed(row: Person) -> None:
    if not _EMAIL.fullmatch(row.email.strip()):
        raise Invalid("email", f"'{row.email}' is not an e-mail address")
    if hidden := invisible_in(row.email):
        raise Invalid("email", f"holds a character that cannot be seen ({hidden}); remove it")


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


_PLAIN: dict[type, Callable[[Any], Any]] = {
    UUID: str,
    datetime: lambda moment: moment.isoformat(),
    date: lambda day: day.isoformat(),
    Decimal: str,
}


def _plain(value: Any) -> Any:
    return _PLAIN.get(type(value), lambda same: same)(value)
