"""Applying a policy line or a changed calendar to open requests: what would move, and doing it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from slamon.api.jobs import accepted
from slamon.api.responses import answers
from slamon.db.jobs import JobKind
from slamon.db.paging import cursor_after
from slamon.http.transaction import Call, Known, Posted, Reply, Route, by_key, may_on_record, reply
from slamon.schemas.fields import Because
from slamon.schemas.jobs import Job, MovedDeadline
from slamon.schemas.term_changes import Applied, Preview, PreviewQuery
from slamon.services.access.jobs import AT_ONCE
from slamon.services.access.rights import Deed
from slamon.services.deadlines import policy_changes, previews
from slamon.services.deadlines.policy_changes import Finder
from slamon.services.transaction import Tx

router = APIRouter(prefix="/v1", route_class=Route, dependencies=[by_key])


PAGED = (
    f"A page looks at up to {AT_ONCE} open requests, the oldest first. `POST` to the same address looks through all of "
    "them in the background."
)
IN_THE_BACKGROUND = (
    "The answer is a job, for its caller alone: `GET /v1/jobs/{id}` says how far it is and in the end how many "
    "deadlines would move, `GET /v1/jobs/{id}/moved` lists them. While one is under way the same question gets the "
    "same job."
)
_EACH_SAYS_SO = (
    "`preview` tells before what would move. Each request gets a `terms_changed` fact with the reason. What has "
    "stopped keeps the terms it stopped under."
)


@router.get(
    "/policies/{policy_id}/preview",
    response_model=Preview,
    operation_id="previewPolicy",
    tags=["Policies"],
    summary="Which deadlines of open requests a policy line would move",
    description=f"As if the line were applied to the open requests it would win if they were filed now. {PAGED}",
    responses=answers(404),
    dependencies=[may_on_record(Deed.READ_RECORDS)],
)
def preview_policy(call: Known, policy_id: UUID, query: Annotated[PreviewQuery, Query()]) -> Response:
    return preview(call, JobKind.PREVIEW_POLICY, policy_id, query)


@router.post(
    "/policies/{policy_id}/preview",
    status_code=202,
    response_model=Job,
    operation_id="previewWholePolicy",
    tags=["Policies"],
    summary="Work out in the background which deadlines a policy line would move",
    description=IN_THE_BACKGROUND,
    responses=answers(404, 409, job=Job),
    dependencies=[may_on_record(Deed.READ_RECORDS)],
)
def preview_whole_policy(call: Posted, policy_id: UUID) -> Response:
    return ask_preview(call, JobKind.PREVIEW_POLICY, policy_id)


@router.post(
    "/policies/{policy_id}/apply",
    response_model=Applied,
    operation_id="applyPolicy",
    tags=["Policies"],
    summary="Apply a policy line to open requests",
    description=f"To those it would win if they were filed now; {_EACH_SAYS_SO}",
    responses=answers(404, 409, body=True),
    dependencies=[may_on_record(Deed.APPLY_TERMS)],
)
def apply_policy(call: Posted, policy_id: UUID, body: Because) -> Response:
    return _apply(call, policy_changes.of_policy, policy_id, body.reason)


@router.get(
    "/calendars/{calendar_id}/preview",
    response_model=Preview,
    operation_id="previewCalendar",
    tags=["Calendars"],
    summary="Which deadlines of open requests a changed calendar would move",
    description="As if the open requests of its sites were under the calendar as it is now, agreed shutdowns included. "
    f"{PAGED}",
    responses=answers(404),
    dependencies=[may_on_record(Deed.READ_RECORDS)],
)
def preview_calendar(call: Known, calendar_id: UUID, query: Annotated[PreviewQuery, Query()]) -> Response:
    return preview(call, JobKind.PREVIEW_CALENDAR, calendar_id, query)


@router.post(
    "/calendars/{calendar_id}/preview",
    status_code=202,
    response_model=Job,
    operation_id="previewWholeCalendar",
    tags=["Calendars"],
    summary="Work out in the background which deadlines a changed calendar would move",
    description=IN_THE_BACKGROUND,
    responses=answers(404, 409, job=Job),
    dependencies=[may_on_record(Deed.READ_RECORDS)],
)
def preview_whole_calendar(call: Posted, calendar_id: UUID) -> Response:
    return ask_preview(call, JobKind.PREVIEW_CALENDAR, calendar_id)


@router.post(
    "/calendars/{calendar_id}/apply",
    response_model=Applied,
    operation_id="applyCalendar",
    tags=["Calendars"],
    summary="Apply a changed calendar to open requests",
    description=f"To those of its sites, with the shutdowns agreed for them; {_EACH_SAYS_SO}",
    responses=answers(404, 409, body=True),
    dependencies=[may_on_record(Deed.APPLY_TERMS)],
)
def apply_calendar(call: Posted, calendar_id: UUID, body: Because) -> Response:
    return _apply(call, policy_changes.of_calendar, calendar_id, body.reason)


def preview_page(tx: Tx, call: Call, kind: JobKind, record_id: UUID, cursor: str | None = None) -> Preview:
    found = previews.preview(tx, kind, record_id, by=call.caller, cursor=cursor)
    return Preview(
        in_scope=previews.count_in_scope(tx, kind, record_id, by=call.caller),
        looked_at=found.looked_at,
        moved=[MovedDeadline.model_validate(each) for each in found.moved],
        next_cursor=cursor_after(found.last) if found.last else None,
    )


def preview(call: Call, kind: JobKind, record_id: UUID, query: PreviewQuery) -> Response:
    with call.reading() as tx:
        page = preview_page(tx, call, kind, record_id, query.cursor)
    return reply(page).response()


def ask_preview(call: Call, kind: JobKind, record_id: UUID) -> Response:
    def work(tx: Tx) -> Reply:
        return accepted(previews.ask(tx, kind, record_id, by=call.caller))

    return call.write(work)


def _apply(call: Call, find_new: Finder, record_id: UUID, reason: str) -> Response:
    def work(tx: Tx) -> Reply:
        applied = policy_changes.apply(tx, find_new, record_id, by=call.caller, reason=reason)
        return reply(Applied(requests=applied))

    return call.write(work)
