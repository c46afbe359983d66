"""One sheet of an .xlsx workbook as a person sees it: merged values over their range, numbers as they are formatted.

A cell whose content is not truly there (a failed or never calculated formula, text struck through) carries a fault.
What a cell means is not known here.
"""

import io
import re
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from zipfile import ZipFile

from slamon.domain.normal_form import is_blank, normal_form
from slamon.errors import Invalid
from slamon.imports.archive import MAX_UNPACKED_BYTES, MOST_ELEMENTS, Attributes, Parts, too_much
from slamon.imports.cells import BUILT_IN, FAILED, LONGEST_FORMAT, Cell, as_shown

MAX_COLUMNS = 256
MOST_LINES = 1_048_576  # of any spreadsheet
_MOST_SHEETS = 500


@dataclass(slots=True)
class SheetCells:
    """The filled cells of a sheet by row and column, both from 1; a CSV file is one without a name.

    `others` are the visible sheets with content that were not read, `merged` the ranges whose value was taken for
    several cells, `beyond` is the first filled cell that lies too far out.
    """

    name: str | None
    others: tuple[str, ...] = ()
    rows: dict[int, dict[int, Cell]] = field(default_factory=dict)
    hidden_rows: set[int] = field(default_factory=set)
    hidden_columns: set[int] = field(default_factory=set)
    merged: list[str] = field(default_factory=list)
    beyond: str | None = None


def read_workbook(content: bytes, wanted: str | None) -> SheetCells:
    """The sheet of that name, whether hidden or not; without a name, the first that can be seen. Raises Invalid."""
    try:
        with ZipFile(io.BytesIO(content)) as archive:
            return _read(Parts(archive), wanted)
    except Invalid:
        raise
    except Exception as err:  # what a damaged archive or document raises depends on where the damage is
        raise Invalid("file", "is not a readable .xlsx workbook (damaged, an old .xls, or with a password)") from err


def column_letters(column: int) -> str:
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


# --- workbook, styles, texts ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Tab:
    name: str
    part: str
    is_hidden: bool


@dataclass(slots=True)
class _Book:
    tabs: list[_Tab] = field(default_factory=list)
    counts_from_1904: bool = False
    is_uncalculated: bool = False  # the program that wrote it leaves calculating to whoever opens it
    texts: list[tuple[str, bool]] = field(default_factory=list)  # and whether some of it is struck through
    styles: list["_Style"] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Style:
    format: str
    is_struck: bool


def _read(parts: Parts, wanted: str | None) -> SheetCells:
    path = next(target for _, kind, target in parts.relations("") if kind == "officeDocument")
    relations = list(parts.relations(path))
    book = _Book()
    _read_book(parts, path, {key: (kind, target) for key, kind, target in relations}, book)
    tab = _chosen(book.tabs, wanted)
    for _, kind, target in relations:
        if kind == "sharedStrings":
            _read_texts(parts, target, book.texts)
        elif kind == "styles":
            book.styles = _read_styles(parts, target)
    others = [one for one in book.tabs if one is not tab and not one.is_hidden and _is_filled(parts, one.part)]
    sheet = SheetCells(tab.name, tuple(one.name for one in others))
    _SheetReader(book, sheet).read(parts, tab.part)
    return sheet


class _Found(Exception):
    """Ends the parsing of a part."""


def _is_filled(parts: Parts, part: str) -> bool:
    """Whether a sheet has any cell with a value; it is parsed no further than to the first."""

    def begin(name: str, _: Attributes) -> None:
        if name in ("v", "is"):
            raise _Found

    try:
        parts.parse(part, begin)
    except _Found:
        return True
    return False


def _read_book(parts: Parts, path: str, targets: Mapping[str, tuple[str, str]], book: _Book) -> None:
    def begin(name: str, attributes: Attributes) -> None:
        if name == "workbookPr":
            book.counts_from_1904 = _is_true(attributes.get("date1904"))
        elif name == "calcPr":
            book.is_uncalculated = _is_true(attributes.get("fullCalcOnLoad"))
        elif name == "sheet":
            key = next(value for named, value in attributes.items() if named.endswith(" id"))
            kind, target = targets[key]
            if kind == "worksheet":
                is_hidden = attributes.get("state", "visible") != "visible"
                if len(book.tabs) == _MOST_SHEETS:
                    raise too_much()
                book.tabs.append(_Tab(_unescaped(attributes["name"]), target, is_hidden))

    parts.parse(path, begin)


