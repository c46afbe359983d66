"""Working-time arithmetic timed against two Rust libraries: `python -m bench.calendar`.

10,000 seeded cases, the same for all, go through slamon, workclock and timegrid in interleaved rounds; the
median CPU time of an operation is compared, and every answer of slamon's checked against the slow reference the
tests use. Instants are aware UTC, as slamon stores them. timegrid knows no zones: its time includes turning
UTC into naive local time and back, and is also given without (`timegrid, local`). No case has a pause, since
neither peer knows them.
"""

from __future__ import annotations

import gc
import random
import statistics
import time as stopwatch
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import timegrid
import workclock

from slamon.domain.calendar import WEEKDAYS, WorkingCalendar
from tests.domain.reference_calendar import ReferenceCalendar

CASES = 10_000
ROUNDS = 5
ZONES = (
    "Europe/Berlin", "Europe/London", "America/New_York", "America/Sao_Paulo",
    "Asia/Kolkata", "Asia/Shanghai", "Asia/Tokyo", "Australia/Sydney",
)  # fmt: skip
SHIFTS = (
    [("08:00", "16:00")],
    [("09:00", "17:00")],
    [("08:30", "12:30"), ("13:00", "17:00")],
    [("22:00", "06:00")],
)
FIRST_YEAR, LAST_YEAR = 2024, 2027


@dataclass(frozen=True)
class Case:
    """One start with a target to use up and an end to count to, and the calendar in three tongues."""

    calendar: int
    start: datetime
    target: timedelta
    end: datetime


def run(cases: int = CASES, rounds: int = ROUNDS) -> dict[str, object]:
    """Return the figures: microseconds an operation, ratios to the faster peer, wrong answers; two sets."""
    return {
        "cases": cases,
        "rounds": rounds,
        "usual": _measure(cases, rounds, range(FIRST_YEAR, LAST_YEAR + 1)),
        "25 years of holidays": _measure(cases, rounds, range(2010, 2035)),
    }


def _measure(count: int, rounds: int, holiday_years: range) -> dict[str, object]:
    documents = _documents(holiday_years)
    cases = _cases(count, len(documents))
    ours, due_runners, elapsed_runners = _runners(documents)
    references = [ReferenceCalendar(document) for document in documents]
    due_times, due_answers = _race(due_runners, cases, rounds)
    elapsed_times, elapsed_answers = _race(elapsed_runners, cases, rounds)
    due_truth = [references[case.calendar].due(case.start, case.target) for case in cases]
    elapsed_truth = [references[case.calendar].elapsed(case.start, case.end) for case in cases]
    return {
        "holidays": max(len(calendar.holidays) for calendar in ours),
        "due": _figures(due_times, due_answers, due_truth),
        "elapsed": _figures(elapsed_times, elapsed_answers, elapsed_truth),
    }


def _documents(years: range) -> list[dict[str, object]]:
    """Return one calendar for each zone and shift, with eleven holidays a year, most on weekdays."""
    dice = random.Random(20_26)
    documents: list[dict[str, object]] = []
    for zone in ZONES:
        days = sorted(
            {date(year, 1, 1) + timedelta(dice.randrange(365)) for year in years for _ in range(11)}
        )
        for shift in SHIFTS:
            weekly = {name: [list(span) for span in shift] for name in WEEKDAYS[:5]}
            documents.append({"tz": zone, "weekly": weekly, "holidays": [day.isoformat() for day in days]})
    return documents


def _cases(count: int, calendars: int) -> list[Case]:
    dice = random.Random(7)
    origin = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC)
    seconds = (LAST_YEAR - FIRST_YEAR) * 365 * 86_400
    cases = []
    for _ in range(count):
        start = origin + timedelta(seconds=dice.randrange(seconds))
        target = timedelta(minutes=dice.choice((60, 240, 480, 1440, 2880, dice.randrange(1, 4800))))
        end = start + timedelta(seconds=dice.randrange(1, 21 * 86_400))
        cases.append(Case(dice.randrange(calendars), start, target, end))
    return cases


Runner = Callable[[Case], object]


def _runners(
    documents: list[dict[str, object]],
) -> tuple[list[WorkingCalendar], dict[str, Runner], dict[str, Runner]]:
    ours = [WorkingCalendar.from_json(document) for document in documents]
    clocks = [_workclock(calendar) for calendar in ours]
    grids = [_timegrid(calendar) for calendar in ours]
    zones = [ZoneInfo(calendar.tz) for calendar in ours]

    def grid_due(case: Case) -> object:
        zone = zones[case.calendar]
        local = case.start.astimezone(zone).replace(tzinfo=None)
        due = grids[case.calendar].add_work_duration(local, case.target)
        return due.replace(tzinfo=zone).astimezone(UTC)

    def grid_elapsed(case: Case) -> object:
        zone = zones[case.calendar]
        return grids[case.calendar].get_working_duration(
            case.start.astimezone(zone).replace(tzinfo=None), case.end.astimezone(zone).replace(tzinfo=None)
        )

    return (
        ours,
        {
            "slamon": lambda case: ours[case.calendar].due(case.start, case.target),
            "workclock": lambda case: clocks[case.calendar].add(case.start, case.target),
            "timegrid": grid_due,
        },
        {
            "slamon": lambda case: ours[case.calendar].elapsed(case.start, case.end),
            "workclock": lambda case: clocks[case.calendar].between(case.start, case.end),
            "timegrid": grid_elapsed,
        },
    )
