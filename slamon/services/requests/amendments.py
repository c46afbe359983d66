"""Changing what was asked after filing: the first value stays readable, and the CMO is told."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from slamon.db.parties import Person, PersonStatus
from slamon.db.requests import CmoRequest
from slamon.domain.actions.parts import given, refuse_past_days
from slamon.domain.actions.talk import Amend, Amended, Change
from slamon.domain.lifecycle import RequestTypeDefinition
from slamon.domain.progress import amended, is_by_row
from slamon.domain.stored import as_json
from slamon.domain.timeline import Role
from slamon.errors import Forbidden, Invalid
from slamon.services.deadlines.loading import LoadedRequest


def as_amendment(
    session: Session,
    case: LoadedRequest,
    said: Amend,
    *,
    roles: frozenset[Role],
    expected_version: int | None,
    at: datetime,
) -> Amended:
    """What the fact of an amendment says: each field changed, from what to what.

    Changes are of columns and, in `detail`, of fields of what is asked for; of lines and items only the fields to
    change are named, by their number. Raises Invalid where nothing changes, where days would be out of order
    (`days_in_order`), or where somebody may be changing the same: an amendment names the version it was made from.
    Raises Contradiction for a day that is over, and Forbidden for another priority, unless it is a lead who says so.
    """
    if expected_version is None:
        raise Invalid("If-Match", "an amendment needs the version it was made from, so that two cannot cross")
    request, asked = case.request, given(said.changes)
    wanted = as_json(replace(asked, detail=None))
    _refuse_unknown_parts(case.type, request, asked.detail or {})
    detail = as_json(_as_written(request.detail, asked.detail or {}))
    before = {name: _plain(getattr(request, name)) for name in wanted}
    changes = {
        name: Change(before=before[name], after=value) for name, value in wanted.items() if value != before[name]
    }
    if "contact_id" in changes:
        _refuse_stranger(session, request, changes["contact_id"].after)
    if "priority" in changes and Role.LEAD not in roles:
        raise Forbidden("Only a lead of this request may change its priority.")
    _refuse_crossed_days(case.type, amended(request.detail, detail))
    if detail and amended(request.detail, detail) != request.detail:
        changes["detail"] = Change(before={name: request.detail.get(name) for name in detail}, after=detail)
    if not changes:
        raise Invalid("changes", "nothing would change")
    due = {"changes.due_on": changes["due_on"].after if "due_on" in changes else None}
    if case.type.due_day:
        due[f"changes.detail.{case.type.due_day}"] = detail.get(case.type.due_day)
    days = {field: date.fromisoformat(day) for field, day in due.items() if day}
    refuse_past_days(days, at, case.progress().destination_zone)
    return Amended(text=said.text, reason=said.reason, changes=changes)


def apply_amendment(request: CmoRequest, amendment: Amended) -> None:
    """Bring the request's columns in line with an amendment."""
    for name, change in amendment.changes.items():
        if name == "detail":
            request.detail = amended(request.detail, change.after)
        else:
            setattr(request, name, _PARSED.get(name, str)(change.after) if change.after is not None else None)


_PARSED: Mapping[str, Any] = {"due_on": date.fromisoformat, "contact_id": UUID}


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, str) else str(value)


def _as_written(before: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The changes, with an amount that is the same but for its zeros written as before."""
    return {name: _kept(before.get(name), value) for name, value in changes.items()}


def _kept(before: Any, value: Any) -> Any:
    if isinstance(value, Decimal):
        return before if before is not None and Decimal(str(before)) == value else value
    if not is_by_row(value):
        return value
    rows = dict(enumerate(before or (), start=1))
    return [{name: _kept(rows.get(row["number"], {}).get(name), each) for name, each in row.items()} for row in value]


def _refuse_stranger(session: Session, request: CmoRequest, person_id: str) -> None:
    person = session.get(Person, UUID(person_id))
    fits = person is not None and person.serves(request.cmo_id, request.site_id)
    if person is None or not fits or person.status == PersonStatus.DISABLED:
        raise Invalid("contact_id", f"no active contact {person_id} at this site")


def _refuse_unknown_parts(request_type: RequestTypeDefinition, request: CmoRequest, changes: Mapping[str, Any]) -> None:
    for name, value in changes.items():
        where = f"changes.detail.{name}"
        if name not in request_type.amendable:
            raise Invalid(where, f"is no part of a request of type {request_type.name}")
        if not request_type.amendable[name]:
            continue
        numbers, count = [change["number"] for change in value], len(request.detail.get(name, ()))
        if unknown := [number for number in numbers if not 1 <= number <= count]:
            raise Invalid(where, f"there is no number {unknown[0]}; this request has {count}")
        if len(set(numbers)) < len(numbers):
            raise Invalid(where, "names the same number twice; say all that changes of it in one place")


def _refuse_crossed_days(request_type: RequestTypeDefinition, detail: Mapping[str, Any]) -> None:
    """As at filing: days written YYYY-MM-DD compare as they stand."""
    for first, last in request_type.days_in_order:
        if detail.get(first) and detail.get(last) and detail[first] > detail[last]:
            raise Invalid(f"changes.detail.{first}", f"would lie after {last}, {detail[last]}")
