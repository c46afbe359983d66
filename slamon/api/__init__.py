"""The JSON API under /v1: thin. It parses, calls one use case in one transaction, and answers."""

from functools import partial
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.responses import JSONResponse

from slamon.api import (
    access,
    attachments,
    clocks,
    drafts,
    jobs,
    messages,
    outstanding_items,
    policies,
    requests,
    shutdowns,
    term_changes,
)
from slamon.api.records import ROUTERS
from slamon.http import problems
from slamon.http.middleware import Middleware
from slamon.http.transaction import Gate, Known, Route, by_key, may
from slamon.runtime import Runtime
from slamon.services.access.rights import Deed


def build_api(app: FastAPI, *others: APIRouter) -> None:
    """Put the API into the application: its routes, its errors, and what stands around every HTTP request.

    `others` are routers of rooms above this one.
    """
    runtime: Runtime = app.state.runtime
    app.state.gate = Gate(runtime)
    problems.install(app)
    app.add_middleware(Middleware, runtime=runtime)
    # The busiest first, as they are tried in turn. Rules before records: /v1/policies/resolve is not a policy's id.
    first = [
        requests.router,
        attachments.router,
        clocks.router,
        outstanding_items.router,
        policies.router,
        term_changes.router,
    ]
    last = [drafts.router, shutdowns.router, jobs.router, messages.router, access.router]
    routers = [*first, *ROUTERS, *last, *others]
    routers.append(_document_route(app))
    acting = requests.action_routes(runtime.catalogue, runtime.words)
    rest = [route for router in routers[1:] for route in router.routes]
    app.state.api_routes = [*requests.router.routes, *acting, *rest]
    app.router.routes += app.state.api_routes  # as they are: including a router builds each of its routes again
    app.openapi = partial(openapi_document, app)  # type: ignore[method-assign]  # FastAPI's own lacks the problems


def openapi_document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of the API; `app.openapi()` gives the same."""
    document = FastAPI.openapi(app)
    schemas = document["components"]["schemas"]
    schemas.update(_problem_schemas())
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    document["security"] = [{"apiKey": []}]
    return document


def _problem_schemas() -> dict[str, Any]:
    schema = problems.Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    return {**schema.pop("$defs"), "Problem": schema}


def _document_route(app: FastAPI) -> APIRouter:
    router = APIRouter(route_class=Route, dependencies=[by_key, may(Deed.READ_DOCUMENT)])

    @router.get("/v1/openapi.json", include_in_schema=False)
    def document(call: Known) -> JSONResponse:
        """This API, described; for callers with a key, like everything under /v1."""
        call.ask()
        return JSONResponse(app.openapi())

    return router
