"""Numbers and moments of a spreadsheet: read where one reading is possible, refused where several are."""

from pathlib import Path
from typing import Any

import pytest

from slamon.db.requests import ClockRow, CmoRequest, FactRow
from slamon.errors import Invalid
from slamon.imports.mappings import Columns, Field, read_mapping
from tests.imports.test_requests import (
    MAPPING,
    SHIPPING,
    TOO_WARM,
    bring_in,
    bring_in_shipment,
    problem_of_shipment,
    problems_of,
    shipment,
    stored,
    with_more,
)
from tests.installation import Installation


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ("%d.%m.%Y %H:%M %Z", "%Z reads the name of a zone and forgets it"),
        ("%Y-%m-%d %H:%M UTC", "'UTC' names a zone that nobody reads"),
        ("%d.%m.%Y %I:%M", "hours of twelve need both %I and %p"),
        ("%d.%m.%Y %H:%M %p", "hours of twelve need both %I and %p"),
        ("%Y-%j", "%j is not understood"),
        ("%c", "%c is not understood"),
        ("%-d.%m.%Y", "%- is not understood"),
        ("%d.%m.%Y%", "% is not understood"),
        ("%d.%m. %H:%M", "lacks the year"),
        ("%d.%Y", "lacks the month"),
        ("%m/%Y", "lacks the day"),
        ("%d.%m.%Y %M", "lacks the hour"),
        ("%d.%m.%Y %H:%S", "lacks the minute"),
        ("%d.%m.%Y %z", "lacks the hour"),
        ("%d.%m.%Y %d", "names the day twice"),
        ("%d.%m.%Y/%y", "names the year twice"),
        ("%d %b %m %Y", "names the month twice"),
        ("%d.%m.%Y 09:00", "has digits of its own"),
    ],
)
def test_a_format_that_lies_is_refused_when_the_mapping_is_read(tmp_path: Path, form: str, words: str) -> None:
    path = tmp_path / "m.toml"
    path.write_text(f'zone = "Europe/Zurich"\nformats = ["{form}"]\n[columns]\n', encoding="utf-8")
    with pytest.raises(Invalid) as caught:
        read_mapping(path)
    assert f"format '{form}'" in caught.value.message
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("form", "text", "instant"),
    [
        ("%d.%m.%Y %H:%M %z", "02.02.2026 10:00 -0500", "2026-02-02T15:00:00+00:00"),
        ("%d %b %y, %I:%M %p", "2 Feb 26, 02:30 PM", "2026-02-02T13:30:00+00:00"),
        ("%Y%m%d%H%M", "202602021430", "2026-02-02T13:30:00+00:00"),
        ("%a %d.%m.%Y %H:%M", "Mon 02.02.2026 14:30", "2026-02-02T13:30:00+00:00"),
        ("%d.%m.%Y", "2026-02-02T14:30:00Z", "2026-02-02T14:30:00+00:00"),
        ("%d.%m.%Y", "2026-02-02 14:30:00.250 +05:30", "2026-02-02T09:00:00+00:00"),
    ],
)
def test_an_honest_format_is_read(form: str, text: str, instant: str) -> None:
    mapping = Columns(columns={}, zone="Europe/Zurich", formats=[form])
    assert mapping.moment(Field.FILED_AT, text).at.isoformat() == instant


@pytest.mark.parametrize(
    ("formats", "text", "reason"),
    [
        (["%d/%m/%Y", "%m/%d/%Y"], "03/04/2026", "may be 2026-04-03 or 2026-03-04"),
        (["%Y-%d-%m"], "2026-03-04", "may be 2026-03-04 or 2026-04-03"),
        (["%Y%m%d"], "2026112", "is no date or time"),
        (["%a %d.%m.%Y"], "Tue 02.02.2026", "is no date or time"),
        ([], "2026-W10", "is no date or time"),
        ([], "2026-02-02 24:00", "is no date or time"),
        ([], "2026-02-02 10:00 UTC", "is no date or time"),
    ],
)
def test_a_text_that_names_no_moment_or_two_is_refused(
    installation: Installation, formats: list[str], text: str, reason: str
) -> None:
    mapping = MAPPING.model_copy(update={"formats": formats})
    ((_, column, told),) = problems_of(installation, f"T-1,inquiry,Basel,S,{text},,,,", mapping=mapping)
    assert (column, told.startswith(reason)) == ("Sent", True), told


def test_two_days_are_as_many_whole_days_apart_whatever_the_clocks_do(installation: Installation) -> None:
    """START is in March 2026, so the days are those of the autumn and the spring before it."""
    for key, sent, answered in (("A", "25.10.2025", "27.10.2025"), ("B", "17.10.2025", "19.10.2025"),
                                ("C", "29.03.2025", "31.03.2025")):  # fmt: skip
        bring_in(installation, f"{key},inquiry,Basel,S,{sent},,{answered},,")
    facts = stored(installation, FactRow)
    days = {fact.request_id: fact.occurred_at for fact in facts if fact.kind == "answered"}
    spans = {
        (days[fact.request_id] - fact.occurred_at).total_seconds() / 3600 for fact in facts if fact.kind == "filed"
    }
    assert spans == {48.0}
    assert {clock.outcome for clock in stored(installation, ClockRow) if clock.kind == "answer"} <= {"met", "late"}


