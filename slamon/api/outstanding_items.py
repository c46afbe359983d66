"""What each CMO still owes, item by item and lot by lot."""

from typing import Annotated

from fastapi import Query, Response

from slamon.api.routes import described, router_at
from slamon.http.transaction import Known, may, reply
from slamon.schemas.outstanding_items import OwedQuery, Register
from slamon.services.access.rights import Deed
from slamon.services.reports import outstanding_items

router = router_at("/v1/owed", "Requests")


@router.get(
    "",
    **described(Register, may(Deed.READ_REQUESTS), "What each CMO owes us, by lot"),
    description="Items of open data requests that are neither supplied nor declined, the oldest request first.",
)
def list_owed(call: Known, query: Annotated[OwedQuery, Query()]) -> Response:
    wanted = outstanding_items.OutstandingFilter(query.cmo_id, query.lot, query.cursor)
    with call.reading() as tx:
        found = outstanding_items.outstanding_items(tx, wanted, by=call.caller)
    return reply(Register.model_validate(found)).response()
