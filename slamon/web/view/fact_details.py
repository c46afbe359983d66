"""What a fact says beside its text, in words: quantities, dates, readouts, what was changed from what to what."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from slamon.db.parties import Person
from slamon.domain.actions.parts import given
from slamon.domain.actions.shipping import (
    ConfirmDelivery,
    ConfirmDispatch,
    ConfirmOrder,
    ConfirmPacked,
    Decide,
    ReportLost,
)
from slamon.domain.actions.talk import Amended, Answer, Correct, HandedOn, Wait
from slamon.domain.catalogue import Catalogue
from slamon.domain.lifecycle import RequestTypeDefinition
from slamon.domain.progress import ItemStatus, Readout, is_by_row
from slamon.domain.stored import is_unsaid
from slamon.domain.timeline import AddressChanged, Fact, FactKind
from slamon.schemas.new_requests import detail_shapes
from slamon.schemas.shapes import Shape
from slamon.services.deadlines.loading import LoadedRequest
from slamon.web.view.asked import in_words
from slamon.web.view.instants import Zones, civil_day
from slamon.web.view.progress import (
    CONDITIONS,
    DISPOSITIONS,
    READOUTS,
    answered_with,
    figure,
    lines_in_words,
    part_title,
)
from slamon.web.view.words import label, shown
from slamon.wording.types import TypeWords
from slamon.wording.words import Words


@dataclass(frozen=True, slots=True)
class Telling:
    """What the particulars of one request's facts are told from. `names` are those of people, by their id."""

    catalogue: Catalogue
    words: Words
    type: RequestTypeDefinition
    detail: Mapping[str, Any]
    zones: Zones
    facts: Mapping[int, Fact]
    names: Mapping[str, str]

    @property
    def type_words(self) -> TypeWords:
        return self.words.types[self.type.name]


def telling(session: Session, case: LoadedRequest, detail: Mapping[str, Any], zones: Zones, words: Words) -> Telling:
    """`detail` is what the request asks for by now."""
    ids = {UUID(value) for fact in case.timeline.of(FactKind.AMENDED) for value in _people_in(fact.said(Amended))}
    people = session.execute(select(Person.id, Person.name).where(Person.id.in_(ids))) if ids else ()
    names = {str(id_): name for id_, name in people}
    facts = {fact.sequence: fact for fact in case.timeline}
    return Telling(case.catalogue, words, case.type, detail, zones, facts, names)


def _people_in(amended: Amended) -> Iterator[str]:
    if "contact_id" in amended.changes:
        change = amended.changes["contact_id"]
        yield from filter(None, (change.before, change.after))


def particulars(fact: Fact, told: Telling) -> tuple[str, ...]:
    """One line for each thing the fact says; none for most facts."""
    say = _SAYINGS.get(fact.kind, _plainly)
    return tuple(each for each in say(fact, told) if each)


def corrected_by(fact: Fact) -> int | None:
    """The sequence of the fact that this one corrects."""
    return fact.said(Correct).corrects if fact.kind == FactKind.CORRECTED else None


def quoted(sequence: int, told: Telling) -> str:
    """What a correction points at: `Corinne Contact asked a question, Mon 2 Mar 2026, 10:00 Zurich`."""
    fact = told.facts[sequence]
    return f"{fact.by.name} {told.words.facts[fact.kind].did}, {told.zones.at(fact.occurred_at)}"


def _plainly(fact: Fact, told: Telling) -> Iterator[str]:
    """Each field that is its action's own, as its form calls it."""
    action = told.catalogue.action_of.get(fact.kind)
    if action is None:
        return
    definition, fields = told.catalogue.actions[action], told.words.actions[action].fields
    said = fact.said(definition.says)
    for name in definition.takes:
        value = getattr(said, name)
        if not is_unsaid(value):
            yield f"{fields[name].label}: {_in_words(value, told)}"


def _in_words(value: Any, told: Telling) -> str:
    if isinstance(value, datetime):
        return str(told.zones.at(value))
    if isinstance(value, tuple):
        return ", ".join(_in_words(each, told) for each in value)
    return civil_day(value) if isinstance(value, date) else str(value)


def _answered(fact: Fact, told: Telling) -> Iterator[str]:
    count = len(told.detail.get(told.type.parts) or ())
    for part in fact.said(Answer).items or ():
        words = told.type_words.part
        status = words.declined if part.status is ItemStatus.DECLINED else words.supplied
        said = answered_with(part)
        if count > 1 or said:
            title = part_title(told.type, told.type_words, told.detail, part.item)
            yield f"{title}: {status}{f', {said}' if said else ''}"


def _planned(fact: Fact, _: Telling) -> Iterator[str]:
    yield f"Planned ship date: {_day(fact.said(ConfirmOrder).planned_ship_on)}"


def _day(day: date | None) -> str:
    return civil_day(day) if day else ""


def _moment(at: datetime | None, words: str, told: Telling) -> str:
    return f"{words} {told.zones.at(at)}" if at else ""


