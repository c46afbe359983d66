"""What `dramatiq workers.main` runs: the actors on the Redis broker, with a heart-beat a process."""

import threading
from typing import Any

import dramatiq

from slamon.config import Settings
from slamon.runtime import build_runtime
from workers.actors import Actors
from workers.broker import build_broker
from workers.ticker import in_thread, run_heartbeat

settings = Settings()
if settings.is_embedded:
    raise SystemExit("SLAMON_REDIS_URL is not set. Without Redis, 'slamon serve' runs everything in one process.")
runtime = build_runtime(settings)
broker = build_broker(settings)
actors = Actors(runtime, broker)


class Heartbeat(dramatiq.Middleware):
    """Beats while the worker runs."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def after_process_boot(self, broker: dramatiq.Broker) -> None:
        self._thread = in_thread("slamon-heartbeat", run_heartbeat, runtime, "worker", self._stopping)

    def after_worker_shutdown(self, broker: dramatiq.Broker, worker: Any) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout=5)


broker.add_middleware(Heartbeat())
