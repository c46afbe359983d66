"""Which countries there are and what they are called: the tz database's own copy of ISO 3166-1."""

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType


def is_country(code: str) -> bool:
    """Whether this is an ISO 3166-1 alpha-2 code, in capitals."""
    return code in country_names()


@lru_cache(maxsize=1)
def country_names() -> Mapping[str, str]:
    """The English name of each country by its code, in the order of the names."""
    rows = (line.split("\t") for line in _lines("iso3166.tab"))
    return MappingProxyType(dict(sorted(((code, name) for code, name, *_ in rows), key=lambda each: each[1])))


@lru_cache(maxsize=1)
def zones_by_region() -> Mapping[str, tuple[str, ...]]:
    """The time zones in which people live, under the region that begins their names; UTC under no region."""
    regions: dict[str, list[str]] = {}
    for name in sorted(line.split("\t")[2] for line in _lines("zone.tab")):
        regions.setdefault(name.partition("/")[0], []).append(name)
    return MappingProxyType({"": ("UTC",), **{region: tuple(names) for region, names in regions.items()}})


def _lines(name: str) -> list[str]:
    lines = (files("tzdata") / "zoneinfo" / name).read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]
