"""What a calendar means in a given year: which days it is closed on, and whether it ever opens."""

from dataclasses import dataclass
from datetime import date, datetime

from slamon.db.parties import Calendar
from slamon.domain.calendar import WorkingCalendar
from slamon.errors import Invalid
from slamon.services.policies import calendar_json, named_holidays, plain_calendar, public_holidays


@dataclass(frozen=True, slots=True)
class ClosedDay:
    """`is_public`: a holiday of the calendar's country; otherwise a day of its own."""

    day: date
    name: str
    is_public: bool


def closed_days(calendar: Calendar, year: int) -> list[ClosedDay]:
    """The days of one year on which the calendar is closed whatever the weekday, in order."""
    names, _ = named_holidays(plain_calendar(calendar), (year,))
    public = public_holidays(calendar.country, calendar.subdivision, (year,)) if calendar.country else {}
    return [ClosedDay(day, names[day], is_public=day in public) for day in sorted(names) if day.year == year]


def refuse_never_open(calendar: Calendar, at: datetime) -> None:
    """Raise Invalid for a calendar without an open second in the year after `at`: its clocks would never run."""
    plain = calendar_json("UTC", plain_calendar(calendar), at.year)
    if not WorkingCalendar.from_json(plain).opens_within(at.replace(microsecond=0)):
        raise Invalid("weekly", "the calendar has no open hour in the next 366 days")
