"""Shipments: goods ordered line by line, sent in consignments, received, and decided on where something is wrong."""

from collections.abc import Iterator, Mapping
from typing import Any

from slamon.domain.lifecycle import (
    CMO,
    OWNERS,
    QUALITY,
    SPONSOR,
    Action,
    Parts,
    RequestTypeDefinition,
    State,
    Table,
    When,
    in_states,
)
from slamon.domain.terms import ClockKind
from slamon.domain.types.common import (
    ACKNOWLEDGED,
    ALREADY_DONE,
    AWAITING,
    CANCELLED,
    CLOSED,
    DECLINED,
    FILED,
    TALK,
    everywhere,
)

CONFIRMED, PARTLY_DISPATCHED, DISPATCHED = State.CONFIRMED, State.PARTLY_DISPATCHED, State.DISPATCHED
PARTLY_DELIVERED, DELIVERED, IN_REVIEW = State.PARTLY_DELIVERED, State.DELIVERED, State.IN_REVIEW
_OPEN = [
    FILED, ACKNOWLEDGED, AWAITING, CONFIRMED, PARTLY_DISPATCHED, DISPATCHED, PARTLY_DELIVERED, DELIVERED, IN_REVIEW,
    DECLINED,
]  # fmt: skip
_CONFIRMING = ((When.A_DATE_IS_PROPOSED, AWAITING), (When.OTHERWISE, CONFIRMED))
_LOSING: tuple[tuple[When, State | None], ...] = ((When.ONLY_DECISIONS_ARE_PENDING, IN_REVIEW), (When.OTHERWISE, None))
_DELIVERY = ("received_by", "condition")
_ARRIVING = (
    (When.ONLY_DECISIONS_ARE_PENDING, IN_REVIEW),
    (When.ALL_HAS_ARRIVED, DELIVERED),
    (When.OTHERWISE, PARTLY_DELIVERED),
)
_DISPATCH = ("courier", "tracking_number", "expected_delivery_on")
_RULES: Table = {
    **TALK,
    **in_states([FILED, ACKNOWLEDGED], Action.ASK, AWAITING, CMO, "text"),
    **in_states([AWAITING], Action.REPLY, ACKNOWLEDGED, SPONSOR, "text", only=When.A_QUESTION_IS_OPEN),
    **in_states([FILED, ACKNOWLEDGED], Action.CONFIRM_ORDER, _CONFIRMING, CMO, "planned_ship_on"),
    **in_states([AWAITING], Action.AGREE, CONFIRMED, OWNERS, only=When.A_DATE_IS_PROPOSED),
    **in_states([AWAITING], Action.REFUSE, ACKNOWLEDGED, OWNERS, "reason", only=When.A_DATE_IS_PROPOSED),
    **in_states([CONFIRMED, PARTLY_DISPATCHED], Action.CONFIRM_PACKED, None, CMO, "lots_or_kits|lines"),
    **in_states(
        [PARTLY_DELIVERED], Action.CONFIRM_PACKED, None, CMO, "lots_or_kits|lines", only=When.SOMETHING_IS_LEFT_TO_SEND
    ),
    **in_states(
        [CONFIRMED, PARTLY_DISPATCHED],
        Action.CONFIRM_DISPATCH,
        ((When.ALL_IS_SENT, DISPATCHED), (When.OTHERWISE, PARTLY_DISPATCHED)),
        CMO,
        *_DISPATCH,
    ),
    **in_states(
        [PARTLY_DELIVERED], Action.CONFIRM_DISPATCH, None, CMO, *_DISPATCH, only=When.SOMETHING_IS_LEFT_TO_SEND
    ),
    **in_states(
        [PARTLY_DISPATCHED],
        Action.CONFIRM_DELIVERY,
        PARTLY_DELIVERED,
        CMO | OWNERS,
        *_DELIVERY,
        only=When.A_CONSIGNMENT_IS_UNDER_WAY,
    ),
    **in_states(
        [DISPATCHED], Action.CONFIRM_DELIVERY, _ARRIVING, CMO | OWNERS, *_DELIVERY, only=When.A_CONSIGNMENT_IS_UNDER_WAY
    ),
    **in_states(
        [PARTLY_DELIVERED],
        Action.CONFIRM_DELIVERY,
        _ARRIVING,
        CMO | OWNERS,
        *_DELIVERY,
        only=When.A_DELIVERY_IS_UNCONFIRMED,
        sponsor_only=When.A_CONSIGNMENT_IS_UNDER_WAY,
    ),
    **in_states(
        [DELIVERED, IN_REVIEW],
        Action.CONFIRM_DELIVERY,
        ((When.ONLY_DECISIONS_ARE_PENDING, IN_REVIEW), (When.OTHERWISE, DELIVERED)),
        CMO,
        *_DELIVERY,
        only=When.THE_CMO_OWES_ITS_WORD,
    ),
    **in_states(
        [PARTLY_DISPATCHED], Action.REPORT_LOST, None, CMO | OWNERS, "text", only=When.A_CONSIGNMENT_IS_UNDER_WAY
    ),
    **in_states(
        [DISPATCHED, PARTLY_DELIVERED],
        Action.REPORT_LOST,
        _LOSING,
        CMO | OWNERS,
        "text",
        only=When.A_CONSIGNMENT_IS_UNDER_WAY,
    ),
    **in_states(
        [PARTLY_DISPATCHED, DISPATCHED, PARTLY_DELIVERED],
        Action.DECIDE,
        None,
        QUALITY,
        "disposition",
        "reason",
        only=When.A_DECISION_IS_PENDING,
    ),
    **in_states(
        [IN_REVIEW],
        Action.DECIDE,
        ((When.A_DECISION_IS_PENDING, IN_REVIEW), (When.ALL_IS_LOST, CLOSED), (When.OTHERWISE, DELIVERED)),
        QUALITY,
        "disposition",
        "reason",
    ),
    **in_states([DELIVERED], Action.ACCEPT, CLOSED, OWNERS),
    **in_states([FILED, ACKNOWLEDGED, AWAITING, CONFIRMED], Action.AMEND, None, SPONSOR, "reason", "changes"),
    **in_states([FILED, ACKNOWLEDGED, AWAITING, CONFIRMED], Action.CANCEL, CANCELLED, OWNERS, "reason"),
    **everywhere(_OPEN),
}

