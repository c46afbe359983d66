"""A help desk's request log as read from a CSV file: its requests, their events, and what is odd about them.

Columns, oddities and licence of the log: tests/data/README.md. What the events mean to a clock is not known here.
"""

import csv
import gzip
import io
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from operator import itemgetter
from pathlib import Path

from slamon.errors import Invalid

COLUMNS = ("number", "incident_state", "opened_at", "sys_updated_at", "sys_mod_count")
NEW, WAITING, RESOLVED, CLOSED = "New", "Awaiting User Info", "Resolved", "Closed"
STATES = frozenset(
    {NEW, "Active", WAITING, "Awaiting Vendor", "Awaiting Problem", "Awaiting Evidence", RESOLVED, CLOSED}
)
EXAMPLES = 5  # kept for each kind of oddity


class Oddity(StrEnum):
    """What may be wrong with a row or a request, and what the replay makes of it."""

    BEFORE_FILING = "before_filing"  # counts at the filing
    OUT_OF_ORDER = "out_of_order"  # read in order of time
    REPEATED_COUNT = "repeated_count"  # `sys_mod_count` repeats or falls; read all the same
    UNREADABLE_COUNT = "unreadable_count"  # read all the same
    UNKNOWN_STATE = "unknown_state"  # an act like any state but New; pauses nothing
    MISSING_STATE = "missing_state"  # row left out
    UNREADABLE_TIME = "unreadable_time"  # row left out
    MISSING_NUMBER = "missing_number"  # row left out
    WRONG_FIELDS = "wrong_fields"  # row left out: its values may stand in the wrong columns
    UNREADABLE_FILING = "unreadable_filing"  # another row's filing time counts
    CHANGED_FILING = "changed_filing"  # the first filing time counts
    NEVER_FILED = "never_filed"  # request left out: no row says when it was filed
    BEYOND_HORIZON = "beyond_horizon"  # request left out: due more than six years after filing


@dataclass(frozen=True, slots=True)
class Example:
    """One oddity as found. `row` is the line of the file, the header being line 1."""

    oddity: Oddity
    number: str
    row: int
    reason: str


@dataclass(frozen=True, slots=True)
class Event:
    row: int
    state: str
    at: datetime


@dataclass(slots=True)
class LoggedRequest:
    """What the log says of one request, its events in the order of the file."""

    number: str
    row: int
    filed_at: datetime | None = None
    count: int | None = None
    events: list[Event] = field(default_factory=list)


@dataclass(slots=True)
class Flags:
    counts: Counter[Oddity] = field(default_factory=Counter)
    examples: list[Example] = field(default_factory=list)
    numbers: set[str] = field(default_factory=set)

    def add(self, oddity: Oddity, number: str, row: int, reason: str) -> None:
        self.counts[oddity] += 1
        self.numbers.add(number)
        if self.counts[oddity] <= EXAMPLES:
            self.examples.append(Example(oddity, number, row, reason))


def read_log(path: Path, flags: Flags, tell: Callable[[int], None]) -> list[LoggedRequest]:
    """The requests of the log that have a filing time, in order of appearance."""
    records = _records(path, tell)
    _, header = next(records, (0, []))
    wanted = itemgetter(*_positions(path, header))
    requests: dict[str, LoggedRequest] = {}
    for row, values in records:
        if len(values) != len(header):
            flags.add(Oddity.WRONG_FIELDS, "", row, f"{len(values)} fields, the header has {len(header)}")
            continue
        number, state, opened, updated, count = wanted(values)
        number = number.strip()
        if _is_missing(number):
            flags.add(Oddity.MISSING_NUMBER, "", row, "no request number")
            continue
        request = requests.get(number)
        if request is None:
            request = requests[number] = LoggedRequest(number, row)
        _note_filing(request, row, opened, flags)
        _note_count(request, row, count, flags)
        _note_event(request, row, state, updated, flags)
    for request in requests.values():
        _judge(request, flags)
    return [request for request in requests.values() if request.filed_at is not None]


