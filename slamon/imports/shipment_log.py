"""A log of deliveries as read from a CSV file: its orders, their lines, and what is odd about them.

Columns, oddities and licence of the log: tests/data/README.md. What a line means to a clock is not known here.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files
from operator import itemgetter
from pathlib import Path
from typing import TypeAlias

from slamon.domain.normal_form import normal_form
from slamon.domain.zones import is_zone
from slamon.imports import records
from slamon.imports.cells import fault_of
from slamon.imports.figures import read_number

ORDER, CONSIGNMENT, FILED = "PO / SO #", "ASN/DN #", "PO Sent to Vendor Date"
DUE, DELIVERED = "Scheduled Delivery Date", "Delivered to Client Date"
COLUMNS = (
    ORDER, CONSIGNMENT, "Country", "Fulfill Via", FILED, DUE, DELIVERED, "Vendor", "Item Description",
    "Line Item Quantity", "Manufacturing Site",
)  # fmt: skip
SITE_COLUMNS = ("Manufacturing Site", "country_iso2", "time_zone")
_NAMES = (ORDER, CONSIGNMENT, "Country", "Vendor", "Manufacturing Site")
DIRECT, FROM_DEPOT = "direct drop", "from rdc"
_NOT_TOLD = frozenset({"", "n/a", "?", "n/a - from rdc", "date not captured"})


class Oddity(StrEnum):
    """What may be wrong with a row or an order, and what the replay makes of it."""

    NO_FILING = "no_filing"  # of an order: filed on the earliest date of its rows
    FILED_AFTER_DELIVERY = "filed_after_delivery"  # the order counts as filed on the earliest date of its rows
    CHANGED_FILING = "changed_filing"  # the earliest filing date counts
    UNREADABLE_DATE = "unreadable_date"  # as if it were blank
    NO_DUE_DATE = "no_due_date"  # line counted, and judged by nobody
    NOT_DELIVERED = "not_delivered"  # line counted as open
    UNREADABLE_QUANTITY = "unreadable_quantity"  # counts as one
    UNKNOWN_WAY = "unknown_way"  # neither direct drop nor from a depot
    CHANGED_DELIVERY = "changed_delivery"  # a shipment that arrived on two days counts as two consignments
    CHANGED_COUNTRY = "changed_country"  # an order goes to where its first row says
    SHARED_SHIPMENT = "shared_shipment"  # one shipment number in two orders: a consignment in each
    UNKNOWN_SITE = "unknown_site"  # not in the list of sites
    UNKNOWN_ZONE = "unknown_zone"  # of a site; UTC
    NO_ORDER = "no_order"  # row left out
    NO_SHIPMENT = "no_shipment"  # row left out
    WRONG_FIELDS = "wrong_fields"  # row left out: its values may stand in the wrong columns


Flags: TypeAlias = records.Flags[Oddity]
Example: TypeAlias = records.Example[Oddity]


@dataclass(frozen=True, slots=True)
class Place:
    """A manufacturing site as the list of sites has it."""

    name: str
    country: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the log. `row` is the line of the file, the header being line 1."""

    row: int
    consignment: str
    way: str
    filed_on: date | None
    due_on: date | None
    delivered_on: date | None
    vendor: str
    product: str
    quantity: Decimal
    site: str


@dataclass(slots=True)
class Order:
    """What the log says of one order; `zone` is that of its destination. Lines in the order of the file."""

    number: str
    country: str
    zone: str
    lines: list[Line] = field(default_factory=list)

    @property
    def said_filed_on(self) -> date | None:
        return min((line.filed_on for line in self.lines if line.filed_on), default=None)

    @property
    def first_date(self) -> date | None:
        """The earliest date at which anything was due or done, the filing apart."""
        days = (day for line in self.lines for day in (line.due_on, line.delivered_on) if day)
        return min(days, default=None)

    @property
    def is_filed_late(self) -> bool:
        """Whether something had arrived before it was filed."""
        filed_on = self.said_filed_on
        return filed_on is not None and any(_is_before(line.delivered_on, filed_on) for line in self.lines)

    @property
    def filed_on(self) -> date | None:
        """When it counts as filed: never after anything has arrived. None where no row has a date."""
        if self.said_filed_on is None or self.is_filed_late:
            return self.first_date
        return self.said_filed_on


