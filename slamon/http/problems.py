"""Errors as answers: RFC 9457 problems under /v1. The one place where slamon's error tree meets HTTP numbers.

Pages have their own errors: where `app.state.page_error` is set, it answers for every path outside /v1.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from slamon.domain.calendar import CalendarError
from slamon.domain.terms import TermsError
from slamon.errors import (
    ActionNotAllowed,
    AlreadyExists,
    Conflict,
    DeliveryError,
    FileDamaged,
    Forbidden,
    Invalid,
    KeyReused,
    LikelyDuplicate,
    LinkGone,
    NotFound,
    NotSignedIn,
    SlamonError,
    StaleVersion,
    StillHolds,
    TooLarge,
    TooMany,
    Unavailable,
)
from slamon.schemas.fields import Answer

MEDIA_TYPE = "application/problem+json"
PREFIX = "/v1"
PageError = Callable[[Request, Exception], Response]


class FieldError(BaseModel):
    field: str = Field(description="Dotted path in the body, or the name of the parameter or header.")
    message: str


class Alike(Answer):
    id: UUID
    number: str = Field(examples=["DAT-2026-000042"])
    subject: str
    same: str = Field(description="What both name.", examples=["lot"])


class Held(Answer):
    part: str = Field(
        description="project_manager, project_lead, cmo_lead, backup, contact, policy_owner, draft or policy.",
        examples=["contact"],
    )
    id: UUID = Field(description="The project, CMO, person, request, draft or policy line.")
    name: str = Field(examples=["DAT-2026-000042"])


class Problem(BaseModel):
    """What went wrong, after RFC 9457."""

    type: str = Field(description="A stable name for the kind of problem.", examples=["urn:slamon:problem:invalid"])
    title: str
    status: int
    detail: str | None = None
    request_id: str | None = Field(None, description="Quote it when you ask for help.")
    errors: list[FieldError] | None = Field(None, description="Every field that was refused.")
    possible: list[str] | None = Field(None, description="With 409: the actions possible now.")
    look_alikes: list[Alike] | None = Field(
        None, description="With 409: open requests that look like this one. Filing needs `file_anyway`."
    )
    holds: list[Held] | None = Field(
        None, description="With 409: all that somebody still holds. Disabling them needs `handed_to`."
    )
    current_version: int | None = Field(None, description="With 412: the version on record.")


@dataclass(frozen=True, slots=True)
class _Kind:
    status: int
    name: str
    title: str


# The nearest ancestor of an error decides.
_KINDS: Mapping[type[Exception], _Kind] = {
    Invalid: _Kind(422, "invalid", "A value was refused"),
    TermsError: _Kind(422, "invalid", "A value was refused"),
    CalendarError: _Kind(422, "invalid", "A value was refused"),
    KeyReused: _Kind(422, "idempotency-key-reused", "The idempotency key was used for another call"),
    NotFound: _Kind(404, "not-found", "Not found"),
    Forbidden: _Kind(403, "forbidden", "Not allowed"),
    NotSignedIn: _Kind(401, "unknown-caller", "Say who you are"),
    Conflict: _Kind(409, "conflict", "Contradicts what is stored"),
    ActionNotAllowed: _Kind(409, "action-not-allowed", "Not possible now"),
    AlreadyExists: _Kind(409, "already-exists", "Exists already"),
    StillHolds: _Kind(409, "still-holds", "Somebody must take over first"),
    LikelyDuplicate: _Kind(409, "likely-duplicate", "Open requests look like this one"),
    StaleVersion: _Kind(412, "stale-version", "Somebody was faster"),
    LinkGone: _Kind(410, "link-gone", "This link no longer opens anything"),
    TooMany: _Kind(429, "too-many", "Too many calls"),
    TooLarge: _Kind(413, "too-large", "Too large"),
    FileDamaged: _Kind(500, "file-damaged", "The stored file is not what was uploaded"),
    Unavailable: _Kind(503, "unavailable", "Out of service for a moment"),
    DeliveryError: _Kind(502, "not-delivered", "A message did not leave"),
    RequestValidationError: _Kind(422, "invalid", "A value was refused"),
}
_DEFECT = _Kind(500, "defect", "A defect in slamon")
# What the framework or the edge refuses, before any use case is asked.
_HTTP = {
    400: _Kind(400, "malformed", "Cannot be read"),
    404: _Kind(404, "not-found", "Not found"),
    405: _Kind(405, "method-not-allowed", "Not possible at this address"),
    413: _Kind(413, "too-large", "Too large"),
    415: _Kind(415, "unsupported-media-type", "Not a media type this address takes"),
}
_WORDS = {
    400: "The body cannot be read as JSON.",
    404: "There is nothing at this address.",
    405: "This address does not take this method; see Allow.",
}
_LONGEST_FIELD, _LONGEST_MESSAGE, _MOST_ERRORS = 200, 300, 50


def install(app: FastAPI) -> None:
    """Answer every error raised on purpose; what nobody expected is answered in `edge`, by `answer` as well."""
    for kind in (SlamonError, TermsError, CalendarError, HTTPException, RequestValidationError):
        app.add_exception_handler(kind, answer)


def answer(request: Request, error: Exception) -> Response:
    """The answer to an error: a problem under /v1, the pages' own answer elsewhere."""
    page_error: PageError | None = getattr(request.app.state, "page_error", None)
    path: str = request.scope["path"]  # `request.url` would parse the Host header, which may be nonsense
    if page_error is not None and path != PREFIX and not path.startswith(f"{PREFIX}/"):
        return page_error(request, error)
    told = _tell(error)
    problem = Problem(
        type=f"urn:slamon:problem:{told.kind.name}",
        title=told.kind.title,
        status=told.kind.status,
        detail=told.detail,
        request_id=getattr(request.state, "request_id", None),
        errors=list(told.errors) or None,
        possible=list(error.possible) if isinstance(error, ActionNotAllowed) else None,
        look_alikes=[Alike.model_validate(each) for each in error.look_alikes]
        if isinstance(error, LikelyDuplicate)
        else None,
        holds=[Held.model_validate(each) for each in error.holds] if isinstance(error, StillHolds) else None,
        current_version=error.current if isinstance(error, StaleVersion) else None,
    )
    headers = {**told.headers, **({"Allow": _allowed(request)} if told.kind.status == 405 else {})}
    return Response(problem.model_dump_json(exclude_none=True), told.kind.status, headers, MEDIA_TYPE)


