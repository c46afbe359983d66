"""The extract that ships with the demo: whole, small, and true to its sources."""

import csv
import gzip
from collections import defaultdict
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from slamon.demo.cast import COUNTERPARTS, PROJECTS, STAFF
from slamon.demo.extract import RealSite, delays, orders, sites
from slamon.public_holidays import public_holidays

DATA = files("slamon.demo") / "data"
LOG = Path(__file__).parents[1] / "data" / "incident_events.csv.gz"
DAY = timedelta(days=1)


@pytest.mark.parametrize("site", sites(), ids=lambda site: site.name)
def test_every_site_has_a_zone_holidays_orders_and_people(site: RealSite) -> None:
    assert ZoneInfo(site.time_zone)
    assert public_holidays(site.country, site.subdivision, (2026,))
    assert [order for order in orders() if order.site == site.name]
    assert COUNTERPARTS[site.name].contact_address.endswith(".example")
    assert [code for code, *_, firms in PROJECTS if site.cmo in firms]


def test_there_are_about_ten_sites_in_many_countries_and_zones() -> None:
    assert 10 <= len(sites()) <= 12
    assert len({site.country for site in sites()}) >= 8
    assert len({site.time_zone for site in sites()}) >= 8


def test_nobody_invented_has_an_address_that_could_exist() -> None:
    assert {address.rpartition(".")[2] for _, address, _, _ in STAFF} == {"example"}
    assert {counterpart.domain.rpartition(".")[2] for counterpart in COUNTERPARTS.values()} == {"example"}


def test_orders_are_of_the_sites_and_their_lines_are_unique() -> None:
    rows = list(csv.DictReader((DATA / "orders.csv").read_text("utf-8").splitlines()))
    assert {row["site"] for row in rows} == {site.name for site in sites()}
    assert len({row["line_id"] for row in rows}) == len(rows)
    assert min(order.packs for order in orders()) > 0


def test_delays_have_the_shares_that_the_readme_names() -> None:
    within = [sum(d.to_acknowledgement <= most for d in delays()) / len(delays()) for most in (DAY, 2 * DAY)]
    assert [round(100 * share) for share in within] == [78, 84]


def test_delays_are_those_of_the_log() -> None:
    chosen = {row["request"]: row for row in csv.DictReader((DATA / "delays.csv").read_text("utf-8").splitlines())}
    events = defaultdict(list)
    with gzip.open(LOG, "rt", encoding="utf-8") as log:
        for event in csv.DictReader(log):
            events[event["number"]].append(event)
    assert {number: _spans(events[number]) for number in chosen} == {
        number: (int(row["acknowledged_after_minutes"]), int(row["answered_after_minutes"]))
        for number, row in chosen.items()
    }


def test_the_readme_names_sources_licences_and_what_is_invented() -> None:
    readme = (DATA / "README.md").read_text("utf-8")
    for words in ("USAID", "public domain", "Amaral", "Fantinato", "Peres", "CC BY 4.0", "C57S4H", "invented"):
        assert words in readme


def test_the_extract_stays_small() -> None:
    assert sum(len(part.read_bytes()) for part in DATA.iterdir()) < 60_000


def _spans(events: list[dict[str, str]]) -> tuple[int, int]:
    opened = _moment(events[0]["opened_at"])
    seen = next(_moment(e["sys_updated_at"]) for e in events if e["incident_state"] != "New")
    answered = next(_moment(e["sys_updated_at"]) for e in events if e["incident_state"] == "Resolved")
    return (seen - opened) // timedelta(minutes=1), (answered - opened) // timedelta(minutes=1)


def _moment(text: str) -> datetime:
    return datetime.strptime(f"{text} +0000", "%d/%m/%Y %H:%M %z")
