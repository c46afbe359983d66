"""Which countries there are: the codes in the tz database's own copy of ISO 3166-1."""

from functools import lru_cache
from importlib.resources import files


def is_country(code: str) -> bool:
    """Whether this is an ISO 3166-1 alpha-2 code, in capitals."""
    return code in _codes()


@lru_cache(maxsize=1)
def _codes() -> frozenset[str]:
    lines = (files("tzdata") / "zoneinfo" / "iso3166.tab").read_text("utf-8").splitlines()
    return frozenset(line.split("\t")[0] for line in lines if line and not line.startswith("#"))
