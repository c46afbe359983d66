"""The register of what each CMO owes us, by the page and as a spreadsheet."""

import csv
import re
from typing import Any

import pytest

from slamon.db.requests import CmoRequest
from slamon.domain.lifecycle import Action, RequestType
from slamon.services.reports import outstanding_items
from slamon.web.reports import owed_sheet
from tests.pages import Site, Staff, text_of
from tests.web.test_staff import next_of


def ask_for(site: Site, *items: tuple[str, list[str]], **differing: Any) -> CmoRequest:
    """A data request for these kinds and lots."""
    wanted = [{"kind": kind, "lots": lots, "format": "pdf"} for kind, lots in items]
    detail = {"purpose": "release", "items": wanted}
    return site.installation.file(type=RequestType.DATA, subject="Release", detail=detail, **differing)


def rows_of(staff: Staff, path: str = "/owed.csv") -> list[dict[str, str]]:
    answer = staff.get(path)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(answer.content.decode("utf-8-sig").splitlines()))


def test_what_is_owed_stands_by_cmo_and_lot_with_its_request_and_its_limit(site: Site) -> None:
    asked = ask_for(site, ("coa", ["B2", "A17"]), ("stability_data", []))
    other = ask_for(site, ("batch_record", ["C9"]), site_id=site.installation.cast.other_site)
    page = site.staff(site.installation.cast.pm).get("/owed")
    told = text_of(page)
    order = ["Other Pharma Ltd 1", "Lot C9", "Batch record", other.number, "Rhein Fill AG 2", "Lot A17",
             "Certificate of analysis", f"{asked.number}, item 1", "together with B2", "Lot B2", "No lot named",
             "Stability data"]  # fmt: skip
    places = [told.index(words) for words in order]
    assert places == sorted(places)
    assert "Limit Wed 4 Mar 2026, 09:00 UTC = 10:00 Zurich (UTC+01:00) answer due in 24 h" in told
    assert f'href="/requests/{asked.id}"' in page.text
    assert "overdue" not in told


def test_what_is_late_is_marked_and_what_waits_for_us_says_so(site: Site) -> None:
    ask_for(site, ("coa", ["A17"]), ("coc", ["A17"]))
    waiting = ask_for(site, ("coa", ["C9"]), site_id=site.installation.cast.other_site)
    site.installation.act(waiting.id, Action.ASK, by=site.installation.cast.other_contact, text="Which?")
    site.installation.clock.advance(hours=50)
    page = text_of(site.staff(site.installation.cast.pm).get("/owed"))
    assert "Rhein Fill AG 2 2 overdue" in page
    assert "answer limit breached 2 h ago" in page
    assert "Other Pharma Ltd 1 What" in page
    assert "unknown: waiting for our reply answer clock paused for 50 h" in page


def test_an_item_leaves_the_register_once_it_is_supplied_or_declined(site: Site) -> None:
    asked = ask_for(site, ("coa", ["A17"]), ("batch_record", ["A17"]))
    site.installation.act(
        asked.id, Action.ANSWER, by=site.installation.cast.contact,
        particulars={"items": [{"item": 1, "status": "supplied", "document_number": "COA-17"}]},
    )  # fmt: skip
    staff = site.staff(site.installation.cast.auditor)
    page = text_of(staff.get("/owed"))
    assert "Batch record" in page
    assert "Certificate of analysis" not in page
    site.installation.act(asked.id, Action.ANSWER, by=site.installation.cast.contact, text="Here it is")
    assert "No CMO owes us data" in text_of(staff.get("/owed"))


def test_filters_narrow_the_register_to_a_cmo_and_to_a_lot(site: Site) -> None:
    cast = site.installation.cast
    ask_for(site, ("coa", ["A17", "A18"]), ("stability_data", []))
    ask_for(site, ("coa", ["C9"]), site_id=cast.other_site)
    staff = site.staff(cast.pm)
    of_lot = text_of(staff.get("/owed?lot=%20a18"))
    assert "Lot A18 Certificate of analysis" in of_lot
    for words in ("Lot A17", "Lot C9", "Stability data"):
        assert words not in of_lot
    assert "Lot C9" not in text_of(staff.get(f"/owed?cmo={cast.cmo}"))
    assert "Nothing is owed that fits" in text_of(staff.get(f"/owed?cmo={cast.cmo}&lot=C9"))
    assert "Lot C9" in text_of(staff.get("/owed?cmo=nonsense"))
    assert staff.get("/owed?after=nonsense").status_code == 422


def test_the_register_goes_on_behind_next_and_the_spreadsheet_holds_all_of_it(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outstanding_items, "MOST_REQUESTS", 2)  # instead of filing two hundred
    for lot in ("L1", "L2", "L3"):
        ask_for(site, ("coa", [lot]))
    staff = site.staff(site.installation.cast.pm)
    first = staff.get(f"/owed?cmo={site.installation.cast.cmo}").text
    assert ("Lot L2" in first, "Lot L3" in first) == (True, False)
    second = text_of(staff.get(next_of(first)))
    assert ("Lot L2" in second, "Lot L3" in second) == (False, True)
    assert "There are more behind “Next”" in text_of(staff.get("/owed?lot=L3"))
    monkeypatch.setattr(outstanding_items, "MOST_ITEMS", 1)
    assert "Lot L2" not in staff.get("/owed").text
    assert [row["Lot"] for row in rows_of(staff)] == ["L1", "L2", "L3"]
    assert [row["Lot"] for row in rows_of(staff, "/owed.csv?lot=l3")] == ["L3"]


