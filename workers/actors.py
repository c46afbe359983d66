"""The actors: names and limits for the engine's work. They carry ids; the database says what is still to do."""

from collections.abc import Sequence
from functools import partial
from uuid import UUID

import dramatiq

from slamon.engine import cycle, deliver
from slamon.runtime import Runtime

# An old hand-over was repeated long ago, so a message may expire in the queue.
LIMITS = {"time_limit": 120_000, "max_age": 60_000}


class Actors:
    """A `Carrier` that takes work to Dramatiq's workers."""

    def __init__(self, runtime: Runtime, broker: dramatiq.Broker) -> None:
        def check_requests(ids: list[str]) -> None:
            cycle.check_requests(runtime, [UUID(request_id) for request_id in ids])

        def deliver_messages(ids: list[str]) -> None:
            deliver.deliver(runtime, [UUID(notification_id) for notification_id in ids])

        declare = partial(dramatiq.Actor, broker=broker, priority=0, options=LIMITS)
        self._check = declare(check_requests, actor_name="check_requests", queue_name="check")
        self._deliver = declare(deliver_messages, actor_name="deliver", queue_name="deliver")

    def check_requests(self, ids: Sequence[UUID]) -> None:
        self._check.send([str(request_id) for request_id in ids])

    def deliver(self, ids: Sequence[UUID]) -> None:
        self._deliver.send([str(notification_id) for notification_id in ids])
