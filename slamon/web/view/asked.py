"""What a request asks for, field by field and in words, drawn from the model of its type."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from slamon.domain.lifecycle import RequestTypeDefinition
from slamon.schemas.new_requests import detail_shapes
from slamon.schemas.shapes import Shape, Widget
from slamon.web.view.instants import civil_day
from slamon.web.view.progress import figure
from slamon.web.view.words import label, yes_or_no
from slamon.wording.language import Language
from slamon.wording.types import TypeWords
from slamon.wording.words import Words

_SELF_EVIDENT = ("name", "address", "country")  # of a record: each is known by its looks


@dataclass(frozen=True, slots=True)
class Asked:
    """One field: a text, or a record as pairs, or texts with numbers, or records as a table."""

    label: str
    text: str = ""
    pairs: Sequence["Asked"] = ()
    numbered: Sequence[str] = ()
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()


def asked_for(request_type: RequestTypeDefinition, words: Words, detail: Mapping[str, Any]) -> list[Asked]:
    """What is asked for, in the order of the model; then whatever an older release kept and no model knows."""
    shapes = detail_shapes(request_type)
    known = {shape.name for shape in shapes}
    unknown = (
        Asked(label(name), str(value)) for name, value in detail.items() if name not in known and _is_said(value)
    )
    return [*_fields(shapes, words.types[request_type.name], detail, words.language), *unknown]


def _fields(
    shapes: Sequence[Shape], words: TypeWords, content: Mapping[str, Any], language: Language
) -> Iterator[Asked]:
    for shape in shapes:
        value: Any = content.get(shape.name)
        if not _is_said(value):
            continue
        title = words.fields[shape.place].label
        if shape.widget is Widget.RECORD:
            pairs = list(_fields(shape.fields, words, value, language))
            named = {words.fields[field.place].label for field in shape.fields if field.name in _SELF_EVIDENT}
            plain = [Asked("" if len(pairs) == 1 or each.label in named else each.label, each.text) for each in pairs]
            yield Asked(title, pairs=plain)
        elif shape.widget is Widget.ROWS:
            columns = [field for field in shape.fields if any(_is_said(row.get(field.name)) for row in value)]
            rows = [[in_words(field, words, row.get(field.name), language) for field in columns] for row in value]
            yield Asked(title, columns=[words.fields[field.place].label for field in columns], rows=rows)
        elif shape.widget is Widget.TEXTS:
            yield Asked(title, numbered=value)
        else:
            yield Asked(title, in_words(shape, words, value, language))


def in_words(shape: Shape, words: TypeWords, value: Any, language: Language) -> str:
    """A value as text: codes in words, civil dates as elsewhere, lists with commas; nothing where nothing is said."""
    if not _is_said(value):
        return ""
    if isinstance(value, list):
        return language.listed(in_words(shape, words, each, language) for each in value)
    if isinstance(value, bool):
        return yes_or_no(value, language)
    if shape.options:
        return words.codes[value]
    if shape.widget is Widget.NUMBER:
        return figure(value, language)
    return civil_day(date.fromisoformat(value), language) if shape.widget is Widget.DATE else str(value)


def _is_said(value: Any) -> bool:
    return value not in (None, "", [], {})
