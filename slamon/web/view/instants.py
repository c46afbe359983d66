"""Instants as the pages show them: in the reader's zone, with the other party's beside it. Words are the mails' own."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from slamon.domain.zones import YEARS
from slamon.errors import Invalid
from slamon.wording.instants import beside, civil_day, civil_days, moment, span
from slamon.wording.language import ENGLISH, Language

__all__ = ["Moment", "Zones", "civil_day", "civil_days", "local_instant", "span", "today_in"]


@dataclass(frozen=True, slots=True)
class Moment:
    """One instant for one reader: `Tue 24 Nov 2026, 14:00 Zurich (UTC+01:00)`, the same for the other party.

    `other` is None where both clocks agree. `iso` is for machines, `epoch_ms` for the countdown.
    """

    own: str
    other: str | None
    iso: str
    epoch_ms: int

    def __str__(self) -> str:
        return self.own


@dataclass(frozen=True, slots=True)
class Zones:
    """The reader's IANA zone and the other party's, and the reader's language."""

    own: str
    other: str
    language: Language = ENGLISH

    def at(self, instant: datetime) -> Moment:
        return Moment(
            own=_unbroken(moment(instant, self.own, self.language)),
            other=_unbroken(beside(instant, self.other, self.own, self.language) or "") or None,
            iso=instant.astimezone(UTC).isoformat(timespec="seconds"),
            epoch_ms=int(instant.timestamp() * 1000),
        )

    def maybe(self, instant: datetime | None) -> Moment | None:
        return None if instant is None else self.at(instant)


def _unbroken(text: str) -> str:
    # A line may end behind a hyphen but not behind a minus sign.
    return text.replace("UTC-", "UTC−")


def today_in(zone: str, now: datetime) -> date:
    return now.astimezone(ZoneInfo(zone)).date()


def local_instant(field: str, text: str, zone: str) -> datetime:
    """What `<input type=datetime-local>` sent, read in `zone`. Of an hour that comes twice the first is meant.

    Raises Invalid for anything else, and for a time the clocks skipped.
    """
    try:
        local = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(field, "needs a date and a time, for example 2026-03-01T09:30") from None
    if local.tzinfo is not None:
        raise Invalid(field, "is read in {zone}; leave the offset out", zone=zone)
    if local.year not in YEARS:
        raise Invalid(
            field, "must lie between the years {first} and {last}; look at the year", first=YEARS.start, last=YEARS.stop
        )
    instant = local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    if instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None) != local:
        raise Invalid(field, "does not exist in {zone}: the clocks were put forward", zone=zone)
    return instant.replace(microsecond=0)
