"""The Dramatiq broker: Redis where one is named, else in this process's memory."""

import dramatiq
from dramatiq.brokers.stub import StubBroker
from dramatiq.middleware import Callbacks, CurrentMessage, Pipelines, ShutdownNotifications

from slamon.config import Settings
from slamon.db import schema


def build_broker(settings: Settings) -> dramatiq.Broker:
    """Without Dramatiq's retries, age and time limits: the database holds every deadline and every retry, ages compare
    the clocks of two hosts, and a time limit may strike between a message's sending and its result. Each call to the
    outside has a time-out of its own.
    """
    middleware: list[dramatiq.Middleware] = [ShutdownNotifications(), Callbacks(), Pipelines(), CurrentMessage()]
    broker: dramatiq.Broker
    if settings.redis_url is None:
        broker = StubBroker(middleware=middleware)
    else:
        from workers.redis_broker import redis_broker

        # During an upgrade two releases run: each speaks to its own workers, and the old ones eat nothing of the new.
        broker = redis_broker(settings.redis_url, f"dramatiq-{schema.newest_revision()}", middleware)
    dramatiq.set_broker(broker)
    return broker
