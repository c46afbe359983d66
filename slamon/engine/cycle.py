"""Asks "what is due?" and decides it. The database holds every deadline; handing work out twice is harmless."""

import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

import structlog

from slamon.db import claims
from slamon.db.claims import LeasedMessage
from slamon.db.database import note
from slamon.engine.deliver import deliver
from slamon.engine.heartbeat import Watch
from slamon.engine.jobs import work_on_job
from slamon.errors import Unavailable
from slamon.runtime import Runtime
from slamon.services.deadlines.loading import load_requests
from slamon.services.deadlines.reconcile import push_forward, reconcile
from slamon.services.directory.recipients import Recipients
from slamon.services.outbox import digests
from slamon.services.outbox.outbox import is_stopped
from slamon.services.transaction import Tx

# What is leased and not done: a few seconds' work. More would only be leased again before its turn comes.
REQUESTS_IN_HAND = 1500
MESSAGES_IN_HAND = 500  # of a channel
BATCH = 100  # requests decided in one transaction
DELIVERIES = 20  # messages one actor call sends, so that several workers share a burst
MOST_CHECKS = 5  # begun in vain, before a request is set aside
POISON_PAUSE = timedelta(minutes=5)

log = structlog.get_logger()


class Dispatcher(Protocol):
    """Takes work to whoever does it: Dramatiq, or the caller itself."""

    def check_requests(self, ids: Sequence[UUID]) -> None: ...

    def deliver(self, channel: str, ids: Sequence[UUID], lease_until: datetime) -> None: ...

    def work_on_job(self, job_id: UUID) -> None: ...


