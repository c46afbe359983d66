"""Which deadlines of open requests would move under other terms: page by page, or all of them in the background."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from slamon.db.jobs import Job, JobKind
from slamon.db.paging import id_behind
from slamon.db.requests import CmoRequest
from slamon.domain.stored import as_json, read
from slamon.services.access import jobs
from slamon.services.access.callers import Caller
from slamon.services.access.jobs import AT_ONCE, Step
from slamon.services.access.rights import Deed, allow
from slamon.services.access.visibility import seen_among
from slamon.services.deadlines import term_changes
from slamon.services.deadlines.policy_changes import Finder, of_calendar, of_policy
from slamon.services.deadlines.shutdowns import of_shutdown
from slamon.services.deadlines.term_changes import MovedDeadline, NewTerms, Preview
from slamon.services.transaction import Tx

MOST_COUNTED = 10_000
MOST_LINES = 100_000  # deadlines a job keeps; more are only counted
A_STEP = 100  # requests looked at in one step of a job: about a seventh of a second

FINDERS: Mapping[JobKind, Finder] = {
    JobKind.PREVIEW_POLICY: of_policy,
    JobKind.PREVIEW_CALENDAR: of_calendar,
    JobKind.PREVIEW_SHUTDOWN: of_shutdown,
}


def preview(tx: Tx, kind: JobKind, record_id: UUID, *, by: Caller, cursor: str | None = None) -> Preview:
    """What would move among the next open requests if the record were applied to them.

    A page looks at `AT_ONCE` requests, so it may hold fewer deadlines than the next, or none. Raises NotFound, and
    Invalid for a cursor of another list.
    """
    allow(by, Deed.READ_RECORDS)
    new = FINDERS[kind](tx, record_id, by)
    after = id_behind(cursor) if cursor is not None else None
    return term_changes.preview(tx, new, by=by, most=AT_ONCE, after=after)


def count_in_scope(tx: Tx, kind: JobKind, record_id: UUID, *, by: Caller, most: int = MOST_COUNTED) -> int:
    """How many open requests a preview looks through; no more than `most` are counted. Raises NotFound."""
    allow(by, Deed.READ_RECORDS)
    return term_changes.count_open(tx.session, FINDERS[kind](tx, record_id, by), by=by, most=most)


def ask(tx: Tx, kind: JobKind, record_id: UUID, *, by: Caller) -> Job:
    """A job that looks through all of them. Raises NotFound for a record the caller does not see, Conflict."""
    allow(by, Deed.READ_RECORDS)
    FINDERS[kind](tx, record_id, by)
    return jobs.ask(tx, kind, {}, by=by, subject_id=record_id)


@dataclass(frozen=True, slots=True)
class Totals:
    """What such a job has found so far. `moved` counts deadlines, also those beyond `MOST_LINES`."""

    looked_at: int = 0
    moved: int = 0
    breaches_at_once: int = 0

    @classmethod
    def of(cls, job: Job) -> "Totals":
        return read(cls, job.found)


_AFTER = "after"


def count(tx: Tx, job: Job, by: Caller) -> int:
    """How many requests the job has to look at."""
    return term_changes.count_open(tx.session, _terms_of(tx, job, by), by=by)


def step(tx: Tx, job: Job, by: Caller) -> Step:
    """What would move among the next requests of the job."""
    allow(by, Deed.READ_RECORDS)
    after = UUID(job.found[_AFTER]) if _AFTER in job.found else None
    page = term_changes.preview(tx, _terms_of(tx, job, by), by=by, most=A_STEP, after=after)
    before, breaching = Totals.of(job), sum(each.breaches_at_once for each in page.moved)
    totals = Totals(
        before.looked_at + page.looked_at, before.moved + len(page.moved), before.breaches_at_once + breaching
    )
    place = {} if page.last is None else {_AFTER: str(page.last)}
    lines = [as_json(each) for each in page.moved[: max(MOST_LINES - job.line_count, 0)]]
    return Step({**as_json(totals), **place}, page.examined, is_last=page.last is None, lines=lines)


def moved_by(
    session: Session, job: Job, *, by: Caller, after: int = 0, most: int
) -> tuple[list[MovedDeadline], int | None]:
    """Deadlines the job has found, from the one behind number `after`; and the number to go on behind, if any.

    Those of requests that the caller may read no longer are left out.
    """
    rows, following = jobs.page_of(session, job.id, after=after, most=most)
    moved = [read(MovedDeadline, row) for row in rows]
    seen = seen_among(session, CmoRequest, [each.request_id for each in moved], by=by)
    return [each for each in moved if each.request_id in seen], following


def _terms_of(tx: Tx, job: Job, by: Caller) -> NewTerms:
    assert job.subject_id is not None  # noqa: S101  (`ask` names one)
    return FINDERS[JobKind(job.kind)](tx, job.subject_id, by)
