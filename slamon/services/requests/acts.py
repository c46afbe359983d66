"""Acting on a request. Every act, from API, page or form, is one call to `act`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from slamon.db.database import note
from slamon.db.parties import Person
from slamon.db.requests import CmoRequest
from slamon.db.statements import locked_request
from slamon.domain.lifecycle import (
    TAKES,
    Action,
    RequestTypeDefinition,
    Rule,
    State,
    is_repeat,
    possible_actions,
    rule_for,
    stage_of,
    state_after,
)
from slamon.domain.normal_form import is_blank, visible
from slamon.domain.timeline import CMO_ROLES, Actor, Fact, FactKind, Role, Timeline, Via, stamp
from slamon.domain.validation import Contradiction, refuse_past_promise, ships_later, validate_and_complete
from slamon.errors import ActionNotAllowed, Forbidden, Invalid, NotFound, StaleVersion
from slamon.services.access.callers import Caller
from slamon.services.access.rights import RIGHTS, Deed, admit, as_held, owners_of, roles_on
from slamon.services.access.visibility import sees
from slamon.services.audit.timelines import append
from slamon.services.deadlines.loading import load_request
from slamon.services.deadlines.policy_changes import under_priority
from slamon.services.deadlines.reconcile import reconcile
from slamon.services.directory.notifications import fact_rows
from slamon.services.directory.recipients import Recipients
from slamon.services.outbox.outbox import queue
from slamon.services.outbox.threads import silence_repeats, taken_rows
from slamon.services.requests.amendments import apply_amendment, as_amendment
from slamon.services.requests.attachments import named_in_act
from slamon.services.requests.reassigning import reassign
from slamon.services.transaction import Tx

_MOMENT = timedelta(minutes=1)
RECORDED_VIA = frozenset({Via.PHONE_RECORDED, Via.EMAIL_RECORDED})


@dataclass(frozen=True, slots=True)
class Payload:
    """What an act says. `particulars` is what its action alone asks for, as plain JSON: a ship date, a readout.

    `on_behalf_of` names the contact whose call or mail a member of staff writes down.
    """

    text: str | None = None
    reason: str | None = None
    expected_on: date | None = None
    occurred_at: datetime | None = None
    on_behalf_of: UUID | None = None
    via: Via = Via.API
    evidence: str | None = None
    attachments: tuple[UUID, ...] = ()
    particulars: Mapping[str, Any] = field(default_factory=dict)


def act(
    tx: Tx, request_id: UUID, action: Action, *, by: Caller, payload: Payload, expected_version: int | None = None
) -> CmoRequest:
    """Let somebody act on a request: append the fact, move the state, settle clocks and messages.

    `closing` is the rule by which answered requests close by themselves.
    Saying again what the timeline already holds is harmless and changes nothing. A call or mail may be written down
    late: it is held against what stood when it came, and the clocks follow as if it had been recorded then. Raises
    NotFound (also for what the caller may not see), Forbidden, ActionNotAllowed, StaleVersion, and Invalid for what is
    missing, comes at a wrong time or contradicts what happened before.
    """
    admit(by, Deed.ACT)
    request = locked_request(tx.session, request_id, sees(by, CmoRequest))
    if request is None:
        raise NotFound("request", request_id)
    roles = roles_on(by, owners_of(tx.session, request))
    if expected_version is not None and expected_version != request.version:
        raise StaleVersion(request.version)
    case = load_request(tx, request)
    timeline = case.timeline
    at = _stamp_after(timeline, tx.business_now)
    occurred_at = _occurrence(payload, request, at)
    then = case.as_of(occurred_at)  # by what is known now; later facts there are where it is written down late
    is_late = len(then.timeline) < len(timeline)
    state, progress = stage_of(case.type, then.timeline)
    rule = rule_for(case.type, state, action, progress)
    wanted = _who_may(case.type, action, rule, roles)
    actor, recorder, via = _who_acts(tx.session, request, action, wanted, by, roles, payload)
    content = _content(payload) | named_in_act(tx.session, request.id, payload.attachments)
    reason = visible(payload.reason)
    if rule is None or actor.role not in rule.who:
        if is_repeat(then.timeline, action, actor, content, reason):
            return request
        if rule is not None:
            raise Forbidden(f"'{action}' is for {_named(rule.who)} of this request now.")
        possible = list(possible_actions(case.type, state, progress, {actor.role}))
        if is_late:
            raise Invalid("occurred_at", _why_not_then(action, state, possible))
        raise ActionNotAllowed(action, state, possible)
    _refuse_missing(rule, payload)
    _refuse_out_of_place(action, actor, payload)
    kind = action.fact
    if kind is FactKind.ORDER_CONFIRMED and ships_later(content, progress):
        kind = FactKind.DATE_PROPOSED
    try:
        if kind is FactKind.AMENDED:
            content = as_amendment(tx.session, case, content, roles=roles, expected_version=expected_version, at=at)
        elif kind is FactKind.HANDED_ON:
            content = reassign(tx, request, content, by=recorder)
            if content["contact"]["id"] == str(request.contact_id):
                return request
        elif kind is FactKind.CORRECTED:
            _refuse_foreign_correction(content, then.timeline, actor)
        refuse_past_promise(content, occurred_at, case.terms)
        content = validate_and_complete(
            kind, content, progress, occurred_at, case.terms, is_cmo=actor.is_cmo, known=case.progress()
        )
    except Contradiction as error:
        raise Invalid(error.field, error.message) from error
    fact = Fact(
        sequence=request.fact_count + 1,
        kind=kind,
        occurred_at=occurred_at,
        recorded_at=at,
        by=actor,
        recorded_by=recorder,
        via=via,
        reason=reason,
        content=content,
    )
    case = replace(case, timeline=timeline.with_fact(fact))
    request.state = state_after(case.type, case.timeline).value
    _update(request, fact, case.timeline)
    append(tx.session, request, fact)  # after them, so that the request is updated once
    if kind is FactKind.AMENDED and "priority" in content["changes"]:
        case = under_priority(tx, case, fact)
    recipients = Recipients(tx.session, [request])
    reconcile(tx, [case], recipients)
    queue(tx.session, fact_rows(tx, request, fact, recipients))
    if kind is FactKind.TAKEN:
        silence_repeats(tx.session, request)
        queue(tx.session, taken_rows(tx, request, fact))
    note(tx.session, "acted", number=request.number, action=action.value, sequence=fact.sequence)
    tx.session.flush()
    return request


def _stamp_after(timeline: Timeline, now: datetime) -> datetime:
    """The second at which an act counts: never before what was written down a moment ago; new terms take a second each.

    A clock that was set back by more than a moment is not followed into the future.
    """
    at, last = stamp(now), timeline.as_recorded()[-1].recorded_at
    return last if at < last <= at + _MOMENT else at


def _update(request: CmoRequest, fact: Fact, timeline: Timeline) -> None:
    """Bring the request's own columns in line with the act; of several contacts or days named the last one stands."""
    if fact.kind in (FactKind.REJECTED, FactKind.REOPENED):
        request.reopen_count += 1
    elif fact.kind is FactKind.HANDED_ON and fact is _last_that(timeline, _names_contact):
        request.contact_id = UUID(fact.content["contact"]["id"])
    elif fact.kind is FactKind.AMENDED:
        apply_amendment(request, fact.content["changes"])
    if "expected_on" in fact.content and fact is _last_that(timeline, lambda each: "expected_on" in each.content):
        request.expected_on = date.fromisoformat(fact.content["expected_on"])


