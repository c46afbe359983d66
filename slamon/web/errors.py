"""Errors as pages, for every path outside /v1: what happened and the way out, in the same look as the rest."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from slamon.domain.calendar import CalendarError
from slamon.domain.terms import TermsError
from slamon.errors import NotSignedIn, SlamonError, TooMany, Unavailable
from slamon.http.problems import status_of
from slamon.web.pages import page, see_other

_TITLES = {
    400: "That could not be read",
    401: "Please sign in",
    403: "Not allowed",
    404: "Nothing here",
    405: "Not possible at this address",
    409: "Not possible now",
    410: "This link is no longer valid",
    412: "Somebody acted first",
    413: "That is too large",
    422: "Something is missing or wrong",
    429: "Too many attempts",
    500: "Something went wrong on our side",
    503: "Not available right now",
}
_SENTENCES = {
    404: "There is no page at this address, or it is not yours to see.",
    405: "The address is right, but it cannot be used this way.",
    413: "What you sent is larger than this site takes. Shorten it and send it again.",
    500: "Nothing was stored. The error was written down; please try again in a moment.",
}


@dataclass(frozen=True, slots=True)
class _Shown:
    status: int
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)


def page_error(request: Request, error: Exception) -> Response:
    """The page for an error. Somebody not signed in is led to the sign-in, unless a form would be lost by it."""
    typed = getattr(request.state, "typed", None)
    if isinstance(error, NotSignedIn) and request.method in ("GET", "HEAD"):
        return see_other("/sign-in?" + urlencode({"next": _own_address(request)}))
    shown = _read(error)
    context = {
        "status": shown.status,
        "title": _TITLES.get(shown.status, "That did not work"),
        "message": shown.message,
        "kept": typed.texts() if typed else [],
        "is_signed_out": isinstance(error, NotSignedIn),
    }
    response = page(request, "error.html", context, status=shown.status)
    response.headers.update(shown.headers)
    return response


def _read(error: Exception) -> _Shown:
    if isinstance(error, SlamonError):
        return _ours(error)
    if isinstance(error, RequestValidationError):
        in_path = all(each["loc"][0] == "path" for each in error.errors())
        return _Shown(404, _SENTENCES[404]) if in_path else _Shown(422, "A field has a value that cannot be read.")
    if isinstance(error, HTTPException):
        message = _SENTENCES.get(error.status_code, str(error.detail))
        return _Shown(error.status_code, message, error.headers or {})
    if isinstance(error, TermsError | CalendarError):
        return _Shown(422, str(error))
    return _Shown(500, _SENTENCES[500])


def _ours(error: SlamonError) -> _Shown:
    status = status_of(error)
    if isinstance(error, TooMany | Unavailable):
        return _Shown(status, str(error), {"Retry-After": str(error.retry_after_seconds)})
    return _Shown(status, _SENTENCES.get(status, str(error)))


def _own_address(request: Request) -> str:
    query = request.scope["query_string"].decode("latin-1")
    return str(request.scope["path"]) + (f"?{query}" if query else "")
