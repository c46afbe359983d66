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
    answered_with,
    figure,
    lines_in_words,
    part_title,
)
from slamon.web.view.words import shown
from slamon.wording.language import Language, capital
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

    @property
    def language(self) -> Language:
        return self.words.language


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
    did = told.words.facts[fact.kind].did
    return told.language.gettext(
        "{name} {did}, {time}", name=fact.by.name, did=did, time=told.zones.at(fact.occurred_at)
    )


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
            yield _labelled(fields[name].label, _in_words(value, told), told)


def _labelled(title: str, text: str, told: Telling) -> str:
    return told.language.gettext("{label}: {text}", label=title, text=text)


def _in_words(value: Any, told: Telling) -> str:
    if isinstance(value, datetime):
        return str(told.zones.at(value))
    if isinstance(value, tuple):
        return told.language.listed(_in_words(each, told) for each in value)
    return civil_day(value, told.language) if isinstance(value, date) else str(value)


def _answered(fact: Fact, told: Telling) -> Iterator[str]:
    count = len(told.detail.get(told.type.parts) or ())
    for part in fact.said(Answer).items or ():
        words = told.type_words.part
        status = words.declined if part.status is ItemStatus.DECLINED else words.supplied
        said = answered_with(part, told.language)
        if count > 1 or said:
            title = part_title(told.type, told.words, told.detail, part.item)
            yield _labelled(title, told.language.listed(filter(None, (status, said))), told)


def _planned(fact: Fact, told: Telling) -> Iterator[str]:
    day = _day(fact.said(ConfirmOrder).planned_ship_on, told)
    yield told.language.gettext("Planned ship date: {day}", day=day)


def _day(day: date | None, told: Telling) -> str:
    return civil_day(day, told.language) if day else ""


def _loggers(serials: tuple[str, ...], told: Telling) -> str:
    if not serials:
        return ""
    return told.language.gettext("Loggers: {serials}", serials=told.language.listed(serials))


def _packed(fact: Fact, told: Telling) -> Iterator[str]:
    said, gettext = fact.said(ConfirmPacked), told.language.gettext
    yield lines_in_words(told.detail, said.lines, told.language)
    yield gettext("Lots or kits: {lots_or_kits}", lots_or_kits=said.lots_or_kits) if said.lots_or_kits else ""
    yield _loggers(said.logger_serials, told)
    if said.packed_at:
        yield gettext("Packed {time}", time=told.zones.at(said.packed_at))


def _of_consignment(number: int | None, what: str, told: Telling) -> str:
    return told.language.gettext("Consignment {number}: {what}", number=number, what=what)


def _dispatched(fact: Fact, told: Telling) -> Iterator[str]:
    said, gettext = fact.said(ConfirmDispatch), told.language.gettext
    yield _of_consignment(said.consignment, lines_in_words(told.detail, said.lines, told.language), told)
    yield told.language.listed(filter(None, (said.courier, said.service, said.tracking_number)))
    if said.dispatched_at:
        yield gettext("Dispatched {time}", time=told.zones.at(said.dispatched_at))
    yield gettext("Expected there on {day}", day=_day(said.expected_delivery_on, told))
    yield _loggers(said.logger_serials, told)


def _delivered(fact: Fact, told: Telling) -> Iterator[str]:
    said, gettext = fact.said(ConfirmDelivery), told.language.gettext
    yield _of_consignment(said.consignment, told.words.codes.conditions[given(said.condition)], told)
    yield gettext("Received by {name}", name=said.received_by)
    if said.delivered_at:
        yield gettext("Delivered {time}", time=told.zones.at(said.delivered_at))
    yield _readout(said, given(said.readout), told)


def _readout(said: ConfirmDelivery, readout: Readout, told: Telling) -> str:
    if readout is Readout.NOT_REQUIRED:
        return ""
    language, parts = told.language, [capital(told.words.codes.readouts[readout])]
    if said.min_c is not None:
        parts.append(language.gettext("{degrees} °C at the lowest", degrees=figure(said.min_c, language)))
    if said.max_c is not None:
        parts.append(language.gettext("{degrees} °C at the highest", degrees=figure(said.max_c, language)))
    if said.minutes_out is not None:
        parts.append(language.ngettext("{n} minutes out of range", "{n} minutes out of range", said.minutes_out))
    return language.listed(parts)


def _lost(fact: Fact, told: Telling) -> Iterator[str]:
    yield told.language.gettext("Consignment {number}", number=fact.said(ReportLost).consignment)


def _decided(fact: Fact, told: Telling) -> Iterator[str]:
    said = fact.said(Decide)
    yield _of_consignment(said.consignment, told.words.codes.dispositions[given(said.disposition)], told)


def _waiting(fact: Fact, told: Telling) -> Iterator[str]:
    until = fact.said(Wait).until
    if until:
        yield told.language.gettext("Until {time}", time=told.zones.at(until))


def _handed_on(fact: Fact, told: Telling) -> Iterator[str]:
    yield told.language.gettext("To {name}", name=fact.said(HandedOn).contact.name)


def _address_changed(fact: Fact, told: Telling) -> Iterator[str]:
    said = fact.said(AddressChanged)
    yield _change(said.contact.name, said.after, said.before, told)


def _amended(fact: Fact, told: Telling) -> Iterator[str]:
    for name, change in fact.said(Amended).changes.items():
        if name == "detail":
            yield from _amended_detail(told, change.before, change.after)
        else:
            title = told.words.request_fields[name].label
            yield _change(title, _value(name, change.after, told), _value(name, change.before, told), told)


def _amended_detail(told: Telling, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    words, shapes = told.type_words, {shape.name: shape for shape in detail_shapes(told.type)}
    for name, value in after.items():
        if not is_by_row(value):
            yield _field_change(shapes[name], told, value, before.get(name))
            continue
        columns = {column.name: column for column in shapes[name].fields}
        for row in value:
            number = row["number"]
            was, title = before[name][number - 1], f"{words.rows[f'detail.{name}'].one} {number}"
            for key in (key for key in row if key != "number"):
                yield _field_change(columns[key], told, row[key], was.get(key), title)


def _field_change(shape: Shape, told: Telling, now: Any, before: Any, row: str = "") -> str:
    words, language = told.type_words, told.language
    label = words.fields[shape.place].label
    title = language.listed((row, language.within(label))) if row else label
    return _change(title, in_words(shape, words, now, language), in_words(shape, words, before, language), told)


def _value(name: str, value: Any, told: Telling) -> str:
    if name == "contact_id" and value:
        return told.names.get(str(value)) or told.language.gettext("somebody else")
    if value in (None, ""):
        return ""
    return told.words.request_codes[value] if name == "priority" else shown(name, value, told.language)


def _change(title: str, now: str, before: str, told: Telling) -> str:
    if not before:
        return _labelled(title, now, told)
    return told.language.gettext("{label}: {now}, was {before}", label=title, now=now, before=before)


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
