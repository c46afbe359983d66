"""Filing a request: first which type for which project, then the form of that type."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import TypeAdapter, ValidationError
from sqlalchemy.orm import Session

from slamon.api import details
from slamon.db.access import IdempotencyKey
from slamon.db.parties import Project
from slamon.db.requests import Priority
from slamon.db.statements import insert_ignoring
from slamon.domain.lifecycle import FILERS, RequestType
from slamon.domain.terms import TermsError
from slamon.domain.timeline import Via
from slamon.errors import Conflict, Forbidden, Invalid, LikelyDuplicate, LookAlike
from slamon.services.filing import Filing, log_request
from slamon.web import choices
from slamon.web.filing_words import plain, sayings, title
from slamon.web.moments import today_in
from slamon.web.pages import runtime_of, see_other
from slamon.web.session import Posting, Submitted, Typed, Visit, Visiting
from slamon.web.staff import staff_page
from slamon.web.words import named

router = APIRouter(include_in_schema=False)

ROWS = {"lines": 5, "items": 3, "questions": 5}
_NEW_REQUEST: TypeAdapter[details.ShipmentRequest | details.DataRequest | details.InquiryRequest] = TypeAdapter(
    details.NewRequest
)
_SHARED = ("type", "project_id", "site_id", "subject", "description", "priority", "due_on", "cmo_reference")
_SHIPMENT = ("order_type", "irt_order_no", "requested_ship_date", "required_delivery_to", "instructions")
_DESTINATION = ("kind", "name", "attention", "address", "country")
_LINE = ("product_code", "description", "quantity", "unit")
_ITEM = ("kind", "lots", "format")
_DAYS = ("due_on", "detail.requested_ship_date", "detail.required_delivery_to")


@dataclass(frozen=True, slots=True)
class Tried:
    """A form that came back: what was typed, what is wrong with which field, and which requests look like it."""

    typed: Typed
    problems: Mapping[str, str] = field(default_factory=dict)
    status: int = 422
    look_alikes: Sequence[LookAlike] = ()


@router.api_route("/requests/new", methods=["GET", "HEAD"])
def show(request: Request, visit: Visiting, type: str = "", project: str = "") -> Response:  # noqa: A002
    """The choice of type and project; with both in the address, the form itself."""
    _filers_only(visit)
    with runtime_of(request).db.read() as session:
        projects = choices.projects_to_file_for(session, visit.caller)
        chosen = next((each for each in projects if str(each.id) == project), None)
        kind = named(RequestType, type)
        if kind is not None and chosen is not None:
            return _form(request, session, visit, kind, chosen)
        context = {"projects": projects, "types": RequestType, "chosen_type": type}
        return staff_page(request, visit, "filing_choice.html", context)


@router.post("/requests/new")
def file(request: Request, visit: Posting, typed: Submitted) -> Response:
    """File it. The same form sent twice files once."""
    _filers_only(visit)
    past = _days_past(typed, today_in(visit.zone, visit.now))
    try:
        filing = _filing(typed)
        if past:
            return _again(request, visit, Tried(typed, past))
        with runtime_of(request).db.write() as session:
            address = _filed_before(session, visit, typed)
            if address is None:
                filed = log_request(
                    session, filing, by=visit.caller, via=Via.STAFF_PAGE, file_anyway=bool(typed("file_anyway")),
                    now=visit.now, real_now=visit.real_now,
                )  # fmt: skip
                address = f"/requests/{filed.id}?done=filed"
                _note_filed(session, visit, typed, address)
        return see_other(address)
    except ValidationError as wrong:
        tried = Tried(typed, {**_problems(wrong, typed), **past})
    except (Invalid, TermsError) as wrong:
        tried = Tried(typed, {wrong.field: wrong.message})
    except LikelyDuplicate as likely:
        tried = Tried(typed, status=409, look_alikes=likely.look_alikes)
    except (Conflict, Forbidden) as refusal:
        tried = Tried(typed, {"": str(refusal)}, status=409 if isinstance(refusal, Conflict) else 403)
    return _again(request, visit, tried)


def _filers_only(visit: Visit) -> None:
    if not visit.caller.roles & FILERS:
        raise Forbidden("Only project managers, leads and quality may file requests.")


def _form(
    request: Request, session: Session, visit: Visit, kind: RequestType, project: Project, tried: Tried | None = None
) -> HTMLResponse:
    context: dict[str, Any] = {
        "type": kind,
        "project": project,
        "sites": choices.sites_of(session, project.id),
        "priorities": Priority,
        "lists": details,
        "rows": ROWS,
        "typed": tried.typed if tried else (lambda _name: ""),
        "is_new": tried is None,
        "title": title,
        "problems": tried.problems if tried else {},
        "sayings": sayings(tried.problems) if tried else [],
        "look_alikes": tried.look_alikes if tried else (),
        "key": (tried.typed("key") if tried else "") or str(uuid4()),
        "today": today_in(visit.zone, visit.now).isoformat(),
    }
    return staff_page(request, visit, "filing.html", context, status=tried.status if tried else 200)


def _again(request: Request, visit: Visit, tried: Tried) -> HTMLResponse:
    with runtime_of(request).db.read() as session:
        projects = choices.projects_to_file_for(session, visit.caller)
        project = next((each for each in projects if str(each.id) == tried.typed("project_id")), None)
        kind = named(RequestType, tried.typed("type"))
        if project is None or kind is None:
            raise Invalid("project_id", "choose a type and one of your projects first")
        return _form(request, session, visit, kind, project, tried)


# --- from form fields to a filing ---------------------------------------------------------------------------------


def _filing(typed: Typed) -> Filing:
    """What was typed, checked by the API's own models. Raises pydantic's ValidationError."""
    shared = _given(typed, _SHARED)
    asked = _NEW_REQUEST.validate_python({**shared, "gxp": bool(typed("gxp")), "detail": _detail(typed)})
    return Filing(
        type=RequestType(asked.type),
        project_id=asked.project_id,
        site_id=asked.site_id,
        subject=asked.subject,
        description=asked.description,
        priority=Priority(asked.priority),
        gxp=asked.gxp,
        due_on=asked.due_on,
        cmo_reference=asked.cmo_reference,
        detail=asked.detail.model_dump(mode="json", exclude_none=True),
    )


def _detail(typed: Typed) -> dict[str, Any]:
    if typed("type") == RequestType.SHIPMENT:
        return {
            **_given(typed, _SHIPMENT, "detail."),
            "destination": _destination(typed),
            "storage": _given(typed, ("code",), "detail.storage."),
            "logger_required": bool(typed("detail.logger_required")),
            "lines": [_given(typed, _LINE, f"detail.lines.{row}.") for row in _used(typed, "lines")],
        }
    if typed("type") == RequestType.DATA:
        items = [_given(typed, _ITEM, f"detail.items.{row}.") for row in _used(typed, "items")]
        for item in items:
            item["lots"] = [lot.strip() for lot in item.get("lots", "").replace(";", ",").split(",") if lot.strip()]
        return {**_given(typed, ("purpose",), "detail."), "items": items}
    questions = [typed(f"detail.questions.{row}") for row in _used(typed, "questions")]
    return {**_given(typed, ("category",), "detail."), "questions": questions}


def _destination(typed: Typed) -> dict[str, Any]:
    given = _given(typed, _DESTINATION, "detail.destination.")
    return {**given, "country": given["country"].upper()} if "country" in given else given


def _given(typed: Typed, names: Iterable[str], prefix: str = "") -> dict[str, Any]:
    """The filled fields among `names`; an empty one counts as left out."""
    return {name: typed(prefix + name) for name in names if typed(prefix + name)}


def _used(typed: Typed, name: str) -> list[int]:
    """The rows somebody wrote into. Their selects always hold something, so these do not count."""
    told_by = {"lines": ("product_code", "description", "quantity"), "items": ("kind", "lots")}.get(name)
    rows = range(ROWS[name])
    if told_by is None:
        return [row for row in rows if typed(f"detail.{name}.{row}")]
    return [row for row in rows if any(typed(f"detail.{name}.{row}.{column}") for column in told_by)]


def _problems(wrong: ValidationError, typed: Typed) -> dict[str, str]:
    """What is wrong, by the name of the form's field."""
    problems: dict[str, str] = {}
    for error in wrong.errors():
        place = [str(part) for part in error["loc"]]
        place = place[1:] if place and named(RequestType, place[0]) else place
        if len(place) > 2 and place[1] in ROWS:  # empty rows were left out, so the third may stand in row five
            place[2] = str(_used(typed, place[1])[int(place[2])])
        name = ".".join(place)
        if name.startswith("detail.items") and name.count(".") > 3:
            name = ".".join(place[:4])
        name = {"detail.lines": "detail.lines.0.product_code", "detail.items": "detail.items.0.kind"}.get(name, name)
        name = {"detail.questions": "detail.questions.0", "detail.storage": "detail.storage.code"}.get(name, name)
        if name == "detail":  # the one thing its model compares
            problems.setdefault("detail.requested_ship_date", "must not be after “Needed there by”")
        else:
            problems.setdefault(name, plain(name, error))
    return problems


