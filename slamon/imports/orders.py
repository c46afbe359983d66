"""An order of a shipment log as the history of one shipment request."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from slamon.domain.actions.shipping import ConfirmDelivery, ConfirmDispatch, ConfirmOrder, LineQuantity
from slamon.domain.actions.talk import UNKNOWN
from slamon.domain.catalogue import STANDARD
from slamon.domain.lifecycle import RequestType
from slamon.domain.progress import Condition
from slamon.domain.stored import as_json
from slamon.domain.terms import ALWAYS, ClockKind, ClockTerms, Mode, Terms
from slamon.domain.timeline import Actor, Fact, FactKind, Role, Timeline, Via
from slamon.imports.histories import People, Step, history, remarks_of
from slamon.imports.mappings import Moment
from slamon.imports.shipment_log import Line, Order

TERMS = Terms(
    policy_id="replay",
    policy_name="By the scheduled delivery date",
    policy_version=1,
    agreement_clause=None,
    calendar=ALWAYS,
    clocks={ClockKind.FULFILMENT: ClockTerms(timedelta(0), timedelta(0), Mode.DATE)},
    ladder=(),
)
_SPONSOR = Actor(id="replay-sponsor", name="Buyer", role=Role.PROJECT_MANAGER)


def timeline_of(order: Order, lines: Sequence[Line] | None = None) -> Timeline:
    """The facts of an order, or of these lines of it alone; none where no row has a date.

    Of dates nobody knows the time: each counts at noon in the destination's zone. The log tells neither when an
    order was confirmed nor when it left; both are taken to have happened in time, and marked as inferred.
    """
    lines = order.lines if lines is None else lines
    if order.filed_on is None:
        return Timeline(())
    moment = _noon(order.filed_on, order)
    remarks = remarks_of(moment, is_inferred=order.said_filed_on != order.filed_on)
    content = {**_filed(order, lines), **remarks}
    filed = Fact(1, FactKind.FILED, moment.at, moment.at, _SPONSOR, _SPONSOR, Via.REPLAY, content=content)
    people = People(_SPONSOR, Actor(id="replay-cmo", name=lines[0].vendor, role=Role.CMO_CONTACT))
    return history(STANDARD, RequestType.SHIPMENT, filed, _steps(order, lines, order.filed_on), TERMS, people)[0]


def _steps(order: Order, lines: Sequence[Line], filed_on: date) -> list[Step]:
    """Confirmation, then every consignment's dispatch and delivery, in order of time; of one day in this order."""
    parcels: dict[tuple[str, date], list[Line]] = {}
    for line in lines:
        if line.delivered_on is not None:
            parcels.setdefault((line.consignment, line.delivered_on), []).append(line)
    if not parcels:
        return []
    numbers = {line.row: number for number, line in enumerate(lines, start=1)}
    left = ((_left_on(parcel, filed_on), arrived_on, parcel) for (_, arrived_on), parcel in parcels.items())
    leaving = sorted(left, key=lambda each: each[:2])
    dispatched, delivered = [], []
    for number, (left_on, arrived_on, parcel) in enumerate(leaving, start=1):
        due_on = max((line.due_on for line in parcel if line.due_on), default=left_on)
        sent = ConfirmDispatch(
            lines=tuple(LineQuantity(line=numbers[line.row], quantity=line.quantity) for line in parcel),
            courier=UNKNOWN,
            tracking_number=parcel[0].consignment,
            expected_delivery_on=max(due_on, left_on),
        )
        dispatched.append(Step(sent, _noon(left_on, order), is_inferred=True))
        arrived = ConfirmDelivery(consignment=number, received_by=UNKNOWN, condition=Condition.INTACT)
        delivered.append(Step(arrived, _noon(arrived_on, order)))
    confirmed = Step(ConfirmOrder(planned_ship_on=leaving[0][0]), _noon(filed_on, order), is_inferred=True)
    return sorted([confirmed, *dispatched, *delivered], key=lambda step: step.moment.at)


def _filed(order: Order, lines: Sequence[Line]) -> dict[str, Any]:
    ordered = [
        {
            "description": line.product,
            "quantity": line.quantity,
            "unit": "each",
            "due_on": line.due_on,
            "site": line.site,
        }
        for line in lines
    ]
    content: dict[str, Any] = as_json(
        {
            "type": RequestType.SHIPMENT,
            "cmo_reference": order.number,
            "due_on": max((line.due_on for line in lines if line.due_on), default=None),
            "detail": {"destination": {"name": order.country, "time_zone": order.zone}, "lines": ordered},
        }
    )
    return content


def _left_on(parcel: Sequence[Line], filed_on: date) -> date:
    """The latest day on which it can have left in time: when it was due or arrived, never before the filing."""
    return max(filed_on, min(day for line in parcel for day in (line.due_on, line.delivered_on) if day))


def _noon(day: date, order: Order) -> Moment:
    return Moment(at_noon(day, order.zone), day, is_date=True)


def at_noon(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(12), ZoneInfo(zone)).astimezone(UTC)
