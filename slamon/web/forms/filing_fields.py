"""The fields of the filing form and what they ask for, in the API's own shape, both ways; and what is wrong with them.

A field is named by its place, rows counted from 0: `detail.lines.0.unit`. Everything is drawn from the shapes of the
type's model.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from slamon.domain.normal_form import listed
from slamon.schemas.shapes import Shape, Widget
from slamon.wording.words import Words

Fields = Callable[[str], str]
"""What stands in a field of the form; an empty text for nothing."""


def asked(shapes: Iterable[Shape], fields: Fields) -> dict[str, Any]:
    """What the form asks for so far, not checked yet; what is empty is left out."""
    return {"type": fields("type"), **_asked(shapes, fields, "")}


def _asked(shapes: Iterable[Shape], fields: Fields, at: str) -> dict[str, Any]:
    values = ((shape.name, _value(shape, f"{at}{shape.name}", fields)) for shape in shapes)
    return {name: value for name, value in values if value is not None}


def _value(shape: Shape, name: str, fields: Fields) -> Any:
    match shape.widget:
        case Widget.RECORD:
            record = _asked(shape.fields, fields, f"{name}.")
            return record if record or shape.is_required else None
        case Widget.ROWS:
            return [_asked(shape.fields, fields, f"{name}.{row}.") for row in used_rows(shape, name, fields)]
        case Widget.TEXTS:
            return [fields(f"{name}.{row}") for row in used_rows(shape, name, fields)]
        case Widget.CHECK:
            return bool(fields(name))
        case Widget.CHECKS:
            return [option for option in shape.options if fields(f"{name}.{option}")] or None
        case Widget.LISTED:
            return listed(fields(name)) or None
        case Widget.COUNTRY:  # drafts of earlier releases have it as it was typed
            return fields(name).upper() or None
        case _:
            return fields(name) or None


def fields_of(content: Mapping[str, Any]) -> Fields:
    """The form filled with what was asked for; what has no field on it is not shown."""

    def read(name: str) -> str:
        here: Any = content
        for step in name.split("."):
            if isinstance(here, list) and step.isdecimal():
                here = here[int(step)] if int(step) < len(here) else None
            elif isinstance(here, list):
                here = step in here
            else:
                here = here.get(step) if isinstance(here, Mapping) else None
        if here is None or here is False or isinstance(here, Mapping):
            return ""
        return ", ".join(map(str, here)) if isinstance(here, list) else str(here)

    return read


def starting(shapes: Iterable[Shape], *, project_id: UUID) -> Fields:
    """A form that nobody has written into yet."""
    start = {leaf.place: leaf.shown.start for shape in shapes for leaf in shape.leaves if leaf.widget is Widget.CHECK}
    start["project_id"] = str(project_id)
    return lambda name: start.get(name, "")


def used_rows(shape: Shape, name: str, fields: Fields) -> list[int]:
    """The rows somebody wrote into. Fields that always hold something, as most selects do, do not count."""
    rows = range(shape.most or 0)
    if shape.widget is Widget.TEXTS:
        return [row for row in rows if fields(f"{name}.{row}")]
    telling = [each.name for each in shape.fields if not each.shown.start]
    return [row for row in rows if any(fields(f"{name}.{row}.{column}") for column in telling)]


def rows_shown(shape: Shape, name: str, fields: Fields) -> int:
    """How many rows of it the form shows: those there were, those in use, and one more if that was asked for."""
    counted = fields(f"{name}.rows")
    before = min(int(counted), shape.most or 0) if counted.isdecimal() and len(counted) < 6 else shape.shown.rows
    shown = max(before, shape.shown.rows, *(row + 1 for row in used_rows(shape, name, fields)), 1)
    return min(shown + (fields("more") == name), shape.most or shown)


def filled(shapes: Iterable[Shape], fields: Fields, at: str = "") -> Iterator[tuple[Shape, str]]:
    """Every field that somebody may have typed into, opened down to its row, with its name."""
    for shape in shapes:
        name = f"{at}{shape.name}"
        if shape.widget is Widget.RECORD:
            yield from filled(shape.fields, fields, f"{name}.")
        elif shape.widget is Widget.ROWS:
            for row in used_rows(shape, name, fields):
                yield from filled(shape.fields, fields, f"{name}.{row}.")
        else:
            yield shape, name


def not_meant(shapes: Iterable[Shape], fields: Fields, today: date, due: Iterable[str], words: Words) -> dict[str, str]:
    """By the name of the form's field: days that are over, and figures that are read in two ways.

    `due` are the places of days that must not lie in the past.
    """
    found = {}
    for shape, name in filled(shapes, fields):
        if shape.widget is Widget.NUMBER and reads_in_two_ways(fields(name)):
            found[name] = read_in_two_ways(words)
        if shape.place in due and _is_over(fields(name), today):
            found[name] = words.language.gettext("lies in the past; choose today or a later day, or leave it empty")
    return found


def _is_over(text: str, today: date) -> bool:
    try:
        return date.fromisoformat(text) < today
    except ValueError:  # empty, or told by the model
        return False


def read_in_two_ways(words: Words) -> str:
    return words.language.gettext(
        "can be read as thousands too; write it without the point, or without zeros at its end"
    )


def reads_in_two_ways(figure: str) -> bool:
    """`1.000` is one here and a thousand there; no page shows a figure with such zeros at its end."""
    return re.fullmatch(r"[1-9]\d{0,2}\.\d\d0", figure, re.ASCII) is not None


def wrong_fields(wrong: ValidationError, shapes: Sequence[Shape], fields: Fields) -> Iterator[tuple[Shape, str, Any]]:
    """Each error of the model with the field it belongs to and that field's name on the form.

    What is wrong with a record as a whole belongs to the first of its fields that the message begins with, else to
    its first field.
    """
    for error in wrong.errors():
        steps = [step for step in error["loc"] if step is not None]
        if steps and steps[0] == fields("type"):  # the model was chosen by it
            steps = steps[1:]
        found = _place(shapes, steps, fields, str(error["msg"]).removeprefix("Value error, "))
        if found is not None:
            yield *found, error


def _place(
    shapes: Sequence[Shape], steps: Sequence[int | str], fields: Fields, message: str, at: str = ""
) -> tuple[Shape, str] | None:
    """The field at a place of the model, its rows renumbered: empty rows of the form were left out."""
    if not steps:
        named = next((each for each in shapes if message.startswith(f"{each.name} ")), shapes[0])
        return _first(named, f"{at}{named.name}")
    shape = next((each for each in shapes if each.name == steps[0]), None)
    if shape is None:
        return None
    name, deeper = f"{at}{shape.name}", steps[1:]
    if shape.widget in (Widget.ROWS, Widget.TEXTS) and deeper and isinstance(deeper[0], int):
        row = used_rows(shape, name, fields)[deeper[0]]
        if shape.widget is Widget.TEXTS:
            return shape, f"{name}.{row}"
        return _place(shape.fields, deeper[1:], fields, message, f"{name}.{row}.")
    if shape.widget is Widget.RECORD:
        return _place(shape.fields, deeper, fields, message, f"{name}.")
    return _first(shape, name)


def _first(shape: Shape, name: str) -> tuple[Shape, str]:
    """The first field one types into."""
    if shape.widget is Widget.TEXTS:
        return shape, f"{name}.0"
    if not shape.fields:
        return shape, name
    row = ".0" if shape.widget is Widget.ROWS else ""
    return _first(shape.fields[0], f"{name}{row}.{shape.fields[0].name}")
