"""Doing a thing once, however often it is asked for: the first answer is kept a day and given again.

The key's row is inserted before the work and completed after it, in the same transaction. A second call with the same
key waits on the row until the first has committed or rolled back.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, select, tuple_, update
from sqlalchemy.orm import Session

from slamon.db.access import IdempotencyKey
from slamon.db.statements import insert_ignoring
from slamon.errors import KeyReused

KEPT_FOR = timedelta(hours=24)
_PRUNED_AT_ONCE = 100
_UNANSWERED = 0


@dataclass(frozen=True, slots=True)
class Call:
    """A call that may come again. `fingerprint` stands for everything it says: method, address, body."""

    caller: str
    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    status: int
    headers: Mapping[str, str]
    body: str


def begin(session: Session, call: Call, *, real_now: datetime) -> KeptAnswer | None:
    """The answer this call got before; None when it is new, and then its key is taken until the transaction ends.

    Raises KeyReused where the key came with another call. Forgets keys older than a day.
    """
    session.execute(delete(IdempotencyKey).where(*_named(call), IdempotencyKey.made_at < real_now - KEPT_FOR))
    taken = {
        "caller": call.caller,
        "key": call.key,
        "fingerprint": call.fingerprint,
        "status": _UNANSWERED,
        "headers": {},
        "body": "",
        "made_at": real_now,
    }
    insert_ignoring(session, IdempotencyKey, [taken], ["caller", "key"])
    row = session.execute(
        select(IdempotencyKey.fingerprint, IdempotencyKey.status, IdempotencyKey.headers, IdempotencyKey.body).where(
            *_named(call)
        )
    ).one()
    if row.fingerprint != call.fingerprint:
        raise KeyReused("This Idempotency-Key came with another call before. Use a new key for a new call.")
    if row.status != _UNANSWERED:
        return KeptAnswer(row.status, row.headers, row.body)
    _prune(session, real_now)
    return None


def keep(session: Session, call: Call, answer: KeptAnswer) -> None:
    """Keep the answer to a call that `begin` found to be new."""
    session.execute(
        update(IdempotencyKey)
        .where(*_named(call))
        .values(status=answer.status, headers=dict(answer.headers), body=answer.body)
        .execution_options(synchronize_session=False)
    )


def _prune(session: Session, real_now: datetime) -> None:
    old = (
        select(IdempotencyKey.caller, IdempotencyKey.key)
        .where(IdempotencyKey.made_at < real_now - KEPT_FOR)
        .order_by(IdempotencyKey.made_at)
        .limit(_PRUNED_AT_ONCE)
        .with_for_update(skip_locked=True)  # others prune too; nobody waits for that
    )
    statement = delete(IdempotencyKey).where(tuple_(IdempotencyKey.caller, IdempotencyKey.key).in_(old))
    session.execute(statement.execution_options(synchronize_session=False))


def _named(call: Call) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return (IdempotencyKey.caller == call.caller, IdempotencyKey.key == call.key)
