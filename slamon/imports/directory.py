"""One flat table of CMOs, their sites and contacts, read from a spreadsheet and added to the directory.

Here live the reading of files (CSV, gzipped CSV, .xlsx), the meaning of the columns and the joining of rows that
speak of the same record. What a record must be is decided by services.directory.create alone; whether the result
is kept is decided by whoever opened the transaction. The columns are shown in directory_template.csv beside this.
"""

import csv
import gzip
import io
import re
import unicodedata
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any, TypeAlias, TypeVar
from uuid import UUID
from xml.etree.ElementTree import ParseError
from xml.parsers.expat import ExpatError, ParserCreate
from zipfile import BadZipFile, ZipFile

from openpyxl import load_workbook
from openpyxl.cell.cell import ERROR_CODES
from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session

from slamon.db.parties import Calendar, Organization, OrganizationKind, Person, PersonStatus, Site, SiteKind
from slamon.domain.calendar import ALWAYS, WEEKDAYS, WorkingCalendar
from slamon.domain.timeline import Actor, Role
from slamon.errors import Invalid
from slamon.services.directory import create

MAX_BYTES = 5_000_000
MAX_UNPACKED_BYTES = 30_000_000
MAX_ROWS = 20_000
_LAST_SHEET_ROW = 1_048_576  # no spreadsheet has more; a file that claims more is not one
_WIDEST = 64  # columns looked at
# openpyxl builds a tree of each row, and of all that is neither a row nor a text; 20,000 full rows stay far below.
_MOST_IN_ROW, _MOST_IN_ROWS, _MOST_ELSEWHERE = 1_000, 1_500_000, 200_000

REQUIRED = ("cmo", "site", "country", "time_zone", "contact_name", "contact_email")
CMO_COLUMNS = ("slack_channel", "lead_email")
SITE_COLUMNS = ("address", "country", "subdivision", "time_zone", "opening_hours", "site_kind")
CONTACT_COLUMNS = ("contact_name", "contact_email", "contact_role", "contact_time_zone")
COLUMNS = ("cmo", *CMO_COLUMNS, "site", *SITE_COLUMNS, *CONTACT_COLUMNS)

REASON = "spreadsheet import"  # as the trail tells it
_REFUSED: Any = object()  # the value of a cell already complained about
# Stand in for a refused or missing value, so that all the rest is checked too; a run that needs one is undone.
_SPARE: Mapping[type, Mapping[str, Any]] = {
    Organization: {"lead_id": None},
    Site: {"country": "ZZ", "time_zone": "UTC", "calendar_id": None},
    Person: {"name": "?", "time_zone": "UTC", "site_id": None},
    Calendar: {},
}

Kept = TypeVar("Kept", Organization, Site, Person, Calendar)
Value: TypeAlias = Any  # what a column's text means: text, an enumeration's value, or weekly hours as JSON


@dataclass(frozen=True, slots=True)
class RowProblem:
    """What is wrong with one cell. `row` is the number the spreadsheet shows, the header being row 1."""

    row: int
    column: str
    value: str
    reason: str


class BadRows(Invalid):
    """Every problem found in a table, in the order of its rows. Nothing was stored."""

    def __init__(self, problems: Iterable[RowProblem]) -> None:
        self.problems = tuple(sorted(dict.fromkeys(problems), key=lambda problem: problem.row))
        rows = {problem.row for problem in self.problems}
        first = self.problems[0]
        super().__init__(
            "rows",
            f"{len(rows)} cannot be used and nothing was imported; "
            f"the first is row {first.row}, column {first.column}: {first.reason}",
        )


