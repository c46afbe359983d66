"""Whether everybody was told: the steps that stand compared with the messages there are, whatever became of them."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from slamon.db.outbox import Notification
from slamon.db.requests import CrossingRow, CrossingStatus, by_request
from slamon.domain.clocks.state import ClockId
from slamon.domain.terms import REPETITIONS, Level
from slamon.services.outbox.retractions import Said, said_of
from slamon.wording.message import LADDER_KINDS


def passed_steps(session: Session, ids: Sequence[UUID]) -> defaultdict[UUID, list[CrossingRow]]:
    """The crossings of each of these requests."""
    return by_request(session.scalars(select(CrossingRow).where(CrossingRow.request_id.in_(ids))))


def messages_said(session: Session, ids: Sequence[UUID]) -> defaultdict[UUID, set[Said]]:
    """What the messages about each of these requests say of its clocks."""
    columns = (Notification.request_id, Notification.kind, Notification.clocks, Notification.crossed_at)
    found = defaultdict[UUID, set[Said]](set)
    for request_id, kind, clocks, at in session.execute(
        select(*columns).where(Notification.request_id.in_(ids), Notification.kind.in_(LADDER_KINDS))
    ):
        if request_id is not None:
            found[request_id].update(Said(clock, kind, at) for clock in clocks)
    return found


def silent_steps(
    running: Collection[ClockId], rows: Sequence[CrossingRow], said: Collection[Said]
) -> Iterator[CrossingRow]:
    """Crossings of which somebody should have been told and was not.

    Those are the last of each running clock that stands and does not merely repeat, and any that is said to have been
    told while there is no message.
    """
    standing = [row for row in rows if row.status == CrossingStatus.OPEN]
    for row in rows:
        told = said_of(row)
        if row.notified and told not in said and told._replace(crossed_at=None) not in said:
            yield row
    for clock in running:
        own = [row for row in standing if row.clock_id == clock and row.level not in REPETITIONS]
        last = max((_order(row) for row in own), default=None)
        yield from (row for row in own if _order(row) == last and row.untold)


def _order(row: CrossingRow) -> tuple[object, int]:
    return row.crossed_at, Level(row.level).rank
