"""Numbers and moments as people write them: read where one reading is possible, refused where several are.

Which signs and formats a file uses is said by its mapping; rows and columns are not known here.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

# --- numbers ----------------------------------------------------------------------------------------------------------

DECIMAL_SIGNS = (".", ",")
THOUSANDS_SIGNS = ("", ".", ",", " ", "'")
_SAME_SIGN = str.maketrans("\u00a0\u2009\u202f\u2019\u2212", "   '-")


def read_number(text: str, *, decimal: str | None = None, thousands: str | None = None) -> Decimal:
    """The number of a text, by the signs said or any that people use. Raises ValueError, also where two would do."""
    plain = text.translate(_SAME_SIGN).strip()
    found = {
        value
        for point in ([decimal] if decimal else DECIMAL_SIGNS)
        for mark in (THOUSANDS_SIGNS if thousands is None else [thousands])
        if point != mark and (value := _number(plain, point, mark)) is not None
    }
    if len(found) == 1:
        return found.pop()
    if not found:
        raise ValueError("is no number, or not in the signs of the mapping (decimal, thousands)")
    raise ValueError(
        f"may be {' or '.join(map(plain_number, sorted(found)))}; say in the mapping which sign is decimal and which "
        "stands between thousands"
    )


def _number(text: str, decimal: str, thousands: str) -> Decimal | None:
    whole = r"\d+" + (rf"|[1-9]\d{{0,2}}(?:{re.escape(thousands)}\d{{3}})+" if thousands else "")
    if not re.fullmatch(rf"-?(?:{whole})(?:{re.escape(decimal)}\d+)?", text, re.ASCII):
        return None
    return Decimal((text.replace(thousands, "") if thousands else text).replace(decimal, "."))


def plain_number(number: Decimal) -> str:
    return f"{number.normalize():f}"


# --- moments ----------------------------------------------------------------------------------------------------------

_PARTS = {
    "Y": "year", "y": "year", "m": "month", "b": "month", "B": "month", "d": "day", "H": "hour", "I": "hour",
    "p": "half of the day", "M": "minute", "S": "second", "f": "fraction", "z": "offset", "a": "weekday",
    "A": "weekday", "%": "sign",
}  # fmt: skip
_NEEDS = {"minute": "hour", "second": "minute", "fraction": "second", "offset": "hour"}
_ZONE_NAME = re.compile(r"\b(?:Z|[A-Z]{3,5})\b")
_DAY = r"\d{4}-\d\d-\d\d|\d{8}"
_ISO = re.compile(
    rf"({_DAY})(?:[ T](\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?) ?(Z|[+-]\d\d(?::?\d\d)?)?)?", re.ASCII | re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Format:
    """One of strptime's formats that names a day, or a day and a time, and nothing it does not keep."""

    text: str
    has_time: bool

    def read(self, text: str) -> date | datetime:
        """Raises ValueError for what is not in this format."""
        found = datetime.strptime(text, self.text)  # noqa: DTZ007 (the mapping's zone is put in later)
        # Without signs between them, 2026112 would be read as either of two days.
        if re.search("%[a-zA-Z]%", self.text) and found.strftime(self.text).casefold() != text.casefold():
            raise ValueError(text)
        if re.search("%[aA]", self.text) and found.strftime("%a").casefold() not in text.casefold():
            raise ValueError(text)
        return found if self.has_time else found.date()


@lru_cache(maxsize=256)
def honest_format(text: str, zone: str) -> Format:
    """The format, if all it reads is kept and no more is taken for granted. Raises ValueError saying what is wrong."""
    signs = re.findall("%(.?)", text, re.DOTALL)
    if "Z" in signs:
        raise ValueError("%Z reads the name of a zone and forgets it; write offsets (%z), or give the file's zone")
    unknown = [sign for sign in signs if sign not in _PARTS]
    if unknown:
        raise ValueError(
            f"%{unknown[0]} is not understood here; use day %d, month %m or %b, year %Y, hour %H, minute %M"
        )
    parts = [_PARTS[sign] for sign in signs if sign != "%"]
    twice = next((part for part in parts if parts.count(part) > 1), None)
    if twice:
        raise ValueError(f"names the {twice} twice")
    missing = [part for part in ("year", "month", "day") if part not in parts]
    missing += [need for part, need in _NEEDS.items() if part in parts and need not in parts]
    if missing:
        raise ValueError(f"lacks the {missing[0]}")
    if ("I" in signs) != ("half of the day" in parts):
        raise ValueError("hours of twelve need both %I and %p; those of twenty-four are %H alone")
    own = re.sub("%.", " ", text)
    if re.search(r"\d", own):
        raise ValueError("has digits of its own; they would stand for no part of the time")
    named = _ZONE_NAME.search(own)
    if named and not (named[0] in ("Z", "UTC", "GMT") and zone in ("UTC", "Etc/UTC", "GMT", "Etc/GMT")):
        raise ValueError(f"'{named[0]}' names a zone that nobody reads; write offsets (%z), or make it the file's zone")
    return Format(text, "hour" in parts)


def read_moment(text: str, formats: Sequence[Format]) -> date | datetime:
    """The day or moment a text names, by ISO 8601 or one of the formats. Raises ValueError, also where two differ."""
    found: list[date | datetime] = []
    for read in (_read_iso, *(one.read for one in formats)):
        try:
            value = read(text)
        except ValueError:
            continue
        if not any(type(value) is type(other) and value == other for other in found):
            found.append(value)
    if len(found) > 1:
        raise ValueError(
            f"may be {' or '.join(map(str, found))}: ISO 8601 and the mapping's formats read it differently"
        )
    # Further off, converting between zones overflows.
    if not found or not 1900 <= found[0].year < 2200:
        known = ", ".join(["2026-03-01 09:30", *(one.text for one in formats)])
        raise ValueError(f"is no date or time; understood are {known}. Add a format to the mapping")
    return found[0]


def _read_iso(text: str) -> date | datetime:
    match = _ISO.fullmatch(text)
    if match is None:
        raise ValueError(text)
    day = date.fromisoformat(match[1])
    if match[2] is None:
        return day
    return datetime.combine(day, time.fromisoformat(match[2] + (match[3] or "").upper()))


def instants_of(local: datetime, zone: ZoneInfo) -> tuple[datetime, ...]:
    """The instants at which the clocks of a zone showed a time: two where an hour was repeated, none where skipped."""
    both = {local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)}
    return tuple(at for at in sorted(both) if at.astimezone(zone).replace(tzinfo=None, fold=0) == local)