@dataclass(frozen=True, slots=True)
class Row:
    """The filled cells of one row, by column; `unreadable` names those that are filled and were refused."""

    number: int
    cells: Mapping[str, str]
    unreadable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """A file as read: its rows that are not blank, and the cells that could not be read."""

    rows: tuple[Row, ...]
    problems: tuple[RowProblem, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportResult:
    """How many records of each kind were added or found, and where the file differs from what was found and stays."""

    created: dict[str, int]
    unchanged: dict[str, int]
    differing: tuple[RowProblem, ...] = ()


# --- reading a file ---------------------------------------------------------------------------------------------


def read_table(name: str, content: bytes) -> Table:
    """The rows of a file; its kind is told by `name` (.csv, .csv.gz or .xlsx; the first sheet counts).

    CSV is UTF-8, with or without a byte order mark, separated by comma, semicolon or tab. Raises Invalid for a
    file that is too large, unreadable, empty, or has unknown, repeated or missing columns.
    """
    if len(content) > MAX_BYTES:
        raise Invalid("file", f"has {len(content):,} bytes; {MAX_BYTES:,} are allowed. Split it")
    kind = name.casefold()
    if kind.endswith(".xlsx"):
        return _table(_sheet_records(content))
    if kind.endswith(".csv.gz"):
        return _table(_csv_records(_unzipped(content)))
    if kind.endswith(".csv"):
        return _table(_csv_records(content))
    raise Invalid("file", f"'{name}' is not .csv, .csv.gz or .xlsx; save it as one of these")


def _table(records: Iterator[list[str]]) -> Table:
    columns = _columns(next(records, []))
    rows: list[Row] = []
    problems: list[RowProblem] = []
    for number, record in enumerate(records, 2):
        cells: dict[str, str] = {}
        refused = []
        for index, raw in enumerate(record):
            text = _WHITESPACE.sub(" ", raw).strip()
            column = columns[index] if index < len(columns) else ""
            if reason := _unreadable(column, text):
                refused.append(RowProblem(number, column or f"(column {index + 1})", text, reason))
            elif text:
                cells[column] = text
        if cells or refused:
            rows.append(Row(number, cells, tuple(problem.column for problem in refused)))
            problems += refused
        if len(rows) > MAX_ROWS:
            raise Invalid("file", f"has more than {MAX_ROWS:,} rows. Split it")
    if not rows:
        raise Invalid("file", "has column names and no rows")
    return Table(tuple(rows), tuple(problems))


_WHITESPACE = re.compile(r"[ \t\r\n\v\f]+")


def _unreadable(column: str, text: str) -> str | None:
    """Why a cell cannot be taken at all; None for one that can."""
    if not text:
        return None
    if not column:
        return "stands under no column name; is a quotation mark missing?"
    if text in ERROR_CODES:
        return "a formula failed here"
    if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in text):
        return "holds control characters"
    longest = _longest(column)
    return f"has {len(text)} characters; {longest} are allowed" if len(text) > longest else None


def _columns(header: list[str]) -> list[str]:
    """The names in the header, as we write them. Raises Invalid naming what is unknown, repeated or missing."""
    names = [_column_name(text) for text in header]
    used = [name for name in names if name]
    faults = [f"unknown column '{name}'" for name in dict.fromkeys(used) if name not in COLUMNS]
    faults += [f"column '{name}' stands twice" for name, times in Counter(used).items() if times > 1]
    faults += [f"missing column '{name}'" for name in REQUIRED if name not in used]
    if faults:
        raise Invalid("columns", f"{'; '.join(faults)}. Row 1 names the columns; known are {', '.join(COLUMNS)}")
    return names


def _column_name(text: str) -> str:
    return re.sub(r"[\s_]+", "_", text.strip().casefold())


