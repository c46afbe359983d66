"""The CMO contact's page: what is asked, by when, and the buttons that answer it. No account, no cookie, no script.

The token in the address is the whole right: it opens one request for one person. Reading changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy.orm import Session

from slamon.api.uploads import download
from slamon.db.attachments import Attachment
from slamon.db.outbox import FormLink
from slamon.db.parties import Organization, Person, PersonStatus, Site
from slamon.db.requests import CmoRequest, FactRow
from slamon.domain.lifecycle import OPEN_STATES, Action, RequestType, State, possible_actions
from slamon.domain.timeline import CMO_ROLES, FactKind, Role, Via
from slamon.errors import ActionNotAllowed, Invalid, LinkGone, NotFound
from slamon.files.intake import Stored
from slamon.files.kinds import ACCEPT, TAKEN
from slamon.services.access import secret_digest
from slamon.services.acts import Payload, act
from slamon.services.attachments import attach, attachment_of, attachments_of
from slamon.services.cases import load_case
from slamon.services.links import Opened, open_link, send_fresh_link
from slamon.services.queries import facts_of
from slamon.web.countdowns import countdown, most_pressing
from slamon.web.limits import FORM_PER_ADDRESS, FORM_PER_TOKEN
from slamon.web.moments import Moment, Zones, today_in
from slamon.web.pages import page, pages_of, runtime_of, see_other
from slamon.web.session import Typed, client_address, from_our_pages
from slamon.web.uploads import HandedByLink, sent_alone, told_with
from slamon.web.words import ACTIONS

FORM_ACTIONS = (Action.ACKNOWLEDGE, Action.ANSWER, Action.ASK, Action.DECLINE)
# Who took an escalation, and other steps inside the sponsor's house, are not the contact's.
INTERNAL = frozenset({FactKind.TAKEN})
FILE = "file"


def counted(request: Request, token: str) -> None:
    """Count the call against its address and its link. Raises TooMany."""
    limits = pages_of(request).limits
    limits.count(FORM_PER_ADDRESS, "form", client_address(request))
    limits.count(FORM_PER_TOKEN, "form", token[:64])


router = APIRouter(include_in_schema=False, dependencies=[Depends(counted)])
OwnForm = Annotated[None, Depends(from_our_pages)]


@dataclass(frozen=True, slots=True)
class Said:
    """One entry of the conversation as the contact reads it; `kind` is None for a file sent by itself."""

    name: str
    is_cmo: bool
    kind: FactKind | None
    at: Moment
    told: str | None = None
    text: str | None = None
    expected_on: date | None = None
    files: Sequence[Attachment] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a form came back, with what was typed into it. `action` is "file" for a file by itself."""

    status: int
    action: str
    field: str | None
    message: str
    typed: Typed


@router.api_route("/r/{token}", methods=["GET", "HEAD"])
def show(request: Request, token: str, done: str = "", sent: str = "") -> Response:
    """The form. `done` and `sent` come from our own redirects and only choose a notice."""
    runtime = runtime_of(request)
    now, real_now = runtime.clock.now(), runtime.clock.real_now()
    with runtime.db.read() as session:
        try:
            opened = open_link(session, token, real_now=real_now)
        except LinkGone as gone:
            return _gone(request, session, token, gone, was_sent=bool(sent))
        return _form(request, session, token, opened, now, done=done)


@router.post("/r/{token}/fresh-link")
def fresh_link(request: Request, token: str, _: OwnForm) -> Response:
    """Mail a new link to the address the old one was for."""
    runtime = runtime_of(request)
    now, real_now = runtime.clock.now(), runtime.clock.real_now()
    try:
        with runtime.db.write() as session:
            send_fresh_link(session, token, now=now, real_now=real_now)
    except LinkGone as gone:
        with runtime.db.read() as session:
            return _gone(request, session, token, gone)
    return see_other(f"/r/{token}?sent=1")


@router.get("/r/{token}/files/{attachment_id}")
def fetch_file(request: Request, token: str, attachment_id: UUID) -> Response:
    """A file of the request the link opens."""
    runtime = runtime_of(request)
    now, real_now = runtime.clock.now(), runtime.clock.real_now()
    with runtime.db.read() as session:
        try:
            opened = open_link(session, token, real_now=real_now)
        except LinkGone as gone:
            return _gone(request, session, token, gone)
        row = attachment_of(session, opened.request.id, attachment_id)
    return download(runtime, row, asked_by=opened.caller.id, now=now, real_now=real_now)


