"""The fields of a detail that an amendment may change, filled with what stands there."""

from collections.abc import Iterator, Mapping
from typing import Any

from slamon.domain.lifecycle import Parts, RequestTypeDefinition
from slamon.schemas.new_requests import detail_shapes
from slamon.schemas.shapes import Shape, Widget
from slamon.web.forms.parts import Choice, Field, Kind
from slamon.web.view.progress import line_title, part_title, typed_figure
from slamon.wording.types import TypeWords
from slamon.wording.words import Words

_KINDS = {Widget.DATE: Kind.DATE, Widget.NUMBER: Kind.NUMBER, Widget.TEXT: Kind.TEXT, Widget.CHOICE: Kind.CHOICE}


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
            is_line = request_type.parts is Parts.LINES
            title = (
                line_title(detail, number, words.language)
                if is_line
                else part_title(request_type, words, detail, number)
            )
            yield Field(f"{place}.{number}", title, Kind.GROUP, parts=fields)


def _field(shape: Shape, name: str, words: Words, own: TypeWords, value: Any) -> Field:
    text = ", ".join(value) if isinstance(value, list) else str(value or "")
    return Field(
        name,
        own.fields[shape.place].label,
        _KINDS.get(shape.widget, Kind.LINE),
        value=typed_figure(text) if shape.widget is Widget.NUMBER and text else text,
        hint=words.language.gettext("commas between several") if shape.widget is Widget.LISTED else "",
        is_list=shape.widget is Widget.LISTED,
        most=4000 if shape.widget is Widget.LISTED else shape.most or 200,
        choices=tuple(Choice(option, own.codes[option]) for option in shape.options),
    )
