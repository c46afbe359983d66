"""A request's facts as rows: reading them, adding to the chain."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from slamon.db.requests import CmoRequest, FactRow
from slamon.domain.timeline import Actor, Fact, Timeline, Via, stamp
from slamon.services.transaction import Tx


def append(session: Session, request: CmoRequest, fact: Fact) -> None:
    """Add a fact to a locked request's chain."""
    request.head_digest = fact.digest(str(request.id), request.head_digest)
    request.fact_count = fact.sequence
    request.version += 1
    session.execute(insert(FactRow), [fact_values(request.id, fact, request.head_digest)])


def note_now(
    tx: Tx,
    request: CmoRequest,
    kind: str,
    *,
    by: Actor,
    via: Via,
    content: Mapping[str, Any],
    reason: str | None = None,
) -> Fact:
    """Add a fact to a locked request's chain that counts from now, never from before what was written down last."""
    recorded = select(func.max(FactRow.recorded_at)).where(FactRow.request_id == request.id)
    at = max(stamp(tx.business_now), tx.session.scalars(recorded).one())
    return note_at(tx.session, request, kind, at, by=by, via=via, content=content, reason=reason)


def note_at(
    session: Session,
    request: CmoRequest,
    kind: str,
    at: datetime,
    *,
    by: Actor,
    via: Via,
    content: Mapping[str, Any],
    reason: str | None,
) -> Fact:
    """Add a fact to a locked request's chain that happened when it is written down."""
    fact = Fact(
        sequence=request.fact_count + 1, kind=kind, occurred_at=at, recorded_at=at, by=by, recorded_by=by, via=via,
        reason=reason, content=content,
    )  # fmt: skip
    append(session, request, fact)
    return fact


def load_timelines(session: Session, ids: list[UUID]) -> dict[UUID, Timeline]:
    facts: dict[UUID, list[Fact]] = {request_id: [] for request_id in ids}
    for row in session.scalars(select(FactRow).where(FactRow.request_id.in_(ids))):
        facts[row.request_id].append(fact_of(row))
    return {request_id: Timeline(found) for request_id, found in facts.items()}


def fact_of(row: FactRow) -> Fact:
    return Fact(
        sequence=row.sequence,
        kind=row.kind,
        occurred_at=row.occurred_at,
        recorded_at=row.recorded_at,
        by=row.by,
        recorded_by=row.recorded_by,
        via=Via(row.via),
        reason=row.reason,
        content=row.content,
    )


def fact_values(request_id: UUID, fact: Fact, digest: str) -> dict[str, Any]:
    return {
        "request_id": request_id,
        "sequence": fact.sequence,
        "kind": str(fact.kind),
        "occurred_at": fact.occurred_at,
        "recorded_at": fact.recorded_at,
        "by_id": fact.by.id,
        "by_name": fact.by.name,
        "by_role": fact.by.role.value,
        "recorded_by_id": fact.recorded_by.id,
        "recorded_by_name": fact.recorded_by.name,
        "recorded_by_role": fact.recorded_by.role.value,
        "via": fact.via.value,
        "reason": fact.reason,
        "content": dict(fact.content),
        "digest": digest,
    }
