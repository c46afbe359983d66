"""Real and hand-written delivery logs through the fulfilment clock: the figures, the oddities, and what is told."""

import gzip
import json
from dataclasses import asdict
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from slamon.cli.replay import replay_app
from slamon.domain.catalogue import STANDARD
from slamon.domain.lifecycle import RequestType, State
from slamon.domain.stage import state_after
from slamon.errors import Invalid
from slamon.imports.logs import Flags
from slamon.imports.orders import timeline_of
from slamon.imports.shipment_log import COLUMNS, destination_zone, parse_day, read_shipments
from slamon.imports.shipments import ShipmentReplay, replay_shipments

DATA = Path(__file__).parent.parent / "data"
LOG, SITES = DATA / "scms_shipments.csv.gz", DATA / "scms_sites.csv"
HEADER = ",".join(COLUMNS)


def line(
    order: str = "PO-1",
    consignment: str = "ASN-1",
    *,
    filed: str = "1/5/10",
    due: str = "1-Mar-10",
    delivered: str = "1-Mar-10",
    quantity: str = "10",
    country: str = "Vietnam",
    way: str = "Direct Drop",
) -> str:
    return f"{order},{consignment},{country},{way},{filed},{due},{delivered},Vendor,Tablets,{quantity},Cork"


def log_of(tmp_path: Path, *rows: str, header: str = HEADER) -> Path:
    path = tmp_path / "log.csv"
    path.write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")
    return path


def sites_of(tmp_path: Path) -> Path:
    path = tmp_path / "sites.csv"
    path.write_text("Manufacturing Site,country_iso2,time_zone,basis\nCork,IE,Europe/Dublin,name\n", encoding="utf-8")
    return path


def replayed(tmp_path: Path, *rows: str) -> ShipmentReplay:
    return replay_shipments(log_of(tmp_path, *rows), sites_of(tmp_path), STANDARD.clocks)


def outcomes(result: ShipmentReplay) -> tuple[int, int, int]:
    return (result.late_lines, result.on_the_day, result.early)


def test_the_real_log_gives_the_reference_figures() -> None:
    result = replay_shipments(LOG, SITES, STANDARD.clocks)
    assert (result.lines, result.shipments, result.orders) == (5261, 3802, 3419)
    assert outcomes(result) == (495, 3489, 1277)
    assert (result.direct_drop, result.direct_drop_late) == (2269, 146)
    assert (result.from_depot, result.from_depot_late) == (2992, 349)
    assert (result.days_late_median, result.days_late_p90, result.days_late_largest) == (14, 51, 192)
    assert (result.filed_lines, result.days_to_delivery_median) == (1998, 85)
    assert (result.sites, result.destinations, result.vendors) == (70, 34, 55)
    assert (result.not_delivered, result.not_judged) == (0, 0)
    assert result.flagged == {"no_filing": 2080, "filed_after_delivery": 2, "unknown_zone": 3}
    sites = {
        site.site: (site.lines, site.late, site.direct_drop, site.direct_drop_late) for site in result.busiest_sites
    }
    assert sites["Aurobindo Unit III, India"] == (1947, 246, 502, 75)
    assert sites["Inverness Japan"] == (336, 23, 277, 23)
    assert sites["Trinity Biotech, Plc"] == (199, 1, 153, 1)
    assert sites["Cipla, Goa, India"] == (387, 54, 123, 22)


def test_every_real_order_obeys_the_life_cycle() -> None:
    orders = read_shipments(LOG, Flags(), lambda _: None)
    assert {state_after(STANDARD, STANDARD.types[RequestType.SHIPMENT], timeline_of(order)) for order in orders} == {
        State.DELIVERED
    }


@pytest.mark.parametrize(
    ("delivered", "expected"),
    [("2-Mar-10", (1, 0, 0)), ("1-Mar-10", (0, 1, 0)), ("28-Feb-10", (0, 0, 1))],
    ids=["the day after", "on the day", "the day before"],
)
@pytest.mark.parametrize("country", ["Vietnam", "Atlantis"])
def test_days_are_compared_as_civil_days_wherever_it_goes(
    tmp_path: Path, country: str, delivered: str, expected: tuple[int, int, int]
) -> None:
    assert outcomes(replayed(tmp_path, line(country=country, delivered=delivered))) == expected


