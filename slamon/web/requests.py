"""One request on one page: its clocks, what the reader can press now, and everything that happened."""

from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy.orm import Session

from slamon.api.uploads import download
from slamon.db.requests import CmoRequest, CrossingStatus
from slamon.domain.lifecycle import FILERS, OPEN_STATES, Action, RequestType, State, possible_actions
from slamon.domain.progress import Progress
from slamon.domain.terms import Level
from slamon.domain.timeline import CMO_ROLES, FactKind, Via
from slamon.errors import ActionNotAllowed, Invalid, NotFound, StaleVersion
from slamon.files.kinds import ACCEPT, TAKEN
from slamon.services.access import roles_on
from slamon.services.acts import Payload, act
from slamon.services.attachments import attach, attachment_of
from slamon.services.cases import load_case
from slamon.services.links import revoke_links
from slamon.services.queries import Whole, visible_request, whole_request
from slamon.services.timelines import owners_of
from slamon.web import choices
from slamon.web.countdowns import countdown, most_pressing
from slamon.web.history import history, not_reached
from slamon.web.moments import Zones, local_instant
from slamon.web.pages import runtime_of, see_other
from slamon.web.session import Posting, Submitted, Typed, Visit, Visiting
from slamon.web.staff import staff_page
from slamon.web.uploads import HandedByStaff
from slamon.web.words import ACTIONS

router = APIRouter(include_in_schema=False)
RequestId = Annotated[UUID, Path()]

STAFF_ACTIONS = (
    Action.TAKE, Action.REPLY, Action.ACCEPT, Action.REJECT, Action.FOLLOW_UP, Action.CANCEL
)  # fmt: skip
RECORDED = (Action.ACKNOWLEDGE, Action.ANSWER, Action.ASK, Action.DECLINE)
# What a person comes to the page for, in this order; the rest is folded away.
PRIMARY = (Action.TAKE, Action.REPLY, Action.ACCEPT)
REVOKE = "revoke-links"
FILE = "file"
ESCALATED = frozenset({Level.LIMIT, Level.REPEAT, Level.BACKUP, Level.STEP_3, Level.STEP_4})


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a form came back, with what was typed into it. `form` is an action, "record", "revoke-links" or "file"."""

    status: int
    form: str
    field: str | None
    message: str
    typed: Typed


@router.api_route("/requests/{request_id}", methods=["GET", "HEAD"])
def show(request: Request, visit: Visiting, request_id: RequestId, done: str = "") -> Response:
    with runtime_of(request).db.read() as session:
        return _page(request, session, visit, request_id, done=done)


@router.post("/requests/{request_id}/record")
def record(request: Request, visit: Posting, typed: Submitted, request_id: RequestId) -> Response:
    """Write down a call or a mail of the CMO."""
    return _act(request, visit, typed, request_id, "record")


@router.post("/requests/{request_id}/revoke-links")
def withdraw(request: Request, visit: Posting, typed: Submitted, request_id: RequestId) -> Response:
    """End the links with which a contact opens this request."""
    try:
        person_id, reason = _contact_named(typed, "person_id", "say whose links"), typed.text("reason")
        if reason is None:
            raise Invalid("reason", "say why; the trail keeps it")
        with runtime_of(request).db.write() as session:
            revoke_links(
                session, request_id, person_id, by=visit.caller, reason=reason, now=visit.now, real_now=visit.real_now
            )
    except Invalid as error:
        with runtime_of(request).db.read() as session:
            return _page(request, session, visit, request_id, refused=_refusal(error, REVOKE, typed))
    return see_other(f"/requests/{request_id}?done={REVOKE}")


@router.get("/requests/{request_id}/files/{attachment_id}")
def fetch_file(request: Request, visit: Visiting, request_id: RequestId, attachment_id: UUID) -> Response:
    with runtime_of(request).db.read() as session:
        visible_request(session, request_id, by=visit.caller)
        row = attachment_of(session, request_id, attachment_id)
    return download(runtime_of(request), row, asked_by=visit.caller.id, now=visit.now, real_now=visit.real_now)


@router.post("/requests/{request_id}/files")
def send_file(request: Request, visit: Visiting, request_id: RequestId, handed: HandedByStaff) -> Response:
    """Add a file; the CMO's people see it too."""
    runtime = runtime_of(request)
    try:
        stored = handed.stored(runtime)
        if stored is None:
            raise Invalid(FILE, "is missing; choose one first")
        with runtime.db.write() as session:
            attach(session, request_id, stored, by=visit.caller, via=Via.STAFF_PAGE, now=visit.now)
    except Invalid as error:
        with runtime.db.read() as session:
            return _page(request, session, visit, request_id, refused=_refusal(error, FILE, handed.typed))
    return see_other(f"/requests/{request_id}?done={FILE}")


@router.post("/requests/{request_id}/{action}")
def press(request: Request, visit: Posting, typed: Submitted, request_id: RequestId, action: str) -> Response:
    """Act in one's own name."""
    if action not in STAFF_ACTIONS:
        raise NotFound("page", request.url.path)
    return _act(request, visit, typed, request_id, action)


