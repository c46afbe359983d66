"""The HTTP application: the JSON API, the pages, the probes, and in embedded mode the workers beside them."""

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from importlib.resources import files

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from slamon import __version__
from slamon.api import build_api
from slamon.api.imports import router as imports_router
from slamon.api.probes import probes
from slamon.runtime import Runtime
from slamon.web import build_pages
from workers.embedded import embedded_workers
from workers.heartbeat import beating
from workers.watching import watching


def create_app(runtime: Runtime, *, with_workers: bool = True) -> FastAPI:
    """The application over `runtime`.

    Beside it run the auditor, and the workers in embedded mode, else its heart-beat; nothing with `with_workers=False`.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        with ExitStack() as beside:
            if with_workers:
                embedded = runtime.settings.is_embedded
                beside.enter_context(embedded_workers(runtime) if embedded else beating(runtime, "api"))
                beside.enter_context(watching(runtime))
            yield

    app = FastAPI(
        title="slamon",
        version=__version__,
        summary="Requests to contract manufacturers, their clocks and escalations.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,  # it would redirect to whatever the Host header names
    )
    app.state.runtime = runtime
    build_api(app, imports_router)
    build_pages(app)
    app.mount("/static", StaticFiles(directory=str(files("slamon.web") / "static")), name="static")
    app.include_router(probes(runtime))
    return app
