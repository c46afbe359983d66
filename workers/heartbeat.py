"""The heart-beat thread every process has."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from slamon.db import schema
from slamon.engine import heartbeat
from slamon.runtime import Runtime

log = structlog.get_logger()


@contextmanager
def beating(runtime: Runtime, kind: str) -> Iterator[None]:
    """Beat while the block runs; leaving it gives back what this process still held.

    With each beat it looks whether the schema is still this release's, and stands back while it is not.
    """
    _unless_away(lambda: _heed_schema(runtime))  # before it takes anything on
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
    beats = 0  # those that succeeded: the first one follows the database's clock
    while True:
        beats += _unless_away(lambda count=beats: heartbeat.beat(runtime, kind, count))  # type: ignore[misc]
        if stopping.wait(runtime.settings.heartbeat_seconds):
            break
        _unless_away(lambda: _heed_schema(runtime))
    _unless_away(lambda: heartbeat.sign_off(runtime))


def _heed_schema(runtime: Runtime) -> None:
    """During an upgrade processes of two releases run; those the database is not made for leave the work to the others.

    What they were handed comes up again by itself.
    """
    refusal = schema.refusal(runtime.db)
    if runtime.vitals.stands_back != (refusal is not None):
        runtime.vitals.stands_back = refusal is not None
        log.warning("stands_back" if refusal else "works_again", why=refusal)


def _unless_away(beat: Callable[[], None]) -> bool:
    """Whether it went well. A database that is away is waited for; the beats go on."""
    try:
        beat()
    except Exception:
        log.exception("heartbeat_failed")
        return False
    return True
