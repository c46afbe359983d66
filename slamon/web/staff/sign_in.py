"""Signing in and out, the one-time link with which a person sets a password, and asking for one."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response

from slamon.db.parties import Organization
from slamon.errors import Forbidden, Invalid, LinkGone, NotSignedIn
from slamon.http.rate_limits import ASK_PER_NETWORK, SIGN_IN_PER_NETWORK
from slamon.services.access import one_time_links, sessions, sign_ins
from slamon.services.access.passwords import words_about
from slamon.services.access.rights import Deed, allow
from slamon.web.pages import page, pages_of, runtime_of, see_other
from slamon.web.session import (
    COOKIE,
    Posting,
    Submitted,
    client_network,
    forget,
    from_our_pages,
    remember,
    safe_next,
)
from slamon.wording.errors import problem

router = APIRouter(include_in_schema=False)


def _try_counted(request: Request) -> None:
    """Count a try to sign in against its network. Raises TooMany."""
    pages_of(request).limits.count(SIGN_IN_PER_NETWORK, "sign-in", client_network(request))


def _ask_counted(request: Request) -> None:
    """Count a request for a link against its network. Raises TooMany."""
    pages_of(request).limits.count(ASK_PER_NETWORK, "ask", client_network(request))


def _link_counted(request: Request, token: str) -> None:
    """Count a call of a one-time link. Raises TooMany."""
    pages_of(request).limits.count_link(request.method, client_network(request), token)


OwnForm = Annotated[None, Depends(from_our_pages)]
TryCounted = Annotated[None, Depends(_try_counted)]
AskCounted = Annotated[None, Depends(_ask_counted)]
LinkCounted = Annotated[None, Depends(_link_counted)]


@router.api_route("/sign-in", methods=["GET", "HEAD"])
def show(request: Request, next: str = "/") -> Response:  # noqa: A002  the name in the address
    if _is_signed_in(request):
        return see_other(safe_next(next))
    return _sign_in_page(request, address="", goes_to=safe_next(next))


@router.post("/sign-in")
def sign_in(request: Request, typed: Submitted, _own: OwnForm, _counts: TryCounted) -> Response:
    """Begin a session. Whatever is refused looks the same for an address that nobody has."""
    runtime, network = runtime_of(request), client_network(request)
    email, goes_to = typed("email"), safe_next(typed("next"))
    with runtime.read() as tx:
        account = sign_ins.account_of(tx.session, email)
        refusal = sign_ins.lock_on(tx, account, network)
    if refusal is not None:
        return _sign_in_page(request, address=email, goes_to=goes_to, refusal=refusal)
    is_right = runtime.passwords.is_right(typed.untouched("password"), account.password_hash)  # no transaction is open
    with runtime.write() as tx:
        outcome = sign_ins.sign_in(tx, account, is_right=is_right, network=network, can_mail=runtime.can_mail)
    if outcome.token is None:
        return _sign_in_page(request, address=email, goes_to=goes_to, refusal=outcome.refusal)
    response = see_other(goes_to)
    remember(request, response, outcome.token)
    return response


@router.api_route("/forgot-password", methods=["GET", "HEAD"])
def forgot(request: Request, asked: str = "") -> Response:
    """The form that asks for a link; `asked` comes from our own redirect and only chooses a notice."""
    return page(request, "forgot_password.html", {"can_mail": runtime_of(request).can_mail, "asked": bool(asked)})


@router.post("/forgot-password")
def ask_for_link(request: Request, typed: Submitted, _own: OwnForm, _counts: AskCounted) -> Response:
    """Mail a link to the owner of the account, if there is one; the answer is the same if not."""
    runtime = runtime_of(request)
    if not runtime.can_mail:
        return page(request, "forgot_password.html", {"can_mail": False, "asked": False}, status=409)
    with runtime.write() as tx:
        sign_ins.ask_for_link(tx, typed("email"), network=client_network(request))
    return see_other("/forgot-password?asked=1")


@router.post("/sign-out")
def sign_out(request: Request, visit: Posting) -> Response:
    with runtime_of(request).write() as tx:
        sessions.sign_out(tx, visit.token)
    response = see_other("/sign-in")
    forget(request, response)
    return response


@router.api_route("/welcome/{token}", methods=["GET", "HEAD"])
def welcome(request: Request, token: str, _counts: LinkCounted) -> Response:
    """The page behind a one-time link; opening it does not use it up."""
    return _welcome_page(request, token)


@router.post("/welcome/{token}")
def set_password(request: Request, token: str, typed: Submitted, _own: OwnForm, _counts: LinkCounted) -> Response:
    """Set the password and sign in."""
    runtime = runtime_of(request)
    password, again = typed.untouched("password"), typed.untouched("again")
    try:
        with runtime.read() as tx:
            person = one_time_links.person_behind(tx, token)
            former = one_time_links.last_passwords(tx.session, person)
            company = tx.session.get_one(Organization, person.organization_id).name
        if password != again:
            raise Invalid("again", "is not the same as the first")
        words = words_about(person.name, person.email, company, runtime.settings.sponsor_name or company)
        password_hash = runtime.passwords.new_hash(password, words=words, former=former)  # no transaction is open
        with runtime.write() as tx:
            person = one_time_links.set_password(tx, token, password_hash)
            session_token = sessions.begin_session(tx, person)
    except LinkGone as gone:
        return _no_welcome(request, gone)
    except Invalid as error:
        return _welcome_page(request, token, error)
    response = see_other("/")
    remember(request, response, session_token)
    return response


def _welcome_page(request: Request, token: str, error: Invalid | None = None) -> HTMLResponse:
    runtime = runtime_of(request)
    with runtime.read() as tx:
        try:
            person = one_time_links.person_behind(tx, token)
        except LinkGone as gone:
            return _no_welcome(request, gone)
        seen_by = one_time_links.who_saw(tx.session, token)
    said = problem(error, runtime.words.language) if error else None
    context = {"token": token, "person": person, "seen_by": seen_by, "problem": error and error.field, "said": said}
    return page(request, "welcome.html", context, status=422 if error else 200)


def _is_signed_in(request: Request) -> bool:
    runtime, token = runtime_of(request), request.cookies.get(COOKIE)
    if not token:
        return False
    with runtime.read() as tx:
        try:
            idle = runtime.settings.session_idle
            allow(sessions.signed_in(tx, token, idle=idle), Deed.READ_RECORDS)
        except (NotSignedIn, Forbidden):
            return False
    return True


def _sign_in_page(
    request: Request, *, address: str, goes_to: str, refusal: sign_ins.Refusal | None = None
) -> HTMLResponse:
    context = {"address": address, "goes_to": goes_to, "refusal": refusal, "can_mail": runtime_of(request).can_mail}
    return page(request, "sign_in.html", context, status=401 if refusal else 200)


def _no_welcome(request: Request, gone: LinkGone) -> HTMLResponse:
    status = 404 if gone.reason == "unknown" else 410
    return page(request, "no_welcome.html", {"reason": gone.reason}, status=status)
