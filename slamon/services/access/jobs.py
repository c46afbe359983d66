"""Long answers in the background: asking for one, storing each step, reading what was found.

Nothing here knows what a job works out. A question that looks at no more than `AT_ONCE` requests is answered while the
caller waits and never becomes a job.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from slamon.db.base import new_id
from slamon.db.jobs import Job, JobKind, JobLine, JobState
from slamon.db.statements import change_rows
from slamon.errors import Conflict, NotFound
from slamon.services.access.callers import Caller
from slamon.services.transaction import Tx

AT_ONCE = 200  # requests looked at while somebody waits for the answer: about a third of a second
MOST_UNDER_WAY = 5  # jobs of one caller
KEPT_FOR = timedelta(days=1)
MOST_TRIES = 5  # begun in vain, before a job is given up


@dataclass(frozen=True, slots=True)
class Step:
    """What one step found: the whole of `Job.found` as it is now, further lines, and how many requests it looked at."""

    found: Mapping[str, Any]
    looked_at: int
    is_last: bool
    lines: Sequence[Any] = ()


def ask(tx: Tx, kind: JobKind, question: Mapping[str, Any], *, by: Caller, subject_id: UUID | None = None) -> Job:
    """A job that works this out; the one under way where the caller has asked the same already.

    What they may read is asked again at every step. Raises Conflict for too many at once.
    """
    under_way = tx.session.scalars(
        select(Job).where(Job.asked_by == by.id, Job.wake_at.is_not(None), Job.expires_at > tx.real_now)
    ).all()
    for job in under_way:
        if (job.kind, job.subject_id, job.question) == (kind, subject_id, question):
            return job
    if len(under_way) >= MOST_UNDER_WAY:
        raise Conflict(f"{MOST_UNDER_WAY} of your jobs are under way; wait for one of them to end.")
    job = Job(
        id=new_id(),
        kind=kind.value,
        subject_id=subject_id,
        asked_by=by.id,
        question=dict(question),
        asked_at=tx.real_now,
        wake_at=tx.real_now,
        expires_at=tx.real_now + KEPT_FOR,
    )
    tx.session.add(job)
    tx.session.flush()
    return job


def find(session: Session, job_id: UUID, *, by: Caller, kind: JobKind | None = None) -> Job:
    """Raises NotFound, for somebody else's and for one of another kind too."""
    job = session.get(Job, job_id)
    if job is None or job.asked_by != by.id or kind not in (None, job.kind):
        raise NotFound("job", job_id)
    return job


def latest(session: Session, kind: JobKind, subject_id: UUID, *, by: Caller) -> Job | None:
    """The last that the caller asked of this kind about this record."""
    own = select(Job).where(Job.asked_by == by.id, Job.kind == kind, Job.subject_id == subject_id)
    return session.scalars(own.order_by(Job.id.desc()).limit(1)).one_or_none()


def page_of(session: Session, job_id: UUID, *, after: int, most: int) -> tuple[list[Any], int | None]:
    """Lines found so far, in order, from the one behind number `after`; and the number to go on behind, if there are
    more."""
    statement = select(JobLine).where(JobLine.job_id == job_id, JobLine.number > after)
    rows = session.scalars(statement.order_by(JobLine.number).limit(most + 1)).all()
    return [row.content for row in rows[:most]], rows[most - 1].number if len(rows) > most else None


def store(tx: Tx, job: Job, step: Step, *, total: int, again_at: datetime) -> bool:
    """Store a step that was made from `job` as it was read; whether nobody else had stored that step before.

    Whoever made it keeps the job until `again_at`.
    """
    values = {
        "state": JobState.DONE if step.is_last else JobState.RUNNING,
        "total": total,
        "done": job.done + step.looked_at,
        "steps": job.steps + 1,
        "tries": 0,
        "found": dict(step.found),
        "line_count": job.line_count + len(step.lines),
        "wake_at": None if step.is_last else again_at,
    }
    if step.is_last:
        values["expires_at"] = tx.real_now + KEPT_FOR
    is_current = (Job.id == job.id, Job.steps == job.steps, Job.wake_at.is_not(None))
    if not change_rows(tx.session, update(Job).where(*is_current).values(values)):
        return False
    if step.lines:
        numbered = enumerate(step.lines, job.line_count + 1)
        tx.session.execute(
            insert(JobLine), [{"job_id": job.id, "number": number, "content": line} for number, line in numbered]
        )
    return True


def hand_back(tx: Tx, job_id: UUID) -> None:
    """The job waits for its next turn, behind the others."""
    change_rows(tx.session, update(Job).where(Job.id == job_id, Job.wake_at.is_not(None)).values(wake_at=tx.real_now))


def give_up(session: Session, job_id: UUID, why: str) -> None:
    """End a job that cannot be worked out; its caller reads why."""
    values = {"state": JobState.FAILED, "failure": why, "wake_at": None}
    change_rows(session, update(Job).where(Job.id == job_id, Job.wake_at.is_not(None)).values(values))