def test_lines_of_one_order_are_late_each_by_its_own_due_date(tmp_path: Path) -> None:
    result = replayed(
        tmp_path,
        line(due="1-Mar-10", delivered="5-Mar-10"),
        line(due="9-Mar-10", delivered="5-Mar-10"),
        line(consignment="ASN-2", due="1-Mar-10", delivered="1-Mar-10"),
    )
    assert (result.orders, result.shipments, outcomes(result)) == (1, 2, (1, 1, 1))
    assert (result.late_orders, result.days_late_largest) == (0, 4)


def test_a_date_without_a_time_counts_at_noon_of_the_destination_and_says_so(tmp_path: Path) -> None:
    path = log_of(tmp_path, line())
    (order,) = read_shipments(path, Flags(), lambda _: None)
    facts = list(timeline_of(order))
    assert [fact.kind.value for fact in facts] == ["filed", "order_confirmed", "dispatched", "delivered"]
    assert facts[-1].occurred_at.isoformat() == "2010-03-01T05:00:00+00:00"
    assert {fact.content["precision"] for fact in facts} == {"date"}
    assert [fact.content.get("inferred", False) for fact in facts] == [False, True, True, False]


def test_a_missing_filing_date_is_the_earliest_date_of_the_order(tmp_path: Path) -> None:
    rows = (line(filed="Date Not Captured"), line(filed="N/A - From RDC", due="20-Feb-10"))
    (order,) = read_shipments(log_of(tmp_path, *rows), Flags(), lambda _: None)
    assert order.filed_on == date(2010, 2, 20)
    assert replayed(tmp_path, *rows).flagged == {"no_filing": 1}


def test_an_order_filed_after_its_delivery_is_flagged_and_filed_earlier(tmp_path: Path) -> None:
    rows = (line(filed="4/1/10", due="3-Mar-10"),)
    (order,) = read_shipments(log_of(tmp_path, *rows), Flags(), lambda _: None)
    assert order.filed_on == date(2010, 3, 1)
    result = replayed(tmp_path, *rows)
    assert (result.flagged, outcomes(result)) == ({"filed_after_delivery": 1}, (0, 0, 1))


@pytest.mark.parametrize(
    ("row", "oddity"),
    [
        (line(filed="soon"), "unreadable_date"),
        (line(due="31-Feb-10"), "unreadable_date"),
        (line(due="to be agreed"), "no_due_date"),
        (line(delivered="in transit"), "not_delivered"),
        (line(quantity="See ASN-3"), "unreadable_quantity"),
        (line(way="Pigeon"), "unknown_way"),
        (line(filed="1/6/10"), "changed_filing"),
        (line(delivered="2-Mar-10"), "changed_delivery"),
        (line(country="Haiti"), "changed_country"),
        (line(order="PO-2"), "shared_shipment"),
        (line().replace("Cork", "Nowhere"), "unknown_site"),
        (line(order="N/A"), "no_order"),
        (line(consignment=""), "no_shipment"),
        (line() + ",more", "wrong_fields"),
    ],
)
def test_an_odd_row_is_flagged_and_the_replay_goes_on(tmp_path: Path, row: str, oddity: str) -> None:
    result = replayed(tmp_path, line(), row, line(order="PO-9", consignment="ASN-9", delivered="2-Mar-10"))
    assert result.flagged[oddity] == 1
    assert next(example.row for example in result.examples if example.oddity == oddity) == 3
    assert result.late_lines >= 1


def test_what_is_not_delivered_or_was_never_due_is_counted_apart(tmp_path: Path) -> None:
    result = replayed(tmp_path, line(delivered="N/A"), line(order="PO-2", consignment="ASN-2", due="N/A"))
    assert (result.lines, outcomes(result), result.not_delivered, result.not_judged) == (2, (0, 0, 0), 1, 1)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("1/5/10", date(2010, 1, 5)),
        ("12/31/2006", date(2006, 12, 31)),
        ("2-May-06", date(2006, 5, 2)),
        ("02-MAY-2006", date(2006, 5, 2)),
        ("31-Dec-69", date(1969, 12, 31)),
        ("31-Dec-68", date(2068, 12, 31)),
        ("2006-05-02", date(2006, 5, 2)),
        ("2006-05-02 00:00:00", date(2006, 5, 2)),
        ("13/1/10", None),
        ("2-Mai-06", None),
        ("Pre-PQ Process", None),
        ("1/5/1", None),
        ("", None),
    ],
)
def test_a_day_is_read_in_the_formats_of_the_log(text: str, day: date | None) -> None:
    assert parse_day(text) == day