def _csv_records(content: bytes) -> Iterator[list[str]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        line = content.count(b"\n", 0, err.start) + 1
        raise Invalid("file", f"line {line} is not UTF-8; in Excel, save as 'CSV UTF-8'") from err
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    try:
        yield from reader
    except csv.Error as err:
        raise Invalid("file", f"line {reader.line_num} is not CSV: {err}") from err


def _delimiter(text: str) -> str:
    """The separator that makes the most known columns of the first line."""
    first = text.partition("\n")[0]

    def known(delimiter: str) -> int:
        return sum(_column_name(name.strip(' "\r')) in COLUMNS for name in first.split(delimiter))

    return max(",;\t", key=known)


def _unzipped(content: bytes) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as packed:
            plain = packed.read(MAX_UNPACKED_BYTES + 1)
    except (OSError, EOFError, zlib.error) as err:
        raise Invalid("file", f"is not gzip, or is damaged: {err}") from err
    _refuse_bomb(len(plain))
    return plain


def _sheet_records(content: bytes) -> Iterator[list[str]]:
    try:
        with ZipFile(io.BytesIO(content)) as archive:
            # No member gives more than it declares: zipfile stops there.
            _refuse_bomb(sum(member.file_size for member in archive.infolist()))
            for member in archive.namelist():
                if member.endswith((".xml", ".rels")):
                    _refuse_crowded(archive.read(member))
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # some programs write a wrong size; rows are counted here
        for cells in sheet.iter_rows(max_row=_LAST_SHEET_ROW, max_col=_WIDEST, values_only=True):
            yield [_cell_text(value) for value in cells]
    except Invalid:
        raise
    # What openpyxl raises for a damaged file depends on where the damage is.
    except (BadZipFile, ParseError, ExpatError, zlib.error, OSError, EOFError, LookupError, ValueError, TypeError,
            AttributeError, NotImplementedError, RuntimeError) as err:  # fmt: skip
        raise Invalid("file", "is not a readable .xlsx workbook (damaged, an old .xls, or with a password)") from err


def _refuse_bomb(size: int) -> None:
    if size > MAX_UNPACKED_BYTES:
        raise Invalid("file", f"unpacks to more than {MAX_UNPACKED_BYTES:,} bytes. Split it, or remove pictures")


def _refuse_crowded(xml: bytes) -> None:
    """Count what a tree of this XML would hold, without building one: a small file can hold very many elements."""
    in_row = in_rows = elsewhere = 0
    inside = False

    def begin(name: str, _attributes: dict[str, str]) -> None:
        nonlocal in_row, in_rows, elsewhere, inside
        if name.rpartition(":")[2] in ("row", "si"):
            inside, in_row = True, 0
        in_row, in_rows, elsewhere = in_row + inside, in_rows + inside, elsewhere + (not inside)
        if in_row > _MOST_IN_ROW or in_rows > _MOST_IN_ROWS or elsewhere > _MOST_ELSEWHERE:
            raise Invalid("file", "holds far more cells or formats than a list of contacts; save it as CSV")

    def end(name: str) -> None:
        nonlocal inside
        inside = inside and name.rpartition(":")[2] not in ("row", "si")

    parser = ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = begin, end
    parser.Parse(xml, True)


def _cell_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value)


# --- what the columns mean --------------------------------------------------------------------------------------


def _country(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z]{2}", text):
        raise ValueError("is not a country code of two letters (ISO 3166-1), such as DE")
    return text.upper()


def _site_kind(text: str) -> str:
    try:
        return SiteKind(text.casefold()).value
    except ValueError:
        raise ValueError(f"use one of {', '.join(SiteKind)}") from None


_ROLES = {"contact": Role.CMO_CONTACT.value, "lead": Role.CMO_LEAD.value}


def _contact_role(text: str) -> str:
    if text.casefold() not in _ROLES:
        raise ValueError(f"use one of {', '.join(_ROLES)}")
    return _ROLES[text.casefold()]


