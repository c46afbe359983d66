"""Filing a request and acting on it. Every act, from API, page or form, is one call to `act`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
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
from slamon.db.statements import locked_request, next_number
from slamon.domain.lifecycle import (
    FILERS,
    LIFE_CYCLE,
    Action,
    RequestType,
    State,
    corrects_receipt,
    is_repeat,
    possible_actions,
)
from slamon.domain.terms import Terms
from slamon.domain.timeline import CMO_ROLES, GENESIS, Actor, Fact, FactKind, Role, Timeline, Via, stamp
from slamon.errors import ActionNotAllowed, Forbidden, Invalid, NotFound, StaleVersion
from slamon.services.access import Caller, Owners, Scope, roles_on
from slamon.services.notices import Directory, fact_rows, queue
from slamon.services.policies import Wanted, freeze, load_terms, resolve
from slamon.services.settle import Case, settle

PREFIX = {RequestType.SHIPMENT: "SHP", RequestType.DATA: "DAT", RequestType.INQUIRY: "INQ"}
RECORDED_VIA = frozenset({Via.PHONE_RECORDED, Via.EMAIL_RECORDED})


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
class Payload:
    """What an act says. `on_behalf_of` names the contact whose call or mail a member of staff writes down."""

    text: str | None = None
    reason: str | None = None
    expected_on: date | None = None
    occurred_at: datetime | None = None
    on_behalf_of: UUID | None = None
    via: Via = Via.API
    evidence: str | None = None


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


def act(
    session: Session,
    request_id: UUID,
    action: Action,
    *,
    by: Caller,
    payload: Payload,
    now: datetime,
    real_now: datetime,
    expected_version: int | None = None,
) -> CmoRequest:
    """Let somebody act on a request: append the fact, move the state, settle clocks and messages.

    Saying again what the timeline already holds is harmless and changes nothing. Raises NotFound (also for what the
    caller may not see), Forbidden, ActionNotAllowed, StaleVersion, and Invalid for a missing text or a wrong time.
    """
    by.needs(Scope.ACT)
    request = locked_request(session, request_id)
    if request is None:
        raise NotFound("request", request_id)
    roles = roles_on(by, request, owners_of(session, request))
    if by.is_cmo and not roles:
        raise NotFound("request", request_id)
    if expected_version is not None and expected_version != request.version:
        raise StaleVersion(request.version)
    timeline = load_timelines(session, [request.id])[request.id]
    actor, recorder, via = _who_acts(session, request, action, by, roles, payload)
    at = stamp(now)
    occurred_at = _occurrence(payload, request, at)
    content = _content(payload)
    reason = payload.reason.strip() if payload.reason else None
    rule = LIFE_CYCLE[RequestType(request.type)].get((State(request.state), action))
    if rule is None and not corrects_receipt(timeline, action, occurred_at):
        if is_repeat(timeline, action, actor, content, reason):
            return request
        possible = possible_actions(RequestType(request.type), State(request.state), {actor.role})
        raise ActionNotAllowed(action, request.state, possible)
    _refuse_empty(rule.needs if rule else None, payload)
    _refuse_past(payload.expected_on, occurred_at)
    fact = Fact(
        sequence=request.fact_count + 1,
        kind=action.fact,
        occurred_at=occurred_at,
        recorded_at=at,
        by=actor,
        recorded_by=recorder,
        via=via,
        reason=reason,
        content=content,
    )
    append(session, request, fact)
    if rule is not None:
        request.state = rule.to.value
    if action is Action.REJECT:
        request.reopen_count += 1
    if payload.expected_on is not None:
        request.expected_on = payload.expected_on
    directory = Directory(session, [request])
    case = Case(request, load_terms(session, [request.terms_digest])[request.terms_digest], timeline.with_fact(fact))
    settle(session, [case], directory, now=now, real_now=real_now)
    queue(session, fact_rows(request, fact, directory, now=now, real_now=real_now))
    session.flush()
    return request


def append(session: Session, request: CmoRequest, fact: Fact) -> None:
    """Add a fact to a locked request's chain."""
    request.head_digest = fact.digest(str(request.id), request.head_digest)
    request.fact_count = fact.sequence
    request.version += 1
    session.execute(insert(FactRow), [fact_values(request.id, fact, request.head_digest)])


def load_timelines(session: Session, ids: list[UUID]) -> dict[UUID, Timeline]:
    facts: dict[UUID, list[Fact]] = {request_id: [] for request_id in ids}
    for row in session.scalars(select(FactRow).where(FactRow.request_id.in_(ids))):
        facts[row.request_id].append(fact_of(row))
    return {request_id: Timeline(found) for request_id, found in facts.items()}


def fact_of(row: FactRow) -> Fact:
    return Fact(
        sequence=row.sequence,
        kind=FactKind(row.kind),
        occurred_at=row.occurred_at,
        recorded_at=row.recorded_at,
        by=Actor(row.by_id, row.by_name, Role(row.by_role)),
        recorded_by=Actor(row.recorded_by_id, row.recorded_by_name, Role(row.recorded_by_role)),
        via=Via(row.via),
        reason=row.reason,
        content=row.content,
    )


