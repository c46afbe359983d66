"""How work finds somebody to do it when the broker cannot say: in this process."""

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

import structlog
from dramatiq.errors import BrokerError

from slamon.clock import Clock
from slamon.engine.cycle import Dispatcher, InlineDispatcher
from slamon.runtime import Runtime
from workers.senders import Senders

LEFT_ALONE_SECONDS = 5

log = structlog.get_logger()


class LocalDispatcher(InlineDispatcher):
    """Does the work in this process: checks at once, messages by its own senders."""

    def __init__(self, runtime: Runtime, senders: Senders) -> None:
        super().__init__(runtime)
        self._senders = senders

    def deliver(self, channel: str, ids: Sequence[UUID], lease_until: datetime) -> None:
        self._senders.deliver(channel, ids, lease_until)


class FailoverDispatcher:
    """A `Carrier` that keeps the work in this process while the broker is away.

    Asking one that hangs costs a second: after it failed it is left alone for a while.
    """

    def __init__(self, carrier: Dispatcher, here: Dispatcher, clock: Clock) -> None:
        self._carrier, self._here, self._clock = carrier, here, clock
        self._broker_away = False
        self._left_alone_until = float("-inf")

    def check_requests(self, ids: Sequence[UUID]) -> None:
        self._try(lambda carrier: carrier.check_requests(ids))

    def deliver(self, channel: str, ids: Sequence[UUID], lease_until: datetime) -> None:
        self._try(lambda carrier: carrier.deliver(channel, ids, lease_until))

    def work_on_job(self, job_id: UUID) -> None:
        self._try(lambda carrier: carrier.work_on_job(job_id))

    def _try(self, work: Callable[[Dispatcher], None]) -> None:
        if self._clock.monotonic() >= self._left_alone_until:
            try:
                work(self._carrier)
            except (BrokerError, OSError):
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
