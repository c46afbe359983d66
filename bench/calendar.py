"""Working-time arithmetic timed against two Rust libraries: `python -m bench.calendar`.

10,000 seeded cases, the same for all, go through slamon, workclock and timegrid in interleaved rounds; the
median CPU time of an operation is compared, and every answer is checked against the slow reference the tests
use. Instants are aware UTC, as slamon stores them. timegrid knows no zones, so its time includes turning UTC
into local time and back. No case has a pause: neither peer knows them.
"""

from __future__ import annotations

import random
import statistics
import time as stopwatch
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import timegrid
import workclock

from slamon.domain.calendar import WorkingCalendar
from tests.domain.reference_calendar import ReferenceCalendar

CASES = 10_000
ROUNDS = 5
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri")
GRID_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")
DAYTIME = [("08:00", "16:00")]
LUNCH = [("08:30", "12:30"), ("13:00", "17:00")]
NIGHT = [("22:00", "06:00")]
SITES = (
    ("Europe/Zurich", DAYTIME),
    ("Europe/Dublin", LUNCH),
    ("America/New_York", DAYTIME),
    ("America/Indiana/Indianapolis", NIGHT),
    ("Asia/Kolkata", DAYTIME),
    ("Asia/Shanghai", LUNCH),
    ("Asia/Seoul", DAYTIME),
    ("Australia/Melbourne", NIGHT),
)
YEARS = range(2024, 2028)
MANY_YEARS = range(2010, 2035)


@dataclass(frozen=True, slots=True)
class Case:
    """A start, with a target to use up and an end to count to, at one of the sites."""

    site: int
    start: datetime
    target: timedelta
    end: datetime


@dataclass(frozen=True, slots=True)
class Contender:
    """One library, set up for every site."""

    name: str
    due: Callable[[Case], object]
    elapsed: Callable[[Case], object]


def run(cases: int = CASES, rounds: int = ROUNDS) -> dict[str, Any]:
    """Return the figures: microseconds an operation, the ratio to the faster peer, and wrong answers."""
    return {
        "cases": cases,
        "rounds": rounds,
        "4 years of holidays": _measure(YEARS, cases, rounds),
        "25 years of holidays": _measure(MANY_YEARS, cases, rounds),
    }


def _measure(holiday_years: range, count: int, rounds: int) -> dict[str, Any]:
    documents = [_document(zone, hours, holiday_years) for zone, hours in SITES]
    contenders = [_slamon(documents), _workclock(documents), _timegrid(documents)]
    references = [ReferenceCalendar(document) for document in documents]
    cases = _cases(count)
    truths = {
        "due": [references[case.site].due(case.start, case.target) for case in cases],
        "elapsed": [references[case.site].elapsed(case.start, case.end) for case in cases],
    }
    figures: dict[str, Any] = {}
    for operation, truth in truths.items():
        calls = {contender.name: getattr(contender, operation) for contender in contenders}
        wrong = {
            name: sum(call(case) != answer for case, answer in zip(cases, truth, strict=True))
            for name, call in calls.items()
        }
        spent = _race(calls, cases, rounds)
        figures[operation] = {
            "microseconds": spent,
            "times as fast as the faster peer": min(spent["workclock"], spent["timegrid"]) / spent["slamon"],
            "wrong": wrong,
        }
    return figures


def _race(calls: dict[str, Callable[[Case], object]], cases: Sequence[Case], rounds: int) -> dict[str, float]:
    """Return each contender's median CPU time of a call, in microseconds; they take turns in each round."""
    spent: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            began = stopwatch.process_time()
            for case in cases:
                call(case)
            spent[name].append((stopwatch.process_time() - began) / len(cases) * 1e6)
    return {name: statistics.median(times) for name, times in spent.items()}


def _document(zone: str, hours: list[tuple[str, str]], holiday_years: range) -> dict[str, Any]:
    """Return an eight-hour, five-day calendar with eleven holidays a year."""
    dice = random.Random(zone)
    holidays = {date(year, 1, 1) + timedelta(days=dice.randrange(365)) for year in holiday_years for _ in range(11)}
    weekly = {day: [list(span) for span in hours] for day in WEEKDAYS}
    return {"tz": zone, "weekly": weekly, "holidays": [day.isoformat() for day in sorted(holidays)]}


