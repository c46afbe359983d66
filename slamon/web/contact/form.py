"""The CMO contact's page: what is asked, by when, and the buttons that answer it. No account, no cookie, no script.

The token in the address is the whole right: it opens one request for one person. Reading changes nothing.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy.orm import Session

from slamon.db.attachments import Attachment
from slamon.db.parties import Organization, Site
from slamon.domain.actions.parts import Said
from slamon.domain.lifecycle import SPONSORS_TURN, Action, State
from slamon.domain.stage import is_repeat
from slamon.domain.stored import as_json
from slamon.domain.terms import ClockKind
from slamon.domain.timeline import CMO_ROLES, INTERNAL, Fact, Via
from slamon.errors import ActionNotAllowed, Invalid, LinkGone, NotFound
from slamon.files.intake import Stored
from slamon.files.kinds import ACCEPT
from slamon.http.uploads import download
from slamon.schemas.acts import Given
from slamon.services.access.form_links import Opened, fresh_link_address, open_link, open_to_act, send_fresh_link
from slamon.services.deadlines.loading import LoadedRequest, load_request
from slamon.services.directory.notifications import UNTOLD
from slamon.services.directory.records import sponsor_name
from slamon.services.requests.acts import act
from slamon.services.requests.attachments import attach, attachment_of, attachments_of
from slamon.services.transaction import Tx
from slamon.web.contact.conversation import conversation
from slamon.web.forms.action_forms import as_on_page, form_of, forms_of
from slamon.web.forms.action_reading import Refused, given_by, words_of
from slamon.web.forms.parts import Basis
from slamon.web.pages import page, pages_of, runtime_of, see_other
from slamon.web.session import Typed, client_network, from_our_pages
from slamon.web.uploads import HandedByLink, taken
from slamon.web.view.asked import asked_for
from slamon.web.view.countdowns import Countdown, countdown, most_pressing
from slamon.web.view.fact_details import telling
from slamon.web.view.instants import Zones
from slamon.web.view.progress import so_far
from slamon.wording.errors import problem
from slamon.wording.words import Words

# In the order of the page; the first of PRIMARY that is open has the page's one big button.
PRIMARY = (
    Action.ACKNOWLEDGE, Action.CONFIRM_ORDER, Action.CONFIRM_DISPATCH, Action.CONFIRM_DELIVERY, Action.ANSWER,
    Action.RESPOND,
)  # fmt: skip
# The order of its forms; actions that are not listed follow.
ORDER = (
    *PRIMARY, Action.CONFIRM_PACKED, Action.ASK, Action.DECLINE, Action.REPORT_LOST, Action.WAIT, Action.RESUME,
    Action.CORRECT, Action.HAND_ON,
)  # fmt: skip
FILE = "file"


def counted(request: Request, token: str) -> None:
    """Count the call against its network and its link. Raises TooMany."""
    pages_of(request).limits.count_link(request.method, client_network(request), token)


router = APIRouter(include_in_schema=False, dependencies=[Depends(counted)])
OwnForm = Annotated[None, Depends(from_our_pages)]


@router.api_route("/r/{token}", methods=["GET", "HEAD"])
def show(request: Request, token: str, done: str = "", sent: str = "") -> Response:
    """The form. `done` and `sent` come from our own redirects and only choose a notice."""
    runtime = runtime_of(request)
    with runtime.read() as tx:
        try:
            opened = open_link(tx, token)
        except LinkGone as gone:
            return _gone(request, tx.session, token, gone, was_sent=bool(sent))
        return _form(request, tx, token, opened, done=done)


@router.post("/r/{token}/fresh-link")
def fresh_link(request: Request, token: str, _: OwnForm) -> Response:
    """Mail a new link to the address the old one was for."""
    runtime = runtime_of(request)
    try:
        with runtime.write() as tx:
            send_fresh_link(tx, token)
    except LinkGone as gone:
        with runtime.db.read() as session:
            return _gone(request, session, token, gone)
    return see_other(f"/r/{token}?sent=1")


@router.get("/r/{token}/files/{attachment_id}")
def fetch_file(request: Request, token: str, attachment_id: UUID) -> Response:
    """A file of the request the link opens."""
    runtime = runtime_of(request)
    with runtime.read() as tx:
        try:
            opened = open_link(tx, token)
        except LinkGone as gone:
            return _gone(request, tx.session, token, gone)
        row = attachment_of(tx.session, opened.request.id, attachment_id)
    return download(runtime, row, asked_by=opened.caller.id)


@router.post("/r/{token}/files")
def send_file(request: Request, token: str, _: OwnForm, handed: HandedByLink) -> Response:
    """Take a file by itself; it answers nothing."""
    runtime = runtime_of(request)
    try:
        stored = handed.stored(runtime)
        with runtime.write() as tx:
            opened = open_to_act(tx, token)
            if not _attached(tx, opened, stored):
                raise Invalid(FILE, "is missing; choose one first")
    except LinkGone as gone:
        with runtime.db.read() as session:
            return _gone(request, session, token, gone)
    except Invalid as error:
        with runtime.read() as tx:
            opened = open_link(tx, token)
            return _form(request, tx, token, opened, refused=_refusal(runtime.words, error, FILE, handed.typed))
    return see_other(f"/r/{token}?done={FILE}")


@router.post("/r/{token}/{action}")
def send(request: Request, token: str, action: str, _: OwnForm, handed: HandedByLink) -> Response:
    """Let the contact act. What cannot be taken comes back with everything that was typed."""
    runtime, typed = runtime_of(request), handed.typed
    if action not in runtime.words.actions or runtime.words.actions[action].to_contact is None:
        raise NotFound("page", request.scope["path"])
    try:
        stored = handed.stored(runtime)
        with runtime.write() as tx:
            opened = open_to_act(tx, token)  # a form sent twice: the second waits for the first
            files = _attached(tx, opened, stored)
            basis = _basis(tx, runtime.words, opened)
            given = _given(opened, basis, action, typed, files)
            if not _was_sent_before(opened, basis, typed, given.said):
                act(tx, basis.case, given.said, by=opened.caller, via=Via.WEB_FORM)
    except LinkGone as gone:
        with runtime.db.read() as session:
            return _gone(request, session, token, gone, typed=typed)
    except (Invalid, ActionNotAllowed) as error:
        with runtime.read() as tx:
            opened = open_link(tx, token)
            return _form(request, tx, token, opened, refused=_refusal(runtime.words, error, action, typed))
    return see_other(f"/r/{token}?done={action}")


def _attached(tx: Tx, opened: Opened, stored: Stored | None) -> tuple[UUID, ...]:
    """The id of the file, now one of the request's; nothing where there is none."""
    if stored is None:
        return ()
    row, _ = attach(tx, opened.request.id, stored, by=opened.caller, via=Via.WEB_FORM)
    return (row.id,)


