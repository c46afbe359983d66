"""Turns templates into responses, with the headers that every page carries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse
from itsdangerous import Signer
from jinja2 import Environment, PackageLoader

from slamon import __version__
from slamon.http.rate_limits import Limits
from slamon.runtime import Runtime
from slamon.web.view.words import SHUTDOWN_TONES, shown
from slamon.wording.instants import civil_day, civil_days, span
from slamon.wording.language import Language, capital
from slamon.wording.messages import one_line
from slamon.wording.templates import environment
from slamon.wording.words import Words

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
WITH_SCRIPTS = f"{POLICY}; script-src 'self'"
_EVERYWHERE = {
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
# A page opened by a link that is a key must not tell its address to anybody.
BY_LINK = {**_EVERYWHERE, "Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer"}
SIGNED_IN = {**_EVERYWHERE, "Content-Security-Policy": WITH_SCRIPTS, "Referrer-Policy": "same-origin"}


@dataclass(frozen=True, slots=True)
class Pages:
    """What the pages of one application share."""

    templates: Environment
    signer: Signer
    limits: Limits


def open_pages(secret_keys: Sequence[str], words: Words, limits: Limits) -> Pages:
    return Pages(_templates(words), Signer(list(secret_keys), salt="slamon.web.csrf"), limits)


@cache
def _templates(words: Words) -> Environment:
    """One for all applications that speak in these words: they never change, and compiling takes longer than a test."""
    language, codes = words.language, words.codes
    templates = environment(language, is_html=True, loader=PackageLoader("slamon.web"))
    templates.filters.update(
        clean=one_line, capital=capital, within=language.within, listed=language.listed,
        number=language.number, size=partial(_size, language), day=partial(civil_day, language=language),
        until=partial(civil_days, language=language), span=partial(span, language=language),
    )  # fmt: skip
    templates.globals.update(
        FACTS=words.facts, ROLES=codes.roles, VIAS=codes.vias, LEVELS=codes.levels, MESSAGES=codes.messages,
        ACTIONS=words.actions, SHUTDOWNS=codes.shutdowns, SHUTDOWN_TONES=SHUTDOWN_TONES, TYPED=codes.typed,
        PROCESSES=codes.processes, IN_COMMON=codes.in_common,
        release=__version__, shown=partial(shown, language=language),
    )  # fmt: skip
    return templates


def _size(language: Language, size: int) -> str:
    """`1 Byte`, `13.4 kB`: as Jinja's own filter has it, with the language's separators."""
    gettext = language.gettext
    if size < 1000:
        return language.ngettext("{n} Byte", "{n} Bytes", size)
    if size < 1_000_000:
        return gettext("{n} kB", n=language.rounded(size / 1000))
    return gettext("{n} MB", n=language.rounded(size / 1_000_000))


def pages_of(request: Request) -> Pages:
    pages: Pages = request.app.state.pages
    return pages


def runtime_of(request: Request) -> Runtime:
    runtime: Runtime = request.app.state.runtime
    return runtime


def page(
    request: Request,
    template: str,
    context: Mapping[str, Any],
    *,
    status: int = 200,
    headers: Mapping[str, str] = BY_LINK,
) -> HTMLResponse:
    shown, words = pages_of(request).templates.get_template(template), runtime_of(request).words
    of_kinds = {"TYPES": words.types, "STATES": words.states, "REQUEST_CODES": words.request_codes}
    return HTMLResponse(shown.render(**of_kinds, **context), status_code=status, headers=dict(headers))


def see_other(address: str) -> RedirectResponse:
    """After a POST: read the result with a GET, so that reloading sends nothing twice."""
    return RedirectResponse(address, status_code=303, headers=BY_LINK)