def _chosen(tabs: list[_Tab], wanted: str | None) -> _Tab:
    if wanted is None:
        seen = next((tab for tab in tabs if not tab.is_hidden), None)
        if seen is None:
            raise Invalid("sheet", f"every sheet is hidden; name the one to read: {_names(tabs)}")
        return seen
    exact = [tab for tab in tabs if tab.name == wanted]
    alike = exact or [tab for tab in tabs if normal_form(tab.name) == normal_form(wanted)]
    if len(alike) != 1:
        raise Invalid("sheet", f"there is no sheet '{wanted}'; there are {_names(tabs)}")
    return alike[0]


def _names(tabs: list[_Tab]) -> str:
    return ", ".join(f"'{tab.name}'" for tab in tabs)


class _Text:
    """Collects one text of several runs; pronunciation guides are no part of it."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.is_struck = self._listens = self._in_guide = False

    def begin(self, name: str, attributes: Attributes) -> None:
        if name == "rPh":
            self._in_guide = True
        elif name == "t":
            self._listens = not self._in_guide
        elif name in ("strike", "dstrike"):
            self.is_struck |= _is_true(attributes.get("val", "1"))

    def end(self, name: str) -> None:
        if name == "rPh":
            self._in_guide = False
        self._listens = False

    def text(self, text: str) -> None:
        if self._listens:
            self.parts.append(text)

    def taken(self) -> tuple[str, bool]:
        return _unescaped("".join(self.parts)), self.is_struck


def _read_texts(parts: Parts, path: str, texts: list[tuple[str, bool]]) -> None:
    run = _Text()

    def begin(name: str, attributes: Attributes) -> None:
        nonlocal run
        if name == "si":
            run = _Text()
        run.begin(name, attributes)

    def end(name: str) -> None:
        run.end(name)
        if name == "si":
            texts.append(run.taken())

    parts.parse(path, begin, end, lambda text: run.text(text))


def _read_styles(parts: Parts, path: str) -> list[_Style]:
    formats, struck, styles = dict(BUILT_IN), list[bool](), list[_Style]()
    inside: list[str] = []

    def begin(name: str, attributes: Attributes) -> None:
        where = inside[-1] if inside else ""
        if name == "numFmt" and where == "numFmts":
            formats[int(attributes["numFmtId"])] = attributes["formatCode"][:LONGEST_FORMAT]
        elif name == "font" and where == "fonts":
            struck.append(False)
        elif name == "strike" and inside[-2:] == ["fonts", "font"]:
            struck[-1] = _is_true(attributes.get("val", "1"))
        elif name == "xf" and where == "cellXfs":
            font, form = int(attributes.get("fontId", 0)), int(attributes.get("numFmtId", 0))
            styles.append(_Style(formats.get(form, "General"), font < len(struck) and struck[font]))
        inside.append(name)

    def end(_: str) -> None:
        inside.pop()

    parts.parse(path, begin, end)
    return styles


_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")


def _unescaped(text: str) -> str:
    """Characters that XML cannot hold are written _x000D_ (ECMA-376, ST_Xstring)."""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text) if "_x" in text else text


def _is_true(text: str | None) -> bool:
    return text in ("1", "true", "on")


# --- the sheet --------------------------------------------------------------------------------------------------------

_PLACE = re.compile(r"([A-Z]{1,3})([1-9]\d*)", re.ASCII)


def _place(reference: str) -> tuple[int, int]:
    """Row and column of a cell such as B7. Raises ValueError."""
    match = _PLACE.fullmatch(reference.replace("$", ""))
    if match is None:
        raise ValueError(reference)
    column = 0
    for letter in match[1]:
        column = column * 26 + ord(letter) - 64
    return int(match[2]), column


class _SheetReader:
    """Fills a sheet from its part; expat calls back element by element."""

    def __init__(self, book: _Book, sheet: SheetCells) -> None:
        self._book, self._sheet = book, sheet
        self._row = self._column = self._letters = 0
        self._ranges: list[tuple[int, int, int, int, str]] = []
        self._cell: Attributes | None = None
        self._inline: _Text | None = None
        self._value: list[str] | None = None
        self._formula: list[str] | None = None
        self._target: list[str] | None = None

    def read(self, parts: Parts, part: str) -> None:
        parts.parse(part, self._begin, self._end, self._hear)
        self._fill_merged()

    def _begin(self, name: str, attributes: Attributes) -> None:
        if self._cell is not None:
            if name == "v":
                self._target = self._value = []
            elif name == "f":
                self._target = self._formula = []
            else:
                if name == "is":
                    self._inline = _Text()
                if self._inline is not None:
                    self._inline.begin(name, attributes)
        elif name == "c":
            self._cell, self._value, self._formula, self._inline = attributes, None, None, None
            self._row, self._column = _place(attributes["r"]) if "r" in attributes else (self._row, self._column + 1)
        elif name == "row":
            self._row, self._column = int(attributes.get("r", self._row + 1)), 0
            if _is_true(attributes.get("hidden")):
                self._sheet.hidden_rows.add(self._row)
        elif name == "col" and _is_true(attributes.get("hidden")):
            last = min(int(attributes["max"]), MAX_COLUMNS)
            self._sheet.hidden_columns.update(range(int(attributes["min"]), last + 1))
        elif name == "mergeCell":
            corner, _, other = attributes["ref"].partition(":")
            self._ranges.append((*_place(corner), *_place(other or corner), attributes["ref"]))

    def _hear(self, text: str) -> None:
        if self._target is not None:
            self._target.append(text)
        elif self._inline is not None:
            self._inline.text(text)

    def _end(self, name: str) -> None:
        if self._cell is None:
            return
        self._target = None
        if name != "c":
            if self._inline is not None:
                self._inline.end(name)
            return
        cell, self._cell = self._read_cell(self._cell), None
        self._letters += len(cell.text)
        if self._letters > MAX_UNPACKED_BYTES:  # one long text may stand in many cells
            raise too_much()
        if cell.fault is None and is_blank(cell.text):
            return
        if self._column <= MAX_COLUMNS and self._row <= MOST_LINES:
            self._sheet.rows.setdefault(self._row, {})[self._column] = cell
        elif self._sheet.beyond is None:
            self._sheet.beyond = f"{column_letters(self._column)}{self._row}"

    def _read_cell(self, attributes: Attributes) -> Cell:
        kind, style = attributes.get("t", "n"), self._style(int(attributes.get("s", 0)))
        text, is_struck = "".join(self._value or ()), False
        if self._formula is not None:
            # An empty text is a result (type str); an empty number is none.
            is_missing = self._value is None or (kind != "str" and not text)
            if is_missing or self._book.is_uncalculated:
                return Cell(f"={''.join(self._formula)}"[:200], fault=_UNCALCULATED)
        if kind == "inlineStr":
            text, is_struck = self._inline.taken() if self._inline else ("", False)
        elif kind == "s" and text:
            text, is_struck = self._book.texts[int(text)]
        elif kind == "str":
            text = _unescaped(text)
        elif kind == "e":
            return Cell(text, fault=FAILED)
        elif kind == "b" and text:
            text = "TRUE" if _is_true(text) else "FALSE"
        elif kind == "d" and text:
            text = text.replace("T", " ")
        elif kind == "n" and text:
            cell = as_shown(Decimal(text), style.format, counts_from_1904=self._book.counts_from_1904)
            return Cell(cell.text, cell.value, _STRUCK) if style.is_struck and not cell.fault else cell
        return Cell(text, fault=_STRUCK if text and (is_struck or style.is_struck) else None)

    def _style(self, at: int) -> _Style:
        return self._book.styles[at] if at < len(self._book.styles) else _PLAIN

    def _fill_merged(self) -> None:
        """Give every row that has a cell of its own the values of what is merged over it, as a reader sees them."""
        rows, numbers, looked_at = self._sheet.rows, sorted(self._sheet.rows), 0
        covered: list[tuple[int, int, Cell, str]] = []
        for top, left, bottom, right, reference in self._ranges:
            value = rows.get(top, {}).get(left)
            for row in numbers[bisect_left(numbers, top) : bisect_right(numbers, bottom)]:
                for column in range(left, min(right, MAX_COLUMNS) + 1):
                    looked_at += 1
                    if looked_at > MOST_ELEMENTS:
                        raise too_much()
                    if (row, column) != (top, left):
                        rows[row].pop(column, None)  # what lies under a merged cell is not seen
                        if value is not None:
                            covered.append((row, column, value, reference))
        for row in [row for row, cells in rows.items() if not cells]:
            del rows[row]
        for row, column, value, _ in covered:
            if row in rows:
                rows[row][column] = value
        self._sheet.merged = list(dict.fromkeys(reference for row, _, _, reference in covered if row in rows))


_PLAIN = _Style("General", is_struck=False)
_UNCALCULATED = (
    "holds a formula without its result, because a program wrote the workbook; open it in a spreadsheet program and "
    "save it, or put the value in its place"
)
_STRUCK = "is struck through, wholly or in part; remove what no longer counts"