def read_shipments(path: Path, flags: Flags, tell: Callable[[int], None]) -> list[Order]:
    """The orders of the log, in order of appearance. Raises Invalid."""
    found = records.read_records(path, tell)
    _, header = next(found, (0, []))
    wanted = itemgetter(*records.positions(path, header, COLUMNS, "shipment log"))
    orders: dict[str, Order] = {}
    spelled: dict[tuple[str, str], str] = {}
    for row, values in found:
        if len(values) != len(header):
            flags.add(Oddity.WRONG_FIELDS, "", row, f"{len(values)} fields, the header has {len(header)}")
            continue
        said = dict(zip(COLUMNS, (value.strip() for value in wanted(values)), strict=True))
        for column in _NAMES:  # as they were spelled first
            said[column] = spelled.setdefault((column, normal_form(said[column])), said[column])
        number = said[ORDER]
        if _is_not_told(number):
            flags.add(Oddity.NO_ORDER, "", row, f"no {ORDER}")
        elif _is_not_told(said[CONSIGNMENT]):
            flags.add(Oddity.NO_SHIPMENT, number, row, f"no {CONSIGNMENT}")
        else:
            country = said["Country"]
            order = orders.get(number) or orders.setdefault(number, Order(number, country, destination_zone(country)))
            if country != order.country:
                flags.add(Oddity.CHANGED_COUNTRY, number, row, f"to {country!r}, before it was {order.country!r}")
            order.lines.append(_line(row, said, flags))
    _judge(orders, flags)
    return list(orders.values())


def read_sites(path: Path) -> dict[str, Place]:
    """The sites of a list, by the normal form of their name. Raises Invalid."""
    found = records.read_records(path, lambda _: None)
    _, header = next(found, (0, []))
    wanted = records.positions(path, header, SITE_COLUMNS, "list of sites")
    places = {}
    for _, values in found:
        name, country, time_zone = ((values[at] if at < len(values) else "").strip() for at in wanted)
        places[normal_form(name)] = Place(name, country, time_zone if is_zone(time_zone) else "")
    return places


def flag_places(orders: list[Order], sites: Mapping[str, Place], flags: Flags) -> None:
    """Flag each site once that the list does not have, or of which it does not know the time zone."""
    first: dict[str, tuple[Order, Line]] = {}
    for order in orders:
        for line in order.lines:
            first.setdefault(line.site, (order, line))
    for name, (order, line) in first.items():
        place = sites.get(normal_form(name))
        if place is None:
            flags.add(Oddity.UNKNOWN_SITE, order.number, line.row, f"site {name!r} is not in the list of sites")
        elif not place.time_zone:
            flags.add(Oddity.UNKNOWN_ZONE, order.number, line.row, f"the time zone of site {name!r} is not known")


def _line(row: int, said: Mapping[str, str], flags: Flags) -> Line:
    filed_on, due_on, delivered_on = (_day(row, said, column, flags) for column in (FILED, DUE, DELIVERED))
    number, way = said[ORDER], said["Fulfill Via"].casefold()
    if due_on is None:
        flags.add(Oddity.NO_DUE_DATE, number, row, f"{DUE} is {said[DUE]!r}")
    if delivered_on is None:
        flags.add(Oddity.NOT_DELIVERED, number, row, f"{DELIVERED} is {said[DELIVERED]!r}")
    if way not in (DIRECT, FROM_DEPOT):
        flags.add(Oddity.UNKNOWN_WAY, number, row, f"Fulfill Via is {said['Fulfill Via']!r}")
    quantity = parse_quantity(said["Line Item Quantity"])
    if quantity is None:
        flags.add(Oddity.UNREADABLE_QUANTITY, number, row, f"Line Item Quantity is {said['Line Item Quantity']!r}")
    return Line(
        row=row,
        consignment=said[CONSIGNMENT],
        way=way,
        filed_on=filed_on,
        due_on=due_on,
        delivered_on=delivered_on,
        vendor=said["Vendor"],
        product=said["Item Description"],
        quantity=quantity or Decimal(1),
        site=said["Manufacturing Site"],
    )


