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

from slamon.errors import Invalid

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

    Fields stand between commas, semicolons or tabs, whichever the header has most of. `tell` hears from 0 to 50, now
    and then. Raises Invalid for a file that cannot be read.
    """
    line = 0
    try:
        with path.open("rb") as raw:
            size = max(path.stat().st_size, 1)
            is_packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            stream = gzip.GzipFile(fileobj=raw) if is_packed else raw
            # A stray byte of another encoding must not end the replay; escaped, it still tells keys apart.
            text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="backslashreplace", newline="")
            header = text.readline()
            reader = csv.reader(chain([header], text), delimiter=max(",;\t", key=header.count))
            for done, values in enumerate(reader):
                line = reader.line_num
                if done % 4096 == 0:
                    tell(50 * raw.tell() // size)
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
    names = [name.strip().casefold() for name in header]
    missing = [column for column in columns if column.casefold() not in names]
    if len(missing) == len(columns):
        raise Invalid(
            "file", f"{path} is not a {what}: its first line must be a header with the columns {', '.join(columns)}"
        )
    if missing:
        raise Invalid(missing[0], f"{path} lacks the column {' and the column '.join(missing)}")
    return [names.index(column.casefold()) for column in columns]
