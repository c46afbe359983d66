"""One request on one page: its clocks, what the reader can press now, and everything that happened."""

from collections.abc import Collection, Container, Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, Response

from slamon.db.requests import CrossingStatus
from slamon.domain.actions.parts import Said
from slamon.domain.catalogue import Catalogue
from slamon.domain.clocks.state import ClockId
from slamon.domain.lifecycle import OPEN_STATES, SPONSORS_TURN, Action, Rule, State
from slamon.domain.progress import Progress
from slamon.domain.stage import last_possible
from slamon.domain.terms import BREACH_LEVELS
from slamon.domain.timeline import CMO_ROLES, FactKind, Role, Via
from slamon.errors import ActionNotAllowed, Invalid, NotFound, StaleVersion
from slamon.files.kinds import ACCEPT
from slamon.http.uploads import download
from slamon.services.access.form_links import revoke_links
from slamon.services.access.rights import RIGHTS, Deed, roles_on
from slamon.services.deadlines.loading import LoadedRequest
from slamon.services.requests.acts import act, load_to_act
from slamon.services.requests.attachments import attach, attachment_of
from slamon.services.requests.queries import (
    RequestDetail,
    linked_requests,
    request_detail,
    visible_request,
)
from slamon.services.transaction import Tx
from slamon.web.forms.action_forms import as_on_page, form_of, forms_of
from slamon.web.forms.action_reading import Refused, given_by, words_of
from slamon.web.forms.parts import Basis
from slamon.web.pages import runtime_of, see_other
from slamon.web.session import Posting, Submitted, Typed, Visit, Visiting, may_on_record
from slamon.web.staff import choices
from slamon.web.staff.history import history, not_reached
from slamon.web.staff.layout import staff_page
from slamon.web.uploads import HandedByStaff, taken
from slamon.web.view.asked import asked_for
from slamon.web.view.countdowns import countdown, in_order, most_pressing
from slamon.web.view.fact_details import telling
from slamon.web.view.instants import Zones
from slamon.web.view.progress import so_far
from slamon.wording.actions import FormWords
from slamon.wording.errors import problem
from slamon.wording.words import Words

router = APIRouter(include_in_schema=False)
RequestId = Annotated[UUID, Path()]

# The order of its forms; actions that are not listed follow.
ORDER = (
    Action.TAKE, Action.AGREE, Action.REPLY, Action.REFUSE, Action.DECIDE, Action.ACCEPT, Action.REJECT,
    Action.CONFIRM_DELIVERY, Action.REPORT_LOST, Action.FOLLOW_UP, Action.AMEND, Action.REOPEN, Action.WAIT,
    Action.RESUME, Action.CORRECT, Action.CANCEL,
)  # fmt: skip
# What a person comes to the page for, in this order; the rest is folded away.
PRIMARY = (Action.TAKE, Action.AGREE, Action.REPLY, Action.DECIDE, Action.ACCEPT)
REVOKE = "revoke-links"
FILE = "file"


@router.api_route("/requests/{request_id}", methods=["GET", "HEAD"], dependencies=[may_on_record(Deed.READ_REQUESTS)])
def show(request: Request, visit: Visiting, request_id: RequestId, done: str = "") -> Response:
    with runtime_of(request).read() as tx:
        return _page(request, tx, visit, request_id, done=done)


@router.post("/requests/{request_id}/revoke-links", dependencies=[may_on_record(Deed.WITHDRAW_LINKS)])
def withdraw(request: Request, visit: Posting, typed: Submitted, request_id: RequestId) -> Response:
    """End the links with which a contact opens this request."""
    try:
        person_id, reason = _contact_named(typed), typed.text("reason")
        if reason is None:
            raise Invalid("reason", "say why; the trail keeps it")
        with runtime_of(request).write() as tx:
            revoke_links(tx, request_id, person_id, by=visit.caller, reason=reason)
    except Invalid as error:
        with runtime_of(request).read() as tx:
            return _page(
                request, tx, visit, request_id, refused=refusal(runtime_of(request).words, error, REVOKE, typed)
            )
    return see_other(f"/requests/{request_id}?done={REVOKE}")