def _loggers(serials: tuple[str, ...]) -> str:
    return f"Loggers: {', '.join(serials)}" if serials else ""


def _packed(fact: Fact, told: Telling) -> Iterator[str]:
    said = fact.said(ConfirmPacked)
    yield lines_in_words(told.detail, said.lines)
    yield f"Lots or kits: {said.lots_or_kits}" if said.lots_or_kits else ""
    yield _loggers(said.logger_serials)
    yield _moment(said.packed_at, "Packed", told)


def _dispatched(fact: Fact, told: Telling) -> Iterator[str]:
    said = fact.said(ConfirmDispatch)
    yield f"Consignment {said.consignment}: {lines_in_words(told.detail, said.lines)}"
    yield ", ".join(filter(None, (said.courier, said.service, said.tracking_number)))
    yield _moment(said.dispatched_at, "Dispatched", told)
    yield f"Expected there on {_day(said.expected_delivery_on)}"
    yield _loggers(said.logger_serials)


def _delivered(fact: Fact, told: Telling) -> Iterator[str]:
    said = fact.said(ConfirmDelivery)
    yield f"Consignment {said.consignment}: {CONDITIONS[given(said.condition)]}"
    yield f"Received by {said.received_by}"
    yield _moment(said.delivered_at, "Delivered", told)
    yield _readout(said, given(said.readout))


def _readout(said: ConfirmDelivery, readout: Readout) -> str:
    ends = [f"{figure(said.min_c)} °C at the lowest"] if said.min_c is not None else []
    ends += [f"{figure(said.max_c)} °C at the highest"] if said.max_c is not None else []
    ends += [f"{said.minutes_out} minutes out of range"] if said.minutes_out is not None else []
    words = READOUTS[readout][:1].upper() + READOUTS[readout][1:]
    return "" if readout is Readout.NOT_REQUIRED else ", ".join([words, *ends])


def _lost(fact: Fact, _: Telling) -> Iterator[str]:
    yield f"Consignment {fact.said(ReportLost).consignment}"


def _decided(fact: Fact, _: Telling) -> Iterator[str]:
    said = fact.said(Decide)
    yield f"Consignment {said.consignment}: {DISPOSITIONS[given(said.disposition)]}"


def _waiting(fact: Fact, told: Telling) -> Iterator[str]:
    yield _moment(fact.said(Wait).until, "Until", told)


def _handed_on(fact: Fact, _: Telling) -> Iterator[str]:
    yield f"To {fact.said(HandedOn).contact.name}"


def _address_changed(fact: Fact, _: Telling) -> Iterator[str]:
    said = fact.said(AddressChanged)
    yield _change(said.contact.name, said.after, said.before)


def _amended(fact: Fact, told: Telling) -> Iterator[str]:
    for name, change in fact.said(Amended).changes.items():
        if name == "detail":
            yield from _amended_detail(told, change.before, change.after)
        else:
            yield _change(label(name), *(_value(name, value, told) for value in (change.after, change.before)))


def _amended_detail(told: Telling, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    words, shapes = told.type_words, {shape.name: shape for shape in detail_shapes(told.type)}
    for name, value in after.items():
        if not is_by_row(value):
            yield _field_change(shapes[name], words, value, before.get(name))
            continue
        columns = {column.name: column for column in shapes[name].fields}
        for row in value:
            number = row["number"]
            was, title = before[name][number - 1], f"{words.rows[f'detail.{name}'].one} {number}"
            for key in (key for key in row if key != "number"):
                yield _field_change(columns[key], words, row[key], was.get(key), title)


def _field_change(shape: Shape, words: TypeWords, now: Any, before: Any, row: str = "") -> str:
    label = words.fields[shape.place].label
    title = f"{row}, {label.lower()}" if row else label
    return _change(title, in_words(shape, words, now), in_words(shape, words, before))


def _value(name: str, value: Any, told: Telling) -> str:
    if name == "contact_id" and value:
        return told.names.get(str(value), "somebody else")
    if value in (None, ""):
        return ""
    return label(value) if name == "priority" else shown(name, value)


def _change(title: str, now: str, before: str) -> str:
    return f"{title}: {now}, was {before}" if before else f"{title}: {now}"


_SAYINGS: Mapping[str, Callable[[Fact, Telling], Iterable[str]]] = {
    FactKind.ANSWERED: _answered,
    FactKind.ORDER_CONFIRMED: _planned,
    FactKind.DATE_PROPOSED: _planned,
    FactKind.PACKED: _packed,
    FactKind.DISPATCHED: _dispatched,
    FactKind.DELIVERED: _delivered,
    FactKind.LOST: _lost,
    FactKind.DECIDED: _decided,
    FactKind.WAITING: _waiting,
    FactKind.CORRECTED: lambda _fact, _told: (),  # what it corrects is a link
    FactKind.HANDED_ON: _handed_on,
    FactKind.ADDRESS_CHANGED: _address_changed,
    FactKind.AMENDED: _amended,
}
