"""Instants, spans and targets in a reader's words. Pure; the channels' only place that knows time zones.

Weekday and month names are spelled here and not by `strftime`, whose words follow the host's locale.
"""

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def moment(instant: datetime, zone: str) -> str:
    """`Tue 24 Nov 2026, 14:00 Zurich (UTC+01:00)`; cut to the minute: no deadline is shown too late."""
    local = _local(instant, zone)
    return f"{_day(local)} {local.year}, {_time_of_day(local, zone)}"


def short_moment(instant: datetime, zone: str) -> str:
    """`Tue 24 Nov 14:00 (UTC+01:00)`, for subjects and headlines."""
    local = _local(instant, zone)
    return f"{_day(local)} {local:%H:%M} ({_offset(local)})"


def beside(instant: datetime, zone: str, reader_zone: str) -> str | None:
    """The same instant for the other party: `08:00 New York (UTC-05:00)`; None where both clocks agree."""
    theirs, ours = _local(instant, zone), _local(instant, reader_zone)
    if theirs.utcoffset() == ours.utcoffset():
        return None
    day = "" if theirs.date() == ours.date() else f"{_day(theirs)}, "
    return f"{day}{_time_of_day(theirs, zone)}"


def span(length: timedelta) -> str:
    """`74 s`, from two minutes on `26 h 10 min`, from three days on `5 d 3 h`; never negative."""
    seconds = max(0, int(length.total_seconds()))
    if seconds < 120:
        return f"{seconds} s"
    hours, minutes = divmod(seconds // 60, 60)
    if hours >= 72:
        return f"{hours // 24} d {hours % 24} h"
    return " ".join(part for part, n in ((f"{hours} h", hours), (f"{minutes} min", minutes)) if n)


_UNITS = ((3600, "hour", 4), (60, "minute", 1), (1, "second", 1))  # with the parts of each that are said


def target(seconds: int, unit: str) -> str:
    """`24 hours`, `1 working hour`, `1.5 hours`, `6 seconds`: a target always names its unit.

    `unit` is "hours" or "working hours". Said is the largest unit that comes out even; of hours, quarters do.
    """
    units = [(size, name) for size, name, parts in _UNITS if seconds >= size and seconds * parts % size == 0]
    size, name = (units or [_UNITS[-1][:2]])[0]
    return f"{seconds / size:,.10g} {unit.replace('hours', name if seconds == size else f'{name}s')}"


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


def _day(local: datetime) -> str:
    return f"{WEEKDAYS[local.weekday()]} {local.day} {MONTHS[local.month - 1]}"


def _time_of_day(local: datetime, zone: str) -> str:
    place = zone.rpartition("/")[2].replace("_", " ")
    named = "/" in zone and not zone.startswith("Etc/") and local.tzinfo is not UTC
    return f"{local:%H:%M} {place} ({_offset(local)})" if named else f"{local:%H:%M} {_offset(local)}"


def _offset(local: datetime) -> str:
    offset = local.strftime("%z")
    return "UTC" if offset == "+0000" else f"UTC{offset[:3]}:{offset[3:5]}"