def _names_contact(fact: Fact) -> bool:
    return fact.kind is FactKind.HANDED_ON or "contact_id" in fact.content.get("changes", {})


def _last_that(timeline: Timeline, is_meant: Callable[[Fact], bool]) -> Fact:
    return [fact for fact in timeline if is_meant(fact)][-1]


def _content(payload: Payload) -> dict[str, Any]:
    said = {
        "text": visible(payload.text),
        "expected_on": payload.expected_on.isoformat() if payload.expected_on else None,
        "evidence": visible(payload.evidence),
        **payload.particulars,
    }
    return {name: value for name, value in said.items() if value is not None}


def _who_may(
    request_type: RequestTypeDefinition, action: Action, rule: Rule | None, roles: frozenset[Role]
) -> frozenset[Role]:
    """Who may take an action now; where somebody in `roles` may not, who may at some time."""
    if rule is not None and rule.who & roles:
        return rule.who
    rules = request_type.rules.items()
    return frozenset().union(*(each.who for (_, listed), each in rules if listed is action))


def _who_acts(
    session: Session,
    request: CmoRequest,
    action: Action,
    wanted: frozenset[Role],
    by: Caller,
    roles: frozenset[Role],
    payload: Payload,
) -> tuple[Actor, Actor, Via]:
    """The one who acted, the one who wrote it down, and how it came; `wanted` are the roles that may."""
    if payload.on_behalf_of is None:
        if payload.via in RECORDED_VIA:
            raise Invalid("on_behalf_of", "name the contact whose call or mail this is")
        if not roles & wanted:
            raise Forbidden(f"'{action}' is for {_named(wanted)} of this request.")
        actor = as_held(by, roles).as_actor(wanted)
        return actor, actor, payload.via
    if not roles & RIGHTS[Deed.RECORD].roles:
        raise Forbidden("Only the project's manager, lead or quality may record a call or mail.")
    if not wanted & CMO_ROLES:
        raise Invalid("on_behalf_of", f"'{action}' is the sponsor's own act; it cannot be recorded for the CMO")
    if payload.via not in RECORDED_VIA:
        raise Invalid("via", "say how it came: phone_recorded or email_recorded")
    if is_blank(payload.evidence):
        raise Invalid("evidence", "say who called or wrote, and what was said")
    person = session.get(Person, payload.on_behalf_of)
    if person is None or not person.serves(request.cmo_id, request.site_id):
        raise Invalid("on_behalf_of", f"no contact {payload.on_behalf_of} at this site")
    role = Role.CMO_CONTACT if Role.CMO_CONTACT.value in person.roles else Role.CMO_LEAD
    recorder = as_held(by, roles).as_actor(RIGHTS[Deed.RECORD].roles)
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