def _act(request: Request, visit: Visit, typed: Typed, request_id: UUID, form: str) -> Response:
    runtime = runtime_of(request)
    try:
        action, payload = _recorded(typed, visit) if form == "record" else (Action(form), _own(typed))
        with runtime.db.write() as session:
            act(
                session, request_id, action, by=visit.caller, payload=payload, closing=runtime.closing,
                now=visit.now, real_now=visit.real_now, expected_version=_version(typed),
            )  # fmt: skip
    except (Invalid, ActionNotAllowed, StaleVersion) as error:
        with runtime.db.read() as session:
            return _page(request, session, visit, request_id, refused=_refusal(error, form, typed))
    return see_other(f"/requests/{request_id}?done={form}")


def _own(typed: Typed) -> Payload:
    return Payload(text=typed.text("text"), reason=typed.text("reason"), via=Via.STAFF_PAGE)


def _recorded(typed: Typed, visit: Visit) -> tuple[Action, Payload]:
    if typed("action") not in RECORDED:
        raise Invalid("action", "say what the CMO did")
    if typed("via") not in (Via.PHONE_RECORDED, Via.EMAIL_RECORDED):
        raise Invalid("via", "say how it came")
    contact = _contact_named(typed, "on_behalf_of", "say who called or wrote")
    action, said = Action(typed("action")), typed.text("text")
    if said is None and action is not Action.ACKNOWLEDGE:
        raise Invalid("text", "must not be empty: write down what was said")
    is_refusal = action is Action.DECLINE
    return action, Payload(
        text=None if is_refusal else said,
        reason=said if is_refusal else None,
        occurred_at=local_instant("occurred_at", typed("occurred_at"), visit.zone),
        on_behalf_of=contact,
        via=Via(typed("via")),
        evidence=typed.text("evidence"),
    )


def _contact_named(typed: Typed, field: str, otherwise: str) -> UUID:
    try:
        return UUID(typed(field))
    except ValueError:
        raise Invalid(field, otherwise) from None


def _version(typed: Typed) -> int:
    try:
        return int(typed("version"))
    except ValueError:
        raise Invalid("version", "is missing; open the page again") from None


def _refusal(error: Invalid | ActionNotAllowed | StaleVersion, form: str, typed: Typed) -> Refused:
    if isinstance(error, Invalid):
        return Refused(422, form, error.field, error.message, typed)
    if isinstance(error, StaleVersion):
        message = (
            "Somebody acted first, so nothing was sent. Read what is new below, then send it again if it still fits."
        )
        return Refused(412, form, None, message, typed)
    what = "record this" if form == "record" else ACTIONS[Action(form)]
    return Refused(409, form, None, f"It is not possible to {what} any more; nothing was sent.", typed)


def _page(
    request: Request,
    session: Session,
    visit: Visit,
    request_id: UUID,
    *,
    done: str = "",
    refused: Refused | None = None,
) -> HTMLResponse:
    whole = whole_request(session, request_id, by=visit.caller)
    asked, site = whole.row.request, whole.row.site
    zones = Zones(own=visit.zone, other=site.time_zone)
    case = load_case(session, asked)
    countdowns = [countdown(clock, zones, visit.now, case.terms_of(clock)) for clock in case.clocks()]
    possible = _worth_showing(whole)
    keeps = bool(roles_on(visit.caller, asked, owners_of(session, asked)) & FILERS)
    recordable = _recordable(asked, case.progress()) if keeps else []
    may_revoke = keeps and State(asked.state) in OPEN_STATES
    context: dict[str, Any] = {
        "whole": whole,
        "asked": asked,
        "site": site,
        "state": State(asked.state),
        "zones": zones,
        "terms": case.terms,
        "countdowns": countdowns,
        "pressing": most_pressing(countdowns),
        "taken_by": next((fact.by_name for fact in reversed(whole.facts) if fact.kind == FactKind.TAKEN), None),
        "primary": next((action for action in PRIMARY if action in possible), None),
        "possible": possible,
        "recordable": recordable,
        "contacts": choices.contacts_of(session, asked.cmo_id) if recordable or may_revoke else [],
        "may_revoke": may_revoke,
        "may_send": may_revoke,
        "accept": ACCEPT,
        "taken": f"{TAKEN}, up to {runtime_of(request).settings.attachment_max_megabytes} MB",
        "entries": history(whole, zones),
        "unreached": not_reached(whole.notifications, whole.contact.id),
        "done": done if done in ("filed", "record", REVOKE, FILE, *STAFF_ACTIONS) else "",
        "refused": refused,
    }
    return staff_page(request, visit, "request.html", context, status=refused.status if refused else 200)


def _worth_showing(whole: Whole) -> list[Action]:
    """What the reader may do, without taking an escalation that nobody has made or somebody has taken."""
    was_escalated = any(c.level in ESCALATED and c.status == CrossingStatus.OPEN for c in whole.crossings)
    was_taken = any(fact.kind == FactKind.TAKEN for fact in whole.facts)
    hidden = {Action.TAKE} if was_taken or not was_escalated else set()
    return [action for action in STAFF_ACTIONS if action in whole.actions and action not in hidden]


def _recordable(asked: CmoRequest, progress: Progress) -> list[Action]:
    """What of the CMO's can be written down now."""
    open_to_cmo = possible_actions(RequestType(asked.type), State(asked.state), progress, CMO_ROLES)
    return [action for action in RECORDED if action in open_to_cmo]
