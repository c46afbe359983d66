"""Filing a request: first which type for which project, then the form of that type."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import ValidationError
from sqlalchemy.orm import Session

from slamon.db.parties import Project
from slamon.domain.lifecycle import RequestType
from slamon.domain.priority import Priority
from slamon.domain.terms import TermsError
from slamon.domain.timeline import Via
from slamon.errors import (
    Conflict,
    Forbidden,
    Invalid,
    KeyReused,
    LikelyDuplicate,
    LookAlike,
    NotFound,
    StaleVersion,
    TermsDiffer,
)
from slamon.schemas import new_requests
from slamon.schemas.filings import read_filing
from slamon.services.access import idempotency
from slamon.services.access.idempotency import KeptAnswer
from slamon.services.access.rights import Deed
from slamon.services.requests import drafts
from slamon.services.requests.filing import file_by_terms
from slamon.web.forms.filing_fields import Fields, asked, not_meant, problems_in, rows_for
from slamon.web.forms.filing_words import sayings, title
from slamon.web.pages import runtime_of, see_other
from slamon.web.session import Posting, Submitted, Typed, Visit, Visiting, may
from slamon.web.staff import choices
from slamon.web.staff.layout import staff_page
from slamon.web.view.instants import Zones, today_in
from slamon.web.view.words import label, named

router = APIRouter(include_in_schema=False)
_SPLIT = {"yes": True, "no": False}  # not said: it is asked where it matters


@dataclass(frozen=True, slots=True)
class Form:
    """The form as it stands: what is in its fields, what is wrong with which, and which requests look like it.

    `apart` are the kinds of data asked for, those with the same terms together, where these differ.

    `key` makes it file once; a draft of it is kept under that key. `version` is that draft's, None where there is none.
    """

    fields: Fields
    key: UUID
    version: int | None = None
    problems: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
    look_alikes: Sequence[LookAlike] = ()
    apart: Sequence[tuple[str, ...]] = ()
    said: str = ""

    @classmethod
    def sent(cls, typed: Typed) -> "Form":
        """Raises Invalid for one that is not ours."""
        version = typed("version")
        return cls(typed, typed.key(), version=int(version) if version.isdecimal() else None)

    def once(self, visit: Visit) -> idempotency.Call:
        """Sending it as a call that may come again; changed in between, it is another."""
        fingerprint = hashlib.sha256(json.dumps(asked(self.fields), sort_keys=True).encode()).hexdigest()
        return idempotency.Call(visit.caller.id, f"page/{self.key}", fingerprint)

    def outdated(self, version: int) -> "Form":
        words = "This draft was saved from somewhere else meanwhile. Press the button again to use what stands here."
        return replace(self, version=version, problems={"": words}, status=412)

    def refused(self, problems: Mapping[str, str], status: int = 422) -> "Form":
        return replace(self, problems=problems, status=status)


@router.api_route("/requests/new", methods=["GET", "HEAD"], dependencies=[may(Deed.FILE)])
def show(request: Request, visit: Visiting, type: str = "", project: str = "", done: str = "") -> Response:  # noqa: A002
    """The choice of type and project, and the drafts; with type and project in the address, the form itself."""
    with runtime_of(request).db.read() as session:
        projects = choices.projects_to_file_for(session, visit.caller)
        chosen = next((each for each in projects if str(each.id) == project), None)
        kind = named(RequestType, type)
        if kind is not None and chosen is not None:
            blank = {"detail.logger_required": "yes"}
            return _page(request, session, visit, kind, chosen, Form(lambda name: blank.get(name, ""), uuid4()))
        context = {
            "projects": projects,
            "types": RequestType,
            "chosen_type": type,
            "drafts": drafts.drafts_of(session, visit.caller),
            "codes": {str(each.id): each.code for each in choices.projects(session, visit.caller)},
            "zones": Zones(own=visit.zone, other=visit.zone),
            "is_discarded": done == "discarded",
        }
        return staff_page(request, visit, "filing_choice.html", context)


@router.post("/requests/new", dependencies=[may(Deed.FILE)])
def file(request: Request, visit: Posting, typed: Submitted) -> Response:
    """File it. The same form sent twice files once."""
    form = Form.sent(typed)
    past = not_meant(typed, today_in(visit.zone, visit.now))
    try:
        filing = read_filing(asked(typed))
        if past:
            return show_form(request, visit, form.refused(past))
        with runtime_of(request).write() as tx:
            once = form.once(visit)
            before = idempotency.begin(tx, once)
            if before is not None:
                return see_other(before.headers["location"])
            filed = file_by_terms(
                tx,
                filing,
                split=_SPLIT.get(typed("split")),
                by=visit.caller,
                via=Via.STAFF_PAGE,
                file_anyway=bool(typed("file_anyway")),
            )
            address = f"/requests/{filed[0].id}?done={'filed' if len(filed) == 1 else 'filed-apart'}"
            with suppress(NotFound):
                drafts.take(tx.session, form.key, by=visit.caller, expected_version=form.version)
            idempotency.keep(tx.session, once, KeptAnswer(303, {"location": address}, ""))
        return see_other(address)
    except ValidationError as wrong:
        form = form.refused({**problems_in(wrong, typed), **past})
    except (Invalid, TermsError) as wrong:
        form = form.refused({wrong.field: wrong.message})
    except LikelyDuplicate as likely:
        form = replace(form, status=409, look_alikes=likely.look_alikes)
    except TermsDiffer as differ:
        form = replace(form, status=409, apart=differ.groups)
    except StaleVersion as stale:
        form = form.outdated(stale.current)
    except KeyReused:
        words = "This form filed a request already, before you changed it. Press the button again to file another one."
        form = replace(form, key=uuid4(), version=None).refused({"": words}, status=409)
    except (Conflict, Forbidden) as refusal:
        form = form.refused({"": str(refusal)}, status=409 if isinstance(refusal, Conflict) else 403)
    return show_form(request, visit, form)


def show_form(request: Request, visit: Visit, form: Form) -> HTMLResponse:
    """The form as it stands, for the type and project named in it. Raises Invalid for one that names none."""
    with runtime_of(request).db.read() as session:
        projects = choices.projects_to_file_for(session, visit.caller)
        project = next((each for each in projects if str(each.id) == form.fields("project_id")), None)
        kind = named(RequestType, form.fields("type"))
        if project is None or kind is None:
            raise Invalid("project_id", "choose a type and one of your projects first")
        return _page(request, session, visit, kind, project, form)


def _page(
    request: Request, session: Session, visit: Visit, kind: RequestType, project: Project, form: Form
) -> HTMLResponse:
    context: dict[str, Any] = {
        "type": kind,
        "project": project,
        "sites": choices.sites_to_file_for(session, project, visit.caller),
        "priorities": Priority,
        "lists": new_requests,
        "rows": rows_for(form.fields),
        "typed": form.fields,
        "form": form,
        "title": title,
        "problems": form.problems,
        "sayings": sayings(form.problems),
        "look_alikes": form.look_alikes,
        "apart": [[label(kind) for kind in group] for group in form.apart],
        "today": today_in(visit.zone, visit.now).isoformat(),
    }
    return staff_page(request, visit, "filing.html", context, status=form.status)
