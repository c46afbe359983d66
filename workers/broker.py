"""The Dramatiq broker: Redis where one is named, else in this process's memory."""

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker
from dramatiq.brokers.stub import StubBroker
from dramatiq.middleware import Callbacks, CurrentMessage, Pipelines, ShutdownNotifications

from slamon.config import Settings
from slamon.db import schema

ENQUEUE_TIMEOUT_SECONDS = 1
LONGEST_NAP_MS = 50


class PromptRedisBroker(RedisBroker):
    """Looks for work at least every 50 ms; Dramatiq's own idle workers sleep up to a second."""

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = LONGEST_NAP_MS) -> dramatiq.Consumer:
        return super().consume(queue_name, prefetch, min(timeout, LONGEST_NAP_MS))


def build_broker(settings: Settings) -> dramatiq.Broker:
    """Without Dramatiq's retries, age and time limits: the database holds every deadline and every retry, ages compare
    the clocks of two hosts, and a time limit may strike between a message's sending and its result. Each call to the
    outside has a time-out of its own.
    """
    middleware = [ShutdownNotifications(), Callbacks(), Pipelines(), CurrentMessage()]
    broker: dramatiq.Broker
    if settings.redis_url is None:
        broker = StubBroker(middleware=middleware)
    else:
        client = redis.Redis.from_url(
            settings.redis_url,
            socket_connect_timeout=ENQUEUE_TIMEOUT_SECONDS,
            socket_timeout=ENQUEUE_TIMEOUT_SECONDS,
        )
        # During an upgrade two releases run: each speaks to its own workers, and the old ones eat nothing of the new.
        namespace = f"dramatiq-{schema.newest_revision()}"
        broker = PromptRedisBroker(client=client, middleware=middleware, namespace=namespace)  # type: ignore[no-untyped-call]
    dramatiq.set_broker(broker)
    return broker
