"""Many steps of one CMO for one reader become one message: nobody reads the sixth of them in a quarter of an hour."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, case, func, select, update
from sqlalchemy.orm import Session

from slamon.db.claims import LeasedMessage, postpone
from slamon.db.outbox import Notification, NotificationState, in_state
from slamon.db.requests import CmoRequest
from slamon.db.statements import change_rows
from slamon.services.outbox.outbox import outbox_row, queue
from slamon.services.transaction import Tx
from slamon.wording.message import BREACH_KINDS, LADDER_KINDS, MessageKind

WINDOW = timedelta(minutes=15)
BREACH_WAIT = timedelta(minutes=1)  # the longest a step past its limit is held back for a digest
TOLD = (NotificationState.SENDING, NotificationState.UNKNOWN, NotificationState.SENT, NotificationState.FAILED)


@dataclass(frozen=True, slots=True)
class _Reader:
    channel: str
    address: str
    cmo_id: UUID


@dataclass(frozen=True, slots=True)
class _Heard:
    """What a reader was told within the window; `latest` is when the last of it was queued."""

    steps: int
    digests: int
    latest: datetime


def fold(
    tx: Tx, handed: Sequence[LeasedMessage], *, most: int, until: datetime, held_until: Callable[[datetime], datetime]
) -> list[LeasedMessage]:
    """Of messages just leased until `until` (real time), those to send now.

    Above `most` steps of one CMO in a quarter of an hour of business time, further ones for the same reader wait and
    become one digest. `held_until` gives the real time of a business time. Dying before the commit leaves all as it
    was; after it, the digest is a message like any other.
    """
    steps = [message for message in handed if message.kind in LADDER_KINDS and message.is_new and message.request_id]
    if not steps:
        return list(handed)
    cmos = dict(
        tx.session.execute(
            select(CmoRequest.id, CmoRequest.cmo_id).where(CmoRequest.id.in_({step.request_id for step in steps}))
        ).all()
    )
    waiting: defaultdict[_Reader, list[LeasedMessage]] = defaultdict(list)
    for step in steps:
        if step.request_id:
            waiting[_Reader(step.channel, step.address, cmos[step.request_id])].append(step)
    told = _told(tx.session, {reader.address for reader in waiting}, since=tx.business_now - WINDOW)
    going = {message.id: message for message in handed}
    for reader, messages in waiting.items():
        heard = told.get(reader)
        is_busy = heard is not None and (heard.steps >= most or heard.digests > 0)
        is_breach = any(message.kind in BREACH_KINDS for message in messages)
        opens_at = tx.business_now
        if heard is not None and is_busy:  # what is told meanwhile holds nothing back for longer
            first = min(heard.latest, *(message.queued_at for message in messages))
            opens_at = first + (BREACH_WAIT if is_breach else WINDOW)
        if opens_at > tx.business_now:
            postpone(tx.session, messages, until=held_until(opens_at))
        elif len(messages) > 1 and (is_busy or (heard.steps if heard else 0) + len(messages) > most):
            digest = _make(tx, reader, messages, until=until)
            going[digest.id] = digest
        else:
            continue
        for message in messages:
            del going[message.id]
    return list(going.values())


def members(session: Session, digest_id: UUID, *, most: int | None = None) -> list[Notification]:
    """The steps a digest tells, or the first `most` of them."""
    statement = select(Notification).where(*_in_digest(digest_id)).order_by(Notification.id).limit(most)
    return list(session.scalars(statement))


def digest_size(session: Session, digest_id: UUID) -> int:
    """How many requests a digest tells of."""
    return session.scalar(select(func.count(Notification.request_id.distinct())).where(*_in_digest(digest_id))) or 0


def _told(session: Session, addresses: set[str], *, since: datetime) -> dict[_Reader, _Heard]:
    """What each reader was told of late about each CMO."""
    reader = (Notification.channel, Notification.address, CmoRequest.cmo_id)
    is_digest = case((Notification.kind == MessageKind.DIGEST, 1), else_=0)
    statement = (
        select(*reader, func.count(), func.sum(is_digest), func.max(Notification.queued_at))
        .join(CmoRequest, CmoRequest.id == Notification.request_id)
        .where(
            Notification.address.in_(addresses),
            Notification.state.in_(TOLD),
            Notification.queued_at > since,
            Notification.kind.in_({*LADDER_KINDS, MessageKind.DIGEST}),
            Notification.digest_id.is_(None),
        )
        .group_by(*reader)
    )
    return {
        _Reader(channel, address, cmo_id): _Heard(steps, digests, latest)
        for channel, address, cmo_id, steps, digests, latest in session.execute(statement)
    }


def _make(tx: Tx, reader: _Reader, messages: Sequence[LeasedMessage], *, until: datetime) -> LeasedMessage:
    """One digest of every step that waits for this reader, leased or not."""
    first = messages[0]
    row = outbox_row(
        tx,
        "",
        MessageKind.DIGEST,
        reader.channel,
        reader.address,
        not_before=until,
        request_id=first.request_id,
        person_id=first.person_id,
    )
    row["dedupe_key"] = f"digest/{row['id']}"
    queue(tx.session, [row])
    is_about_cmo = (
        select(CmoRequest.id)
        .where(CmoRequest.id == Notification.request_id, CmoRequest.cmo_id == reader.cmo_id)
        .correlate(Notification)
        .exists()
    )
    waiting = (
        select(Notification.id)
        .where(
            Notification.channel == reader.channel,
            Notification.address == reader.address,
            Notification.first_attempt_at.is_(None),
            Notification.kind.in_(LADDER_KINDS),
            in_state(NotificationState.QUEUED),
            is_about_cmo,
        )
        .with_for_update(skip_locked=True)  # another transaction's are left to it: waiting could deadlock
    )
    folded = {"state": NotificationState.FOLDED.value, "digest_id": row["id"]}
    change_rows(tx.session, update(Notification).where(Notification.id.in_(waiting)).values(folded))
    return LeasedMessage(
        row["id"], reader.channel, reader.address, row["kind"], first.request_id, first.person_id, tx.business_now, True
    )


def _in_digest(digest_id: UUID) -> tuple[ColumnElement[bool], ...]:
    return Notification.digest_id == digest_id, in_state(NotificationState.FOLDED)
