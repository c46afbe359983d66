"""Filing a request: the parties checked, the terms frozen, the first fact, the clocks and the notice to the contact."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, and_, bindparam, insert, literal, or_, select
from sqlalchemy.orm import Session

from slamon.db.base import new_id
from slamon.db.parties import (
    Calendar,
    Organization,
    OrganizationKind,
    Person,
    PersonStatus,
    Project,
    ProjectCmo,
    Site,
    Standing,
)
from slamon.db.requests import ClockRow, CmoRequest, FactRow, Priority
from slamon.db.statements import next_number
from slamon.domain.lifecycle import FILERS, RequestType, State
from slamon.domain.terms import Terms
from slamon.domain.timeline import CMO_ROLES, GENESIS, Fact, FactKind, Role, Timeline, Via, stamp
from slamon.errors import Forbidden, Invalid
from slamon.services.access import Caller, Owners, Scope
from slamon.services.notices import filed_row, queue
from slamon.services.policies import CALENDAR_COLUMNS, Wanted, freeze, resolve
from slamon.services.settle import at_filing
from slamon.services.timelines import fact_values, owners

PREFIX = {RequestType.SHIPMENT: "SHP", RequestType.DATA: "DAT", RequestType.INQUIRY: "INQ"}


@dataclass(frozen=True, slots=True)
class Filing:
    """What a sponsor asks of a CMO's site. `detail` is the typed part, already checked at the border.

    `kind` is what policies may distinguish: the kind of data asked for, or the inquiry's category.
    """

    type: RequestType
    project_id: UUID
    site_id: UUID
    subject: str
    description: str = ""
    priority: Priority = Priority.ROUTINE
    contact_id: UUID | None = None
    kind: str | None = None
    gxp: bool = False
    due_on: date | None = None
    cmo_reference: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Parties:
    """Whom a filing concerns, found and fit for it. `calendar` is the site's, plain; None where it never closes."""

    project_id: UUID
    project_code: str
    site_id: UUID
    site_name: str
    time_zone: str
    calendar: Mapping[str, Any] | None
    cmo_id: UUID
    cmo_name: str
    contact: "Contact"
    owners: Owners


@dataclass(frozen=True, slots=True)
class Contact:
    id: UUID
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Filed:
    """A request just filed, and what else is known of it. The record belongs to no session."""

    request: CmoRequest
    parties: Parties
    clocks: list[dict[str, Any]]


# Built once, and run without the ORM: putting a statement together and filling records takes longer than reading.
_GIVEN = select(literal(1)).subquery()  # one row, whatever is found beside it
_PARTIES = select(
    Project.id.label("project_id"), Project.code, Project.status.label("project_status"), Project.pm_id,
    Project.lead_id.label("project_lead_id"), ProjectCmo.project_id.label("works_on"),
    Site.id.label("site_id"), Site.name.label("site_name"), Site.status.label("site_status"), Site.time_zone,
    Organization.id.label("cmo_id"), Organization.name.label("cmo_name"), Organization.kind,
    Organization.status.label("cmo_status"), Organization.lead_id.label("cmo_lead_id"),
    *(getattr(Calendar, column) for column in CALENDAR_COLUMNS),
).select_from(
    _GIVEN.outerjoin(Project, Project.id == bindparam("project"))
    .outerjoin(Site, Site.id == bindparam("site"))
    .outerjoin(Organization, Organization.id == Site.organization_id)
    .outerjoin(Calendar, Calendar.id == Site.calendar_id)
    .outerjoin(
        ProjectCmo, and_(ProjectCmo.project_id == Project.id, ProjectCmo.organization_id == Site.organization_id)
    )
)  # fmt: skip
_PEOPLE = (
    select(
        Person.id, Person.name, Person.email, Person.roles, Person.status,
        Person.organization_id, Person.site_id, Person.backup_id,
    )
    .where(or_(Person.organization_id == bindparam("cmo"), Person.id.in_(bindparam("owners", expanding=True))))
    .order_by(Person.id)
)  # fmt: skip


