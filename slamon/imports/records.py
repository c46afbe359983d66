"""A CSV file of any length as records, plain or gzip, and the list of what is odd in it.

What a record means is not known here. Spreadsheets, which are small and may be workbooks, are read by tables.
"""

import csv
import gzip
import io
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import Generic, TypeVar

from slamon.domain.normal_form import normal_form
from slamon.errors import Invalid
from slamon.imports.csv_text import delimiter_of, lines_of, refuse_other_encoding, told_delimiter

MOST_BYTES = 4_000_000_000  # of a packed log
EXAMPLES = 5  # kept for each kind of oddity

Kind = TypeVar("Kind", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Example(Generic[Kind]):
    """One oddity as found. `row` is the line of the file, the header being line 1."""

    oddity: Kind
    number: str
    row: int
    reason: str


@dataclass(slots=True)
class Flags(Generic[Kind]):
    """Every oddity counted by its kind, the first few of each kept; `numbers` are the requests that have one."""

    counts: Counter[Kind] = field(default_factory=Counter)
    examples: list[Example[Kind]] = field(default_factory=list)
    numbers: set[str] = field(default_factory=set)

    def add(self, oddity: Kind, number: str, row: int, reason: str) -> None:
        self.counts[oddity] += 1
        self.numbers.add(number)
        if self.counts[oddity] <= EXAMPLES:
            self.examples.append(Example(oddity, number, row, reason))

    def in_order_of_rows(self) -> tuple[Example[Kind], ...]:
        return tuple(sorted(self.examples, key=attrgetter("row")))


def read_records(path: Path, tell: Callable[[int], None]) -> Iterator[tuple[int, list[str]]]:
    """Yield the line and the fields of every record, the header first; blank lines are left out.

    Fields stand between commas, semicolons or tabs, whichever the header has most of, or as a first line `sep=;` says.
    `tell` hears from 0 to 50, now and then. Raises Invalid for a file that cannot be read.
    """
    line = offset = 0
    try:
        with path.open("rb") as raw:
            size = max(path.stat().st_size, 1)
            is_packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            stream = gzip.GzipFile(fileobj=raw) if is_packed else raw
            refuse_other_encoding(stream.read(8), path.name)
            stream.seek(0)
            # A stray byte of another encoding must not end the replay; escaped, it still tells keys apart.
            text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="backslashreplace", newline="")
            lines = lines_of(text)
            header = next(lines, "")
            delimiter = told_delimiter(header)
            if delimiter:
                offset = 1
            else:
                delimiter, lines = delimiter_of(header), chain([header], lines)
            reader = csv.reader(lines, delimiter=delimiter)
            for done, values in enumerate(reader):
                line = reader.line_num + offset
                if done % 4096 == 0:
                    tell(50 * raw.tell() // size)
                    if is_packed and stream.tell() > MOST_BYTES:
                        raise Invalid("file", f"{path} unpacks to more than {MOST_BYTES:,} bytes; split it")
                if values:
                    yield line, values
    except (EOFError, zlib.error, gzip.BadGzipFile) as err:
        raise Invalid("file", f"{path} is damaged: it cannot be unpacked ({err})") from err
    except csv.Error as err:
        raise Invalid("file", f"{path} is not a CSV file: line {line + 1}, {err}") from err
    except OSError as err:
        raise Invalid("file", f"{path} cannot be read: {err.strerror or err}") from err


def positions(path: Path, header: Sequence[str], columns: Sequence[str], what: str) -> list[int]:
    """Where the columns stand in the header, whatever their case. Raises Invalid where one is missing.

    `what` names the kind of file for one that has none of them.
    """
    names = list(map(normal_form, header))
    missing = [column for column in columns if normal_form(column) not in names]
    if len(missing) == len(columns):
        raise Invalid(
            "file", f"{path} is not a {what}: its first line must be a header with the columns {', '.join(columns)}"
        )
    if missing:
        raise Invalid(missing[0], f"{path} lacks the column {' and the column '.join(missing)}")
    twice = next((column for column in columns if names.count(normal_form(column)) > 1), None)
    if twice:
        raise Invalid(twice, f"{path} has the column {twice} twice")
    return [names.index(normal_form(column)) for column in columns]
