"""What the rows of a spreadsheet say: each CMO, site and contact once, joined from all the rows that speak of it.

Here live the meaning of a cell and the rule that rows may not contradict each other. The database is not known
here, and what a record must be is decided by services.directory.create.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias, TypeVar

from slamon.addresses import address_key
from slamon.channels import AddressKind
from slamon.db.parties import SiteKind
from slamon.domain.calendar import WorkingCalendar
from slamon.domain.calendar_format import ALWAYS, WEEKDAYS
from slamon.domain.normal_form import normal_form
from slamon.domain.timeline import Role
from slamon.errors import Invalid
from slamon.imports.tables import CMO_COLUMNS, COLUMNS, CONTACT_COLUMNS, PLACES, ROW, SITE_COLUMNS, Row, RowProblem

Value: TypeAlias = Any  # what a column's text means: text, an enumeration's value, or weekly hours as JSON
Key = TypeVar("Key", str, tuple[str, str])

# As the database has it: PostgreSQL would refuse the whole import.
_LONGEST_NAME = 200
_LONGEST = {"site": 2000, "address": 500, "opening_hours": 500, "contact_email": 254, "lead_email": 254}


class BadRows(Invalid):
    """The problems of a table, one for each bad cell, in the order of its rows. Nothing was stored."""

    def __init__(self, problems: Iterable[RowProblem]) -> None:
        by_cell = {(problem.row, problem.column): problem for problem in problems}
        self.problems = tuple(sorted(by_cell.values(), key=lambda problem: problem.row))
        first = self.problems[0]
        super().__init__(
            "rows",
            f"{len({problem.row for problem in self.problems})} cannot be used and nothing was imported; "
            f"the first is {place_of(first)}: {first.reason}",
        )


def place_of(problem: RowProblem) -> str:
    """Where a problem lies, as whoever opens the file finds it."""
    row = f"row {problem.row}, column {problem.column}"
    if problem.sheet is None:
        return row
    return f"sheet '{problem.sheet}', cell {problem.cell}, {row}" if problem.cell else f"sheet '{problem.sheet}', {row}"


@dataclass(frozen=True, slots=True)
class CellValue:
    """What a row says in one column; `value` is None where the text was refused."""

    row: Row
    text: str
    value: Value


@dataclass(slots=True)
class RecordDraft:
    """One record as its rows tell it; a blank cell says nothing."""

    row: Row  # the first to speak of it
    cells: dict[str, CellValue] = field(default_factory=dict)

    def value(self, column: str) -> Value:
        return self.cells[column].value if column in self.cells else None


@dataclass(slots=True)
class RecordDrafts:
    """The records a table speaks of, in the order of its rows; sites by the keys of CMO and site, contacts by address.

    A row may name several sites; what it says of a site it says of each. What a contact tells of its sites is the key
    of the CMO and those of the sites, none for a contact of the whole CMO.
    """

    cmos: dict[str, RecordDraft] = field(default_factory=dict)
    sites: dict[tuple[str, str], RecordDraft] = field(default_factory=dict)
    contacts: dict[str, RecordDraft] = field(default_factory=dict)
    problems: list[RowProblem] = field(default_factory=list)

    def add(self, row: Row) -> None:
        if ROW in row.faults:
            self._note(row, ROW, row.faults[ROW])
            return
        said = {column: self._value(row, column, text) for column, text in row.cells.items()}
        cmo, site, address = (said.get(column) for column in ("cmo", "site", "contact_email"))
        if cmo is None:
            self._note(row, "cmo", "is needed in every row")
        if cmo is None or cmo.value is None or (site and site.value is None):
            return
        cmo_key, names = normal_form(cmo.value), site.value if site else ()
        self._join("CMO", self.cmos, cmo_key, row, said, ("cmo", *CMO_COLUMNS))
        for name in names:
            of_site = {**said, "site": CellValue(row, name, name)}
            self._join("site", self.sites, (cmo_key, normal_form(name)), row, of_site, ("site", *SITE_COLUMNS))
        if site is None and (given := [column for column in SITE_COLUMNS if column in said]):
            self._note(row, "site", f"is blank, so {', '.join(given)} must be blank too")
        if address and address.value:
            places = (cmo_key, tuple(sorted(map(normal_form, names))))
            said["site"] = CellValue(row, f"{cmo.text} {site.text if site else ''}".strip(), places)
            self._join("contact", self.contacts, address_key(str(address.value)), row, said, ("site", *CONTACT_COLUMNS))
        elif address is None and any(column in said for column in CONTACT_COLUMNS):
            self._note(row, "contact_email", "is needed for a contact")

    def _value(self, row: Row, column: str, text: str) -> CellValue:
        try:
            if column in row.faults:
                raise ValueError(row.faults[column])
            return CellValue(row, text, _meaning(column, text))
        except ValueError as err:
            self._note(row, column, str(err))
            return CellValue(row, text, None)

    def _join(
        self,
        what: str,
        drafts: dict[Key, RecordDraft],
        key: Key,
        row: Row,
        said: Mapping[str, CellValue],
        columns: Iterable[str],
    ) -> None:
        draft = drafts.setdefault(key, RecordDraft(row))
        for column in columns:
            if new := said.get(column):
                old = draft.cells.setdefault(column, new)
                differs = old.value != new.value and normal_form(old.text) != normal_form(new.text)
                if differs and None not in (old.value, new.value):
                    self._note(row, column, f"row {old.row.number} says '{old.text}' of the same {what}")

    def _note(self, row: Row, column: str, reason: str) -> None:
        self.problems.append(row.problem(column, reason))


def _meaning(column: str, text: str) -> Value:
    """What a filled cell stands for. Raises ValueError saying why it cannot be taken."""
    longest = _LONGEST.get(column, _LONGEST_NAME)
    if column not in COLUMNS:
        raise ValueError("stands under no column name; is a quotation mark missing?")
    if any(unicodedata.category(letter) == "Cc" for letter in text):
        raise ValueError("holds control characters")
    if len(text) > longest:
        raise ValueError(f"has {len(text)} characters; {longest} are allowed")
    return _MEANINGS[column](text) if column in _MEANINGS else text


def _one_of(values: Mapping[str, Value], text: str) -> Value:
    if text.casefold() not in values:
        raise ValueError(f"use one of {', '.join(values)}")
    return values[text.casefold()]


def _names(text: str) -> tuple[str, ...]:
    """Names between semicolons, each once."""
    names: dict[str, str] = {}
    for name in filter(None, map(str.strip, text.split(";"))):
        names.setdefault(normal_form(name), name)
    if not names:
        raise ValueError("names no site")
    if longest := next((name for name in names.values() if len(name) > _LONGEST_NAME), None):
        raise ValueError(f"has a name of {len(longest)} characters; {_LONGEST_NAME} are allowed")
    return tuple(names.values())


_DAYS = r"([a-z]+)(?: ?- ?([a-z]+))?"
_SPAN = r"(\d\d?:\d\d) ?- ?(\d\d?:\d\d)"
_HOURS = re.compile(f"{_DAYS}(?: ?, ?{_DAYS})* {_SPAN}(?:[, ]+{_SPAN})*")
_DAY_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _opening_hours(text: str) -> object:
    """Weekly hours as a calendar's JSON, in its normal form: `24x7`, or `Mon-Fri 08:00-18:00; Sat 08:00-12:00`."""
    plain = text.casefold().replace("–", "-")
    if plain in (ALWAYS, "24/7"):
        return ALWAYS
    week: dict[str, list[list[str]]] = {}
    for part in plain.strip("; ").split(";"):
        if not _HOURS.fullmatch(part.strip()):
            raise ValueError(f"'{part.strip()}' is not understood; write 24x7, or Mon-Fri 08:00-18:00; Sat 08:00-12:00")
        spans = [[opens.zfill(5), closes.zfill(5)] for opens, closes in re.findall(_SPAN, part)]
        for first, last in re.findall(_DAYS, part):
            start, end = _weekday(first), _weekday(last or first)
            for step in range((end - start) % 7 + 1):
                week.setdefault(WEEKDAYS[(start + step) % 7], []).extend(spans)
    return normal_hours(week)


