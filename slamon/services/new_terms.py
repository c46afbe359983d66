"""Applying other terms to open requests: an explicit act, shown before it is done and written into each request."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from slamon.db.policies import Policy
from slamon.db.requests import CmoRequest, is_open
from slamon.domain.clocks import ClockState, Former
from slamon.domain.closing import ClosingRule
from slamon.domain.ladder import evaluate
from slamon.domain.lifecycle import CLOCKS
from slamon.domain.terms import Terms, clocks_from_json, ladder_from_json, terms_digest
from slamon.domain.timeline import Actor, Fact, FactKind, Via, stamp
from slamon.errors import Conflict, NotFound
from slamon.services.access import Caller, admin_only, staff_only
from slamon.services.audit import record
from slamon.services.cases import Case, load_cases
from slamon.services.notices import Directory
from slamon.services.policies import Wanted, kind_of, resolve, store_terms
from slamon.services.settle import settle
from slamon.services.timelines import append

BATCH = 500
MOST = 5000  # requests in one act: it is one transaction

OtherTerms = Callable[[Case], Terms]
"""The terms a request would get; its own where nothing changes for it."""


@dataclass(frozen=True, slots=True)
class MovedDeadline:
    """A running or paused clock as it is and as it would be; None where a pause or the terms leave no deadline.

    `breaches_at_once`: it would be past its limit now, and is not.
    """

    request_id: UUID
    number: str
    clock: str
    target_before: datetime | None
    target_after: datetime | None
    limit_before: datetime | None
    limit_after: datetime | None
    breaches_at_once: bool


@dataclass(frozen=True, slots=True)
class Preview:
    """`looked_at` open requests were judged again."""

    looked_at: int
    moved: tuple[MovedDeadline, ...]


def preview(session: Session, wanted: Sequence[ColumnElement[bool]], other: OtherTerms, *, now: datetime) -> Preview:
    """What would move if the open requests among `wanted` got other terms. Changes nothing."""
    looked_at, moved = 0, []
    for case in _open_cases(session, wanted):
        terms = other(case)
        if terms is not case.terms:
            looked_at += 1
            moved += moved_deadlines(case, terms, now=now)
    return Preview(looked_at, tuple(moved))


def apply(
    session: Session,
    wanted: Sequence[ColumnElement[bool]],
    other: OtherTerms,
    *,
    by: Actor,
    reason: str,
    cause: Mapping[str, Any],
    closing: ClosingRule,
    now: datetime,
    real_now: datetime,
) -> int:
    """Give the open requests among `wanted` other terms, each with a `terms_changed` fact; returns how many got some.

    What has stopped keeps the terms it stopped under. A deadline that moves into the past is breached at once.
    Doing it again changes nothing. Raises Conflict for more requests than one act should change.
    """
    ids = session.scalars(select(CmoRequest.id).where(is_open(), *wanted).order_by(CmoRequest.id).limit(MOST + 1)).all()
    if len(ids) > MOST:
        raise Conflict(f"More than {MOST:,} open requests would be looked at; apply it to a narrower scope.")
    at, applied = stamp(now), 0
    for case in _open_cases(session, wanted, is_locked=True):
        terms = other(case)
        if terms.digest == case.terms.digest:
            continue
        store_terms(session, terms)
        fact = Fact(
            sequence=case.request.fact_count + 1,
            kind=FactKind.TERMS_CHANGED,
            occurred_at=at,
            recorded_at=at,
            by=by,
            recorded_by=by,
            via=Via.API,
            reason=reason,
            content={"from": case.terms.digest, "terms": terms.digest, **cause},
        )
        append(session, case.request, fact)
        case.request.terms_digest = terms.digest
        former = (*case.former, Former(at, case.terms))
        changed = replace(case, terms=terms, timeline=case.timeline.with_fact(fact), former=former)
        settle(session, [changed], Directory(session, [case.request]), closing=closing, now=now, real_now=real_now)
        applied += 1
    session.flush()
    return applied


def moved_deadlines(case: Case, other: Terms, *, now: datetime) -> list[MovedDeadline]:
    """The deadlines of one request that would move under `other` terms.

    Clocks that have stopped keep what they were given, so they are left out. A clock that only one of the terms has
    is told with None for the other.
    """
    if other.digest == case.terms.digest:
        return []
    would_be = evaluate(other, case.timeline, now, (*case.former, Former(stamp(now), case.terms)))
    before, after = (
        {c.id: c for c in found.clocks if c.stopped_at is None} for found in (case.evaluate(now), would_be)
    )
    pairs = {clock: (before.get(clock), after.get(clock)) for clock in (*before, *after)}
    return [
        _moved(case.request, str(clock), was, then, now=now)
        for clock, (was, then) in pairs.items()
        if _dues(was) != _dues(then)
    ]


def _moved(
    request: CmoRequest, clock: str, was: ClockState | None, would_be: ClockState | None, *, now: datetime
) -> MovedDeadline:
    (target_before, limit_before), (target_after, limit_after) = _dues(was), _dues(would_be)
    return MovedDeadline(
        request_id=request.id,
        number=request.number,
        clock=clock,
        target_before=target_before,
        target_after=target_after,
        limit_before=limit_before,
        limit_after=limit_after,
        breaches_at_once=bool(would_be and would_be.is_breached(now) and not (was and was.is_breached(now))),
    )


def _dues(clock: ClockState | None) -> tuple[datetime | None, datetime | None]:
    return (clock.target_at, clock.limit_at) if clock else (None, None)


def _open_cases(session: Session, wanted: Sequence[ColumnElement[bool]], *, is_locked: bool = False) -> Iterator[Case]:
    last = UUID(int=0)
    while True:
        statement = select(CmoRequest).where(is_open(), CmoRequest.id > last, *wanted).order_by(CmoRequest.id)
        if is_locked:
            statement = statement.with_for_update(key_share=True).execution_options(populate_existing=True)
        requests = session.scalars(statement.limit(BATCH)).all()
        if not requests:
            return
        last = requests[-1].id
        yield from load_cases(session, requests)


# --- a policy line --------------------------------------------------------------------------------------------------


def preview_policy(session: Session, policy_id: UUID, *, by: Caller, now: datetime) -> Preview:
    """Which deadlines of open requests would move if this line were applied to those it would win today."""
    staff_only(by)
    policy = _policy(session, policy_id)
    return preview(session, _scope(policy), _under(session, policy, now), now=now)


def apply_policy(
    session: Session,
    policy_id: UUID,
    *,
    by: Caller,
    reason: str,
    closing: ClosingRule,
    now: datetime,
    real_now: datetime,
) -> int:
    """Put the open requests that this line would win today under its terms; their calendars stay as frozen."""
    actor = admin_only(by)
    policy = _policy(session, policy_id)
    cause = {"policy": {"id": str(policy.id), "name": policy.name, "version": policy.version}}
    applied = apply(
        session, _scope(policy), _under(session, policy, now),
        by=actor, reason=reason, cause=cause, closing=closing, now=now, real_now=real_now,
    )  # fmt: skip
    record(
        session, by=actor, action="apply", entity="policy", entity_id=policy.id, now=now,
        new={"requests": applied}, reason=reason,
    )  # fmt: skip
    return applied


def _policy(session: Session, policy_id: UUID) -> Policy:
    policy = session.get(Policy, policy_id)
    if policy is None:
        raise NotFound("policy", policy_id)
    return policy


def _scope(policy: Policy) -> list[ColumnElement[bool]]:
    """The columns of a request that the line names; its kind is looked at in the detail."""
    columns = ("type", "priority", "cmo_id", "site_id", "project_id")
    named = {column: getattr(policy, column) for column in columns}
    return [getattr(CmoRequest, column) == value for column, value in named.items() if value is not None]


def _under(session: Session, policy: Policy, now: datetime) -> OtherTerms:
    won: dict[Wanted, bool] = {}

    def terms_for(case: Case) -> Terms:
        request = case.request
        kind = kind_of(case.type, request.detail)
        wanted = Wanted(case.type, kind, request.priority, request.cmo_id, request.site_id, request.project_id)
        if wanted not in won:
            won[wanted] = resolve(session, wanted, now).id == policy.id
        return _with_line(case, policy) if won[wanted] else case.terms

    return terms_for


def _with_line(case: Case, policy: Policy) -> Terms:
    """The request's terms with this line's clocks and ladder, at the calendar it has."""
    clocks = {kind: clock for kind, clock in clocks_from_json(policy.clocks).items() if kind in CLOCKS[case.type]}
    if not clocks:
        return case.terms
    other = replace(
        case.terms,
        policy_id=str(policy.id),
        policy_name=policy.name,
        policy_version=policy.version,
        agreement_clause=policy.agreement_clause,
        clocks=clocks,
        ladder=ladder_from_json(policy.ladder),
    )
    return replace(other, digest=terms_digest(other.to_json()))
