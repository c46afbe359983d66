"""An order of a shipment log as the facts of one shipment request."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from slamon.domain.progress import Condition, Readout
from slamon.domain.timeline import Actor, Fact, FactKind, Role, Timeline, Via
from slamon.imports.shipment_log import Line, Order

PRECISION = {"precision": "date"}
INFERRED = {"inferred": True}  # the log does not say it; it follows from what the log says
_SPONSOR = Actor(id="replay-sponsor", name="Buyer", role=Role.PROJECT_MANAGER)
_RANK = {
    kind: rank
    for rank, kind in enumerate((FactKind.FILED, FactKind.ORDER_CONFIRMED, FactKind.DISPATCHED, FactKind.DELIVERED))
}


def timeline_of(order: Order, lines: Sequence[Line] | None = None) -> Timeline:
    """The facts of an order, or of these lines of it alone; none where no row has a date.

    Of dates nobody knows the time: each counts at noon in the destination's zone. The log tells neither when an
    order was confirmed nor when it left; both are taken to have happened in time, and marked as inferred.
    """
    lines = order.lines if lines is None else lines
    filed_on = order.filed_on
    if filed_on is None:
        return Timeline(())
    steps = sorted(_steps(order, lines, filed_on), key=lambda step: (step[1], _RANK[step[0]]))
    return Timeline(
        _fact(sequence, kind, at_noon(day, order.zone), content, lines[0].vendor)
        for sequence, (kind, day, content) in enumerate(steps, start=1)
    )


_Step = tuple[FactKind, date, Mapping[str, Any]]


def _steps(order: Order, lines: Sequence[Line], filed_on: date) -> Iterator[_Step]:
    is_said = order.said_filed_on == filed_on
    yield FactKind.FILED, filed_on, _filed(order, lines) | ({} if is_said else INFERRED)
    numbers = {line.row: number for number, line in enumerate(lines, start=1)}
    sent = list(enumerate(_consignments(lines), start=1))
    leaving = [_left_on(parcel, filed_on) for _, parcel in sent]
    if leaving:
        yield FactKind.ORDER_CONFIRMED, filed_on, {"planned_ship_on": min(leaving).isoformat(), **INFERRED}
    for (number, parcel), left_on in zip(sent, leaving, strict=True):
        due_on = max((line.due_on for line in parcel if line.due_on), default=left_on)
        left = {
            "consignment": number,
            "shipment": parcel[0].consignment,
            "lines": [{"line": numbers[line.row], "quantity": str(line.quantity)} for line in parcel],
            "dispatched_at": at_noon(left_on, order.zone).isoformat(),
            "expected_delivery_on": max(due_on, left_on).isoformat(),
        }
        yield FactKind.DISPATCHED, left_on, left | INFERRED
        arrived_on = parcel[0].delivered_on
        if arrived_on is not None:
            arrived = {
                "consignment": number,
                "delivered_at": at_noon(arrived_on, order.zone).isoformat(),
                "condition": Condition.INTACT.value,
                "readout": Readout.NOT_REQUIRED.value,
            }
            yield FactKind.DELIVERED, arrived_on, arrived


def _filed(order: Order, lines: Sequence[Line]) -> dict[str, Any]:
    due = [line.due_on for line in lines if line.due_on]
    return {
        "type": "shipment",
        "cmo_reference": order.number,
        "due_on": max(due).isoformat() if due else None,
        "detail": {
            "destination": {"name": order.country, "time_zone": order.zone},
            "lines": [_ordered(line) for line in lines],
        },
    }


def _ordered(line: Line) -> dict[str, Any]:
    due_on = line.due_on.isoformat() if line.due_on else None
    return {
        "description": line.product,
        "quantity": str(line.quantity),
        "unit": "each",
        "due_on": due_on,
        "site": line.site,
    }


def _consignments(lines: Iterable[Line]) -> list[list[Line]]:
    """What travelled together, as far as it has arrived."""
    parcels: dict[tuple[str, date], list[Line]] = {}
    for line in lines:
        if line.delivered_on is not None:
            parcels.setdefault((line.consignment, line.delivered_on), []).append(line)
    return list(parcels.values())


def _left_on(parcel: Sequence[Line], filed_on: date) -> date:
    """The latest day on which it can have left in time: when it was due or arrived, never before the filing."""
    days = [day for line in parcel for day in (line.due_on, line.delivered_on) if day]
    return max(filed_on, min(days))


def _fact(sequence: int, kind: FactKind, at: datetime, content: Mapping[str, Any], vendor: str) -> Fact:
    cmo = Actor(id="replay-cmo", name=vendor, role=Role.CMO_CONTACT)
    by = _SPONSOR if kind == FactKind.FILED else cmo
    return Fact(sequence, kind, at, at, by, by, Via.REPLAY, content={**content, **PRECISION})


def at_noon(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(12), ZoneInfo(zone)).astimezone(UTC)
