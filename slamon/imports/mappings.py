"""How a spreadsheet of requests says what we call a type, a filing, an answer: read from a file that somebody wrote.

Here lives the meaning of a mapping and of a cell under it (slamon/cli/requests_template.toml shows one). Requests,
their life cycle and the database are not known here.
"""

import json
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_type_hints
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from slamon.domain.catalogue import STANDARD, Catalogue
from slamon.domain.normal_form import normal_form
from slamon.errors import Invalid
from slamon.imports.cells import Value
from slamon.imports.figures import honest_format, instants_of, plain_number, read_moment, read_number
from slamon.imports.tables import ROW, Row, RowProblem
from slamon.schemas.fields import Zone
from slamon.schemas.new_requests import detail_shapes
from slamon.schemas.shapes import Widget, leaves_of


class Field(StrEnum):
    """The columns of every request: what was asked, of whom, and when. Types and actions name further ones."""

    SOURCE_KEY = "source_key"
    TYPE = "type"
    PROJECT = "project"
    CMO = "cmo"
    SITE = "site"
    CONTACT_EMAIL = "contact_email"
    PRIORITY = "priority"
    SUBJECT = "subject"
    DESCRIPTION = "description"
    GXP = "gxp"
    CMO_REFERENCE = "cmo_reference"
    DUE_ON = "due_on"
    FILED_AT = "filed_at"

    __hash__ = str.__hash__  # the others are plain names beside these


ColumnName = str
"""A `Field`, or a column that a type or an action of the catalogue names."""

# What identifies something: a spreadsheet program may have made a date of it.
_CODES = frozenset({Field.SOURCE_KEY, Field.CMO_REFERENCE, Field.PROJECT, "lots", "product_code", "tracking_number"})


@dataclass(frozen=True, slots=True)
class ColumnKinds:
    """Which columns there are, in reading order, and how their cells are read."""

    names: tuple[str, ...]
    moments: frozenset[str]
    days: frozenset[str]
    numbers: frozenset[str]


@cache
def kinds_of(catalogue: Catalogue) -> ColumnKinds:
    """The columns that a mapping may name in this installation."""
    moments, days, numbers = [str(Field.FILED_AT)], [str(Field.DUE_ON)], list[str]()
    names = [field.value for field in Field]
    for shape in (leaf for each in catalogue.types.values() for leaf in leaves_of(detail_shapes(each)).values()):
        if column := shape.shown.column:
            names.append(column)
            days += [column] if shape.widget is Widget.DATE else []
            numbers += [column] if shape.widget is Widget.NUMBER else []
    for action in catalogue.actions.values():
        if action.columns is None:
            continue
        moments.append(action.columns.at)
        names += [action.columns.at, *action.columns.says.values()]
        types = get_type_hints(action.says)
        for field, column in action.columns.says.items():
            possible = {types[field], *get_args(types[field])}
            days += [column] if date in possible else []
            numbers += [column] if possible & {int, float, Decimal} else []
    return ColumnKinds(tuple(dict.fromkeys(names)), frozenset(moments), frozenset(days), frozenset(numbers))


@dataclass(frozen=True, slots=True)
class Moment:
    """When something happened. Of a date without a time nobody knows more: it counts at noon in the mapping's zone.

    `or_at` is the later of two instants it may be, in an hour that the zone's clocks showed twice.
    """

    at: datetime
    day: date
    is_date: bool
    or_at: datetime | None = None


