"""What every route of the API has in common, and what the document says about its answers."""

from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute

from slamon.http.problems import MEDIA_TYPE
from slamon.http.transaction import Route, by_key
from slamon.schemas.jobs import Job

_TOLD = {
    400: "The body is not JSON.",
    401: "No API key, or one that is unknown or revoked.",
    403: "The caller may not do this.",
    404: "No such record, or none this caller may see.",
    409: "Contradicts what is stored. For an action: not possible now; `possible` says what is.",
    412: "The record has changed since the version in If-Match.",
    413: "The body is too large.",
    415: "The body is of another media type.",
    422: "A value was refused; `errors` names each field.",
    429: "Too many calls; `Retry-After` says when to come back.",
    500: "The stored file is gone or not what was uploaded. It is not handed out; the trail keeps this.",
    503: "Out of service for a moment; nothing was stored.",
}
_ALWAYS = (401, 403, 422, 429, 503)
_WITH_BODY = (400, 413, 415)
_SECONDS = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}}
_HEADERS = {401: {"WWW-Authenticate": {"schema": {"type": "string"}}}, 429: _SECONDS, 503: _SECONDS}
_ETAG = {"ETag": {"schema": {"type": "string"}, "description": "The version, for If-Match."}}
_LOCATION = {"Location": {"schema": {"type": "string"}, "description": "Where the new record is."}}
_JOB = {"Location": {"schema": {"type": "string"}, "description": "Where the job is."}}
PROBLEM = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}

Responses = dict[int | str, dict[str, Any]]


def router_at(prefix: str, *tags: str, route_class: type[Route] = Route) -> APIRouter:
    """Routes for callers with a key. In the document an operation is named after its function."""
    return APIRouter(
        prefix=prefix, tags=list(tags), route_class=route_class, dependencies=[by_key],
        generate_unique_id_function=_operation_id,
    )  # fmt: skip


def _operation_id(route: APIRoute) -> str:
    return camel(route.name)


def camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


def described(
    model: Any, right: Any, summary: str, *problems: int,
    body: bool = False, etag: bool = False, is_new: bool = False, job: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Arguments for a route: its answer, the right it takes (`may`, `may_on_record`), the problems it can end in.

    `is_new`: the answer is a record that was made, with its address and ETag. `job`: it is, or may be, a job.
    """
    told = answers(*problems, body=body)
    if etag or is_new:
        told[201 if is_new else 200] = {"headers": {**_ETAG, **(_LOCATION if is_new else {})}}
    if job:
        told[202] = {"model": Job, "description": "Worked out in the background; ask for the job.", "headers": _JOB}
    status = {"status_code": 201} if is_new else {}
    return {"response_model": model, "dependencies": [right], "summary": summary, "responses": told, **status}


def answers(*also: int, body: bool = False) -> Responses:
    """The `responses` of a route: the problems every call can end in, and `also` these."""
    statuses = sorted({*_ALWAYS, *also, *(_WITH_BODY if body else ())})
    return {
        status: {"description": _TOLD[status], "content": PROBLEM, "headers": _HEADERS.get(status, {})}
        for status in statuses
    }
