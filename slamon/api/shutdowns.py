"""Shutdowns of sites: announced, decided on, and what they would move."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from slamon.api.records import SITES
from slamon.api.routes import described, router_at
from slamon.api.term_changes import add_previews, preview_page
from slamon.db import paging
from slamon.db import shutdowns as kept
from slamon.db.jobs import JobKind
from slamon.db.shutdowns import ShutdownStatus
from slamon.http.transaction import Call, ExpectedVersion, Known, Posted, Reply, created, may_on_record, reply
from slamon.schemas.fields import Because
from slamon.schemas.records import ListQuery
from slamon.schemas.shutdowns import Announced, NewShutdown, Shutdown, ShutdownPage
from slamon.schemas.term_changes import Applied
from slamon.services.access.rights import Deed
from slamon.services.access.visibility import sees
from slamon.services.deadlines import shutdowns
from slamon.services.transaction import Tx

router = router_at("/v1", "Shutdowns")


@router.post(
    "/sites/{site_id}/shutdowns",
    **described(
        Announced,
        may_on_record(Deed.ANNOUNCE_SHUTDOWNS),
        "Write down that a site will be closed",
        404,
        409,
        body=True,
        is_new=True,
    ),
    description="On the CMO's word, by a project manager, a lead or an administrator. Nothing closes until the lead of "
    "the CMO agrees. The answer holds the first page of `preview`: which deadlines of open requests would move.",
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
    **described(ShutdownPage, may_on_record(Deed.READ_RECORDS), "List a site's shutdowns, oldest first", 404),
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
    **described(Shutdown, may_on_record(Deed.READ_RECORDS), "Read a shutdown", 404, etag=True),
)
def get_shutdown(call: Known, shutdown_id: UUID) -> Response:
    with call.reading() as tx:
        row = shutdowns.find(tx.session, shutdown_id, by=call.caller)
        return reply(Shutdown.model_validate(row), version=row.version).response()


add_previews(
    router, "/shutdowns", JobKind.PREVIEW_SHUTDOWN, "a shutdown",
    "As if its days were closed for requests already filed, whatever was decided.",
)  # fmt: skip
_DECIDED = (
    "For the lead of the CMO alone; the trail keeps the reason. It counts for requests filed from then on. Saying it "
    "again keeps the first; the opposite may be said later."
)


@router.post(
    "/shutdowns/{shutdown_id}/agree",
    **described(
        Shutdown,
        may_on_record(Deed.DECIDE_SHUTDOWNS),
        "Agree to a shutdown: its days are closed",
        404,
        409,
        412,
        body=True,
        etag=True,
    ),
    description=_DECIDED,
)
def agree_to_shutdown(call: Posted, shutdown_id: UUID, body: Because, expected: ExpectedVersion) -> Response:
    return _decide(call, shutdown_id, ShutdownStatus.AGREED, body.reason, expected)


@router.post(
    "/shutdowns/{shutdown_id}/refuse",
    **described(
        Shutdown,
        may_on_record(Deed.DECIDE_SHUTDOWNS),
        "Refuse a shutdown: its days stay open",
        404,
        412,
        body=True,
        etag=True,
    ),
    description=_DECIDED,
)
def refuse_shutdown(call: Posted, shutdown_id: UUID, body: Because, expected: ExpectedVersion) -> Response:
    return _decide(call, shutdown_id, ShutdownStatus.REFUSED, body.reason, expected)


@router.post(
    "/shutdowns/{shutdown_id}/apply",
    **described(
        Applied,
        may_on_record(Deed.DECIDE_SHUTDOWNS),
        "Close a shutdown's days for open requests too",
        404,
        409,
        body=True,
    ),
    description="For the lead of the CMO, once it is agreed; `preview` tells before what would move. Each request that "
    "changes gets a `terms_changed` fact with the reason.",
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
