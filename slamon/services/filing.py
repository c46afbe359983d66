"""Filing a request: the parties checked, the terms frozen, the first fact, the clocks and the notice to the contact."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, bindparam, insert, literal, or_, select
from sqlalchemy.orm import Session

from slamon.channels import MessageKind
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
from slamon.services.notices import fact_row, queue
from slamon.services.policies import Wanted, freeze, resolve
from slamon.services.settle import at_filing
from slamon.services.timelines import fact_values, named_owners, owners

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
    """Whom a filing concerns, found and fit for it. `calendar` is the site's; None for one that never closes."""

    project: Project
    site: Site
    cmo: Organization
    calendar: Calendar | None
    contact: Person
    owners: Owners


@dataclass(frozen=True, slots=True)
class Filed:
    """A request just filed, and what else is known of it. The record belongs to no session."""

    request: CmoRequest
    parties: Parties
    clocks: list[dict[str, Any]]


# Built once: putting a statement together takes longer than running it.
_GIVEN = select(literal(1)).subquery()  # one row, whatever is found beside it
_PARTIES = select(Project, Site, Organization, Calendar, ProjectCmo.project_id).select_from(
    _GIVEN.outerjoin(Project, Project.id == bindparam("project"))
    .outerjoin(Site, Site.id == bindparam("site"))
    .outerjoin(Organization, Organization.id == Site.organization_id)
    .outerjoin(Calendar, Calendar.id == Site.calendar_id)
    .outerjoin(
        ProjectCmo, and_(ProjectCmo.project_id == Project.id, ProjectCmo.organization_id == Site.organization_id)
    )
)
_PEOPLE = (
    select(Person)
    .where(or_(Person.organization_id == bindparam("cmo"), Person.id.in_(bindparam("owners", expanding=True))))
    .order_by(Person.id)
)


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
    project, site, cmo, contact = parties.project, parties.site, parties.cmo, parties.contact
    at = stamp(now)
    wanted = Wanted(filing.type, filing.kind, filing.priority, cmo.id, site.id, project.id)
    terms = freeze(session, resolve(session, wanted, at), site.time_zone, parties.calendar, at)
    filed = Fact(
        sequence=1,
        kind=FactKind.FILED,
        occurred_at=at,
        recorded_at=at,
        by=actor,
        recorded_by=actor,
        via=via,
        content=_filed_content(filing, contact, terms),
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
        "project_id": project.id,
        "cmo_id": cmo.id,
        "site_id": site.id,
        "contact_id": contact.id,
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
    queue(session, [fact_row(request, filed, MessageKind.FILED, contact, now=now, real_now=real_now)])
    return Filed(request, parties, clocks)


def _parties(session: Session, filing: Filing, by: Caller) -> Parties:
    given = {"project": filing.project_id, "site": filing.site_id}
    project, site, cmo, calendar, works_on = session.execute(_PARTIES, given).one()
    if project is None or project.status != Standing.ACTIVE:
        raise Invalid("project_id", f"no active project {filing.project_id}")
    only_manages = Role.PROJECT_MANAGER in by.roles and not by.roles & {Role.LEAD, Role.QUALITY}
    if only_manages and by.person_id not in (None, project.pm_id):
        raise Forbidden(f"Project {project.code} has another project manager; only they or a lead may file for it.")
    if site is None or site.status != Standing.ACTIVE:
        raise Invalid("site_id", f"no active site {filing.site_id}")
    if cmo.kind != OrganizationKind.CMO or cmo.status != Standing.ACTIVE:
        raise Invalid("site_id", f"{site.name} does not belong to an active CMO")
    if works_on is None:
        raise Invalid(
            "site_id", f"{cmo.name} does not work on project {project.code}; add it to the project's cmo_ids first"
        )
    people = session.scalars(_PEOPLE, {"cmo": cmo.id, "owners": sorted(named_owners(project, cmo))}).all()
    backups = {person.id: person.backup_id for person in people}
    contact = _contact(filing, site, [person for person in people if person.organization_id == cmo.id])
    return Parties(project, site, cmo, calendar, contact, owners(project, cmo, backups))


def _contact(filing: Filing, site: Site, people: Sequence[Person]) -> Person:
    """The one named, else the site's own contact, else one of the CMO's; `people` are the CMO's."""
    people = [person for person in people if person.status != PersonStatus.DISABLED]
    if filing.contact_id is not None:
        named = next((person for person in people if person.id == filing.contact_id), None)
        if named is None or named.site_id not in (None, site.id):
            raise Invalid("contact_id", f"no active contact {filing.contact_id} at {site.name}")
        return named
    contacts = [person for person in people if set(person.roles) & CMO_ROLES]
    here = [p for p in contacts if p.site_id == site.id] or [p for p in contacts if p.site_id is None]
    if not here:
        raise Invalid("contact_id", f"{site.name} has no active contact; add one first")
    return next((p for p in here if Role.CMO_CONTACT.value in p.roles), here[0])


def _filed_content(filing: Filing, contact: Person, terms: Terms) -> dict[str, Any]:
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
