"""A help desk's request log run through our own clocks: how late real people were by the 24 to 48 hour rule.

Here live the reading of such a log (columns, oddities and licence: tests/data/README.md), its mapping onto
facts and the counting of outcomes. When a clock is due and whether it was met is the domain's business: no
deadline is computed here.
"""

import csv
import gzip
import io
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from operator import attrgetter, itemgetter
from pathlib import Path
from typing import Any

from slamon.domain.calendar import WEEKDAYS, CalendarHorizon, WorkingCalendar
from slamon.domain.clocks import Outcome
from slamon.domain.ladder import Evaluation, evaluate
from slamon.domain.terms import ALWAYS, ClockKind, ClockTerms, Mode, Terms
from slamon.domain.timeline import Actor, Fact, FactKind, Role, Timeline, Via
from slamon.errors import Invalid

COLUMNS = ("number", "incident_state", "opened_at", "sys_updated_at", "sys_mod_count")
NEW, WAITING, RESOLVED, CLOSED = "New", "Awaiting User Info", "Resolved", "Closed"
STATES = frozenset(
    {NEW, "Active", WAITING, "Awaiting Vendor", "Awaiting Problem", "Awaiting Evidence", RESOLVED, CLOSED}
)
TARGET, LIMIT = timedelta(hours=24), timedelta(hours=48)
EXAMPLES = 5  # kept for each kind of oddity

_NEVER = datetime.min.replace(tzinfo=UTC)
_CMO = Actor(id="replay-cmo", name="Assignment group", role=Role.CMO_CONTACT)
_SPONSOR = Actor(id="replay-sponsor", name="Caller", role=Role.PROJECT_MANAGER)
_BY_SPONSOR = frozenset({FactKind.FILED, FactKind.REPLIED, FactKind.ACCEPTED})
_WEEKDAYS_ONLY = WorkingCalendar.from_json({"tz": "UTC", "weekly": {day: [["00:00", "24:00"]] for day in WEEKDAYS[:5]}})


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
class Replay:
    """The figures defined in tests/data/README.md; `requests` is what was replayed, without those left out.

    "After" means strictly more than. A request that the log leaves open counts in no "after" figure.
    """

    weekdays_only: bool
    requests: int
    acknowledged_after_24h: int
    acknowledged_after_48h: int
    answered_after_24h: int
    answered_after_48h: int
    net_answer_after_24h: int
    net_answer_after_48h: int
    not_acknowledged: int
    not_answered: int
    left_out: int
    flagged_requests: int
    flagged: dict[str, int]
    examples: tuple[Example, ...]

    def to_json(self) -> dict[str, Any]:
        return {item.name: getattr(self, item.name) for item in fields(self)} | {
            "examples": [asdict(example) for example in self.examples]
        }


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
class _Flags:
    counts: Counter[Oddity] = field(default_factory=Counter)
    examples: list[Example] = field(default_factory=list)
    numbers: set[str] = field(default_factory=set)

    def add(self, oddity: Oddity, number: str, row: int, reason: str) -> None:
        self.counts[oddity] += 1
        self.numbers.add(number)
        if self.counts[oddity] <= EXAMPLES:
            self.examples.append(Example(oddity, number, row, reason))