@router.post("/r/{token}/files")
def send_file(request: Request, token: str, _: OwnForm, handed: HandedByLink) -> Response:
    """Take a file by itself; it answers nothing."""
    runtime = runtime_of(request)
    now, real_now = runtime.clock.now(), runtime.clock.real_now()
    try:
        stored = handed.stored(runtime)
        with runtime.db.write() as session:
            opened = open_link(session, token, real_now=real_now)
            if not _attached(session, opened, stored, now):
                raise Invalid(FILE, "is missing; choose one first")
    except LinkGone as gone:
        with runtime.db.read() as session:
            return _gone(request, session, token, gone)
    except Invalid as error:
        with runtime.db.read() as session:
            opened = open_link(session, token, real_now=real_now)
            return _form(request, session, token, opened, now, refused=_refusal(error, FILE, handed.typed))
    return see_other(f"/r/{token}?done={FILE}")


@router.post("/r/{token}/{action}")
def send(request: Request, token: str, action: str, _: OwnForm, handed: HandedByLink) -> Response:
    """Let the contact act. What cannot be taken comes back with everything that was typed."""
    if action not in FORM_ACTIONS:
        raise NotFound("page", request.url.path)
    wanted, typed = Action(action), handed.typed
    runtime = runtime_of(request)
    now, real_now = runtime.clock.now(), runtime.clock.real_now()
    try:
        stored = handed.stored(runtime)
        with runtime.db.write() as session:
            opened = open_link(session, token, real_now=real_now)
            payload = _payload(typed, opened.person, now, _attached(session, opened, stored, now))
            act(
                session, opened.request.id, wanted, by=opened.caller, payload=payload, closing=runtime.closing,
                now=now, real_now=real_now,
            )  # fmt: skip
    except LinkGone as gone:
        with runtime.db.read() as session:
            return _gone(request, session, token, gone, typed=typed)
    except (Invalid, ActionNotAllowed) as error:
        with runtime.db.read() as session:
            opened = open_link(session, token, real_now=real_now)
            return _form(request, session, token, opened, now, refused=_refusal(error, wanted, typed))
    return see_other(f"/r/{token}?done={wanted}")


def _attached(session: Session, opened: Opened, stored: Stored | None, now: datetime) -> tuple[UUID, ...]:
    """The id of the file, now one of the request's; nothing where there is none."""
    if stored is None:
        return ()
    row, _ = attach(session, opened.request.id, stored, by=opened.caller, via=Via.WEB_FORM, now=now)
    return (row.id,)


def _payload(typed: Typed, contact: Person, now: datetime, files: tuple[UUID, ...]) -> Payload:
    expected_on = typed.day("expected_on")
    if expected_on is not None and expected_on < today_in(contact.time_zone, now):
        raise Invalid("expected_on", "lies in the past; choose today or a later day, or leave it empty")
    return Payload(
        text=typed.text("text"),
        reason=typed.text("reason"),
        expected_on=expected_on,
        via=Via.WEB_FORM,
        attachments=files,
    )


def _refusal(error: Invalid | ActionNotAllowed, action: str, typed: Typed) -> Refused:
    if isinstance(error, Invalid):
        return Refused(422, action, error.field, error.message, typed)
    return Refused(409, action, None, f"It is not possible to {ACTIONS[Action(action)]} any more", typed)


