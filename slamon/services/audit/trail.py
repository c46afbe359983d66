"""The trail of everything that is not a request: appended in the same transaction as the change it records."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from slamon.db.audit import AuditEntry, AuditHead
from slamon.domain.timeline import GENESIS, Actor, chained_digest, instant_text
from slamon.services.transaction import Tx


def record(
    tx: Tx,
    *,
    by: Actor,
    action: str,
    entity: str,
    entity_id: object,
    old: Mapping[str, Any] | None = None,
    new: Mapping[str, Any] | None = None,
    reason: str | None = None,
) -> AuditEntry:
    """Append one entry to the chain. Whoever appends holds the head until the commit, so the chain never forks."""
    tx.session.flush()
    head = hold_head(tx.session)
    entry = AuditEntry(
        sequence=head.sequence + 1,
        at=tx.business_now,
        by_id=by.id,
        by_name=by.name,
        by_role=by.role.value,
        action=action,
        entity=entity,
        entity_id=str(entity_id),
        old=dict(old) if old is not None else None,
        new=dict(new) if new is not None else None,
        reason=reason,
    )
    entry.digest = entry_digest(entry, head.digest)
    head.sequence, head.digest = entry.sequence, entry.digest
    tx.session.add(entry)
    tx.session.flush()
    return entry


def hold_head(session: Session) -> AuditHead:
    """The end of the chain, held until the commit: what is read after it, nobody else changes who leaves a trail.

    Take it after the rows that the change itself locks, as `record` does; the other way round deadlocks.
    """
    return session.scalars(select(AuditHead).where(AuditHead.id == 1).with_for_update()).one()


def entry_digest(entry: AuditEntry, previous: str = GENESIS) -> str:
    return chained_digest(
        previous,
        {
            "sequence": entry.sequence,
            "at": instant_text(entry.at),
            "by": [entry.by_id, entry.by_name, entry.by_role],
            "action": entry.action,
            "entity": [entry.entity, entry.entity_id],
            "old": entry.old,
            "new": entry.new,
            "reason": entry.reason,
        },
    )
