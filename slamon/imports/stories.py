"""One replayed request told in words: its facts, its clocks, and how each outcome came to be."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from slamon.domain.actions.shipping import ConfirmDispatch
from slamon.domain.catalogue import Catalogue
from slamon.domain.clocks.explain import explain
from slamon.domain.clocks.ladder import evaluate
from slamon.domain.clocks.state import Outcome
from slamon.domain.normal_form import normal_form
from slamon.domain.timeline import FactKind, Filed, Timeline
from slamon.errors import NotFound
from slamon.imports import incidents, shipment_log, shipments
from slamon.imports.logs import Flags
from slamon.imports.orders import timeline_of
from slamon.imports.shipment_log import Line, Order
from slamon.imports.shipments import Judged
from slamon.services.deadlines.explanations import sentences
from slamon.wording.instants import moment
from slamon.wording.words import Words


def tell_incident(path: Path, number: str, catalogue: Catalogue, words: Words, *, weekdays_only: bool) -> Iterator[str]:
    """One request of a help desk's log. Raises NotFound, and Invalid as the replay does."""
    requests = incidents.read_requests(path, Flags())
    request = next((one for one in requests if normal_form(one.number) == normal_form(number)), None)
    if request is None:
        raise NotFound("request", f"{number} in {path.name}")
    terms, timeline = incidents.flat_terms(weekdays_only=weekdays_only), incidents.timeline_of(request)
    now, at = incidents.end_of_log(requests), partial(moment, zone="UTC")
    yield f"{request.number}, {len(request.events)} events of the log, from line {request.row} on"
    yield from _facts(timeline, "UTC")
    for clock in evaluate(terms, timeline, now, clocks=catalogue.clocks).clocks:
        own = words.clocks[clock.kind]
        yield f"Clock {own.label}: {_VERDICTS[clock.outcome]}"
        yield from (f"  {sentence}" for sentence in sentences(explain(terms, clock, now), terms, own, at))


def tell_order(path: Path, sites: Path, number: str, catalogue: Catalogue) -> Iterator[str]:
    """One order of a shipment log. Raises NotFound, and Invalid as the replay does."""
    places = shipment_log.read_sites(sites)
    orders = shipment_log.read_shipments(path, Flags())
    order = next((one for one in orders if normal_form(one.number) == normal_form(number)), None)
    if order is None:
        raise NotFound("order", f"{number} in {path.name}")
    now, timeline = shipments.end_of_log(orders), timeline_of(order)
    numbers = {line.row: place for place, line in enumerate(order.lines, start=1)}
    parcels: dict[str, list[Line]] = {}
    yield f"{order.number} to {order.country}; dates are civil dates in {order.zone}"
    for line in order.lines:
        parcels.setdefault(line.consignment, []).append(line)
        site = places.get(normal_form(line.site))
        country = f", {site.country}" if site and site.country else ""
        goods = f"{line.quantity} of {line.product}, made at {line.site}{country}"
        yield f"  line {numbers[line.row]} (row {line.row}): {goods}"
    for name, lines in parcels.items():
        held = ", ".join(str(numbers[line.row]) for line in lines)
        days = ", ".join(map(str, sorted({line.delivered_on for line in lines if line.delivered_on})))
        yield f"  consignment {name}: lines {held}; delivered {days or 'never, as far as the log knows'}"
    yield from _facts(timeline, order.zone)
    yield from _filing(order)
    for one in sorted(shipments.judge(order, now, catalogue.clocks), key=lambda one: one.line.row):
        yield f"Clock fulfilment, line {numbers[one.line.row]}: {_line_verdict(one)}"
    if whole := shipments.clock_of(timeline, now, catalogue.clocks):
        yield f"Clock fulfilment, the whole order by its last due date: {_VERDICTS[whole.outcome]}"


def _filing(order: Order) -> Iterator[str]:
    if order.filed_on is None:
        yield "Nobody knows when it was filed: no row has a date."
    elif order.said_filed_on is None:
        yield f"No row says when it was filed; the earliest date of its rows counts, {order.filed_on}."
    elif order.is_filed_late:
        yield (
            f"Its rows say that it was filed on {order.said_filed_on}, after something had arrived; the earliest date "
            f"of its rows counts instead, {order.filed_on}."
        )


def _facts(timeline: Timeline, zone: str) -> Iterator[str]:
    yield "Facts"
    for fact in timeline:
        is_date, told = fact.remarks.precision == "date", list[str]()
        when = str(fact.occurred_at.astimezone(ZoneInfo(zone)).date()) if is_date else moment(fact.occurred_at, zone)
        if fact.kind in (FactKind.DISPATCHED, FactKind.DELIVERED):
            told.append(f"consignment {fact.said(ConfirmDispatch).consignment}")
        if fact.kind == FactKind.FILED and (due_on := fact.said(Filed).due_on):
            told.append(f"due on {due_on}")
        if fact.remarks.inferred:
            told.append("inferred")
        kind, details = fact.kind.replace("_", " "), f" ({', '.join(told)})" if told else ""
        yield f"  {when}  {kind} by {fact.by.name}{details}"


def _line_verdict(one: Judged) -> str:
    due_on, days = one.line.due_on, one.days_after
    if due_on is None or one.clock is None:
        return "not judged, because no due date is known"
    if days is None:
        return f"due on {due_on}, not delivered by the end of the log"
    told = f"due on {due_on}, delivered on {one.line.delivered_on}"
    if days == 0:
        return f"{told}: on the day, so on time"
    length = f"{abs(days)} day{'s' if abs(days) != 1 else ''}"
    return f"{told}: {length} after the due date, so late" if one.is_late else f"{told}: {length} early, so on time"


_VERDICTS = {
    Outcome.MET: "met",
    Outcome.LATE: "late: after the target, within the limit",
    Outcome.BREACHED: "breached: after the limit",
    Outcome.RUNNING: "still running at the end of the log",
    Outcome.CANCELLED: "cancelled",
}
