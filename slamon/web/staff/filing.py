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

from slamon.countries import country_names, zones_by_region
from slamon.db.parties import Project
from slamon.domain.lifecycle import RequestTypeDefinition
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
from slamon.runtime import Runtime
from slamon.schemas.filings import read_filing
from slamon.schemas.new_requests import detail_shapes, model_of
from slamon.schemas.shapes import Shape, groups_of, shapes_of
from slamon.services.access import idempotency
from slamon.services.access.idempotency import KeptAnswer
from slamon.services.access.rights import Deed
from slamon.services.requests import drafts
from slamon.services.requests.filing import file_by_terms
from slamon.services.requests.queries import request_with_number
from slamon.services.transaction import Tx
from slamon.web.forms.filing_fields import Fields, asked, not_meant, rows_shown, starting
from slamon.web.forms.filing_words import FormWords
from slamon.web.pages import runtime_of, see_other
from slamon.web.session import Posting, Submitted, Typed, Visit, Visiting, may
from slamon.web.staff import choices
from slamon.web.staff.layout import staff_page
from slamon.web.view.instants import Zones, today_in
from slamon.wording.errors import in_full, problem
from slamon.wording.words import Words

router = APIRouter(include_in_schema=False)
_SPLIT = {"yes": True, "no": False}  # not said: it is asked where it matters
_BUTTONS = frozenset({"file_anyway", "split"})  # said by buttons, not by fields
_CHOSEN_BEFORE = "choose a type and one of your projects first"


@dataclass(frozen=True, slots=True)
class Form:
    """The form as it stands: what is in its fields, what is wrong with which, and which requests look like it.

    `apart` are the kinds of data asked for, those with the same terms together, where these differ.

    `key` makes it file once; a draft of it is kept under that key. `version` is that draft's, None where there is none.
    """

    type: RequestTypeDefinition
    fields: Fields
    key: UUID
    version: int | None = None
    problems: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
    look_alikes: Sequence[LookAlike] = ()
    apart: Sequence[tuple[str, ...]] = ()
    said: str = ""

    @classmethod
    def sent(cls, runtime: Runtime, typed: Typed) -> "Form":
        """Raises Invalid for one that is not ours."""
        version = typed("version")
        request_type = runtime.catalogue.types.get(typed("type"))
        if request_type is None:
            raise Invalid("project_id", _CHOSEN_BEFORE)
        return cls(request_type, typed, typed.key(), version=int(version) if version.isdecimal() else None)

    @property
    def shared(self) -> list[Shape]:
        """The fields that every type has."""
        shapes = shapes_of(model_of(self.type))
        return [shape for shape in shapes if shape.name not in _BUTTONS and shape.name != "detail"]

    @property
    def shapes(self) -> list[Shape]:
        return [each for each in shapes_of(model_of(self.type)) if each.name not in _BUTTONS]

    @property
    def due_days(self) -> set[str]:
        """The places of days that must not be over: the request's own, and those that a type compares."""
        own = {name for pair in self.type.days_in_order for name in pair} | {self.type.due_day}
        return {"due_on", *(f"detail.{name}" for name in own if name)}

    @property
    def asked(self) -> dict[str, Any]:
        """What it asks for so far, in the API's shape, not checked yet."""
        return asked(self.shapes, self.fields)

    def once(self, visit: Visit) -> idempotency.Call:
        """Sending it as a call that may come again; changed in between, it is another."""
        fingerprint = hashlib.sha256(json.dumps(self.asked, sort_keys=True).encode()).hexdigest()
        return idempotency.Call(visit.caller.id, f"page/{self.key}", fingerprint)

    def outdated(self, version: int, words: Words) -> "Form":
        said = words.language.gettext(
            "This draft was saved from somewhere else meanwhile. Press the button again to use what stands here."
        )
        return replace(self, version=version, problems={"": said}, status=412)

    def refused(self, problems: Mapping[str, str], status: int = 422) -> "Form":
        return replace(self, problems=problems, status=status)


@router.api_route("/requests/new", methods=["GET", "HEAD"], dependencies=[may(Deed.FILE)])
def show(request: Request, visit: Visiting, type: str = "", project: str = "", done: str = "") -> Response:  # noqa: A002
    """The choice of type and project, and the drafts; with type and project in the address, the form itself."""
    runtime = runtime_of(request)
    with runtime.read() as tx:
        session = tx.session
        projects = choices.projects_to_file_for(session, visit.caller)
        chosen = next((each for each in projects if str(each.id) == project), None)
        request_type = runtime.catalogue.types.get(type)
        if request_type is not None and chosen is not None:
            blank = starting(detail_shapes(request_type), project_id=chosen.id)
            return _page(request, tx, visit, chosen, Form(request_type, blank, uuid4()))
        context = {
            "projects": projects,
            "types": runtime.catalogue.types,
            "chosen_type": type,
            "drafts": drafts.drafts_of(session, visit.caller),
            "codes": {str(each.id): each.code for each in choices.projects(session, visit.caller)},
            "zones": Zones(own=visit.zone, other=visit.zone, language=runtime.words.language),
            "is_discarded": done == "discarded",
        }
        return staff_page(request, visit, "filing_choice.html", context)


