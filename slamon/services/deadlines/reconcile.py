"""Brings stored clocks, crossings and messages in line with the timelines: the one place where `evaluate()` meets rows.

Both an act on a request and the cycle end here, with the requests locked by the caller.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from slamon.db.database import count, note
from slamon.db.requests import ClockRow, CmoRequest, CrossingRow, CrossingStatus, by_request
from slamon.db.statements import change_rows
from slamon.domain.clocks.kinds import Clocks
from slamon.domain.clocks.ladder import Crossing, CrossingKey, Evaluation, evaluate, steps_to_tell
from slamon.domain.clocks.state import ClockId, ClockState, Outcome
from slamon.domain.terms import REPETITIONS, Terms
from slamon.domain.timeline import Timeline
from slamon.services.deadlines.auto_close import close_unopposed
from slamon.services.deadlines.coverage import passed_steps
from slamon.services.deadlines.loading import LoadedRequest
from slamon.services.directory.notifications import ladder_rows
from slamon.services.directory.recipients import Recipients
from slamon.services.outbox.outbox import queue
from slamon.services.outbox.retractions import Said, retract, said_of
from slamon.services.transaction import Tx

RECORDED_LATE, NEW_TERMS = "an earlier act was recorded later", "other terms were applied"


def reconcile(tx: Tx, cases: Sequence[LoadedRequest], recipients: Recipients, *, quietly: bool = False) -> int:
    """Evaluate each case at `now` and store what follows; returns how many crossings were new.

    What nobody objected to under the `closing` rule is closed first. Running it twice changes nothing: crossings and
    messages have keys of their own. `quietly` records the crossings as passed and tells nobody: they are history,
    brought in from elsewhere.
    """
    cases, to_close = close_unopposed(tx, cases, recipients, tx.rules.closing)
    ids = [case.request.id for case in cases]
    clocks = by_request(tx.session.scalars(select(ClockRow).where(ClockRow.request_id.in_(ids))))
    crossings = passed_steps(tx.session, ids)
    new_clocks: list[dict[str, Any]] = []
    new_crossings: list[dict[str, Any]] = []
    messages: list[dict[str, Any]] = []
    for case in cases:
        outcome = case.evaluate(tx.business_now)
        request, passed = case.request, crossings[case.request.id]
        stopped = _store_clocks(request, outcome, {row.clock_id: row for row in clocks[request.id]}, new_clocks)
        rescinded = _restate(case, outcome, passed)
        found, told, again = _find_crossings(request.id, outcome, passed, tx.business_now, quietly=quietly)
        new_crossings += found
        if stopped or rescinded:
            messages += retract(
                tx,
                request,
                running={str(clock.id) for clock in outcome.clocks if clock.stopped_at is None},
                standing=_standing(outcome, passed),
                rescinded=rescinded,
            )
        messages += ladder_rows(tx, request, told, recipients, again=again)
        if found and not quietly:
            levels = sorted({crossing["level"] for crossing in found})
            note(tx.session, "crossed", number=request.number, levels=levels)
        for column, value in _next_look(outcome, to_close.get(request.id)).items():
            setattr(request, column, value)
    if new_clocks:
        tx.session.flush()  # the request before its clocks, its clocks before their crossings
        tx.session.execute(insert(ClockRow), new_clocks)
    if new_crossings:
        tx.session.execute(insert(CrossingRow), new_crossings)
    for crossing in new_crossings:
        count(tx.session, f"crossings.{crossing['level']}")
    queue(tx.session, messages)
    return len(new_crossings)


def at_filing(
    request_id: UUID, terms: Terms, timeline: Timeline, now: datetime, *, clocks: Clocks
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What a request about to be filed begins with: columns of its own, and its clocks as rows.

    No step is passed yet.
    """
    outcome = evaluate(terms, timeline, now, clocks=clocks)
    return _next_look(outcome), [_clock_row(request_id, clock) for clock in outcome.clocks]


def _next_look(outcome: Evaluation, closing_at: datetime | None = None) -> dict[str, Any]:
    """When the request is looked at next, and what it is listed by; `closing_at` is when its closing has to be."""
    next_check_at = min(filter(None, (outcome.next_check_at, closing_at)), default=None)
    urgent_at = outcome.urgent_at
    return {"next_check_at": next_check_at, "wake_at": next_check_at, "urgent_at": urgent_at, "failed_checks": 0}


