"""How far a request has come: what was ordered, sent and received, which items are owed, what is open to the sponsor.

How facts make it is in `fold`; what an act must not contradict, each action in `actions/` checks.
Quantities are exact decimals in the unit of their line; lines, items, questions and consignments count from 1.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo


class Condition(StrEnum):
    INTACT = "intact"
    DAMAGED = "damaged"
    SHORT = "short"
    OVER = "over"
    WRONG_ITEM = "wrong_item"


class Readout(StrEnum):
    """What the temperature logger says."""

    IN_RANGE = "in_range"
    EXCURSION = "excursion"
    MISSING = "missing"
    NOT_REQUIRED = "not_required"


class Disposition(StrEnum):
    """What quality decides about goods that did not arrive as they should."""

    USABLE = "usable"
    NOT_USABLE = "not_usable"


class ItemStatus(StrEnum):
    OPEN = "open"
    SUPPLIED = "supplied"
    DECLINED = "declined"


def is_unfit(condition: Condition | None, readout: Readout | None) -> bool:
    """Whether goods in this condition, or with this readout, are for quality to look at."""
    return condition not in (None, Condition.INTACT) or readout in (Readout.EXCURSION, Readout.MISSING)


class Consignment(NamedTuple):
    """One parcel. `..._at` is when it was done, `..._confirmed_at` when the sponsor was told.

    `delivery_confirmed_at` is that of the word on its condition that stands; `cmo_confirmed_at` that of the CMO's first
    word on the delivery, None while there is the destination's alone.
    """

    number: int
    quantities: Mapping[int, Decimal]
    dispatched_at: datetime
    dispatch_confirmed_at: datetime
    expected_delivery_on: date
    tracking_number: str = ""
    delivered_at: datetime | None = None
    delivery_confirmed_at: datetime | None = None
    cmo_confirmed_at: datetime | None = None
    condition: Condition | None = None
    readout: Readout | None = None
    lost_at: datetime | None = None
    disposition: Disposition | None = None
    decided_at: datetime | None = None

    @property
    def is_under_way(self) -> bool:
        return self.delivered_at is None and self.lost_at is None

    @property
    def is_unconfirmed(self) -> bool:
        """Whether it arrived by the destination's word, and the CMO has said nothing of it."""
        return self.delivered_at is not None and self.cmo_confirmed_at is None and self.lost_at is None

    @property
    def is_nonconforming(self) -> bool:
        """Lost, damaged, wrong, or of a temperature nobody can vouch for: quality must look at it."""
        return self.lost_at is not None or is_unfit(self.condition, self.readout)

    @property
    def needs_decision(self) -> bool:
        return self.is_nonconforming and self.disposition is None


class Progress(NamedTuple):
    """What the facts so far add up to. `detail` is what was asked for, with every amendment.

    A named tuple, because each step of the fold copies it, and copying a frozen dataclass takes five times as long.
    """

    detail: Mapping[str, Any] = MappingProxyType({})
    has_question: bool = False
    has_unanswered: bool = False  # a message of the sponsor to which the CMO has not said a word
    planned_ship_on: date | None = None
    proposed_ship_on: date | None = None
    consignments: tuple[Consignment, ...] = ()
    items: tuple[ItemStatus, ...] = ()
    waited: timedelta = timedelta(0)  # for third parties, in all
    waits_since: datetime | None = None
    waits_until: datetime | None = None
    filed_at: datetime | None = None
    ended_at: datetime | None = None
    packed: Mapping[int, Decimal] = MappingProxyType({})  # by line
    packed_lots: Mapping[int, tuple[str, ...]] = MappingProxyType({})  # by line, of what is not sent yet

    @property
    def destination_zone(self) -> ZoneInfo:
        """UTC where nobody said."""
        return ZoneInfo(self.detail.get("destination", {}).get("time_zone") or "UTC")

    @property
    def left_to_pack(self) -> dict[int, Decimal]:
        """What of each line was neither packed nor sent yet; lines of which nothing is left are left out."""
        to_send, unpacked = self.left_to_send, self.unpacked
        return {line: min(quantity, to_send[line]) for line, quantity in unpacked.items() if line in to_send}

    @property
    def unpacked(self) -> dict[int, Decimal]:
        """What of each line was not packed, sent or not; lines of which nothing is left are left out."""
        left = {line: quantity - self.packed.get(line, Decimal(0)) for line, quantity in self.ordered.items()}
        return {line: quantity for line, quantity in left.items() if quantity > 0}

    @property
    def ordered(self) -> dict[int, Decimal]:
        return {n: Decimal(str(line["quantity"])) for n, line in enumerate(self.detail.get("lines", ()), start=1)}

    @property
    def is_shipment(self) -> bool:
        return bool(self.detail.get("lines"))

    @property
    def left_to_send(self) -> dict[int, Decimal]:
        """What of each line is in no consignment yet; lines that are covered are left out."""
        left = self.ordered
        for consignment in self.consignments:
            for line, quantity in consignment.quantities.items():
                left[line] -= quantity
        return {line: quantity for line, quantity in left.items() if quantity > 0}

    @property
    def packed_to_send(self) -> dict[int, Decimal]:
        """What of each line is packed and in no consignment yet; lines of which nothing is are left out."""
        ordered, left = self.ordered, self.left_to_send
        sent = {line: ordered[line] - left.get(line, Decimal(0)) for line in self.packed}
        return {line: quantity - sent[line] for line, quantity in self.packed.items() if quantity > sent[line]}

    @property
    def under_way(self) -> tuple[Consignment, ...]:
        return tuple(each for each in self.consignments if each.is_under_way)

    @property
    def unconfirmed(self) -> tuple[Consignment, ...]:
        return tuple(each for each in self.consignments if each.is_unconfirmed)

    @property
    def undecided(self) -> tuple[Consignment, ...]:
        return tuple(each for each in self.consignments if each.needs_decision)

    @property
    def has_all_arrived(self) -> bool:
        """Whether every line is covered and every consignment has arrived or is lost."""
        return bool(self.consignments) and not self.left_to_send and not self.under_way

    @property
    def is_all_lost(self) -> bool:
        """Whether nothing arrived of all that was ordered, and quality has decided on each consignment."""
        lost = all(each.lost_at is not None for each in self.consignments)
        return self.has_all_arrived and lost and not self.undecided

    @property
    def open_items(self) -> list[int]:
        """Numbers of the data items or questions still owed."""
        return [number for number, status in enumerate(self.items, start=1) if status is ItemStatus.OPEN]


def amended(detail: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """What is asked for, with some of its fields changed; of rows only what is said of them."""
    return {**detail, **{name: _changed(detail.get(name, ()), value) for name, value in changes.items()}}


def is_by_row(value: Any) -> bool:
    """Whether a change is of some rows (lines, items) of a field, each told by its number, and not of the whole."""
    return (
        isinstance(value, list) and value != [] and all(isinstance(row, Mapping) and "number" in row for row in value)
    )


def _changed(before: Sequence[Mapping[str, Any]], value: Any) -> Any:
    if not is_by_row(value):
        return value
    rows = [dict(row) for row in before]
    for change in value:
        rows[change["number"] - 1] |= {name: what for name, what in change.items() if name != "number"}
    return rows
