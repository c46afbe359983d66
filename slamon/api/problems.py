"""Errors as answers: RFC 9457 problems under /v1. The one place where slamon's error tree meets HTTP numbers.

Pages have their own errors: where `app.state.page_error` is set, it answers for every path outside /v1.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from slamon.domain.calendar import CalendarError
from slamon.domain.terms import TermsError
from slamon.errors import (
    ActionNotAllowed,
    AlreadyExists,
    Conflict,
    DeliveryError,
    Forbidden,
    Invalid,
    KeyReused,
    LinkGone,
    NotFound,
    NotSignedIn,
    SlamonError,
    StaleVersion,
    TooMany,
    Unavailable,
)

MEDIA_TYPE = "application/problem+json"
PREFIX = "/v1"
PageError = Callable[[Request, Exception], Response]


class FieldError(BaseModel):
    field: str = Field(description="Dotted path in the body, or the name of the parameter or header.")
    message: str


class Problem(BaseModel):
    """What went wrong, after RFC 9457."""

    type: str = Field(description="A stable name for the kind of problem.", examples=["urn:slamon:problem:invalid"])
    title: str
    status: int
    detail: str | None = None
    request_id: str | None = Field(None, description="Quote it when you ask for help.")
    errors: list[FieldError] | None = Field(None, description="Every field that was refused.")
    possible: list[str] | None = Field(None, description="With 409: the actions possible now.")
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
    StaleVersion: _Kind(412, "stale-version", "Somebody was faster"),
    LinkGone: _Kind(410, "link-gone", "This link no longer opens anything"),
    TooMany: _Kind(429, "too-many", "Too many calls"),
    Unavailable: _Kind(503, "unavailable", "Out of service for a moment"),
    DeliveryError: _Kind(502, "not-delivered", "A message did not leave"),
    RequestValidationError: _Kind(422, "invalid", "A value was refused"),
}
_DEFECT = _Kind(500, "defect", "A defect in slamon")
_WORDS = {
    400: "The body cannot be read as JSON.",
    404: "There is nothing at this address.",
    405: "This address does not take this method.",
}
_LONGEST_FIELD, _LONGEST_MESSAGE, _MOST_ERRORS = 200, 300, 50


def install(app: FastAPI) -> None:
    """Answer every error raised on purpose; what nobody expected is answered in `edge`, by `answer` as well."""
    for kind in (SlamonError, TermsError, CalendarError, HTTPException, RequestValidationError):
        app.add_exception_handler(kind, answer)


def answer(request: Request, error: Exception) -> Response:
    """The answer to an error: a problem under /v1, the pages' own answer elsewhere."""
    page_error: PageError | None = getattr(request.app.state, "page_error", None)
    path = request.url.path
    if page_error is not None and path != PREFIX and not path.startswith(f"{PREFIX}/"):
        return page_error(request, error)
    told = tell(error)
    problem = Problem(
        type=f"urn:slamon:problem:{told.kind.name}",
        title=told.kind.title,
        status=told.kind.status,
        detail=told.detail,
        request_id=getattr(request.state, "request_id", None),
        errors=list(told.errors) or None,
        possible=list(error.possible) if isinstance(error, ActionNotAllowed) else None,
        current_version=error.current if isinstance(error, StaleVersion) else None,
    )
    body = problem.model_dump_json(exclude_none=True, ensure_ascii=False)
    return Response(body, told.kind.status, headers=dict(told.headers), media_type=MEDIA_TYPE)


@dataclass(frozen=True, slots=True)
class Told:
    """An error as a reader may hear of it, over HTTP: also what a page needs to show one."""

    kind: _Kind
    detail: str
    errors: Sequence[FieldError] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int:
        return self.kind.status

    @property
    def title(self) -> str:
        return self.kind.title


def tell(error: Exception) -> Told:
    """Status, words and headers of an error; nothing of what the caller sent comes back but names of fields."""
    if isinstance(error, RequestValidationError):
        return _told_fields(error)
    if isinstance(error, HTTPException):
        return _told_http(error)
    kind = next((_KINDS[ancestor] for ancestor in type(error).__mro__ if ancestor in _KINDS), _DEFECT)
    if kind is _DEFECT:
        return Told(kind, "It is logged under the request id. Nothing was stored.")
    detail = _safe(str(error), _LONGEST_MESSAGE)
    if isinstance(error, Invalid | TermsError):
        errors = (FieldError(field=error.field, message=_safe(error.message, _LONGEST_MESSAGE)),)
        return Told(kind, detail, errors)
    if isinstance(error, CalendarError):
        return Told(kind, detail, (FieldError(field="calendar", message=detail),))
    return Told(kind, detail, headers=_headers(error))


def _headers(error: Exception) -> dict[str, str]:
    if isinstance(error, NotSignedIn):
        return {"WWW-Authenticate": 'Bearer realm="slamon"'}
    if isinstance(error, TooMany | Unavailable):
        return {"Retry-After": str(error.retry_after_seconds)}
    return {}


def _told_http(error: HTTPException) -> Told:
    """What the framework or the edge refused: no such address, wrong method, too large, not JSON."""
    phrase = HTTPStatus(error.status_code).phrase
    kind = _Kind(error.status_code, phrase.casefold().replace(" ", "-"), phrase)
    detail = _WORDS.get(error.status_code) or _safe(str(error.detail), _LONGEST_MESSAGE)
    return Told(kind, detail, headers=error.headers or {})


def _told_fields(error: RequestValidationError) -> Told:
    found = error.errors()
    if any(one["type"] == "json_invalid" for one in found):
        return _told_http(HTTPException(400))
    errors = [
        FieldError(field=_field(one["loc"], error.body), message=_message(one["msg"])) for one in found[:_MOST_ERRORS]
    ]
    named = ", ".join(dict.fromkeys(one.field for one in errors))
    return Told(_KINDS[RequestValidationError], _safe(f"Refused: {named}.", _LONGEST_MESSAGE), errors)


def _field(loc: Sequence[Any], body: Any) -> str:
    """Where in the body, without the names pydantic gives to the members of a union; or the parameter's name."""
    if loc[0] != "body":
        return _safe(str(loc[-1]), _LONGEST_FIELD)
    parts: list[str] = []
    here = body
    for number, step in enumerate(loc[1:], 2):
        inside = isinstance(here, dict) and step in here
        inside = inside or (isinstance(here, list) and isinstance(step, int) and step < len(here))
        if inside:
            here = here[step]
        elif number != len(loc) or (isinstance(step, str) and not isinstance(here, dict)):
            continue
        parts.append(str(step))
    return _safe(".".join(parts), _LONGEST_FIELD) or "body"


def _message(text: str) -> str:
    return _safe(text.removeprefix("Value error, ").removeprefix("Input "), _LONGEST_MESSAGE)


def _safe(text: str, longest: int) -> str:
    """Text that any encoder takes: lone surrogates, which JSON may smuggle in, are replaced."""
    clean = text.encode("utf-8", "replace").decode()
    return clean if len(clean) <= longest else f"{clean[: longest - 1]}…"
