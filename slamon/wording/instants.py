"""Instants, spans and targets in a reader's words. Pure; the channels' only place that knows time zones.

Names of days and months are the language's and not `strftime`'s, whose words follow the host's locale.
"""

from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from slamon.wording.language import ENGLISH, Language


def moment(instant: datetime, zone: str, language: Language = ENGLISH) -> str:
    """`Tue 24 Nov 2026, 14:00 Zurich (UTC+01:00)`; cut to the minute: no deadline is shown too late."""
    local = _local(instant, zone)
    return language.gettext("{day}, {time}", day=civil_day(local, language), time=_time_of_day(local, zone))


def short_moment(instant: datetime, zone: str, language: Language = ENGLISH) -> str:
    """`Tue 24 Nov 14:00 (UTC+01:00)`, for subjects and headlines."""
    local = _local(instant, zone)
    return f"{_day(local, language)} {local:%H:%M} ({_offset(local)})"


def beside(instant: datetime, zone: str, reader_zone: str, language: Language = ENGLISH) -> str | None:
    """The same instant for the other party: `08:00 New York (UTC-05:00)`; None where both clocks agree."""
    theirs, ours = _local(instant, zone), _local(instant, reader_zone)
    if theirs.utcoffset() == ours.utcoffset():
        return None
    time = _time_of_day(theirs, zone)
    if theirs.date() == ours.date():
        return time
    return language.gettext("{day}, {time}", day=_day(theirs, language), time=time)


def civil_day(day: date, language: Language = ENGLISH) -> str:
    """`Tue 24 Nov 2026`: a date that belongs to no zone."""
    return language.gettext("{day_and_month} {year}", day_and_month=_day(day, language), year=day.year)


def civil_days(first: date, last: date, language: Language = ENGLISH) -> str:
    """`Fri 6 Mar to Mon 9 Mar 2026`; one day alone where both are the same."""
    if first == last:
        return civil_day(first, language)
    begins = _day(first, language) if first.year == last.year else civil_day(first, language)
    return language.gettext("{first} to {last}", first=begins, last=civil_day(last, language))


def span(length: timedelta, language: Language = ENGLISH) -> str:
    """`74 s`, from two minutes on `26 h 10 min`, from three days on `5 d 3 h`; never negative."""
    gettext, seconds = language.gettext, max(0, int(length.total_seconds()))
    if seconds < 120:
        return gettext("{seconds} s", seconds=seconds)
    hours, minutes = divmod(seconds // 60, 60)
    if hours >= 72:
        return gettext("{days} d {hours} h", days=hours // 24, hours=hours % 24)
    if not hours:
        return gettext("{minutes} min", minutes=minutes)
    if not minutes:
        return gettext("{hours} h", hours=hours)
    return gettext("{hours} h {minutes} min", hours=hours, minutes=minutes)


_UNITS = ((3600, 4), (60, 1), (1, 1))  # with the parts of each that are said


def target(seconds: int, unit: str, language: Language = ENGLISH) -> str:
    """`24 hours`, `1 working hour`, `1.5 hours`, `6 seconds`: a target always names its unit.

    `unit` is "hours" or "working hours". Said is the largest unit that comes out even; of hours, quarters do.
    """
    size = next((size for size, parts in _UNITS if seconds >= size and seconds * parts % size == 0), 1)
    figure = seconds / size if seconds % size else seconds // size
    ngettext = language.ngettext
    match size, unit == "working hours":
        case 3600, False:
            return ngettext("{n} hour", "{n} hours", figure)
        case 3600, True:
            return ngettext("{n} working hour", "{n} working hours", figure)
        case 60, False:
            return ngettext("{n} minute", "{n} minutes", figure)
        case 60, True:
            return ngettext("{n} working minute", "{n} working minutes", figure)
        case _, False:
            return ngettext("{n} second", "{n} seconds", figure)
        case _:
            return ngettext("{n} working second", "{n} working seconds", figure)


def _local(instant: datetime, zone: str) -> datetime:
    if instant.tzinfo is None:
        raise ValueError(f"{instant.isoformat()} is naive; messages carry aware instants")
    return instant.astimezone(_zone(zone))


def _zone(zone: str) -> tzinfo:
    # A message that cannot name its zone is still better sent: in UTC, and saying so.
    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def _day(day: date, language: Language) -> str:
    name, month = language.weekdays[day.weekday()], language.months[day.month - 1]
    return language.gettext("{weekday} {day} {month}", weekday=name, day=day.day, month=month)


def _time_of_day(local: datetime, zone: str) -> str:
    place = zone.rpartition("/")[2].replace("_", " ")
    named = "/" in zone and not zone.startswith("Etc/") and local.tzinfo is not UTC
    return f"{local:%H:%M} {place} ({_offset(local)})" if named else f"{local:%H:%M} {_offset(local)}"


def _offset(local: datetime) -> str:
    offset = local.strftime("%z")
    return "UTC" if offset == "+0000" else f"UTC{offset[:3]}:{offset[3:5]}"