def test_a_country_with_one_time_zone_has_it_and_others_have_utc() -> None:
    names = ("Vietnam", "Côte d'Ivoire", "Kazakhstan", "Nowhere")
    assert [destination_zone(name) for name in names] == ["Asia/Ho_Chi_Minh", "Africa/Abidjan", "UTC", "UTC"]


def test_packed_or_not_with_byte_order_mark_and_other_ends_and_separators_it_reads_the_same(tmp_path: Path) -> None:
    plain = replayed(tmp_path, line(), line(delivered="4-Mar-10", consignment="ASN-2"))
    text = log_of(tmp_path, line(), line(delivered="4-Mar-10", consignment="ASN-2")).read_text("utf-8")
    for content in (
        gzip.compress(text.encode()),
        b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode(),
        text.replace("\n", "\r").replace(",", "\t").upper().replace("-MAR-", "-Mar-").encode(),
    ):
        other = tmp_path / "other"
        other.write_bytes(content)
        result = replay_shipments(other, sites_of(tmp_path), STANDARD.clocks)
        assert outcomes(result) == outcomes(plain) == (1, 1, 0)


def test_a_log_without_rows_gives_noughts(tmp_path: Path) -> None:
    result = replayed(tmp_path)
    assert (result.lines, result.orders, result.days_late_median) == (0, 0, None)


def test_a_file_that_is_no_shipment_log_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="is not a shipment log"):
        replay_shipments(SITES.with_name("README.md"), SITES, STANDARD.clocks)
    with pytest.raises(Invalid, match=f"lacks the column {COLUMNS[0]}"):
        replay_shipments(log_of(tmp_path, header=",".join(COLUMNS[1:])), SITES, STANDARD.clocks)
    with pytest.raises(Invalid, match="is not a list of sites"):
        replay_shipments(log_of(tmp_path), SITES.with_name("README.md"), STANDARD.clocks)


def run(*arguments: str) -> "tuple[int, str, str]":
    result = CliRunner().invoke(replay_app, ["shipments", *arguments])
    return result.exit_code, result.stdout, result.stderr


def test_the_command_prints_pure_json(tmp_path: Path) -> None:
    path, sites = log_of(tmp_path, line(delivered="3-Mar-10")), sites_of(tmp_path)
    code, printed, _ = run(str(path), "--sites", str(sites), "--json")
    told = json.loads(printed)
    assert (code, told["late_lines"], told["days_late_median"]) == (0, 1, 2)
    assert told["busiest_sites"] == [
        asdict(site) for site in replay_shipments(path, sites, STANDARD.clocks).busiest_sites
    ]


def test_the_command_prints_figures_and_oddities(tmp_path: Path) -> None:
    path = log_of(tmp_path, line(delivered="3-Mar-10"), line("[b]\x1b", "ASN-2", due="never"))
    code, printed, _ = run(str(path), "--sites", str(sites_of(tmp_path)))
    assert code == 0
    for words in ("2 lines", "late lines", "100.00%", "no due date", "[b]\ufffd", "a second"):
        assert words in printed
    assert "\x1b" not in printed


def test_one_order_is_told_in_words(tmp_path: Path) -> None:
    path = log_of(tmp_path, line(filed="N/A"), line(consignment="ASN-2", delivered="4-Mar-10", due="3-Mar-10"))
    code, printed, _ = run(str(path), "--sites", str(sites_of(tmp_path)), "--explain", "po-1")
    assert code == 0
    for words in (
        "PO-1 to Vietnam; dates are civil dates in Asia/Ho_Chi_Minh",
        "line 1 (row 2): 10 of Tablets, made at Cork, IE",
        "consignment ASN-2: lines 2; delivered 2010-03-04",
        "2010-03-04  delivered by Vendor (consignment 2)",
        "Clock fulfilment, line 1: due on 2010-03-01, delivered on 2010-03-01: on the day, so on time",
        "Clock fulfilment, line 2: due on 2010-03-03, delivered on 2010-03-04: 1 day after the due date, so late",
    ):
        assert words in printed


def test_an_order_that_is_not_there_is_refused_in_plain_words(tmp_path: Path) -> None:
    code, _, told = run(str(log_of(tmp_path)), "--sites", str(sites_of(tmp_path)), "--explain", "PO-7")
    assert (code, told) == (1, "slamon: No order PO-7 in log.csv.\n")
