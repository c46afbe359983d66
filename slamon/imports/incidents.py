"""A help desk's request log run through our own clocks: how late real people were by the 24 to 48 hour rule.

Here live the mapping of a log onto facts and the counting of outcomes; incident_log reads it. When a clock is due
and whether it was met is the domain's business: no deadline is computed here.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from pathlib import Path
from typing import Any

from slamon.domain.calendar import CalendarHorizon, WorkingCalendar
from slamon.domain.calendar_format import WEEKDAYS
from slamon.domain.clocks.kinds import Clocks
from slamon.domain.clocks.ladder import Evaluation, evaluate
from slamon.domain.clocks.state import Outcome
from slamon.domain.terms import ALWAYS, ClockKind, ClockTerms, Mode, Terms
from slamon.domain.timeline import Actor, Fact, FactKind, Role, Timeline, Via
from slamon.imports.incident_log import (
    CLOSED,
    COLUMNS,
    NEW,
    RESOLVED,
    WAITING,
    Event,
    Example,
    Flags,
    LoggedRequest,
    Oddity,
    parse_moment,
    read_log,
)

__all__ = ["COLUMNS", "Event", "LoggedRequest", "Replay", "parse_moment", "replay", "timeline_of"]

TARGET, LIMIT = timedelta(hours=24), timedelta(hours=48)

_NEVER = datetime.min.replace(tzinfo=UTC)
_CMO = Actor(id="replay-cmo", name="Assignment group", role=Role.CMO_CONTACT)
_SPONSOR = Actor(id="replay-sponsor", name="Caller", role=Role.PROJECT_MANAGER)
_BY_SPONSOR = frozenset({FactKind.FILED, FactKind.REPLIED, FactKind.ACCEPTED})
_WEEKDAYS_ONLY = WorkingCalendar.from_json({"tz": "UTC", "weekly": {day: [["00:00", "24:00"]] for day in WEEKDAYS[:5]}})


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


def replay(path: Path, clocks: Clocks, *, weekdays_only: bool, progress: Callable[[int], None] | None = None) -> Replay:
    """Run the log at `path` (CSV, plain or gzip) through the clocks under flat 24 h and 48 h terms.

    `weekdays_only` leaves Saturdays and Sundays (UTC) out of acknowledgement and net answer. `progress` hears
    the share done, in percent, now and then. Odd rows are flagged and counted, never fatal.
    Raises Invalid for a file that cannot be read as CSV, or that lacks a column.
    """
    tell = progress or _tell_nobody
    flags = Flags()
    requests = read_log(path, flags, tell)
    terms = flat_terms(weekdays_only=weekdays_only)
    now = end_of_log(requests)
    figures: Counter[str] = Counter()
    for done, request in enumerate(requests):
        if done % 256 == 0:
            tell(50 + 50 * done // len(requests))
        try:
            figures.update(_figures(evaluate(terms, timeline_of(request), now, clocks=clocks)))
        except CalendarHorizon as err:
            flags.add(Oddity.BEYOND_HORIZON, request.number, request.row, str(err))
    tell(100)
    return _replayed(figures, flags, weekdays_only)


def end_of_log(requests: Sequence[LoggedRequest]) -> datetime:
    """When the log was last written: with no step to pass, "now" decides nothing, and this is the honest one."""
    return max((event.at for request in requests for event in request.events), default=_NEVER)


def _replayed(figures: Counter[str], flags: Flags, weekdays_only: bool) -> Replay:
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
        examples=flags.in_order_of_rows(),
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
        clocks={ClockKind.ACKNOWLEDGEMENT: clock, ClockKind.ANSWER: clock},
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
