"""Filing a request: the parties checked, the terms frozen, the first fact, the clocks and the notice to the contact."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from slamon.db.base import new_id
from slamon.db.parties import (
    Organization,
    OrganizationKind,
    Person,
    PersonStatus,
    Project,
    ProjectCmo,
    Site,
    Standing,
)
from slamon.db.requests import CmoRequest, FactRow, Priority
from slamon.db.statements import next_number
from slamon.domain.lifecycle import (
    FILERS,
    RequestType,
    State,
)
from slamon.domain.terms import Terms
from slamon.domain.timeline import CMO_ROLES, GENESIS, Fact, FactKind, Role, Timeline, Via, stamp
from slamon.errors import Forbidden, Invalid
from slamon.services.access import Caller, Scope
from slamon.services.notices import Directory, fact_rows, queue
from slamon.services.policies import Wanted, freeze, resolve
from slamon.services.settle import Case, settle
from slamon.services.timelines import fact_values

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


def log_request(
    session: Session, filing: Filing, *, by: Caller, via: Via = Via.API, now: datetime, real_now: datetime
) -> CmoRequest:
    """File a request: freeze its terms, start its clocks, queue the notice to the CMO's contact.

    `now` is business time. Raises NotFound or Invalid for parties that do not fit, Forbidden, and Conflict where no
    policy applies.
    """
    by.needs(Scope.FILE)
    actor = by.as_actor(FILERS)
    project, site, cmo, contact = _parties(session, filing, by)
    at = stamp(now)
    wanted = Wanted(filing.type, filing.kind, filing.priority, cmo.id, site.id, project.id)
    terms = freeze(session, resolve(session, wanted, at), site, at)
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
    request = CmoRequest(
        id=request_id,
        number=f"{PREFIX[filing.type]}-{at.year}-{next_number(session, filing.type.value, at.year):06d}",
        type=filing.type.value,
        project_id=project.id,
        cmo_id=cmo.id,
        site_id=site.id,
        contact_id=contact.id,
        filed_by_id=by.person_id,
        priority=filing.priority.value,
        subject=filing.subject,
        description=filing.description,
        gxp=filing.gxp,
        due_on=filing.due_on,
        cmo_reference=filing.cmo_reference,
        detail=dict(filing.detail),
        state=State.FILED.value,
        filed_at=at,
        reopen_count=0,
        version=1,
        terms_digest=terms.digest,
        fact_count=1,
        head_digest=filed.digest(str(request_id), GENESIS),
        created_at=at,
        created_by=actor.id,
    )
    session.add(request)
    session.flush()
    session.execute(insert(FactRow), [fact_values(request.id, filed, request.head_digest)])
    directory = Directory(session, [request])
    case = Case(request, terms, Timeline([filed]))
    settle(session, [case], directory, now=now, real_now=real_now)
    queue(session, fact_rows(request, filed, directory, now=now, real_now=real_now))
    session.flush()
    return request


def _parties(session: Session, filing: Filing, by: Caller) -> tuple[Project, Site, Organization, Person]:
    project = session.get(Project, filing.project_id)
    if project is None or project.status != Standing.ACTIVE:
        raise Invalid("project_id", f"no active project {filing.project_id}")
    only_manages = Role.PROJECT_MANAGER in by.roles and not by.roles & {Role.LEAD, Role.QUALITY}
    if only_manages and by.person_id not in (None, project.pm_id):
        raise Forbidden(f"Project {project.code} has another project manager; only they or a lead may file for it.")
    site = session.get(Site, filing.site_id)
    if site is None or site.status != Standing.ACTIVE:
        raise Invalid("site_id", f"no active site {filing.site_id}")
    cmo = session.get_one(Organization, site.organization_id)
    if cmo.kind != OrganizationKind.CMO or cmo.status != Standing.ACTIVE:
        raise Invalid("site_id", f"{site.name} does not belong to an active CMO")
    if session.get(ProjectCmo, (project.id, cmo.id)) is None:
        raise Invalid(
            "site_id", f"{cmo.name} does not work on project {project.code}; add it to the project's cmo_ids first"
        )
    return project, site, cmo, _contact(session, filing, site)


def _contact(session: Session, filing: Filing, site: Site) -> Person:
    at_site = select(Person).where(
        Person.organization_id == site.organization_id, Person.status != PersonStatus.DISABLED
    )
    if filing.contact_id is not None:
        person = session.scalars(at_site.where(Person.id == filing.contact_id)).one_or_none()
        if person is None or person.site_id not in (None, site.id):
            raise Invalid("contact_id", f"no active contact {filing.contact_id} at {site.name}")
        return person
    people = [p for p in session.scalars(at_site.order_by(Person.id)) if set(p.roles) & CMO_ROLES]
    here = [p for p in people if p.site_id == site.id] or [p for p in people if p.site_id is None]
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
