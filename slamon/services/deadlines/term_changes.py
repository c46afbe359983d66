"""Applying other terms to open requests: an explicit act, shown before it is done and written into each request."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from slamon.db.requests import CmoRequest, is_open
from slamon.db.statements import locking
from slamon.domain.clocks.ladder import evaluate
from slamon.domain.clocks.state import ClockState, Former
from slamon.domain.terms import Terms
from slamon.domain.timeline import Actor, FactKind, Via, stamp
from slamon.errors import Conflict
from slamon.services.access.callers import Caller
from slamon.services.access.visibility import sees
from slamon.services.audit.timelines import note_at
from slamon.services.audit.trail import record
from slamon.services.deadlines.loading import LoadedRequest, load_requests
from slamon.services.deadlines.reconcile import reconcile
from slamon.services.directory.recipients import Recipients
from slamon.services.policies.policies import store_terms
from slamon.services.transaction import Tx

BATCH = 500
MOST = 3000  # requests in one act: it is one transaction, and others may wait for it

OtherTerms = Callable[[LoadedRequest], Terms | None]
"""The terms a request would get; None where it is not concerned."""


@dataclass(frozen=True, slots=True)
class Cause:
    """The record for the sake of which terms change, and what the facts say of it beside its id."""

    entity: str
    id: UUID
    told: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class NewTerms:
    """Which open requests are looked at, what each would get, and for the sake of what."""

    wanted: Sequence[ColumnElement[bool]]
    other: OtherTerms
    cause: Cause


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
    """What would move among some of the open requests: `examined` were read, `looked_at` of them judged again.

    `last` is the one to go on behind; None where there are no more.
    """

    examined: int
    looked_at: int
    moved: tuple[MovedDeadline, ...]
    last: UUID | None


def preview(tx: Tx, new: NewTerms, *, by: Caller, most: int, after: UUID | None) -> Preview:
    """What would move if the next `most` open requests that the caller may read got these terms. Changes nothing."""
    requests = _open_requests(tx.session, [*new.wanted, sees(by, CmoRequest)], after=after, most=most + 1)
    last = requests[most - 1].id if len(requests) > most else None
    looked_at, moved = 0, []
    for case in load_requests(tx, requests[:most]):
        terms = new.other(case)
        if terms is not None:
            looked_at += 1
            moved += moved_deadlines(case, terms, now=tx.business_now)
    return Preview(min(len(requests), most), looked_at, tuple(moved), last)


def count_open(session: Session, new: NewTerms, *, by: Caller, most: int | None = None) -> int:
    """How many open requests a preview would read; no more than `most` are counted."""
    found = select(CmoRequest.id).where(is_open(), *new.wanted, sees(by, CmoRequest)).limit(most)
    return session.scalar(select(func.count()).select_from(found.subquery())) or 0


def apply(tx: Tx, new: NewTerms, *, by: Actor, reason: str, via: Via = Via.API) -> list[UUID]:
    """Give the open requests these terms, each with a `terms_changed` fact; returns those that got some.

    What has stopped keeps the terms it stopped under. A deadline that moves into the past is breached at once.
    Doing it again changes nothing. Raises Conflict for more requests than one act should change.
    """
    ids = tx.session.scalars(
        select(CmoRequest.id).where(is_open(), *new.wanted).order_by(CmoRequest.id).limit(MOST + 1)
    ).all()
    if len(ids) > MOST:
        raise Conflict(f"More than {MOST:,} open requests would be looked at; apply it to a narrower scope.")
    cause, applied = new.cause, list[UUID]()
    told = {cause.entity: {"id": str(cause.id), **cause.told}}
    for batch in _open_cases(tx, new.wanted):
        pairs = [(case, new.other(case)) for case in batch]
        changed = [
            under(tx.session, case, terms, by=by, reason=reason, told=told, at=stamp(tx.business_now), via=via)
            for case, terms in pairs
            if terms is not None and terms.digest != case.terms.digest
        ]
        recipients = Recipients(tx, [case.request for case in changed])
        reconcile(tx, changed, recipients)
        applied += [case.request.id for case in changed]
    record(
        tx,
        by=by,
        action="apply",
        entity=cause.entity,
        entity_id=cause.id,
        new={"requests": len(applied)},
        reason=reason,
    )
    return applied


def under(
    session: Session,
    case: LoadedRequest,
    terms: Terms,
    *,
    by: Actor,
    reason: str | None,
    told: Mapping[str, Any],
    at: datetime,
    via: Via,
) -> LoadedRequest:
    """The case once its locked request has these terms and the fact that says so."""
    store_terms(session, terms)
    at = case.timeline.second_after(at)  # so that whatever stopped before keeps its terms
    content = {"from": case.terms.digest, "terms": terms.digest, **told}
    fact = note_at(session, case.request, FactKind.TERMS_CHANGED, at, by=by, via=via, content=content, reason=reason)
    case.request.terms_digest = terms.digest
    former = (*case.former, Former(at, case.terms))
    return replace(case, terms=terms, timeline=case.timeline.with_fact(fact), former=former)


def moved_deadlines(case: LoadedRequest, other: Terms, *, now: datetime) -> list[MovedDeadline]:
    """The deadlines of one request that would move under `other` terms.

    Clocks that have stopped keep what they were given, so they are left out. A clock that only one of the terms has
    is told with None for the other.
    """
    if other.digest == case.terms.digest:
        return []
    former = (*case.former, Former(stamp(now), case.terms))
    would_be = evaluate(other, case.timeline, now, former, clocks=case.catalogue.clocks)
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


def _open_cases(tx: Tx, wanted: Sequence[ColumnElement[bool]]) -> Iterator[list[LoadedRequest]]:
    """Batch by batch, each locked."""
    last: UUID | None = None
    while requests := _open_requests(tx.session, wanted, after=last, most=BATCH, is_locked=True):
        last = requests[-1].id
        yield load_requests(tx, requests)


def _open_requests(
    session: Session, wanted: Sequence[ColumnElement[bool]], *, after: UUID | None, most: int, is_locked: bool = False
) -> Sequence[CmoRequest]:
    statement = select(CmoRequest).where(is_open(), *wanted).order_by(CmoRequest.id).limit(most)
    if after is not None:
        statement = statement.where(CmoRequest.id > after)
    return session.scalars(locking(statement) if is_locked else statement).all()
