"""Whom a filing concerns: project, site, CMO and contact, read in one statement and refused where they do not fit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, and_, bindparam, exists, literal, select
from sqlalchemy.orm import Session, aliased

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
from slamon.services.access.callers import Caller
from slamon.services.access.rights import Deed, Owners, allow_on, owners
from slamon.services.access.visibility import is_seen
from slamon.services.policies.calendars import closed_on, days_of
from slamon.services.policies.policies import CALENDAR_COLUMNS


@dataclass(frozen=True, slots=True)
class Contact:
    id: UUID
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class FilingContext:
    """Found, active and fit for each other. `calendar` is the site's, plain; None where it never closes.

    `filer` is who files, in the role that lets them.
    """

    project_id: UUID
    project_code: str
    site_id: UUID
    site_name: str
    time_zone: str
    calendar: Mapping[str, Any] | None
    cmo_id: UUID
    cmo_name: str
    contact: Contact
    owners: Owners
    filer: Actor


# Built once, and run without the ORM: putting a statement together and filling records takes longer than reading.
_GIVEN = select(literal(1)).subquery()  # one row, whatever is found beside it
_PM, _LEAD, _CMO_LEAD = aliased(Person), aliased(Person), aliased(Person)
_SERVED = PersonSite.person_id == Person.id
_WITH_CONTACTS = (
    select(
        Project.id.label("project_id"), Project.code, Project.status.label("project_status"), Project.restricted,
        ProjectCmo.project_id.label("works_on"),
        Site.id.label("site_id"), Site.name.label("site_name"), Site.status.label("site_status"), Site.time_zone,
        *(getattr(Calendar, column) for column in CALENDAR_COLUMNS),
        Shutdown.first_day, Shutdown.last_day, Shutdown.name.label("shutdown"),
        Organization.id.label("cmo_id"), Organization.name.label("cmo_name"), Organization.kind,
        Organization.status.label("cmo_status"),
        Project.pm_id, _PM.backup_id.label("pm_backup_id"),
        Project.lead_id, _LEAD.backup_id.label("lead_backup_id"),
        Organization.lead_id.label("cmo_lead_id"), _CMO_LEAD.backup_id.label("cmo_lead_backup_id"),
        Person.id, Person.name, Person.email, Person.roles,
        exists().where(_SERVED).label("has_sites"),
        exists().where(_SERVED, PersonSite.site_id == bindparam("site")).label("has_this_site"),
    )
    .select_from(
        _GIVEN.outerjoin(Project, Project.id == bindparam("project"))
        .outerjoin(Site, Site.id == bindparam("site"))
        .outerjoin(Organization, Organization.id == Site.organization_id)
        .outerjoin(Calendar, Calendar.id == Site.calendar_id)
        .outerjoin(
            Shutdown,
            and_(
                Shutdown.site_id == Site.id,
                Shutdown.status == ShutdownStatus.AGREED,
                Shutdown.last_day >= bindparam("yesterday"),
            ),
        )
        .outerjoin(
            ProjectCmo, and_(ProjectCmo.project_id == Project.id, ProjectCmo.organization_id == Organization.id)
        )
        .outerjoin(_PM, _PM.id == Project.pm_id)
        .outerjoin(_LEAD, _LEAD.id == Project.lead_id)
        .outerjoin(_CMO_LEAD, _CMO_LEAD.id == Organization.lead_id)
        .outerjoin(
            Person, and_(Person.organization_id == Organization.id, Person.status != PersonStatus.DISABLED)
        )
    )
    .order_by(Person.id)
)  # fmt: skip
_Found = Row[*tuple[Any, ...]]


def filing_context(
    session: Session, *, project_id: UUID, site_id: UUID, contact_id: UUID | None, by: Caller, at: datetime
) -> FilingContext:
    """Raises Invalid where one is not there, not active, not for `by` to see, or does not belong to the others;
    Forbidden where they may not file for this project and CMO.

    Without a `contact_id` the site's own contact is chosen, else one of the whole CMO's. The calendar is closed on
    the days of shutdowns that were agreed before `at` and are not over.
    """
    # The day before, in UTC, is as early as today can be anywhere.
    given = {"project": project_id, "site": site_id, "yesterday": at.date() - timedelta(days=1)}
    rows = session.connection().execute(_WITH_CONTACTS, given).all()
    found = rows[0]
    is_hidden = found.restricted and not is_seen(session, Project, project_id, by=by)
    if found.project_status != Standing.ACTIVE or is_hidden:
        raise Invalid("project_id", f"no active project {project_id}")
    backups = {
        found.pm_id: found.pm_backup_id,
        found.lead_id: found.lead_backup_id,
        found.cmo_lead_id: found.cmo_lead_backup_id,
    }
    whose = owners(found.pm_id, (found.lead_id, found.cmo_lead_id), backups)
    filer = allow_on(by, Deed.FILE, whose)
    if found.site_status != Standing.ACTIVE:
        raise Invalid("site_id", f"no active site {site_id}")
    if found.kind != OrganizationKind.CMO or found.cmo_status != Standing.ACTIVE:
        raise Invalid("site_id", f"{found.site_name} does not belong to an active CMO")
    if found.works_on is None:
        told = f"{found.cmo_name} does not work on project {found.code}; add it to the project's cmo_ids first"
        raise Invalid("site_id", told)
    return FilingContext(
        project_id=found.project_id,
        project_code=found.code,
        site_id=found.site_id,
        site_name=found.site_name,
        time_zone=found.time_zone,
        calendar=_calendar(rows) if found.weekly else None,
        cmo_id=found.cmo_id,
        cmo_name=found.cmo_name,
        contact=_contact([row for row in rows if row.id], found, contact_id),
        owners=whose,
        filer=filer,
    )


def _calendar(rows: Sequence[_Found]) -> Mapping[str, Any]:
    calendar = {column: getattr(rows[0], column) for column in CALENDAR_COLUMNS}
    shutdowns = sorted({(row.first_day, row.last_day, row.shutdown) for row in rows if row.shutdown})
    return closed_on(calendar, {day: name for shutdown in shutdowns for day, name in days_of(*shutdown).items()})


def _contact(people: Sequence[_Found], found: _Found, contact_id: UUID | None) -> Contact:
    if contact_id is not None:
        fit = [p for p in people if p.id == contact_id and _serves(p)]
        if not fit:
            raise Invalid("contact_id", f"no active contact {contact_id} at {found.site_name}")
    else:
        contacts = [p for p in people if set(p.roles) & CMO_ROLES]
        fit = [p for p in contacts if p.has_this_site] or [p for p in contacts if _serves(p)]
        if not fit:
            raise Invalid("contact_id", f"{found.site_name} has no active contact; add one first")
    chosen = next((p for p in fit if Role.CMO_CONTACT.value in p.roles), fit[0])
    return Contact(chosen.id, chosen.name, chosen.email)


def _serves(person: _Found) -> bool:
    """`Person.serves`, for somebody of the site's CMO."""
    is_theirs = person.has_this_site or not person.has_sites or Role.CMO_LEAD.value in person.roles
    return is_theirs and bool(CMO_ROLES.intersection(person.roles))
