"""Doing a thing once, however often it is asked for: the first answer is kept a day and given again.

The key's row is inserted before the work and completed after it, in the same transaction. A second call with the same
key waits on the row until the first has committed or rolled back. A filing inserts it whole, with the request itself
(`to_keep`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.orm import Session

from slamon.db.access import IdempotencyKey
from slamon.db.filing import AnswerToKeep
from slamon.db.statements import insert_if_new
from slamon.errors import KeyReused
from slamon.services.transaction import Tx

KEPT_FOR = timedelta(hours=24)


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


_UNANSWERED = KeptAnswer(0, {}, "")

# Built once: every call that may come again runs them, and putting one together takes longer than running it.
_NAMED = (IdempotencyKey.caller == bindparam("of_caller"), IdempotencyKey.key == bindparam("of_key"))
_IS_OLD = IdempotencyKey.made_at < bindparam("kept_since")
_KEPT = select(IdempotencyKey.fingerprint, IdempotencyKey.status, IdempotencyKey.headers, IdempotencyKey.body).where(
    *_NAMED, ~_IS_OLD
)
_FORGET = delete(IdempotencyKey).where(*_NAMED, _IS_OLD)
_KEEP = (
    update(IdempotencyKey)
    .where(*_NAMED)
    .values({column: bindparam(f"its_{column}") for column in ("status", "headers", "body")})
)


def begin(tx: Tx, call: Call) -> KeptAnswer | None:
    """The answer this call got before; None when it is new, and then its key is taken until the transaction ends.

    Raises KeyReused where the key came with another call. A key older than a day counts as new.
    """
    taken = {**_row(call, _UNANSWERED, tx.real_now), "body": ""}
    while not insert_if_new(tx.session, IdempotencyKey, taken, ["caller", "key"]):
        kept = answered(tx, call)
        if kept is not None:
            return kept
        tx.session.connection().execute(_FORGET, _named(call, tx.real_now))
    return None


def answered(tx: Tx, call: Call) -> KeptAnswer | None:
    """The answer this call got before, its key left as it is; None where it got none. Raises KeyReused as `begin`."""
    kept = tx.session.connection().execute(_KEPT, _named(call, tx.real_now)).one_or_none()
    if kept is None:
        return None
    if kept.fingerprint != call.fingerprint:
        raise KeyReused("This Idempotency-Key came with another call before. Use a new key for a new call.")
    return KeptAnswer(kept.status, kept.headers, kept.body)


def to_keep(call: Call, answer: KeptAnswer, *, blank: str, real_now: datetime) -> AnswerToKeep:
    """An answer to be stored by the statement that does the work, in whose body `blank` stands for a number.

    What comes before `blank` must not hold it.
    """
    before, _, after = answer.body.partition(blank)
    return AnswerToKeep(_row(call, answer, real_now), before, after)


def _row(call: Call, answer: KeptAnswer, made_at: datetime) -> dict[str, Any]:
    """All of a row but its body."""
    return {
        "caller": call.caller,
        "key": call.key,
        "fingerprint": call.fingerprint,
        "status": answer.status,
        "headers": dict(answer.headers),
        "made_at": made_at,
    }


def keep(session: Session, call: Call, answer: KeptAnswer) -> None:
    """Keep the answer to a call that `begin` found to be new."""
    its = {"its_status": answer.status, "its_headers": dict(answer.headers), "its_body": answer.body}
    session.connection().execute(_KEEP, _names(call) | its)


def _named(call: Call, real_now: datetime) -> dict[str, str | datetime]:
    return _names(call) | {"kept_since": real_now - KEPT_FOR}


def _names(call: Call) -> dict[str, str | datetime]:
    return {"of_caller": call.caller, "of_key": call.key}
