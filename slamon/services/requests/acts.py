"""Acting on a request. Every act, from API, page or form, is one call to `act` on a locked, loaded request."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from slamon.db.database import note
from slamon.db.parties import Person
from slamon.db.requests import CmoRequest
from slamon.db.statements import locked_request
from slamon.domain.actions.parts import Contradiction, Recorded, Said, Standing, refuse_naive, refuse_past_promise
from slamon.domain.actions.talk import Amend, Amended, HandedOn, HandOn
from slamon.domain.fold import after
from slamon.domain.lifecycle import Rule, State
from slamon.domain.normal_form import is_blank, visible
from slamon.domain.stage import is_repeat, possible_actions, rule_for
from slamon.domain.stored import as_json
from slamon.domain.timeline import CMO_ROLES, Actor, Fact, FactKind, NamedFile, Role, Timeline, Via, stamp
from slamon.errors import ActionNotAllowed, Forbidden, Invalid, NotFound, SlamonError
from slamon.services.access.callers import Caller
from slamon.services.access.rights import RIGHTS, Deed, admit, as_held, roles_on
from slamon.services.access.visibility import sees
from slamon.services.audit.timelines import append
from slamon.services.deadlines.loading import LoadedRequest, load_request
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
ACTED_THEMSELVES = Recorded()


def load_to_act(tx: Tx, request_id: UUID, *, by: Caller) -> LoadedRequest:
    """The request, locked until the transaction ends, as `act` takes it.

    Raises NotFound (also for what the caller may not see) and Forbidden.
    """
    admit(by, Deed.ACT)
    request = locked_request(tx.session, request_id, sees(by, CmoRequest))
    if request is None:
        raise NotFound("request", request_id)
    return load_request(tx, request)


@dataclass(frozen=True, slots=True)
class _Act:
    """An act before it is known whether it may be done: who does it, who writes it down, when and how it came."""

    said: Said
    actor: Actor
    recorder: Actor
    via: Via
    occurred_at: datetime
    evidence: str | None
    files: tuple[NamedFile, ...]

    def content(self, said: Said) -> dict[str, Any]:
        """What the fact keeps: what was said, and what proves it."""
        kept = as_json(replace(said, reason="", attachments=()))
        if self.evidence:
            kept["evidence"] = self.evidence
        if self.files:
            kept["attachments"] = as_json(self.files)
        return dict(kept)


def act(
    tx: Tx,
    loaded: LoadedRequest,
    said: Said,
    *,
    by: Caller,
    via: Via,
    recorded: Recorded = ACTED_THEMSELVES,
    expected_version: int | None = None,
) -> LoadedRequest:
    """The request after somebody acted on it: the fact is appended, the state moved, clocks and messages follow.

    `loaded` is locked by the caller, who is known to see it. Saying again what the timeline already holds is harmless
    and changes nothing. A call or mail may be written down late: it is held against what stood when it came, and the
    clocks follow as if it had been recorded then. Raises Forbidden, ActionNotAllowed, StaleVersion, and Invalid for
    what is missing, comes at a wrong time or contradicts what happened before.
    """
    admit(by, Deed.ACT)
    request, timeline = loaded.request, loaded.timeline
    roles = roles_on(by, loaded.owners(tx.session))
    request.refuse_stale(expected_version)
    at = _stamp_after(timeline, tx.business_now)
    occurred_at = _occurrence(recorded, request, at)
    then = loaded.as_of(occurred_at)  # by what is known now; later facts there are where it is written down late
    is_late = len(then.timeline) < len(timeline)
    state, progress = then.stage()
    rule = rule_for(loaded.type, state, said.action, progress)
    wanted = _who_may(loaded, said.action, rule, roles)
    said = replace(said, text=visible(said.text) or "", reason=visible(said.reason) or "")
    actor, recorder, came_via = _who_acts(tx.session, request, said.action, wanted, by, roles, recorded, via)
    files = named_in_act(tx.session, request.id, said.attachments)
    done = _Act(said, actor, recorder, came_via, occurred_at, visible(recorded.evidence), files)
    if rule is None or actor.role not in rule.who:
        if is_repeat(loaded.catalogue, then.timeline, said.action, actor, done.content(said), said.reason or None):
            return loaded
        raise _why_not(then, said.action, rule, actor, is_late=is_late)
    _refuse_missing(rule, said)
    if said.expected_on and not actor.is_cmo:
        raise Invalid("expected_on", "is for the CMO to say, of an answer still to come; leave it out")
    known = loaded.progress() if is_late else progress
    standing = Standing(progress, known, then.timeline, occurred_at, loaded.terms, is_cmo=actor.is_cmo)
    try:
        kept = _as_kept(tx, loaded, done, standing, roles=roles, expected_version=expected_version, at=at)
    except Contradiction as error:
        raise Invalid(error.field, error.sentence, **error.values) from error
    if isinstance(kept, HandedOn) and kept.contact.id == request.contact_id:
        return loaded
    fact = Fact(
        sequence=request.fact_count + 1,
        kind=loaded.catalogue.actions[said.action].fact_for(said, progress),
        occurred_at=occurred_at,
        recorded_at=at,
        by=actor,
        recorded_by=recorder,
        via=came_via,
        reason=said.reason or None,
        content=done.content(kept),
    )
    case = loaded.with_fact(fact)
    state = case.stage()[0] if is_late else rule.state_after(after(progress, fact))
    request.state = state.value
    _update(request, fact, case.timeline)
    append(tx.session, request, fact)  # with the columns that follow from it, in one statement
    return _follow(tx, case, fact, said.action)


def _why_not(then: LoadedRequest, action: str, rule: Rule | None, actor: Actor, *, is_late: bool) -> SlamonError:
    """Why nobody in this role may take the action, as the request stood `then`."""
    if rule is not None:
        return Forbidden(f"'{action}' is for {_named(rule.who)} of this request now.")
    state, progress = then.stage()
    possible = list(possible_actions(then.catalogue, then.type, state, progress, {actor.role}))
    if is_late:
        return Invalid("occurred_at", _why_not_then(action, state, possible))
    return ActionNotAllowed(action, state, possible)


def _as_kept(
    tx: Tx,
    loaded: LoadedRequest,
    done: _Act,
    standing: Standing,
    *,
    roles: frozenset[Role],
    expected_version: int | None,
    at: datetime,
) -> Said:
    """What the fact keeps of what was said. Raises Contradiction, Invalid, Forbidden."""
    said = done.said
    refuse_naive(said)
    refuse_past_promise(said, standing.at, standing.terms)
    if isinstance(said, Amend):
        return as_amendment(tx.session, loaded, said, roles=roles, expected_version=expected_version, at=at)
    if isinstance(said, HandOn):
        return reassign(tx, loaded.request, said, by=done.recorder)
    checked: Said = loaded.catalogue.actions[said.action].check(said, standing)
    return checked


def _follow(tx: Tx, case: LoadedRequest, fact: Fact, action: str) -> LoadedRequest:
    """Let the request's clocks and messages follow from its new fact; the request as it is then."""
    request = case.request
    if fact.kind == FactKind.AMENDED and "priority" in fact.said(Amended).changes:
        case = under_priority(tx, case, fact)
    recipients = Recipients(tx, [request])
    reconcile(tx, [case], recipients)
    queue(tx.session, fact_rows(tx, request, fact, recipients))
    if fact.kind == FactKind.TAKEN:
        silence_repeats(tx.session, request)
        queue(tx.session, taken_rows(tx, request, fact))
    note(tx.session, "acted", number=request.number, action=action, sequence=fact.sequence)
    tx.session.flush()
    is_whole = request.fact_count == len(case.timeline)  # or it closed by itself in the same moment
    return case if is_whole else load_request(tx, request)


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
    elif fact.kind == FactKind.HANDED_ON and fact is _last_that(timeline, _names_contact):
        request.contact_id = fact.said(HandedOn).contact.id
    elif fact.kind == FactKind.AMENDED:
        apply_amendment(request, fact.said(Amended))
    expected_on = fact.remarks.expected_on
    if expected_on and fact is _last_that(timeline, lambda each: each.remarks.expected_on is not None):
        request.expected_on = expected_on


