"""A log of any length, read from a CSV file, plain or gzip, and the list of what is odd in it.

What a row means is not known here. Spreadsheets, which are small and may be workbooks, are read by tables.
"""

import gzip
import io
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import attrgetter, itemgetter
from pathlib import Path

from slamon.domain.normal_form import normal_form
from slamon.errors import Invalid
from slamon.imports.csv_text import read_csv, refuse_other_encoding

MOST_BYTES = 4_000_000_000  # of an unpacked log
EXAMPLES = 5  # kept for each kind of oddity
WRONG_FIELDS = "wrong_fields"  # row left out: its values may stand in the wrong columns


@dataclass(frozen=True, slots=True)
class Example:
    """One oddity as found. `row` is the line of the file, the header being line 1."""

    oddity: str
    number: str
    row: int
    reason: str


@dataclass(slots=True)
class Flags:
    """Every oddity counted by its kind, the first few of each kept; `numbers` are the requests that have one."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: list[Example] = field(default_factory=list)
    numbers: set[str] = field(default_factory=set)

    def add(self, oddity: str, number: str, row: int, reason: str) -> None:
        self.counts[oddity] += 1
        self.numbers.add(number)
        if self.counts[oddity] <= EXAMPLES:
            self.examples.append(Example(oddity, number, row, reason))

    def in_order_of_rows(self) -> tuple[Example, ...]:
        return tuple(sorted(self.examples, key=attrgetter("row")))

    @property
    def requests(self) -> int:
        return len(self.numbers - {""})

    def counted(self, kinds: Iterable[str]) -> dict[str, int]:
        """How many there are of each of these kinds, in their order."""
        return {str(kind): self.counts[kind] for kind in kinds if self.counts[kind]}


def read_log(
    path: Path, columns: Sequence[str], what: str, flags: Flags, tell: Callable[[int], None] = lambda _: None
) -> Iterator[tuple[int, dict[str, str]]]:
    """The line of every row and its values by column, without the space around them; blank lines are left out.

    `what` names the kind of file. `tell` hears from 0 to 50, now and then. Raises Invalid for a file that cannot be
    read, or lacks a column.
    """
    rows = _rows(path, tell)
    _, header = next(rows, (0, []))
    wanted = itemgetter(*_positions(path, header, columns, what))
    for line, values in rows:
        if len(values) == len(header):
            yield line, dict(zip(columns, map(str.strip, wanted(values)), strict=True))
        else:
            flags.add(WRONG_FIELDS, "", line, f"{len(values)} fields, the header has {len(header)}")


def _rows(path: Path, tell: Callable[[int], None]) -> Iterator[tuple[int, list[str]]]:
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
            for done, (line, values) in enumerate(read_csv(text, where=f"{path} ", strict=False)):
                if done % 4096 == 0:
                    tell(50 * raw.tell() // size)
                    if is_packed and stream.tell() > MOST_BYTES:
                        raise Invalid("file", f"{path} unpacks to more than {MOST_BYTES:,} bytes; split it")
                if values:
                    yield line, values
    except (EOFError, zlib.error, gzip.BadGzipFile) as err:
        raise Invalid("file", f"{path} is damaged: it cannot be unpacked ({err})") from err
    except OSError as err:
        raise Invalid("file", f"{path} cannot be read: {err.strerror or err}") from err


def _positions(path: Path, header: Sequence[str], columns: Sequence[str], what: str) -> list[int]:
    """Where the columns stand in the header, whatever their case. Raises Invalid where one is missing."""
    names = list(map(normal_form, header))
    missing = [column for column in columns if normal_form(column) not in names]
    if len(missing) == len(columns):
        raise Invalid(
            "file", f"{path} is not a {what}: its first line must be a header with the columns {', '.join(columns)}"
        )
    if missing:
        raise Invalid(missing[0], f"{path} lacks the column {' and the column '.join(missing)}")
    if twice := next((column for column in columns if names.count(normal_form(column)) > 1), None):
        raise Invalid(twice, f"{path} has the column {twice} twice")
    return [names.index(normal_form(column)) for column in columns]


def nearest_rank(values: Iterable[int], percent: int) -> int | None:
    """The smallest value that at least so many percent do not exceed; None of nothing."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)] if ordered else None
