"""The heart-beat thread every process has."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from slamon.engine import heartbeat
from slamon.runtime import Runtime

log = structlog.get_logger()


@contextmanager
def beating(runtime: Runtime, kind: str) -> Iterator[None]:
    """Beat while the block runs; leaving it gives back what this process still held."""
    stopping = threading.Event()
    thread = in_thread("slamon-heartbeat", _beat_until, runtime, kind, stopping)
    try:
        yield
    finally:
        stopping.set()
        thread.join(timeout=5)


def in_thread(name: str, target: Callable[..., None], *arguments: object) -> threading.Thread:
    thread = threading.Thread(target=target, name=name, args=arguments, daemon=True)
    thread.start()
    return thread


def _beat_until(runtime: Runtime, kind: str, stopping: threading.Event) -> None:
    beats = 0
    while True:
        _unless_away(lambda count=beats: heartbeat.beat(runtime, kind, count))  # type: ignore[misc]
        beats += 1
        if stopping.wait(runtime.settings.heartbeat_seconds):
            break
    _unless_away(lambda: heartbeat.sign_off(runtime))


def _unless_away(beat: Callable[[], None]) -> None:
    """A database that is away is waited for; the beats go on."""
    try:
        beat()
    except Exception:
        log.exception("heartbeat_failed")
