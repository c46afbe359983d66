"""The statements that need thought: locks, claims, inserts that must happen once, orderings."""

from collections.abc import Container, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from slamon.db.base import Base
from slamon.db.outbox import WAITING, Notification, NotificationState, Process, in_state
from slamon.db.requests import CmoRequest, NumberCounter


def insert_ignoring(session: Session, table: type[Base], rows: Sequence[dict[str, Any]], key: Sequence[str]) -> None:
    """Insert what is not there yet; a row that holds the same key stays as it is."""
    if rows:
        # Many rows as parameters of one cached statement: spelled out as VALUES, compiling costs more than inserting.
        statement = _insert(session, table).on_conflict_do_nothing(index_elements=list(key))
        session.connection().execute(statement, list(rows))


def next_number(session: Session, request_type: str, year: int) -> int:
    """The next number of a type and year; others filing the same type wait here until the commit."""
    statement = (
        _insert(session, NumberCounter)
        .values(type=request_type, year=year, last=1)
        .on_conflict_do_update(index_elements=["type", "year"], set_={"last": NumberCounter.last + 1})
        .returning(NumberCounter.last)
    )
    return int(session.execute(statement).scalar_one())


def locked_request(session: Session, request_id: UUID) -> CmoRequest | None:
    statement = select(CmoRequest).where(CmoRequest.id == request_id).with_for_update()
    return session.scalars(statement.execution_options(populate_existing=True)).one_or_none()


def hand_out_requests(session: Session, *, now: datetime, again_at: datetime, most: int) -> list[UUID]:
    """Due requests, oldest first, each handed to one caller until `again_at` (business time)."""
    due = (
        select(CmoRequest.id)
        .where(CmoRequest.wake_at < now)
        .order_by(CmoRequest.wake_at)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    statement = update(CmoRequest).where(CmoRequest.id.in_(due)).values(wake_at=again_at).returning(CmoRequest.id)
    return list(session.execute(statement.execution_options(synchronize_session=False)).scalars())


def due_requests(session: Session, ids: Sequence[UUID], *, now: datetime) -> list[CmoRequest]:
    """Those of `ids` that still need evaluating, locked; what another worker holds is passed over."""
    statement = (
        select(CmoRequest)
        .where(CmoRequest.id.in_(ids), CmoRequest.next_check_at < now)
        .order_by(CmoRequest.id)
        .with_for_update(skip_locked=True)
    )
    return list(session.scalars(statement))


def hand_back_requests(session: Session, ids: Sequence[UUID], *, now: datetime) -> None:
    """Handed out but not due (another clock was ahead, or somebody settled them): scan them as before."""
    not_due = or_(CmoRequest.next_check_at.is_(None), CmoRequest.next_check_at >= now)
    statement = update(CmoRequest).where(CmoRequest.id.in_(ids), not_due).values(wake_at=CmoRequest.next_check_at)
    session.execute(statement.execution_options(synchronize_session=False))


def next_wake(session: Session) -> datetime | None:
    return session.scalar(select(func.min(CmoRequest.wake_at)).where(CmoRequest.wake_at.is_not(None)))


def hand_out_notifications(
    session: Session, *, real_now: datetime, again_at: datetime, most: int
) -> dict[str, list[UUID]]:
    """Due messages by channel, oldest first, each handed to one caller until `again_at` (real time)."""
    due = (
        select(Notification.id)
        .where(in_state(*WAITING), Notification.next_attempt_at <= real_now)
        .order_by(Notification.next_attempt_at)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    statement = update(Notification).where(Notification.id.in_(due)).values(next_attempt_at=again_at)
    returning = statement.returning(Notification.id, Notification.channel)
    taken: dict[str, list[UUID]] = {}
    # ids are UUIDv7: in the order in which they were queued
    for notification_id, channel in sorted(
        session.execute(returning.execution_options(synchronize_session=False)).all()
    ):
        taken.setdefault(channel, []).append(notification_id)
    return taken


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


def _insert(session: Session, table: type[Base]) -> Any:
    dialect = session.get_bind().dialect.name
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
