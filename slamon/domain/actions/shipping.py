"""What is said about the goods of a shipment: ship date, packing, dispatch, delivery, loss, quality's decision."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar

from slamon.domain.actions.parts import (
    ActionDefinition,
    Amount,
    Between,
    Celsius,
    Columns,
    Contradiction,
    Count,
    Described,
    Group,
    OneLine,
    Said,
    Standing,
    Widget,
    given,
)
from slamon.domain.actions.talk import UNKNOWN, Number
from slamon.domain.normal_form import is_blank
from slamon.domain.progress import Condition, Consignment, Disposition, Progress, Readout
from slamon.domain.timeline import FactKind, end_of_day

_NOTHING = Decimal(0)
# °C, from and to; None where the condition sets no end.
_STORAGE: Mapping[str, tuple[float | None, float | None]] = {
    "cryogenic": (None, -150),
    "ultra_frozen": (-90, -60),
    "frozen": (-25, -15),
    "refrigerated": (2, 8),
    "controlled_room": (15, 25),
    "room_max_30": (None, 30),
    "none": (None, None),
}
LoggerSerials = Annotated[tuple[Annotated[str, OneLine(80)], ...], Count(0, 100), Widget("loggers")]
_CONSIGNMENT = (
    "Needed where there are several it could be. Of a dispatch recorded late: the one that was told of in another way "
    "since; left out, it is the one with the same tracking number, or a new one."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LineQuantity:
    line: Annotated[Number, Described("Place of the line in the order, from 1.")]
    quantity: Annotated[Decimal, Amount()]
    lots_or_kits: Annotated[str, OneLine(200), Described("The lots or kits of this line.")] = ""


_LEFT_OUT = "Left out, all that is left of the order; of a dispatch, what is packed, if anything is."


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmOrder(Said):
    action: ClassVar = "confirm_order"

    planned_ship_on: Annotated[
        date | None,
        Widget("ship_date"),
        Described("After the requested ship date, it is a proposal the sponsor must agree to."),
    ] = None


def _order_or_proposal(said: ConfirmOrder, progress: Progress) -> str:
    """A ship date after the one that the sponsor asked for is a counter-proposal."""
    wanted = progress.detail.get("requested_ship_date")
    is_later = wanted is not None and given(said.planned_ship_on) > date.fromisoformat(wanted)
    return FactKind.DATE_PROPOSED if is_later else FactKind.ORDER_CONFIRMED


@dataclass(frozen=True, slots=True, kw_only=True)
class Agree(Said):
    action: ClassVar = "agree"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse(Said):
    action: ClassVar = "refuse"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmPacked(Said):
    action: ClassVar = "confirm_packed"

    lines: Annotated[tuple[LineQuantity, ...] | None, Count(1, 200), Widget("packed_lines"), Described(_LEFT_OUT)] = (
        None
    )
    lots_or_kits: Annotated[
        str,
        OneLine(200),
        Described("What was packed, where the lines do not name their own: each line needs lots or kits."),
    ] = ""
    logger_serials: LoggerSerials = ()
    packed_at: datetime | None = None


def _check_packed(said: ConfirmPacked, standing: Standing) -> ConfirmPacked:
    if standing.progress.detail.get("logger_required") and not said.logger_serials:
        raise Contradiction("logger_serials", "a temperature logger is required: give the serial number of each")
    if said.packed_at is not None:
        _check_done_at("packed_at", said.packed_at, standing)
    left = _least(standing.progress.left_to_pack, standing.known.unpacked)
    lines = _fitting_lines(said.lines, left, "packed")
    if is_blank(said.lots_or_kits):
        for part in lines:
            if is_blank(part.lots_or_kits):
                raise Contradiction(
                    "lines", "line {line} names no lot and no kits; say which were packed", line=part.line
                )
    return replace(said, lines=lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmDispatch(Said):
    action: ClassVar = "confirm_dispatch"

    consignment: Annotated[int | None, Between(1, 200), Widget("told_since"), Described(_CONSIGNMENT)] = None
    lines: Annotated[tuple[LineQuantity, ...] | None, Count(1, 200), Widget("sent_lines"), Described(_LEFT_OUT)] = None
    courier: Annotated[str, OneLine(200)] = ""
    tracking_number: Annotated[str, OneLine(80)] = ""
    expected_delivery_on: date | None = None
    dispatched_at: Annotated[datetime | None, Described("When it left; left out, now.")] = None
    service: Annotated[str, OneLine(120)] = ""
    logger_serials: LoggerSerials = ()


def _check_dispatched(said: ConfirmDispatch, standing: Standing) -> ConfirmDispatch:
    dispatched_at = _check_done_at("dispatched_at", said.dispatched_at or standing.at, standing)
    said = replace(said, dispatched_at=dispatched_at)
    if end_of_day(given(said.expected_delivery_on), standing.progress.destination_zone) < dispatched_at:
        raise Contradiction("expected_delivery_on", "lies before the dispatch")
    same = _told_later(said, standing)
    if same is not None:
        return _as_told_later(said, same)
    packed = _least(standing.progress.packed_to_send, standing.known.packed_to_send)
    left = _least(standing.progress.left_to_send, standing.known.left_to_send)
    lines = _fitting_lines(said.lines, packed or left if said.lines is None else left, "dispatched")
    with_lots = tuple(_with_packed_lots(part, packed, standing.progress) for part in lines)
    return replace(said, lines=with_lots, consignment=standing.next_consignment)


def _with_packed_lots(part: LineQuantity, packed: Mapping[int, Decimal], progress: Progress) -> LineQuantity:
    """A dispatched line with its lots, where exactly what was packed of it goes and it names none itself."""
    lots = progress.packed_lots.get(part.line, ())
    is_all = part.quantity == packed.get(part.line)
    return replace(part, lots_or_kits=", ".join(lots)) if lots and is_all and not part.lots_or_kits else part


def _told_later(said: ConfirmDispatch, standing: Standing) -> Consignment | None:
    """The consignment that an act written down late is about, if the sponsor was told of it later in another way.

    It is the one named, or the one with the same tracking number.
    """
    before = {each.number for each in standing.progress.consignments}
    later = [each for each in standing.known.consignments if each.number not in before]
    number = said.consignment
    if number is None:
        return next((each for each in later if each.tracking_number == said.tracking_number), None)
    if number == standing.next_consignment:
        return None
    found = next((each for each in later if each.number == number), None)
    if found is None:
        why_not = "had been dispatched before" if number in before else "does not exist"
        raise Contradiction("consignment", f"{number} {why_not}; leave it out for goods not told of yet")
    return found


def _as_told_later(said: ConfirmDispatch, same: Consignment) -> ConfirmDispatch:
    lines = tuple(LineQuantity(line=line, quantity=quantity) for line, quantity in same.quantities.items())
    named = lines if said.lines is None else said.lines
    if {part.line: part.quantity for part in named} != dict(same.quantities):
        raise Contradiction(
            "lines", "are not those of consignment {number}, told of later; leave them out", number=same.number
        )
    return replace(said, lines=named, consignment=same.number)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmDelivery(Said):
    action: ClassVar = "confirm_delivery"

    consignment: Annotated[int | None, Between(1, 200), Widget("awaited"), Described(_CONSIGNMENT)] = None
    received_by: Annotated[str, OneLine(200)] = ""
    delivered_at: Annotated[datetime | None, Described("When it arrived; left out, now.")] = None
    condition: Condition | None = None
    readout: Annotated[Readout | None, Widget("readout")] = None
    min_c: Annotated[float | None, Celsius(), Group("temperatures")] = None
    max_c: Annotated[float | None, Celsius(), Group("temperatures")] = None
    minutes_out: Annotated[int | None, Between(0, 1_000_000), Group("temperatures")] = None


def _check_delivered(said: ConfirmDelivery, standing: Standing) -> ConfirmDelivery:
    progress = standing.progress
    awaited = (*progress.under_way, *progress.unconfirmed) if standing.is_cmo else progress.under_way
    consignment = _chosen(said.consignment, awaited, progress, "is not under way")
    delivered_at = _check_done_at("delivered_at", said.delivered_at or standing.at, standing)
    if delivered_at < consignment.dispatched_at:
        raise Contradiction("delivered_at", "lies before the dispatch")
    readout = said.readout or Readout.NOT_REQUIRED
    if readout == Readout.NOT_REQUIRED and progress.detail.get("logger_required"):
        raise Contradiction("readout", "a temperature logger travelled with it: say in_range, excursion or missing")
    said = replace(said, consignment=consignment.number, delivered_at=delivered_at, readout=readout)
    _check_temperatures(said, progress)
    return said


def _check_temperatures(said: ConfirmDelivery, progress: Progress) -> None:
    low, high = said.min_c, said.max_c
    if low is not None and high is not None and low > high:
        raise Contradiction("min_c", "min_c must not lie above max_c")
    if said.readout == Readout.EXCURSION and low is None and high is None:
        raise Contradiction("max_c", "an excursion needs the lowest or the highest temperature, in °C")
    if said.readout in (Readout.MISSING, Readout.NOT_REQUIRED) and (low is not None or high is not None):
        raise Contradiction("readout", "there are temperatures, so it is in_range or excursion")
    storage = progress.detail.get("storage", {})
    least, most = _STORAGE.get(storage.get("code", "none"), (None, None))
    least, most = storage.get("min_c", least), storage.get("max_c", most)
    out = [t for t in (low, high) if t is not None and not _lies_within(t, least, most)]
    if said.readout == Readout.IN_RANGE and out:
        raise Contradiction(
            "readout",
            "{degrees} °C lies outside the storage condition: say excursion, or check that it is in °C",
            degrees=out[0],
        )


def _lies_within(temperature: float, least: float | None, most: float | None) -> bool:
    return (least is None or least <= temperature) and (most is None or temperature <= most)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportLost(Said):
    action: ClassVar = "report_lost"

    consignment: Annotated[int | None, Between(1, 200), Widget("under_way"), Described(_CONSIGNMENT)] = None


def _check_lost(said: ReportLost, standing: Standing) -> ReportLost:
    chosen = _chosen(said.consignment, standing.progress.under_way, standing.progress, "is not under way")
    return replace(said, consignment=chosen.number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decide(Said):
    action: ClassVar = "decide"

    consignment: Annotated[int | None, Between(1, 200), Widget("undecided"), Described(_CONSIGNMENT)] = None
    disposition: Disposition | None = None


def _check_decided(said: Decide, standing: Standing) -> Decide:
    chosen = _chosen(said.consignment, standing.progress.undecided, standing.progress, "awaits no decision")
    if chosen.lost_at is not None and said.disposition == Disposition.USABLE:
        raise Contradiction("disposition", "consignment {number} is lost, so it cannot be usable", number=chosen.number)
    return replace(said, consignment=chosen.number)


def _fitting_lines(
    said: tuple[LineQuantity, ...] | None, left: Mapping[int, Decimal], verb: str
) -> tuple[LineQuantity, ...]:
    """The lines, none more than is left; all that is left where none was named."""
    if said is None:
        said = tuple(LineQuantity(line=line, quantity=quantity) for line, quantity in left.items())
    numbers = [part.line for part in said]
    if not numbers:
        raise Contradiction("lines", f"nothing is left to be {verb}")
    if len(set(numbers)) != len(numbers):
        raise Contradiction("lines", "a line stands twice; name each once, with the whole quantity")
    for part in said:
        most = left.get(part.line, _NOTHING)
        if part.quantity > most:
            raise Contradiction(
                "lines", f"{part.quantity} of line {part.line} cannot be {verb}: {most} of what was ordered is left"
            )
    return said


def _least(then: Mapping[int, Decimal], still: Mapping[int, Decimal]) -> dict[int, Decimal]:
    """Of each line what was left then and is left still."""
    return {line: min(quantity, still[line]) for line, quantity in then.items() if line in still}


def _chosen(number: int | None, choice: tuple[Consignment, ...], progress: Progress, why_not: str) -> Consignment:
    """The consignment named, or the only one there is."""
    if number is None and len(choice) == 1:
        return choice[0]
    if number is None:
        numbers = ", ".join(str(each.number) for each in choice)
        raise Contradiction("consignment", "name one of {numbers}", numbers=numbers)
    if not 1 <= number <= len(progress.consignments):
        raise Contradiction("consignment", "there is no consignment {number}", number=number)
    for each in choice:
        if each.number == number:
            return each
    raise Contradiction("consignment", f"consignment {number} {why_not}")


def _check_done_at(name: str, moment: datetime, standing: Standing) -> datetime:
    """The instant at which something was done: after the filing, and not in the future."""
    if moment > standing.at:
        raise Contradiction(name, "lies in the future; say it once it is done")
    if standing.progress.filed_at is not None and moment < standing.progress.filed_at:
        raise Contradiction(name, "lies before the request was filed")
    return moment


_REMARKS = "text"
SHIPPING: tuple[ActionDefinition[Any], ...] = (
    ActionDefinition(
        ConfirmOrder,
        (FactKind.ORDER_CONFIRMED, FactKind.DATE_PROPOSED),
        ("planned_ship_on", _REMARKS),
        chooses=_order_or_proposal,
        columns=Columns("order_confirmed_at", {"planned_ship_on": "planned_ship_on"}),
    ),
    ActionDefinition(Agree, (FactKind.DATE_AGREED,)),
    ActionDefinition(Refuse, (FactKind.DATE_REFUSED,), ("reason",)),
    ActionDefinition(
        ConfirmPacked, (FactKind.PACKED,), ("lines", "logger_serials", "packed_at"), check=_check_packed
    ),
    ActionDefinition(
        ConfirmDispatch,
        (FactKind.DISPATCHED,),
        (
            "consignment", "lines", "courier", "tracking_number", "expected_delivery_on", "dispatched_at", "service",
            "logger_serials", _REMARKS,
        ),
        takes_file=True,
        check=_check_dispatched,
        columns=Columns(
            "dispatched_at",
            {name: name for name in ("courier", "tracking_number", "expected_delivery_on")},
            {"courier": UNKNOWN, "tracking_number": UNKNOWN},
        ),
    ),
    ActionDefinition(
        ConfirmDelivery,
        (FactKind.DELIVERED,),
        (
            "consignment", "received_by", "delivered_at", "condition", "readout", "min_c", "max_c", "minutes_out",
            _REMARKS,
        ),
        takes_file=True,
        check=_check_delivered,
        columns=Columns(
            "delivered_at",
            {name: name for name in ("received_by", "condition", "readout", "min_c", "max_c", "minutes_out")},
            {"received_by": UNKNOWN},
        ),
    ),
    ActionDefinition(ReportLost, (FactKind.LOST,), ("consignment", _REMARKS), check=_check_lost),
    ActionDefinition(
        Decide,
        (FactKind.DECIDED,),
        ("consignment", "disposition", "reason"),
        check=_check_decided,
        columns=Columns(
            "decided_at", {"disposition": "disposition", "reason": "decided_reason"}, {"reason": UNKNOWN}
        ),
    ),
)  # fmt: skip