def _clock_row(request_id: UUID, clock: ClockState) -> dict[str, Any]:
    own = {"request_id": request_id, "kind": clock.kind, "generation": clock.id.generation}
    return {**own, **clock_values(clock)}


def _store_clocks(
    request: CmoRequest, outcome: Evaluation, rows: dict[ClockId, ClockRow], new: list[dict[str, Any]]
) -> bool:
    """Store the clocks; whether one has stopped that had not."""
    stopped = False
    for clock in outcome.clocks:
        values = clock_values(clock)
        row = rows.pop(clock.id, None)
        if row is None:
            new.append(_clock_row(request.id, clock))
            continue
        stopped = stopped or (row.stopped_at is None and clock.stopped_at is not None)
        for column, value in values.items():
            if getattr(row, column) != value:
                setattr(row, column, value)
    for row in rows.values():  # a fact recorded late says that this one never ran
        stopped = stopped or row.stopped_at is None
        row.stopped_at, row.outcome, row.paused_since = row.started_at, Outcome.CANCELLED.value, None
    return stopped


def clock_values(clock: ClockState) -> dict[str, Any]:
    """What of a clock is stored; `slamon verify` compares exactly this."""
    return {
        "started_at": clock.started_at,
        "target_at": clock.target_at,
        "limit_at": clock.limit_at,
        "paused_since": clock.open_pause.since if clock.open_pause else None,
        "stopped_at": clock.stopped_at,
        "outcome": clock.outcome.value,
    }


def _restate(case: LoadedRequest, outcome: Evaluation, rows: Sequence[CrossingRow]) -> list[CrossingRow]:
    """Bring the stored crossings in line with those that follow now; returns the ones that just ceased to stand."""
    computed = {crossing.key for crossing in outcome.crossings}
    rescinded = []
    for row in rows:
        if row.key in computed:
            row.status, row.rescinded_reason = CrossingStatus.OPEN.value, None
        elif row.status == CrossingStatus.OPEN:
            row.status = CrossingStatus.RESCINDED.value
            row.rescinded_reason = NEW_TERMS if case.is_just_changed else RECORDED_LATE
            rescinded.append(row)
    return rescinded


def _standing(outcome: Evaluation, rows: Sequence[CrossingRow]) -> set[Said]:
    """What messages may say of the crossings that stand: as computed, and as stored by a release that named it so."""
    stored = {said_of(row) for row in rows if row.status == CrossingStatus.OPEN}
    return stored | {Said(str(c.clock), c.level.value, c.crossed_at) for c in outcome.crossings}


def _find_crossings(
    request_id: UUID, outcome: Evaluation, rows: Sequence[CrossingRow], now: datetime, *, quietly: bool
) -> tuple[list[dict[str, Any]], list[Crossing], set[CrossingKey]]:
    """New crossings as rows; those to tell, new or not; and which of them were told before and withdrawn since.

    A repetition that was passed over is not made up for, and what is history nobody is owed.
    """
    stored = {row.key: row for row in rows}
    # While a clock is paused its crossings are left to be found: whether they still matter is seen when it runs again.
    paused = {clock.id for clock in outcome.clocks if clock.is_paused}
    new = [c for c in outcome.crossings if c.key not in stored and c.clock not in paused]
    untold = {crossing.key for crossing in new} | {row.key for row in rows if row.untold}
    told = [] if quietly else steps_to_tell(outcome.due, untold)
    told_keys, again = {crossing.key for crossing in told}, set[CrossingKey]()
    for key in told_keys & stored.keys():
        row = stored[key]
        if row.notified:
            again.add(key)
        row.notified, row.untold = True, False
    found = [
        {
            "request_id": request_id,
            "clock": crossing.clock.kind,
            "generation": crossing.clock.generation,
            "step": crossing.step.id,
            "level": crossing.level.value,
            "crossed_at": crossing.crossed_at,
            "detected_at": now,
            "notified": crossing.key in told_keys,
            "untold": not quietly and crossing.key not in told_keys and crossing.level not in REPETITIONS,
            "status": CrossingStatus.OPEN.value,
        }
        for crossing in new
    ]
    return found, told, again


def push_forward(session: Session, request_id: UUID, *, until: datetime) -> None:
    """Set a due request aside that could not be evaluated, so that the others go on; it is tried again at `until`."""
    is_due = (CmoRequest.id == request_id, CmoRequest.next_check_at < until)
    change_rows(session, update(CmoRequest).where(*is_due).values(wake_at=until))