def log_request(
    session: Session, filing: Filing, *, by: Caller, via: Via = Via.API, now: datetime, real_now: datetime
) -> Filed:
    """File a request: freeze its terms, start its clocks, queue the notice to the CMO's contact.

    `now` is business time. Raises NotFound or Invalid for parties that do not fit, Forbidden, and Conflict where no
    policy applies.
    """
    by.needs(Scope.FILE)
    actor = by.as_actor(FILERS)
    parties = _parties(session, filing, by)
    at = stamp(now)
    wanted = Wanted(filing.type, filing.kind, filing.priority, parties.cmo_id, parties.site_id, parties.project_id)
    terms = freeze(session, resolve(session, wanted, at), parties.time_zone, parties.calendar, at)
    filed = Fact(
        sequence=1,
        kind=FactKind.FILED,
        occurred_at=at,
        recorded_at=at,
        by=actor,
        recorded_by=actor,
        via=via,
        content=_filed_content(filing, parties.contact, terms),
    )
    request_id = new_id()
    head_digest = filed.digest(str(request_id), GENESIS)
    evaluated, clocks = at_filing(request_id, terms, Timeline([filed]), now)
    # As late as can be: whoever files the same type waits for this number's transaction.
    number = f"{PREFIX[filing.type]}-{at.year}-{next_number(session, filing.type.value, at.year):06d}"
    values = {
        "id": request_id,
        "number": number,
        "type": filing.type.value,
        "project_id": parties.project_id,
        "cmo_id": parties.cmo_id,
        "site_id": parties.site_id,
        "contact_id": parties.contact.id,
        "filed_by_id": by.person_id,
        "priority": filing.priority.value,
        "subject": filing.subject,
        "description": filing.description,
        "gxp": filing.gxp,
        "due_on": filing.due_on,
        "cmo_reference": filing.cmo_reference,
        "detail": dict(filing.detail),
        "state": State.FILED.value,
        "filed_at": at,
        "reopen_count": 0,
        "version": 1,
        "terms_digest": terms.digest,
        "fact_count": 1,
        "head_digest": head_digest,
        "created_at": at,
        "created_by": actor.id,
        **evaluated,
    }
    request = CmoRequest(**values)
    connection = session.connection()
    connection.execute(insert(CmoRequest), values)
    connection.execute(insert(FactRow), fact_values(request_id, filed, head_digest))
    connection.execute(insert(ClockRow), clocks)
    queue(session, [filed_row(request, parties.contact.id, parties.contact.email, now=now, real_now=real_now)])
    return Filed(request, parties, clocks)


def _parties(session: Session, filing: Filing, by: Caller) -> Parties:
    connection = session.connection()
    found = connection.execute(_PARTIES, {"project": filing.project_id, "site": filing.site_id}).one()
    _refuse_unfit(found, filing, by)
    leads = (found.project_lead_id, found.cmo_lead_id)
    named = {"cmo": found.cmo_id, "owners": [found.pm_id, *(lead for lead in leads if lead)]}
    people = connection.execute(_PEOPLE, named).all()
    contact = _contact(filing, found, [person for person in people if person.organization_id == found.cmo_id])
    return Parties(
        project_id=found.project_id,
        project_code=found.code,
        site_id=found.site_id,
        site_name=found.site_name,
        time_zone=found.time_zone,
        calendar={column: getattr(found, column) for column in CALENDAR_COLUMNS} if found.weekly else None,
        cmo_id=found.cmo_id,
        cmo_name=found.cmo_name,
        contact=contact,
        owners=owners(found.pm_id, leads, {person.id: person.backup_id for person in people}),
    )


def _refuse_unfit(found: Row[*tuple[Any, ...]], filing: Filing, by: Caller) -> None:
    """Raise Invalid or Forbidden where project, site and CMO are not there, not active or do not belong together."""
    if found.project_status != Standing.ACTIVE:
        raise Invalid("project_id", f"no active project {filing.project_id}")
    only_manages = Role.PROJECT_MANAGER in by.roles and not by.roles & {Role.LEAD, Role.QUALITY}
    if only_manages and by.person_id not in (None, found.pm_id):
        raise Forbidden(f"Project {found.code} has another project manager; only they or a lead may file for it.")
    if found.site_status != Standing.ACTIVE:
        raise Invalid("site_id", f"no active site {filing.site_id}")
    if found.kind != OrganizationKind.CMO or found.cmo_status != Standing.ACTIVE:
        raise Invalid("site_id", f"{found.site_name} does not belong to an active CMO")
    if found.works_on is None:
        raise Invalid(
            "site_id",
            f"{found.cmo_name} does not work on project {found.code}; add it to the project's cmo_ids first",
        )


def _contact(filing: Filing, found: Row[*tuple[Any, ...]], people: Sequence[Row[*tuple[Any, ...]]]) -> Contact:
    """The one named, else the site's own contact, else one of the CMO's; `people` are the CMO's."""
    able = [person for person in people if person.status != PersonStatus.DISABLED]
    if filing.contact_id is not None:
        here = [p for p in able if p.id == filing.contact_id and p.site_id in (None, found.site_id)]
        if not here:
            raise Invalid("contact_id", f"no active contact {filing.contact_id} at {found.site_name}")
    else:
        contacts = [person for person in able if set(person.roles) & CMO_ROLES]
        here = [p for p in contacts if p.site_id == found.site_id] or [p for p in contacts if p.site_id is None]
        if not here:
            raise Invalid("contact_id", f"{found.site_name} has no active contact; add one first")
    chosen = next((p for p in here if Role.CMO_CONTACT.value in p.roles), here[0])
    return Contact(chosen.id, chosen.name, chosen.email)


def _filed_content(filing: Filing, contact: Contact, terms: Terms) -> dict[str, Any]:
    return {
        "type": filing.type.value,
        "subject": filing.subject,
        "description": filing.description,
        "priority": filing.priority.value,
        "gxp": filing.gxp,
        "due_on": filing.due_on.isoformat() if filing.due_on else None,
        "cmo_reference": filing.cmo_reference,
        "contact": {"id": str(contact.id), "name": contact.name},
        "detail": dict(filing.detail),
        "terms": terms.digest,
    }
