"""What machines ask: does the process answer, is the installation ready, how does it fare. Nobody signs in for these.

They answer within seconds whatever hangs: a look at the database runs in a thread of its own, one at a time.
"""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4
from sqlalchemy.exc import SQLAlchemyError

from slamon import __version__
from slamon.clock import Clock
from slamon.db import schema
from slamon.engine import health, metrics
from slamon.engine.health import Health
from slamon.errors import Unavailable
from slamon.runtime import Runtime

FRESH_SECONDS = 2.0  # so long an answer serves all who ask
PATIENCE_SECONDS = 3.0
AWAY = "database unavailable"

Seen = TypeVar("Seen")


class Lookout(Generic[Seen]):
    """The newest result of a look that may hang: looks are made one at a time, and nobody waits longer than a probe."""

    def __init__(self, look: Callable[[], Seen], clock: Clock) -> None:
        self._look = look
        self._clock = clock
        self._began = float("-inf")
        self._looking: asyncio.Future[Seen] | None = None

    async def seen(self, instead: Seen) -> Seen:
        """What was seen; `instead` where the look has not come back in time."""
        looking = self._looking
        is_stale = self._clock.monotonic() - self._began > FRESH_SECONDS
        if looking is None or looking.cancelled() or (looking.done() and is_stale):
            self._began = self._clock.monotonic()
            limiter = CapacityLimiter(1)  # not the pool of the handlers: all of those may hang on the same database
            call = to_thread.run_sync(self._look, abandon_on_cancel=True, limiter=limiter)
            looking = self._looking = asyncio.ensure_future(call)
        if not looking.done():
            await asyncio.wait((looking,), timeout=PATIENCE_SECONDS)
        return looking.result() if looking.done() else instead


def probes(runtime: Runtime) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    database = Lookout[Health | str](lambda: _look(runtime), runtime.clock)
    broker = Lookout[bool | None](lambda: health.broker_answers(runtime.settings), runtime.clock)

    @router.get("/livez")
    async def livez() -> dict[str, str]:
        """The process answers."""
        return {"status": "ok"}

    @router.get("/readyz")
    async def readyz() -> JSONResponse:
        """The database answers and has this release's schema, and what is due is being done."""
        seen, answers = await asyncio.gather(database.seen(AWAY), broker.seen(False))
        if not isinstance(seen, Health):
            return JSONResponse({"status": seen}, status_code=503)
        if seen.troubles:
            words = {trouble.topic: trouble.words for trouble in seen.troubles}
            return JSONResponse({"status": "standing still", "troubles": words}, status_code=503)
        degraded = {} if answers is not False else {"degraded": health.BROKER_AWAY}
        return JSONResponse({"status": "ok", "release": __version__, **degraded})

    @router.get("/metrics")
    async def figures() -> Response:
        """For Prometheus."""
        seen, answers = await asyncio.gather(database.seen(AWAY), broker.seen(False))
        text = metrics.exposition(seen if isinstance(seen, Health) else None, answers)
        return Response(text, media_type=CONTENT_TYPE_PLAIN_0_0_4)

    return router


def _look(runtime: Runtime) -> Health | str:
    """How the installation stands, or what keeps us from seeing it."""
    try:
        if schema.refusal(runtime.db):
            return "schema out of date; run 'slamon migrate'"
        with runtime.db.read() as session:
            return health.look(session, runtime)
    except (SQLAlchemyError, Unavailable):
        return AWAY
