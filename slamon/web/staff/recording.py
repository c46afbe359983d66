"""Writing down what the CMO said in a call or a mail: one page for each of its actions."""

from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from slamon.domain.lifecycle import Action, Rule, rule_for, stage_of
from slamon.domain.progress import Progress
from slamon.domain.timeline import Via, stamp
from slamon.errors import ActionNotAllowed, Forbidden, Invalid, NotFound, StaleVersion
from slamon.services.access.rights import Deed
from slamon.services.requests.acts import act
from slamon.services.requests.queries import case_and_facts, visible_request
from slamon.services.transaction import Tx
from slamon.web.forms.action_forms import form_of, recorded
from slamon.web.forms.action_reading import Refused, payload_of
from slamon.web.forms.action_words import TO_CONTACT, Wording
from slamon.web.forms.parts import ActionForm, Basis
from slamon.web.pages import runtime_of, see_other
from slamon.web.session import Posting, Submitted, Visit, Visiting, may_on_record
from slamon.web.staff.layout import staff_page
from slamon.web.staff.requests import RequestId, basis_of, keeps, recordable, refusal, roles_of, version_in
from slamon.web.view.instants import local_instant
from slamon.web.view.words import FACTS, named
from slamon.wording.words import Words

router = APIRouter(include_in_schema=False)

WORDS = Wording("", "Record", "Recorded.")


@router.api_route(
    "/requests/{request_id}/record/{action}", methods=["GET", "HEAD"], dependencies=[may_on_record(Deed.RECORD)]
)
def show(request: Request, visit: Visiting, request_id: RequestId, action: str) -> Response:
    with runtime_of(request).read() as tx:
        return _page(request, tx, visit, request_id, _action(request, action))


@router.post("/requests/{request_id}/record/{action}", dependencies=[may_on_record(Deed.RECORD)])
def record(request: Request, visit: Posting, typed: Submitted, request_id: RequestId, action: str) -> Response:
    """Let the contact have acted, as somebody of ours heard or read it."""
    runtime, wanted = runtime_of(request), _action(request, action)
    try:
        with runtime.write() as tx:
            form, basis = _form(tx, runtime.words, visit, request_id, wanted, typed("occurred_at"))
            payload = payload_of(form, typed, basis, via=Via.STAFF_PAGE)
            act(tx, request_id, wanted, by=visit.caller, payload=payload, expected_version=version_in(typed))
    except (Invalid, ActionNotAllowed, StaleVersion) as error:
        with runtime.read() as tx:
            return _page(request, tx, visit, request_id, wanted, refusal(error, action, typed))
    return see_other(f"/requests/{request_id}?done=record")


def _action(request: Request, action: str) -> Action:
    found = named(Action, action)
    if found not in TO_CONTACT:
        raise NotFound("page", request.scope["path"])
    return Action(action)


def _form(
    tx: Tx, words: Words, visit: Visit, request_id: RequestId, action: Action, when: str = ""
) -> tuple[ActionForm, Basis]:
    """The form as it was at the time typed; before one is, as it last was."""
    asked = visible_request(tx.session, request_id, by=visit.caller)
    if not keeps(roles_of(tx.session, visit, asked)):
        raise Forbidden("Only the project's manager, lead or quality may record a call or mail.")
    basis = basis_of(tx, words, visit, *case_and_facts(tx, asked), is_cmo=True)
    possible = recordable(basis)
    if action not in possible:
        raise ActionNotAllowed(action, asked.state, list(possible))
    rule, progress = _held_at(when, action, basis) or possible[action]
    basis = replace(basis, progress=progress)
    return recorded(form_of(action, rule, basis), basis), basis


def _held_at(when: str, action: Action, basis: Basis) -> tuple[Rule, Progress] | None:
    """The rule and the progress at a time as typed; None where it was not possible then, or no time is meant."""
    try:
        then = basis.case.as_of(stamp(local_instant("occurred_at", when, basis.zone)))
    except Invalid:
        return None
    if not len(then.timeline):
        return None
    state, progress = stage_of(basis.type, then.timeline)
    rule = rule_for(basis.type, state, action, progress)
    return (rule, progress) if rule else None


def _page(
    request: Request,
    tx: Tx,
    visit: Visit,
    request_id: RequestId,
    action: Action,
    refused: Refused | None = None,
) -> HTMLResponse:
    when = refused.typed("occurred_at") if refused else ""
    form, basis = _form(tx, runtime_of(request).words, visit, request_id, action, when)
    context: dict[str, Any] = {
        "asked": basis.request,
        "form": form,
        "words": WORDS,
        "deed": FACTS[action.fact],
        "refused": refused.on({action: form}) if refused else None,
    }
    return staff_page(request, visit, "record.html", context, status=refused.status if refused else 200)