def _form(
    request: Request,
    session: Session,
    token: str,
    opened: Opened,
    now: datetime,
    *,
    done: str = "",
    refused: Refused | None = None,
) -> HTMLResponse:
    asked, settings = opened.request, runtime_of(request).settings
    zones = Zones(own=opened.person.time_zone, other=settings.sponsor_time_zone)
    facts, files = facts_of(session, asked.id), attachments_of(session, asked.id)
    case = load_case(session, asked)
    countdowns = [countdown(clock, zones, now, case.terms_of(clock)) for clock in case.clocks()]
    progress = case.progress()
    open_now = possible_actions(RequestType(asked.type), State(asked.state), progress, opened.caller.roles)
    possible = [action for action in FORM_ACTIONS if action in open_now]
    context: dict[str, Any] = {
        "token": token,
        "sponsor": settings.sponsor_name,
        "asked": asked,
        "state": State(asked.state),
        "person": opened.person,
        "cmo": session.get_one(Organization, asked.cmo_id).name,
        "site": session.get_one(Site, asked.site_id).name,
        "zones": zones,
        "countdowns": countdowns,
        "pressing": most_pressing(countdowns),
        "owner": _whose_turn(State(asked.state)),
        "possible": possible,
        "primary": possible[0] if possible else None,
        "said": _said(facts, files, zones),
        "done": _really_done(done, facts, files),
        "refused": refused,
        "today": today_in(zones.own, now).isoformat(),
        "accept": ACCEPT,
        "taken": f"{TAKEN}, up to {settings.attachment_max_megabytes} MB",
    }
    return page(request, "form.html", context, status=refused.status if refused else 200)


def _whose_turn(state: State) -> str:
    """Who must move: the CMO, the sponsor who was asked, or nobody at the CMO since it has answered.

    The state says so; a request that was sent back is the CMO's again although its clocks have ended.
    """
    if state is State.AWAITING_SPONSOR:
        return "sponsor"
    return "nobody" if state in (State.ANSWERED, State.DECLINED) else "cmo"


def _said(facts: Sequence[FactRow], files: Sequence[Attachment], zones: Zones) -> list[Said]:
    shown = [fact for fact in facts if fact.kind not in INTERNAL]
    told = told_with(shown, files)
    dated = [
        (
            fact.occurred_at,
            Said(
                name=fact.by_name,
                is_cmo=Role(fact.by_role) in CMO_ROLES,
                kind=FactKind(fact.kind),
                at=zones.at(fact.occurred_at),
                told=_how_told(fact),
                text=fact.content.get("text") or fact.reason,
                expected_on=date.fromisoformat(fact.content["expected_on"]) if "expected_on" in fact.content else None,
                files=told[fact.sequence],
            ),
        )
        for fact in shown
    ]
    for file in sent_alone(files, told):
        is_cmo, at = Role(file.uploaded_by_role) in CMO_ROLES, zones.at(file.created_at)
        dated.append((file.created_at, Said(file.uploaded_by_name, is_cmo, None, at, files=[file])))
    return [said for _, said in sorted(dated, key=lambda each: each[0])]


def _how_told(fact: FactRow) -> str | None:
    """How an act of the CMO reached the sponsor, where staff wrote it down."""
    if fact.recorded_by_id == fact.by_id:
        return None
    how = "a phone call" if fact.via == Via.PHONE_RECORDED else "a mail"
    return f"written down by {fact.recorded_by_name} after {how}"


def _really_done(done: str, facts: Sequence[FactRow], files: Sequence[Attachment]) -> str | None:
    """What to give thanks for; an address that only claims it gets none."""
    if done == FILE:
        return FILE if any(file.uploaded_by_role in CMO_ROLES for file in files) else None
    if done not in FORM_ACTIONS:
        return None
    acts = [fact.kind for fact in facts if fact.by_role in CMO_ROLES]
    is_true = bool(acts) and (done == Action.ACKNOWLEDGE or acts[-1] == Action(done).fact)
    return done if is_true else None


def _gone(
    request: Request,
    session: Session,
    token: str,
    gone: LinkGone,
    *,
    was_sent: bool = False,
    typed: Typed | None = None,
) -> HTMLResponse:
    context = {
        "token": token,
        "sponsor": runtime_of(request).settings.sponsor_name,
        "reason": gone.reason,
        "address": _masked_address(session, token),
        "was_sent": was_sent and gone.reason in ("expired", "revoked"),
        "kept": typed.texts() if typed else [],
    }
    return page(request, "link_gone.html", context, status=404 if gone.reason == "unknown" else 410)


def _masked_address(session: Session, token: str) -> str | None:
    """Where a fresh link would go, as far as a stranger may know: `m…@lonza.com`. None where none would be sent."""
    link = session.get(FormLink, secret_digest(token))
    if link is None:
        return None
    person, request = session.get_one(Person, link.person_id), session.get_one(CmoRequest, link.request_id)
    if person.status == PersonStatus.DISABLED or State(request.state) not in OPEN_STATES:
        return None
    name, _, domain = person.email.rpartition("@")
    return f"{name[:1]}…@{domain}"
