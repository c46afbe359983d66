"""The actors: names and priorities for the engine's work. They carry ids; the database says what is still to do."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

import dramatiq

from slamon.engine import cycle, jobs
from slamon.runtime import Runtime
from workers.dispatchers import FailoverDispatcher, LocalDispatcher
from workers.senders import Senders


class Actors:
    """A `Carrier` that takes work to Dramatiq's workers, which leave the sending to their `senders`."""

    def __init__(self, runtime: Runtime, broker: dramatiq.Broker, senders: Senders) -> None:
        vitals = runtime.vitals
        or_here = FailoverDispatcher(self, LocalDispatcher(runtime, senders), runtime.clock)

        def check_requests(ids: list[str]) -> None:
            if not vitals.stands_back:
                cycle.check_requests(runtime, or_here, [UUID(request_id) for request_id in ids])

        def deliver_messages(channel: str, ids: list[str], lease_until: str) -> None:
            if not vitals.stands_back:
                messages = [UUID(notification_id) for notification_id in ids]
                senders.deliver(channel, messages, datetime.fromisoformat(lease_until))

        def work_on_job(job_id: str) -> None:
            if not vitals.stands_back:
                jobs.work_on_job(runtime, UUID(job_id))

        declare = partial(dramatiq.Actor, broker=broker, queue_name="work", options={})
        self._check = declare(check_requests, actor_name="check_requests", priority=10)
        self._deliver = declare(deliver_messages, actor_name="deliver", priority=0)
        self._work_on = declare(work_on_job, actor_name="work_on_job", priority=20)

    def check_requests(self, ids: Sequence[UUID]) -> None:
        self._check.send([str(request_id) for request_id in ids])

    def deliver(self, channel: str, ids: Sequence[UUID], lease_until: datetime) -> None:
        self._deliver.send(channel, [str(notification_id) for notification_id in ids], lease_until.isoformat())

    def work_on_job(self, job_id: UUID) -> None:
        self._work_on.send(str(job_id))
