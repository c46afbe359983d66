"""A working calendar as it is written: the JSON object with its zone, hours, holidays and opening days, checked.

Here lives what a document may say and how its faults are told. What the hours amount to is calendar's business.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import TypeAlias

from slamon.domain.zones import is_zone

Span: TypeAlias = tuple[timedelta, timedelta]  # open and close, since midnight by the wall clock
Week: TypeAlias = tuple[tuple[Span, ...], ...]  # the spans of seven days as written, Monday first
Openings: TypeAlias = tuple[tuple[date, tuple[Span, ...]], ...]  # opening days in order, with their spans

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ALWAYS = "24x7"
_KEYS = ("tz", "weekly", "holidays", "openings")

_NONE, _SECOND, _DAY = timedelta(0), timedelta(seconds=1), timedelta(days=1)
_TIME = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])(?::([0-5][0-9]))?")


class CalendarError(ValueError):
    """A calendar that cannot be used as written; the message names the field and the way out."""


def parsed(document: object) -> tuple[str, Week | None, tuple[date, ...], Openings]:
    """Return zone, week (None for 24x7), holidays and opening days of a document. Raises CalendarError."""
    if not isinstance(document, Mapping):
        raise CalendarError(f"calendar must be an object with tz, weekly, holidays and openings, got {document!r}")
    if unknown := [key for key in document if key not in _KEYS]:
        raise CalendarError(f"calendar has an unknown key {unknown[0]!r}; use tz, weekly, holidays and openings")
    zone, week = _parse_zone(document.get("tz")), _parse_week(document.get("weekly"))
    return zone, week, _parse_dates(document.get("holidays", [])), _parse_openings(document.get("openings", {}))


def written(tz: str, week: Week | None, holidays: tuple[date, ...], openings: Openings) -> dict[str, object]:
    """Return the document in its normal form: everything in order, closed days and a want of opening days left out."""
    weekly: object = ALWAYS
    if week is not None:
        weekly = {name: _texts(spans) for name, spans in zip(WEEKDAYS, week, strict=True) if spans}
    plain = {"tz": tz, "weekly": weekly, "holidays": [day.isoformat() for day in holidays]}
    # Left out when there are none: the digests of terms frozen before there were opening days must stay.
    return {**plain, "openings": {day.isoformat(): _texts(spans) for day, spans in openings}} if openings else plain


def by_date(weekly: Week) -> list[list[Span]]:
    """Return the hours of each weekday's own date: a span over midnight becomes an evening and a morning."""
    week: list[list[Span]] = [[] for _ in WEEKDAYS]
    for weekday, spans in enumerate(weekly):
        for opens, closes in spans:
            if closes > opens:
                week[weekday].append((opens, closes))
            else:
                week[weekday].append((opens, _DAY))
                week[(weekday + 1) % 7].append((_NONE, closes))
    return week


def by_ordinal(openings: Openings) -> dict[int, list[Span]]:
    """Return the hours that opening days give to each date; a span over midnight gives some to the next."""
    dates: dict[int, list[Span]] = {}
    for day, spans in openings:
        for opens, closes in spans:
            over_midnight = closes <= opens
            dates.setdefault(day.toordinal(), []).append((opens, _DAY if over_midnight else closes))
            if over_midnight:
                dates.setdefault(day.toordinal() + 1, []).append((_NONE, closes))
    return dates


def _parse_zone(tz: object) -> str:
    if not isinstance(tz, str) or not tz:
        raise CalendarError(f"tz must be an IANA name such as 'Europe/Berlin', got {tz!r}")
    if not is_zone(tz):
        raise CalendarError(f"tz {tz!r} is unknown; use an IANA name such as 'Europe/Berlin'")
    return tz


def _parse_week(weekly: object) -> Week | None:
    if weekly == ALWAYS:
        return None
    if not isinstance(weekly, Mapping):
        raise CalendarError(f'weekly must be "24x7" or an object of spans under mon to sun, got {weekly!r}')
    if unknown := [name for name in weekly if name not in WEEKDAYS]:
        raise CalendarError(f"weekly has an unknown day {unknown[0]!r}; use {', '.join(WEEKDAYS)}")
    return tuple(_parse_day(weekly.get(name, ()), f"weekly.{name}") for name in WEEKDAYS)


def _parse_day(spans: object, name: str) -> tuple[Span, ...]:
    if not isinstance(spans, list | tuple):
        raise CalendarError(f'{name} must be a list of spans such as ["08:00", "18:00"], got {spans!r}')
    return tuple(sorted({_parse_span(span, name) for span in spans}))


def _parse_span(span: object, name: str) -> Span:
    if not isinstance(span, list | tuple) or len(span) != 2:
        raise CalendarError(f'{name} must hold spans such as ["08:00", "18:00"], got {span!r}')
    opens, closes = (_parse_time(text, name) for text in span)
    if opens == _DAY:
        raise CalendarError(f"{name} opens at 24:00; open at 00:00 on the next day")
    if opens == closes:
        raise CalendarError(f"{name} has a span of no length, {span!r}; the whole day is 00:00 to 24:00")
    return opens, closes


def _parse_time(text: object, name: str) -> timedelta:
    if isinstance(text, str) and (match := _TIME.fullmatch(text)):
        hours, minutes, seconds = (int(part or 0) for part in match.groups())
        if (since_midnight := timedelta(hours=hours, minutes=minutes, seconds=seconds)) <= _DAY:
            return since_midnight
    raise CalendarError(f"{name} has a malformed time {text!r}; write HH:MM, from 00:00 to 24:00")


def _parse_dates(holidays: object) -> tuple[date, ...]:
    if not isinstance(holidays, list | tuple):
        raise CalendarError(f"holidays must be a list of dates written YYYY-MM-DD, got {holidays!r}")
    return tuple(sorted({_parse_date(text, "holidays") for text in holidays}))


def _parse_openings(openings: object) -> Openings:
    if not isinstance(openings, Mapping):
        raise CalendarError(f"openings must be an object of spans under dates written YYYY-MM-DD, got {openings!r}")
    days = {}
    for text, spans in openings.items():
        day = _parse_date(text, "openings")
        days[day] = _parse_day(spans, f"openings.{text}")
        if not days[day]:
            raise CalendarError(f"openings.{text} has no spans; leave the date out, or say when it is open")
    return tuple(sorted(days.items()))


def _parse_date(text: object, name: str) -> date:
    try:
        if isinstance(text, str) and (day := date.fromisoformat(text)).isoformat() == text:
            return day
    except ValueError:
        pass
    raise CalendarError(f"{name} has a malformed date {text!r}; write YYYY-MM-DD, a date that exists")


def _texts(spans: tuple[Span, ...]) -> list[list[str]]:
    return [[_clock_text(opens), _clock_text(closes)] for opens, closes in spans]


def _clock_text(since_midnight: timedelta) -> str:
    minutes, seconds = divmod(since_midnight // _SECOND, 60)
    text = f"{minutes // 60:02}:{minutes % 60:02}"
    return f"{text}:{seconds:02}" if seconds else text
