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
from slamon.web.pages import page, runtime_of, see_other
from slamon.wording.errors import in_full
from slamon.wording.words import Words


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
    words = runtime_of(request).words
    shown = _read(error, words)
    context = {
        "status": shown.status,
        "title": words.codes.error_titles.get(shown.status, words.language.gettext("That did not work")),
        "message": shown.message,
        "kept": typed.texts() if typed else [],
        "is_signed_out": isinstance(error, NotSignedIn),
    }
    response = page(request, "error.html", context, status=shown.status)
    response.headers.update(shown.headers)
    return response


def _read(error: Exception, words: Words) -> _Shown:
    sentences, gettext = words.codes.error_sentences, words.language.gettext
    if isinstance(error, SlamonError):
        return _ours(error, words)
    if isinstance(error, RequestValidationError):
        in_path = all(each["loc"][0] == "path" for each in error.errors())
        return (
            _Shown(404, sentences[404]) if in_path else _Shown(422, gettext("A field has a value that cannot be read."))
        )
    if isinstance(error, HTTPException):
        message = sentences.get(error.status_code, str(error.detail))
        return _Shown(error.status_code, message, error.headers or {})
    if isinstance(error, TermsError | CalendarError):
        return _Shown(422, str(error))
    return _Shown(500, sentences[500])


def _ours(error: SlamonError, words: Words) -> _Shown:
    status = status_of(error)
    if isinstance(error, TooMany | Unavailable):
        return _Shown(status, in_full(error, words.language), {"Retry-After": str(error.retry_after_seconds)})
    return _Shown(status, words.codes.error_sentences.get(status, in_full(error, words.language)))


def _own_address(request: Request) -> str:
    query = request.scope["query_string"].decode("latin-1")
    return str(request.scope["path"]) + (f"?{query}" if query else "")
