"""The register of what each CMO owes us, by CMO and lot."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import Response

from slamon.domain.normal_form import normal_form, visible
from slamon.services.access.rights import Deed
from slamon.services.reports.outstanding_items import (
    OutstandingFilter,
    OutstandingItem,
    asks_for_items,
    is_long,
    outstanding_items,
)
from slamon.web.pages import runtime_of
from slamon.web.reports.owed_sheet import lots_shown
from slamon.web.session import Visit, Visiting, may
from slamon.web.staff import choices
from slamon.web.staff.layout import staff_page
from slamon.web.view.countdowns import Countdown, countdown, most_pressing
from slamon.web.view.instants import Moment, Zones, civil_day
from slamon.wording.words import Words

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class ItemLine:
    """One item owed. `others` are the lots beside the one it stands under; `pressing` is the clock due first."""

    item: OutstandingItem
    others: Sequence[str]
    due: str | None
    limit: Moment | None
    pressing: Countdown | None
    is_overdue: bool


@dataclass(frozen=True, slots=True)
class Lot:
    """What is owed for one lot; for none in particular where it has no name."""

    name: str
    lines: Sequence[ItemLine]


@dataclass(frozen=True, slots=True)
class CmoOutstanding:
    """One CMO. An item of several lots stands under each and counts once."""

    name: str
    lots: Sequence[Lot]
    items: int
    overdue: int


@router.api_route("/owed", methods=["GET", "HEAD"], dependencies=[may(Deed.READ_REQUESTS)])
def register(request: Request, visit: Visiting, cmo: str = "", lot: str = "", after: str = "") -> Response:
    """A filter that names no CMO is left out, as an empty one is."""
    wanted = OutstandingFilter(choices.chosen(cmo), visible(lot), after or None)
    chosen = {name: value for name, value in (("cmo", cmo), ("lot", visible(lot))) if value}
    runtime = runtime_of(request)
    with runtime.read() as tx:
        found = outstanding_items(tx, wanted, by=visit.caller)
        context: dict[str, Any] = {
            "debtors": list(_debtors(found.items, wanted, visit, runtime.words)),
            "chosen": chosen,
            "cmos": choices.cmos(tx.session, visit.caller),
            "is_first": not after,
            "next": "/owed?" + urlencode({**chosen, "after": found.next_cursor}) if found.next_cursor else None,
            "download": "/owed.csv" + (f"?{urlencode(chosen)}" if chosen else ""),
            "is_long": is_long(tx, wanted, by=visit.caller),
        }
        return staff_page(request, visit, "owed.html", context)


def _debtors(
    items: Iterable[OutstandingItem], wanted: OutstandingFilter, visit: Visit, words: Words
) -> Iterator[CmoOutstanding]:
    """The CMOs by name, their lots by name, what is owed without one last."""
    by_cmo: dict[str, list[OutstandingItem]] = {}
    for item in items:
        by_cmo.setdefault(item.cmo_name, []).append(item)
    for name, theirs in sorted(by_cmo.items(), key=lambda each: normal_form(each[0])):
        by_lot: dict[str, tuple[str, list[ItemLine]]] = {}
        for item in theirs:
            for lot in lots_shown(item.lots, wanted.lot):
                by_lot.setdefault(normal_form(lot), (lot, []))[1].append(_line(item, lot, visit, words))
        lots = [by_lot[key] for key in sorted(by_lot, key=lambda key: (not key, key))]
        late = {(line.item.request_id, line.item.item) for _, lines in lots for line in lines if line.is_overdue}
        yield CmoOutstanding(name, [Lot(*each) for each in lots], len(theirs), len(late))


def _line(item: OutstandingItem, lot: str, visit: Visit, words: Words) -> ItemLine:
    zones = Zones(own=visit.zone, other=item.site.time_zone, language=words.language)
    asking = [
        countdown(clock, zones, visit.now, words.clocks)
        for clock in item.clocks
        if asks_for_items(clock) and clock.stopped_at is None
    ]
    return ItemLine(
        item=item,
        others=[each for each in item.lots if each != lot],
        due=civil_day(date.fromisoformat(item.due_on), words.language) if item.due_on else None,
        limit=zones.maybe(item.limit_at),
        pressing=most_pressing(asking),
        is_overdue=item.overdue_after is not None and item.overdue_after < visit.now,
    )
