"""The outbox: queueing messages, and what people do with them: resend or dismiss a dead letter, stop everything."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, delete, exists, func, or_, select, update
from sqlalchemy.orm import Session
from structlog.contextvars import get_contextvars

from slamon.db.base import new_id
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
from slamon.db.parties import Organization, OrganizationKind, Person, PersonStatus
from slamon.db.requests import CmoRequest
from slamon.db.statements import change_rows, insert_ignoring
from slamon.domain.timeline import SYSTEM, Actor, Role
from slamon.errors import Conflict, NotFound
from slamon.services.audit.trail import record
from slamon.services.outbox.addresses import to_account
from slamon.services.transaction import Moment, Tx
from slamon.wording.message import MessageKind

_LAST_RESORT = (Role.ADMIN, Role.HEAD, Role.LEAD, Role.QUALITY, Role.PROJECT_MANAGER, Role.STEERING, Role.AUDITOR)


def outbox_row(
    moment: Moment,
    dedupe_key: str,
    kind: MessageKind,
    channel: str,
    address: str,
    *,
    request_id: UUID | None = None,
    person_id: UUID | None = None,
    clocks: Sequence[str] = (),
    crossed_at: datetime | None = None,
    fact_sequence: int | None = None,
    detail: str | None = None,
    fallback_of: UUID | None = None,
    closes_at: datetime | None = None,
    told_as: str | None = None,
    instead_of: str | None = None,
    not_before: datetime | None = None,
) -> dict[str, Any]:
    to = moment.rules.channels.or_for_links(channel)
    return {
        "id": new_id(),
        "dedupe_key": dedupe_key[:255],
        "kind": kind.value,
        "channel": to.name,
        "address": address,
        "queued_at": moment.business_now,
        "next_attempt_at": not_before or moment.real_now,
        "request_id": request_id,
        "person_id": person_id,
        "clocks": list(clocks),
        "crossed_at": crossed_at,
        "fact_sequence": fact_sequence,
        "detail": detail,
        "fallback_of": fallback_of,
        "closes_at": closes_at,
        "told_as": told_as if to.shared or instead_of else None,  # a mail names its reader
        "instead_of": instead_of[:300] if instead_of else None,
        "trace_id": get_contextvars().get("request_id"),  # of the HTTP request being answered, if any
    }


def queue(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Put messages into the outbox; one with the same key is already on its way and stays alone."""
    insert_ignoring(session, Notification, rows, ["dedupe_key"])


def is_stopped(session: Session) -> bool:
    """Whether all outgoing messages are held back."""
    row = session.get(Setting, OUTGOING_STOPPED)
    return bool(row and row.value["on"])


def stop_outgoing(tx: Tx, on: bool, *, by: Actor, reason: str) -> None:
    """Hold every outgoing message back, or let them go again. Nothing is lost meanwhile."""
    row = tx.session.get(Setting, OUTGOING_STOPPED)
    if row is None:
        row = Setting(name=OUTGOING_STOPPED, value={"on": False})
        tx.session.add(row)
    if row.value["on"] != on:
        old, row.value = row.value, {"on": on}
        record(
            tx,
            by=by,
            action="change",
            entity="setting",
            entity_id=OUTGOING_STOPPED,
            old=old,
            new=row.value,
            reason=reason,
        )


def hold_restored(tx: Tx) -> None:
    """Send nothing from a restored copy until somebody lets it go, and then nothing twice where that can be known.

    What was waiting when the copy was made may have left since: it is looked up first, or marked as a repeat.
    """
    stop_outgoing(tx, True, by=SYSTEM, reason="restored from a backup")
    begun_at = func.coalesce(Notification.first_attempt_at, Notification.next_attempt_at)
    values = {"state": NotificationState.UNKNOWN.value, "taken_by": None, "first_attempt_at": begun_at}
    under_way = in_state(*WAITING, NotificationState.SENDING)
    change_rows(tx.session, update(Notification).where(under_way).values(values))
    tx.session.execute(delete(Process))


