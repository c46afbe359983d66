"""The clock convention a second time, slowly and in other words, to check the engine and its peers against.

It goes date by date in aware datetimes and asks the zone about every boundary; it keeps no table, no running
total and no search. `ReferenceCalendar` trusts its document.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY = timedelta(days=1)
QUARTER = timedelta(minutes=15)
Interval = tuple[datetime, datetime]


class ReferenceCalendar:
    """What a calendar's JSON means, by tests/data/README.md."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.zone = document["tz"]
        self.weekly = document["weekly"]
        self.holidays = {date.fromisoformat(text) for text in document.get("holidays", [])}
        self.openings = {date.fromisoformat(text): spans for text, spans in document.get("openings", {}).items()}

    def elapsed(self, start: datetime, end: datetime, pauses: list[Interval] | tuple[()] = ()) -> timedelta:
        """Return the open, unpaused time in [start, end)."""
        return sum((b - a for a, b in self.running(start, end, pauses)), timedelta(0))

    def due(self, start: datetime, target: timedelta, pauses: list[Interval] | tuple[()] = ()) -> datetime | None:
        """Return the earliest instant with `target` behind it; None after six years without one."""
        if not target:
            return start.astimezone(UTC)
        left, since, stop = target, start.astimezone(UTC), start.astimezone(UTC) + 6 * 366 * DAY
        while since < stop:
            until = min(since + 7 * DAY, stop)
            for a, b in self.running(since, until, pauses):
                if b - a >= left:
                    return a + left
                left -= b - a
            since = until
        return None

    def running(self, start: datetime, end: datetime, pauses: list[Interval] | tuple[()] = ()) -> list[Interval]:
        """Return the open, unpaused intervals within [start, end)."""
        start, end = start.astimezone(UTC), end.astimezone(UTC)
        pieces = [(max(a, start), min(b, end)) for a, b in self.open(start, end)]
        for pause_from, pause_to in pauses:
            if pause_from < pause_to:
                pieces = [
                    part
                    for a, b in pieces
                    for part in ((a, min(b, pause_from)), (max(a, pause_to), b))
                    if part[0] < part[1]
                ]
        return [(a, b) for a, b in pieces if a < b]

    def open(self, start: datetime, end: datetime) -> list[Interval]:
        """Return the open windows near [start, end), none touching another."""
        if self.weekly == "24x7":
            return [(start, end)]
        windows: list[Interval] = []
        days = (end - start).days + 7
        around = [start.date() + n * DAY for n in range(-3, days)]
        for a, b in sorted(window for day in around for window in self.open_on(day)):
            if windows and a <= windows[-1][1]:
                windows[-1] = (windows[-1][0], max(b, windows[-1][1]))
            else:
                windows.append((a, b))
        return windows

    def open_on(self, day: date) -> list[Interval]:
        """Return the windows of one local date as written, overlaps and all."""
        if not date_exists(self.zone, day):
            return []
        begun = list(self.openings.get(day, []))
        begun_before = list(self.openings.get(day - DAY, []))
        if day not in self.holidays:
            begun += self.weekly.get(DAYS[day.weekday()], [])
            begun_before += self.weekly.get(DAYS[day.weekday() - 1], [])
        found = []
        for opens, closes in begun:
            overnight = seconds(closes) <= seconds(opens)
            found.append((self.at(day, opens), self.at(day, "24:00" if overnight else closes)))
        for opens, closes in begun_before:
            if seconds(closes) <= seconds(opens):
                found.append((self.at(day, "00:00"), self.at(day, closes)))
        return [(a, b) for a, b in found if a < b]

    def at(self, day: date, text: str) -> datetime:
        """Return the instant the wall clock first shows this time; one in a gap, by the offset before it."""
        if text == "24:00":
            return self.at(day + DAY, "00:00")
        return datetime.combine(day, time.fromisoformat(text), ZoneInfo(self.zone)).astimezone(UTC)


def seconds(text: str) -> int:
    parts = [int(part) for part in text.split(":")]
    return parts[0] * 3600 + parts[1] * 60 + (parts[2] if len(parts) > 2 else 0)


@cache
def date_exists(zone: str, day: date) -> bool:
    """Return whether the zone's clock ever showed this date: look every quarter of an hour, noon first."""
    midnight = datetime.combine(day, time(), UTC)
    instants = [midnight + 12 * timedelta(hours=1), *(midnight + n * QUARTER for n in range(-104, 200))]
    return any(instant.astimezone(ZoneInfo(zone)).date() == day for instant in instants)
