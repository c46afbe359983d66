"""A log of deliveries as read from a CSV file: its orders, their lines, and what is odd about them.

Columns, oddities and licence of the log: tests/data/README.md. What a line means to a clock is not known here.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from slamon.domain.normal_form import normal_form
from slamon.domain.zones import is_zone
from slamon.imports.cells import fault_of
from slamon.imports.figures import honest_format, read_moment, read_number
from slamon.imports.logs import Flags, read_log

ORDER, CONSIGNMENT, FILED = "PO / SO #", "ASN/DN #", "PO Sent to Vendor Date"
DUE, DELIVERED = "Scheduled Delivery Date", "Delivered to Client Date"
WAY, QUANTITY, SITE = "Fulfill Via", "Line Item Quantity", "Manufacturing Site"
COLUMNS = (ORDER, CONSIGNMENT, "Country", WAY, FILED, DUE, DELIVERED, "Vendor", "Item Description", QUANTITY, SITE)
SITE_COLUMNS = (SITE, "country_iso2", "time_zone")
_NAMES = (ORDER, CONSIGNMENT, "Country", "Vendor", SITE)
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


@dataclass(frozen=True, slots=True)
class Place:
    """A manufacturing site as the list of sites has it."""

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
    def is_filed_late(self) -> bool:
        """Whether something had arrived before it was filed."""
        filed_on = self.said_filed_on
        return filed_on is not None and any(line.delivered_on and line.delivered_on < filed_on for line in self.lines)

    @property
    def filed_on(self) -> date | None:
        """When it counts as filed: never after anything has arrived. None where no row has a date."""
        if self.said_filed_on is not None and not self.is_filed_late:
            return self.said_filed_on
        return min((day for line in self.lines for day in (line.due_on, line.delivered_on) if day), default=None)


def read_shipments(path: Path, flags: Flags, tell: Callable[[int], None] = lambda _: None) -> list[Order]:
    """The orders of the log, in order of appearance. Raises Invalid."""
    orders: dict[str, Order] = {}
    spelled: dict[tuple[str, str], str] = {}
    for row, said in read_log(path, COLUMNS, "shipment log", flags, tell):
        for column in _NAMES:  # as they were spelled first
            said[column] = spelled.setdefault((column, normal_form(said[column])), said[column])
        number, country = said[ORDER], said["Country"]
        if _is_not_told(number):
            flags.add(Oddity.NO_ORDER, "", row, f"no {ORDER}")
        elif _is_not_told(said[CONSIGNMENT]):
            flags.add(Oddity.NO_SHIPMENT, number, row, f"no {CONSIGNMENT}")
        else:
            order = orders.get(number) or orders.setdefault(number, Order(number, country, destination_zone(country)))
            if country != order.country:
                flags.add(Oddity.CHANGED_COUNTRY, number, row, f"to {country!r}, before it was {order.country!r}")
            order.lines.append(_line(row, said, flags))
    for oddity, order, line, reason in _seen_in_whole_orders(orders.values()):
        flags.add(oddity, order.number, line.row, reason)
    return list(orders.values())


def read_sites(path: Path) -> dict[str, Place]:
    """The sites of a list, by the normal form of their name. Raises Invalid."""
    return {
        normal_form(said[SITE]): Place(said["country_iso2"], said["time_zone"] if is_zone(said["time_zone"]) else "")
        for _, said in read_log(path, SITE_COLUMNS, "list of sites", Flags())
    }


def flag_places(orders: Iterable[Order], sites: Mapping[str, Place], flags: Flags) -> None:
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
    filed_on, due_on, delivered_on = days = [parse_day(said[column]) for column in (FILED, DUE, DELIVERED)]
    way, quantity = said[WAY].casefold(), parse_quantity(said[QUANTITY])
    odd = [
        (Oddity.UNREADABLE_DATE, column)
        for column, day in zip((FILED, DUE, DELIVERED), days, strict=True)
        if day is None and not _is_not_told(said[column])
    ]
    odd += [(Oddity.NO_DUE_DATE, DUE)] if due_on is None else []
    odd += [(Oddity.NOT_DELIVERED, DELIVERED)] if delivered_on is None else []
    odd += [(Oddity.UNKNOWN_WAY, WAY)] if way not in (DIRECT, FROM_DEPOT) else []
    odd += [(Oddity.UNREADABLE_QUANTITY, QUANTITY)] if quantity is None else []
    for oddity, column in odd:
        flags.add(oddity, said[ORDER], row, f"{column} is {said[column]!r}")
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
        site=said[SITE],
    )


def _seen_in_whole_orders(orders: Iterable[Order]) -> Iterator[tuple[Oddity, Order, Line, str]]:
    """What only whole orders show to be odd."""
    order_of: dict[str, str] = {}
    for order in orders:
        filed_on, arrived = order.said_filed_on, dict[str, Line]()
        if filed_on is None:
            yield Oddity.NO_FILING, order, order.lines[0], f"no row has a readable {FILED}"
        for line in order.lines:
            if filed_on and line.filed_on and line.filed_on != filed_on:
                yield Oddity.CHANGED_FILING, order, line, f"filed {line.filed_on}, also {filed_on}"
            if filed_on and line.delivered_on and line.delivered_on < filed_on:
                yield Oddity.FILED_AFTER_DELIVERY, order, line, f"filed {filed_on}, delivered {line.delivered_on}"
            before = arrived.setdefault(line.consignment, line)
            if line.delivered_on != before.delivered_on:
                reason = f"{line.consignment} arrived {line.delivered_on}, in row {before.row} {before.delivered_on}"
                yield Oddity.CHANGED_DELIVERY, order, line, reason
        for name, line in arrived.items():
            other = order_of.setdefault(name, order.number)
            if other != order.number:
                yield Oddity.SHARED_SHIPMENT, order, line, f"{name} also stands in order {other}"


def _is_not_told(value: str) -> bool:
    return normal_form(value) in _NOT_TOLD or fault_of(value) is not None


def parse_quantity(text: str) -> Decimal | None:
    """A number above zero, with a point and with or without commas between thousands; None for anything else."""
    try:
        quantity = read_number(text, decimal=".", thousands=",")
    except ValueError:
        return None
    return quantity if 0 < quantity < 10**12 else None


_FORMATS = tuple(honest_format(text, "UTC") for text in ("%m/%d/%y", "%m/%d/%Y", "%d-%b-%y", "%d-%b-%Y"))


@lru_cache(maxsize=8192)
def parse_day(text: str) -> date | None:
    """The day that `m/d/yy`, `d-Mon-yy` or ISO 8601 names, years with two digits or four; None if it names none.

    Of two digits, 69 to 99 lie before 2000 (POSIX).
    """
    try:
        found = read_moment(text, _FORMATS)
    except ValueError:
        return None
    return found.date() if isinstance(found, datetime) else found


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
