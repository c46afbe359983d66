"""Runs the demo for a test: a real server on a free port, in a thread, and a way to wait for what it does."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import httpx
import pytest

from slamon.demo.run import listen, server_of, staged
from slamon.demo.stage import Stage

Found = TypeVar("Found")


@contextmanager
def running_demo(*, speed: float, empty: bool = False) -> Iterator[tuple[Stage, httpx.Client]]:
    """The stage, and a browser that is not signed in. Speed is business seconds a real second."""
    with listen(0) as listener, staged(listener, speed=speed, empty=empty) as (app, stage):
        server = server_of(app, lifespan="on")
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            with httpx.Client(base_url=stage.base_url, trust_env=False, timeout=20) as browser:
                yield stage, browser
        finally:
            server.should_exit = True
            thread.join(timeout=10)


def eventually(look: Callable[[], Found | None], what: str, *, seconds: float = 30) -> Found:
    """What `look` finds, as soon as it finds something. Fails, naming `what`, when the time is up."""
    turns = threading.Event()
    for _ in range(int(seconds / 0.05)):
        found = look()
        if found:
            return found
        turns.wait(0.05)
    pytest.fail(f"waited {seconds} s for {what}")
