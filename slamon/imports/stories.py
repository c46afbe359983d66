"""One replayed request told in words: its facts, its clocks, and how each outcome came to be."""

from collections.abc import Iterator
from datetime import date
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from slamon.domain.actions.shipping import ConfirmDispatch
from slamon.domain.catalogue import Catalogue
from slamon.domain.clocks.explain import explain
from slamon.domain.clocks.ladder import evaluate
from slamon.domain.clocks.state import ClockState, Outcome
from slamon.domain.normal_form import normal_form
from slamon.domain.timeline import Fact, FactKind, Filed, Timeline
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
        yield f"Clock {own.label}: {_verdict(clock)}"
        yield from (f"  {sentence}" for sentence in sentences(explain(terms, clock, now), terms, own, at))


def tell_order(path: Path, sites: Path, number: str, catalogue: Catalogue) -> Iterator[str]:
    """One order of a shipment log. Raises NotFound, and Invalid as the replay does."""
    places = shipment_log.read_sites(sites)
    orders = shipment_log.read_shipments(path, Flags())
    order = next((one for one in orders if normal_form(one.number) == normal_form(number)), None)
    if order is None:
        raise NotFound("order", f"{number} in {path.name}")
    now = shipments.end_of_log(orders)
    yield f"{order.number} to {order.country}; dates are civil dates in {order.zone}"
    for place, line in enumerate(order.lines, start=1):
        site = places.get(normal_form(line.site))
        country = f", {site.country}" if site and site.country else ""
        yield f"  line {place} (row {line.row}): {line.quantity} of {line.product}, made at {line.site}{country}"
    yield from _consignments(order)
    timeline = timeline_of(order)
    yield from _facts(timeline, order.zone)
    yield from _filing(order)
    numbers = {line.row: place for place, line in enumerate(order.lines, start=1)}
    for one in sorted(shipments.judge(order, now, catalogue.clocks), key=lambda one: one.line.row):
        yield f"Clock fulfilment, line {numbers[one.line.row]}: {_line_verdict(one)}"
    whole = shipments.clock_of(timeline, now, catalogue.clocks)
    if whole is not None:
        yield f"Clock fulfilment, the whole order by its last due date: {_verdict(whole)}"


def _consignments(order: Order) -> Iterator[str]:
    parcels: dict[str, list[tuple[int, Line]]] = {}
    for place, line in enumerate(order.lines, start=1):
        parcels.setdefault(line.consignment, []).append((place, line))
    for name, lines in parcels.items():
        held = ", ".join(str(place) for place, _ in lines)
        days = sorted({line.delivered_on for _, line in lines if line.delivered_on})
        yield f"  consignment {name}: lines {held}; delivered {_days(days) or 'never, as far as the log knows'}"


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
        yield f"  {_when(fact, zone)}  {fact.kind.replace('_', ' ')} by {fact.by.name}{_particulars(fact)}"


def _when(fact: Fact, zone: str) -> str:
    if fact.remarks.precision == "date":
        return fact.occurred_at.astimezone(ZoneInfo(zone)).date().isoformat()
    return moment(fact.occurred_at, zone)


def _particulars(fact: Fact) -> str:
    told = []
    if fact.kind in (FactKind.DISPATCHED, FactKind.DELIVERED):
        told.append(f"consignment {fact.said(ConfirmDispatch).consignment}")
    if fact.kind == FactKind.FILED and (due_on := fact.said(Filed).due_on):
        told.append(f"due on {due_on}")
    told += ["inferred"] if fact.remarks.inferred else []
    return f" ({', '.join(told)})" if told else ""


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


def _verdict(clock: ClockState) -> str:
    return _VERDICTS[clock.outcome]


def _days(days: list[date]) -> str:
    return ", ".join(str(day) for day in days)