def resend(tx: Tx, notification_id: UUID, *, by: Actor) -> Notification:
    """Send a dead letter again, under its old key, to the person's address as it is now.

    Where nobody can say whether an attempt arrived, the far side is asked first.
    """
    row = _dead_letter(tx.session, notification_id)
    person = tx.session.get(Person, row.person_id) if row.person_id else None
    before = row.address
    is_to_account = row.channel == tx.rules.channels.for_links.name
    if person is not None and is_to_account and row.kind != MessageKind.ADDRESS_CHANGED:
        row.address = person.email  # a notice to an address that is no longer theirs goes there, and nowhere else
    own = Attempt.notification_id == row.id
    open_ones = update(Attempt).where(own, Attempt.outcome.is_(None)).values(outcome="unknown", ended_at=tx.real_now)
    change_rows(tx.session, open_ones)  # whoever made them died over them
    unclear = tx.session.scalar(select(exists().where(own, Attempt.outcome == "unknown")))
    row.state = (NotificationState.UNKNOWN if unclear else NotificationState.QUEUED).value
    row.next_attempt_at, row.first_attempt_at = tx.real_now, row.first_attempt_at if unclear else None
    record(
        tx,
        by=by,
        action="resend",
        entity="notification",
        entity_id=row.id,
        old={"address": before},
        new={"address": row.address},
    )
    return row


def dismiss(tx: Tx, notification_id: UUID, *, by: Actor, reason: str) -> Notification:
    """Set a dead letter aside for good, saying why."""
    row = _dead_letter(tx.session, notification_id)
    row.state = NotificationState.SUPPRESSED.value
    record(tx, by=by, action="dismiss", entity="notification", entity_id=row.id, reason=reason)
    return row


def failed(session: Session, *only: ColumnElement[bool]) -> list[tuple[Notification, str | None]]:
    """Dead letters with the number of their request, newest first."""
    found = _with_numbers(*only, in_state(NotificationState.FAILED)).order_by(Notification.queued_at.desc())
    return list(session.execute(found.limit(100)))


def retrying(session: Session, *only: ColumnElement[bool], most: int = 50) -> list[tuple[Notification, str | None]]:
    """Messages tried in vain so far, or whose arrival nobody can tell; the next to be tried first."""
    is_tried = or_(in_state(NotificationState.UNKNOWN), Notification.attempts > 0)
    found = _with_numbers(*only, in_state(*WAITING), is_tried)
    return list(session.execute(found.order_by(Notification.next_attempt_at, Notification.id).limit(most)))


def _with_numbers(*which: ColumnElement[bool]) -> Select[Notification, str | None]:
    numbered = select(Notification, CmoRequest.number)
    return numbered.outerjoin(CmoRequest, CmoRequest.id == Notification.request_id).where(*which)


def counts(session: Session) -> dict[str, int]:
    """How many messages wait, are being sent, cannot be told, or failed."""
    found = dict.fromkeys(("queued", "unknown", "sending", "failed"), 0)
    for states in (WAITING, (NotificationState.SENDING,), (NotificationState.FAILED,)):  # each has its partial index
        statement = select(Notification.state, func.count()).where(in_state(*states)).group_by(Notification.state)
        found |= dict(session.execute(statement).all())
    return found


def raise_alarm(tx: Tx, topic: str, detail: str) -> list[str]:
    """Tell the administrators by e-mail, once a day for one topic. Returns the messages' keys.

    Without an administrator who can be told, whoever stands highest at the sponsor is.
    """
    rows: list[dict[str, Any]] = [
        outbox_row(
            tx, f"alarm/{topic}/{tx.real_now.date()}/{person.id}", MessageKind.ALARM, *to_account(tx, person),
            person_id=person.id, detail=detail, told_as=role.value)
        for role, person in administrators(tx.session)
    ]  # fmt: skip
    queue(tx.session, rows)
    return [row["dedupe_key"] for row in rows]


def administrators(session: Session) -> list[tuple[Role, Person]]:
    """Who hears what is for the administrators: they, or whoever `last_resort` finds in their place."""
    staff = select(Person).join(Organization, Organization.id == Person.organization_id)
    return last_resort(session.scalars(staff.where(Organization.kind == OrganizationKind.SPONSOR).order_by(Person.id)))


def last_resort(staff: Iterable[Person]) -> list[tuple[Role, Person]]:
    """Who is told where nobody nearer can be: the administrators, else the first of the other roles that anybody holds.

    Empty only where every account of the sponsor is disabled.
    """
    enabled = [person for person in staff if person.status != PersonStatus.DISABLED]
    for role in _LAST_RESORT:
        found = [(role, person) for person in enabled if role.value in person.roles]
        if found:
            return found
    return []


def _dead_letter(session: Session, notification_id: UUID) -> Notification:
    statement = select(Notification).where(Notification.id == notification_id).with_for_update()
    row = session.scalars(statement).one_or_none()
    if row is None:
        raise NotFound("message", notification_id)
    if row.state != NotificationState.FAILED:
        raise Conflict(f"This message is {row.state}; only a failed one can be resent or dismissed.")
    return row
