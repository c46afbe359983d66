"""A spreadsheet as rows of text: CSV, gzipped CSV or one sheet of an .xlsx workbook.

Here live the limits a file must keep, what no cell may hold, and the names of the columns of one kind of it, the table
of CMOs, sites and contacts (slamon/cli/directory_template.csv shows them). What a cell means is not known here.
"""

import gzip
import io
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from slamon.channels.registry import SHIPPED
from slamon.db.parties import Organization
from slamon.domain.normal_form import is_blank, normal_form
from slamon.errors import Invalid
from slamon.imports.archive import MAX_UNPACKED_BYTES, MOST_ELEMENTS, too_much
from slamon.imports.cells import Cell, Value, fault_of
from slamon.imports.csv_text import read_csv, refuse_other_encoding
from slamon.imports.workbook import MAX_COLUMNS, MOST_LINES, SheetCells, column_letters, read_workbook
from slamon.services.outbox.addresses import address_kinds

MAX_BYTES = 5_000_000
MAX_ROWS = 20_000
_MOST_FIELDS = 16_384  # of any spreadsheet, blank ones included

REQUIRED = ("cmo", "site", "country", "time_zone", "contact_name", "contact_email")
PLACES = {kind.field: kind for kind in address_kinds(Organization, SHIPPED).values()}
CMO_COLUMNS = (*PLACES, "lead_email")
SITE_COLUMNS = ("address", "country", "subdivision", "time_zone", "opening_hours", "site_kind")
CONTACT_COLUMNS = ("contact_name", "contact_email", "contact_role", "contact_time_zone")
COLUMNS = ("cmo", *CMO_COLUMNS, "site", *SITE_COLUMNS, *CONTACT_COLUMNS)

ROW, FILE = "row", "file"  # where a problem lies that is of no column


@dataclass(frozen=True, slots=True)
class RowProblem:
    """What is wrong with one cell. `row` is the number the spreadsheet shows, the header being row 1.

    Of a workbook `sheet` and `cell` (such as B7) say where.
    """

    row: int
    column: str
    value: str
    reason: str
    sheet: str | None = None
    cell: str | None = None