def test_the_spreadsheet_tells_times_in_the_readers_zone_and_runs_nobodys_formula(site: Site) -> None:
    asked = ask_for(site, ("coa", ["=1+1", "A17"]), site_id=site.installation.cast.other_site)
    site.installation.clock.advance(hours=25)
    formula, row = rows_of(site.staff(site.installation.cast.pm))
    assert formula["Lot"] == "'=1+1"
    assert row == {
        "CMO": "Other Pharma Ltd", "Site": "Cork", "Lot": "A17", "Owed": "Certificate of analysis",
        "Request": asked.number, "Item": "1", "State": "Filed, not confirmed yet", "Needed on": "", "Overdue": "yes",
        "Target (UTC)": "2026-03-03 09:00", "Limit (UTC)": "2026-03-04 09:00",
    }  # fmt: skip


def test_reading_the_register_changes_nothing_and_is_for_staff(site: Site) -> None:
    ask_for(site, ("coa", ["A17"]))
    staff, before = site.staff(site.installation.cast.pm), site.everything()
    assert [staff.get(path).status_code for path in ("/owed", "/owed.csv")] == [200, 200]
    assert site.everything() == before
    assert [site.visitor.get(path).status_code for path in ("/owed", "/owed.csv")] == [303, 303]


def filed_by_page(site: Site, **pressed: str) -> Any:
    """What comes back for a form that asks for a certificate and a batch record."""
    cast = site.installation.cast
    form = {
        "type": "data", "project_id": str(cast.project), "site_id": str(cast.site), "subject": "Release",
        "priority": "routine", "key": "01980a4e-8f6b-7c3d-9a51-2f1c7d9e0a01", "detail.purpose": "release",
        "detail.items.0.kind": "coa", "detail.items.0.lots": "A17", "detail.items.1.kind": "batch_record",
    }  # fmt: skip
    return site.staff(cast.pm).post("/requests/new", **form, **pressed)


def test_kinds_with_different_terms_are_told_before_filing_and_split_with_one_press(site: Site) -> None:
    asked_first = filed_by_page(site)
    assert asked_first.status_code == 409
    told = text_of(asked_first)
    assert "Nothing was filed yet: what you ask for has different terms. Certificate of analysis Batch record" in told
    assert "File 2 requests File as one" in told
    sent = [filed_by_page(site, split="yes").headers["location"] for _ in range(2)]
    assert sent[0] == sent[1]
    staff = site.staff(site.installation.cast.pm)
    page = text_of(staff.get(sent[0]))
    assert "Filed, one request for each of the terms." in page
    assert "Followed by DAT-2026-000002 Release" in page
    follower = re.search(r'Followed by</dt><dd><a href="([^"]+)"', staff.get(sent[0]).text)
    assert follower
    assert "Follows DAT-2026-000001" in text_of(staff.get(follower[1]))


def test_filed_as_one_each_item_shows_its_own_date_and_is_overdue_by_it(site: Site) -> None:
    address = filed_by_page(site, split="no").headers["location"]
    staff = site.staff(site.installation.cast.pm)
    page = text_of(staff.get(address))
    assert "expected by Tue 3 Mar 2026, 09:00 UTC" in page
    assert "expected by Sat 7 Mar 2026, 09:00 UTC" in page
    site.installation.clock.advance(hours=50)
    staff = site.staff(site.installation.cast.pm)
    rows = {row["Owed"]: (row["Overdue"], row["Limit (UTC)"]) for row in rows_of(staff)}
    assert rows == {
        "Certificate of analysis": ("yes", "2026-03-04 09:00"),
        "Batch record": ("no", "2026-03-12 09:00"),
    }
    assert "Rhein Fill AG 2 1 overdue" in text_of(staff.get("/owed"))


def test_a_long_register_is_put_into_a_spreadsheet_in_the_background(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for lot in ("L1", "L2", "L3"):
        ask_for(site, ("coa", [lot]))
    staff = site.staff(site.installation.cast.pm)
    at_once = staff.get("/owed.csv").content
    monkeypatch.setattr(outstanding_items, "AT_ONCE", 2)
    monkeypatch.setattr(outstanding_items, "A_STEP", 2)
    monkeypatch.setattr(owed_sheet, "AT_A_TIME", 2)
    assert staff.get("/owed.csv?lot=L1").headers["location"] == "/owed?lot=L1"
    assert "Put all of it into a CSV" in staff.get("/owed").text
    address = staff.post("/owed/sheets", cmo="", lot="").headers["location"]
    assert "Looking through the open requests" in text_of(staff.get(address))
    assert staff.get(f"{address}/owed.csv").headers["location"] == address
    site.installation.work()
    assert "3 items of 3 requests" in text_of(staff.get(address))
    written = staff.get(f"{address}/owed.csv")
    assert (written.content, written.headers["content-type"]) == (at_once, "text/csv; charset=utf-8")
    assert site.staff(site.installation.cast.head).get(address).status_code == 404
    of_lot = staff.post("/owed/sheets", cmo=str(site.installation.cast.cmo), lot="l2").headers["location"]
    site.installation.work()
    assert [row["Lot"] for row in rows_of(staff, f"{of_lot}/owed.csv")] == ["L2"]
