"""Working time: which seconds a calendar counts, and when a target is used up.

Here lives the arithmetic on weekly hours, holidays and opening days, by the convention kept with the reference cases in
tests/data/README.md; calendar_document says how they are written. Clocks, terms and wording live elsewhere;
nothing here reads a clock. Every question is answered from a table of open windows with a running total, built
when first needed.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import accumulate, repeat
from typing import TypeAlias
from zoneinfo import ZoneInfo

from slamon.domain.calendar_format import CalendarError, Openings, Week, by_date, by_ordinal, parsed, written

__all__ = ["CalendarError", "CalendarHorizon", "WorkingCalendar"]

Interval: TypeAlias = tuple[datetime, datetime]  # [from, to)

_NONE, _SECOND, _DAY = timedelta(0), timedelta(seconds=1), timedelta(days=1)
_YEAR = 366 * _DAY
_HORIZON = 6 * _YEAR
_KEPT = 100 * _YEAR  # the longest table a calendar keeps; a longer question is answered in pieces
_NEAR = 16  # windows to step through one by one; a target further away is searched for
_FIRST = datetime.min.replace(tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC, microsecond=0)


class CalendarHorizon(CalendarError):
    """The answer lies more than six years (6 x 366 days) ahead, or outside the years 1 to 9999 in UTC."""


@dataclass(frozen=True, slots=True)
class _Table:
    """The open windows in [low, high), apart and in order; the first may be empty and begins at `low`.

    `before` is the open time since `low` when a window opens, and the total at its end. `origins` is when
    that count would have begun had it never stopped: inside a window, instant - origin is the count. `by_day`
    is the last window to open in each 24 hours since `low`, or earlier. A search starts there and looks at
    neighbours only: with many calendars at work, reaching all over memory costs more than the arithmetic.
    """

    low: datetime
    high: datetime
    origins: list[datetime]
    before: list[timedelta]
    by_day: array[int]

    def count(self, instant: datetime) -> timedelta:
        """Return the open time in [low, instant)."""
        origins, before = self.origins, self.before
        index = self.by_day[(instant - self.low).days]
        while (count := instant - origins[index]) < before[index]:  # not open yet
            index -= 1
        most = before[index + 1]
        return count if count < most else most

    def due(self, start: datetime, target: timedelta, pauses: Sequence[Interval]) -> datetime | None:
        """Return when `target` (> 0) is used up, None if the table ends first; `pauses` are a union."""
        origins, before = self.origins, self.before
        index = self.by_day[(start - self.low).days]
        while (worked := start - origins[index]) < before[index]:
            index -= 1
        index += 1
        needed = (worked if worked < before[index] else before[index]) + target
        for since, until in pauses:
            count = self.count(since)
            if count >= needed:  # used up before this pause, or exactly as it begins
                break
            needed += self.count(until) - count
        if needed > before[-1]:
            return None
        if index + _NEAR < len(before) and before[index + _NEAR] < needed:
            index = bisect_left(before, needed, index)
        while before[index] < needed:
            index += 1
        return origins[index - 1] + needed


_NOTHING = _Table(_LAST, _FIRST, [], [], array("i"))


@dataclass(frozen=True, slots=True)
class WorkingCalendar:
    """An IANA zone, weekly wall-clock hours, local holiday dates and opening days; equal and hashable by content.

    `weekly` is None for 24x7: every real second, holidays included. `openings` are dates with hours of their own:
    open then whatever the weekday, and holiday or not; they never close what the week opens. Build one with
    `from_json`, which checks. All methods take aware datetimes of whole seconds, at any offset, and answer in UTC;
    they raise ValueError naming the argument otherwise. Safe to share between threads.
    """

    tz: str
    weekly: Week | None
    holidays: tuple[date, ...] = ()
    openings: Openings = ()
    _table: _Table = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_table", _NOTHING)

    @staticmethod
    def from_json(document: object) -> WorkingCalendar:
        """Return the calendar a JSON object describes: `tz`, `weekly` and, optionally, `holidays` and `openings`.

        `weekly` is "24x7" or lists of ["HH:MM", "HH:MM"] under mon to sun; a day left out is closed. A close
        that is not after its open is on the next day; "24:00" closes at the end of the day. Equal documents
        give one shared calendar, so requests that carry their own copies share one table. `openings` holds such
        lists under dates; at least one span each.
        Raises CalendarError.
        """
        return _shared(*parsed(document))

    def to_json(self) -> dict[str, object]:
        """Return the normal form of what `from_json` reads: everything in order, closed days left out."""
        return written(self.tz, self.weekly, self.holidays, self.openings)

    def closed_on(self, days: Iterable[date]) -> WorkingCalendar:
        """Return the same calendar closed on these dates too, even where one was an opening day.

        Only the tail of a night shift begun on an opening day the evening before stays open.
        """
        shut = frozenset(days)
        openings = tuple(opening for opening in self.openings if opening[0] not in shut)
        return _shared(self.tz, self.weekly, tuple(sorted(shut.union(self.holidays))), openings)

    def due(self, start: datetime, target: timedelta, pauses: Iterable[Interval] = ()) -> datetime:
        """Return the earliest instant at which `target` of open, unpaused time has passed since `start`.

        A target used up exactly at a close, or as a pause begins, is due then; a target of zero at `start`.
        Raises CalendarHorizon when that is more than six years away.
        """
        start = _in_utc(start, "start")
        if target.microseconds or target.days < 0:
            raise ValueError(f"target must be whole seconds and not negative, got {target!r}")
        stops = _union(pauses, start, _shifted(start, _HORIZON)) if pauses else ()
        if not target:
            return start
        due = None
        if target <= _HORIZON:
            due = self._covering(start, stops[-1][1] if stops else start).due(start, target, stops)
            if due is None:
                due = self._covering(start, _shifted(start, _HORIZON)).due(start, target, stops)
        if due is None or due - start > _HORIZON:
            raise CalendarHorizon(
                f"{target} of working time from {start.isoformat()} is not used up within six years;"
                f" check the opening hours ({self.tz}), the target and the pauses"
            )
        return due

    def elapsed(self, start: datetime, end: datetime, pauses: Iterable[Interval] = ()) -> timedelta:
        """Return the time in [start, end) that is open and in no pause; zero if `end` is not later."""
        start, end = _in_utc(start, "start"), _in_utc(end, "end")
        stops = _union(pauses, start, end) if pauses else ()
        if end <= start:
            return _NONE
        worked = self._worked(start, end)
        for since, until in stops:
            worked -= self._worked(since, until)
        return worked

    def open_spans(self, start: datetime, end: datetime) -> list[Interval]:
        """Return the open windows within [start, end), in order and apart, as (from, to) in UTC."""
        start, end = _in_utc(start, "start"), _in_utc(end, "end")
        if end <= start:
            return []
        table = self._covering(start, end)
        spans = []
        days = (start - table.low).days
        first = table.by_day[days - 1] if days else 0  # the last to open before that day may still be open
        for index in range(first, table.by_day[(end - table.low).days] + 1):
            origin = table.origins[index]
            since = max(origin + table.before[index], start)
            until = min(origin + table.before[index + 1], end)
            if since < until:
                spans.append((since, until))
        return spans

    def opens_within(self, start: datetime, days: int = 366) -> bool:
        """Return whether at least one second is open in the `days` x 24 hours after `start`."""
        start = _in_utc(start, "start")
        return self._worked(start, _shifted(start, days * _DAY)) > _NONE

    def _worked(self, since: datetime, until: datetime) -> timedelta:
        """Return the open time in [since, until); a question longer than a table is asked in pieces."""
        table = self._table
        if since < table.low or until > table.high:
            if until - since > _KEPT:
                middle = since + _KEPT
                return self._worked(since, middle) + self._worked(middle, until)
            table = self._covering(since, until)
        return table.count(until) - table.count(since)

    def _covering(self, low: datetime, high: datetime) -> _Table:
        """Return a table of [low, high] or more, and keep it, a year wider, for the next question."""
        table = self._table
        if table.low <= low and high <= table.high:
            return table
        low, high = _shifted(low, -_YEAR), _shifted(high, _YEAR)
        if max(high, table.high) - min(low, table.low) <= _KEPT:
            low, high = min(low, table.low), max(high, table.high)
        table = self._tabulate(low, high)
        if high - low <= _KEPT + 2 * _YEAR:
            # One assignment of a finished table: another thread sees the old one or the new one, both right.
            object.__setattr__(self, "_table", table)
        return table

    def _tabulate(self, low: datetime, high: datetime) -> _Table:
        # One pass, so that what a search reads together is made together and lies together in memory.
        origins, before, by_day = [low], [_NONE], array("i")
        worked, end = _NONE, low
        for since, until in self._windows(low, high):
            since, until = max(since, end), min(until, high)
            if since >= until:  # emptied by a gap in the zone, counted already, or outside
                continue
            if since > end:  # else it goes on where the last one closed
                by_day.extend([len(origins) - 1] * ((since - low).days - len(by_day)))
                origins.append(since - worked)
                before.append(worked)
            worked += until - since
            end = until
        by_day.extend([len(origins) - 1] * ((high - low).days + 1 - len(by_day)))
        return _Table(low, high, origins, [*before, worked], by_day)

    def _windows(self, low: datetime, high: datetime) -> list[Interval]:
        """Return the windows, as written, of every local date that may touch [low, high), by opening."""
        if self.weekly is None:
            return [(low, high)]
        zone, week = ZoneInfo(self.tz), by_date(self.weekly)
        # Three days more at each end: an offset is up to a day, and so is what a gap adds to it.
        first = max(low.toordinal() - 3, date.min.toordinal())
        last = min(high.toordinal() + 3, date.max.toordinal())
        earliest = _FIRST + (first - 1) * _DAY
        midnights = list(accumulate(repeat(_DAY, last - first), datetime.__add__, initial=earliest))
        missing, openings = _missing_dates(midnights, zone), by_ordinal(self.openings)
        closed = missing.union(day.toordinal() for day in self.holidays)
        windows = []
        for ordinal, midnight in enumerate(midnights, first):
            hours = week[(ordinal - 1) % 7] if ordinal not in closed else []  # 0001-01-01 was a Monday
            if ordinal in openings and ordinal not in missing:
                hours = hours + openings[ordinal]
            if hours:
                windows += [(_instant(midnight, a, zone), _instant(midnight, b, zone)) for a, b in hours]
        windows.sort()
        return windows


@lru_cache(maxsize=256)
def _shared(tz: str, weekly: Week | None, holidays: tuple[date, ...], openings: Openings) -> WorkingCalendar:
    return WorkingCalendar(tz, weekly, holidays, openings)


def _in_utc(moment: datetime, name: str) -> datetime:
    if moment.tzinfo is UTC and not moment.microsecond:
        return moment
    if moment.utcoffset() is None:
        raise ValueError(f"{name} must be an aware datetime, got {moment!r}; give it a zone")
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:
        raise CalendarHorizon(f"{name} {moment.isoformat()} lies outside the years 1 to 9999 in UTC") from None
    if moment.microsecond:
        raise ValueError(f"{name} must be a whole second, got {moment.isoformat()}; drop the fraction")
    return moment


def _shifted(moment: datetime, by: timedelta) -> datetime:
    try:
        return moment + by
    except OverflowError:
        return _FIRST if by < _NONE else _LAST


def _union(pauses: Iterable[Interval], low: datetime, high: datetime) -> list[Interval]:
    """Return the pauses cut to [low, high], in order; overlapping and touching ones joined."""
    union: list[Interval] = []
    for since, until in sorted([(_in_utc(a, "pause start"), _in_utc(b, "pause end")) for a, b in pauses]):
        if since < low:
            since = low
        if until > high:
            until = high
        if since >= until:
            continue
        if union and since <= union[-1][1]:
            union[-1] = (union[-1][0], max(until, union[-1][1]))
        else:
            union.append((since, until))
    return union


# Wall-clock times are carried labelled as UTC: zoneinfo reads their fields only, and sums on them are cheap.


def _instant(midnight: datetime, hour: timedelta, zone: ZoneInfo) -> datetime:
    """Return the instant of a wall-clock time, read as PEP 495 fold=0; cut to the years 1 to 9999."""
    offset = zone.utcoffset(_shifted(midnight, hour)) or _NONE
    return _shifted(midnight, hour - offset)


def _missing_dates(midnights: Sequence[datetime], zone: ZoneInfo) -> set[int]:
    """Return the ordinals of the dates the zone jumped over: Samoa had no 30 December 2011."""
    offsets = [zone.utcoffset(midnight) or _NONE for midnight in midnights]
    if max(offsets) - min(offsets) < _DAY:
        return set()
    return {
        midnight.toordinal()
        for midnight in midnights
        # Only a gap holds both ends of a date; in a gap, and only there, fold=1 reads the larger offset.
        if all(
            (zone.utcoffset(wall.replace(fold=1)) or _NONE) > (zone.utcoffset(wall) or _NONE)
            for wall in (midnight, midnight + _DAY - _SECOND)
        )
    }