_TIME = r"\d{1,2}:\d{2}"
_HOURS = re.compile(
    rf"(?P<days>[a-z]+(?:\s*[-–,]\s*[a-z]+)*)\s+(?P<spans>{_TIME}\s*[-–]\s*{_TIME}(?:[\s,]+{_TIME}\s*[-–]\s*{_TIME})*)"
)
_DAY_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _opening_hours(text: str) -> object:
    """Weekly hours as a calendar's JSON, in its normal form: `24x7`, or `Mon-Fri 08:00-18:00; Sat 08:00-12:00`."""
    plain = text.casefold()
    if plain in (ALWAYS, "24/7"):
        return ALWAYS
    week: dict[str, list[list[str]]] = {}
    for part in filter(None, (part.strip() for part in plain.split(";"))):
        match = _HOURS.fullmatch(part)
        if match is None:
            raise ValueError(f"'{part}' is not understood; write 24x7, or Mon-Fri 08:00-18:00; Sat 08:00-12:00")
        times = [found.zfill(5) for found in re.findall(_TIME, match["spans"])]
        for day in _days(match["days"]):
            week.setdefault(day, []).extend(map(list, zip(times[::2], times[1::2], strict=True)))
    if not week:
        raise ValueError("names no hours; write 24x7, or Mon-Fri 08:00-18:00")
    return WorkingCalendar.from_json({"tz": "UTC", "weekly": week}).to_json()["weekly"]


def _days(text: str) -> Iterator[str]:
    for part in text.split(","):
        ends = [_weekday(name.strip()) for name in re.split("[-–]", part)]
        if len(ends) > 2:
            raise ValueError(f"'{part.strip()}' is not understood; write Mon-Fri")
        for step in range((ends[-1] - ends[0]) % 7 + 1):
            yield WEEKDAYS[(ends[0] + step) % 7]


def _weekday(name: str) -> int:
    for index, full in enumerate(_DAY_NAMES):
        if len(name) > 1 and full.startswith(name):
            return index
    raise ValueError(f"'{name}' is no weekday; use {', '.join(day[:3].title() for day in _DAY_NAMES)}")


def _email_key(text: str) -> str:
    return text.casefold()


def _subdivision(text: str) -> str:
    return re.sub("^[A-Z]{2}-", "", text)  # ISO 3166-2 writes DE-BY, the holidays want BY


_MEANING: Mapping[str, Callable[[str], Value]] = {
    "country": _country,
    "site_kind": _site_kind,
    "contact_role": _contact_role,
    "opening_hours": _opening_hours,
    "lead_email": _email_key,
    "subdivision": _subdivision,
}
# Where a column's text is kept, which says how long it may be.
_HOME: Mapping[str, InstrumentedAttribute[Any]] = {
    "cmo": Organization.name,
    "slack_channel": Organization.slack_channel,
    "lead_email": Person.email,
    "site": Site.name,
    "address": Site.address,
    "subdivision": Calendar.subdivision,
    "time_zone": Site.time_zone,
    "contact_name": Person.name,
    "contact_email": Person.email,
    "contact_time_zone": Person.time_zone,
}


def _longest(column: str) -> int:
    home = _HOME.get(column)
    return int(home.type.length) if home is not None else 500


# --- joining rows -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Told:
    """What a row says in one column."""

    row: int
    text: str
    value: Value


@dataclass(slots=True)
class Draft:
    """One record as its rows tell it; a blank cell says nothing, and rows may not contradict each other."""

    row: int
    told: dict[str, Told] = field(default_factory=dict)

    def value(self, column: str) -> Value:
        value = self.told[column].value if column in self.told else None
        return None if value is _REFUSED else value

    def hear(self, said: Mapping[str, Told], columns: Iterable[str]) -> Iterator[RowProblem]:
        for column in columns:
            new = said.get(column)
            if new is None:
                continue
            old = self.told.setdefault(column, new)
            if old.value != new.value and _REFUSED not in (old.value, new.value):
                yield RowProblem(new.row, column, new.text, f"row {old.row} says '{old.text}'")


CmoKey: TypeAlias = str
SiteKey: TypeAlias = tuple[CmoKey, str]


