"""Asks "what is due?" and decides it. The database holds every deadline; handing work out twice is harmless."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

import structlog

from slamon.db import statements
from slamon.engine.deliver import deliver
from slamon.engine.heartbeat import Watch
from slamon.errors import Unavailable
from slamon.runtime import Runtime
from slamon.services.notices import Directory
from slamon.services.outbox import is_stopped
from slamon.services.policies import load_terms
from slamon.services.settle import Case, push_forward, settle
from slamon.services.timelines import load_timelines

HAND_OUT = 1000  # rows taken from the database in one pass
BATCH = 100  # requests decided in one transaction
DELIVERIES = 10  # messages one actor call sends, so that several workers share a burst
POISON_PAUSE = timedelta(minutes=5)

log = structlog.get_logger()


class Carrier(Protocol):
    """Takes work to whoever does it: Dramatiq, or the caller itself."""

    def check_requests(self, ids: Sequence[UUID]) -> None: ...

    def deliver(self, channel: str, ids: Sequence[UUID], handed_until: datetime) -> None: ...


class Inline:
    """Does the work on the spot: for tests, and while Redis is away."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def check_requests(self, ids: Sequence[UUID]) -> None:
        check_requests(self._runtime, ids)

    def deliver(self, channel: str, ids: Sequence[UUID], handed_until: datetime) -> None:
        deliver(self._runtime, channel, ids, handed_until)


def tick(runtime: Runtime, carrier: Carrier, watch: Watch) -> float:
    """One pass: hand out what is due. Returns how many seconds the loop may sleep.

    Dying after the hand-out loses nothing: what was handed out and not done comes up again.
    """
    clock, settings = runtime.clock, runtime.settings
    now, real_now = clock.now(), clock.real_now()
    with runtime.db.write() as session:
        watch.release_dead(session, real_now=real_now, monotonic=clock.monotonic())
        again_at = now + clock.business_span(settings.hand_over_seconds)
        requests = statements.hand_out_requests(session, now=now, again_at=again_at, most=HAND_OUT)
        messages: dict[str, list[UUID]] = {}
        until = real_now + timedelta(seconds=settings.hand_over_seconds)
        if not is_stopped(session):
            messages = statements.hand_out_notifications(session, real_now=real_now, again_at=until, most=HAND_OUT)
        wake_at = statements.next_wake(session)
    for start in range(0, len(requests), BATCH):
        carrier.check_requests(requests[start : start + BATCH])
    for channel, ids in messages.items():
        for start in range(0, len(ids), DELIVERIES):
            carrier.deliver(channel, ids[start : start + DELIVERIES], until)
    if HAND_OUT in (len(requests), sum(map(len, messages.values()))):
        return 0.0
    until_next = clock.real_seconds_until(wake_at) if wake_at else settings.tick_seconds
    return min(max(until_next, 0.01), settings.tick_seconds)


def check_requests(runtime: Runtime, ids: Sequence[UUID]) -> None:
    """Evaluate due requests and store what follows, in one transaction; a bad one does not hold up the rest."""
    try:
        _check(runtime, ids)
    except Unavailable:
        raise
    except Exception:
        log.exception("check_failed", requests=len(ids))
        for request_id in ids:
            _check_alone(runtime, request_id)


def _check(runtime: Runtime, ids: Sequence[UUID]) -> None:
    now, real_now = runtime.clock.now(), runtime.clock.real_now()
    with runtime.db.write() as session:
        requests = statements.due_requests(session, ids, now=now)
        terms = load_terms(session, [request.terms_digest for request in requests])
        timelines = load_timelines(session, [request.id for request in requests])
        cases = [Case(request, terms[request.terms_digest], timelines[request.id]) for request in requests]
        if cases:
            found = settle(session, cases, Directory(session, requests), now=now, real_now=real_now)
            log.info("checked", requests=len(cases), crossings=found)
        if len(cases) < len(ids):
            statements.hand_back_requests(session, ids, now=now)


def _check_alone(runtime: Runtime, request_id: UUID) -> None:
    try:
        _check(runtime, [request_id])
    except Unavailable:
        raise
    except Exception:
        log.exception("request_set_aside", request_id=str(request_id))
        with runtime.db.write() as session:
            push_forward(session, request_id, until=runtime.clock.now() + POISON_PAUSE)
