"""A spreadsheet as rows of text: CSV, gzipped CSV or the first sheet of an .xlsx workbook.

Here live the limits a file must keep, and the names of the columns of one kind of it, the table of CMOs, sites and
contacts (directory_template.csv beside this shows them). What a cell means is not known here.
"""

import csv
import gzip
import io
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from xml.parsers.expat import ParserCreate
from zipfile import ZipFile

from slamon.errors import Invalid

MAX_BYTES = 5_000_000
MAX_UNPACKED_BYTES = 30_000_000
MAX_ROWS = 20_000
_MOST_ELEMENTS = 1_000_000  # openpyxl keeps trees of them in memory; 20,000 full rows have 600,000

REQUIRED = ("cmo", "site", "country", "time_zone", "contact_name", "contact_email")
CMO_COLUMNS = ("slack_channel", "lead_email")
SITE_COLUMNS = ("address", "country", "subdivision", "time_zone", "opening_hours", "site_kind")
CONTACT_COLUMNS = ("contact_name", "contact_email", "contact_role", "contact_time_zone")
COLUMNS = ("cmo", *CMO_COLUMNS, "site", *SITE_COLUMNS, *CONTACT_COLUMNS)


@dataclass(frozen=True, slots=True)
class Row:
    """The filled cells of one row, by column; `number` is what the spreadsheet shows, the header being row 1."""

    number: int
    cells: Mapping[str, str]


def read_table(name: str, content: bytes) -> list[Row]:
    """The rows of a table of CMOs, sites and contacts that are not blank.

    Raises Invalid as `read_sheet`, and where a column is unknown, repeated or missing.
    """
    records = _records(name, content)
    return _rows(records, _columns(next(records, [])))


def read_sheet(name: str, content: bytes) -> tuple[list[str], list[Row]]:
    """The names in the first row of any file, and its rows that are not blank; its kind is told by `name`.

    CSV is UTF-8, with or without a byte order mark, separated by comma, semicolon or tab. Raises Invalid for a
    file that is too large, unreadable or empty.
    """
    records = _records(name, content)
    header = enumerate(next(records, []), start=1)
    names = [" ".join(text.split()) or f"(unnamed column {place})" for place, text in header]
    return names, _rows(records, names)


def _records(name: str, content: bytes) -> Iterator[list[str]]:
    if len(content) > MAX_BYTES:
        raise Invalid("file", f"has {len(content):,} bytes; {MAX_BYTES:,} are allowed. Split it")
    kind = name.casefold()
    if kind.endswith(".xlsx"):
        return _sheet_records(content)
    if kind.endswith(".csv.gz"):
        return _csv_records(_unzipped(content))
    if kind.endswith(".csv"):
        return _csv_records(content)
    raise Invalid("file", f"'{name}' is not .csv, .csv.gz or .xlsx; save it as one of these")


def _rows(records: Iterator[list[str]], names: Sequence[str]) -> list[Row]:
    columns = dict(enumerate(names))
    rows: list[Row] = []
    for number, record in enumerate(records, 2):
        # ASCII: the wide space of a Japanese name is part of it.
        texts = (re.sub(r"\s+", " ", text, flags=re.ASCII).strip() for text in record)
        cells = {columns.get(at) or f"(column {at + 1})": text for at, text in enumerate(texts) if text}
        if cells:
            rows.append(Row(number, cells))
        if len(rows) > MAX_ROWS:
            raise Invalid("file", f"has more than {MAX_ROWS:,} rows. Split it")
    if not rows:
        raise Invalid("file", "has column names and no rows")
    return rows


def _columns(header: list[str]) -> list[str]:
    """The names in the header, as we write them. Raises Invalid naming what is unknown, repeated or missing."""
    names = [re.sub(r"[\s_]+", "_", text.strip().casefold()) for text in header]
    used = Counter(name for name in names if name)
    faults = [f"unknown column '{name}'" for name in used if name not in COLUMNS]
    faults += [f"column '{name}' stands twice" for name, times in used.items() if times > 1]
    faults += [f"missing column '{name}'" for name in REQUIRED if name not in used]
    if faults:
        raise Invalid("columns", f"{'; '.join(faults)}. Row 1 names the columns; known are {', '.join(COLUMNS)}")
    return names


def _csv_records(content: bytes) -> Iterator[list[str]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        line = content.count(b"\n", 0, err.start) + 1
        raise Invalid("file", f"line {line} is not UTF-8; in Excel, save as 'CSV UTF-8'") from err
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        yield from reader
    except csv.Error as err:
        raise Invalid("file", f"line {reader.line_num} is not CSV: {err}") from err


def _unzipped(content: bytes) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as packed:
            plain = packed.read(MAX_UNPACKED_BYTES + 1)
    except (OSError, EOFError, zlib.error) as err:
        raise Invalid("file", f"is not gzip, or is damaged: {err}") from err
    _refuse_bomb(len(plain))
    return plain


def _sheet_records(content: bytes) -> Iterator[list[str]]:
    from openpyxl import load_workbook  # eight megabytes that a server need not carry until somebody brings a workbook

    try:
        _refuse_crowded(content)
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # some programs write a wrong size
        # Bounds, because a row may claim any number and a cell any place; no spreadsheet has more rows than this.
        for cells in sheet.iter_rows(max_row=1_048_576, max_col=64, values_only=True):
            yield [_cell_text(value) for value in cells]
    except Invalid:
        raise
    except Exception as err:  # what openpyxl raises for a damaged file depends on where the damage is
        raise Invalid("file", "is not a readable .xlsx workbook (damaged, an old .xls, or with a password)") from err


def _refuse_bomb(size: int) -> None:
    if size > MAX_UNPACKED_BYTES:
        raise Invalid("file", f"unpacks to more than {MAX_UNPACKED_BYTES:,} bytes. Split it, or remove pictures")


def _refuse_crowded(workbook: bytes) -> None:
    """Count the XML elements without building a tree of them: a small file can hold very many."""
    elements = 0

    def begin(_name: str, _attributes: dict[str, str]) -> None:
        nonlocal elements
        elements += 1
        if elements > _MOST_ELEMENTS:
            raise Invalid("file", "holds far more cells or formats than such a list needs; save it as CSV")

    with ZipFile(io.BytesIO(workbook)) as archive:
        # No member gives more than it declares: zipfile stops there.
        _refuse_bomb(sum(member.file_size for member in archive.infolist()))
        for member in archive.namelist():
            if member.endswith((".xml", ".rels")):
                parser = ParserCreate()
                parser.StartElementHandler = begin
                parser.Parse(archive.read(member), True)


def _cell_text(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)
