"""Drafts on the filing form: save what is written, go on with it another day, or discard it."""

from contextlib import suppress
from dataclasses import replace
from typing import Annotated
from uuid import UUID, uuid4

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from slamon.errors import Conflict, Invalid, KeyReused, NotFound, StaleVersion
from slamon.services.access import idempotency
from slamon.services.access.rights import Deed
from slamon.services.requests import drafts
from slamon.web.forms.filing_fields import fields_of
from slamon.web.pages import runtime_of, see_other
from slamon.web.session import Posting, Submitted, Visiting, may
from slamon.web.staff.filing import Form, show_form, with_parent, with_parents_number
from slamon.wording.errors import in_full
from slamon.wording.language import Language

router = APIRouter(include_in_schema=False, prefix="/drafts")


@router.api_route("/{draft_id}", methods=["GET", "HEAD"], dependencies=[may(Deed.KEEP_DRAFTS)])
def show(request: Request, visit: Visiting, draft_id: UUID, done: Annotated[str, Query()] = "") -> Response:
    """The form as it was left."""
    runtime = runtime_of(request)
    with runtime.read() as tx:
        draft = drafts.find(tx.session, draft_id, by=visit.caller)
        fields = fields_of(with_parents_number(tx, draft.content, visit))
    request_type = runtime.catalogue.types[draft.content["type"]]
    form = Form(request_type, fields, draft.id, version=draft.version, said=_said(done, runtime.words.language))
    return show_form(request, visit, form)


def _said(done: str, language: Language) -> str:
    if done == "saved":
        return language.gettext("The draft is saved. Nobody but you sees it, and no clock runs.")
    if done == "newer":
        return language.gettext(
            "Nothing was discarded: the draft was saved from somewhere else meanwhile. This is what it says now."
        )
    return ""


@router.post("", dependencies=[may(Deed.KEEP_DRAFTS)])
def save(request: Request, visit: Posting, typed: Submitted) -> Response:
    """Keep the form as it is, nothing of it checked."""
    runtime = runtime_of(request)
    form, gettext = Form.sent(runtime, typed), runtime.words.language.gettext
    try:
        with runtime.write() as tx:
            filed = idempotency.answered(tx, form.once(visit))
            if filed is not None:
                return see_other(filed.headers["location"])
            drafts.save(
                tx, form.key, with_parent(tx, form.asked, visit), by=visit.caller, expected_version=form.version
            )
        return see_other(f"/drafts/{form.key}?done=saved")
    except StaleVersion as stale:
        form = form.outdated(stale.current, runtime.words)
    except KeyReused:
        said = gettext(
            "This form filed a request already, before you changed it. Press “Save as draft” to keep the change."
        )
        form = replace(form, key=uuid4(), version=None).refused({"": said}, status=409)
    except NotFound:
        said = gettext(
            "This draft was filed or discarded meanwhile. Press “Save as draft” to keep what is written here."
        )
        form = replace(form, version=None).refused({"": said}, status=404)
    except (Invalid, Conflict) as refusal:
        form = form.refused({"": in_full(refusal, runtime.words.language)}, status=409)
    return show_form(request, visit, form)


@router.post("/{draft_id}/discard", dependencies=[may(Deed.KEEP_DRAFTS)])
def discard(request: Request, visit: Posting, typed: Submitted, draft_id: UUID) -> Response:
    """Delete it; doing so again changes nothing. One that was saved since is shown first."""
    seen = typed("version")
    try:
        with suppress(NotFound), runtime_of(request).write() as tx:
            drafts.discard(tx, draft_id, by=visit.caller, expected_version=int(seen) if seen.isdecimal() else None)
    except StaleVersion:
        return see_other(f"/drafts/{draft_id}?done=newer")
    return see_other("/requests/new?done=discarded")
