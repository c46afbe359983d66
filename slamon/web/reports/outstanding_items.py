"""The register of what each CMO owes us: by CMO and lot on a page, and the whole of it as a spreadsheet."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from fastapi.responses import Response

from slamon.domain.normal_form import normal_form, visible
from slamon.domain.terms import ClockKind
from slamon.services.access.rights import Deed
from slamon.services.reports.outstanding_items import OutstandingFilter, OutstandingItem, outstanding_items
from slamon.services.transaction import Tx
from slamon.web.pages import SIGNED_IN, runtime_of
from slamon.web.session import Visit, Visiting, may
from slamon.web.staff import choices
from slamon.web.staff.layout import staff_page
from slamon.web.view.countdowns import Countdown, countdown, most_pressing
from slamon.web.view.instants import Moment, Zones, civil_day
from slamon.web.view.words import STATES, label

router = APIRouter(include_in_schema=False)

# The clocks that ask for the item itself; a receipt can be late without anything being owed for long.
_ASKING = frozenset({ClockKind.ANSWER, ClockKind.REPLY, ClockKind.FULFILMENT, ClockKind.PROMISE})
_COLUMNS = ("CMO", "Site", "Lot", "Owed", "Request", "Item", "State", "Needed on", "Overdue")
_MEANT_AS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


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
    with runtime_of(request).read() as tx:
        found = outstanding_items(tx, wanted, by=visit.caller)
        context: dict[str, Any] = {
            "debtors": list(_debtors(found.items, wanted, visit)),
            "chosen": chosen,
            "cmos": choices.cmos(tx.session, visit.caller),
            "is_first": not after,
            "next": "/owed?" + urlencode({**chosen, "after": found.next_cursor}) if found.next_cursor else None,
            "download": "/owed.csv" + (f"?{urlencode(chosen)}" if chosen else ""),
        }
        return staff_page(request, visit, "owed.html", context)


@router.get("/owed.csv", dependencies=[may(Deed.READ_REQUESTS)])
def spreadsheet(request: Request, visit: Visiting, cmo: str = "", lot: str = "") -> Response:
    """All pages in one file, a row for each item and lot; times in the reader's zone."""
    wanted = OutstandingFilter(choices.chosen(cmo), visible(lot))
    with runtime_of(request).read() as tx:
        rows = list(_rows(_every_item(tx, wanted, visit), wanted, visit))
    written = io.StringIO()
    csv.writer(written).writerows([(*_COLUMNS, f"Target ({visit.zone})", f"Limit ({visit.zone})"), *rows])
    headers = {**SIGNED_IN, "Content-Disposition": 'attachment; filename="owed.csv"'}
    # With the mark by which spreadsheets know UTF-8.
    return Response(written.getvalue().encode("utf-8-sig"), media_type="text/csv; charset=utf-8", headers=headers)


def _debtors(items: Iterable[OutstandingItem], wanted: OutstandingFilter, visit: Visit) -> Iterator[CmoOutstanding]:
    """The CMOs by name, their lots by name, what is owed without one last."""
    by_cmo: dict[str, list[OutstandingItem]] = {}
    for item in items:
        by_cmo.setdefault(item.cmo_name, []).append(item)
    for name, theirs in sorted(by_cmo.items(), key=lambda each: normal_form(each[0])):
        by_lot: dict[str, tuple[str, list[ItemLine]]] = {}
        for item in theirs:
            for lot in _lots(item, wanted):
                by_lot.setdefault(normal_form(lot), (lot, []))[1].append(_line(item, lot, visit))
        lots = [by_lot[key] for key in sorted(by_lot, key=lambda key: (not key, key))]
        late = {(line.item.request_id, line.item.item) for _, lines in lots for line in lines if line.is_overdue}
        yield CmoOutstanding(name, [Lot(*each) for each in lots], len(theirs), len(late))


def _lots(item: OutstandingItem, wanted: OutstandingFilter) -> Sequence[str]:
    """The lots an item is listed under: of a register asked for one lot only that one."""
    if wanted.lot is None:
        return item.lots or ("",)
    return [lot for lot in item.lots if normal_form(lot) == normal_form(wanted.lot)]


def _line(item: OutstandingItem, lot: str, visit: Visit) -> ItemLine:
    zones = Zones(own=visit.zone, other=item.site.time_zone)
    asking = [
        countdown(clock, zones, visit.now)
        for clock in item.clocks
        if clock.kind in _ASKING and clock.stopped_at is None
    ]
    return ItemLine(
        item=item,
        others=[each for each in item.lots if each != lot],
        due=civil_day(date.fromisoformat(item.due_on)) if item.due_on else None,
        limit=zones.maybe(item.limit_at),
        pressing=most_pressing(asking),
        is_overdue=any(each.is_bad for each in asking),
    )


# --- the spreadsheet ------------------------------------------------------------------------------------------------


def _every_item(tx: Tx, wanted: OutstandingFilter, visit: Visit) -> Iterator[OutstandingItem]:
    while True:
        found = outstanding_items(tx, wanted, by=visit.caller)
        yield from found.items
        if found.next_cursor is None:
            return
        wanted = OutstandingFilter(wanted.cmo_id, wanted.lot, found.next_cursor)


def _rows(items: Iterable[OutstandingItem], wanted: OutstandingFilter, visit: Visit) -> Iterator[Sequence[str]]:
    zone = ZoneInfo(visit.zone)
    for item in items:
        overdue = "yes" if _line(item, "", visit).is_overdue else "no"
        for lot in _lots(item, wanted):
            said = (
                item.cmo_name, item.site.name, lot, label(item.kind), item.number, str(item.item), STATES[item.state],
                item.due_on or "", overdue, _local(item.target_at, zone), _local(item.limit_at, zone),
            )  # fmt: skip
            yield [_plain(each) for each in said]


def _local(instant: datetime | None, zone: ZoneInfo) -> str:
    return f"{instant.astimezone(zone):%Y-%m-%d %H:%M}" if instant else ""


def _plain(text: str) -> str:
    """What somebody else wrote must stay text: a spreadsheet would run a cell that begins like a formula."""
    return f"'{text}" if text.startswith(_MEANT_AS_FORMULA) else text
