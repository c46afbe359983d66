"""Routes for filing and acting, which have a small thread pool of their own."""

from collections.abc import Callable, Coroutine
from functools import partial, wraps
from typing import Any

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar
from fastapi import Request, Response

from slamon.http.transaction import Done, Route

ACT_THREADS = 4


class ActRoute(Route):
    """A route whose POSTs run in `ACT_THREADS` threads of their own.

    They are short and bound by the GIL and the database: more threads only raise latency. Pages, files and exports use
    the framework's pool and cannot starve them.
    """

    async def in_thread(self, work: Callable[[], Done]) -> Done:
        if "POST" not in (self.methods or ()):
            return await super().in_thread(work)
        return await to_thread.run_sync(work, limiter=_few_threads())

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        work = self.endpoint

        @wraps(work)
        async def run(**given: Any) -> Any:
            return await self.in_thread(partial(work, **given))

        self.dependant.call = run
        return super().get_route_handler()


_LIMITER: RunVar[CapacityLimiter] = RunVar("threads for acts")  # one for each event loop


def _few_threads() -> CapacityLimiter:
    try:
        return _LIMITER.get()
    except LookupError:
        limiter = CapacityLimiter(ACT_THREADS)
        _LIMITER.set(limiter)
        return limiter