def fact_values(request_id: UUID, fact: Fact, digest: str) -> dict[str, Any]:
    return {
        "request_id": request_id,
        "sequence": fact.sequence,
        "kind": fact.kind.value,
        "occurred_at": fact.occurred_at,
        "recorded_at": fact.recorded_at,
        "by_id": fact.by.id,
        "by_name": fact.by.name,
        "by_role": fact.by.role.value,
        "recorded_by_id": fact.recorded_by.id,
        "recorded_by_name": fact.recorded_by.name,
        "recorded_by_role": fact.recorded_by.role.value,
        "via": fact.via.value,
        "reason": fact.reason,
        "content": dict(fact.content),
        "digest": digest,
    }


def owners_of(session: Session, request: CmoRequest) -> Owners:
    """Who answers for a request on the sponsor's side; those who back them up count as they do."""
    project = session.get_one(Project, request.project_id)
    cmo = session.get_one(Organization, request.cmo_id)
    named = {person_id for person_id in (project.pm_id, project.lead_id, cmo.lead_id) if person_id is not None}
    backups = dict(session.execute(select(Person.id, Person.backup_id).where(Person.id.in_(named))).all())

    def with_backup(*people: UUID | None) -> frozenset[UUID]:
        both = [*people, *(backups.get(person) for person in people if person)]
        return frozenset(person for person in both if person is not None)

    return Owners(with_backup(project.pm_id), with_backup(project.lead_id, cmo.lead_id))


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


def _content(payload: Payload) -> dict[str, Any]:
    said = {
        "text": payload.text.strip() if payload.text else None,
        "expected_on": payload.expected_on.isoformat() if payload.expected_on else None,
        "evidence": payload.evidence.strip() if payload.evidence else None,
    }
    return {name: value for name, value in said.items() if value is not None}


def _who_acts(
    session: Session,
    request: CmoRequest,
    action: Action,
    by: Caller,
    roles: frozenset[Role],
    payload: Payload,
) -> tuple[Actor, Actor, Via]:
    """The one who acted, the one who wrote it down, and how it came."""
    wanted = frozenset().union(*(r.who for (_, a), r in LIFE_CYCLE[RequestType(request.type)].items() if a is action))
    if payload.on_behalf_of is None:
        if not roles & wanted:
            raise Forbidden(f"'{action}' is for {_named(wanted)} of this request.")
        actor = Caller(by.id, by.name, roles).as_actor(wanted)
        return actor, actor, payload.via
    if not roles & FILERS:
        raise Forbidden("Only the project's manager, lead or quality may record a call or mail.")
    if not wanted & CMO_ROLES:
        raise Invalid("on_behalf_of", f"'{action}' is the sponsor's own act; it cannot be recorded for the CMO")
    if payload.via not in RECORDED_VIA:
        raise Invalid("via", "say how it came: phone_recorded or email_recorded")
    if not (payload.evidence or "").strip():
        raise Invalid("evidence", "say who called or wrote, and what was said")
    person = session.get(Person, payload.on_behalf_of)
    if person is None or person.organization_id != request.cmo_id:
        raise Invalid("on_behalf_of", f"no contact {payload.on_behalf_of} at this CMO")
    role = Role.CMO_CONTACT if Role.CMO_CONTACT.value in person.roles else Role.CMO_LEAD
    recorder = Caller(by.id, by.name, roles).as_actor(FILERS)
    return Actor(str(person.id), person.name, role), recorder, payload.via


def _occurrence(payload: Payload, request: CmoRequest, at: datetime) -> datetime:
    if payload.occurred_at is None:
        return at
    if payload.on_behalf_of is None:
        raise Invalid("occurred_at", "only a recorded call or mail has a time of its own; leave it out")
    if payload.occurred_at.tzinfo is None:
        raise Invalid("occurred_at", "needs an offset, for example 2026-03-01T09:30:00+01:00")
    occurred_at = stamp(payload.occurred_at)
    if not request.filed_at <= occurred_at <= at:
        raise Invalid("occurred_at", "must lie between the filing and now")
    return occurred_at


def _refuse_empty(needed: str | None, payload: Payload) -> None:
    if needed is not None and not (getattr(payload, needed) or "").strip():
        raise Invalid(needed, "must not be empty")


def _refuse_past(expected_on: date | None, occurred_at: datetime) -> None:
    """A date is past once it is over everywhere on earth, whichever zone it was meant in."""
    if expected_on is not None and expected_on < (occurred_at - timedelta(hours=12)).date():
        raise Invalid("expected_on", "lies in the past")


def _named(roles: frozenset[Role]) -> str:
    return ", ".join(sorted(role.value.replace("_", " ") for role in roles))
