"""The page that explains a deadline, for staff and for the contact: in words, as a picture, and span by span."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from slamon.db.parties import Site
from slamon.db.requests import CmoRequest
from slamon.domain.clocks.explain import Counts, Stretch
from slamon.domain.clocks.spells import WAITING_FOR_SPONSOR
from slamon.domain.clocks.state import ClockId
from slamon.domain.terms import Mode
from slamon.errors import LinkGone
from slamon.services.access.form_links import open_link
from slamon.services.access.rights import Deed
from slamon.services.deadlines.explanations import clock_named, explain_clock
from slamon.services.directory.records import sponsor_name
from slamon.services.requests.queries import visible_request
from slamon.services.transaction import Tx
from slamon.web.contact.form import counted
from slamon.web.pages import page, runtime_of, see_other
from slamon.web.session import Visiting, may_on_record
from slamon.web.staff.layout import staff_page
from slamon.web.staff.requests import RequestId
from slamon.web.view.clock_bar import draw_explanation
from slamon.web.view.countdowns import name_of
from slamon.web.view.instants import Moment, Zones, span
from slamon.wording.words import Words

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class TimeLine:
    """One part as the table shows it."""

    kind: Counts
    words: str
    since: Moment
    until: Moment
    length: str


@router.api_route(
    "/requests/{request_id}/clocks/{clock}", methods=["GET", "HEAD"], dependencies=[may_on_record(Deed.READ_REQUESTS)]
)
def for_staff(request: Request, visit: Visiting, request_id: RequestId, clock: str) -> Response:
    runtime = runtime_of(request)
    with runtime.read() as tx:
        asked = visible_request(tx.session, request_id, by=visit.caller)
        zones = Zones(
            own=visit.zone, other=tx.session.get_one(Site, asked.site_id).time_zone, language=runtime.words.language
        )
        shown = _context(tx, asked, clock_named(clock), runtime.words, zones)
    return staff_page(request, visit, "clock.html", {**shown, "layout": "staff.html", "back": f"/requests/{asked.id}"})


@router.api_route("/r/{token}/clocks/{clock}", methods=["GET", "HEAD"], dependencies=[Depends(counted)])
def for_contact(request: Request, token: str, clock: str) -> Response:
    runtime = runtime_of(request)
    with runtime.read() as tx:
        try:
            opened = open_link(tx, token)
        except LinkGone:
            return see_other(f"/r/{token}")  # which says why, and offers a fresh one
        zones = Zones(
            own=opened.person.time_zone, other=runtime.settings.sponsor_time_zone, language=runtime.words.language
        )
        shown = _context(tx, opened.request, clock_named(clock), runtime.words, zones)
        around = {"layout": "base.html", "back": f"/r/{token}", "sponsor": sponsor_name(tx.session, runtime.settings)}
    return page(request, "clock.html", {**shown, **around})


def _context(tx: Tx, asked: CmoRequest, clock_id: ClockId, words: Words, zones: Zones) -> Mapping[str, Any]:
    explained = explain_clock(
        tx, asked, clock_id, words.clocks, zone=zones.own, other_zone=zones.other, language=words.language
    )
    explanation = explained.explanation
    return {
        "asked": asked,
        "name": name_of(clock_id, explanation.clock.definition, words.clocks, words.language),
        "zones": zones,
        "sentences": explained.sentences,
        "picture": draw_explanation(explanation, tx.business_now, words.language),
        "lines": [_line(part, words, zones) for part in explanation.parts],
        "totals": [
            (kind, f"{words.codes.counts[kind]} {span(total, words.language)}")
            for kind in Counts
            if (total := explanation.total(kind))
        ],
        "holiday_source": explained.terms.holiday_source if explanation.total(Counts.HOLIDAY) else None,
        "zone_data": explained.terms.zone_data if explanation.mode is not Mode.ELAPSED else None,
    }


def _line(part: Stretch, words: Words, zones: Zones) -> TimeLine:
    gettext, said, name = words.language.gettext, words.codes.counts[part.kind], part.name
    if name:
        name = gettext("waiting for the sponsor's reply") if name == WAITING_FOR_SPONSOR else name
        said = gettext("{label}: {text}", label=said, text=name)
    return TimeLine(part.kind, said, zones.at(part.since), zones.at(part.until), span(part.length, words.language))