def _days_past(typed: Typed, today: date) -> dict[str, str]:
    """The dates that nobody can keep any more, by the name of the form's field."""
    past = {}
    for name in _DAYS:
        try:
            if date.fromisoformat(typed(name)) < today:
                past[name] = "lies in the past; choose today or a later day, or leave it empty"
        except ValueError:  # empty, or told by the model
            continue
    return past


# --- a form sent twice --------------------------------------------------------------------------------------------


def _filed_before(session: Session, visit: Visit, typed: Typed) -> str | None:
    """Where the request went that this very form filed already. Whoever comes second waits here for the first."""
    name = {"caller": visit.caller.id, "key": f"page/{_key(typed)}"}
    row = {**name, "fingerprint": "", "status": 303, "headers": {}, "body": "", "made_at": visit.real_now}
    insert_ignoring(session, IdempotencyKey, [row], ["caller", "key"])
    address: str | None = session.get_one(IdempotencyKey, tuple(name.values())).headers.get("location")
    return address


def _note_filed(session: Session, visit: Visit, typed: Typed, address: str) -> None:
    session.get_one(IdempotencyKey, (visit.caller.id, f"page/{_key(typed)}")).headers = {"location": address}


def _key(typed: Typed) -> str:
    try:
        return str(UUID(typed("key")))
    except ValueError:
        raise Invalid("key", "is missing; open the form again") from None