@dataclass(slots=True)
class Drafts:
    """The records a table speaks of, each once, in the order of the rows."""

    cmos: dict[CmoKey, Draft] = field(default_factory=dict)
    sites: dict[SiteKey, Draft] = field(default_factory=dict)
    contacts: dict[str, tuple[Draft, CmoKey, SiteKey | None]] = field(default_factory=dict)
    problems: list[RowProblem] = field(default_factory=list)

    def add(self, row: Row) -> None:
        said = dict(self._understood(row))
        if "cmo" not in said:
            self.problems.append(RowProblem(row.number, "cmo", "", "is needed in every row"))
        if not _names(said, "cmo") or _is_refused(said, "site"):
            return
        cmo = name_key(said["cmo"].value)
        draft = self.cmos.setdefault(cmo, Draft(row.number, {"cmo": said["cmo"]}))
        self.problems += draft.hear(said, CMO_COLUMNS)
        site = self._add_site(row.number, said, cmo)
        self._add_contact(row.number, said, cmo, site)

    def _understood(self, row: Row) -> Iterator[tuple[str, Told]]:
        for column in row.unreadable:
            yield column, Told(row.number, "", _REFUSED)
        for column, text in row.cells.items():
            try:
                value = _MEANING.get(column, str)(text)
            except ValueError as err:
                self.problems.append(RowProblem(row.number, column, text, str(err)))
                value = _REFUSED
            yield column, Told(row.number, text, value)

    def _add_site(self, row: int, said: Mapping[str, Told], cmo: CmoKey) -> SiteKey | None:
        if "site" not in said:
            given = [column for column in SITE_COLUMNS if column in said]
            if given:
                reason = f"is blank, so {', '.join(given)} must be blank too"
                self.problems.append(RowProblem(row, "site", "", reason))
            return None
        key = (cmo, name_key(said["site"].value))
        draft = self.sites.setdefault(key, Draft(row, {"site": said["site"]}))
        self.problems += draft.hear(said, SITE_COLUMNS)
        return key

    def _add_contact(self, row: int, said: Mapping[str, Told], cmo: CmoKey, site: SiteKey | None) -> None:
        if "contact_email" not in said and any(column in said for column in CONTACT_COLUMNS):
            self.problems.append(RowProblem(row, "contact_email", "", "is needed for a contact"))
        if not _names(said, "contact_email"):
            return
        address = said["contact_email"]
        draft, known_cmo, known_site = self.contacts.setdefault(
            _email_key(address.value), (Draft(row, {"contact_email": address}), cmo, site)
        )
        self.problems += draft.hear(said, (column for column in CONTACT_COLUMNS if column != "contact_email"))
        if known_cmo != cmo:
            reason = f"row {draft.row} has this address at another CMO; an address is used once"
            self.problems.append(RowProblem(row, "contact_email", address.text, reason))
        elif known_site != site:
            reason = f"row {draft.row} has this contact elsewhere; leave the site blank for one who serves them all"
            self.problems.append(RowProblem(row, "site", said["site"].text if "site" in said else "", reason))


def _is_refused(said: Mapping[str, Told], column: str) -> bool:
    return column in said and said[column].value is _REFUSED


def _names(said: Mapping[str, Told], column: str) -> bool:
    return column in said and said[column].value is not _REFUSED


def name_key(name: str) -> str:
    """How names are compared: by letters, whatever their case or their Unicode composition."""
    return unicodedata.normalize("NFC", name).casefold()


# --- adding records ---------------------------------------------------------------------------------------------


def import_directory(session: Session, table: Table, *, by: Actor, now: datetime) -> ImportResult:
    """Add every CMO, site and contact of the table that is not there yet; those that are stay as they are.

    CMOs are known by name, sites by name in their CMO, contacts by address, case not minded. All or nothing:
    raises BadRows with every problem found, having added nothing. Doing it again is harmless.
    """
    drafts = Drafts(problems=list(table.problems))
    for row in table.rows:
        drafts.add(row)
    with session.begin_nested():
        run = _Run(session, drafts, by, now)
        run.add_all()
        if drafts.problems:
            raise BadRows(drafts.problems)
    return ImportResult(dict(run.created), dict(run.unchanged), tuple(run.differing))


