"""What a calendar means in a given year: the days it closes or opens beside its week, and whether it ever opens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from slamon.db.parties import Calendar
from slamon.domain.calendar import WorkingCalendar
from slamon.domain.timeline import stamp
from slamon.public_holidays import public_holidays
from slamon.services.policies.policies import calendar_json, named_holidays, plain_calendar


@dataclass(frozen=True, slots=True)
class ClosedDay:
    """`is_public`: a holiday of the calendar's country; otherwise a day of its own."""

    day: date
    name: str
    is_public: bool


@dataclass(frozen=True, slots=True)
class OpeningDay:
    """`hours` as in a week: pairs of HH:MM by the site's clock."""

    day: date
    name: str
    hours: Sequence[Sequence[str]]


def opening_days(calendar: Calendar, year: int) -> list[OpeningDay]:
    """The days of one year on which the calendar opens whatever the weekday, in order."""
    days = [OpeningDay(date.fromisoformat(own["date"]), own["name"], own["hours"]) for own in calendar.opening_days]
    return sorted((day for day in days if day.day.year == year), key=lambda opening: opening.day)


def closed_days(calendar: Calendar, year: int) -> list[ClosedDay]:
    """The days of one year on which the calendar's week is closed whatever the weekday, in order.

    On one that is an opening day as well, it is open for the hours of that.
    """
    names, _ = named_holidays(plain_calendar(calendar), (year,))
    public = public_holidays(calendar.country, calendar.subdivision, (year,)) if calendar.country else {}
    return [ClosedDay(day, names[day], is_public=day in public) for day in sorted(names) if day.year == year]


def days_of(first_day: date, last_day: date, name: str) -> dict[date, str]:
    """Each day from the first to the last, under the same name."""
    return {first_day + timedelta(days=n): name for n in range((last_day - first_day).days + 1)}


def closed_on(calendar: Mapping[str, Any], days: Mapping[date, str]) -> dict[str, Any]:
    """A plain calendar closed on these days too, by date and name, opening days or not."""
    closed = [{"date": day.isoformat(), "name": name} for day, name in sorted(days.items())]
    return {
        **calendar,
        # In front, so that a day the calendar knows already keeps its name.
        "closed_days": [*closed, *calendar["closed_days"]],
        "opening_days": [own for own in calendar["opening_days"] if date.fromisoformat(own["date"]) not in days],
    }


def opens(calendar: Mapping[str, Any], at: datetime) -> bool:
    """Whether a plain calendar has an open second in the year after `at`."""
    return WorkingCalendar.from_json(calendar_json("UTC", calendar, at.year)).opens_within(stamp(at))