@router.get("/requests/{request_id}/files/{attachment_id}", dependencies=[may_on_record(Deed.READ_REQUESTS)])
def fetch_file(request: Request, visit: Visiting, request_id: RequestId, attachment_id: UUID) -> Response:
    with runtime_of(request).db.read() as session:
        visible_request(session, request_id, by=visit.caller)
        row = attachment_of(session, request_id, attachment_id)
    return download(runtime_of(request), row, asked_by=visit.caller.id)


@router.post("/requests/{request_id}/files", dependencies=[may_on_record(Deed.ATTACH)])
def send_file(request: Request, visit: Visiting, request_id: RequestId, handed: HandedByStaff) -> Response:
    """Add a file; the CMO's people see it too."""
    runtime = runtime_of(request)
    try:
        stored = handed.stored(runtime)
        if stored is None:
            raise Invalid(FILE, "is missing; choose one first")
        with runtime.write() as tx:
            attach(tx, request_id, stored, by=visit.caller, via=Via.STAFF_PAGE)
    except Invalid as error:
        with runtime.read() as tx:
            return _page(request, tx, visit, request_id, refused=refusal(runtime.words, error, FILE, handed.typed))
    return see_other(f"/requests/{request_id}?done={FILE}")


@router.post("/requests/{request_id}/{action}", dependencies=[may_on_record(Deed.ACT)])
def press(request: Request, visit: Posting, typed: Submitted, request_id: RequestId, action: str) -> Response:
    """Act in one's own name."""
    runtime = runtime_of(request)
    if action not in forms_for_staff(runtime.words):
        raise NotFound("page", request.scope["path"])
    try:
        with runtime.write() as tx:
            loaded = load_to_act(tx, request_id, by=visit.caller)
            said = _said(tx, runtime.words, visit, loaded, action, typed)
            act(tx, loaded, said, by=visit.caller, via=Via.STAFF_PAGE, expected_version=version_in(typed))
    except (Invalid, ActionNotAllowed, StaleVersion) as error:
        with runtime.read() as tx:
            return _page(request, tx, visit, request_id, refused=refusal(runtime.words, error, action, typed))
    return see_other(f"/requests/{request_id}?done={action}")


def forms_for_staff(words: Words) -> dict[str, FormWords]:
    """The words of the actions that staff take in their own name, by action."""
    return {name: each.to_staff for name, each in words.actions.items() if each.to_staff}


def _said(tx: Tx, words: Words, visit: Visit, loaded: LoadedRequest, action: str, typed: Typed) -> Said:
    roles = roles_on(visit.caller, loaded.owners(tx.session))
    basis = basis_of(tx, words, visit, loaded, is_cmo=False, roles=roles)
    rule = basis.open_to(roles).get(action)
    if rule is None:
        return words_of(action, typed, basis).said
    return given_by(form_of(action, rule, basis), typed, basis).said


def basis_of(
    tx: Tx,
    words: Words,
    visit: Visit,
    case: LoadedRequest,
    *,
    is_cmo: bool,
    roles: Collection[Role] = (),
) -> Basis:
    """What the forms of this request are made from, for the reader's own acts in `roles`, or for what the CMO said."""
    return Basis(
        case=case,
        words=words,
        progress=case.progress(),
        is_cmo=is_cmo,
        zone=visit.zone,
        now=visit.now,
        may_set_priority=Role.LEAD in roles,
        contacts=[(person.id, person.name) for person in choices.contacts_of(tx.session, case.request)],
    )


def keeps(roles: frozenset[Role]) -> bool:
    """Whether somebody in these roles may write down a call or mail, and withdraw links."""
    return bool(roles & RIGHTS[Deed.RECORD].roles)


def version_in(typed: Typed) -> int:
    try:
        return int(typed("version"))
    except ValueError:
        raise Invalid("version", "is missing; open the page again") from None


def refusal(words: Words, error: Invalid | ActionNotAllowed | StaleVersion, form: str, typed: Typed) -> Refused:
    gettext = words.language.gettext
    if isinstance(error, Invalid):
        return Refused(422, form, {}, problem(error, words.language), typed, error)
    if isinstance(error, StaleVersion):
        message = gettext(
            "Somebody acted first, so nothing was sent. Read what is new below, then send it again if it still fits."
        )
        return Refused(412, form, {}, message, typed)
    what = words.actions[form].verb
    message = gettext("It is not possible to {what} any more; nothing was sent.", what=what)
    return Refused(409, form, {}, message, typed)


