"""A log of deliveries run through our own clocks: which lines came after their due date, and how long after.

Here lives the counting of outcomes; shipment_log reads the file, and orders tells an order as facts. An order is one
shipment request. Its lines have due dates of their own, so each part of it (the lines of one consignment with the
same due date) is judged by a timeline that holds the same facts and these lines alone. When a part is due and whether
it was met is the domain's business.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from slamon.domain.clocks.kinds import Clocks
from slamon.domain.clocks.ladder import evaluate
from slamon.domain.clocks.state import ClockState, Outcome
from slamon.domain.normal_form import normal_form
from slamon.domain.timeline import Timeline
from slamon.imports.logs import Example, Flags, nearest_rank
from slamon.imports.orders import TERMS, at_noon, timeline_of
from slamon.imports.shipment_log import (
    DIRECT,
    FROM_DEPOT,
    Line,
    Oddity,
    Order,
    Place,
    flag_places,
    read_shipments,
    read_sites,
)

BUSIEST = 10  # sites shown by themselves
_EARLIEST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Judged:
    """A line and what its clock says; None where nobody can say when it was due. Days are civil days."""

    order: Order
    line: Line
    clock: ClockState | None

    @property
    def is_late(self) -> bool:
        return self.clock is not None and self.clock.outcome is Outcome.BREACHED

    @property
    def days_after(self) -> int | None:
        """From the due day to the day of delivery, in the destination's zone; negative where it came early."""
        if self.clock is None or self.clock.stopped_at is None or self.clock.limit_at is None:
            return None
        zone = ZoneInfo(self.order.zone)
        return (self.clock.stopped_at.astimezone(zone).date() - self.clock.limit_at.astimezone(zone).date()).days


@dataclass(frozen=True, slots=True)
class SiteFigures:
    site: str
    country: str
    lines: int
    late: int
    direct_drop: int
    direct_drop_late: int


@dataclass(frozen=True, slots=True)
class ShipmentReplay:
    """The figures defined in tests/data/README.md; only lines that were due and delivered count as late, on the day
    or early. Medians and percentiles are nearest ranks; None of nothing."""

    lines: int
    shipments: int
    orders: int
    late_lines: int
    on_the_day: int
    early: int
    direct_drop: int
    direct_drop_late: int
    from_depot: int
    from_depot_late: int
    late_orders: int
    days_late_median: int | None
    days_late_p90: int | None
    days_late_largest: int | None
    filed_lines: int
    days_to_delivery_median: int | None
    sites: int
    destinations: int
    vendors: int
    not_delivered: int
    not_judged: int
    busiest_sites: tuple[SiteFigures, ...]
    flagged_orders: int
    flagged: dict[str, int]
    examples: tuple[Example, ...]


