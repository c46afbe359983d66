"""The statements that need thought: locks, claims, inserts that must happen once, orderings."""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, delete, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from slamon.db.base import Base
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
from slamon.db.requests import CmoRequest, NumberCounter
from slamon.domain.terms import DeliveryChannel


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


def next_due(session: Session) -> tuple[datetime | None, datetime | None]:
    """When a request (business time) and a message (real time) next need looking at, in one round trip."""
    request = select(func.min(CmoRequest.wake_at)).where(CmoRequest.wake_at.is_not(None)).scalar_subquery()
    first = [
        select(func.min(Notification.next_attempt_at))
        .where(Notification.channel == channel, in_state(*WAITING))
        .scalar_subquery()
        for channel in DeliveryChannel
    ]
    wake_at, *attempts = session.execute(select(request, *first)).one()
    return wake_at, min((at for at in attempts if at is not None), default=None)


def hand_out_requests(session: Session, *, now: datetime, again_at: datetime, most: int) -> list[UUID]:
    """Due requests, oldest first, each handed to one caller until `again_at` (business time).

    No more than `most` are in hand at once: what waits in a queue is only handed out again.
    """
    in_hand = select(CmoRequest.id).where(
        CmoRequest.wake_at >= now, CmoRequest.wake_at <= again_at, CmoRequest.next_check_at < now
    )
    room = most - _up_to(session, in_hand, most)
    if room <= 0:
        return []
    due = (
        select(CmoRequest.id)
        .where(CmoRequest.wake_at < now)
        .order_by(CmoRequest.wake_at)
        .limit(room)
        .with_for_update(skip_locked=True)
    )
    statement = update(CmoRequest).where(CmoRequest.id.in_(due)).values(wake_at=again_at).returning(CmoRequest.id)
    return list(session.execute(statement.execution_options(synchronize_session=False)).scalars())


def begin_checks(session: Session, ids: Sequence[UUID], *, now: datetime) -> dict[UUID, int]:
    """Count a check of each of `ids` that still needs one, before it is made; how many were begun since one succeeded.

    What another worker holds is passed over.
    """
    due = select(CmoRequest.id).where(CmoRequest.id.in_(ids), CmoRequest.next_check_at < now)
    statement = (
        update(CmoRequest)
        .where(CmoRequest.id.in_(due.with_for_update(skip_locked=True)))
        .values(failed_checks=CmoRequest.failed_checks + 1)
        .returning(CmoRequest.id, CmoRequest.failed_checks)
    )
    return dict(session.execute(statement.execution_options(synchronize_session=False)).all())


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


@dataclass(frozen=True, slots=True)
class Handed:
    """A message handed out; `is_new` while nobody has tried to send it."""

    id: UUID
    channel: str
    address: str
    kind: str
    request_id: UUID | None
    person_id: UUID | None
    is_new: bool


def hand_out_notifications(
    session: Session, channel: DeliveryChannel, *, real_now: datetime, again_at: datetime, most: int
) -> list[Handed]:
    """Due messages of a channel in the order in which they were queued, each handed to one caller until `again_at`.

    Both instants are real time. No more than `most` of a channel are in hand at once.
    """
    waiting = (Notification.channel == channel, in_state(*WAITING))
    in_hand = select(Notification.id).where(
        *waiting, Notification.next_attempt_at > real_now, Notification.next_attempt_at <= again_at
    )
    room = most - _up_to(session, in_hand, most)
    if room <= 0:
        return []
    due = (
        select(Notification.id)
        .where(*waiting, Notification.next_attempt_at <= real_now)
        .order_by(Notification.next_attempt_at)
        .limit(room)
        .with_for_update(skip_locked=True)
    )
    statement = (
        update(Notification)
        .where(Notification.id.in_(due))
        .values(next_attempt_at=again_at)
        .returning(
            Notification.id, Notification.channel, Notification.address, Notification.kind,
            Notification.request_id, Notification.person_id, Notification.attempts == 0,
        )
    )  # fmt: skip
    handed = session.execute(statement.execution_options(synchronize_session=False))
    return sorted((Handed(*row) for row in handed), key=lambda message: message.id)  # ids are UUIDv7


def handed_notifications(session: Session, ids: Sequence[UUID], handed_until: datetime) -> list[Notification]:
    """Those of `ids` that still wait and were handed out until just then, in the order in which they were queued."""
    statement = select(Notification).where(
        Notification.id.in_(ids), Notification.state.in_(WAITING), Notification.next_attempt_at == handed_until
    )
    return list(session.scalars(statement.order_by(Notification.id)))


def take_to_send(
    session: Session, notification_id: UUID, process_id: UUID, *, handed_until: datetime, real_now: datetime
) -> int | None:
    """Turn a message handed out until `handed_until` to `sending` and write its attempt down; the attempt's number.

    None where it no longer waits, was handed out again, or outgoing messages are stopped.
    """
    is_stopped = select(Setting.name).where(Setting.name == OUTGOING_STOPPED, Setting.value["on"].as_boolean())
    statement = (
        update(Notification)
        .where(
            Notification.id == notification_id,
            Notification.state.in_(WAITING),
            Notification.next_attempt_at == handed_until,
            ~is_stopped.exists(),
        )
        .values(
            state=NotificationState.SENDING.value,
            taken_by=process_id,
            attempts=Notification.attempts + 1,
            first_attempt_at=func.coalesce(Notification.first_attempt_at, real_now),
        )
        .returning(Notification.attempts)
    )
    number = session.execute(statement.execution_options(synchronize_session=False)).scalar_one_or_none()
    if number is not None:
        attempt = {"notification_id": notification_id, "number": number, "began_at": real_now}
        session.execute(insert(Attempt), [attempt])
    return number


def store_sent(
    session: Session, notification_id: UUID, process_id: UUID, number: int, *, values: dict[str, Any]
) -> bool:
    """Store that attempt `number` of this process has left; False where another attempt has overtaken it."""
    statement = (
        update(Notification)
        .where(
            Notification.id == notification_id,
            Notification.state == NotificationState.SENDING,
            Notification.attempts == number,
            Notification.taken_by == process_id,
        )
        .values(state=NotificationState.SENT.value, taken_by=None, error=None, **values)
    )
    done = session.execute(statement.execution_options(synchronize_session=False))
    return bool(getattr(done, "rowcount", 0))


def end_attempt(session: Session, notification_id: UUID, number: int, **values: Any) -> None:
    statement = update(Attempt).where(Attempt.notification_id == notification_id, Attempt.number == number)
    session.execute(statement.values(values).execution_options(synchronize_session=False))


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


def _up_to(session: Session, rows: Select[Any], most: int) -> int:
    """How many rows there are; `most` where there are more."""
    return session.scalar(select(func.count()).select_from(rows.limit(most).subquery())) or 0


def _insert(session: Session, table: type[Base]) -> Any:
    dialect = session.get_bind().dialect.name
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
