"""Who looks at a staff page: the session cookie, the token in each form, and where a form may be sent from."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import Depends, Request, Response
from itsdangerous import BadSignature
from starlette.datastructures import FormData

from slamon.db.access import SignIn
from slamon.db.parties import Person
from slamon.domain.normal_form import visible
from slamon.domain.zones import YEARS
from slamon.errors import Forbidden, Invalid, NotSignedIn
from slamon.http.form_data import read_form
from slamon.http.rate_limits import network_of
from slamon.services.access.callers import Caller, secret_digest
from slamon.services.access.rights import Deed, admit, allow
from slamon.services.access.sessions import keep_session, signed_in
from slamon.services.directory.records import sponsor_name
from slamon.services.outbox.outbox import is_stopped
from slamon.web.pages import pages_of, runtime_of

COOKIE = "slamon_session"
CSRF_FIELD = "csrf"
LONGEST_TEXT = 10_000
_SEEN_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Visit:
    """One HTTP request of somebody signed in; `now` is business time, read once."""

    caller: Caller
    name: str
    zone: str
    token: str
    csrf: str
    now: datetime
    real_now: datetime
    is_stopped: bool
    sponsor: str


class Typed:
    """What a form sent, as text: blanks trimmed, line ends as \\n, nothing a database could not hold."""

    def __init__(self, form: FormData) -> None:
        self._form = form

    def __call__(self, name: str) -> str:
        value = self._form.get(name)
        return _plain(value) if isinstance(value, str) else ""

    def text(self, name: str) -> str | None:
        """What stands in a text field; None if nothing. Raises Invalid for more than anybody reads."""
        value = self(name)
        if len(value) > LONGEST_TEXT:
            raise Invalid(
                name, "has {length} characters; {most} are the most", length=f"{len(value):,}", most=f"{LONGEST_TEXT:,}"
            )
        return value or None

    def day(self, name: str) -> date | None:
        """What stands in a date field; None if nothing. Raises Invalid for what is no date."""
        value = self(name)
        if not value:
            return None
        try:
            day = date.fromisoformat(value)
        except ValueError:
            raise Invalid(name, "needs a date, for example 2026-03-01") from None
        if day.year not in YEARS:
            raise Invalid(name, "must lie between the years {first} and {last}", first=YEARS.start, last=YEARS.stop)
        return day

    def key(self) -> UUID:
        """What makes this form count once. Raises Invalid for one that is not ours."""
        try:
            return UUID(self("key"))
        except ValueError:
            raise Invalid("key", "is missing; open the form again") from None

    def untouched(self, name: str) -> str:
        """A password: every blank in it counts."""
        value = self._form.get(name)
        return value if isinstance(value, str) else ""

    def every(self, name: str) -> list[str]:
        return [_plain(value) for value in self._form.getlist(name) if isinstance(value, str)]

    def texts(self) -> list[tuple[str, str]]:
        """The longer things a person typed, for showing them again where they could not be used."""
        kept = (
            "text", "reason", "evidence", "subject", "description", "courier", "tracking_number", "received_by", "name",
            "email",
        )  # fmt: skip
        return [(name, self(name)) for name in kept if self(name)]


def _plain(value: str) -> str:
    return visible(value.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")) or ""


async def submitted(request: Request) -> Typed:
    """The form as sent. It is also laid on the request, so that an error page can give it back."""
    typed = Typed(await read_form(request, max_files=0))
    request.state.typed = typed
    return typed


def from_our_pages(request: Request) -> None:
    """Refuse a form that another site made the browser send. Raises Forbidden.

    Browsers say so in Sec-Fetch-Site; older ones in Origin, which is "null" on pages that name no referrer.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site not in ("same-origin", "none"):
            raise Forbidden("This form was sent from another site. Open the page itself and try again.")
        return
    origin = request.headers.get("origin", "null")
    ours = {request.headers.get("host"), urlsplit(runtime_of(request).settings.base_url).netloc}
    if origin != "null" and origin.partition("://")[2] not in ours:
        raise Forbidden("This form was sent from another site. Open the page itself and try again.")


