"""One message on its way: taken, its attempts, its result; and what a process that died was sending."""

from collections.abc import Container, Sequence
from datetime import datetime
from typing import cast
from uuid import UUID

from sqlalchemy import Connection, Table, bindparam, delete, exists, func, insert, select, update
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

_NOTIFICATION, _ATTEMPT = cast(Table, Notification.__table__), cast(Table, Attempt.__table__)


def handed_notifications(session: Session, ids: Sequence[UUID], handed_until: datetime) -> list[Notification]:
    """Those of `ids` that still wait and were handed out until just then, in the order in which they were queued."""
    statement = select(Notification).where(
        Notification.id.in_(ids), Notification.state.in_(WAITING), Notification.next_attempt_at == handed_until
    )
    return list(session.scalars(statement.order_by(Notification.id)))


# These run once a message. They are built once and run below the ORM: building one costs more than running it.
_TAKE = (
    update(_NOTIFICATION)
    .where(
        _NOTIFICATION.c.id == bindparam("of"),
        in_state(*WAITING),
        _NOTIFICATION.c.next_attempt_at == bindparam("handed_until"),
        ~exists().where(Setting.name == OUTGOING_STOPPED, Setting.value["on"].as_boolean()),
    )
    .values(
        state=NotificationState.SENDING.value,
        taken_by=bindparam("process_id"),
        attempts=_NOTIFICATION.c.attempts + 1,
        first_attempt_at=func.coalesce(_NOTIFICATION.c.first_attempt_at, bindparam("real_now", type_=UtcDateTime())),
    )
    .returning(_NOTIFICATION.c.attempts)
)
_BEGIN_ATTEMPT = insert(_ATTEMPT)
_END_ATTEMPT = (
    update(_ATTEMPT)
    .where(_ATTEMPT.c.notification_id == bindparam("of"), _ATTEMPT.c.number == bindparam("its_number"))
    .values(ended_at=bindparam("ended_at"), outcome=bindparam("outcome"), error=bindparam("error"))
)
_STORE_SENT = (
    update(_NOTIFICATION)
    .where(
        _NOTIFICATION.c.id == bindparam("of"),
        in_state(NotificationState.SENDING),
        _NOTIFICATION.c.attempts == bindparam("its_number"),
        _NOTIFICATION.c.taken_by == bindparam("process_id"),
    )
    .values(
        state=NotificationState.SENT.value,
        taken_by=None,
        error=None,
        sent_at=bindparam("sent_at"),
        provider_id=bindparam("provider_id"),
        redirected_to=bindparam("redirected_to"),
    )
)


def take_to_send(
    connection: Connection, notification_id: UUID, process_id: UUID, *, handed_until: datetime, real_now: datetime
) -> int | None:
    """Turn a message handed out until `handed_until` to `sending` and write its attempt down; the attempt's number.

    None where it no longer waits, was handed out again, or outgoing messages are stopped.
    """
    values = {"of": notification_id, "process_id": process_id, "handed_until": handed_until, "real_now": real_now}
    number: int | None = connection.execute(_TAKE, values).scalar_one_or_none()
    if number is not None:
        attempt = {"notification_id": notification_id, "number": number, "began_at": real_now}
        connection.execute(_BEGIN_ATTEMPT, attempt)
    return number


def store_sent(
    connection: Connection,
    notification_id: UUID,
    process_id: UUID,
    number: int,
    *,
    sent_at: datetime,
    provider_id: str,
    redirected_to: str | None = None,
) -> bool:
    """Store that attempt `number` of this process has left; False where another attempt has overtaken it.

    `redirected_to` is the address it went to instead of its own.
    """
    values = {"of": notification_id, "process_id": process_id, "its_number": number}
    told = {"sent_at": sent_at, "provider_id": provider_id, "redirected_to": redirected_to}
    done = connection.execute(_STORE_SENT, {**values, **told})
    return bool(done.rowcount)


def end_attempt(
    connection: Connection,
    notification_id: UUID,
    number: int,
    *,
    ended_at: datetime,
    outcome: str,
    error: str | None = None,
) -> None:
    values = {"of": notification_id, "its_number": number, "ended_at": ended_at, "outcome": outcome, "error": error}
    connection.execute(_END_ATTEMPT, values)


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
        statement = update(Notification).where(Notification.id.in_(lost), *mine)
        values = {"state": NotificationState.UNKNOWN.value, "taken_by": None, "next_attempt_at": real_now}
        session.execute(statement.values(values).execution_options(synchronize_session=False))


def senders(session: Session) -> dict[UUID, int | None]:
    """Every process that is known or is sending something, with its heart-beat count; None if it never beat."""
    known = dict(session.execute(select(Process.id, Process.beats)).all())
    sending = select(Notification.taken_by).where(in_state(NotificationState.SENDING)).distinct()
    return {**{taken_by: None for taken_by in session.scalars(sending) if taken_by}, **known}


def release_from(session: Session, process_ids: Sequence[UUID], *, real_now: datetime) -> int:
    """Messages that dead processes were sending: nobody knows whether they left. Then forget the processes."""
    statement = (
        update(Notification)
        .where(in_state(NotificationState.SENDING), Notification.taken_by.in_(process_ids))
        .values(state=NotificationState.UNKNOWN.value, taken_by=None, next_attempt_at=real_now)
    )
    released = session.execute(statement.execution_options(synchronize_session=False))
    session.execute(delete(Process).where(Process.id.in_(process_ids)))
    return int(getattr(released, "rowcount", 0))
