"""What a fact says beside its text, in words: quantities, dates, readouts, what was changed from what to what."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from slamon.db.parties import Person
from slamon.db.requests import FactRow
from slamon.domain.lifecycle import RequestTypeDefinition
from slamon.domain.progress import Condition, Disposition, Readout
from slamon.domain.timeline import FactKind
from slamon.web.view.instants import Zones
from slamon.web.view.progress import (
    CONDITIONS,
    DISPOSITIONS,
    READOUTS,
    answered_with,
    day,
    figure,
    lines_in_words,
    part_title,
)
from slamon.web.view.words import FACTS, label, shown
from slamon.wording.types import TypeWords


@dataclass(frozen=True, slots=True)
class Telling:
    """What the particulars of one request's facts are told from. `names` are those of people, by their id."""

    type: RequestTypeDefinition
    words: TypeWords
    detail: Mapping[str, Any]
    zones: Zones
    facts: Mapping[int, FactRow]
    names: Mapping[str, str]


def telling(
    session: Session,
    type_: RequestTypeDefinition,
    words: TypeWords,
    detail: Mapping[str, Any],
    facts: Sequence[FactRow],
    zones: Zones,
) -> Telling:
    ids = {UUID(value) for fact in facts for value in _people_in(fact)}
    people = session.execute(select(Person.id, Person.name).where(Person.id.in_(ids))) if ids else ()
    names = {str(id_): name for id_, name in people}
    return Telling(type_, words, detail, zones, {fact.sequence: fact for fact in facts}, names)


def _people_in(fact: FactRow) -> Iterator[str]:
    if fact.kind == FactKind.AMENDED:
        yield from (value for value in fact.content["changes"].get("contact_id", {}).values() if value)


def particulars(fact: FactRow, told: Telling) -> tuple[str, ...]:
    """One line for each thing the fact says; none for most facts."""
    say = _SAYINGS.get(FactKind(fact.kind))
    return tuple(each for each in say(fact.content, told) if each) if say else ()


def corrected_by(fact: FactRow) -> int | None:
    """The sequence of the fact that this one corrects."""
    corrects: int | None = fact.content.get("corrects") if fact.kind == FactKind.CORRECTED else None
    return corrects


def quoted(sequence: int, told: Telling) -> str:
    """What a correction points at: `Corinne Contact asked a question, Mon 2 Mar 2026, 10:00 Zurich`."""
    fact = told.facts[sequence]
    return f"{fact.by_name} {FACTS[FactKind(fact.kind)]}, {told.zones.at(fact.occurred_at)}"


_Content = Mapping[str, Any]


def _answered(content: _Content, told: Telling) -> Iterator[str]:
    count = len(told.detail.get(told.type.parts) or ())
    for part in content.get("items", ()):
        status = told.words.part.declined if part["status"] == "declined" else told.words.part.supplied
        said = answered_with(part)
        if count > 1 or said:
            title = part_title(told.type, told.words, told.detail, part["item"])
            yield f"{title}: {status}{f', {said}' if said else ''}"


def _planned(content: _Content, _: Telling) -> Iterator[str]:
    yield f"Planned ship date: {day(content['planned_ship_on'])}"


def _moment(content: _Content, name: str, words: str, told: Telling) -> str:
    return f"{words} {told.zones.at(datetime.fromisoformat(content[name]))}" if content.get(name) else ""


def _loggers(content: _Content) -> str:
    serials = content.get("logger_serials")
    return f"Loggers: {', '.join(serials)}" if serials else ""


def _packed(content: _Content, told: Telling) -> Iterator[str]:
    yield lines_in_words(told.detail, content["lines"])
    yield f"Lots or kits: {content['lots_or_kits']}" if content.get("lots_or_kits") else ""
    yield _loggers(content)
    yield _moment(content, "packed_at", "Packed", told)


