"""Applying a policy line or a changed calendar to open requests: what would move, and doing it."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from slamon.api.responses import answers
from slamon.http.transaction import Call, Known, Posted, Reply, Route, by_key, may_on_record, reply
from slamon.schemas.fields import Answer, Because
from slamon.services.access.rights import Deed
from slamon.services.deadlines import policy_changes
from slamon.services.deadlines.policy_changes import Finder
from slamon.services.transaction import Tx

router = APIRouter(prefix="/v1", route_class=Route, dependencies=[by_key])


class MovedDeadline(Answer):
    """A deadline of an open request as it is and as it would be; null while a pause leaves it open."""

    request_id: UUID
    number: str
    clock: str
    target_before: datetime | None
    target_after: datetime | None
    limit_before: datetime | None
    limit_after: datetime | None
    breaches_at_once: bool


class Preview(Answer):
    """What would move; nothing is changed."""

    looked_at: int = Field(description="Open requests that were judged again.")
    moved: list[MovedDeadline]


class Applied(Answer):
    requests: int = Field(description="Open requests that got other terms now.")


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
    description="As if the line were applied to the open requests it would win if they were filed now.",
    responses=answers(404),
    dependencies=[may_on_record(Deed.READ_RECORDS)],
)
def preview_policy(call: Known, policy_id: UUID) -> Response:
    return _preview(call, policy_changes.of_policy, policy_id)


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
    description="As if the open requests of its sites were under the calendar as it is now, agreed shutdowns included.",
    responses=answers(404),
    dependencies=[may_on_record(Deed.READ_RECORDS)],
)
def preview_calendar(call: Known, calendar_id: UUID) -> Response:
    return _preview(call, policy_changes.of_calendar, calendar_id)


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


def _preview(call: Call, find_new: Finder, record_id: UUID) -> Response:
    with call.reading() as tx:
        found = policy_changes.preview(tx, find_new, record_id, by=call.caller)
    return reply(Preview.model_validate(found)).response()


def _apply(call: Call, find_new: Finder, record_id: UUID, reason: str) -> Response:
    def work(tx: Tx) -> Reply:
        applied = policy_changes.apply(tx, find_new, record_id, by=call.caller, reason=reason)
        return reply(Applied(requests=applied))

    return call.write(work)
