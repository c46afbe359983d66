"""The actors: names and limits for the engine's work. They carry ids; the database says what is still to do."""

from collections.abc import Sequence
from uuid import UUID

import dramatiq

from slamon.engine import cycle, deliver
from slamon.runtime import Runtime

OLD_MESSAGES_MS = 60_000  # handed out again long before; an old hand-over only costs a look


class Actors:
    """A `Carrier` that takes work to Dramatiq's workers."""

    def __init__(self, runtime: Runtime, broker: dramatiq.Broker) -> None:
        def check_requests(ids: list[str]) -> None:
            cycle.check_requests(runtime, [UUID(request_id) for request_id in ids])

        def deliver_messages(ids: list[str]) -> None:
            deliver.deliver(runtime, [UUID(notification_id) for notification_id in ids])

        limits = {"broker": broker, "time_limit": 120_000, "max_age": OLD_MESSAGES_MS}
        self._check = dramatiq.actor(check_requests, actor_name="check_requests", queue_name="check", **limits)
        self._deliver = dramatiq.actor(deliver_messages, actor_name="deliver", queue_name="deliver", **limits)

    def check_requests(self, ids: Sequence[UUID]) -> None:
        self._check.send([str(request_id) for request_id in ids])

    def deliver(self, ids: Sequence[UUID]) -> None:
        self._deliver.send([str(notification_id) for notification_id in ids])
