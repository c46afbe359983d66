"""One message on its way: taken, its attempts, its result; and what a process that died was sending."""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Connection, Select, Table, Update, bindparam, delete, exists, func, insert, select, update
from sqlalchemy.orm import Session

from slamon.db.base import UtcDateTime
from slamon.db.outbox import (
    OUTGOING_STOPPED,
    WAITING,
    Attempt,
    Notification,
    NotificationState,
    Process,
    Setting,
    in_state,
)
from slamon.db.statements import change_rows

_NOTIFICATION, _ATTEMPT = cast(Table, Notification.__table__), cast(Table, Attempt.__table__)


def leased_notifications(session: Session, ids: Sequence[UUID], lease_until: datetime) -> list[Notification]:
    """Those of `ids` that still wait and were leased until just then, in the order in which they were queued."""
    statement = select(Notification).where(
        Notification.id.in_(ids), Notification.state.in_(WAITING), Notification.next_attempt_at == lease_until
    )
    return list(session.scalars(statement.order_by(Notification.id)))


# These run once a message, so they are built once and run below the ORM. No parameter is named as a column is: given
# such a value, SQLAlchemy would write it into that column of every UPDATE of the statement.
_REAL_NOW = bindparam("real_now", type_=UtcDateTime())
_END_ATTEMPT = (
    update(_ATTEMPT)
    .where(_ATTEMPT.c.notification_id == bindparam("sent_id"), _ATTEMPT.c.number == bindparam("sent_number"))
    .values(ended_at=_REAL_NOW, outcome=bindparam("its_outcome"), error=bindparam("its_error"))
)
_HAS_LEFT = {
    "state": NotificationState.SENT.value,
    "sent_at": bindparam("left_at"),
    "provider_id": bindparam("receipt"),
    "redirected_to": bindparam("redirect"),
}
_STORE_SENT = (
    update(_NOTIFICATION)
    .where(
        _NOTIFICATION.c.id == bindparam("sent_id"),
        in_state(NotificationState.SENDING),
        _NOTIFICATION.c.attempts == bindparam("sent_number"),
        _NOTIFICATION.c.taken_by == bindparam("process_id"),
    )
    .values(**_HAS_LEFT, taken_by=None, error=None)
    .returning(_NOTIFICATION.c.id)
)
_STORE_FOLDED = (
    update(_NOTIFICATION)
    .where(_NOTIFICATION.c.digest_id == bindparam("sent_id"), in_state(NotificationState.FOLDED))
    .values(**_HAS_LEFT)
)
_TAKE = (
    update(_NOTIFICATION)
    .where(
        _NOTIFICATION.c.id == bindparam("taken_id"),
        in_state(*WAITING),
        _NOTIFICATION.c.next_attempt_at == bindparam("lease_until"),
        ~exists().where(Setting.name == OUTGOING_STOPPED, Setting.value["on"].as_boolean()),
    )
    .values(
        state=NotificationState.SENDING.value,
        taken_by=bindparam("process_id"),
        attempts=_NOTIFICATION.c.attempts + 1,
        first_attempt_at=func.coalesce(_NOTIFICATION.c.first_attempt_at, _REAL_NOW),
    )
    .returning(_NOTIFICATION.c.id, _NOTIFICATION.c.attempts)
)
_BEGIN_ATTEMPT = insert(_ATTEMPT)


def _in_one_statement() -> Select[Any]:
    """All of the above as one statement; a part whose id is NULL changes nothing."""
    stored, taken = _STORE_SENT.cte("stored"), _TAKE.cte("taken")
    folded = _STORE_FOLDED.where(exists(select(stored.c.id))).cte("folded")
    intent = select(taken.c.id, taken.c.attempts, _REAL_NOW)
    begun = _BEGIN_ATTEMPT.from_select(["notification_id", "number", "began_at"], intent).cte("begun")
    return select(
        select(func.count()).select_from(stored).scalar_subquery().label("stored"),
        select(taken.c.attempts).scalar_subquery().label("number"),
    ).add_cte(_END_ATTEMPT.cte("ended"), folded, begun)


_ADVANCE = _in_one_statement()


@dataclass(frozen=True, slots=True)
class Delivered:
    """Attempt `number` of a message arrived. `sent_at` is business time.

    `redirected_to` is the address it went to instead of its own.
    """

    notification_id: UUID
    number: int
    sent_at: datetime
    provider_id: str
    redirected_to: str | None
    is_digest: bool


