"""A help desk's request log run through our own clocks: how late real people were by the 24 to 48 hour rule.

Here live the mapping of its events onto the steps of a history, what is odd about them, and the counting of outcomes.
When a clock is due and whether it was met is the domain's business. Columns and licence: tests/data/README.md.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from operator import attrgetter
from pathlib import Path
from typing import Any

from slamon.domain.actions.talk import UNKNOWN, Accept, Acknowledge, Answer, Ask, Reply
from slamon.domain.calendar import CalendarHorizon, WorkingCalendar
from slamon.domain.calendar_format import WEEKDAYS
from slamon.domain.catalogue import STANDARD
from slamon.domain.clocks.kinds import Clocks
from slamon.domain.clocks.ladder import Evaluation, evaluate
from slamon.domain.clocks.state import Outcome
from slamon.domain.lifecycle import RequestType
from slamon.domain.normal_form import is_blank, normal_form
from slamon.domain.terms import ALWAYS, ClockKind, ClockTerms, Mode, Terms
from slamon.domain.timeline import Actor, Fact, FactKind, Role, Timeline, Via
from slamon.imports.cells import fault_of
from slamon.imports.histories import People, Step, history
from slamon.imports.logs import Example, Flags, read_log
from slamon.imports.mappings import Moment

COLUMNS = ("number", "incident_state", "opened_at", "sys_updated_at", "sys_mod_count")
NEW, WAITING, RESOLVED, CLOSED = "New", "Awaiting User Info", "Resolved", "Closed"
STATES = {NEW, "Active", WAITING, "Awaiting Vendor", "Awaiting Problem", "Awaiting Evidence", RESOLVED, CLOSED}
TARGET, LIMIT = timedelta(hours=24), timedelta(hours=48)

_NEVER = datetime.min.replace(tzinfo=UTC)
_PEOPLE = People(
    sponsor=Actor(id="replay-sponsor", name="Caller", role=Role.PROJECT_MANAGER),
    cmo=Actor(id="replay-cmo", name="Assignment group", role=Role.CMO_CONTACT),
)
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


def replay(
    path: Path, clocks: Clocks, *, weekdays_only: bool, progress: Callable[[int], None] = lambda _: None
) -> Replay:
    """Run the log at `path` (CSV, plain or gzip) through the clocks under flat 24 h and 48 h terms.

    `weekdays_only` leaves Saturdays and Sundays (UTC) out of acknowledgement and net answer. `progress` hears
    the share done, in percent, now and then. Odd rows are flagged and counted, never fatal.
    Raises Invalid for a file that cannot be read as CSV, or that lacks a column.
    """
    flags = Flags()
    requests = read_requests(path, flags, progress)
    terms, now = flat_terms(weekdays_only=weekdays_only), end_of_log(requests)
    figures: Counter[str] = Counter()
    for done, request in enumerate(requests):
        if done % 256 == 0:
            progress(50 + 50 * done // len(requests))
        try:
            figures.update(_figures(evaluate(terms, timeline_of(request), now, clocks=clocks)))
        except CalendarHorizon as err:
            flags.add(Oddity.BEYOND_HORIZON, request.number, request.row, str(err))
    progress(100)
    figures["left_out"] = flags.counts[Oddity.NEVER_FILED] + flags.counts[Oddity.BEYOND_HORIZON]
    counted: dict[str, Any] = {name: figures[name] for name in _COUNTED}
    return Replay(
        weekdays_only=weekdays_only,
        flagged_requests=flags.requests,
        flagged=flags.counted(Oddity),
        examples=flags.in_order_of_rows(),
        **counted,
    )


_COUNTED = tuple(name for name, type_ in Replay.__annotations__.items() if type_ is int and name != "flagged_requests")


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


def end_of_log(requests: Sequence[LoggedRequest]) -> datetime:
    """When the log was last written: with no step to pass, "now" decides nothing, and this is the honest one."""
    return max((event.at for request in requests for event in request.events), default=_NEVER)


def flat_terms(*, weekdays_only: bool) -> Terms:
    """24 h target and 48 h limit on both clocks, whatever the priority, and nobody to tell."""
    clock = ClockTerms(TARGET, LIMIT, Mode.CALENDAR if weekdays_only else Mode.ELAPSED)
    return Terms(
        policy_id="replay",
        policy_name="Flat 24 and 48 hours",
        policy_version=1,
        agreement_clause=None,
        calendar=_WEEKDAYS_ONLY if weekdays_only else ALWAYS,
        clocks={ClockKind.ACKNOWLEDGEMENT: clock, ClockKind.ANSWER: clock},
        ladder=(),
    )


# --- from events to the steps of a history ------------------------------------------------------------------------


def timeline_of(request: LoggedRequest) -> Timeline:
    """The facts of a request up to its first answer; empty if nobody knows when it was filed."""
    at = request.filed_at
    if at is None:
        return Timeline(())
    filed = Fact(1, FactKind.FILED, at, at, _PEOPLE.sponsor, _PEOPLE.sponsor, Via.REPLAY)
    terms = flat_terms(weekdays_only=False)
    return history(STANDARD, RequestType.INQUIRY, filed, _steps(request, at), terms, _PEOPLE)[0]


def _steps(request: LoggedRequest, filed_at: datetime) -> Iterator[Step]:
    """What the events say, in order of time; those of the same minute in the order of the file.

    `resolved_at` and `closed_at` hold final values on every row, so they are never read.
    """
    seen = waiting = False
    for event in sorted(request.events, key=attrgetter("at")):
        at = max(event.at, filed_at)
        moment = Moment(at, at.date(), is_date=False)
        if waiting and event.state != WAITING:
            yield Step(Reply(text=UNKNOWN), moment)
        if event.state in (RESOLVED, CLOSED):
            yield Step(Answer(text=UNKNOWN), moment)
            if event.state == CLOSED:  # answer and acceptance in one
                yield Step(Accept(), moment)
            return
        if event.state == WAITING and not waiting:
            yield Step(Ask(text=UNKNOWN), moment)
        elif event.state != NEW and not seen:
            yield Step(Acknowledge(), moment)
        seen = seen or event.state != NEW
        waiting = event.state == WAITING


# --- reading ------------------------------------------------------------------------------------------------------


def read_requests(path: Path, flags: Flags, tell: Callable[[int], None] = lambda _: None) -> list[LoggedRequest]:
    """The requests of the log that have a filing time, in order of appearance. Raises Invalid."""
    requests: dict[str, LoggedRequest] = {}
    for row, said in read_log(path, COLUMNS, "request log", flags, tell):
        key = normal_form(said["number"])
        request = requests.get(key)
        if request is None:
            if _is_missing(said["number"]):
                flags.add(Oddity.MISSING_NUMBER, "", row, "no request number")
                continue
            request = requests[key] = LoggedRequest(said["number"], row)
        for oddity, reason in _note(request, row, said):
            flags.add(oddity, request.number, row, reason)
    for request in requests.values():
        if request.filed_at is None:
            flags.add(Oddity.NEVER_FILED, request.number, request.row, "no row has a readable opened_at")
            continue
        for event in request.events:
            if event.at < request.filed_at:
                reason = f"{_text(event.at)}, filed {_text(request.filed_at)}"
                flags.add(Oddity.BEFORE_FILING, request.number, event.row, reason)
    return [request for request in requests.values() if request.filed_at is not None]


def _note(request: LoggedRequest, row: int, said: dict[str, str]) -> Iterator[tuple[Oddity, str]]:
    """Add what a row says to its request; yields what is odd about it."""
    state, opened, updated, count = (said[column] for column in COLUMNS[1:])
    filed_at, at = parse_moment(opened), parse_moment(updated)
    if filed_at is None:
        yield Oddity.UNREADABLE_FILING, f"opened_at is {opened!r}, not d/m/yyyy HH:MM"
    elif request.filed_at is None:
        request.filed_at = filed_at
    elif filed_at != request.filed_at:
        yield Oddity.CHANGED_FILING, f"opened_at is {opened!r}, before it was {_text(request.filed_at)}"
    if not (count.isascii() and count.isdigit() and len(count) < 19):
        yield Oddity.UNREADABLE_COUNT, f"sys_mod_count is {count!r}, not a number"
    else:
        if request.count is not None and int(count) <= request.count:
            yield Oddity.REPEATED_COUNT, f"sys_mod_count {count} after {request.count}"
        request.count = int(count)
    if at is None:
        yield Oddity.UNREADABLE_TIME, f"sys_updated_at is {updated!r}, not d/m/yyyy HH:MM"
    elif _is_missing(state):
        yield Oddity.MISSING_STATE, "no state"
    else:
        if state not in STATES:
            yield Oddity.UNKNOWN_STATE, f"state {state!r}"
        if request.events and at < request.events[-1].at:
            yield Oddity.OUT_OF_ORDER, f"{_text(at)}, after an event of {_text(request.events[-1].at)}"
        request.events.append(Event(row, state, at))


def _is_missing(value: str) -> bool:
    return value == "?" or is_blank(value) or fault_of(value) is not None


_MOMENT = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4}) (\d{1,2}):(\d{2})", re.ASCII)


@lru_cache(maxsize=4096)
def parse_moment(text: str) -> datetime | None:
    """The instant that `d/m/yyyy HH:MM` of the log's own clock names, read as UTC; None if it names none."""
    if (match := _MOMENT.fullmatch(text)) is None:
        return None
    day, month, year, hour, minute = map(int, match.groups())
    try:
        return datetime(year, month, day, hour, minute, tzinfo=UTC)
    except ValueError:
        return None


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