class BadCell(ValueError):
    """A cell, or what follows from it, cannot be taken; `field` is what it stands for."""

    def __init__(self, field: ColumnName, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.reason = reason


def _known(name: str, around: ValidationInfo) -> str:
    names = kinds_of(_catalogue_in(around.context)).names
    if name not in names:
        raise PydanticCustomError("enum", "Input should be {expected}", {"expected": ", ".join(map(repr, names))})
    return name


_Known = Annotated[str, AfterValidator(_known)]


class Columns(BaseModel):
    """A mapping file. `columns` says under which name of theirs a field stands, `values` what their words mean.

    `constants` are what a blank or missing column stands for. `formats` are those of strptime; ISO 8601 is always
    understood, and what two of them read differently is refused. Times without an offset are those of `zone`. `decimal`
    and `thousands` are the signs in numbers, `sheet` is the sheet of a workbook.
    """

    model_config = ConfigDict(extra="forbid")
    _catalogue: Catalogue = PrivateAttr(default=STANDARD)

    columns: dict[_Known, str]
    sheet: str | None = None
    zone: Zone = "UTC"
    formats: list[str] = []
    decimal: Literal[".", ","] | None = None
    thousands: Literal["", ".", ",", " ", "'"] | None = None
    values: dict[_Known, dict[str, str]] = {}
    constants: dict[_Known, str] = {}

    def model_post_init(self, context: Any, /) -> None:
        self._catalogue = _catalogue_in(context)

    @property
    def catalogue(self) -> Catalogue:
        """That of the installation into which the file is brought."""
        return self._catalogue

    @property
    def kinds(self) -> ColumnKinds:
        return kinds_of(self._catalogue)

    @field_validator("values", "columns", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> Any:
        """TOML and JSON have numbers and truths too; a cell is text, with single spaces."""
        return _text_of(value)

    @field_validator("constants", mode="before")
    @classmethod
    def _plainly(cls, given: Any, known: ValidationInfo) -> Any:
        """A number of TOML or JSON is one; a text is read by the signs of the mapping, as a cell is."""
        if not isinstance(given, Mapping):
            return given
        signs = {name: known.data.get(name) for name in ("decimal", "thousands")}
        constants = {}
        for name, value in given.items():
            constants[name] = _text_of(value)
            if isinstance(value, str) and name in kinds_of(_catalogue_in(known.context)).numbers:
                constants[name] = plain_number(read_number(value, **signs))
        return constants

    @field_validator("values")
    @classmethod
    def _once(cls, values: dict[ColumnName, dict[str, str]]) -> dict[ColumnName, dict[str, str]]:
        for field, words in values.items():
            word, times = Counter(map(normal_form, words)).most_common(1)[0] if words else ("", 0)
            if times > 1:
                raise ValueError(f"'{word}' of {field} stands twice; upper and lower case are the same")
        return values

    @model_validator(mode="after")
    def _readable(self) -> "Columns":
        for text in self.formats:
            try:
                honest_format(text, self.zone)
            except ValueError as error:
                raise ValueError(f"format '{text}': {error}") from error
        if self.decimal and self.decimal == self.thousands:
            raise ValueError("decimal and thousands must be different signs")
        return self

    def problem(self, row: Row, fault: BadCell) -> RowProblem:
        """The fault in the words of whoever wrote the file: by the name of their own column, where there is one."""
        return row.problem(self.columns.get(fault.field, fault.field), fault.reason)

    def as_in(self, names: Sequence[str]) -> "Columns":
        """The mapping with the names of the columns as the file spells them."""
        spelled = {normal_form(name): name for name in names}
        columns = {field: spelled.get(normal_form(name), name) for field, name in self.columns.items()}
        return self.model_copy(update={"columns": columns})

    def said(self, row: Row) -> dict[ColumnName, str]:
        """What a row says, field by field, in our words; blank cells say nothing unless a constant speaks for them.

        Numbers are plain, with a point. Raises BadCell for a cell that holds nothing to be used.
        """
        if ROW in row.faults:
            raise BadCell(ROW, row.faults[ROW])
        said = dict(self.constants)
        for field, column in self.columns.items():
            if column in row.faults:
                raise BadCell(field, row.faults[column])
            text = row.cells.get(column)
            if text is not None:
                said[field] = self._in_our_words(field, text, row.values.get(column))
        return {field: text for field, text in said.items() if text}

    def _in_our_words(self, field: ColumnName, text: str, value: Value | None) -> str:
        """`value` is the exact number or day that a workbook has behind the text."""
        if words := self.values.get(field):
            form = normal_form(text)
            ours = next((ours for theirs, ours in words.items() if normal_form(theirs) == form), None)
            if ours is not None:
                return ours
        if field in self.kinds.numbers:
            if isinstance(value, Decimal):
                return plain_number(value)
            if value is not None:
                raise BadCell(field, "is a date in the workbook, not a number")
            if not any(map(str.isdigit, text)):
                return text  # no number in any signs: what it should be is said by the models
            try:
                return plain_number(read_number(text, decimal=self.decimal, thousands=self.thousands))
            except ValueError as error:
                raise BadCell(field, str(error)) from error
        if isinstance(value, date):
            if field in _CODES:
                reason = "is a date in the workbook, perhaps made by the program; format it as text and type it again"
                raise BadCell(field, reason)
            return str(value) if field in self.kinds.moments | self.kinds.days else text
        return text

    def moment(self, field: ColumnName, text: str) -> Moment:
        """Raises BadCell for what names no moment, or one that the zone's clocks skipped."""
        found = self._read(field, text)
        zone = ZoneInfo(self.zone)
        if not isinstance(found, datetime):
            return Moment(datetime.combine(found, time(12), zone).astimezone(UTC), found, is_date=True)
        found = found.replace(microsecond=0)
        if found.tzinfo:
            at = found.astimezone(UTC)
            return Moment(at, at.astimezone(zone).date(), is_date=False)
        instants = instants_of(found, zone)
        if not instants:
            raise BadCell(
                field, f"was skipped by the clocks of {self.zone}; check the time, or the zone of the mapping"
            )
        return Moment(instants[0], found.date(), is_date=False, or_at=instants[1] if len(instants) > 1 else None)

    def day_of(self, instant: datetime) -> date:
        """The civil day of an instant in the mapping's zone."""
        return instant.astimezone(ZoneInfo(self.zone)).date()

    def day(self, field: ColumnName, text: str) -> date:
        found = self._read(field, text)
        return found.date() if isinstance(found, datetime) else found

    def _read(self, field: ColumnName, text: str) -> date | datetime:
        try:
            return read_moment(text, [honest_format(each, self.zone) for each in self.formats])
        except ValueError as error:
            raise BadCell(field, str(error)) from error


def read_mapping(path: Path, catalogue: Catalogue = STANDARD) -> Columns:
    """The mapping in a TOML or JSON file. Raises Invalid."""
    try:
        content = path.read_bytes().decode("utf-8-sig")
        is_json = path.suffix.casefold() == ".json"
        raw = json.loads(content, object_pairs_hook=_each_once) if is_json else tomllib.loads(content)
    except (ValueError, OSError, RecursionError) as err:  # either kind of decoding error is one
        raise Invalid("mapping", f"{path.name} cannot be read: {err}") from err
    try:
        return Columns.model_validate(raw, context=catalogue)
    except ValidationError as err:
        first = err.errors()[0]
        where = ".".join(str(part) for part in first["loc"] if part != "[key]") or "the file"
        raise Invalid("mapping", f"{path.name}: {where}: {first['msg']}") from err


def _catalogue_in(context: Any) -> Catalogue:
    return context if isinstance(context, Catalogue) else STANDARD


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) < len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise ValueError(f"'{twice}' stands twice")
    return read


def refuse_missing(mapping: Columns, names: Sequence[str]) -> None:
    """Raise Invalid where the file lacks a column that the mapping names, or has it twice."""
    known = Counter(map(normal_form, names))
    for field, column in mapping.columns.items():
        if known[normal_form(column)] > 1:
            raise Invalid("columns", f"'{column}', which the mapping has as {field}, stands twice in the file")
    missing = [f"'{column}' ({field})" for field, column in mapping.columns.items() if not known[normal_form(column)]]
    if missing:
        wrong = f"not in the file, though the mapping has them: {', '.join(missing)}; the file has {', '.join(names)}. "
        raise Invalid("columns", wrong + "Change the mapping's lines to these, or remove them")


def _text_of(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _text_of(each) for key, each in value.items()}
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(str(value).split()) if isinstance(value, str | int | float | date) else value
