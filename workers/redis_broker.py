"""The Dramatiq broker on Redis or Valkey. Imported where one is named: one process without Redis need not load it."""

from typing import Any

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker
from dramatiq.errors import ConnectionFailed

ENQUEUE_TIMEOUT_SECONDS = 1
LONGEST_NAP_MS = 50


class PromptRedisBroker(RedisBroker):
    """Looks for work at least every 50 ms; Dramatiq's own idle workers sleep up to a second.

    A Redis that is away or silent is a BrokerError to whoever enqueues.
    """

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = LONGEST_NAP_MS) -> dramatiq.Consumer:
        return super().consume(queue_name, prefetch, min(timeout, LONGEST_NAP_MS))

    def enqueue(self, message: dramatiq.Message[Any], *, delay: int | None = None) -> dramatiq.Message[Any]:
        try:
            return super().enqueue(message, delay=delay)
        except redis.RedisError as error:
            raise ConnectionFailed(str(error)) from error  # type: ignore[no-untyped-call]


def redis_broker(url: str, namespace: str, middleware: list[dramatiq.Middleware]) -> dramatiq.Broker:
    client = redis.Redis.from_url(
        url, socket_connect_timeout=ENQUEUE_TIMEOUT_SECONDS, socket_timeout=ENQUEUE_TIMEOUT_SECONDS
    )
    return PromptRedisBroker(client=client, middleware=middleware, namespace=namespace)  # type: ignore[no-untyped-call]