def _day(row: int, said: Mapping[str, str], column: str, flags: Flags) -> date | None:
    day = parse_day(said[column])
    if day is None and not _is_not_told(said[column]):
        flags.add(Oddity.UNREADABLE_DATE, said[ORDER], row, f"{column} is {said[column]!r}")
    return day


def _judge(orders: Mapping[str, Order], flags: Flags) -> None:
    """Flag what only whole orders show."""
    order_of: dict[str, str] = {}
    for order in orders.values():
        first, filed_on = order.lines[0], order.said_filed_on
        if filed_on is None:
            flags.add(Oddity.NO_FILING, order.number, first.row, f"no row has a readable {FILED}")
        arrived: dict[str, Line] = {}
        for line in order.lines:
            if filed_on and line.filed_on and line.filed_on != filed_on:
                flags.add(Oddity.CHANGED_FILING, order.number, line.row, f"filed {line.filed_on}, also {filed_on}")
            if filed_on and line.delivered_on and line.delivered_on < filed_on:
                reason = f"filed {filed_on}, delivered {line.delivered_on}"
                flags.add(Oddity.FILED_AFTER_DELIVERY, order.number, line.row, reason)
            before = arrived.setdefault(line.consignment, line)
            if line.delivered_on != before.delivered_on:
                reason = f"{line.consignment} arrived {line.delivered_on}, in row {before.row} {before.delivered_on}"
                flags.add(Oddity.CHANGED_DELIVERY, order.number, line.row, reason)
        for name, line in arrived.items():
            other = order_of.setdefault(name, order.number)
            if other != order.number:
                flags.add(Oddity.SHARED_SHIPMENT, order.number, line.row, f"{name} also stands in order {other}")


def _is_before(day: date | None, other: date) -> bool:
    return day is not None and day < other


def _is_not_told(value: str) -> bool:
    return normal_form(value) in _NOT_TOLD or fault_of(value) is not None


def parse_quantity(text: str) -> Decimal | None:
    """A number above zero, with a point and with or without commas between thousands; None for anything else."""
    try:
        quantity = read_number(text, decimal=".", thousands=",")
    except ValueError:
        return None
    return quantity if 0 < quantity < 10**12 else None


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_SLASHES = re.compile(r"(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{4}|\d\d)", re.ASCII)
_NAMED = re.compile(r"(?P<day>\d{1,2})-(?P<name>[a-z]{3})[a-z]*-(?P<year>\d{4}|\d\d)", re.ASCII)
_ISO = re.compile(r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)(?:[ t]00:00(?::00(?:\.0+)?)?)?", re.ASCII)


@lru_cache(maxsize=8192)
def parse_day(text: str) -> date | None:
    """The day that `m/d/yy`, `d-Mon-yy` or ISO 8601 names, years with two digits or four; None if it names none.

    Of two digits, 69 to 99 lie before 2000 (POSIX).
    """
    plain = text.strip().casefold()
    match = _SLASHES.fullmatch(plain) or _NAMED.fullmatch(plain) or _ISO.fullmatch(plain)
    if match is None:
        return None
    said = match.groupdict()
    year = int(said["year"])
    if len(said["year"]) == 2:
        year += 1900 if year >= 69 else 2000
    try:
        month = _MONTHS.index(said["name"]) + 1 if "name" in said else int(said["month"])
        day = date(year, month, int(said["day"]))
    except ValueError:
        return None
    return day if 1900 <= year < 2200 else None  # further off, converting between zones overflows


def destination_zone(country: str) -> str:
    """The IANA zone of a country that has only one, by its English short name; else UTC."""
    return _zones().get(_country_key(country), "UTC")


@lru_cache(maxsize=1)
def _zones() -> dict[str, str]:
    """From the tables of the zone data themselves (zone.tab, iso3166.tab)."""
    zones: dict[str, list[str]] = {}
    for code, _, zone, *_ in _table("zone.tab"):
        zones.setdefault(code, []).append(zone)
    names = {_country_key(name): zones.get(code, []) for code, name, *_ in _table("iso3166.tab")}
    return {name: found[0] for name, found in names.items() if len(found) == 1}


def _table(name: str) -> list[list[str]]:
    text = (files("tzdata") / "zoneinfo" / name).read_text("utf-8")
    return [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]


def _country_key(name: str) -> str:
    return name.replace("’", "'").casefold()
