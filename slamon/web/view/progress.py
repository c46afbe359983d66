"""What a request asks for and how far each part of it is, in words: lines, consignments, data items, questions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from slamon.domain.actions.shipping import ConfirmDispatch, LineQuantity
from slamon.domain.actions.talk import Answer, ItemAnswer
from slamon.domain.lifecycle import OPEN_STATES, SPONSORS_TURN, Parts, RequestTypeDefinition, State
from slamon.domain.progress import Consignment, ItemStatus, Progress, Readout
from slamon.domain.timeline import Fact, FactKind
from slamon.services.deadlines.loading import LoadedRequest
from slamon.web.view.instants import Moment, Zones, civil_day
from slamon.wording.language import Language
from slamon.wording.words import Words


def figure(quantity: Decimal | str | float, language: Language) -> str:
    """A quantity without trailing zeros: `24`, `0.5`."""
    return language.plain_number(Decimal(str(quantity)).normalize())


def typed_figure(quantity: Decimal | str | float) -> str:
    """The same as it is typed into a form, whatever the language."""
    return format(Decimal(str(quantity)).normalize(), "f")


def amount(quantity: Decimal | str | float, unit: str, language: Language) -> str:
    """`24 kits`, `1 vial`, `2.5 kg`."""
    ngettext, of, n = language.ngettext, Decimal(str(quantity)), figure(quantity, language)
    match unit:
        case "kit":
            return ngettext("{n} kit", "{n} kits", of, n=n)
        case "vial":
            return ngettext("{n} vial", "{n} vials", of, n=n)
        case "bottle":
            return ngettext("{n} bottle", "{n} bottles", of, n=n)
        case "blister":
            return ngettext("{n} blister", "{n} blisters", of, n=n)
        case "carton":
            return ngettext("{n} carton", "{n} cartons", of, n=n)
        case "box":
            return ngettext("{n} box", "{n} boxes", of, n=n)
        case "each":
            return ngettext("{n} piece", "{n} pieces", of, n=n)
        case _:
            return f"{n} {unit}"  # g, kg, ml and l are the same everywhere


def line_title(detail: Mapping[str, Any], number: int, language: Language) -> str:
    """`Line 2: AUR-1, Placebo`."""
    line = _line(detail, number)
    names = [str(line[name]) for name in ("product_code", "description") if line.get(name)]
    if not names:
        return language.gettext("Line {number}", number=number)
    return language.gettext("Line {number}: {names}", number=number, names=language.listed(names))


def line_amount(detail: Mapping[str, Any], number: int, quantity: Decimal | str, language: Language) -> str:
    return amount(quantity, str(_line(detail, number).get("unit", "each")), language)


def lines_in_words(detail: Mapping[str, Any], lines: Sequence[LineQuantity] | None, language: Language) -> str:
    """`24 kits of line 1 (A17), 10 vials of line 2`."""
    return language.listed(_sent(detail, part, language) for part in lines or ())


def _sent(detail: Mapping[str, Any], part: LineQuantity, language: Language) -> str:
    quantity = line_amount(detail, part.line, part.quantity, language)
    of = language.gettext("{amount} of line {number}", amount=quantity, number=part.line)
    return f"{of} ({part.lots_or_kits})" if part.lots_or_kits else of


def _line(detail: Mapping[str, Any], number: int) -> Mapping[str, Any]:
    lines: Sequence[Mapping[str, Any]] = detail.get("lines", ())
    return lines[number - 1] if number <= len(lines) else {}


def part_title(type_: RequestTypeDefinition, words: Words, detail: Mapping[str, Any], number: int) -> str:
    """What stands above a data item or a question."""
    parts, own, language = detail.get(type_.parts, ()), words.types[type_.name], words.language
    if number > len(parts):
        return f"{own.rows[f'detail.{type_.parts}'].one} {number}"
    part = parts[number - 1]
    if isinstance(part, str):
        return f"{number}. {part}"
    kind = f"{number}. {own.codes[part['kind']]}"
    if not part.get("lots"):
        return kind
    return language.gettext("{kind}, lot {lots}", kind=kind, lots=language.listed(part["lots"]))


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
    is_nonconforming: bool
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
    words: Words,
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
        lines=list(_lines(progress, zones.language)) if under_way else (),
        parcels=list(_parcels(progress, facts, words, zones)),
        planned=civil_day(progress.planned_ship_on, zones.language) if progress.planned_ship_on else None,
        proposed=civil_day(progress.proposed_ship_on, zones.language) if progress.proposed_ship_on else None,
        waits_until=zones.maybe(waits),
    )


def _parts(
    case: LoadedRequest, words: Words, progress: Progress, facts: Sequence[Fact], zones: Zones
) -> list[ItemStatusView]:
    item_clocks = case.item_clocks()  # of items with terms of their own
    answers = [fact for fact in facts if fact.kind == FactKind.ANSWERED]
    said = {part.item: part for fact in answers for part in fact.said(Answer).items or ()}
    return [
        ItemStatusView(
            title=part_title(case.type, words, progress.detail, number),
            status=getattr(words.types[case.type.name].part, status),
            is_open=status is ItemStatus.OPEN,
            notes=answered_with(said[number], zones.language) if number in said else "",
            expected=zones.maybe(item_clocks[number].target_at)
            if number in item_clocks and status is ItemStatus.OPEN
            else None,
        )
        for number, status in enumerate(progress.items, start=1)
    ]


def answered_with(part: ItemAnswer, language: Language) -> str:
    """`document COA-17, version 2`, or why an item was declined."""
    gettext, named = language.gettext, []
    if part.document_number:
        named.append(gettext("document {number}", number=part.document_number))
    if part.document_version:
        named.append(gettext("version {version}", version=part.document_version))
    return language.listed(filter(None, (*named, part.text, part.reason)))


def _lines(progress: Progress, language: Language) -> Iterator[LineSoFar]:
    for number, ordered in progress.ordered.items():
        sent = _total(progress.consignments, number)
        arrived = _total([each for each in progress.consignments if each.delivered_at], number)
        yield LineSoFar(
            title=line_title(progress.detail, number, language),
            ordered=line_amount(progress.detail, number, ordered, language),
            sent=figure(sent, language),
            arrived=figure(arrived, language),
        )


def _total(consignments: Sequence[Consignment], line: int) -> Decimal:
    return sum((each.quantities.get(line, Decimal(0)) for each in consignments), Decimal(0))


def _parcels(progress: Progress, facts: Sequence[Fact], words: Words, zones: Zones) -> Iterator[Parcel]:
    sent: dict[int | None, ConfirmDispatch] = {}
    for fact in facts:
        if fact.kind == FactKind.DISPATCHED:  # of several words on one the first counts
            told = fact.said(ConfirmDispatch)
            sent.setdefault(told.consignment, told)
    for each in progress.consignments:
        said = sent[each.number]
        yield Parcel(
            number=each.number,
            goods=lines_in_words(progress.detail, said.lines, zones.language),
            carrier=", ".join(filter(None, (said.courier, said.service))),
            tracking_number=said.tracking_number,
            dispatched=zones.at(each.dispatched_at),
            expected=civil_day(each.expected_delivery_on, zones.language),
            status=_status(each, words),
            is_nonconforming=each.is_nonconforming,
            arrived=zones.maybe(each.delivered_at),
        )


def _status(each: Consignment, words: Words) -> str:
    gettext, codes = words.language.gettext, words.codes
    if each.is_under_way:
        return gettext("under way")
    if each.condition is None or each.readout is None:
        said = [gettext("lost")]
    else:
        said = [gettext("arrived"), codes.conditions[each.condition]]
        if each.readout is not Readout.NOT_REQUIRED:
            said.append(codes.readouts[each.readout])
    if each.is_unconfirmed:
        said.append(gettext("by the destination’s word; the CMO has not confirmed it yet"))
    if each.is_nonconforming and each.disposition:
        said.append(gettext("quality: {disposition}", disposition=codes.dispositions[each.disposition]))
    elif each.is_nonconforming:
        said.append(gettext("quality decides"))
    return words.language.listed(said)
