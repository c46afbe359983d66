"""The loop: asks the engine what is due, hands it out, sleeps. Any number of tickers may run."""

import threading

import structlog

from slamon.engine.cycle import Dispatcher, tick
from slamon.engine.heartbeat import Watch
from slamon.runtime import Runtime
from workers.dispatchers import FailoverDispatcher, LocalDispatcher
from workers.senders import Senders

log = structlog.get_logger()


def run_loop(runtime: Runtime, carrier: Dispatcher, senders: Senders, stopping: threading.Event) -> None:
    """Tick until told to stop; a database that is away, or made for another release, is waited for."""
    clock, vitals = runtime.clock, runtime.vitals
    watch = Watch(runtime.settings.heartbeat_seconds * runtime.settings.dead_after_beats)
    carrier = FailoverDispatcher(carrier, LocalDispatcher(runtime, senders), clock)
    while not stopping.is_set():
        if vitals.stands_back:
            stopping.wait(runtime.settings.heartbeat_seconds)
            continue
        try:
            began = clock.monotonic()
            pause = tick(runtime, carrier, watch)
            vitals.passed_at = clock.monotonic()
            vitals.pass_seconds = vitals.passed_at - began
        except Exception:
            log.exception("tick_failed")
            watch.start_anew()
            pause = 1.0
        stopping.wait(pause)