def _names_contact(fact: Fact) -> bool:
    is_amended = fact.kind == FactKind.AMENDED and "contact_id" in fact.said(Amended).changes
    return fact.kind == FactKind.HANDED_ON or is_amended


def _last_that(timeline: Timeline, is_meant: Callable[[Fact], bool]) -> Fact:
    return [fact for fact in timeline if is_meant(fact)][-1]


def _who_may(loaded: LoadedRequest, action: str, rule: Rule | None, roles: frozenset[Role]) -> frozenset[Role]:
    """Who may take an action now; where somebody in `roles` may not, who may at some time."""
    if rule is not None and rule.who & roles:
        return rule.who
    rules = loaded.type.rules.items()
    return frozenset().union(*(each.who for (_, listed), each in rules if listed == action))


def _who_acts(
    session: Session,
    request: CmoRequest,
    action: str,
    wanted: frozenset[Role],
    by: Caller,
    roles: frozenset[Role],
    recorded: Recorded,
    via: Via,
) -> tuple[Actor, Actor, Via]:
    """The one who acted, the one who wrote it down, and how it came; `wanted` are the roles that may."""
    if recorded.on_behalf_of is None:
        if recorded.via is not None:
            raise Invalid("on_behalf_of", "name the contact whose call or mail this is")
        if not roles & wanted:
            raise Forbidden(f"'{action}' is for {_named(wanted)} of this request.")
        actor = as_held(by, roles).as_actor(wanted)
        return actor, actor, via
    if not roles & RIGHTS[Deed.RECORD].roles:
        raise Forbidden("Only the project's manager, lead or quality may record a call or mail.")
    if not wanted & CMO_ROLES:
        raise Invalid("on_behalf_of", f"'{action}' is the sponsor's own act; it cannot be recorded for the CMO")
    if recorded.via is None:
        raise Invalid("via", "say how it came: phone_recorded or email_recorded")
    if is_blank(recorded.evidence):
        raise Invalid("evidence", "say who called or wrote, and what was said")
    person = session.get(Person, recorded.on_behalf_of)
    if person is None or not person.serves(request.cmo_id, request.site_id):
        raise Invalid("on_behalf_of", f"no contact {recorded.on_behalf_of} at this site")
    role = Role.CMO_CONTACT if Role.CMO_CONTACT.value in person.roles else Role.CMO_LEAD
    recorder = as_held(by, roles).as_actor(RIGHTS[Deed.RECORD].roles)
    return Actor(str(person.id), person.name, role), recorder, recorded.via