@dataclass(frozen=True, slots=True)
class Advanced:
    """`is_stored` is False where another attempt had overtaken the delivered one. `number` is that of the attempt just
    begun; None where the message no longer waits, was leased again, or outgoing messages are stopped.
    """

    is_stored: bool
    number: int | None


def advance(
    connection: Connection,
    process_id: UUID,
    *,
    delivered: Delivered | None = None,
    take: UUID | None = None,
    lease_until: datetime,
    real_now: datetime,
) -> Advanced:
    """Store that a message was delivered, with the steps it tells if it is a digest, and begin an attempt of the next.

    `take` is turned to `sending` if it was leased until `lease_until`. PostgreSQL gets one statement, which may
    be a transaction by itself; SQLite needs one around several.
    """
    values: dict[str, Any] = {
        "process_id": process_id, "real_now": real_now, "taken_id": take, "lease_until": lease_until,
        "sent_id": delivered and delivered.notification_id, "sent_number": delivered and delivered.number,
        "left_at": delivered and delivered.sent_at, "receipt": delivered and delivered.provider_id,
        "redirect": delivered and delivered.redirected_to, "its_outcome": "sent", "its_error": None,
    }  # fmt: skip
    if connection.dialect.name != "sqlite":
        done = connection.execute(_ADVANCE, values).one()
        return Advanced(bool(done.stored), done.number)
    is_stored = False
    if delivered is not None:
        connection.execute(_END_ATTEMPT, values)
        is_stored = connection.execute(_STORE_SENT, values).first() is not None
        if is_stored and delivered.is_digest:
            connection.execute(_STORE_FOLDED, values)
    taken = connection.execute(_TAKE, values).first() if take is not None else None
    if taken is not None:
        attempt = {"notification_id": take, "number": taken.attempts, "began_at": real_now}
        connection.execute(_BEGIN_ATTEMPT, attempt)
    return Advanced(is_stored, taken.attempts if taken is not None else None)


def end_attempt(
    connection: Connection, notification_id: UUID, number: int, *, outcome: str, error: str, real_now: datetime
) -> None:
    """Write down what became of an attempt that did not deliver."""
    values = {"sent_id": notification_id, "sent_number": number, "real_now": real_now}
    connection.execute(_END_ATTEMPT, {**values, "its_outcome": outcome, "its_error": error})


def waiting_notification(session: Session, notification_id: UUID) -> Notification | None:
    """The message, locked, if it still waits to be sent; None if somebody else has or had it."""
    statement = (
        select(Notification)
        .where(Notification.id == notification_id, Notification.state.in_(WAITING))
        .with_for_update(skip_locked=True)
    )
    return session.scalars(statement).one_or_none()


def release_lost(session: Session, process_id: UUID, in_flight: Container[UUID], *, real_now: datetime) -> None:
    """Messages this process took and is not sending: their result could not be stored, so nobody knows it.

    `in_flight` is looked at after the rows: a message enters it before it is taken and leaves it after its result.
    """
    mine = (in_state(NotificationState.SENDING), Notification.taken_by == process_id)
    lost = [held for held in session.scalars(select(Notification.id).where(*mine)).all() if held not in in_flight]
    if lost:
        change_rows(session, _released(real_now).where(Notification.id.in_(lost), *mine))


def senders(session: Session) -> dict[UUID, int | None]:
    """Every process that is known or is sending something, with its heart-beat count; None if it never beat."""
    known = dict(session.execute(select(Process.id, Process.beats)).all())
    sending = select(Notification.taken_by).where(in_state(NotificationState.SENDING)).distinct()
    return {**{taken_by: None for taken_by in session.scalars(sending) if taken_by}, **known}


def release_from(session: Session, process_ids: Sequence[UUID], *, real_now: datetime) -> int:
    """Messages that dead processes were sending: nobody knows whether they left. Then forget the processes."""
    theirs = (in_state(NotificationState.SENDING), Notification.taken_by.in_(process_ids))
    released = change_rows(session, _released(real_now).where(*theirs))
    session.execute(delete(Process).where(Process.id.in_(process_ids)))
    return released


def _released(real_now: datetime) -> Update:
    values = {"state": NotificationState.UNKNOWN.value, "taken_by": None, "next_attempt_at": real_now}
    return update(Notification).values(values)
