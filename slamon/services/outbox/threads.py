"""Which messages of one request belong together in a channel with threads: an escalation and all said about it later.

A breach begins a thread in each place where it is told. What follows about one of its clocks in the same place (repeat,
backup, higher steps, taken, closed) stands in it, also where the breach was told by a digest: then under the digest. A
later breach begins a thread of its own, or a channel would not see it.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from slamon.channels import Channels
from slamon.db.outbox import Notification, NotificationState
from slamon.db.requests import ClockRow, CmoRequest
from slamon.db.statements import locking
from slamon.domain.terms import REPETITIONS
from slamon.domain.timeline import Fact
from slamon.services.outbox.message_keys import MessageKey
from slamon.services.outbox.outbox import outbox_row
from slamon.services.transaction import Tx
from slamon.wording.message import BREACH_KINDS, MessageKind

# Said in the thread of an escalation, where there is one. A breach begins it.
IN_THREAD = (BREACH_KINDS - {MessageKind.LIMIT}) | {MessageKind.TAKEN, MessageKind.CLOSING, MessageKind.WITHDRAWN}
LEFT_OR_LEAVING = frozenset({NotificationState.SENT, NotificationState.SENDING, NotificationState.UNKNOWN})


@dataclass(slots=True)
class Escalation:
    """What was told in one place, by `first` and by what followed about its clocks."""

    first: Notification
    rows: list[Notification] = field(default_factory=list)

    @property
    def clocks(self) -> set[str]:
        return {clock for row in self.rows for clock in row.clocks}

    def key_of(self, kind: MessageKind) -> str:
        """The dedupe key of a message that is said once in this thread."""
        key = MessageKey.parse(self.first.dedupe_key)
        return str(replace(key, kind=kind)) if key else f"{kind.value}/{self.first.id}"

    def row_in_thread(self, tx: Tx, key: str, kind: MessageKind, sequence: int) -> dict[str, Any]:
        """An outbox row that says in this thread what came of it, by the fact `sequence`."""
        first = self.first
        return outbox_row(
            tx, key, kind, first.channel, first.address,
            request_id=first.request_id, person_id=first.person_id, clocks=first.clocks, fact_sequence=sequence,
            told_as=first.told_as, instead_of=first.instead_of,
        )  # fmt: skip

    @property
    def is_withdrawn(self) -> bool:
        return all(row.withdrawn_by for row in self.rows)


def escalations_in(rows: Iterable[Notification], channels: Channels) -> list[Escalation]:
    """The escalations of one request that began a thread, or are about to; `rows` in order of their ids."""
    found: list[Escalation] = []
    for row in rows:
        begins_thread = row.channel in channels.with_threads and row.kind in BREACH_KINDS
        if not begins_thread or row.state not in LEFT_OR_LEAVING:
            continue
        own = [] if row.kind == MessageKind.LIMIT else [each for each in found if _belongs(row, each)]
        if own:
            own[-1].rows.append(row)
        else:
            found.append(Escalation(row, [row]))
    return found


def thread_of(row: Notification, told: Sequence[Notification], channels: Channels) -> str | None:
    """The receipt of the message under which `row` is to stand; None for no thread.

    `told` is what `told_in_threads` finds of its request; nothing is needed where the kind is not one `IN_THREAD`.
    """
    if row.kind not in IN_THREAD:
        return None
    own = [
        each for each in escalations_in((each for each in told if each.id < row.id), channels) if _belongs(row, each)
    ]
    sent = [each for each in own[-1].rows if each.state == NotificationState.SENT and each.sent_at] if own else []
    # The first that left: another that is found to have left later must not move the thread between two attempts.
    return min(sent, key=lambda each: (each.sent_at, each.id)).provider_id if sent else None


def taken_rows(tx: Tx, request: CmoRequest, fact: Fact) -> list[dict[str, Any]]:
    """Outbox rows that say, in each thread of an escalation that still runs, who has taken it; once for each taker."""
    statement = select(ClockRow).where(ClockRow.request_id == request.id, ClockRow.stopped_at.is_(None))
    running = {str(clock.clock_id) for clock in tx.session.scalars(statement)}
    return [
        each.row_in_thread(tx, f"{each.key_of(MessageKind.TAKEN)}/{fact.by.id}", MessageKind.TAKEN, fact.sequence)
        for each in escalations_in(told_in_threads(tx, [request.id])[request.id], tx.rules.channels)
        if each.clocks & running and not each.is_withdrawn
    ]


def silence_repeats(session: Session, request: CmoRequest) -> None:
    """Drop what waits only to repeat an escalation that has just been taken."""
    waiting = (Notification.request_id == request.id, Notification.state == NotificationState.QUEUED)
    # Locked: one may be leaving just now.
    for row in session.scalars(locking(select(Notification).where(*waiting).order_by(Notification.id))):
        if row.kind in REPETITIONS:
            row.state = NotificationState.SUPPRESSED.value


def told_in_threads(tx: Tx, request_ids: Collection[UUID]) -> defaultdict[UUID, list[Notification]]:
    """The breaches that channels with threads were to tell of each request, in order of their ids."""
    found = defaultdict[UUID, list[Notification]](list)
    statement = select(Notification).where(
        Notification.request_id.in_(request_ids),
        Notification.channel.in_(tx.rules.channels.with_threads),
        Notification.kind.in_(BREACH_KINDS),
    )
    for row in tx.session.scalars(statement.order_by(Notification.id)) if request_ids else ():
        if row.request_id:
            found[row.request_id].append(row)
    return found


def _belongs(row: Notification, escalation: Escalation) -> bool:
    place = escalation.first.channel, escalation.first.address
    return (row.channel, row.address) == place and bool(set(row.clocks) & escalation.clocks)