def replay_shipments(
    path: Path, sites: Path, clocks: Clocks, *, progress: Callable[[int], None] = lambda _: None
) -> ShipmentReplay:
    """Run the log at `path` (CSV, plain or gzip) through the fulfilment clock, with the list of its `sites`.

    `progress` hears the share done, in percent, now and then. Odd rows are flagged and counted, never fatal.
    Raises Invalid for a file that cannot be read as CSV, or that lacks a column.
    """
    flags = Flags()
    places = read_sites(sites)
    orders = read_shipments(path, flags, progress)
    flag_places(orders, places, flags)
    now = end_of_log(orders)
    judged: list[Judged] = []
    late_orders = 0
    for done, order in enumerate(orders):
        if done % 256 == 0:
            progress(50 + 50 * done // len(orders))
        lines = list(judge(order, now, clocks))
        judged += lines
        late_orders += _is_late(order, lines, now, clocks)
    progress(100)
    counted: dict[str, Any] = dict.fromkeys(_COUNTED, 0) | Counter(figure for one in judged for figure in _figures(one))
    days_late = [one.days_after for one in judged if one.is_late and one.days_after is not None]
    lines_of = [one.line for one in judged]
    to_delivery = [(a.delivered_on - a.filed_on).days for a in lines_of if a.filed_on and a.delivered_on]
    return ShipmentReplay(
        shipments=len({line.consignment for line in lines_of}),
        orders=len(orders),
        late_orders=late_orders,
        days_late_median=nearest_rank(days_late, 50),
        days_late_p90=nearest_rank(days_late, 90),
        days_late_largest=nearest_rank(days_late, 100),
        days_to_delivery_median=nearest_rank(to_delivery, 50),
        sites=len({line.site for line in lines_of}),
        destinations=len({order.country for order in orders}),
        vendors=len({line.vendor for line in lines_of}),
        busiest_sites=tuple(_busiest(judged, places)),
        flagged_orders=flags.requests,
        flagged=flags.counted(Oddity),
        examples=flags.in_order_of_rows(),
        **counted,
    )


_COUNTED = (
    "lines", "late_lines", "on_the_day", "early", "direct_drop", "direct_drop_late", "from_depot", "from_depot_late",
    "filed_lines", "not_delivered", "not_judged",
)  # fmt: skip


def _figures(one: Judged) -> Iterator[str]:
    """The figures to which one line adds."""
    way = {DIRECT: "direct_drop", FROM_DEPOT: "from_depot"}.get(one.line.way)
    yield "lines"
    if one.line.filed_on is not None:
        yield "filed_lines"
    if way:
        yield way
    if one.clock is None:
        yield "not_judged"
    elif one.days_after is None:
        yield "not_delivered"
    elif not one.is_late:
        yield "early" if one.days_after < 0 else "on_the_day"
    else:
        yield "late_lines"
        if way:
            yield f"{way}_late"


def _busiest(judged: Iterable[Judged], places: Mapping[str, Place]) -> Iterator[SiteFigures]:
    by_site: dict[str, Counter[str]] = {}
    for one in judged:
        by_site.setdefault(one.line.site, Counter()).update(_figures(one))
    for name, counts in sorted(by_site.items(), key=lambda item: (-item[1]["lines"], item[0]))[:BUSIEST]:
        place = places.get(normal_form(name))
        figures = (counts[figure] for figure in ("lines", "late_lines", "direct_drop", "direct_drop_late"))
        yield SiteFigures(name, place.country if place else "", *figures)


def judge(order: Order, now: datetime, clocks: Clocks) -> Iterator[Judged]:
    """Each line with the clock of its part of the order."""
    for lines in _parts_of(order):
        clock = clock_of(timeline_of(order, lines), now, clocks)
        yield from (Judged(order, line, clock) for line in lines)


def _parts_of(order: Order) -> list[list[Line]]:
    """The lines that travelled together and were due on the same day."""
    parts: dict[tuple[date | None, str, date | None], list[Line]] = {}
    for line in order.lines:
        parts.setdefault((line.due_on, line.consignment, line.delivered_on), []).append(line)
    return list(parts.values())


def _is_late(order: Order, judged: Sequence[Judged], now: datetime, clocks: Clocks) -> bool:
    """Whether the whole order came after the last of its due dates."""
    if len(_parts_of(order)) == 1:  # judged already
        return judged[0].is_late
    whole = clock_of(timeline_of(order), now, clocks)
    return whole is not None and whole.outcome is Outcome.BREACHED


def clock_of(timeline: Timeline, now: datetime, clocks: Clocks) -> ClockState | None:
    """The fulfilment clock; None where nothing is due."""
    return next(iter(evaluate(TERMS, timeline, now, clocks=clocks).clocks), None)


def end_of_log(orders: Sequence[Order]) -> datetime:
    """Noon of the day after the last date of the log: with no step to pass, "now" decides nothing."""
    days = [day for order in orders for line in order.lines for day in (line.due_on, line.delivered_on) if day]
    return at_noon(max(days), "UTC") + timedelta(days=1) if days else _EARLIEST
