"""Writing down what the CMO said in a call or a mail: one page for each of its actions."""

from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from slamon.domain.lifecycle import Rule
from slamon.domain.progress import Progress
from slamon.domain.stage import rule_for
from slamon.domain.timeline import Via, stamp
from slamon.errors import ActionNotAllowed, Forbidden, Invalid, NotFound, StaleVersion
from slamon.services.access.rights import Deed, roles_on
from slamon.services.deadlines.loading import LoadedRequest, load_request
from slamon.services.requests.acts import act, load_to_act
from slamon.services.requests.queries import visible_request
from slamon.services.transaction import Tx
from slamon.web.forms.action_forms import form_of, recorded
from slamon.web.forms.action_reading import Refused, given_by
from slamon.web.forms.parts import ActionForm, Basis
from slamon.web.pages import runtime_of, see_other
from slamon.web.session import Posting, Submitted, Visit, Visiting, may_on_record
from slamon.web.staff.layout import staff_page
from slamon.web.staff.requests import RequestId, basis_of, keeps, recordable, refusal, version_in
from slamon.web.view.instants import local_instant
from slamon.wording.actions import FormWords
from slamon.wording.words import Words

router = APIRouter(include_in_schema=False)


@router.api_route(
    "/requests/{request_id}/record/{action}", methods=["GET", "HEAD"], dependencies=[may_on_record(Deed.RECORD)]
)
def show(request: Request, visit: Visiting, request_id: RequestId, action: str) -> Response:
    with runtime_of(request).read() as tx:
        return _page(request, tx, visit, request_id, _checked(request, action))


@router.post("/requests/{request_id}/record/{action}", dependencies=[may_on_record(Deed.RECORD)])
def record(request: Request, visit: Posting, typed: Submitted, request_id: RequestId, action: str) -> Response:
    """Let the contact have acted, as somebody of ours heard or read it."""
    runtime, wanted = runtime_of(request), _checked(request, action)
    try:
        with runtime.write() as tx:
            loaded = load_to_act(tx, request_id, by=visit.caller)
            form, basis = _form(tx, runtime.words, visit, loaded, wanted, typed("occurred_at"))
            given = given_by(form, typed, basis)
            act(
                tx,
                loaded,
                given.said,
                by=visit.caller,
                via=Via.STAFF_PAGE,
                recorded=given.recorded,
                expected_version=version_in(typed),
            )
    except (Invalid, ActionNotAllowed, StaleVersion) as error:
        with runtime.read() as tx:
            return _page(request, tx, visit, request_id, wanted, refusal(runtime.words, error, action, typed))
    return see_other(f"/requests/{request_id}?done=record")


def _checked(request: Request, action: str) -> str:
    """The action, if contacts take it. Raises NotFound."""
    words = runtime_of(request).words.actions
    if action not in words or words[action].to_contact is None:
        raise NotFound("page", request.scope["path"])
    return action


def _form(
    tx: Tx, words: Words, visit: Visit, loaded: LoadedRequest, action: str, when: str = ""
) -> tuple[ActionForm, Basis]:
    """The form as it was at the time typed; before one is, as it last was."""
    if not keeps(roles_on(visit.caller, loaded.owners(tx.session))):
        raise Forbidden("Only the project's manager, lead or quality may record a call or mail.")
    basis = basis_of(tx, words, visit, loaded, is_cmo=True)
    possible = recordable(basis)
    if action not in possible:
        raise ActionNotAllowed(action, loaded.request.state, list(possible))
    rule, progress = _held_at(when, action, basis) or possible[action]
    basis = replace(basis, progress=progress)
    return recorded(form_of(action, rule, basis), basis), basis


def _held_at(when: str, action: str, basis: Basis) -> tuple[Rule, Progress] | None:
    """The rule and the progress at a time as typed; None where it was not possible then, or no time is meant."""
    try:
        then = basis.case.as_of(stamp(local_instant("occurred_at", when, basis.zone)))
    except Invalid:
        return None
    if not len(then.timeline):
        return None
    state, progress = then.stage()
    rule = rule_for(basis.type, state, action, progress)
    return (rule, progress) if rule else None


def _page(
    request: Request,
    tx: Tx,
    visit: Visit,
    request_id: RequestId,
    action: str,
    refused: Refused | None = None,
) -> HTMLResponse:
    runtime, when = runtime_of(request), refused.typed("occurred_at") if refused else ""
    loaded = load_request(tx, visible_request(tx.session, request_id, by=visit.caller))
    form, basis = _form(tx, runtime.words, visit, loaded, action, when)
    context: dict[str, Any] = {
        "asked": basis.request,
        "form": form,
        "words": FormWords(title="", button=runtime.words.language.gettext("Record"), done=""),
        "deed": runtime.words.facts[runtime.catalogue.actions[action].facts[0]].did,
        "refused": refused.on({action: form}, runtime.words.language) if refused else None,
    }
    return staff_page(request, visit, "record.html", context, status=refused.status if refused else 200)
