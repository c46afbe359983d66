"""The JSON API under /v1: thin. It parses, calls one use case in one transaction, and answers."""

from functools import cache, partial
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
from slamon.api.policies import policy_routes
from slamon.api.records import policy_lines, record_routers, routes_of
from slamon.domain.catalogue import Catalogue
from slamon.http import problems
from slamon.http.middleware import Middleware
from slamon.http.transaction import Gate, Known, Route, by_key, may
from slamon.runtime import Runtime
from slamon.schemas.open_names import with_names
from slamon.schemas.policies import policy_models
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
    policy_questions, policy_records = _policy_routers(runtime.catalogue)
    first = [
        requests.filing_router(runtime.catalogue),
        requests.router,
        requests.action_router(runtime.catalogue, runtime.words),
        attachments.router,
        clocks.router,
        outstanding_items.router,
        policies.router,
        policy_questions,
        term_changes.router,
        term_changes.calendar_router,
    ]
    last = [drafts.router, shutdowns.router, jobs.router, messages.router, access.router]
    routers = [*first, *record_routers(runtime.registered), policy_records, *last, *others]
    routers.append(_document_route(app))
    app.state.api_routes = [route for router in routers for route in router.routes]
    app.router.routes += app.state.api_routes  # as they are: including a router builds each of its routes again
    app.openapi = partial(openapi_document, app)  # type: ignore[method-assign]  # FastAPI's own lacks the problems


@cache
def _policy_routers(catalogue: Catalogue) -> tuple[APIRouter, APIRouter]:
    """The routes whose models name the clocks: questions about policy lines, and the lines; built once a catalogue."""
    models = policy_models(catalogue.clocks)
    return policy_routes(models), routes_of(policy_lines(models))


def openapi_document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of the API; `app.openapi()` gives the same."""
    document = FastAPI.openapi(app)
    schemas = document["components"]["schemas"]
    schemas.update(_problem_schemas())
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    document = with_names(document, app.state.runtime.catalogue, app.state.runtime.registered.names)
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
