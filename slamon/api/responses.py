"""What the document says about answers: every problem a call can end in, and the headers of the good ones."""

from typing import Any

from pydantic import BaseModel

from slamon.http.problems import MEDIA_TYPE

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


def answers(
    *also: int, body: bool = False, etag: int | None = None, location: bool = False, job: type[BaseModel] | None = None
) -> Responses:
    """The `responses` of a route: the problems every call can end in, and `also` these.

    `etag` is the status of the good answer that carries one; `location` adds where the new record is. `job` is the
    model of a 202, where it may be one.
    """
    statuses = sorted({*_ALWAYS, *also, *(_WITH_BODY if body else ())})
    told: Responses = {
        status: {"description": _TOLD[status], "content": PROBLEM, "headers": _HEADERS.get(status, {})}
        for status in statuses
    }
    if etag is not None:
        told[etag] = {"headers": {**_ETAG, **(_LOCATION if location else {})}}
    if job is not None:
        told[202] = {"model": job, "description": "Worked out in the background; ask for the job.", "headers": _JOB}
    return told
