"""Signing in and out, and the one-time link with which a person sets a password."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response

from slamon.errors import Forbidden, Invalid, LinkGone, NotSignedIn
from slamon.services import access
from slamon.services.rights import Deed, allow
from slamon.web.limits import SIGN_IN_PER_ADDRESS
from slamon.web.pages import page, pages_of, runtime_of, see_other
from slamon.web.session import (
    COOKIE,
    Posting,
    Submitted,
    client_address,
    forget,
    from_our_pages,
    remember,
    safe_next,
)

router = APIRouter(include_in_schema=False)


def _counted(request: Request) -> None:
    """Count the try against its address. Raises TooMany."""
    pages_of(request).limits.count(SIGN_IN_PER_ADDRESS, "sign-in", client_address(request))


OwnForm = Annotated[None, Depends(from_our_pages)]
Counted = Annotated[None, Depends(_counted)]


@router.api_route("/sign-in", methods=["GET", "HEAD"])
def show(request: Request, next: str = "/") -> Response:  # noqa: A002  the name in the address
    if _is_signed_in(request):
        return see_other(safe_next(next))
    return _sign_in_page(request, address="", goes_to=safe_next(next))


@router.post("/sign-in")
def sign_in(request: Request, typed: Submitted, _own: OwnForm, _counts: Counted) -> Response:
    """Begin a session. Wrong, unknown and locked look the same."""
    runtime = runtime_of(request)
    email, goes_to = typed("email"), safe_next(typed("next"))
    password = typed.untouched("password")
    with runtime.db.write() as session:
        token = access.sign_in(session, email=email, password=password, real_now=runtime.clock.real_now())
    if token is None:
        return _sign_in_page(request, address=email, goes_to=goes_to, failed=True)
    response = see_other(goes_to)
    remember(request, response, token)
    return response


@router.post("/sign-out")
def sign_out(request: Request, visit: Posting) -> Response:
    with runtime_of(request).db.write() as session:
        access.sign_out(session, visit.token, real_now=visit.real_now)
    response = see_other("/sign-in")
    forget(request, response)
    return response


@router.api_route("/welcome/{token}", methods=["GET", "HEAD"])
def welcome(request: Request, token: str, _counts: Counted) -> Response:
    """The page behind a one-time link; opening it does not use it up."""
    runtime = runtime_of(request)
    with runtime.db.read() as session:
        try:
            person = access.person_behind(session, token, real_now=runtime.clock.real_now())
        except LinkGone as gone:
            return _no_welcome(request, gone)
        return page(request, "welcome.html", {"token": token, "person": person, "problem": None})


@router.post("/welcome/{token}")
def set_password(request: Request, token: str, typed: Submitted, _own: OwnForm, _counts: Counted) -> Response:
    """Set the password and sign in."""
    runtime = runtime_of(request)
    real_now = runtime.clock.real_now()
    password, again = typed.untouched("password"), typed.untouched("again")
    try:
        with runtime.db.write() as session:
            if password != again:
                raise Invalid("again", "is not the same as the first")
            person = access.set_password(session, token, password, real_now=real_now)
            session_token = access.begin_session(session, person, real_now=real_now)
    except LinkGone as gone:
        return _no_welcome(request, gone)
    except Invalid as problem:
        with runtime.db.read() as session:
            person = access.person_behind(session, token, real_now=real_now)
            context = {"token": token, "person": person, "problem": problem}
            return page(request, "welcome.html", context, status=422)
    response = see_other("/")
    remember(request, response, session_token)
    return response


def _is_signed_in(request: Request) -> bool:
    runtime, token = runtime_of(request), request.cookies.get(COOKIE)
    if not token:
        return False
    with runtime.db.read() as session:
        try:
            allow(access.signed_in(session, token, real_now=runtime.clock.real_now()), Deed.READ_RECORDS)
        except (NotSignedIn, Forbidden):
            return False
    return True


def _sign_in_page(request: Request, *, address: str, goes_to: str, failed: bool = False) -> HTMLResponse:
    context = {"address": address, "goes_to": goes_to, "failed": failed}
    return page(request, "sign_in.html", context, status=401 if failed else 200)


def _no_welcome(request: Request, gone: LinkGone) -> HTMLResponse:
    status = 404 if gone.reason == "unknown" else 410
    return page(request, "no_welcome.html", {"reason": gone.reason}, status=status)