_ALREADY_DONE: Table = {
    **ALREADY_DONE,
    **in_states([AWAITING, CONFIRMED, DECLINED], Action.CONFIRM_ORDER, _CONFIRMING, CMO),
    **in_states([PARTLY_DELIVERED, DELIVERED, IN_REVIEW], Action.CONFIRM_DELIVERY, _ARRIVING, CMO | OWNERS),
    **in_states([PARTLY_DELIVERED, DELIVERED, IN_REVIEW], Action.REPORT_LOST, _LOSING, CMO | OWNERS),
}


def _lots_and_orders(detail: Mapping[str, Any]) -> Iterator[tuple[str, str | None]]:
    for line in detail.get("lines", ()):
        yield "lot", line.get("lots_or_kits")
    yield "order number", detail.get("irt_order_no")


SHIPMENT = RequestTypeDefinition(
    name="shipment",
    prefix="SHP",
    body="slamon.schemas.types.shipment:ShipmentRequest",
    parts=Parts.LINES,
    rules=_RULES,
    already_done=_ALREADY_DONE,
    clocks=frozenset(
        {
            ClockKind.ACKNOWLEDGEMENT,
            ClockKind.ORDER_CONFIRMATION,
            ClockKind.REPLY,
            ClockKind.DISPATCH_CONFIRMATION,
            ClockKind.DELIVERY_CONFIRMATION,
            ClockKind.FULFILMENT,
            ClockKind.PROMISE,
            ClockKind.SPONSOR,
            ClockKind.EXCURSION_DECISION,
        }
    ),
    amendable={
        "requested_ship_date": (),
        "required_delivery_from": (),
        "required_delivery_to": (),
        "lines": ("quantity", "lots_or_kits"),
    },
    due_day="required_delivery_to",
    days_in_order=(
        ("required_delivery_from", "required_delivery_to"),
        ("requested_ship_date", "required_delivery_to"),
    ),
    marks=_lots_and_orders,
)
