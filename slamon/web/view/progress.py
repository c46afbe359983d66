"""What a request asks for and how far each part of it is, in words: lines, consignments, data items, questions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from slamon.domain.actions.shipping import ConfirmDispatch, LineQuantity
from slamon.domain.actions.talk import Answer, ItemAnswer
from slamon.domain.lifecycle import OPEN_STATES, SPONSORS_TURN, Parts, RequestTypeDefinition, State
from slamon.domain.progress import Condition, Consignment, Disposition, ItemStatus, Progress, Readout
from slamon.domain.timeline import Fact, FactKind
from slamon.services.deadlines.loading import LoadedRequest
from slamon.web.view.instants import Moment, Zones, civil_day
from slamon.wording.types import TypeWords

_COUNTED = {"kit": "kits", "vial": "vials", "bottle": "bottles", "blister": "blisters", "carton": "cartons",
            "box": "boxes", "each": "pieces"}  # fmt: skip
_ONE = Decimal(1)
CONDITIONS = {
    Condition.INTACT: "intact",
    Condition.DAMAGED: "damaged",
    Condition.SHORT: "less than was sent",
    Condition.OVER: "more than was sent",
    Condition.WRONG_ITEM: "wrong item",
}
READOUTS = {
    Readout.IN_RANGE: "temperature in range",
    Readout.EXCURSION: "temperature excursion",
    Readout.MISSING: "no logger readout",
    Readout.NOT_REQUIRED: "no logger travelled",
}
DISPOSITIONS = {Disposition.USABLE: "usable", Disposition.NOT_USABLE: "not usable"}


def figure(quantity: Decimal | str | float) -> str:
    """A quantity without trailing zeros: `24`, `0.5`."""
    return format(Decimal(str(quantity)).normalize(), "f")


def amount(quantity: Decimal | str | float, unit: str) -> str:
    """`24 kits`, `1 vial`, `2.5 kg`."""
    is_one = Decimal(str(quantity)) == _ONE
    return f"{figure(quantity)} {('piece' if unit == 'each' else unit) if is_one else _COUNTED.get(unit, unit)}"


def line_title(detail: Mapping[str, Any], number: int) -> str:
    """`Line 2: AUR-1, Placebo`."""
    line = _line(detail, number)
    names = [str(line[name]) for name in ("product_code", "description") if line.get(name)]
    return f"Line {number}: {', '.join(names)}" if names else f"Line {number}"


def line_amount(detail: Mapping[str, Any], number: int, quantity: Decimal | str) -> str:
    return amount(quantity, str(_line(detail, number).get("unit", "each")))


def lines_in_words(detail: Mapping[str, Any], lines: Sequence[LineQuantity] | None) -> str:
    """`24 kits of line 1 (A17), 10 vials of line 2`."""
    return ", ".join(
        f"{line_amount(detail, part.line, part.quantity)} of line {part.line}"
        + (f" ({part.lots_or_kits})" if part.lots_or_kits else "")
        for part in lines or ()
    )


def _line(detail: Mapping[str, Any], number: int) -> Mapping[str, Any]:
    lines: Sequence[Mapping[str, Any]] = detail.get("lines", ())
    return lines[number - 1] if number <= len(lines) else {}


def part_title(type_: RequestTypeDefinition, words: TypeWords, detail: Mapping[str, Any], number: int) -> str:
    """What stands above a data item or a question."""
    parts: Sequence[Any] = detail.get(type_.parts, ())
    if number > len(parts):
        return f"{words.rows[f'detail.{type_.parts}'].one} {number}"
    part = parts[number - 1]
    if isinstance(part, str):
        return f"{number}. {part}"
    lots = f", lot {', '.join(part['lots'])}" if part.get("lots") else ""
    return f"{number}. {words.codes[part['kind']]}{lots}"


@dataclass(frozen=True, slots=True)
class ItemStatusView:
    """A data item or a question; `notes` say under which number it came, or why not.

    `expected` is by when, where the items of one request have different terms and it is still owed.
    """

    title: str
    status: str
    is_open: bool
    notes: str
    expected: Moment | None = None


@dataclass(frozen=True, slots=True)
class LineSoFar:
    """An order line; `sent` and `arrived` are what of it is in consignments."""

    title: str
    ordered: str
    sent: str
    arrived: str


@dataclass(frozen=True, slots=True)
class Parcel:
    """One consignment as it stands."""

    number: int
    goods: str
    carrier: str
    tracking_number: str
    dispatched: Moment
    expected: str
    status: str
    is_off: bool
    arrived: Moment | None


@dataclass(frozen=True, slots=True)
class SoFar:
    """What is owed and what came. Empty where a single answer says it all."""

    parts: Sequence[ItemStatusView] = ()
    lines: Sequence[LineSoFar] = ()
    parcels: Sequence[Parcel] = ()
    planned: str | None = None
    proposed: str | None = None
    waits_until: Moment | None = None


def so_far(
    case: LoadedRequest,
    words: TypeWords,
    progress: Progress,
    facts: Sequence[Fact],
    zones: Zones,
    now: datetime,
) -> SoFar:
    """What is owed and what came, as of `progress`."""
    is_at_the_cmo = State(case.request.state) in OPEN_STATES - SPONSORS_TURN
    waits = progress.waits_until if is_at_the_cmo and progress.waits_until and progress.waits_until > now else None
    if case.type.parts is not Parts.LINES:
        is_worth_it = len(progress.items) > 1 or not progress.open_items
        parts = _parts(case, words, progress, facts, zones) if is_worth_it else ()
        return SoFar(parts=parts, waits_until=zones.maybe(waits))
    under_way = bool(progress.consignments) or progress.planned_ship_on is not None
    return SoFar(
        lines=list(_lines(progress)) if under_way else (),
        parcels=list(_parcels(progress, facts, zones)),
        planned=civil_day(progress.planned_ship_on) if progress.planned_ship_on else None,
        proposed=civil_day(progress.proposed_ship_on) if progress.proposed_ship_on else None,
        waits_until=zones.maybe(waits),
    )


def _parts(
    case: LoadedRequest, words: TypeWords, progress: Progress, facts: Sequence[Fact], zones: Zones
) -> list[ItemStatusView]:
    item_clocks = case.item_clocks()  # of items with terms of their own
    answers = [fact for fact in facts if fact.kind == FactKind.ANSWERED]
    said = {part.item: part for fact in answers for part in fact.said(Answer).items or ()}
    return [
        ItemStatusView(
            title=part_title(case.type, words, progress.detail, number),
            status=getattr(words.part, status),
            is_open=status is ItemStatus.OPEN,
            notes=answered_with(said[number]) if number in said else "",
            expected=zones.maybe(item_clocks[number].target_at)
            if number in item_clocks and status is ItemStatus.OPEN
            else None,
        )
        for number, status in enumerate(progress.items, start=1)
    ]


def answered_with(part: ItemAnswer) -> str:
    """`document COA-17, version 2`, or why an item was declined."""
    named = [f"document {part.document_number}" if part.document_number else ""]
    named += [f"version {part.document_version}" if part.document_version else ""]
    named += [part.text, part.reason]
    return ", ".join(each for each in named if each)


def _lines(progress: Progress) -> Iterator[LineSoFar]:
    for number, ordered in progress.ordered.items():
        sent = _total(progress.consignments, number)
        arrived = _total([each for each in progress.consignments if each.delivered_at], number)
        yield LineSoFar(
            title=line_title(progress.detail, number),
            ordered=line_amount(progress.detail, number, ordered),
            sent=figure(sent),
            arrived=figure(arrived),
        )


def _total(consignments: Sequence[Consignment], line: int) -> Decimal:
    return sum((each.quantities.get(line, Decimal(0)) for each in consignments), Decimal(0))


def _parcels(progress: Progress, facts: Sequence[Fact], zones: Zones) -> Iterator[Parcel]:
    sent: dict[int | None, ConfirmDispatch] = {}
    for fact in facts:
        if fact.kind == FactKind.DISPATCHED:  # of several words on one the first counts
            told = fact.said(ConfirmDispatch)
            sent.setdefault(told.consignment, told)
    for each in progress.consignments:
        said = sent[each.number]
        yield Parcel(
            number=each.number,
            goods=lines_in_words(progress.detail, said.lines),
            carrier=", ".join(filter(None, (said.courier, said.service))),
            tracking_number=said.tracking_number,
            dispatched=zones.at(each.dispatched_at),
            expected=civil_day(each.expected_delivery_on),
            status=_status(each),
            is_off=each.is_off,
            arrived=zones.maybe(each.delivered_at),
        )


def _status(each: Consignment) -> str:
    if each.is_under_way:
        return "under way"
    if each.condition is None or each.readout is None:
        words = ["lost"]
    else:
        words = ["arrived", CONDITIONS[each.condition]]
        if each.readout is not Readout.NOT_REQUIRED:
            words.append(READOUTS[each.readout])
    if each.is_unconfirmed:
        words.append("by the destination’s word; the CMO has not confirmed it yet")
    if each.is_off:
        words.append(f"quality: {DISPOSITIONS[each.disposition]}" if each.disposition else "quality decides")
    return ", ".join(words)
