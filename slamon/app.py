"""The HTTP application: the JSON API, the pages, health, and in embedded mode the workers beside them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles

from slamon import __version__
from slamon.api import build_api
from slamon.db import schema
from slamon.errors import Unavailable
from slamon.runtime import Runtime
from slamon.web import build_pages
from workers.embedded import embedded_workers


def create_app(runtime: Runtime, *, with_workers: bool | None = None) -> FastAPI:
    """The application over `runtime`. Workers run inside it in embedded mode, unless the caller says otherwise."""
    workers_here = runtime.settings.is_embedded if with_workers is None else with_workers

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        if workers_here:
            with embedded_workers(runtime):
                yield
        else:
            yield

    app = FastAPI(
        title="slamon",
        version=__version__,
        summary="Requests to contract manufacturers, their clocks and escalations.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.state.runtime = runtime
    build_api(app)
    build_pages(app)
    app.mount("/static", StaticFiles(directory=str(files("slamon.web") / "static")), name="static")
    _add_health(app, runtime)
    return app


def _add_health(app: FastAPI, runtime: Runtime) -> None:
    @app.get("/livez", include_in_schema=False)
    def livez() -> dict[str, str]:
        """The process answers."""
        return {"status": "ok"}

    @app.get("/readyz", include_in_schema=False)
    def readyz() -> JSONResponse:
        """The database answers and has this release's schema."""
        try:
            revision = schema.current_revision(runtime.db)
        except (Unavailable, OSError):
            return JSONResponse({"status": "database unavailable"}, status_code=503)
        if revision != schema.newest_revision():
            return JSONResponse({"status": "schema out of date; run 'slamon migrate'"}, status_code=503)
        return JSONResponse({"status": "ok", "release": __version__, "schema": revision})
