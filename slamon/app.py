"""The HTTP application: the JSON API, the pages, health, and in embedded mode the workers beside them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from importlib.resources import files

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from sqlalchemy.exc import SQLAlchemyError

from slamon import __version__
from slamon.api import build_api
from slamon.db import schema
from slamon.imports.api import router as imports_router
from slamon.runtime import Runtime
from slamon.web import build_pages
from workers.beating import beating
from workers.embedded import embedded_workers


def create_app(runtime: Runtime, *, with_workers: bool = True) -> FastAPI:
    """The application over `runtime`.

    Beside it run the workers in embedded mode, else its heart-beat alone; nothing with `with_workers=False`.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        beside = embedded_workers(runtime) if runtime.settings.is_embedded else beating(runtime, "api")
        with beside if with_workers else nullcontext():
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
    app.include_router(imports_router)
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
        except SQLAlchemyError:
            return JSONResponse({"status": "database unavailable"}, status_code=503)
        if revision != schema.newest_revision():
            return JSONResponse({"status": "schema out of date; run 'slamon migrate'"}, status_code=503)
        return JSONResponse({"status": "ok", "release": __version__, "schema": revision})