class InlineDispatcher:
    """Does the work on the spot."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def check_requests(self, ids: Sequence[UUID]) -> None:
        check_requests(self._runtime, self, ids)

    def deliver(self, channel: str, ids: Sequence[UUID], lease_until: datetime) -> None:
        deliver(self._runtime, ids, lease_until)

    def work_on_job(self, job_id: UUID) -> None:
        work_on_job(self._runtime, job_id)


def tick(runtime: Runtime, carrier: Dispatcher, watch: Watch) -> float:
    """One pass: lease what is due. Returns how many seconds the loop may sleep.

    Dying before the commit leaves all as it was; after it, what was leased and not done comes up again.
    """
    clock, settings = runtime.clock, runtime.settings
    watch.release_dead(runtime)
    with runtime.db.look_up() as connection:
        wake_at, attempt_at, job_at = claims.next_due(connection, runtime.registered.names)
    now, real_now = clock.now(), clock.real_now()
    checks_due = wake_at is not None and wake_at < now
    sends_due = attempt_at is not None and attempt_at <= real_now
    pause = settings.tick_seconds
    if checks_due or sends_due:
        requests, parcel = _hand_out(runtime)
        parcel.hand_on(carrier)
        for start in range(0, len(requests), BATCH):
            carrier.check_requests(requests[start : start + BATCH])
        pause = 0.0 if requests or parcel.messages else pause
    else:
        to_check = clock.real_seconds_until(wake_at) if wake_at else pause
        to_send = (attempt_at - real_now).total_seconds() if attempt_at else pause
        pause = min(max(to_check, 0.001), max(to_send, 0.001), pause)
    if job_at is not None and job_at <= real_now:
        _hand_out_job(runtime, carrier)
    return pause


def _hand_out_job(runtime: Runtime, carrier: Dispatcher) -> None:
    real_now = runtime.clock.real_now()
    again_at = real_now + timedelta(seconds=runtime.settings.hand_over_seconds)
    with runtime.db.write() as session:
        job_id = claims.lease_job(session, real_now=real_now, again_at=again_at)
    if job_id is not None:
        carrier.work_on_job(job_id)


@dataclass(frozen=True, slots=True)
class Leased:
    """Messages leased until an instant of real time, by channel."""

    messages: list[LeasedMessage]
    until: datetime

    def hand_on(self, carrier: Dispatcher) -> None:
        for channel in dict.fromkeys(message.channel for message in self.messages):
            ids = [message.id for message in self.messages if message.channel == channel]
            for start in range(0, len(ids), DELIVERIES):
                carrier.deliver(channel, ids[start : start + DELIVERIES], self.until)


def _hand_out(runtime: Runtime) -> tuple[list[UUID], Leased]:
    now = runtime.clock.now()
    again_at = now + runtime.clock.business_span(runtime.settings.hand_over_seconds)
    with runtime.write() as tx:
        requests = claims.lease_requests(tx.session, now=now, again_at=again_at, most=REQUESTS_IN_HAND)
        parcel = _hand_out_messages(tx, runtime)
        runtime.reach("before_claim_commit")
    runtime.reach("after_claim_commit")
    return requests, parcel


def _hand_out_messages(tx: Tx, runtime: Runtime) -> Leased:
    clock = runtime.clock
    real_now = clock.real_now()
    until = real_now + timedelta(seconds=runtime.settings.hand_over_seconds)
    if is_stopped(tx.session):
        return Leased([], until)
    handed: list[LeasedMessage] = []
    for channel in runtime.registered.names:
        due = claims.lease_notifications(tx.session, channel, real_now=real_now, again_at=until, most=MESSAGES_IN_HAND)
        due = claims.heed_waits(tx.session, channel, due, real_now=real_now, until=until)
        handed += digests.fold(tx, due, most=runtime.settings.digest_above, until=until, held_until=clock.real_time_of)
    return Leased(handed, until)


def check_requests(runtime: Runtime, carrier: Dispatcher, ids: Sequence[UUID]) -> None:
    """Evaluate due requests and store what follows, in one transaction; a bad one does not hold up the rest.

    Each check is counted before it is made. One that was begun before and came to nothing, because it failed or its
    process died over it or its neighbour, is made alone; after some it is set aside for a while. Messages go on at
    once: a loop that had to find them first would cost a quarter of a second.
    """
    now = runtime.clock.now()
    with runtime.db.write() as session:
        due = claims.due_checks(session, ids, now=now)
        fresh = list(claims.begin_checks(session, [each for each, in_vain in due.items() if not in_vain], now=now))
        if len(due) < len(ids):
            claims.hand_back_requests(session, ids, now=now)
    if fresh:
        try:
            parcel = _check(runtime, fresh)
        except Unavailable:
            _take_back(runtime, fresh)
            raise
        except Exception:
            log.exception("check_failed", requests=len(fresh))
            for request_id in fresh:
                _check_alone(runtime, carrier, request_id, 1)
        else:
            parcel.hand_on(carrier)
    suspects = [request_id for request_id, in_vain in due.items() if in_vain]
    random.shuffle(suspects)  # the one that kills its process must not always come before the same others
    for request_id in suspects:
        with runtime.db.write() as session:
            begun = claims.begin_checks(session, [request_id], now=now)
        for count in begun.values():
            _check_alone(runtime, carrier, request_id, count)


def _check(runtime: Runtime, ids: Sequence[UUID]) -> Leased:
    now = runtime.clock.now()
    with runtime.write() as tx:
        requests = claims.due_requests(tx.session, ids, now=now)
        cases = load_requests(tx, requests)
        for case in cases:
            runtime.reach("in_check", case.request.number)
        found = reconcile(tx, cases, Recipients(tx, requests))
        note(tx.session, "checked", requests=len(cases), crossings=found)
        tx.session.flush()
        parcel = _hand_out_messages(tx, runtime)
        runtime.reach("before_check_commit")
    runtime.reach("after_check_commit")
    return parcel


def _check_alone(runtime: Runtime, carrier: Dispatcher, request_id: UUID, count: int) -> None:
    try:
        if count > MOST_CHECKS:  # it kills whoever checks it: not again at once
            _set_aside(runtime, request_id, count - MOST_CHECKS)
        parcel = _check(runtime, [request_id])
    except Unavailable:
        _take_back(runtime, [request_id])
        raise
    except Exception:
        log.exception("check_broke", request_id=str(request_id))
        _set_aside(runtime, request_id, count)
    else:
        parcel.hand_on(carrier)


def _take_back(runtime: Runtime, ids: Sequence[UUID]) -> None:
    """The database's trouble is not counted against the requests."""
    now = runtime.clock.now()
    again_at = now + runtime.clock.business_span(runtime.settings.hand_over_seconds)
    with suppress(Unavailable), runtime.db.write() as session:
        claims.take_back_checks(session, ids, now=now, again_at=again_at)


def _set_aside(runtime: Runtime, request_id: UUID, times: int) -> None:
    """Put a request off: five minutes the first time, then ever longer, up to a day."""
    log.error("request_set_aside", request_id=str(request_id), times=times)
    pause = POISON_PAUSE * 2 ** min(times - 1, 8)
    with runtime.db.write() as session:
        push_forward(session, request_id, until=runtime.clock.now() + pause)