def _given(opened: Opened, basis: Basis, action: str, typed: Typed, files: tuple[UUID, ...]) -> Given:
    rule = basis.open_to(opened.caller.roles).get(action)
    if rule is None:
        return words_of(action, typed, basis, attachments=files)
    return given_by(form_of(action, rule, basis), typed, basis, attachments=files)


def _was_sent_before(opened: Opened, basis: Basis, typed: Typed, said: Said) -> bool:
    """Whether this very form, opened before the contact's last act, is what did it: a button pressed twice."""
    if typed("seen") == str(opened.request.fact_count) or not typed("seen"):
        return False
    content = as_json(replace(said, reason="", attachments=()))
    actor = opened.caller.as_actor(CMO_ROLES)
    return is_repeat(basis.case.catalogue, basis.case.timeline, said.action, actor, content, said.reason or None)


def _basis(tx: Tx, words: Words, opened: Opened) -> Basis:
    case = load_request(tx, opened.request)
    return Basis(case, words, case.progress(), is_cmo=True, zone=opened.person.time_zone, now=tx.business_now)


def _refusal(words: Words, error: Invalid | ActionNotAllowed, form: str, typed: Typed) -> Refused:
    if isinstance(error, Invalid):
        return Refused(422, form, {}, problem(error, words.language), typed, error)
    message = words.language.gettext("It is not possible to {what} any more", what=words.actions[form].verb)
    return Refused(409, form, {}, message, typed)


