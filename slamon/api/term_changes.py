"""Applying a policy line or a changed calendar to open requests: what would move, and doing it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from slamon.api.jobs import accepted
from slamon.api.routes import described, router_at
from slamon.db.jobs import JobKind
from slamon.db.paging import cursor_after
from slamon.http.transaction import Call, Known, Posted, Reply, may_on_record, reply
from slamon.schemas.fields import Because
from slamon.schemas.jobs import Job, MovedDeadline
from slamon.schemas.term_changes import Applied, Preview, PreviewQuery
from slamon.services.access.jobs import AT_ONCE
from slamon.services.access.rights import Deed
from slamon.services.deadlines import policy_changes, previews
from slamon.services.deadlines.policy_changes import Finder
from slamon.services.transaction import Tx

_PAGED = (
    f"A page looks at up to {AT_ONCE} open requests, the oldest first. `POST` to the same address looks through all of "
    "them in the background."
)
_IN_THE_BACKGROUND = (
    "The answer is a job, for its caller alone: `GET /v1/jobs/{id}` says how far it is and in the end how many "
    "deadlines would move, `GET /v1/jobs/{id}/moved` lists them. While one is under way the same question gets the "
    "same job."
)
_EACH_SAYS_SO = (
    "`preview` tells before what would move. Each request gets a `terms_changed` fact with the reason. What has "
    "stopped keeps the terms it stopped under."
)


def add_previews(router: APIRouter, address: str, kind: JobKind, subject: str, as_if: str) -> None:
    """Add the routes that say which deadlines a record would move: a page at once, or all of them by a job."""
    noun = kind.removeprefix("preview_")
    path, name, reads = f"{address}/{{{noun}_id}}/preview", noun.capitalize(), may_on_record(Deed.READ_RECORDS)

    def page(call: Known, record_id: UUID, query: Annotated[PreviewQuery, Query()]) -> Response:
        with call.reading() as tx:
            found = preview_page(tx, call, kind, record_id, query.cursor)
        return reply(found).response()

    def whole(call: Posted, record_id: UUID) -> Response:
        return call.write(lambda tx: accepted(previews.ask(tx, kind, record_id, by=call.caller)))

    for route in (page, whole):  # FastAPI reads the name of the parameter from the annotation
        route.__annotations__["record_id"] = Annotated[UUID, Path(alias=f"{noun}_id")]
    router.get(
        path, operation_id=f"preview{name}", description=f"{as_if} {_PAGED}",
        **described(Preview, reads, f"Which deadlines of open requests {subject} would move", 404),
    )(page)  # fmt: skip
    router.post(
        path, operation_id=f"previewWhole{name}", description=_IN_THE_BACKGROUND, status_code=202,
        **described(Job, reads, f"Work out in the background which deadlines {subject} would move", 404, 409, job=True),
    )(whole)  # fmt: skip


router = router_at("/v1/policies", "Policies")
add_previews(
    router, "", JobKind.PREVIEW_POLICY, "a policy line",
    "As if the line were applied to the open requests it would win if they were filed now.",
)  # fmt: skip
calendar_router = router_at("/v1/calendars", "Calendars")
add_previews(
    calendar_router, "", JobKind.PREVIEW_CALENDAR, "a changed calendar",
    "As if the open requests of its sites were under the calendar as it is now, agreed shutdowns included.",
)  # fmt: skip
_APPLIES = may_on_record(Deed.APPLY_TERMS)


@router.post(
    "/{policy_id}/apply",
    **described(Applied, _APPLIES, "Apply a policy line to open requests", 404, 409, body=True),
    description=f"To those it would win if they were filed now; {_EACH_SAYS_SO}",
)
def apply_policy(call: Posted, policy_id: UUID, body: Because) -> Response:
    return _apply(call, policy_changes.of_policy, policy_id, body.reason)


@calendar_router.post(
    "/{calendar_id}/apply",
    **described(Applied, _APPLIES, "Apply a changed calendar to open requests", 404, 409, body=True),
    description=f"To those of its sites, with the shutdowns agreed for them; {_EACH_SAYS_SO}",
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


def _apply(call: Call, find_new: Finder, record_id: UUID, reason: str) -> Response:
    def work(tx: Tx) -> Reply:
        applied = policy_changes.apply(tx, find_new, record_id, by=call.caller, reason=reason)
        return reply(Applied(requests=applied))

    return call.write(work)
