"""Works off long questions: a turn of short steps, each stored before the next one begins.

A step reads in a transaction of its own and is stored in another, so nobody waits for it. Whoever dies leaves the job
as its last step left it; it is leased again once its lease has ended.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import structlog

from slamon.db.jobs import Job, JobKind
from slamon.errors import SlamonError, Unavailable
from slamon.runtime import Runtime
from slamon.services.access import jobs
from slamon.services.access.callers import Caller, caller_again
from slamon.services.access.jobs import MOST_TRIES, Step
from slamon.services.deadlines import previews
from slamon.services.reports import outstanding_items, what_if
from slamon.services.transaction import Tx

TURN_SECONDS = 1.0  # after which another job has its turn

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Work:
    """How a kind of job is done: how many requests it has to look at, and its next step."""

    count: Callable[[Tx, Job, Caller], int]
    step: Callable[[Tx, Job, Caller], Step]


_PREVIEW = Work(previews.count, previews.step)
WORK: Mapping[JobKind, Work] = {
    JobKind.PREVIEW_POLICY: _PREVIEW,
    JobKind.PREVIEW_CALENDAR: _PREVIEW,
    JobKind.PREVIEW_SHUTDOWN: _PREVIEW,
    JobKind.WHAT_IF: Work(what_if.count, what_if.step),
    JobKind.OWED: Work(outstanding_items.count, outstanding_items.step),
}


def work_on_job(runtime: Runtime, job_id: UUID) -> None:
    """One turn of a leased job. What goes wrong for good ends it, and its caller reads why."""
    until = runtime.clock.monotonic() + TURN_SECONDS
    try:
        while _step(runtime, job_id):
            if runtime.clock.monotonic() >= until:
                break
    except Unavailable:
        raise
    except SlamonError as error:
        _give_up(runtime, job_id, str(error))
    except Exception:  # tried again when its lease ends, a few times
        log.exception("job_step_failed", job=str(job_id))
    else:
        with runtime.write() as tx:
            jobs.hand_back(tx, job_id)


def _step(runtime: Runtime, job_id: UUID) -> bool:
    """Whether there is another step to make."""
    with runtime.read() as tx:
        job = tx.session.get(Job, job_id)
        if job is None or job.has_ended:
            return False
        if job.tries > MOST_TRIES:
            raise SlamonError("This could not be worked out; the log of slamon says why.")
        by, work = caller_again(tx.session, job.asked_by), WORK[JobKind(job.kind)]
        total = work.count(tx, job, by) if job.total is None else job.total
        step = work.step(tx, job, by)
    runtime.reach("before_step_commit")
    with runtime.write() as tx:
        again_at = tx.real_now + timedelta(seconds=runtime.settings.hand_over_seconds)
        is_stored = jobs.store(tx, job, step, total=total, again_at=again_at)
    runtime.reach("after_step_commit")
    return is_stored and not step.is_last


def _give_up(runtime: Runtime, job_id: UUID, why: str) -> None:
    log.warning("job_given_up", job=str(job_id))
    with runtime.db.write() as session:
        jobs.give_up(session, job_id, why)
