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
    text = ", ".join(value) if isinstance(value, list) else str(value or "")
    return Field(
        name,
        own.fields[shape.place].label,
        _KINDS[shape.widget],
        value=typed_figure(text) if shape.widget is Widget.NUMBER and text else text,
        hint=words.language.gettext("commas between several") if shape.widget is Widget.LISTED else "",
        is_list=shape.widget is Widget.LISTED,
        most=4000 if shape.widget is Widget.LISTED else shape.most or 200,
        choices=_choices(shape, words, own, is_said=bool(text)),
    )


def _choices(shape: Shape, words: Words, own: TypeWords, *, is_said: bool) -> tuple[Choice, ...]:
    match shape.widget:
        case Widget.CHOICE:
            choices = [Choice(option, own.codes[option]) for option in shape.options]
        case Widget.COUNTRY:
            choices = list(starmap(Choice, country_names().items()))
        case Widget.ZONE:
            choices = [Choice(zone, zone) for zones in zones_by_region().values() for zone in zones]
        case _:
            return ()
    unsaid = () if is_said else (Choice("", words.language.gettext("Choose…")),)
    return (*unsaid, *choices)
