"""The threads that send: a few for each channel, so that a far side that hangs fills its own and holds up no other."""

import threading
from collections.abc import Sequence
from datetime import datetime
from queue import SimpleQueue
from uuid import UUID

import structlog

from slamon.engine.deliver import deliver
from slamon.runtime import Runtime
from workers.heartbeat import in_thread

STOP_SECONDS = 3

log = structlog.get_logger()


class Senders:
    """Send while the block runs. Leaving it waits a moment for the calls in hand and drops what is not begun.

    What is dropped here, waits until its time is over or until this process stands back, comes up again by itself.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._waiting: dict[str, SimpleQueue[tuple[Sequence[UUID], datetime] | None]] = {
            channel: SimpleQueue() for channel in runtime.registered.names
        }
        self._threads: list[threading.Thread] = []
        self._stopping = threading.Event()

    def deliver(self, channel: str, ids: Sequence[UUID], handed_until: datetime) -> None:
        self._waiting[channel].put((ids, handed_until))

    def __enter__(self) -> "Senders":
        threads = max(1, self._runtime.settings.worker_threads // 2)
        for channel in self._runtime.registered:
            for _ in range(min(threads, channel.most_senders or threads)):
                self._threads.append(in_thread(f"slamon-{channel.name}", self._send, channel.name))
        return self

    def __exit__(self, *_error: object) -> None:
        self._stopping.set()
        for waiting in self._waiting.values():
            for _ in self._threads:
                waiting.put(None)
        deadline = self._runtime.clock.monotonic() + STOP_SECONDS
        for thread in self._threads:
            thread.join(timeout=max(0.0, deadline - self._runtime.clock.monotonic()))

    def _send(self, channel: str) -> None:
        while (work := self._waiting[channel].get()) is not None and not self._stopping.is_set():
            ids, handed_until = work
            if self._runtime.vitals.stands_back or self._runtime.clock.real_now() >= handed_until:
                continue
            try:
                deliver(self._runtime, ids, handed_until)
            except Exception:
                log.exception("sending_broke", channel=channel)
