"""The statements that need thought: locks, claims, inserts that must happen once, orderings."""

from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, cast
from uuid import UUID

from psycopg import Connection as PostgresConnection
from psycopg import Error as PostgresError
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from slamon.db.base import Base, UtcDateTime
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

REFILL_AT = 3  # more is handed out once a third of what may be in hand is free: one by one costs more than the work

_NOTIFICATION, _ATTEMPT = cast(Table, Notification.__table__), cast(Table, Attempt.__table__)


def insert_ignoring(session: Session, table: type[Base], rows: Sequence[dict[str, Any]], key: Sequence[str]) -> None:
    """Insert what is not there yet; a row that holds the same key stays as it is."""
    if rows:
        # Many rows as parameters of one cached statement: spelled out as VALUES, compiling costs more than inserting.
        session.connection().execute(_insert_ignoring(_dialect(session), table, tuple(key)), list(rows))


def insert_if_new(session: Session, table: type[Base], row: dict[str, Any], key: Sequence[str]) -> bool:
    """Insert a row unless its key is taken; whether it was free. Waits for whoever takes the same key just now."""
    columns = tuple(key)
    statement = _insert_ignoring(_dialect(session), table, columns, returning=columns[0])
    return session.connection().execute(statement, row).first() is not None


@contextmanager
def in_one_trip(session: Session) -> Iterator[Connection]:
    """What is inserted in the block goes to PostgreSQL in one round trip; what that raises comes at the block's end."""
    connection = session.connection()
    driver = connection.connection.driver_connection
    if not isinstance(driver, PostgresConnection):
        yield connection
        return
    try:
        with driver.pipeline():
            yield connection
    except PostgresError as error:
        if driver.closed:
            connection.invalidate(error)
        raise DBAPIError.instance(None, None, error, PostgresError, connection_invalidated=driver.closed) from error


def next_number(session: Session, request_type: str, year: int) -> int:
    """The next number of a type and year; others filing the same type wait here until the commit."""
    first = {"type": request_type, "year": year, "last": 1}
    return int(session.connection().execute(_count_up(_dialect(session)), first).scalar_one())


def locked_request(session: Session, request_id: UUID) -> CmoRequest | None:
    statement = select(CmoRequest).where(CmoRequest.id == request_id).with_for_update()
    return session.scalars(statement.execution_options(populate_existing=True)).one_or_none()


# Asked several times a second, so built once.
_NEXT_DUE = select(
    select(func.min(CmoRequest.wake_at)).where(CmoRequest.wake_at.is_not(None)).scalar_subquery(),
    *(
        select(func.min(Notification.next_attempt_at))
        .where(Notification.channel == channel, in_state(*WAITING))
        .scalar_subquery()
        for channel in DeliveryChannel
    ),
)


def next_due(connection: Connection) -> tuple[datetime | None, datetime | None]:
    """When a request (business time) and a message (real time) next need looking at, in one round trip."""
    wake_at, *attempts = connection.execute(_NEXT_DUE).one()
    return wake_at, min((at for at in attempts if at is not None), default=None)


def hand_out_requests(session: Session, *, now: datetime, again_at: datetime, most: int) -> list[UUID]:
    """Due requests, oldest first, each handed to one caller until `again_at` (business time).

    No more than `most` are in hand at once: what waits in a queue is only handed out again.
    """
    in_hand = select(CmoRequest.id).where(
        CmoRequest.wake_at >= now, CmoRequest.wake_at <= again_at, CmoRequest.next_check_at < now
    )
    room = most - _up_to(session, in_hand, most)
    if room < most // REFILL_AT:
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


def due_checks(session: Session, ids: Sequence[UUID], *, now: datetime) -> dict[UUID, int]:
    """Those of `ids` that still need a check, and how many were begun since one succeeded."""
    due = select(CmoRequest.id, CmoRequest.failed_checks).where(*_due_of(ids, now))
    return dict(session.execute(due).all())