@dataclass(frozen=True, slots=True)
class Sheet:
    """Where rows come from: the name of a workbook's sheet, None for CSV, and in which letters its columns stand.

    `notes` tell what was read otherwise than a reader might think.
    """

    name: str | None = None
    letters: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[RowProblem, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """The filled cells of one row, by column, as they are seen; `number` is what the spreadsheet shows.

    `values` are the exact numbers and days behind some of them, `faults` why some cannot be used.
    """

    number: int
    cells: Mapping[str, str]
    values: Mapping[str, Value] = field(default_factory=dict)
    faults: Mapping[str, str] = field(default_factory=dict)
    sheet: Sheet = Sheet()

    def problem(self, column: str, reason: str) -> RowProblem:
        """A problem of one of its cells, with the place of that in a workbook."""
        letter = self.sheet.letters.get(column)
        cell = f"{letter}{self.number}" if letter else None
        return RowProblem(self.number, column, self.cells.get(column, ""), reason, self.sheet.name, cell)


def read_table(name: str, content: bytes, sheet: str | None = None) -> list[Row]:
    """The rows of a table of CMOs, sites and contacts that are not blank.

    Raises Invalid as `read_sheet`, and where a column is unknown, repeated or missing.
    """
    cells = _cells_of(name, content, sheet)
    return _rows(cells, _columns(_header(cells)))


def read_sheet(name: str, content: bytes, sheet: str | None = None) -> tuple[list[str], list[Row]]:
    """The names in the first row of any file, and its rows that are not blank; its kind is told by `name`.

    CSV is UTF-8, with or without a byte order mark, separated by comma, semicolon or tab, or as a first line `sep=;`
    says. Of a workbook the named `sheet` is read, else the first that is not hidden. Raises Invalid for a file that is
    too large, unreadable or empty.
    """
    cells = _cells_of(name, content, sheet)
    header = enumerate(_header(cells), start=1)
    names = [" ".join(text.split()) or f"(unnamed column {place})" for place, text in header]
    return names, _rows(cells, names)


def _cells_of(name: str, content: bytes, sheet: str | None) -> SheetCells:
    if len(content) > MAX_BYTES:
        raise Invalid("file", f"has {len(content):,} bytes; {MAX_BYTES:,} are allowed. Split it")
    kind = name.casefold()
    if kind.endswith(".xlsx"):
        return read_workbook(content, sheet)
    if sheet is not None:
        raise Invalid("sheet", "a CSV file has no sheets; leave it out")
    if kind.endswith(".csv.gz"):
        return _csv_cells(_unzipped(content), name)
    if kind.endswith(".csv"):
        return _csv_cells(content, name)
    raise Invalid("file", f"'{name}' is not .csv, .csv.gz or .xlsx; save it as one of these")


def _header(sheet: SheetCells) -> list[str]:
    """The names of the columns, some of them blank. Raises Invalid for a cell that holds none truly."""
    cells = sheet.rows.get(1, {})
    for column, cell in cells.items():
        if fault := cell.fault or fault_of(cell.text):
            letters = f"sheet '{sheet.name}', cell {column_letters(column)}1"
            place = letters if sheet.name else f"row 1, column {column}"
            raise Invalid("columns", f"{place} ('{cell.text}') {fault}")
    return [cells[column].text if column in cells else "" for column in range(1, max(cells, default=0) + 1)]


def _place_of_rows(cells: SheetCells, names: Sequence[str]) -> Sheet:
    if cells.name is None:
        return Sheet()
    if cells.beyond:
        place = f"sheet '{cells.name}', cell {cells.beyond}"
        raise Invalid("file", f"{place} lies too far out: {MAX_COLUMNS} columns are read. Remove what is not needed")
    letters = {name: column_letters(place) for place, name in enumerate(names, start=1) if name}
    return Sheet(cells.name, letters, tuple(_notes(cells, names)))


def _notes(book: SheetCells, names: Sequence[str]) -> Iterator[RowProblem]:
    if book.others:
        others = ", ".join(f"'{name}'" for name in book.others)
        yield RowProblem(1, FILE, "", f"only this sheet is read, not {others}; the one to read can be named", book.name)
    for place, name in enumerate(names, start=1):
        if name and place in book.hidden_columns:
            cell = f"{column_letters(place)}1"
            yield RowProblem(1, name, "", "is a hidden column, and is read", book.name, cell)
    for reference in book.merged:
        cell = reference.partition(":")[0]
        row = int(re.sub(r"\D", "", cell))
        reason = f"is merged over {reference}, and its value is taken for each of its rows and columns"
        yield RowProblem(row, FILE, "", reason, book.name, cell)


def _rows(read: SheetCells, names: Sequence[str]) -> list[Row]:
    sheet, columns = _place_of_rows(read, names), dict(enumerate(names, start=1))
    rows: list[Row] = []
    letters = 0
    for number in sorted(read.rows.keys() - {1}):
        cells: dict[str, str] = {}
        values: dict[str, Value] = {}
        faults: dict[str, str] = {}
        for at, cell in read.rows[number].items():
            letters += len(cell.text)
            if letters > MAX_UNPACKED_BYTES:
                raise too_much()
            # ASCII: the wide space of a Japanese name is part of it.
            text = re.sub(r"\s+", " ", cell.text, flags=re.ASCII).strip()
            fault = cell.fault or fault_of(text)
            if fault is None and is_blank(text):
                continue
            column = columns.get(at) or f"(column {at})"
            cells[column] = text
            if cell.value is not None:
                values[column] = cell.value
            if fault is not None:
                faults[column] = fault
        if cells:
            if number in read.hidden_rows:
                faults[ROW] = _HIDDEN
            rows.append(Row(number, cells, values, faults, sheet))
        if len(rows) > MAX_ROWS:
            raise Invalid("file", f"has more than {MAX_ROWS:,} rows. Split it")
    if not rows:
        raise Invalid("file", "has column names and no rows")
    return rows


_HIDDEN = "is hidden, by a filter perhaps; show it, or delete it if it is not to be read"


def _columns(header: list[str]) -> list[str]:
    """The names in the header, as we write them. Raises Invalid naming what is unknown, repeated or missing."""
    names = [re.sub(r"[ _]+", "_", normal_form(text)) for text in header]
    used = Counter(name for name in names if name)
    faults = [f"unknown column '{name}'" for name in used if name not in COLUMNS]
    faults += [f"column '{name}' stands twice" for name, times in used.items() if times > 1]
    faults += [f"missing column '{name}'" for name in REQUIRED if name not in used]
    if faults:
        raise Invalid("columns", f"{'; '.join(faults)}. Row 1 names the columns; known are {', '.join(COLUMNS)}")
    return names


def _csv_cells(content: bytes, name: str) -> SheetCells:
    """Rows as a spreadsheet program counts them: without a first line that only names the separator."""
    refuse_other_encoding(content[:8], name)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        line = content.count(b"\n", 0, err.start) + 1
        raise Invalid("file", f"line {line} is not UTF-8; in Excel, save as 'CSV UTF-8'") from err
    sheet, filled = SheetCells(None), 0
    for number, (line, record) in enumerate(read_csv(io.StringIO(text, newline="")), start=1):
        if number > MOST_LINES:
            raise Invalid("file", f"has more than {MOST_LINES:,} lines. Split it")
        if len(record) > _MOST_FIELDS:
            raise Invalid("file", f"line {line} has more than {_MOST_FIELDS:,} fields; is it CSV?")
        cells = {at: Cell(text) for at, text in enumerate(record, start=1) if text}
        filled += len(cells)
        if filled > MOST_ELEMENTS:
            raise too_much()
        if cells:
            sheet.rows[number] = cells
    return sheet


def _unzipped(content: bytes) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as packed:
            plain = packed.read(MAX_UNPACKED_BYTES + 1)
    except (OSError, EOFError, zlib.error) as err:
        raise Invalid("file", f"is not gzip, or is damaged: {err}") from err
    if len(plain) > MAX_UNPACKED_BYTES:
        raise Invalid("file", f"unpacks to more than {MAX_UNPACKED_BYTES:,} bytes. Split it")
    return plain