def _records(path: Path, tell: Callable[[int], None]) -> Iterator[tuple[int, list[str]]]:
    """Yield the line and the fields of every record, the header first. Raises Invalid."""
    try:
        with path.open("rb") as raw:
            size = max(path.stat().st_size, 1)
            is_packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            stream = gzip.GzipFile(fileobj=raw) if is_packed else raw
            # A stray byte of another encoding must not end the replay; escaped, it still tells keys apart.
            text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="backslashreplace", newline="")
            reader = csv.reader(text)
            for done, values in enumerate(reader):
                if done % 4096 == 0:
                    tell(50 * raw.tell() // size)
                if values:
                    yield reader.line_num, values
    except (EOFError, zlib.error, gzip.BadGzipFile) as err:
        raise Invalid("file", f"{path} is damaged: it cannot be unpacked ({err})") from err
    except csv.Error as err:
        raise Invalid("file", f"{path} is not a CSV file: line {reader.line_num}, {err}") from err
    except OSError as err:
        raise Invalid("file", f"{path} cannot be read: {err.strerror or err}") from err


def _positions(path: Path, header: list[str]) -> list[int]:
    names = [name.strip() for name in header]
    missing = [column for column in COLUMNS if column not in names]
    if len(missing) == len(COLUMNS):
        raise Invalid(
            "file",
            f"{path} is not a request log: its first line must be a comma-separated header with the columns "
            f"{', '.join(COLUMNS)}",
        )
    if missing:
        raise Invalid(missing[0], f"{path} lacks the column {' and the column '.join(missing)}")
    return [names.index(column) for column in COLUMNS]


def _note_filing(request: LoggedRequest, row: int, opened: str, flags: Flags) -> None:
    filed_at = parse_moment(opened)
    if filed_at is None:
        reason = f"opened_at is {opened!r}, not d/m/yyyy HH:MM"
        flags.add(Oddity.UNREADABLE_FILING, request.number, row, reason)
    elif request.filed_at is None:
        request.filed_at = filed_at
    elif filed_at != request.filed_at:
        reason = f"opened_at is {opened!r}, before it was {_text(request.filed_at)}"
        flags.add(Oddity.CHANGED_FILING, request.number, row, reason)


def _note_count(request: LoggedRequest, row: int, count: str, flags: Flags) -> None:
    if not (count.isascii() and count.isdigit() and len(count) < 19):
        flags.add(Oddity.UNREADABLE_COUNT, request.number, row, f"sys_mod_count is {count!r}, not a number")
        return
    if request.count is not None and int(count) <= request.count:
        flags.add(Oddity.REPEATED_COUNT, request.number, row, f"sys_mod_count {count} after {request.count}")
    request.count = int(count)


def _note_event(request: LoggedRequest, row: int, state: str, updated: str, flags: Flags) -> None:
    state = state.strip()
    at = parse_moment(updated)
    if at is None:
        reason = f"sys_updated_at is {updated!r}, not d/m/yyyy HH:MM"
        flags.add(Oddity.UNREADABLE_TIME, request.number, row, reason)
        return
    if _is_missing(state):
        flags.add(Oddity.MISSING_STATE, request.number, row, "no state")
        return
    if state not in STATES:
        flags.add(Oddity.UNKNOWN_STATE, request.number, row, f"state {state!r}")
    if request.events and at < request.events[-1].at:
        reason = f"{_text(at)}, after an event of {_text(request.events[-1].at)}"
        flags.add(Oddity.OUT_OF_ORDER, request.number, row, reason)
    request.events.append(Event(row, state, at))


def _judge(request: LoggedRequest, flags: Flags) -> None:
    """Flag what only the whole request shows."""
    filed_at = request.filed_at
    if filed_at is None:
        flags.add(Oddity.NEVER_FILED, request.number, request.row, "no row has a readable opened_at")
        return
    for event in request.events:
        if event.at < filed_at:
            reason = f"{_text(event.at)}, filed {_text(filed_at)}"
            flags.add(Oddity.BEFORE_FILING, request.number, event.row, reason)


def _is_missing(value: str) -> bool:
    return value in ("", "?")


_MOMENT = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4}) (\d{1,2}):(\d{2})", re.ASCII)


@lru_cache(maxsize=4096)
def parse_moment(text: str) -> datetime | None:
    """The instant that `d/m/yyyy HH:MM` of the log's own clock names, read as UTC; None if it names none."""
    match = _MOMENT.fullmatch(text.strip())
    if match is None:
        return None
    day, month, year, hour, minute = map(int, match.groups())
    try:
        return datetime(year, month, day, hour, minute, tzinfo=UTC)
    except ValueError:
        return None


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
