"""The watchdog's thread, beside the API and in every ticker."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from slamon.engine.watchdog import Watchdog
from slamon.runtime import Runtime
from workers.heartbeat import in_thread

log = structlog.get_logger()


@contextmanager
def watching(runtime: Runtime) -> Iterator[None]:
    """Look after the whole installation while the block runs, on a timer of its own."""
    stopping = threading.Event()
    thread = in_thread("slamon-watchdog", _look_until, runtime, stopping)
    try:
        yield
    finally:
        stopping.set()
        thread.join(timeout=1)  # it holds nothing that could be lost


def _look_until(runtime: Runtime, stopping: threading.Event) -> None:
    watchdog = Watchdog(runtime)
    while not stopping.wait(runtime.settings.standstill_seconds):
        try:
            if not runtime.vitals.stands_back:
                watchdog.look()
        except Exception:
            log.exception("audit_failed")
