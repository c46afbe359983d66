"""The fields of the filing form and what they ask for, in the API's own shape, both ways; and what is wrong with them.

A field is named by its place: `detail.lines.0.unit`.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from typing import Any

from pydantic import ValidationError

from slamon.domain.lifecycle import RequestType
from slamon.domain.normal_form import listed
from slamon.web.forms.filing_words import plain
from slamon.web.view.words import named

Fields = Callable[[str], str]
"""What stands in a field of the form; an empty text for nothing."""

ROWS = {"lines": 5, "items": 3, "questions": 5}  # that are shown at least
_MOST_ROWS = 100
_SHARED = ("type", "project_id", "site_id", "subject", "description", "priority", "due_on", "cmo_reference")
_SHIPMENT = ("order_type", "irt_order_no", "requested_ship_date", "required_delivery_to", "instructions")
_DESTINATION = ("kind", "name", "attention", "address", "country")
_LINE = ("product_code", "description", "quantity", "unit")
_ITEM = ("kind", "lots", "format")
READ_IN_TWO_WAYS = "can be read as thousands too; write it without the point, or without zeros at its end"
_DAYS = ("due_on", "detail.requested_ship_date", "detail.required_delivery_to")


def asked(fields: Fields) -> dict[str, Any]:
    """What the form asks for so far, not checked yet."""
    return {**_given(fields, _SHARED), "gxp": bool(fields("gxp")), "detail": _detail(fields)}


def fields_of(content: Mapping[str, Any]) -> Fields:
    """The form filled with what was asked for."""

    def read(name: str) -> str:
        here: Any = content
        for step in name.split("."):
            if isinstance(here, list):
                here = here[int(step)] if step.isdecimal() and int(step) < len(here) else None
            else:
                here = here.get(step) if isinstance(here, Mapping) else None
        if here is None or here is False:
            return ""
        return ", ".join(map(str, here)) if isinstance(here, list) else str(here)

    return read


def left_out(content: Mapping[str, Any]) -> list[str]:
    """What is asked for that the form has no field for, by its place."""
    shown = set(_places(asked(fields_of(content))))
    return [place for place in _places(content) if place not in shown]


def rows_for(fields: Fields) -> dict[str, int]:
    """How many rows of each kind the form shows."""
    return {name: max([shown, *(row + 1 for row in _used(fields, name))]) for name, shown in ROWS.items()}


def problems_in(wrong: ValidationError, fields: Fields) -> dict[str, str]:
    """What is wrong, by the name of the form's field."""
    problems: dict[str, str] = {}
    for error in wrong.errors():
        place = [str(part) for part in error["loc"]]
        place = place[1:] if place and named(RequestType, place[0]) else place
        if len(place) > 2 and place[1] in ROWS:  # empty rows were left out, so the third may stand in row five
            place[2] = str(_used(fields, place[1])[int(place[2])])
        name = ".".join(place)
        if name.startswith("detail.items") and name.count(".") > 3:
            name = ".".join(place[:4])
        name = {"detail.lines": "detail.lines.0.product_code", "detail.items": "detail.items.0.kind"}.get(name, name)
        name = {"detail.questions": "detail.questions.0", "detail.storage": "detail.storage.code"}.get(name, name)
        if name == "detail":  # the one thing its model compares
            problems.setdefault("detail.requested_ship_date", "must not be after “Needed there by”")
        else:
            problems.setdefault(name, plain(name, error))
    return problems


def not_meant(fields: Fields, today: date) -> dict[str, str]:
    """By the name of the form's field: dates nobody can keep any more, and figures that are read in two ways."""
    past = {
        name: READ_IN_TWO_WAYS
        for row in _used(fields, "lines")
        if reads_in_two_ways(fields(name := f"detail.lines.{row}.quantity"))
    }
    for name in _DAYS:
        try:
            if date.fromisoformat(fields(name)) < today:
                past[name] = "lies in the past; choose today or a later day, or leave it empty"
        except ValueError:  # empty, or told by the model
            continue
    return past


def reads_in_two_ways(figure: str) -> bool:
    """`1.000` is one here and a thousand there; no page shows a figure with such zeros at its end."""
    return re.fullmatch(r"[1-9]\d{0,2}\.\d\d0", figure, re.ASCII) is not None


def _detail(fields: Fields) -> dict[str, Any]:
    if fields("type") == RequestType.SHIPMENT:
        return {
            **_given(fields, _SHIPMENT, "detail."),
            "destination": _destination(fields),
            "storage": _given(fields, ("code",), "detail.storage."),
            "logger_required": bool(fields("detail.logger_required")),
            "lines": [_given(fields, _LINE, f"detail.lines.{row}.") for row in _used(fields, "lines")],
        }
    if fields("type") == RequestType.DATA:
        items = [_given(fields, _ITEM, f"detail.items.{row}.") for row in _used(fields, "items")]
        for item in items:
            item["lots"] = listed(item.get("lots", ""))
        return {**_given(fields, ("purpose",), "detail."), "items": items}
    questions = [fields(f"detail.questions.{row}") for row in _used(fields, "questions")]
    return {**_given(fields, ("category",), "detail."), "questions": questions}


def _destination(fields: Fields) -> dict[str, Any]:
    given = _given(fields, _DESTINATION, "detail.destination.")
    return {**given, "country": given["country"].upper()} if "country" in given else given


def _given(fields: Fields, names: Iterable[str], prefix: str = "") -> dict[str, Any]:
    """The filled fields among `names`; an empty one counts as left out."""
    return {name: fields(prefix + name) for name in names if fields(prefix + name)}


def _used(fields: Fields, name: str) -> list[int]:
    """The rows somebody wrote into. Their selects always hold something, so these do not count."""
    told_by = {"lines": ("product_code", "description", "quantity"), "items": ("kind", "lots")}.get(name)
    rows = range(_MOST_ROWS)
    if told_by is None:
        return [row for row in rows if fields(f"detail.{name}.{row}")]
    return [row for row in rows if any(fields(f"detail.{name}.{row}.{column}") for column in told_by)]


def _places(content: Any, at: str = "") -> Iterator[str]:
    """The places of all that says something: numbers, words, and lists of them."""
    if isinstance(content, Mapping):
        for name, value in content.items():
            yield from _places(value, f"{at}.{name}" if at else name)
    elif isinstance(content, list) and any(isinstance(part, Mapping) for part in content):
        for row, part in enumerate(content):
            yield from _places(part, f"{at}.{row}")
    elif content not in (None, "", False, []):
        yield at
