"""Changing what was asked after filing: the first value stays readable, and the CMO is told."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from slamon.db.parties import Person, PersonStatus
from slamon.db.requests import CmoRequest
from slamon.domain.progress import amended
from slamon.errors import Invalid

COLUMNS = ("due_on", "priority", "cmo_reference", "contact_id")


def as_amendment(
    session: Session, request: CmoRequest, content: Mapping[str, Any], *, expected_version: int | None
) -> dict[str, Any]:
    """The content of an `amended` fact: each field changed, from what to what.

    `content["changes"]` holds columns by name and, under `detail`, fields of what is asked for; of lines and items
    only the fields to change, by their number. Raises Invalid where nothing changes or somebody may be changing the
    same: an amendment names the version it was made from.
    """
    if expected_version is None:
        raise Invalid("If-Match", "an amendment needs the version it was made from, so that two cannot cross")
    wanted = dict(content["changes"])
    detail = wanted.pop("detail", {})
    before = {name: _plain(getattr(request, name)) for name in wanted}
    changes: dict[str, Any] = {
        name: {"from": before[name], "to": value} for name, value in wanted.items() if value != before[name]
    }
    if "contact_id" in changes:
        _refuse_stranger(session, request, changes["contact_id"]["to"])
    _refuse_unknown_parts(request.detail, detail)
    if detail and amended(request.detail, detail) != request.detail:
        changes["detail"] = {"from": {name: request.detail.get(name) for name in detail}, "to": detail}
    if not changes:
        raise Invalid("changes", "nothing would change")
    return {**content, "changes": changes}


def apply_amendment(request: CmoRequest, changes: Mapping[str, Any]) -> None:
    """Bring the request's columns in line with an amendment."""
    for name, change in changes.items():
        if name == "detail":
            request.detail = amended(request.detail, change["to"])
        else:
            setattr(request, name, _PARSED.get(name, str)(change["to"]) if change["to"] is not None else None)


_PARSED: Mapping[str, Any] = {"due_on": date.fromisoformat, "contact_id": UUID}


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, str) else str(value)


def _refuse_stranger(session: Session, request: CmoRequest, person_id: str) -> None:
    person = session.get(Person, UUID(person_id))
    if person is None or person.organization_id != request.cmo_id or person.status == PersonStatus.DISABLED:
        raise Invalid("contact_id", f"no active contact {person_id} at this CMO")


def _refuse_unknown_parts(detail: Mapping[str, Any], changes: Mapping[str, Any]) -> None:
    for name, value in changes.items():
        if name not in ("lines", "items"):
            continue
        count = len(detail.get(name, ()))
        for change in value:
            if not 1 <= change["number"] <= count:
                raise Invalid(f"changes.{name}", f"there is no number {change['number']}; this request has {count}")
