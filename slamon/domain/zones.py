"""Which time zones there are, and which years: the IANA names of the zone data this process reads."""

import zoneinfo
from functools import lru_cache

YEARS = range(1900, 2200)  # further off, converting between zones overflows and nobody means it
_NO_PLACE = frozenset({"Factory"})  # in the data for hosts whose zone nobody has set yet


def is_zone(name: str) -> bool:
    """Whether `name` is an IANA time zone such as `Europe/Zurich`, in exactly this spelling."""
    return name in _names()


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones() - _NO_PLACE)
