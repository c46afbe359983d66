"""Open requests that ask the same CMO for the same again: same type, and a lot or an order number in common.

A hint before filing and no lock: two filed in the same instant may miss each other. Who means it files anyway.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select
from sqlalchemy.orm import Session

from slamon.db.requests import CmoRequest, is_open
from slamon.domain.lifecycle import RequestTypeDefinition
from slamon.domain.normal_form import normal_form
from slamon.errors import LikelyDuplicate, LookAlike
from slamon.services.access.callers import Caller
from slamon.services.access.visibility import sees

NEWEST = 500  # of a CMO's open requests of one type


@dataclass(frozen=True, slots=True)
class Mark:
    """What two requests may have in common: a "lot" or an "order number", folded for comparing."""

    kind: str
    value: str


def refuse_duplicates(
    reader: Session | Connection,
    request_type: RequestTypeDefinition,
    cmo_id: UUID,
    detail: Mapping[str, Any],
    cmo_reference: str | None,
    *,
    by: Caller,
) -> None:
    """Raise LikelyDuplicate, naming the look-alikes that the filer may read, the newest first.

    Reads nothing where there is nothing to compare. `detail` is as the API takes it.
    """
    own = marks(request_type, detail, cmo_reference)
    if not own:
        return
    statement = (
        select(CmoRequest.id, CmoRequest.number, CmoRequest.subject, CmoRequest.detail, CmoRequest.cmo_reference)
        .where(CmoRequest.cmo_id == cmo_id, CmoRequest.type == request_type.name, is_open(), sees(by, CmoRequest))
        .order_by(CmoRequest.filed_at.desc())
        .limit(NEWEST)
    )
    found = [
        LookAlike(request_id, number, subject, " and ".join(sorted({mark.kind for mark in common})))
        for request_id, number, subject, its_detail, its_reference in reader.execute(statement)
        if (common := own & marks(request_type, its_detail, its_reference))
    ]
    if found:
        raise LikelyDuplicate(found)


def marks(request_type: RequestTypeDefinition, detail: Mapping[str, Any], cmo_reference: str | None) -> frozenset[Mark]:
    """The lots and order numbers a request names, wherever its type keeps them."""
    named = [*request_type.marks(detail), ("order number", cmo_reference)]
    folded = ((kind, normal_form(text or "")) for kind, text in named)
    return frozenset(Mark(kind, form) for kind, form in folded if form)