def test_a_time_that_came_twice_keeps_the_order_of_its_row_and_is_flagged(installation: Installation) -> None:
    row = "T-1,inquiry,Basel,S,26.10.2025 02:40,26.10.2025 02:10,26.10.2025 02:20,,26.10.2025 09:00"
    result = bring_in(installation, row)
    facts = sorted(stored(installation, FactRow), key=lambda fact: fact.sequence)
    assert [f"{fact.kind} {fact.occurred_at:%H:%M}" for fact in facts] == [
        "filed 00:40", "acknowledged 01:10", "answered 01:20", "accepted 08:00"
    ]  # fmt: skip
    assert [(flag.row, flag.column, "came twice" in flag.reason) for flag in result.flags] == [
        (2, "Sent", True), (2, "Seen", True), (2, "Answered", True)
    ]  # fmt: skip
    assert [fact.content.get("precision") for fact in facts] == ["repeated_hour"] * 3 + [None]


def test_a_time_that_the_clocks_skipped_is_refused(installation: Installation) -> None:
    ((_, column, reason),) = problems_of(installation, "T-1,inquiry,Basel,S,30.03.2025 02:30,,,,")
    assert (column, "was skipped by the clocks of Europe/Zurich" in reason) == ("Sent", True)


def quantity_of(installation: Installation, text: str, **signs: Any) -> str | tuple[int, str, str]:
    """What is stored for a quantity, or the problem."""
    row, header = shipment_of(text)
    mapping = SHIPPING.model_copy(update={"columns": SHIPPING.columns | {"quantity": "Amount"}, **signs})
    try:
        bring_in(installation, row, header=header, mapping=mapping)
    except Invalid as refused:
        return refused.message
    (request,) = stored(installation, CmoRequest)
    quantity: str = request.detail["lines"][0]["quantity"]
    return quantity


def shipment_of(quantity: str) -> tuple[str, str]:
    row, header = shipment()
    return f'{row},"{quantity}"', f"{header},Amount"


@pytest.mark.parametrize(
    ("text", "signs", "quantity"),
    [
        ("1000", {}, "1000"), ("1.5", {}, "1.5"), ("1,5", {}, "1.5"), ("0.125", {}, "0.125"),
        ("1.000,5", {}, "1000.5"), ("1,000.5", {}, "1000.5"), ("1'000", {}, "1000"), ("1\u00a0000", {}, "1000"),
        ("1.000.000", {}, "1000000"),
        ("1.000", {"thousands": "."}, "1000"), ("1.000", {"decimal": ","}, "1000"), ("1.000", {"decimal": "."}, "1"),
        ("1,000", {"decimal": "."}, "1000"), ("1,250", {"decimal": ",", "thousands": "."}, "1.25"),
    ],
)  # fmt: skip
def test_a_quantity_is_read_by_the_signs_of_the_mapping(
    installation: Installation, text: str, signs: dict[str, str], quantity: str
) -> None:
    assert quantity_of(installation, text, **signs) == quantity


@pytest.mark.parametrize(
    ("text", "signs", "reason"),
    [
        ("1.000", {}, "may be 1 or 1000; say in the mapping"),
        ("1,000", {}, "may be 1 or 1000; say in the mapping"),
        ("12.345", {}, "may be 12.345 or 12345"),
        ("1.5", {"decimal": ","}, "is no number"),
        ("1,00,000", {"decimal": "."}, "is no number"),
        ("10²", {}, "is no number"),
        ("20 kits", {}, "is no number"),
        ("95%", {}, "is no number"),
    ],
)
def test_a_quantity_that_may_be_two_is_refused(
    installation: Installation, text: str, signs: dict[str, str], reason: str
) -> None:
    assert reason in str(quantity_of(installation, text, **signs))


def test_a_temperature_is_a_number_too(installation: Installation) -> None:
    assert problem_of_shipment(installation, **{**TOO_WARM, "max_c": "11.250"})[1:] == (
        "max_c",
        "may be 11.25 or 11250; say in the mapping which sign is decimal and which stands between thousands",
    )
    assert bring_in_shipment(installation, **{**TOO_WARM, "max_c": '"11,2"'}).requests == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"columns": {}, "decimal": ",", "thousands": ","}', "must be different signs"),
        ('{"columns": {}, "constants": {"quantity": "1.000"}}', "may be 1 or 1000"),
        ('{"columns": {}, "columns": {"type": "Kind"}}', "'columns' stands twice"),
        (
            '{"columns": {}, "values": {"priority": {"P1": "urgent", "p\u00a01": "x", "p1": "routine"}}}',
            "'p1' of priority",
        ),
        ("[" * 100_000, "cannot be read"),
    ],
)
def test_a_mapping_that_says_two_things_is_refused(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "m.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(Invalid, match=words):
        read_mapping(path)


def test_a_number_of_the_mapping_is_one(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    path.write_bytes(b'\xef\xbb\xbf{"columns": {}, "decimal": ",", "constants": {"quantity": 1.125, "max_c": "1,5"}}')
    assert read_mapping(path).constants == {"quantity": "1.125", "max_c": "1.5"}


def test_a_key_that_looks_the_same_was_imported_before(installation: Installation) -> None:
    row = "{key},inquiry,Basel,Capacity,02.02.2026 10:00,,,,"
    bring_in(installation, row.format(key="T–1"))
    for key in ("T-1", "t\u20111", "T\u200b-1\u00a0"):
        ((_, column, reason),) = problems_of(installation, row.format(key=key))
        assert (column, reason.startswith("was imported before")) == ("Ticket", True)


def test_constants_and_values_are_compared_by_what_is_seen(installation: Installation) -> None:
    mapping = with_more({}, project="AUR\u2011101", cmo="rhein\u00a0fill ag")
    assert (
        bring_in(installation, "T-1,quest\u200bion,BA\u2060SEL,Capacity,02.02.2026 10:00,,,,", mapping=mapping).requests
        == 1
    )