def normal_hours(weekly: object) -> object:
    """Weekly hours as a calendar writes them. Raises CalendarError, which is a ValueError."""
    return WorkingCalendar.from_json({"tz": "UTC", "weekly": weekly}).to_json()["weekly"]


def _weekday(name: str) -> int:
    for index, full in enumerate(_DAY_NAMES):
        if len(name) > 1 and full.startswith(name):
            return index
    raise ValueError(f"'{name}' is no weekday; use {', '.join(day[:3].title() for day in _DAY_NAMES)}")


def _address(kind: AddressKind, text: str) -> str:
    try:
        return kind.checked(text, is_tested=False)
    except Invalid as refused:
        raise ValueError(refused.message) from refused


# What a text stands for, column by column; of the others it is the text itself. They raise ValueError.
_MEANINGS: Mapping[str, Callable[[str], Value]] = {
    "country": str.upper,
    "subdivision": partial(re.sub, "^[A-Z]{2}-", ""),  # ISO 3166-2 writes DE-BY, the holidays want BY
    "site_kind": partial(_one_of, {kind.value: kind.value for kind in SiteKind}),
    "site": _names,
    "contact_role": partial(_one_of, {"contact": [Role.CMO_CONTACT.value], "lead": [Role.CMO_LEAD.value]}),
    "opening_hours": _opening_hours,
    **{column: partial(_address, kind) for column, kind in PLACES.items()},
}
