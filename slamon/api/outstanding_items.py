"""What each CMO still owes, item by item and lot by lot."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field

from slamon.api.responses import answers
from slamon.domain.kinds import DataKind
from slamon.domain.lifecycle import State
from slamon.http.transaction import Known, Route, by_key, may, reply
from slamon.schemas.fields import Answer, Body, Line40
from slamon.services.access.rights import Deed
from slamon.services.reports import outstanding_items

router = APIRouter(prefix="/v1/owed", route_class=Route, dependencies=[by_key], tags=["Requests"])


class OwedQuery(Body):
    cmo_id: UUID | None = None
    lot: Line40 | None = None
    cursor: Annotated[str | None, Field(max_length=200, description="`next_cursor` of the page before.")] = None


class OwedItem(Answer):
    cmo_id: UUID
    cmo_name: str
    request_id: UUID
    number: str
    state: State
    item: int = Field(description="Its place in the request, from 1.")
    kind: DataKind
    lots: list[str]
    filed_at: datetime
    due_on: date | None
    target_at: datetime | None = Field(description="As `limit_at`.")
    limit_at: datetime | None = Field(
        description="Of the answer clock, or the item's own where one request asks for kinds with different terms; "
        "null while the sponsor owes a reply."
    )


class Register(Answer):
    items: list[OwedItem]
    next_cursor: str | None = Field(description="There may be more behind it, also where this page holds nothing.")


@router.get(
    "",
    response_model=Register,
    operation_id="listOwed",
    summary="What each CMO owes us, by lot",
    description="Items of open data requests that are neither supplied nor declined, the oldest request first.",
    responses=answers(),
    dependencies=[may(Deed.READ_REQUESTS)],
)
def list_owed(call: Known, query: Annotated[OwedQuery, Query()]) -> Response:
    wanted = outstanding_items.OutstandingFilter(query.cmo_id, query.lot, query.cursor)
    with call.reading() as tx:
        found = outstanding_items.outstanding_items(tx, wanted, by=call.caller)
    return reply(Register.model_validate(found)).response()
