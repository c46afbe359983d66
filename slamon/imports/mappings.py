"""How a spreadsheet of requests says what we call a type, a filing, an answer: read from a file that somebody wrote.

Here lives the meaning of a mapping and of a cell under it (requests_template.toml beside this shows one). Requests,
their life cycle and the database are not known here.
"""

import json
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from enum import StrEnum
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from slamon.api.fields import Zone
from slamon.errors import Invalid
from slamon.imports.drafts import RowProblem
from slamon.imports.tables import Row


class Field(StrEnum):
    """What a column may be: what was asked, whom, when what happened, and what was said then."""

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
    CATEGORY = "category"
    QUESTION = "question"
    PURPOSE = "purpose"
    DATA_KIND = "data_kind"
    LOTS = "lots"
    ORDER_TYPE = "order_type"
    DESTINATION_KIND = "destination_kind"
    DESTINATION_NAME = "destination_name"
    DESTINATION_ADDRESS = "destination_address"
    DESTINATION_COUNTRY = "destination_country"
    DESTINATION_TIME_ZONE = "destination_time_zone"
    REQUIRED_DELIVERY_TO = "required_delivery_to"
    STORAGE = "storage"
    PRODUCT_CODE = "product_code"
    QUANTITY = "quantity"
    UNIT = "unit"
    FILED_AT = "filed_at"
    ACKNOWLEDGED_AT = "acknowledged_at"
    ASKED_AT = "asked_at"
    REPLIED_AT = "replied_at"
    ORDER_CONFIRMED_AT = "order_confirmed_at"
    DISPATCHED_AT = "dispatched_at"
    DELIVERED_AT = "delivered_at"
    DECIDED_AT = "decided_at"
    ANSWERED_AT = "answered_at"
    DECLINED_AT = "declined_at"
    CANCELLED_AT = "cancelled_at"
    CLOSED_AT = "closed_at"
    ASKED_TEXT = "asked_text"
    REPLIED_TEXT = "replied_text"
    ANSWERED_TEXT = "answered_text"
    DECLINED_REASON = "declined_reason"
    CANCELLED_REASON = "cancelled_reason"
    PLANNED_SHIP_ON = "planned_ship_on"
    COURIER = "courier"
    TRACKING_NUMBER = "tracking_number"
    EXPECTED_DELIVERY_ON = "expected_delivery_on"
    RECEIVED_BY = "received_by"
    CONDITION = "condition"
    READOUT = "readout"
    MIN_C = "min_c"
    MAX_C = "max_c"
    MINUTES_OUT = "minutes_out"
    DISPOSITION = "disposition"
    DECIDED_REASON = "decided_reason"

    @property
    def is_moment(self) -> bool:
        return self.value.endswith("_at")

    @property
    def is_day(self) -> bool:
        return self in (
            Field.DUE_ON, Field.REQUIRED_DELIVERY_TO, Field.PLANNED_SHIP_ON, Field.EXPECTED_DELIVERY_ON
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Moment:
    """When something happened. Of a date without a time nobody knows more: it counts at noon in the mapping's zone."""

    at: datetime
    day: date
    is_date: bool


class BadCell(ValueError):
    """A cell, or what follows from it, cannot be taken; `field` is what it stands for."""

    def __init__(self, field: Field | str, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        self.reason = reason


class Columns(BaseModel):
    """A mapping file. `columns` says under which name of theirs a field stands, `values` what their words mean.

    `constants` are what a blank or missing column stands for. `formats` are those of strptime, tried in order; ISO
    8601 is always understood. Times without an offset are those of `zone`.
    """

    model_config = ConfigDict(extra="forbid")

    columns: dict[Field, str]
    zone: Zone = "UTC"
    formats: list[str] = []
    values: dict[Field, dict[str, str]] = {}
    constants: dict[Field, str] = {}

    @field_validator("constants", "values", "columns", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> Any:
        """TOML and JSON have numbers and truths too; a cell is text, with single spaces."""
        return _text_of(value)

    def problem(self, row: Row, fault: BadCell) -> RowProblem:
        """The fault as told to whoever wrote the file: by the name of their own column, where there is one."""
        known = fault.field if isinstance(fault.field, Field) else None
        column = self.columns.get(known, known.value) if known else str(fault.field)
        return RowProblem(row.number, column, row.cells.get(column, ""), fault.reason)

    def said(self, row: Row) -> dict[Field, str]:
        """What a row says, field by field, in our words; blank cells say nothing unless a constant speaks for them."""
        told = dict(self.constants)
        for field, column in self.columns.items():
            text = row.cells.get(column)
            if text is not None:
                told[field] = self._in_our_words(field, text)
        return {field: text for field, text in told.items() if text}

    def _in_our_words(self, field: Field, text: str) -> str:
        words = self.values.get(field, {})
        return next((ours for theirs, ours in words.items() if theirs.casefold() == text.casefold()), text)

    def moment(self, field: Field, text: str) -> Moment:
        """Raises BadCell for what names no moment."""
        found = self._read(field, text)
        zone = ZoneInfo(self.zone)
        if isinstance(found, datetime):
            aware = found if found.tzinfo else found.replace(tzinfo=zone)
            at = aware.astimezone(UTC).replace(microsecond=0)
            return Moment(at, at.astimezone(zone).date(), is_date=False)
        return Moment(datetime.combine(found, time(12), zone).astimezone(UTC), found, is_date=True)

    def day_of(self, instant: datetime) -> date:
        """The civil day of an instant in the mapping's zone."""
        return instant.astimezone(ZoneInfo(self.zone)).date()

    def day(self, field: Field, text: str) -> date:
        found = self._read(field, text)
        return found.date() if isinstance(found, datetime) else found

    def _read(self, field: Field, text: str) -> date | datetime:
        readers: list[Callable[[str], date | datetime]] = [_read_iso, *(_reader(form) for form in self.formats)]
        for read in readers:
            try:
                found = read(text)
            except ValueError:
                continue
            if not 1900 <= found.year < 2200:  # further off, converting between zones overflows
                break
            return found
        known = ", ".join(["2026-03-01 09:30", *self.formats])
        raise BadCell(field, f"is no date or time; understood are {known}. Add a format to the mapping")


def read_mapping(path: Path) -> Columns:
    """The mapping in a TOML or JSON file. Raises Invalid."""
    try:
        content = path.read_bytes().decode("utf-8-sig")
        raw = json.loads(content) if path.suffix.casefold() == ".json" else tomllib.loads(content)
    except (ValueError, OSError) as err:  # either kind of decoding error is one
        raise Invalid("mapping", f"{path.name} cannot be read: {err}") from err
    try:
        return Columns.model_validate(raw)
    except ValidationError as err:
        first = err.errors()[0]
        where = ".".join(str(part) for part in first["loc"] if part != "[key]") or "the file"
        raise Invalid("mapping", f"{path.name}: {where}: {first['msg']}") from err


def refuse_missing(mapping: Columns, names: Sequence[str]) -> None:
    """Raise Invalid where the file lacks a column that the mapping names, or has it twice."""
    for field, column in mapping.columns.items():
        if names.count(column) > 1:
            raise Invalid("columns", f"'{column}', which the mapping has as {field}, stands twice in the file")
    missing = [f"'{column}' ({field})" for field, column in mapping.columns.items() if column not in names]
    if missing:
        told = f"not in the file, though the mapping has them: {', '.join(missing)}; the file has {', '.join(names)}. "
        raise Invalid("columns", told + "Change the mapping's lines to these, or remove them")


def _text_of(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _text_of(each) for key, each in value.items()}
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(str(value).split()) if isinstance(value, str | int | float | date) else value


_MIDNIGHT = re.compile(r"(\d{4}-\d\d-\d\d)[ T]00:00:00(\.0+)?")


def _read_iso(text: str) -> date | datetime:
    """ISO 8601; a workbook's date comes with a midnight that nobody wrote."""
    whole = _MIDNIGHT.fullmatch(text)
    if whole:
        return date.fromisoformat(whole[1])
    return date.fromisoformat(text) if len(text) <= 10 else datetime.fromisoformat(text)


def _reader(form: str) -> Callable[[str], date | datetime]:
    """A format without an hour names a date."""
    has_time = any(directive in form for directive in ("%H", "%I", "%X", "%c"))

    def read(text: str) -> date | datetime:
        found = datetime.strptime(text, form)  # noqa: DTZ007 (the mapping's zone is put in later)
        return found if has_time else found.date()

    return read