def _form(
    request: Request,
    tx: Tx,
    token: str,
    opened: Opened,
    *,
    done: str = "",
    refused: Refused | None = None,
) -> HTMLResponse:
    session, now, runtime = tx.session, tx.business_now, runtime_of(request)
    asked, settings, words = opened.request, runtime.settings, runtime.words
    zones = Zones(own=opened.person.time_zone, other=settings.sponsor_time_zone, language=words.language)
    basis, files = _basis(tx, words, opened), attachments_of(session, asked.id)
    forms = forms_of(basis.open_to(opened.caller.roles), basis)
    form_words = {name: each.to_contact for name, each in words.actions.items() if each.to_contact}
    possible = as_on_page(ORDER, [action for action in forms if action in form_words])
    case = basis.case
    countdowns = [countdown(clock, zones, now, words.clocks, case.terms_of(clock)) for clock in case.clocks()]
    own = [each for each in countdowns if not each.is_the_sponsors and each.stopped is None]
    pressing = most_pressing(each for each in own if each.is_running)
    facts = [fact for fact in case.timeline if fact.kind not in INTERNAL]
    context: dict[str, Any] = {
        "token": token,
        "sponsor": sponsor_name(session, settings),
        "asked": asked,
        "state": State(asked.state),
        "person": opened.person,
        "cmo": session.get_one(Organization, asked.cmo_id).name,
        "site": session.get_one(Site, asked.site_id).name,
        "zones": zones,
        "countdowns": countdowns,
        "asked_for": asked_for(basis.type, words, basis.progress.detail),
        "pressing": pressing,
        "is_paused": any(not each.is_running for each in own),
        "sponsors_clock": most_pressing(each for each in countdowns if each.is_the_sponsors),
        "is_sponsors_turn": State(asked.state) in SPONSORS_TURN,
        "forms": forms,
        "words": form_words,
        "possible": possible,
        "verbs": lambda actions: [words.actions[action].verb for action in actions],
        "primary": _primary(forms, pressing),
        "so_far": so_far(case, words, basis.progress, list(case.timeline), zones, now),
        "said": conversation(facts, files, telling(session, case, basis.progress.detail, zones, words)),
        "done": _really_done(done, case, facts, files, words),
        "refused": refused.on(forms, words.language) if refused else None,
        "accept": ACCEPT,
        "taken": taken(words, settings),
    }
    return page(request, "form.html", context, status=refused.status if refused else 200)


def _primary(forms: Collection[str], pressing: Countdown | None) -> str | None:
    """What the big button does. Of a consignment under way and goods still to send, what is due first comes first."""
    presses_for_delivery = pressing is not None and pressing.kind == ClockKind.DELIVERY_CONFIRMATION
    if presses_for_delivery and Action.CONFIRM_DELIVERY in forms:
        return Action.CONFIRM_DELIVERY
    # An answer replies to every message; other steps take more than a word.
    presses_for_reply = pressing is not None and pressing.kind == ClockKind.REPLY and Action.ANSWER not in forms
    if presses_for_reply and Action.RESPOND in forms:
        return Action.RESPOND
    return next((action for action in PRIMARY if action in forms), None)


def _really_done(
    done: str,
    case: LoadedRequest,
    facts: Sequence[Fact],
    files: Sequence[Attachment],
    words: Words,
) -> tuple[str, str] | None:
    """The thanks, and what follows them; an address that only claims something gets none."""
    gettext = words.language.gettext
    if done == FILE:
        was_sent = any(file.uploaded_by_role in CMO_ROLES for file in files)
        thanks = gettext("Thank you. Your file was sent."), gettext("It is listed under “So far”.")
        return thanks if was_sent else None
    form = words.actions[done].to_contact if done in words.actions else None
    if form is None:
        return None
    acts = [fact for fact in sorted(facts, key=lambda fact: fact.sequence) if fact.by.is_cmo]
    if not acts or (done != Action.ACKNOWLEDGE and case.catalogue.action_of[acts[-1].kind] != done):
        return None
    last = acts[-1].kind
    copy = "" if last in UNTOLD else gettext("A copy is on its way to your mailbox.")
    return f"{form.done_as.get(last, form.done)}.", copy


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
        "sponsor": sponsor_name(session, runtime_of(request).settings),
        "reason": gone.reason,
        "address": _masked(fresh_link_address(session, token)),
        "was_sent": was_sent and gone.reason in ("expired", "revoked"),
        "kept": typed.texts() if typed else [],
    }
    return page(request, "link_gone.html", context, status=404 if gone.reason == "unknown" else 410)


def _masked(address: str | None) -> str | None:
    """An address as far as a stranger may know it: `m…@lonza.com`."""
    if address is None:
        return None
    name, _, domain = address.rpartition("@")
    return f"{name[:1]}…@{domain}"