def _refuse_missing(rule: Rule, payload: Payload) -> None:
    said = {"text": payload.text, "reason": payload.reason, **payload.particulars}
    if payload.attachments:
        said["attachments"] = payload.attachments
    need = rule.missing(said)
    if need is not None:
        first, *others = need.split("|")
        raise Invalid(first, f"must not be empty; or give {' or '.join(others)}" if others else "must not be empty")


def _refuse_out_of_place(action: Action, actor: Actor, payload: Payload) -> None:
    for name in payload.particulars:
        if name not in TAKES.get(action, ()):
            raise Invalid(name, f"is not part of '{action}'; leave it out")
    if payload.expected_on and (action is Action.DECLINE or not actor.is_cmo):
        raise Invalid("expected_on", "is for the CMO to say, of an answer still to come; leave it out")


def _why_not_then(action: Action, state: State, possible: Sequence[Action]) -> str:
    ways = ", ".join(possible) if possible else "nothing"
    return (
        f"does not fit the timeline: '{action}' was not possible at that time, while the request was {state}. Possible "
        f"then: {ways}. Record first what came before it, or correct the time"
    )


def _refuse_foreign_correction(content: Mapping[str, Any], timeline: Timeline, actor: Actor) -> None:
    """A correction points at something the same side wrote."""
    corrected = next((fact for fact in timeline if fact.sequence == content["corrects"]), None)
    if corrected is None or not (corrected.content.get("text") or corrected.reason):
        raise Invalid("corrects", "names no message; give the sequence of a fact with a text")
    if corrected.by.is_cmo != actor.is_cmo:
        raise Invalid("corrects", "names a message of the other side; a correction is for one's own")


def _named(roles: frozenset[Role]) -> str:
    return ", ".join(sorted(role.value.replace("_", " ") for role in roles))
