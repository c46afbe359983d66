"""Shutdowns of sites: announced, decided on, and what they would move."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from slamon.api.records import SITES
from slamon.api.responses import answers
from slamon.api.term_changes import IN_THE_BACKGROUND, PAGED, ask_preview, preview, preview_page
from slamon.db import paging
from slamon.db import shutdowns as kept
from slamon.db.jobs import JobKind
from slamon.db.shutdowns import ShutdownStatus
from slamon.http.transaction import (
    Call,
    ExpectedVersion,
    Known,
    Posted,
    Reply,
    Route,
    by_key,
    created,
    may_on_record,
    reply,
)
from slamon.schemas.fields import Because
from slamon.schemas.jobs import Job
from slamon.schemas.records import ListQuery
from slamon.schemas.shutdowns import Announced, NewShutdown, Shutdown, ShutdownPage
from slamon.schemas.term_changes import Applied, Preview, PreviewQuery
from slamon.services.access.rights import Deed
from slamon.services.access.visibility import sees
from slamon.services.deadlines import shutdowns
from slamon.services.transaction import Tx

router = APIRouter(prefix="/v1", route_class=Route, dependencies=[by_key], tags=["Shutdowns"])


@router.post(
    "/sites/{site_id}/shutdowns",
    status_code=201,
    response_model=Announced,
    operation_id="announceShutdown",
    summary="Write down that a site will be closed",
    description="On the CMO's word, by a project manager, a lead or an administrator. Nothing closes until the lead of "
    "the CMO agrees. The answer holds the first page of `preview`: which deadlines of open requests would move.",
    responses=answers(404, 409, body=True, etag=201, location=True),
    dependencies=[may_on_record(Deed.ANNOUNCE_SHUTDOWNS)],
)
def announce_shutdown(call: Posted, site_id: UUID, body: NewShutdown) -> Response:
    said = shutdowns.Announcement(body.first_day, body.last_day, body.name, body.announced_by, body.announced_at)

    def work(tx: Tx) -> Reply:
        row = shutdowns.announce(tx, site_id, said, by=call.caller)
        found = preview_page(tx, call, JobKind.PREVIEW_SHUTDOWN, row.id)
        answer = Announced(**Shutdown.model_validate(row).model_dump(), preview=found)
        return created(answer, f"/v1/shutdowns/{row.id}", version=row.version)

    return call.write(work)


@router.get(
    "/sites/{site_id}/shutdowns",
    response_model=ShutdownPage,
    operation_id="listShutdowns",
    summary="List a site's shutdowns, oldest first",
    responses=answers(404),
    dependencies=[may_on_record(Deed.READ_RECORDS)],
)
def list_shutdowns(call: Known, site_id: UUID, query: Annotated[ListQuery, Query()]) -> Response:
    with call.reading() as tx:
        SITES.find(tx, site_id, call)
        page = paging.page_of(
            tx.session,
            kept.Shutdown,
            filters={"site_id": site_id},
            only=sees(call.caller, kept.Shutdown),
            cursor=query.cursor,
            limit=query.limit,
        )
        items = [Shutdown.model_validate(row) for row in page.rows]
    return reply(ShutdownPage(items=items, next_cursor=page.next_cursor)).response()


@router.get(
    "/shutdowns/{shutdown_id}",
    response_model=Shutdown,
    operation_id="getShutdown",
    summary="Read a shutdown",
    responses=answers(404, etag=200),
    dependencies=[may_on_record(Deed.READ_RECORDS)],
)
def get_shutdown(call: Known, shutdown_id: UUID) -> Response:
    with call.reading() as tx:
        row = shutdowns.find(tx.session, shutdown_id, by=call.caller)
        return reply(Shutdown.model_validate(row), version=row.version).response()


@router.get(
    "/shutdowns/{shutdown_id}/preview",
    response_model=Preview,
    operation_id="previewShutdown",
    summary="Which deadlines of open requests a shutdown would move",
    description=f"As if its days were closed for requests already filed, whatever was decided. {PAGED}",
    responses=answers(404),
    dependencies=[may_on_record(Deed.READ_RECORDS)],
)
def preview_shutdown(call: Known, shutdown_id: UUID, query: Annotated[PreviewQuery, Query()]) -> Response:
    return preview(call, JobKind.PREVIEW_SHUTDOWN, shutdown_id, query)


@router.post(
    "/shutdowns/{shutdown_id}/preview",
    status_code=202,
    response_model=Job,
    operation_id="previewWholeShutdown",
    summary="Work out in the background which deadlines a shutdown would move",
    description=IN_THE_BACKGROUND,
    responses=answers(404, 409, job=Job),
    dependencies=[may_on_record(Deed.READ_RECORDS)],
)
def preview_whole_shutdown(call: Posted, shutdown_id: UUID) -> Response:
    return ask_preview(call, JobKind.PREVIEW_SHUTDOWN, shutdown_id)


_DECIDED = (
    "For the lead of the CMO alone; the trail keeps the reason. It counts for requests filed from then on. Saying it "
    "again keeps the first; the opposite may be said later."
)


@router.post(
    "/shutdowns/{shutdown_id}/agree",
    response_model=Shutdown,
    operation_id="agreeToShutdown",
    summary="Agree to a shutdown: its days are closed",
    description=_DECIDED,
    responses=answers(404, 409, 412, body=True, etag=200),
    dependencies=[may_on_record(Deed.DECIDE_SHUTDOWNS)],
)
def agree_to_shutdown(call: Posted, shutdown_id: UUID, body: Because, expected: ExpectedVersion) -> Response:
    return _decide(call, shutdown_id, ShutdownStatus.AGREED, body.reason, expected)


@router.post(
    "/shutdowns/{shutdown_id}/refuse",
    response_model=Shutdown,
    operation_id="refuseShutdown",
    summary="Refuse a shutdown: its days stay open",
    description=_DECIDED,
    responses=answers(404, 412, body=True, etag=200),
    dependencies=[may_on_record(Deed.DECIDE_SHUTDOWNS)],
)
def refuse_shutdown(call: Posted, shutdown_id: UUID, body: Because, expected: ExpectedVersion) -> Response:
    return _decide(call, shutdown_id, ShutdownStatus.REFUSED, body.reason, expected)


@router.post(
    "/shutdowns/{shutdown_id}/apply",
    response_model=Applied,
    operation_id="applyShutdown",
    summary="Close a shutdown's days for open requests too",
    description="For the lead of the CMO, once it is agreed; `preview` tells before what would move. Each request that "
    "changes gets a `terms_changed` fact with the reason.",
    responses=answers(404, 409, body=True),
    dependencies=[may_on_record(Deed.DECIDE_SHUTDOWNS)],
)
def apply_shutdown(call: Posted, shutdown_id: UUID, body: Because) -> Response:
    def work(tx: Tx) -> Reply:
        applied = shutdowns.apply_to_open(tx, shutdown_id, by=call.caller, reason=body.reason)
        return reply(Applied(requests=applied))

    return call.write(work)


def _decide(call: Call, shutdown_id: UUID, status: ShutdownStatus, reason: str, expected: int | None) -> Response:
    def work(tx: Tx) -> Reply:
        row = shutdowns.decide(tx, shutdown_id, status, by=call.caller, reason=reason, expected_version=expected)
        return reply(Shutdown.model_validate(row), version=row.version)

    return call.write(work)
