"""What `dramatiq workers.main` runs: the actors on the Redis broker, with a heart-beat a process."""

from contextlib import ExitStack
from typing import Any

import dramatiq

from slamon.config import Settings
from slamon.runtime import build_runtime
from workers.actors import Actors
from workers.broker import build_broker
from workers.heartbeat import beating
from workers.senders import Senders

settings = Settings()
if settings.is_embedded:
    raise SystemExit("SLAMON_REDIS_URL is not set. Without Redis, 'slamon serve' runs everything in one process.")
runtime = build_runtime(settings)
broker = build_broker(settings)
senders = Senders(runtime)
actors = Actors(runtime, broker, senders)


class Beside(dramatiq.Middleware):
    """What runs beside the worker's own threads: the heart-beat and the senders."""

    def __init__(self) -> None:
        self._open = ExitStack()

    def after_process_boot(self, broker: dramatiq.Broker) -> None:
        self._open.enter_context(beating(runtime, "worker"))
        self._open.enter_context(senders)

    def after_worker_shutdown(self, broker: dramatiq.Broker, worker: Any) -> None:
        self._open.close()


broker.add_middleware(Beside())