def _allowed(request: Request) -> str:
    """Every method of this address; the framework names only those of the first route that fits.

    An address of its own, such as `/v1/policies/resolve`, is no record of the collection above it.
    """
    routes: Sequence[APIRoute] = request.app.state.api_routes
    fitting = [route for route in routes if route.path_regex.fullmatch(request.scope["path"])]
    fewest = min((len(route.param_convertors) for route in fitting), default=0)
    methods = {m for route in fitting if len(route.param_convertors) == fewest for m in route.methods or ()}
    return ", ".join(sorted(methods))


@dataclass(frozen=True, slots=True)
class _Told:
    """An error as a caller may hear of it."""

    kind: _Kind
    detail: str
    errors: Sequence[FieldError] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


def status_of(error: Exception) -> int:
    """The HTTP status an error of the tree gets, here and on the pages."""
    return _kind_of(error).status


def _kind_of(error: Exception) -> _Kind:
    return next((_KINDS[ancestor] for ancestor in type(error).__mro__ if ancestor in _KINDS), _DEFECT)


def _tell(error: Exception) -> _Told:
    """Status, words and headers of an error; nothing of what the caller sent comes back but names of fields."""
    if isinstance(error, RequestValidationError):
        return _told_fields(error)
    if isinstance(error, HTTPException):
        return _told_http(error)
    kind = _kind_of(error)
    if kind is _DEFECT:
        return _Told(kind, "It is logged under the request id. Nothing was stored.")
    detail = _safe(str(error), _LONGEST_MESSAGE)
    if isinstance(error, Invalid | TermsError):
        errors = (FieldError(field=error.field, message=_safe(error.message, _LONGEST_MESSAGE)),)
        return _Told(kind, detail, errors)
    if isinstance(error, CalendarError):
        return _Told(kind, detail, (FieldError(field="calendar", message=detail),))
    return _Told(kind, detail, headers=_headers(error))


def _headers(error: Exception) -> dict[str, str]:
    if isinstance(error, NotSignedIn):
        return {"WWW-Authenticate": 'Bearer realm="slamon"'}
    if isinstance(error, TooMany | Unavailable):
        return {"Retry-After": str(error.retry_after_seconds)}
    return {}


def _told_http(error: HTTPException) -> _Told:
    kind = _HTTP.get(error.status_code) or _Kind(error.status_code, "refused", "Refused")
    detail = _WORDS.get(error.status_code) or _safe(str(error.detail), _LONGEST_MESSAGE)
    return _Told(kind, detail, headers=error.headers or {})


def _told_fields(error: RequestValidationError) -> _Told:
    found = error.errors()
    if any(one["type"] == "json_invalid" for one in found):
        return _told_http(HTTPException(400))
    errors = [FieldError(field=_field(one, error.body), message=_message(one)) for one in found[:_MOST_ERRORS]]
    named = ", ".join(dict.fromkeys(one.field for one in errors))
    return _Told(_KINDS[RequestValidationError], _safe(f"Refused: {named}.", _LONGEST_MESSAGE), errors)


def _field(error: Mapping[str, Any], body: Any) -> str:
    """Where in the body, without the names pydantic gives to the members of a union; or the parameter's name."""
    loc: Sequence[Any] = error["loc"]
    if loc[0] != "body":
        return _safe(str(loc[-1]), _LONGEST_FIELD)
    parts: list[str] = []
    here = body
    for step in loc[1:]:
        # What is missing from a list has a place past its end.
        if (isinstance(here, dict) and step in here) or (isinstance(here, list) and step in range(len(here))):
            here = here[step]
            parts.append(str(step))
    if error["type"] == "missing" and len(loc) > 1:
        parts.append(str(loc[-1]))
    return _safe(".".join(parts), _LONGEST_FIELD) or "body"


def _message(error: Mapping[str, Any]) -> str:
    if error["type"] == "extra_forbidden":
        return "is not known here"
    return _safe(error["msg"].removeprefix("Value error, ").removeprefix("Input "), _LONGEST_MESSAGE)


def _safe(text: str, longest: int) -> str:
    """Text that any encoder takes: lone surrogates, which JSON may smuggle in, are replaced."""
    clean = text.encode("utf-8", "replace").decode()
    return clean if len(clean) <= longest else f"{clean[: longest - 1]}…"