def _dispatched(content: _Content, told: Telling) -> Iterator[str]:
    yield f"Consignment {content['consignment']}: {lines_in_words(told.detail, content['lines'])}"
    yield ", ".join(content[name] for name in ("courier", "service", "tracking_number") if content.get(name))
    yield _moment(content, "dispatched_at", "Dispatched", told)
    yield f"Expected there on {day(content['expected_delivery_on'])}"
    yield _loggers(content)


def _delivered(content: _Content, told: Telling) -> Iterator[str]:
    yield f"Consignment {content['consignment']}: {CONDITIONS[Condition(content['condition'])]}"
    yield f"Received by {content['received_by']}"
    yield _moment(content, "delivered_at", "Delivered", told)
    yield _readout(content)


def _readout(content: _Content) -> str:
    readout = Readout(content["readout"])
    ends = [f"{figure(content[name])} °C {words}" for name, words in _ENDS.items() if content.get(name) is not None]
    if content.get("minutes_out") is not None:
        ends.append(f"{content['minutes_out']} minutes out of range")
    said = READOUTS[readout][:1].upper() + READOUTS[readout][1:]
    return "" if readout is Readout.NOT_REQUIRED else ", ".join([said, *ends])


_ENDS = {"min_c": "at the lowest", "max_c": "at the highest"}


def _lost(content: _Content, _: Telling) -> Iterator[str]:
    yield f"Consignment {content['consignment']}"


def _decided(content: _Content, _: Telling) -> Iterator[str]:
    yield f"Consignment {content['consignment']}: {DISPOSITIONS[Disposition(content['disposition'])]}"


def _waiting(content: _Content, told: Telling) -> Iterator[str]:
    yield _moment(content, "until", "Until", told)


def _handed_on(content: _Content, _: Telling) -> Iterator[str]:
    yield f"To {content['contact']['name']}"


def _address_changed(content: _Content, _: Telling) -> Iterator[str]:
    yield _change(content["contact"]["name"], content["to"], content["from"])


def _amended(content: _Content, told: Telling) -> Iterator[str]:
    for name, change in content["changes"].items():
        if name == "detail":
            yield from _amended_detail(told, change["from"], change["to"])
        else:
            yield _change(label(name), *(_value(name, change[end], told) for end in ("to", "from")))


def _amended_detail(told: Telling, before: _Content, after: _Content) -> Iterator[str]:
    fields, rows = told.words.fields, told.words.rows
    for name, value in after.items():
        place = f"detail.{name}"
        if place not in rows:
            yield _change(fields[place].label, _shown(name, value), _shown(name, before.get(name)))
            continue
        for part in value:
            number, was = part["number"], before[name][part["number"] - 1]
            for key in (key for key in part if key != "number"):
                title = f"{rows[place].one} {number}, {fields[f'{place}.{key}'].label.lower()}"
                yield _change(title, _shown(key, part[key]), _shown(key, was.get(key)))


def _value(name: str, value: Any, told: Telling) -> str:
    return told.names.get(str(value), "somebody else") if name == "contact_id" and value else _shown(name, value)


def _shown(name: str, value: Any) -> str:
    if value in (None, "", []):
        return ""
    if name == "quantity":
        return figure(value)
    return label(value) if name == "priority" else shown(name, value)


def _change(title: str, now: str, before: str) -> str:
    return f"{title}: {now}, was {before}" if before else f"{title}: {now}"


_SAYINGS: Mapping[FactKind, Callable[[_Content, Telling], Iterable[str]]] = {
    FactKind.ANSWERED: _answered,
    FactKind.ORDER_CONFIRMED: _planned,
    FactKind.DATE_PROPOSED: _planned,
    FactKind.PACKED: _packed,
    FactKind.DISPATCHED: _dispatched,
    FactKind.DELIVERED: _delivered,
    FactKind.LOST: _lost,
    FactKind.DECIDED: _decided,
    FactKind.WAITING: _waiting,
    FactKind.HANDED_ON: _handed_on,
    FactKind.ADDRESS_CHANGED: _address_changed,
    FactKind.AMENDED: _amended,
}