class _Run:
    """One import: what was there before, what has been added, what is wrong."""

    def __init__(self, session: Session, drafts: Drafts, by: Actor, now: datetime) -> None:
        self.session, self.drafts, self.by, self.now = session, drafts, by, now
        self.created = Counter({"cmos": 0, "sites": 0, "contacts": 0, "calendars": 0})
        self.unchanged = Counter({"cmos": 0, "sites": 0, "contacts": 0})
        self.differing: list[RowProblem] = []
        self._cmos = {name_key(cmo.name): cmo for cmo in session.scalars(select(Organization))}
        self._sites = {(site.organization_id, name_key(site.name)): site for site in session.scalars(select(Site))}
        self._people = {person.email_key: person for person in session.scalars(select(Person))}
        self._calendars = list(session.scalars(select(Calendar).order_by(Calendar.created_at, Calendar.id)))

    def add_all(self) -> None:
        cmos = {key: self._cmo(key, draft) for key, draft in self.drafts.cmos.items()}
        sites: dict[SiteKey | None, Site | None] = {}
        for place, draft in self.drafts.sites.items():
            owner = cmos[place[0]]
            sites[place] = self._site(owner, place[1], draft) if owner else None
        for address, (draft, cmo, at) in self.drafts.contacts.items():
            owner = cmos[cmo]
            if owner:
                if at is None and "contact_time_zone" not in draft.told and address not in self._people:
                    self._note(draft, "contact_time_zone", "is needed for a contact without a site")
                self._contact(owner, sites.get(at), address, draft)

    def _cmo(self, key: CmoKey, draft: Draft) -> Organization | None:
        lead_key = draft.value("lead_email")
        lead = self._people.get(lead_key) if lead_key else None
        known = self._cmos.get(key)
        if known is not None:
            if known.kind != OrganizationKind.CMO:
                self._note(draft, "cmo", f"is the {known.kind}, not a CMO")
                return None
            stored = {"slack_channel": known.slack_channel, "lead_email": self._email_key_of(known.lead_id)}
            self._leave("cmos", draft, stored)
            return known
        if lead_key and lead is None:
            self._note(draft, "lead_email", "nobody has this address; add the lead first")
        values = {
            "name": draft.value("cmo"),
            "kind": OrganizationKind.CMO.value,
            "slack_channel": draft.value("slack_channel"),
            "lead_id": lead.id if lead else None,
        }
        return self._create("cmos", Organization, draft, values, {"name": "cmo", "lead_id": "lead_email"})

    def _site(self, cmo: Organization, key: str, draft: Draft) -> Site | None:
        known = self._sites.get((cmo.id, key))
        if known is not None:
            calendar = next((one for one in self._calendars if one.id == known.calendar_id), None)
            stored = {
                "address": known.address,
                "country": known.country,
                "time_zone": known.time_zone,
                "site_kind": known.kind,
                "opening_hours": _hours(calendar) if calendar else ALWAYS,
            }
            if calendar and calendar.country:
                stored["subdivision"] = calendar.subdivision
            self._leave("sites", draft, stored)
            return known
        values = {
            "organization_id": cmo.id,
            "name": draft.value("site"),
            "address": draft.value("address"),
            "country": self._needed(Site, draft, "country", "country"),
            "time_zone": self._needed(Site, draft, "time_zone", "time_zone"),
            "kind": draft.value("site_kind") or SiteKind.MANUFACTURING.value,
            "calendar_id": self._calendar_id(draft),
        }
        return self._create("sites", Site, draft, values, {"name": "site", "calendar_id": "opening_hours"})

    def _calendar_id(self, draft: Draft) -> UUID | None:
        """A calendar with the site's hours and public holidays; one without closed days of its own serves all."""
        hours, country, subdivision = draft.value("opening_hours"), draft.value("country"), draft.value("subdivision")
        if hours is None:
            if subdivision and "opening_hours" not in draft.told:
                self._note(draft, "subdivision", "matters with opening_hours only; without them the site never closes")
            return None
        if hours == ALWAYS:
            country = subdivision = None  # open on holidays too
        elif country is None:
            return None  # said already
        for one in self._calendars:
            is_plain = not one.closed_days and (one.country, one.subdivision) == (country, subdivision)
            if is_plain and _hours(one) == hours:
                return one.id
        values = {
            "name": self._free_name(draft, country, subdivision),
            "weekly": {"hours": hours},
            "country": country,
            "subdivision": subdivision,
            "closed_days": [],
        }
        made = self._create("calendars", Calendar, draft, values, {"weekly": "opening_hours"})
        if made is None:
            return None
        self._calendars.append(made)
        return made.id

    def _contact(self, cmo: Organization, site: Site | None, key: str, draft: Draft) -> None:
        known = self._people.get(key)
        if known is not None:
            if known.organization_id != cmo.id:
                self._note(draft, "contact_email", "belongs to somebody of another organization")
                return
            role = draft.value("contact_role")
            stored = {
                "contact_name": known.name,
                "contact_role": role if role in known.roles else ", ".join(known.roles),
                "contact_time_zone": known.time_zone,
            }
            self._leave("contacts", draft, stored)
            return
        site_zone = site.time_zone if site else _SPARE[Person]["time_zone"]
        values = {
            "organization_id": cmo.id,
            "site_id": site.id if site else None,
            "name": self._needed(Person, draft, "contact_name", "name"),
            "email": draft.value("contact_email"),
            "roles": [draft.value("contact_role") or Role.CMO_CONTACT.value],
            "time_zone": draft.value("contact_time_zone") or site_zone,
            "status": PersonStatus.ACTIVE.value,  # has no account to be invited to
        }
        columns = {"name": "contact_name", "roles": "contact_role", "time_zone": "contact_time_zone"}
        self._create("contacts", Person, draft, values, {**columns, "email": "contact_email", "site_id": "site"})

    def _create(
        self, what: str, kept: type[Kept], draft: Draft, values: Mapping[str, Any], columns: Mapping[str, str]
    ) -> Kept | None:
        """Add a record; a field that is refused is noted and, where it has a spare, replaced to check the rest."""
        tried, spare = dict(values), _SPARE[kept]
        for _ in values:
            try:
                made = create(self.session, kept, tried, by=self.by, now=self.now, reason=REASON)
            except Invalid as refused:
                name = refused.field
                self._note(draft, columns.get(name, name), refused.message)
                if name not in spare or tried.get(name) == spare[name]:
                    return None
                tried[name] = spare[name]
            else:
                self.created[what] += 1
                return made
        return None

    def _needed(self, kept: type[Kept], draft: Draft, column: str, name: str) -> Value:
        if column not in draft.told:
            self._note(draft, column, "is needed for a new record; fill it in at least once")
        value = draft.value(column)
        return _SPARE[kept][name] if value is None else value

    def _leave(self, what: str, draft: Draft, stored: Mapping[str, Value]) -> None:
        self.unchanged[what] += 1
        for column, told in draft.told.items():
            if column in stored and told.value not in (stored[column], _REFUSED):
                kept = stored[column] if isinstance(stored[column], str) else "as it is"
                self.differing.append(RowProblem(told.row, column, told.text, f"stays {kept}"))

    def _note(self, draft: Draft, column: str, reason: str) -> None:
        told = draft.told.get(column)
        row, text = (told.row, told.text) if told else (draft.row, "")
        self.drafts.problems.append(RowProblem(row, column, text, reason))

    def _email_key_of(self, person_id: UUID | None) -> str | None:
        person = self.session.get(Person, person_id) if person_id else None
        return person.email_key if person else None

    def _free_name(self, draft: Draft, country: str | None, subdivision: str | None) -> str:
        region = "-".join(filter(None, (country, subdivision)))
        wanted = f"{region} {draft.told['opening_hours'].text}".strip()[:180]
        taken = {calendar.name for calendar in self._calendars}
        numbered = (wanted if number == 1 else f"{wanted} ({number})" for number in range(1, len(taken) + 2))
        return next(name for name in numbered if name not in taken)


def _hours(calendar: Calendar) -> object:
    return WorkingCalendar.from_json({"tz": "UTC", "weekly": calendar.weekly["hours"]}).to_json()["weekly"]