def replay(path: Path, *, weekdays_only: bool, progress: Callable[[int], None] | None = None) -> Replay:
    """Run the log at `path` (CSV, plain or gzip) through the clocks under flat 24 h and 48 h terms.

    `weekdays_only` leaves Saturdays and Sundays (UTC) out of acknowledgement and net answer. `progress` hears
    the share done, in percent, now and then. Odd rows are flagged and counted, never fatal.
    Raises Invalid for a file that cannot be read as CSV, or that lacks a column.
    """
    tell = progress or _tell_nobody
    flags = _Flags()
    requests = _read(path, flags, tell)
    terms = flat_terms(weekdays_only=weekdays_only)
    # With no rung to climb, "now" decides nothing; the end of the log is the honest one.
    now = max((event.at for request in requests for event in request.events), default=_NEVER)
    figures: Counter[str] = Counter()
    for done, request in enumerate(requests):
        if done % 256 == 0:
            tell(50 + 50 * done // len(requests))
        try:
            figures.update(_figures(evaluate(terms, timeline_of(request), now)))
        except CalendarHorizon as err:
            flags.add(Oddity.BEYOND_HORIZON, request.number, request.row, str(err))
    tell(100)
    return _replayed(figures, flags, weekdays_only)


def _replayed(figures: Counter[str], flags: _Flags, weekdays_only: bool) -> Replay:
    left_out = flags.counts[Oddity.NEVER_FILED] + flags.counts[Oddity.BEYOND_HORIZON]
    return Replay(
        weekdays_only=weekdays_only,
        requests=figures["requests"],
        acknowledged_after_24h=figures["acknowledged_after_24h"],
        acknowledged_after_48h=figures["acknowledged_after_48h"],
        answered_after_24h=figures["answered_after_24h"],
        answered_after_48h=figures["answered_after_48h"],
        net_answer_after_24h=figures["net_answer_after_24h"],
        net_answer_after_48h=figures["net_answer_after_48h"],
        not_acknowledged=figures["not_acknowledged"],
        not_answered=figures["not_answered"],
        left_out=left_out,
        flagged_requests=len(flags.numbers - {""}),
        flagged={oddity.value: flags.counts[oddity] for oddity in Oddity if flags.counts[oddity]},
        examples=tuple(sorted(flags.examples, key=attrgetter("row"))),
    )


def _tell_nobody(_percent: int) -> None:
    pass


def flat_terms(*, weekdays_only: bool) -> Terms:
    """24 h target and 48 h limit on both clocks, whatever the priority, and nobody to tell."""
    clock = ClockTerms(TARGET, LIMIT, Mode.CALENDAR if weekdays_only else Mode.ELAPSED)
    return Terms(
        policy_id="replay",
        policy_name="Flat 24 and 48 hours",
        policy_version=1,
        agreement_clause=None,
        calendar=_WEEKDAYS_ONLY if weekdays_only else ALWAYS,
        clocks=dict.fromkeys(ClockKind, clock),
        ladder=(),
    )


def timeline_of(request: LoggedRequest) -> Timeline:
    """The facts of a request up to its first answer; empty if nobody knows when it was filed."""
    return Timeline(
        Fact(sequence, kind, at, at, by, by, Via.REPLAY)
        for sequence, (kind, at) in enumerate(_steps(request), start=1)
        for by in (_SPONSOR if kind in _BY_SPONSOR else _CMO,)
    )


def _steps(request: LoggedRequest) -> Iterator[tuple[FactKind, datetime]]:
    """What the events say, in order of time; those of the same minute in the order of the file.

    `resolved_at` and `closed_at` hold final values on every row, so they are never read.
    """
    if request.filed_at is None:
        return
    yield FactKind.FILED, request.filed_at
    seen = waiting = False
    for event in sorted(request.events, key=attrgetter("at")):
        at = max(event.at, request.filed_at)
        if waiting and event.state != WAITING:
            yield FactKind.REPLIED, at
        if event.state in (RESOLVED, CLOSED):
            yield FactKind.ANSWERED, at
            if event.state == CLOSED:  # answer and acceptance in one
                yield FactKind.ACCEPTED, at
            return
        if event.state == WAITING and not waiting:
            yield FactKind.ASKED, at
        elif event.state != NEW and not seen:
            yield FactKind.ACKNOWLEDGED, at
        seen = seen or event.state != NEW
        waiting = event.state == WAITING


def _figures(evaluation: Evaluation) -> Iterator[str]:
    """The figures to which one request adds."""
    yield "requests"
    clocks = {clock.kind: clock for clock in evaluation.clocks}
    acknowledgement, answer = clocks[ClockKind.ACKNOWLEDGEMENT], clocks[ClockKind.ANSWER]
    # The clock's own verdict is the figure: late is more than 24 h of its time, breached more than 48 h. One case
    # is stricter than that: 24 h used up exactly as a pause or a weekend begins are due then, so an answer within
    # it is late, as in the product. No request of the reference log is such a case.
    for name, clock in (("acknowledged", acknowledgement), ("net_answer", answer)):
        if clock.outcome in (Outcome.LATE, Outcome.BREACHED):
            yield f"{name}_after_24h"
        if clock.outcome is Outcome.BREACHED:
            yield f"{name}_after_48h"
    if acknowledgement.stopped_at is None:
        yield "not_acknowledged"
    if answer.wall_time is None:
        yield "not_answered"
        return
    if answer.wall_time > TARGET:
        yield "answered_after_24h"
    if answer.wall_time > LIMIT:
        yield "answered_after_48h"


def _read(path: Path, flags: _Flags, tell: Callable[[int], None]) -> list[LoggedRequest]:
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


def _note_filing(request: LoggedRequest, row: int, opened: str, flags: _Flags) -> None:
    filed_at = parse_moment(opened)
    if filed_at is None:
        reason = f"opened_at is {opened!r}, not d/m/yyyy HH:MM"
        flags.add(Oddity.UNREADABLE_FILING, request.number, row, reason)
    elif request.filed_at is None:
        request.filed_at = filed_at
    elif filed_at != request.filed_at:
        reason = f"opened_at is {opened!r}, before it was {_text(request.filed_at)}"
        flags.add(Oddity.CHANGED_FILING, request.number, row, reason)


def _note_count(request: LoggedRequest, row: int, count: str, flags: _Flags) -> None:
    if not (count.isascii() and count.isdigit() and len(count) < 19):
        flags.add(Oddity.UNREADABLE_COUNT, request.number, row, f"sys_mod_count is {count!r}, not a number")
        return
    if request.count is not None and int(count) <= request.count:
        flags.add(Oddity.REPEATED_COUNT, request.number, row, f"sys_mod_count {count} after {request.count}")
    request.count = int(count)


def _note_event(request: LoggedRequest, row: int, state: str, updated: str, flags: _Flags) -> None:
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


def _judge(request: LoggedRequest, flags: _Flags) -> None:
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
