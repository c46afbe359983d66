"""Everything in one process: an in-memory broker and its worker threads, the loop and the heart-beat beside the API."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import dramatiq

from slamon.runtime import Runtime
from workers.actors import Actors
from workers.broker import build_broker
from workers.heartbeat import beating, in_thread
from workers.senders import Senders
from workers.ticker import run_loop

STOP_TIMEOUT_MS = 4000


@contextmanager
def embedded_workers(runtime: Runtime) -> Iterator[None]:
    """Run the workers while the block runs; leaving it finishes what is in hand and stops them."""
    broker = build_broker(runtime.settings)
    senders = Senders(runtime)
    actors = Actors(runtime, broker, senders)
    broker.emit_after("process_boot")  # as Dramatiq's own command does before it starts a worker
    worker = dramatiq.Worker(broker, worker_threads=runtime.settings.worker_threads)
    stopping = threading.Event()
    with beating(runtime, "embedded"), senders:
        worker.start()
        loop = in_thread("slamon-loop", run_loop, runtime, actors, senders, stopping)
        try:
            yield
        finally:
            stopping.set()
            loop.join(timeout=5)
            worker.stop(timeout=STOP_TIMEOUT_MS)
            broker.close()
