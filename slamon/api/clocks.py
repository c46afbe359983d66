"""A request's clocks: as they stand, and each of them explained."""

from typing import Annotated
from uuid import UUID

from fastapi import Path, Response

from slamon.api.routes import described, router_at
from slamon.db.parties import Site
from slamon.http.transaction import Known, may_on_record, reply
from slamon.schemas.clocks import Clocks, Explanation, TimeByOwner, clock_of
from slamon.services.access.rights import Deed
from slamon.services.deadlines import explanations
from slamon.services.deadlines.explanations import Explained, clock_named
from slamon.services.requests import queries

router = router_at("/v1/requests", "Requests")


ClockName = Annotated[str, Path(description="As `clock` of the request has it.", examples=["acknowledgement"])]


@router.get("/{request_id}/clocks", **described(Clocks, may_on_record(Deed.READ_REQUESTS), "A request's clocks", 404))
def get_clocks(call: Known, request_id: UUID) -> Response:
    with call.reading() as tx:
        request = queries.visible_request(tx.session, request_id, by=call.caller)
        clocks = [clock_of(row, call.runtime.catalogue.clocks) for row in queries.clocks_of(tx, request_id)]
        owned = queries.owned_time(tx, request)
    seconds = TimeByOwner.model_validate({owner.value: time for owner, time in owned.items()})
    return reply(Clocks(request_id=request_id, seconds_by_owner=seconds, clocks=clocks)).response()


@router.get(
    "/{request_id}/clocks/{clock}/explain",
    **described(Explanation, may_on_record(Deed.READ_REQUESTS), "Why a clock is due when it is", 404),
    description="Each stretch of time that counted, was paused, closed or a holiday, and the rule behind it.",
)
def explain_clock(call: Known, request_id: UUID, clock: ClockName) -> Response:
    with call.reading() as tx:
        request = queries.visible_request(tx.session, request_id, by=call.caller)
        sponsor, site = call.runtime.settings.sponsor_time_zone, tx.session.get_one(Site, request.site_id).time_zone
        own, other = (site, sponsor) if call.caller.is_cmo else (sponsor, site)
        explained = explanations.explain_clock(
            tx, request, clock_named(clock), call.runtime.words.clocks, zone=own, other_zone=other
        )
    return reply(_explanation(request_id, explained)).response()


def _explanation(request_id: UUID, explained: Explained) -> Explanation:
    found, terms = explained.explanation, explained.terms
    own = ("kind", "started_at", "target_at", "limit_at", "stopped_at", "outcome")
    return Explanation.model_validate(
        {
            **{name: getattr(found.clock, name) for name in own},
            **{name: getattr(found, name) for name in ("mode", "target", "limit", "parts")},
            "request_id": request_id,
            "clock": str(found.clock.id),
            "rule": terms,
            "time_zone": terms.calendar.tz,
            "holiday_source": terms.holiday_source,
            "zone_data": terms.zone_data,
            "sentences": explained.sentences,
        }
    )
