"""Public holidays by country and region, from the `holidays` package."""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from importlib.metadata import version

import holidays

from slamon.errors import Invalid

SOURCE = f"holidays {version('holidays')}"
NATIONWIDE = "nationwide"  # as a subdivision: the holidays of the whole country, and none of any region
_COMPARED_YEARS = (2025, 2026, 2027)  # whether a country has regional holidays does not change from year to year


@lru_cache(maxsize=256)
def public_holidays(country: str, subdivision: str | None, years: tuple[int, ...]) -> dict[date, str]:
    """Dates and names. Raises Invalid for a country or subdivision that the package does not know."""
    region = None if subdivision == NATIONWIDE else subdivision
    try:
        return dict(holidays.country_holidays(country, subdiv=region, years=years))
    except NotImplementedError as error:
        field = "subdivision" if region else "country"
        raise Invalid(field, f"no public holidays are known for {country} {region or ''}".rstrip()) from error


def refuse_unnamed_region(country: str, subdivision: str | None) -> None:
    """Raise Invalid where a country has regional holidays and no region is named, or one that is not known."""
    public_holidays(country, subdivision, (2026,))
    if subdivision is None and (regional := _regional(country)):
        day, name = min(regional.items())
        known = ", ".join(sorted(region for region in _subdivisions(country) if region.isupper()))
        raise Invalid(
            "subdivision",
            f"{country} has holidays that only some regions keep, such as {name} on {day.isoformat()}. Name the region "
            f"({known}), or '{NATIONWIDE}' where only the holidays of the whole country count",
        )


@lru_cache(maxsize=256)
def _regional(country: str) -> Mapping[date, str]:
    """Days that are public holidays in some regions of the country and not in the whole of it."""
    everywhere = public_holidays(country, None, _COMPARED_YEARS)
    found: dict[date, str] = {}
    for region in _subdivisions(country):
        found |= public_holidays(country, region, _COMPARED_YEARS)
    return {day: name for day, name in found.items() if day not in everywhere}


def _subdivisions(country: str) -> list[str]:
    return holidays.list_supported_countries().get(country, [])