def _contact_named(typed: Typed) -> UUID:
    try:
        return UUID(typed("person_id"))
    except ValueError:
        raise Invalid("person_id", "say whose links") from None


def _page(
    request: Request,
    tx: Tx,
    visit: Visit,
    request_id: UUID,
    *,
    done: str = "",
    refused: Refused | None = None,
) -> HTMLResponse:
    session, runtime, whole = tx.session, runtime_of(request), request_detail(tx, request_id, by=visit.caller)
    words = runtime.words
    asked, site = whole.row.request, whole.row.site
    zones = Zones(own=visit.zone, other=site.time_zone, language=words.language)
    case = whole.case
    countdowns = [countdown(clock, zones, visit.now, words.clocks, case.terms_of(clock)) for clock in case.clocks()]
    running, ended = in_order(countdowns)
    basis, state = basis_of(tx, words, visit, case, is_cmo=False, roles=whole.roles), State(asked.state)
    form_words = forms_for_staff(words)
    forms = forms_of(_worth_showing(whole, basis.open_to(whole.roles), form_words), basis)
    may_keep, now_open = keeps(whole.roles), basis.open_to(CMO_ROLES)
    late = [each for each in recordable(basis) if each not in now_open]
    told_with = telling(session, case, basis.progress.detail, zones, words)
    context: dict[str, Any] = {
        "whole": whole,
        "asked": asked,
        "site": site,
        "state": state,
        "asked_for": asked_for(basis.type, words, basis.progress.detail),
        "linked": linked_requests(session, asked, visit.caller),
        "is_our_turn": state in SPONSORS_TURN,
        "is_open": state in OPEN_STATES,
        "zones": zones,
        "terms": case.terms,
        "running": running,
        "ended": ended,
        "pressing": most_pressing(countdowns),
        "taken_by": next((fact.by.name for fact in reversed(case.timeline.of(FactKind.TAKEN))), None),
        "primary": next((action for action in PRIMARY if action in forms), None),
        "forms": forms,
        "words": form_words,
        "possible": as_on_page(ORDER, forms),
        "recordable": told_of(runtime.catalogue, now_open) if may_keep else {},
        "recordable_late": told_of(runtime.catalogue, late) if may_keep else {},
        "contacts": basis.contacts,
        "so_far": so_far(case, words, basis.progress, list(case.timeline), zones, visit.now),
        "may_revoke": may_keep and state in OPEN_STATES,
        "may_send": may_keep and state in OPEN_STATES,
        "accept": ACCEPT,
        "taken": taken(words, runtime.settings),
        "entries": history(whole, told_with, runtime.registered),
        "unreached": not_reached(whole.notifications, whole.contact.id),
        "done": done if done in ("filed", "filed-apart", "record", REVOKE, FILE, *form_words) else "",
        "refused": refused.on(forms, words.language) if refused else None,
    }
    return staff_page(request, visit, "request.html", context, status=refused.status if refused else 200)


def told_of(catalogue: Catalogue, actions: Iterable[str]) -> dict[str, str]:
    """Actions, each with the kind of fact that tells of it."""
    return {action: catalogue.actions[action].facts[0] for action in actions}


def _worth_showing(whole: RequestDetail, open_now: Mapping[str, Rule], words: Container[str]) -> dict[str, Rule]:
    """What the reader may do here, without taking an escalation that nobody has made or somebody has taken."""
    breached_at: dict[ClockId, datetime] = {}
    for crossing in whole.crossings:  # in order of time
        if crossing.level in BREACH_LEVELS and crossing.status == CrossingStatus.OPEN:
            breached_at.setdefault(crossing.clock_id, crossing.crossed_at)
    taken = [fact.occurred_at for fact in whole.case.timeline.of(FactKind.TAKEN)]
    is_to_be_taken = any(not taken or max(taken) < at for at in breached_at.values())
    hidden = set() if is_to_be_taken else {Action.TAKE}
    return {action: rule for action, rule in open_now.items() if action in words and action not in hidden}


def recordable(basis: Basis) -> dict[str, tuple[Rule, Progress]]:
    """What of the CMO's can be written down, in the order in which it usually happens: what it could do at any time.

    Each with its rule and the progress as they held last.
    """
    return last_possible(basis.case.catalogue, basis.type, basis.case.timeline, CMO_ROLES)