def visiting(request: Request) -> Visit:
    """The member of staff behind the cookie. Raises NotSignedIn, and Forbidden for people of a CMO."""
    runtime = runtime_of(request)
    now, real_now = runtime.clock.now(), runtime.clock.real_now()
    token = request.cookies.get(COOKIE)
    if not token:
        raise NotSignedIn("Please sign in.")
    with runtime.read() as tx:
        caller = signed_in(tx, token, idle=runtime.settings.session_idle)
        allow(caller, Deed.READ_RECORDS)
        person = tx.session.get_one(Person, caller.person_id)
        seen_at = tx.session.get_one(SignIn, secret_digest(token)).seen_at
        stopped, sponsor = is_stopped(tx.session), sponsor_name(tx.session, runtime.settings)
    if real_now - seen_at > _SEEN_EVERY:  # looking at a page seldom needs to wait for the writer
        with runtime.write() as tx:
            keep_session(tx, token)
    csrf = pages_of(request).signer.get_signature(token).decode()
    return Visit(caller, person.name, person.time_zone, token, csrf, now, real_now, stopped, sponsor)


Submitted = Annotated[Typed, Depends(submitted)]
Visiting = Annotated[Visit, Depends(visiting)]


def posting(request: Request, typed: Submitted, visit: Visiting) -> Visit:
    """The visit of somebody who sent one of our own forms. Raises Forbidden for any other."""
    refuse_forged(request, typed, visit)
    return visit


Posting = Annotated[Visit, Depends(posting)]


async def _keep_typed(request: Request) -> None:
    """Read what was typed before anything is refused, so that the refusal can give it back."""
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        await submitted(request)


@dataclass(frozen=True, slots=True)
class May:
    """What a staff page asks before it does anything: its line of the table of rights; `on_record` as in the API."""

    deed: Deed
    on_record: bool

    async def __call__(self, _typed: Annotated[None, Depends(_keep_typed)], visit: Visiting) -> None:
        (admit if self.on_record else allow)(visit.caller, self.deed)


def may(deed: Deed) -> Any:
    """The dependency of a page for whoever has this right at all."""
    return Depends(May(deed, on_record=False))


def may_on_record(deed: Deed) -> Any:
    """The dependency of a page whose address names the record."""
    return Depends(May(deed, on_record=True))


def refuse_forged(request: Request, typed: Typed, visit: Visit) -> None:
    """Raises Forbidden for a form that this visit was not given."""
    from_our_pages(request)
    try:
        pages_of(request).signer.unsign(f"{visit.token}.{typed(CSRF_FIELD)}")
    except BadSignature:
        raise Forbidden("This form is out of date. Open the page again and send it once more.") from None


def remember(request: Request, response: Response, token: str) -> None:
    response.set_cookie(COOKIE, token, secure=_is_https(request), httponly=True, samesite="lax", path="/")


def forget(request: Request, response: Response) -> None:
    response.delete_cookie(COOKIE, secure=_is_https(request), httponly=True, samesite="lax", path="/")


def _is_https(request: Request) -> bool:
    return runtime_of(request).settings.base_url.startswith("https://")


def safe_next(address: str | None) -> str:
    """Where to go after signing in: a path of this site, else the start page."""
    if not address or not address.startswith("/") or address.startswith(("//", "/\\")):
        return "/"
    parts = urlsplit(address)
    is_local = not parts.scheme and not parts.netloc and address.isprintable() and "\\" not in address
    return address if is_local and parts.path != "/sign-out" else "/"


def client_network(request: Request) -> str:
    """Where a call comes from, as limits count it; trusted proxies were looked through before."""
    return network_of(request.client.host) if request.client else "unknown"