def _cases(count: int) -> list[Case]:
    """Return requests filed at any second of the years, with targets of an hour to ten working days."""
    dice = random.Random(2026)
    first = datetime(YEARS[0], 1, 1, tzinfo=UTC)
    cases = []
    for _ in range(count):
        start = first + timedelta(seconds=dice.randrange((len(YEARS) - 1) * 365 * 86_400))
        target = timedelta(hours=dice.choice((4, 8, 24, 48))) if dice.random() < 0.5 else _minutes(dice, 60, 4800)
        cases.append(Case(dice.randrange(len(SITES)), start, target, start + _minutes(dice, 1, 21 * 1440)))
    return cases


def _minutes(dice: random.Random, least: int, most: int) -> timedelta:
    return timedelta(minutes=dice.randint(least, most))


def _slamon(documents: list[dict[str, Any]]) -> Contender:
    calendars = [WorkingCalendar.from_json(document) for document in documents]
    return Contender(
        "slamon",
        lambda case: calendars[case.site].due(case.start, case.target),
        lambda case: calendars[case.site].elapsed(case.start, case.end),
    )


def _workclock(documents: list[dict[str, Any]]) -> Contender:
    schedules = [
        workclock.Schedule(
            [
                *(
                    workclock.WorkDay(time.fromisoformat(a), time.fromisoformat(b))
                    for a, b in document["weekly"]["mon"]
                ),
                workclock.Holidays([date.fromisoformat(day) for day in document["holidays"]]),
            ],
            time_zone=document["tz"],
        )
        for document in documents
    ]
    return Contender(
        "workclock",
        lambda case: schedules[case.site].add(case.start, case.target),
        lambda case: schedules[case.site].between(case.start, case.end),
    )


def _timegrid(documents: list[dict[str, Any]]) -> Contender:
    grids = [_grid(document) for document in documents]
    zones = [ZoneInfo(document["tz"]) for document in documents]

    def due(case: Case) -> object:
        zone = zones[case.site]
        local = case.start.astimezone(zone).replace(tzinfo=None)
        return grids[case.site].add_work_duration(local, case.target).replace(tzinfo=zone).astimezone(UTC)

    def elapsed(case: Case) -> object:
        zone = zones[case.site]
        start, end = case.start.astimezone(zone), case.end.astimezone(zone)
        return grids[case.site].get_working_duration(start.replace(tzinfo=None), end.replace(tzinfo=None))

    return Contender("timegrid", due, elapsed)


def _grid(document: dict[str, Any]) -> timegrid.TimeGridCalendar:
    grid = timegrid.TimeGridCalendar.create()
    for opens, closes in document["weekly"]["mon"]:
        for day in GRID_DAYS:
            weekday = getattr(timegrid.DayOfWeek, day)
            grid.add_open_rule(weekday, time.fromisoformat(opens), time.fromisoformat(closes))
    for day in document["holidays"]:
        grid.add_holiday(date.fromisoformat(day))
    return grid


def main() -> None:
    """Print the figures as a small table."""
    figures = run()
    print(f"{figures['cases']:,} cases, median of {figures['rounds']} rounds, microseconds of CPU an operation")
    print(f"{'':32}{'slamon':>8}{'workclock':>11}{'timegrid':>10}   faster than the better peer   wrong answers")
    for setting, operations in figures.items():
        if not isinstance(operations, dict):
            continue
        for operation, figure in operations.items():
            spent, wrong = figure["microseconds"], figure["wrong"]
            print(
                f"{operation + ', ' + setting:32}"
                f"{spent['slamon']:8.2f}{spent['workclock']:11.2f}{spent['timegrid']:10.2f}"
                f"{figure['times as fast as the faster peer']:15.1f} x"
                f"{'':15}{' / '.join(str(count) for count in wrong.values())}"
            )


if __name__ == "__main__":
    main()
