"""A deadline taken apart: which stretches of time counted, which did not, and why."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise
from zoneinfo import ZoneInfo

from slamon.domain.clocks.state import ClockState
from slamon.domain.terms import Mode, Terms
from slamon.domain.timeline import stamp

_DAY = timedelta(days=1)


class Counts(StrEnum):
    """Whether time counts, and why not."""

    COUNTED = "counted"
    PAUSED = "paused"
    CLOSED = "closed"
    HOLIDAY = "holiday"


@dataclass(frozen=True, slots=True)
class Stretch:
    """Time of one kind, [since, until). `name` is the pause's reason or the holiday's name."""

    since: datetime
    until: datetime
    kind: Counts
    name: str | None = None

    @property
    def length(self) -> timedelta:
        return self.until - self.since


@dataclass(frozen=True, slots=True)
class Explanation:
    """A clock's time from its start to its limit, without gap or overlap; no part reaches across the target.

    While a pause leaves the limit open, it reaches to now.
    """

    clock: ClockState
    mode: Mode
    target: timedelta
    limit: timedelta
    parts: tuple[Stretch, ...]

    def total(self, kind: Counts, *, until: datetime | None = None) -> timedelta:
        """How much time of a kind there is in all, or before `until`, which is an edge of a part."""
        lengths = (p.length for p in self.parts if p.kind is kind and (until is None or p.until <= until))
        return sum(lengths, timedelta())


def explain(terms: Terms, clock: ClockState, now: datetime) -> Explanation:
    """Take a clock's deadlines apart: what counted before the target is exactly the target, and so with the limit."""
    line = terms.clocks[clock.kind]
    if line.mode is Mode.DATE:
        return _explain_date(clock)
    end = clock.limit_at or max(clock.pauses[-1].since, stamp(now))
    edges = [clock.started_at, *([clock.target_at] if clock.target_at else []), end]
    parts = [part for since, until in pairwise(edges) for part in _parts(terms, clock, since, until)]
    return Explanation(clock, line.mode, line.target, line.limit, tuple(parts))


def openings(terms: Terms, since: datetime, until: datetime) -> list[tuple[datetime, str]]:
    """When each opening day first opens, and what it is for; those that do so in [since, until)."""
    zone = ZoneInfo(terms.calendar.tz)
    found = []
    for day, spans in terms.calendar.openings:
        opens = (datetime.combine(day, time()) + spans[0][0]).replace(tzinfo=zone).astimezone(UTC)
        if since <= opens < until:
            found.append((opens, terms.opening_names.get(day, "opening day")))
    return found


def _explain_date(clock: ClockState) -> Explanation:
    """Where a day is the deadline, all the time up to its end is allowed."""
    ends = clock.limit_at or clock.started_at
    allowed = max(ends - clock.started_at, timedelta(0))
    parts = (Stretch(clock.started_at, ends, Counts.COUNTED),) if allowed else ()
    return Explanation(clock, Mode.DATE, allowed, allowed, parts)


def _parts(terms: Terms, clock: ClockState, since: datetime, until: datetime) -> list[Stretch]:
    calendar = terms.running_calendar(terms.clocks[clock.kind].mode)
    is_open = [Stretch(*span, Counts.COUNTED) for span in calendar.open_spans(since, until)]
    pauses = [Stretch(pause.since, pause.to or until, Counts.PAUSED, pause.reason) for pause in clock.pauses]
    holidays = list(_holidays(terms, since, until)) if calendar.weekly is not None else []
    edges = {edge for part in (*is_open, *pauses, *holidays) for edge in (part.since, part.until)}
    parts: list[Stretch] = []
    for start, end in pairwise(sorted({since, until, *(edge for edge in edges if since < edge < until)})):
        if _around(start, is_open):
            found = _around(start, pauses) or Stretch(start, end, Counts.COUNTED)
        else:  # closed hours cost nobody anything, in a pause or not
            found = _around(start, holidays) or Stretch(start, end, Counts.CLOSED)
        if parts and (parts[-1].kind, parts[-1].name) == (found.kind, found.name):
            start = parts.pop().since
        parts.append(Stretch(start, end, found.kind, found.name))
    return parts


def _around(instant: datetime, parts: Sequence[Stretch]) -> Stretch | None:
    return next((part for part in parts if part.since <= instant < part.until), None)


def _holidays(terms: Terms, since: datetime, until: datetime) -> Iterator[Stretch]:
    """The holidays that touch [since, until), each from midnight to midnight at the site."""
    zone = ZoneInfo(terms.calendar.tz)
    for day in terms.calendar.holidays:
        if since.astimezone(zone).date() <= day <= until.astimezone(zone).date():
            start, end = (datetime.combine(each, time(), zone).astimezone(UTC) for each in (day, day + _DAY))
            yield Stretch(start, end, Counts.HOLIDAY, terms.holiday_names.get(day, "holiday"))