def begin_checks(session: Session, ids: Sequence[UUID], *, now: datetime) -> dict[UUID, int]:
    """Count a check of each of `ids` that still needs one, before it is made; how many were begun since one succeeded.

    What another worker holds is passed over.
    """
    due = select(CmoRequest.id).where(*_due_of(ids, now))
    statement = (
        update(CmoRequest)
        .where(CmoRequest.id.in_(due.with_for_update(skip_locked=True)))
        .values(failed_checks=CmoRequest.failed_checks + 1)
        .returning(CmoRequest.id, CmoRequest.failed_checks)
    )
    return dict(session.execute(statement.execution_options(synchronize_session=False)).all())


def due_requests(session: Session, ids: Sequence[UUID], *, now: datetime) -> list[CmoRequest]:
    """Those of `ids` that still need evaluating, locked; what another worker holds is passed over."""
    statement = select(CmoRequest).where(*_due_of(ids, now)).order_by(CmoRequest.id).with_for_update(skip_locked=True)
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
    if room < most // REFILL_AT:
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


def heed_waits(
    session: Session, channel: DeliveryChannel, handed: Sequence[Handed], *, real_now: datetime, until: datetime
) -> list[Handed]:
    """Of messages just handed out until `until`, those that may leave: an address whose far side has told us to wait
    is not called before that, and what came up for it meanwhile waits as long. All instants are real time.
    """
    if not handed:
        return []
    last = (Attempt.notification_id == Notification.id) & (Attempt.number == Notification.attempts)
    told = (
        select(Notification.address, func.max(Notification.next_attempt_at))
        .join(Attempt, last)
        .where(
            Notification.channel == channel,
            Notification.address.in_({message.address for message in handed}),
            in_state(*WAITING),
            Notification.attempts > 0,
            Notification.next_attempt_at > real_now,
            Notification.next_attempt_at != until,  # one of those just handed out: its wait is over
            Attempt.outcome == "told_to_wait",
        )
        .group_by(Notification.address)
    )
    waits = dict(session.execute(told).all())
    for address, over_at in waits.items():
        postpone(session, [message for message in handed if message.address == address], until=over_at)
    return [message for message in handed if message.address not in waits]


def postpone(session: Session, handed: Sequence[Handed], *, until: datetime) -> None:
    """Messages just handed out wait on, until an instant of real time."""
    ids = [message.id for message in handed]
    statement = update(Notification).where(Notification.id.in_(ids)).values(next_attempt_at=until)
    session.execute(statement.execution_options(synchronize_session=False))


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
    connection: Connection, notification_id: UUID, process_id: UUID, number: int, *, sent_at: datetime, provider_id: str
) -> bool:
    """Store that attempt `number` of this process has left; False where another attempt has overtaken it."""
    values = {"of": notification_id, "process_id": process_id, "its_number": number}
    done = connection.execute(_STORE_SENT, {**values, "sent_at": sent_at, "provider_id": provider_id})
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


def _due_of(ids: Sequence[UUID], now: datetime) -> tuple[ColumnElement[bool], ...]:
    return CmoRequest.id.in_(ids), CmoRequest.next_check_at < now


def _up_to(session: Session, rows: Select[Any], most: int) -> int:
    """How many rows there are; `most` where there are more."""
    return session.scalar(select(func.count()).select_from(rows.limit(most).subquery())) or 0


@cache
def _insert_ignoring(dialect: str, table: type[Base], key: tuple[str, ...], returning: str | None = None) -> Any:
    statement = _insert(dialect, table).on_conflict_do_nothing(index_elements=list(key))
    return statement if returning is None else statement.returning(getattr(table, returning))


@cache
def _count_up(dialect: str) -> Any:
    statement = _insert(dialect, NumberCounter)
    counted = statement.on_conflict_do_update(index_elements=["type", "year"], set_={"last": NumberCounter.last + 1})
    return counted.returning(NumberCounter.last)


def _dialect(session: Session) -> str:
    return session.get_bind().dialect.name


def _insert(dialect: str, table: type[Base]) -> Any:
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
