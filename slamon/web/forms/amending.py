"""The fields of a detail that an amendment may change, filled with what stands there."""

from collections.abc import Iterator, Mapping
from itertools import starmap
from typing import Any

from slamon.countries import country_names, zones_by_region
from slamon.domain.lifecycle import Parts, RequestTypeDefinition
from slamon.schemas.new_requests import detail_shapes
from slamon.schemas.shapes import Shape, Widget
from slamon.web.forms.parts import Choice, Field, Kind
from slamon.web.view.progress import line_title, part_title, typed_figure
from slamon.wording.types import TypeWords
from slamon.wording.words import Words

# By the widgets of `schemas.shapes.AMENDABLE`.
_KINDS = {
    Widget.LINE: Kind.LINE,
    Widget.LISTED: Kind.LINE,
    Widget.TEXT: Kind.TEXT,
    Widget.NUMBER: Kind.NUMBER,
    Widget.DATE: Kind.DATE,
    Widget.CHOICE: Kind.CHOICE,
    Widget.COUNTRY: Kind.CHOICE,
    Widget.ZONE: Kind.CHOICE,
}


def amendable_fields(request_type: RequestTypeDefinition, words: Words, detail: Mapping[str, Any]) -> Iterator[Field]:
    """One field for each that may be changed as a whole; of fields with entries a group for each entry."""
    type_words = words.types[request_type.name]
    shapes = {shape.name: shape for shape in detail_shapes(request_type)}
    for name, columns in request_type.amendable.items():
        shape, place = shapes[name], f"changes.detail.{name}"
        if not columns:
            yield _field(shape, place, words, type_words, detail.get(name))
            continue
        own = [field for field in shape.fields if field.name in columns]
        for number, entry in enumerate(detail.get(name, ()), start=1):
            fields = tuple(
                _field(each, f"{place}.{number}.{each.name}", words, type_words, entry.get(each.name)) for each in own
            )
            yield Field(
                f"{place}.{number}", _title(request_type, words, detail, name, number), Kind.GROUP, parts=fields
            )


def _title(request_type: RequestTypeDefinition, words: Words, detail: Mapping[str, Any], name: str, number: int) -> str:
    if name != request_type.parts:
        return f"{words.types[request_type.name].rows[f'detail.{name}'].one} {number}"
    if name == Parts.LINES:
        return line_title(detail, number, words.language)
    return part_title(request_type, words, detail, number)


def _field(shape: Shape, name: str, words: Words, own: TypeWords, value: Any) -> Field:
    text = ", ".join(value) if isinstance(value, list) else "" if value is None else str(value)
    return Field(
        name,
        own.fields[shape.place].label,
        _KINDS[shape.widget],
        value=typed_figure(text) if shape.widget is Widget.NUMBER and text else text,
        hint=words.language.gettext("commas between several") if shape.widget is Widget.LISTED else "",
        is_list=shape.widget is Widget.LISTED,
        most=4000 if shape.widget is Widget.LISTED else shape.most or 200,
        choices=_choices(shape, words, own, text),
    )


def _choices(shape: Shape, words: Words, own: TypeWords, chosen: str) -> tuple[Choice, ...]:
    """What there is to choose from, and what is chosen: the API takes zones that no list offers."""
    match shape.widget:
        case Widget.CHOICE:
            named = {option: own.codes[option] for option in shape.options}
        case Widget.COUNTRY:
            named = words.language.countries(country_names())
        case Widget.ZONE:
            named = {zone: zone for zones in zones_by_region().values() for zone in zones}
        case _:
            return ()
    first = {} if chosen in named else {chosen: chosen or words.language.gettext("Choose…")}
    return tuple(starmap(Choice, (first | named).items()))
