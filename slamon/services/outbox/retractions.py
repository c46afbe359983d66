"""What becomes of messages about steps that hold no more: dropped while they wait, closed or withdrawn when they left.

A clock that has stopped ends its escalation: one closing line in its thread. A breach that a late fact or other terms
have undone was never one: whoever was told of it hears that once, in the thread where there was one, else by mail.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from slamon.db.outbox import Notification, NotificationState
from slamon.db.requests import CmoRequest, CrossingRow
from slamon.db.statements import locking
from slamon.domain.terms import REPETITIONS
from slamon.services.outbox.message_keys import MessageKey, about_crossing, reader_key
from slamon.services.outbox.outbox import outbox_row, queue
from slamon.services.outbox.threads import LEFT_OR_LEAVING, escalations_in
from slamon.services.transaction import Tx
from slamon.wording.message import BREACH_KINDS, LADDER_KINDS, MessageKind


class Said(NamedTuple):
    """What a message of the ladder says of a clock: that it passed a step of this level at this instant."""

    clock: str
    level: str
    crossed_at: datetime | None


def said_of(row: CrossingRow) -> Said:
    return Said(str(row.clock_id), row.level, row.crossed_at)


def clocks_holding(row: Notification, standing: Collection[Said]) -> list[str]:
    """The clocks of which it is still true what the message says. Messages older than their instants hold always."""
    if row.crossed_at is None:
        return list(row.clocks)
    return [clock for clock in row.clocks if Said(clock, row.kind, row.crossed_at) in standing]


def retract(
    tx: Tx, request: CmoRequest, *, running: set[str], standing: Collection[Said], rescinded: Sequence[CrossingRow]
) -> list[dict[str, Any]]:
    """Drop the waiting messages that hold no more, withdraw the breaches just `rescinded`; returns the closing lines.

    `running` are the clocks that have not stopped. A rescinded crossing becomes untold where its message was dropped or
    withdrawn: should it stand again, its readers are owed it again.
    """
    undone = {said_of(row): row for row in rescinded if said_of(row) not in standing}
    withdrawn: defaultdict[UUID | None, list[Notification]] = defaultdict(list)
    rows = _locked(tx.session, request.id)
    leaving_digests = _leaving(tx.session, {row.digest_id for row in rows if row.digest_id})
    for row in rows:
        taken_back = [undone[told] for told in _said_by(row) if told in undone]
        has_left = row.state in LEFT_OR_LEAVING or row.digest_id in leaving_digests
        if has_left and row.kind in BREACH_KINDS and taken_back:
            withdrawn[row.person_id].append(row)
            _owe_again(taken_back)
        holding = clocks_holding(row, standing)
        if running.intersection(holding):
            continue
        if row.state in (NotificationState.QUEUED, NotificationState.FOLDED) and not has_left:
            row.state = NotificationState.SUPPRESSED.value
            _owe_again(taken_back)
    _withdraw(tx, request, withdrawn, undone)
    return [
        over.row_in_thread(tx, over.key_of(MessageKind.CLOSING), MessageKind.CLOSING, request.fact_count)
        for over in escalations_in(rows, tx.rules.channels)
        if not running & over.clocks and any(clocks_holding(row, standing) for row in over.rows)
    ]


def _locked(session: Session, request_id: UUID) -> Sequence[Notification]:
    """The request's messages of the ladder, locked: one may be leaving just now."""
    statement = select(Notification).where(Notification.request_id == request_id, Notification.kind.in_(LADDER_KINDS))
    return session.scalars(locking(statement.order_by(Notification.id))).all()


def _leaving(session: Session, digests: set[UUID]) -> set[UUID]:
    if not digests:
        return set()
    statement = select(Notification.id).where(Notification.id.in_(digests), Notification.state.in_(LEFT_OR_LEAVING))
    return set(session.scalars(statement))


def _said_by(row: Notification) -> list[Said]:
    return [Said(clock, row.kind, row.crossed_at) for clock in row.clocks]


def _owe_again(rows: Sequence[CrossingRow]) -> None:
    for row in rows:
        row.untold = row.level not in REPETITIONS


def _withdraw(
    tx: Tx,
    request: CmoRequest,
    withdrawn: Mapping[UUID | None, Sequence[Notification]],
    undone: Mapping[Said, CrossingRow],
) -> None:
    """One message to each person who was told, whatever they were told of it before; who share a channel share one."""
    heard: defaultdict[tuple[str, str], list[Notification]] = defaultdict(list)
    for told in withdrawn.values():
        via = next((row for row in told if row.channel in tx.rules.channels.with_threads), told[0])
        heard[via.channel, via.address] += told
    keys: dict[str, Sequence[Notification]] = {}
    messages = []
    for (channel, address), told in heard.items():
        person_id = told[0].person_id
        taken_back = [each for row in told for each in _said_by(row) if each in undone]
        clocks = list(dict.fromkeys(each.clock for each in taken_back))
        first = min(each.crossed_at for each in taken_back if each.crossed_at)
        reader = reader_key(tx.rules.channels.or_for_links(channel), address, person_id)
        about = about_crossing(clocks, first, request.fact_count)
        key = MessageKey(request.number, MessageKind.WITHDRAWN, about, channel, reader)
        keys[str(key)] = told
        messages.append(
            outbox_row(
                tx, str(key), MessageKind.WITHDRAWN, channel, address,
                request_id=request.id, person_id=person_id, clocks=clocks, crossed_at=first,
                fact_sequence=request.fact_count, detail=undone[taken_back[0]].rescinded_reason,
                told_as=told[0].told_as, instead_of=told[0].instead_of)
        )  # fmt: skip
    if not messages:
        return
    queue(tx.session, messages)
    statement = select(Notification.dedupe_key, Notification.id).where(Notification.dedupe_key.in_(keys))
    for key_text, notice_id in tx.session.execute(statement).all():
        for row in keys[key_text]:
            row.withdrawn_by = notice_id
