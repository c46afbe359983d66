"""The loop: asks the engine what is due, hands it out, sleeps. Any number of tickers may run."""

import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

import structlog
from dramatiq.errors import BrokerError
from redis import RedisError

from slamon.clock import Clock
from slamon.engine.cycle import Carrier, Inline, tick
from slamon.engine.heartbeat import Watch
from slamon.runtime import Runtime
from workers.senders import Senders

LEFT_ALONE_SECONDS = 5

log = structlog.get_logger()


class Here(Inline):
    """Does the work in this process: checks at once, messages by its own senders."""

    def __init__(self, runtime: Runtime, senders: Senders) -> None:
        super().__init__(runtime)
        self._senders = senders

    def deliver(self, channel: str, ids: Sequence[UUID], handed_until: datetime) -> None:
        self._senders.deliver(channel, ids, handed_until)


class OrHere:
    """A `Carrier` that keeps the work in this process while the broker is away.

    Asking one that hangs costs a second: after it failed it is left alone for a while.
    """

    def __init__(self, carrier: Carrier, here: Carrier, clock: Clock) -> None:
        self._carrier, self._here, self._clock = carrier, here, clock
        self._broker_away = False
        self._left_alone_until = float("-inf")

    def check_requests(self, ids: Sequence[UUID]) -> None:
        self._try(lambda carrier: carrier.check_requests(ids))

    def deliver(self, channel: str, ids: Sequence[UUID], handed_until: datetime) -> None:
        self._try(lambda carrier: carrier.deliver(channel, ids, handed_until))

    def _try(self, work: Callable[[Carrier], None]) -> None:
        if self._clock.monotonic() >= self._left_alone_until:
            try:
                work(self._carrier)
            except (BrokerError, RedisError, OSError):
                self._noted(away=True)
                self._left_alone_until = self._clock.monotonic() + LEFT_ALONE_SECONDS
            else:
                self._noted(away=False)
                return
        work(self._here)

    def _noted(self, *, away: bool) -> None:
        if away != self._broker_away:
            self._broker_away = away
            log.warning("broker_away" if away else "broker_back")


def run_loop(runtime: Runtime, carrier: Carrier, senders: Senders, stopping: threading.Event) -> None:
    """Tick until told to stop; a database that is away, or made for another release, is waited for."""
    clock, vitals = runtime.clock, runtime.vitals
    watch = Watch(runtime.settings.heartbeat_seconds * runtime.settings.dead_after_beats)
    carrier = OrHere(carrier, Here(runtime, senders), clock)
    while not stopping.is_set():
        if vitals.stands_back:
            stopping.wait(runtime.settings.heartbeat_seconds)
            continue
        try:
            began = clock.monotonic()
            pause = tick(runtime, carrier, watch)
            vitals.passed_at = clock.monotonic()
            vitals.pass_seconds = vitals.passed_at - began
        except Exception:
            log.exception("tick_failed")
            watch.start_anew()
            pause = 1.0
        stopping.wait(pause)