def _occurrence(recorded: Recorded, request: CmoRequest, at: datetime) -> datetime:
    if recorded.occurred_at is None:
        return at
    if recorded.on_behalf_of is None:
        raise Invalid("occurred_at", "only a recorded call or mail has a time of its own; leave it out")
    if recorded.occurred_at.tzinfo is None:
        raise Invalid("occurred_at", "needs an offset, for example 2026-03-01T09:30:00+01:00")
    occurred_at = stamp(recorded.occurred_at)
    if not request.filed_at <= occurred_at <= at:
        raise Invalid("occurred_at", "must lie between the filing and now")
    return occurred_at


def _refuse_missing(rule: Rule, said: Said) -> None:
    need = rule.missing(said)
    if need is not None:
        first, *others = need.split("|")
        raise Invalid(first, f"must not be empty; or give {' or '.join(others)}" if others else "must not be empty")


def _why_not_then(action: str, state: State, possible: Sequence[str]) -> str:
    ways = ", ".join(possible) if possible else "nothing"
    return (
        f"does not fit the timeline: '{action}' was not possible at that time, while the request was {state}. Possible "
        f"then: {ways}. Record first what came before it, or correct the time"
    )


def _named(roles: frozenset[Role]) -> str:
    return ", ".join(sorted(role.value.replace("_", " ") for role in roles))
