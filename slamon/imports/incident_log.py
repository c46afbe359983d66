"""A help desk's request log as read from a CSV file: its requests, their events, and what is odd about them.

Columns, oddities and licence of the log: tests/data/README.md. What the events mean to a clock is not known here.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from operator import itemgetter
from pathlib import Path
from typing import TypeAlias

from slamon.domain.normal_form import is_blank, normal_form
from slamon.imports import records
from slamon.imports.cells import fault_of

COLUMNS = ("number", "incident_state", "opened_at", "sys_updated_at", "sys_mod_count")
NEW, WAITING, RESOLVED, CLOSED = "New", "Awaiting User Info", "Resolved", "Closed"
STATES = frozenset(
    {NEW, "Active", WAITING, "Awaiting Vendor", "Awaiting Problem", "Awaiting Evidence", RESOLVED, CLOSED}
)


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


Flags: TypeAlias = records.Flags[Oddity]
Example: TypeAlias = records.Example[Oddity]


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


def read_log(path: Path, flags: Flags, tell: Callable[[int], None]) -> list[LoggedRequest]:
    """The requests of the log that have a filing time, in order of appearance."""
    found = records.read_records(path, tell)
    _, header = next(found, (0, []))
    wanted = itemgetter(*records.positions(path, header, COLUMNS, "request log"))
    requests: dict[str, LoggedRequest] = {}
    for row, values in found:
        if len(values) != len(header):
            flags.add(Oddity.WRONG_FIELDS, "", row, f"{len(values)} fields, the header has {len(header)}")
            continue
        number, state, opened, updated, count = wanted(values)
        number = number.strip()
        if _is_missing(number):
            flags.add(Oddity.MISSING_NUMBER, "", row, "no request number")
            continue
        key = normal_form(number)
        request = requests.get(key)
        if request is None:
            request = requests[key] = LoggedRequest(number, row)
        _note_filing(request, row, opened, flags)
        _note_count(request, row, count, flags)
        _note_event(request, row, state, updated, flags)
    for request in requests.values():
        _judge(request, flags)
    return [request for request in requests.values() if request.filed_at is not None]


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
    return value == "?" or is_blank(value) or fault_of(value) is not None


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