@router.post("/requests/new", dependencies=[may(Deed.FILE)])
def file(request: Request, visit: Posting, typed: Submitted) -> Response:
    """File it, or with `more` show it with another row. The same form sent twice files once."""
    runtime = runtime_of(request)
    form, words = Form.sent(runtime, typed), FormWords.of(runtime.words, typed("type"))
    if typed("more"):
        return show_form(request, visit, form)
    past = not_meant(form.shapes, typed, today_in(visit.zone, visit.now), form.due_days, runtime.words)
    try:
        with runtime.read() as tx:
            content = with_parent(tx, form.asked, visit)
        filing = read_filing(runtime.catalogue, content)
        if past:
            return show_form(request, visit, form.refused(past))
        with runtime.write() as tx:
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
        form = form.refused({**words.problems_in(wrong, form.shapes, typed), **past})
    except Invalid as wrong:
        form = form.refused({wrong.field: problem(wrong, runtime.words.language)})
    except TermsError as wrong:
        form = form.refused({wrong.field: wrong.message})
    except LikelyDuplicate as likely:
        form = replace(form, status=409, look_alikes=likely.look_alikes)
    except TermsDiffer as differ:
        form = replace(form, status=409, apart=differ.groups)
    except StaleVersion as stale:
        form = form.outdated(stale.current, runtime.words)
    except KeyReused:
        said = runtime.words.language.gettext(
            "This form filed a request already, before you changed it. Press the button again to file another one."
        )
        form = replace(form, key=uuid4(), version=None).refused({"": said}, status=409)
    except (Conflict, Forbidden) as refusal:
        form = form.refused(
            {"": in_full(refusal, runtime.words.language)}, status=409 if isinstance(refusal, Conflict) else 403
        )
    return show_form(request, visit, form)


def with_parent(tx: Tx, content: Mapping[str, Any], visit: Visit) -> dict[str, Any]:
    """The same with the id of the request it follows in place of its number, where there is one of that number."""
    typed = content.get("parent_id")
    parent = request_with_number(tx, str(typed), by=visit.caller) if typed else None
    return {**content, "parent_id": str(parent.id)} if parent else dict(content)


def with_parents_number(tx: Tx, content: Mapping[str, Any], visit: Visit) -> dict[str, Any]:
    """The other way round: as somebody reads it."""
    kept = content.get("parent_id")
    parent = request_with_number(tx, str(kept), by=visit.caller) if kept else None
    return {**content, "parent_id": parent.number} if parent else dict(content)


def show_form(request: Request, visit: Visit, form: Form) -> HTMLResponse:
    """The form as it stands, for the project named in it. Raises Invalid for one that names none."""
    with runtime_of(request).read() as tx:
        projects = choices.projects_to_file_for(tx.session, visit.caller)
        project = next((each for each in projects if str(each.id) == form.fields("project_id")), None)
        if project is None:
            raise Invalid("project_id", _CHOSEN_BEFORE)
        return _page(request, tx, visit, project, form)


def _page(request: Request, tx: Tx, visit: Visit, project: Project, form: Form) -> HTMLResponse:
    words = FormWords.of(runtime_of(request).words, form.type.name)
    sites = choices.sites_to_file_for(tx.session, project, visit.caller)
    context: dict[str, Any] = {
        "type": form.type.name,
        "project": project,
        "sites": sites,
        "contacts": choices.contacts_to_file_to(tx.session, [site for _, places in sites for site in places]),
        "shared": {shape.name: shape for shape in form.shared},
        "groups": groups_of(detail_shapes(form.type)),
        "rows_shown": lambda shape, name: rows_shown(shape, name, form.fields),
        "typed": form.fields,
        "form": form,
        "form_words": words,
        "problems": form.problems,
        "sayings": words.sayings(form.problems),
        "look_alikes": form.look_alikes,
        "apart": [[words.codes[kind] for kind in group] for group in form.apart],
        "today": today_in(visit.zone, visit.now).isoformat(),
        "due_days": form.due_days,
        "countries": runtime_of(request).words.language.countries(country_names()),
        "regions": zones_by_region(),
    }
    return staff_page(request, visit, "filing.html", context, status=form.status)
