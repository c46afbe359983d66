"""Work that is due, and handing it out: each piece to one caller until an instant, after which it comes up again."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Select, func, or_, select, update
from sqlalchemy.orm import Session

from slamon.db.jobs import Job
from slamon.db.outbox import WAITING, Attempt, Notification, NotificationState, in_state
from slamon.db.requests import CmoRequest
from slamon.db.statements import change_rows

REFILL_AT = 3  # more is leased once a third of what may be in hand is free: one by one costs more than the work


class NextDue(NamedTuple):
    """When a request (business time), a message and a job (both real time) next need looking at."""

    request_at: datetime | None
    message_at: datetime | None
    job_at: datetime | None


@cache  # asked several times a second
def _next_due(channels: tuple[str, ...]) -> Select[*tuple[Any, ...]]:
    return select(
        select(func.min(CmoRequest.wake_at)).where(CmoRequest.wake_at.is_not(None)).scalar_subquery(),
        select(func.min(Job.wake_at)).where(Job.wake_at.is_not(None)).scalar_subquery(),
        *(
            select(func.min(Notification.next_attempt_at))
            .where(Notification.channel == channel, in_state(*WAITING))
            .scalar_subquery()
            for channel in channels
        ),
    )


def next_due(connection: Connection, channels: tuple[str, ...]) -> NextDue:
    """All three in one round trip; messages of these channels."""
    request_at, job_at, *attempts = connection.execute(_next_due(channels)).one()
    return NextDue(request_at, min((at for at in attempts if at is not None), default=None), job_at)


def lease_requests(session: Session, *, now: datetime, again_at: datetime, most: int) -> list[UUID]:
    """Due requests, oldest first, each handed to one caller until `again_at` (business time).

    No more than `most` are in hand at once: what waits in a queue would only be leased again.
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
        .where(CmoRequest.id.in_(due.with_for_update(skip_locked=True, key_share=True)))
        .values(failed_checks=CmoRequest.failed_checks + 1)
        .returning(CmoRequest.id, CmoRequest.failed_checks)
    )
    return dict(session.execute(statement.execution_options(synchronize_session=False)).all())


def take_back_checks(session: Session, ids: Sequence[UUID], *, now: datetime, again_at: datetime) -> None:
    """Checks that could not be made, for no fault of the requests: not counted, and made again at `again_at`."""
    values = {"failed_checks": CmoRequest.failed_checks - 1, "wake_at": again_at}
    change_rows(session, update(CmoRequest).where(*_due_of(ids, now), CmoRequest.failed_checks > 0).values(values))


def due_requests(session: Session, ids: Sequence[UUID], *, now: datetime) -> list[CmoRequest]:
    """Those of `ids` that still need evaluating, locked; what another worker holds is passed over."""
    statement = (
        select(CmoRequest)
        .where(*_due_of(ids, now))
        .order_by(CmoRequest.id)
        .with_for_update(skip_locked=True, key_share=True)
    )
    return list(session.scalars(statement))


def hand_back_requests(session: Session, ids: Sequence[UUID], *, now: datetime) -> None:
    """Handed out but not due (another clock was ahead, or somebody settled them): scan them as before."""
    not_due = or_(CmoRequest.next_check_at.is_(None), CmoRequest.next_check_at >= now)
    back = update(CmoRequest).where(CmoRequest.id.in_(ids), not_due).values(wake_at=CmoRequest.next_check_at)
    change_rows(session, back)


def lease_job(session: Session, *, real_now: datetime, again_at: datetime) -> UUID | None:
    """The job that has waited longest, handed to one caller until `again_at`; None while another one is in hand.

    One at a time, and each for a turn only: what is due must not wait for somebody's long question.
    """
    in_hand = select(Job.id).where(Job.wake_at > real_now, Job.wake_at <= again_at)
    if session.scalar(in_hand.limit(1)) is not None:
        return None
    due = select(Job.id).where(Job.wake_at <= real_now).order_by(Job.wake_at).limit(1).with_for_update(skip_locked=True)
    statement = update(Job).where(Job.id.in_(due)).values(wake_at=again_at, tries=Job.tries + 1).returning(Job.id)
    return session.scalar(statement.execution_options(synchronize_session=False))


@dataclass(frozen=True, slots=True)
class LeasedMessage:
    """A leased message; `is_new` while nobody can have sent it. `queued_at` is business time."""

    id: UUID
    channel: str
    address: str
    kind: str
    request_id: UUID | None
    person_id: UUID | None
    queued_at: datetime
    is_new: bool


def lease_notifications(
    session: Session, channel: str, *, real_now: datetime, again_at: datetime, most: int
) -> list[LeasedMessage]:
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
            Notification.request_id, Notification.person_id, Notification.queued_at,
            Notification.state, Notification.first_attempt_at,
        )
    )  # fmt: skip
    rows: Iterable[Any] = session.execute(statement.execution_options(synchronize_session=False))
    # Whether it is new is judged here: in a RETURNING SQLite 3.40 takes IS NULL for false.
    handed = [
        LeasedMessage(
            id=row.id,
            channel=row.channel,
            address=row.address,
            kind=row.kind,
            request_id=row.request_id,
            person_id=row.person_id,
            queued_at=row.queued_at,
            is_new=row.state == NotificationState.QUEUED and row.first_attempt_at is None,
        )
        for row in rows
    ]
    return sorted(handed, key=lambda message: message.id)  # ids are UUIDv7


def heed_waits(
    session: Session, channel: str, handed: Sequence[LeasedMessage], *, real_now: datetime, until: datetime
) -> list[LeasedMessage]:
    """Of messages just leased until `until`, those that may leave: an address whose far side has told us to wait
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
            Notification.next_attempt_at != until,  # one of those just leased: its wait is over
            Attempt.outcome == "told_to_wait",
        )
        .group_by(Notification.address)
    )
    waits = dict(session.execute(told).all())
    for address, over_at in waits.items():
        postpone(session, [message for message in handed if message.address == address], until=over_at)
    return [message for message in handed if message.address not in waits]


def postpone(session: Session, handed: Sequence[LeasedMessage], *, until: datetime) -> None:
    """Messages just leased wait on, until an instant of real time."""
    ids = [message.id for message in handed]
    change_rows(session, update(Notification).where(Notification.id.in_(ids)).values(next_attempt_at=until))


def _due_of(ids: Sequence[UUID], now: datetime) -> tuple[ColumnElement[bool], ...]:
    return CmoRequest.id.in_(ids), CmoRequest.next_check_at < now


def _up_to(session: Session, rows: Select[Any], most: int) -> int:
    """How many rows there are; `most` where there are more."""
    return session.scalar(select(func.count()).select_from(rows.limit(most).subquery())) or 0
