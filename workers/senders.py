"""The threads that send: some for each channel, so that a far side that hangs fills its own and holds up no other."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog

from slamon.engine.deliver import deliver
from slamon.runtime import Runtime
from workers.heartbeat import in_thread

STOP_SECONDS = 3
QUICK_SECONDS = 0.005  # below that a second thread only competes with the first for the interpreter
STUCK_SECONDS = 0.5  # a thread that has worked on its batch for longer does not keep another from the next one
LOOK_AGAIN_SECONDS = 0.05

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages of one channel, to be begun before `lease_until` (real time)."""

    ids: Sequence[UUID]
    lease_until: datetime


class Lane:
    """The batches of one channel, and how many of up to `most` threads work on them at once.

    One while the far side answers within `QUICK_SECONDS`, one more for each time that its calls take as long again.
    """

    def __init__(self, most: int, monotonic: Callable[[], float]) -> None:
        self._most, self._monotonic = most, monotonic
        self._wanted = 1
        self._batches: deque[Batch] = deque()
        self._began: dict[int, float] = {}  # by thread
        self._changed = threading.Condition()
        self._is_closed = False

    def put(self, batch: Batch) -> None:
        with self._changed:
            self._batches.append(batch)
            self._changed.notify()

    def take(self) -> Batch | None:
        """The next batch, once this thread may work on it; None when the lane is closed. `done` must follow."""
        with self._changed:
            while not self._is_closed and not (self._batches and self._has_room()):
                self._changed.wait(LOOK_AGAIN_SECONDS if self._batches else None)
            if self._is_closed:
                return None
            self._began[threading.get_ident()] = self._monotonic()
            return self._batches.popleft()

    def done(self, quickest_call: float | None) -> None:
        """This thread is done with its batch; `quickest_call` in seconds, None where none was made.

        The quickest says most about the far side: the others may have waited for this process.
        """
        with self._changed:
            del self._began[threading.get_ident()]
            if quickest_call is not None:
                self._wanted = min(self._most, 1 + int(quickest_call / QUICK_SECONDS))
            self._changed.notify_all()

    def close(self) -> None:
        """Drop what is not begun."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def _has_room(self) -> bool:
        stuck = self._monotonic() - STUCK_SECONDS
        return sum(began > stuck for began in self._began.values()) < self._wanted


class Senders:
    """Send while the block runs. Leaving it waits a moment for the calls in hand and drops what is not begun.

    What is dropped here, waits until its time is over or until this process stands back, comes up again by itself.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        most = max(1, runtime.settings.worker_threads // 2)
        self._threads_of = {channel.name: min(most, channel.most_senders or most) for channel in runtime.registered}
        self._lanes = {name: Lane(threads, runtime.clock.monotonic) for name, threads in self._threads_of.items()}
        self._threads: list[threading.Thread] = []

    def deliver(self, channel: str, ids: Sequence[UUID], lease_until: datetime) -> None:
        self._lanes[channel].put(Batch(ids, lease_until))

    def __enter__(self) -> "Senders":
        for channel, lane in self._lanes.items():
            threads = range(self._threads_of[channel])
            self._threads += [in_thread(f"slamon-{channel}", self._send, channel, lane) for _ in threads]
        return self

    def __exit__(self, *_error: object) -> None:
        for lane in self._lanes.values():
            lane.close()
        deadline = self._runtime.clock.monotonic() + STOP_SECONDS
        for thread in self._threads:
            thread.join(timeout=max(0.0, deadline - self._runtime.clock.monotonic()))

    def _send(self, channel: str, lane: Lane) -> None:
        while (batch := lane.take()) is not None:
            quickest = None
            try:
                if not self._runtime.vitals.stands_back and self._runtime.clock.real_now() < batch.lease_until:
                    quickest = deliver(self._runtime, batch.ids, batch.lease_until)
            except Exception:
                log.exception("sending_broke", channel=channel)
            finally:
                lane.done(quickest)
