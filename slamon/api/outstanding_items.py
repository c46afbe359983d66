"""What each CMO still owes, item by item and lot by lot."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from slamon.api.responses import answers
from slamon.http.transaction import Known, Route, by_key, may, reply
from slamon.schemas.outstanding_items import OwedQuery, Register
from slamon.services.access.rights import Deed
from slamon.services.reports import outstanding_items

router = APIRouter(prefix="/v1/owed", route_class=Route, dependencies=[by_key], tags=["Requests"])


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
