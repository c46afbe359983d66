"""Jobs: long questions worked out in the background, for whoever asked alone."""

from dataclasses import asdict
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Response
from pydantic import Field

from slamon.api.routes import described, router_at
from slamon.db import jobs as kept
from slamon.db import paging
from slamon.db.jobs import JobKind, JobState
from slamon.errors import Invalid
from slamon.http.transaction import Known, Reply, may, may_on_record, reply
from slamon.schemas.jobs import (
    CmoChange,
    Job,
    JobPage,
    LeadChange,
    MovedDeadline,
    MovedPage,
    PreviewTotals,
    WhatIfAnswer,
)
from slamon.schemas.records import ListQuery
from slamon.services.access import jobs
from slamon.services.access.rights import Deed
from slamon.services.deadlines import previews
from slamon.services.deadlines.previews import FINDERS, Totals
from slamon.services.reports import what_if

router = router_at("/v1/jobs", "Jobs")


class MovedQuery(ListQuery):
    cursor: Annotated[str | None, Field(pattern="^[0-9]{1,9}$", description="`next_cursor` of the page before.")] = None


@router.get("", **described(JobPage, may(Deed.READ_RECORDS), "List one's own jobs, oldest first"))
def list_jobs(call: Known, query: Annotated[ListQuery, Query()]) -> Response:
    with call.reading() as tx:
        page = paging.page_of(
            tx.session, kept.Job, filters={}, only=kept.Job.asked_by == call.caller.id,
            cursor=query.cursor, limit=query.limit,
        )  # fmt: skip
        items = [told(row) for row in page.rows]
    return reply(JobPage(items=items, next_cursor=page.next_cursor)).response()


@router.get(
    "/{job_id}", **described(Job, may_on_record(Deed.READ_RECORDS), "Read how far a job is, and what it found", 404)
)
def get_job(call: Known, job_id: UUID) -> Response:
    with call.reading() as tx:
        return reply(told(jobs.find(tx.session, job_id, by=call.caller))).response()


@router.get(
    "/{job_id}/moved",
    **described(MovedPage, may_on_record(Deed.READ_RECORDS), "List the deadlines that a preview has found", 404),
    description=f"The first {previews.MOST_LINES:,} of them; those of requests that the caller may read no longer are "
    "left out.",
)
def list_moved(call: Known, job_id: UUID, query: Annotated[MovedQuery, Query()]) -> Response:
    with call.reading() as tx:
        job = jobs.find(tx.session, job_id, by=call.caller)
        if job.kind not in FINDERS:
            raise Invalid("job_id", "is no preview")
        after = int(query.cursor or 0)
        moved, following = previews.moved_by(tx.session, job, by=call.caller, after=after, most=query.limit)
    items = [MovedDeadline.model_validate(each) for each in moved]
    return reply(MovedPage(items=items, next_cursor=str(following) if following else None)).response()


def accepted(job: kept.Job) -> Reply:
    """202: the job, and where to ask for it."""
    return Reply(told(job).model_dump_json(), 202, {"Location": f"/v1/jobs/{job.id}"})


def told(job: kept.Job) -> Job:
    columns: dict[str, Any] = {
        name: getattr(job, name)
        for name in ("id", "kind", "subject_id", "state", "done", "total", "failure", "asked_at", "expires_at")
    }
    is_preview, is_what_if = job.kind in FINDERS, job.kind == JobKind.WHAT_IF and job.state == JobState.DONE
    return Job(
        **columns,
        preview=PreviewTotals.model_validate(Totals.of(job)) if is_preview else None,
        what_if=by_name(what_if.answer_of(job)) if is_what_if else None,
    )


def by_name(found: what_if.WhatIf) -> WhatIfAnswer:
    """Its CMOs and leads in the order of their names."""
    cmos = [CmoChange(cmo_id=cmo_id, **asdict(change)) for cmo_id, change in found.cmos.items()]
    leads = [
        LeadChange(
            person_id=person,
            name=name,
            escalations=found.escalations[person],
            escalations_under_draft=found.escalations_under_draft[person],
        )
        for person, name in found.leads.items()
    ]
    return WhatIfAnswer(
        looked_at=found.looked_at,
        covered=found.covered,
        cmos=sorted(cmos, key=lambda cmo: cmo.name),
        leads=sorted(leads, key=lambda lead: lead.name),
    )
