"""Reads the extract of real sites, orders and delays that ships in `data/`; its README names the sources."""

import csv
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class RealSite:
    name: str
    cmo: str
    country: str
    subdivision: str | None
    time_zone: str


@dataclass(frozen=True, slots=True)
class RealOrder:
    """One line of an order; `packs` packs of `units_per_pack` tablets, tests or millilitres each."""

    site: str
    number: str
    product: str
    strength: str
    form: str
    units_per_pack: int
    packs: int
    mode: str
    country_name: str
    country: str
    incoterm: str

    @property
    def is_test_kit(self) -> bool:
        return self.form.startswith("Test kit")


@dataclass(frozen=True, slots=True)
class Delay:
    """What one real request waited, both spans counted from its filing."""

    to_acknowledgement: timedelta
    to_answer: timedelta


@cache
def sites() -> tuple[RealSite, ...]:
    return tuple(
        RealSite(row["site"], row["cmo"], row["country"], row["subdivision"] or None, row["time_zone"])
        for row in _rows("sites.csv")
    )


@cache
def orders() -> tuple[RealOrder, ...]:
    return tuple(
        RealOrder(
            site=row["site"],
            number=row["order_number"],
            product=row["product"],
            strength=row["strength"],
            form=row["dosage_form"],
            units_per_pack=int(row["units_per_pack"]),
            packs=int(row["packs"]),
            mode=row["mode"],
            country_name=row["country_name"],
            country=row["country"],
            incoterm=row["incoterm"],
        )
        for row in _rows("orders.csv")
    )


@cache
def delays() -> tuple[Delay, ...]:
    return tuple(
        Delay(
            timedelta(minutes=int(row["acknowledged_after_minutes"])),
            timedelta(minutes=int(row["answered_after_minutes"])),
        )
        for row in _rows("delays.csv")
    )


def draw_delay(
    chance: random.Random, *, least: timedelta, most: timedelta, apart: tuple[timedelta, timedelta]
) -> Delay:
    """The delays of one real request that was acknowledged between `least` and `most` after filing.

    `apart` bounds how much later than the acknowledgement the answer came.
    """
    shortest, longest = apart
    return chance.choice(
        [
            delay
            for delay in delays()
            if least <= delay.to_acknowledgement <= most
            and shortest <= delay.to_answer - delay.to_acknowledgement <= longest
        ]
    )


def _rows(name: str) -> Iterator[dict[str, str]]:
    text = (files("slamon.demo") / "data" / name).read_text("utf-8")
    yield from csv.DictReader(text.splitlines())
