"""What a shutdown's page shows of the deadlines it would move: at once, or as far as the visitor's own job has come."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from slamon.db.jobs import Job, JobKind
from slamon.domain.clocks.state import ClockId
from slamon.errors import Conflict
from slamon.services.access import jobs
from slamon.services.access.jobs import AT_ONCE
from slamon.services.deadlines import previews
from slamon.services.deadlines.previews import Totals
from slamon.services.deadlines.term_changes import MovedDeadline
from slamon.services.transaction import Tx
from slamon.web.session import Visit
from slamon.web.view.countdowns import name_of
from slamon.web.view.instants import Moment, Zones
from slamon.wording.words import Words

MOST_MOVED = 200  # deadlines listed on a page


@dataclass(frozen=True, slots=True)
class Moved:
    """A deadline that would move, for its reader; None where there is or would be none."""

    request_id: UUID
    number: str
    clock: str
    target: tuple[Moment | None, Moment | None]
    limit: tuple[Moment | None, Moment | None]
    breaches_at_once: bool


@dataclass(frozen=True, slots=True)
class Moves:
    """The first deadlines of those that would move, and the totals as far as they are known.

    `job` is the visitor's own, where there are so many open requests that nobody waits for the answer: None until they
    ask. `age` is how long ago that was.
    """

    listed: Sequence[Moved]
    totals: Totals
    is_long: bool = False
    job: Job | None = None
    age: timedelta = timedelta()

    @property
    def are_known(self) -> bool:
        return not self.is_long or (self.job is not None and self.job.is_done)

    @property
    def are_under_way(self) -> bool:
        return self.job is not None and not self.job.has_ended

    @property
    def may_be_any(self) -> bool:
        """Whether there is, or may be, something to move."""
        return bool(self.totals.moved) or not self.are_known


def moves_of(tx: Tx, shutdown_id: UUID, zones: Zones, visit: Visit, words: Words) -> Moves:
    if not _is_long(tx, shutdown_id, visit):
        page = previews.preview(tx, JobKind.PREVIEW_SHUTDOWN, shutdown_id, by=visit.caller)
        breaching = sum(each.breaches_at_once for each in page.moved)
        totals = Totals(page.looked_at, len(page.moved), breaching)
        return Moves([_moved(tx, each, zones, words) for each in page.moved[:MOST_MOVED]], totals)
    job = jobs.latest(tx.session, JobKind.PREVIEW_SHUTDOWN, shutdown_id, by=visit.caller)
    if job is None:
        return Moves((), Totals(), is_long=True)
    moved, _ = previews.moved_by(tx.session, job, by=visit.caller, most=MOST_MOVED)
    listed = [_moved(tx, each, zones, words) for each in moved]
    return Moves(listed, Totals.of(job), is_long=True, job=job, age=visit.real_now - job.asked_at)


def ask_if_long(tx: Tx, shutdown_id: UUID, visit: Visit) -> None:
    """Let it be worked out in the background where it takes long; not where the visitor has too much under way."""
    if _is_long(tx, shutdown_id, visit):
        with suppress(Conflict):
            ask(tx, shutdown_id, visit)


def ask(tx: Tx, shutdown_id: UUID, visit: Visit) -> None:
    """Raises Conflict for a visitor who has too much under way."""
    previews.ask(tx, JobKind.PREVIEW_SHUTDOWN, shutdown_id, by=visit.caller)


def _is_long(tx: Tx, shutdown_id: UUID, visit: Visit) -> bool:
    count = previews.count_in_scope(tx, JobKind.PREVIEW_SHUTDOWN, shutdown_id, by=visit.caller, most=AT_ONCE + 1)
    return count > AT_ONCE


def _moved(tx: Tx, each: MovedDeadline, zones: Zones, words: Words) -> Moved:
    clock = ClockId.parse(each.clock)
    return Moved(
        request_id=each.request_id,
        number=each.number,
        clock=name_of(clock, tx.rules.catalogue.clocks[clock.kind], words.clocks, words.language),
        target=(zones.maybe(each.target_before), zones.maybe(each.target_after)),
        limit=(zones.maybe(each.limit_before), zones.maybe(each.limit_after)),
        breaches_at_once=each.breaches_at_once,
    )
