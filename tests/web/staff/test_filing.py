"""The filing page, through HTTP: what is filed, and what comes back with its problems."""

from uuid import UUID

import pytest
from sqlalchemy import func, select

from slamon.db.requests import CmoRequest
from slamon.domain.catalogue import STANDARD
from tests.installation import CONTACT
from tests.pages import Site, text_of

KEY = "01980a4e-8f6b-7c3d-9a51-2f1c7d9e0a99"


def how_many(site: Site) -> int:
    with site.installation.runtime.db.read() as session:
        return session.scalar(select(func.count()).select_from(CmoRequest)) or 0


def shipment(site: Site) -> dict[str, str]:
    return {
        "key": KEY,
        "type": "shipment",
        "project_id": str(site.installation.cast.project),
        "site_id": str(site.installation.cast.site),
        "subject": "Resupply of site 1204",
        "priority": "urgent",
        "due_on": "2026-03-10",
        "detail.order_type": "resupply",
        "detail.destination.kind": "clinical_site",
        "detail.destination.name": "Hôpital Saint-Louis",
        "detail.destination.address": "1 avenue Claude Vellefaux\n75010 Paris",
        "detail.destination.country": "fr",
        "detail.storage.code": "refrigerated",
        "detail.logger_required": "yes",
        "detail.lines.0.product_code": "AUR-1",
        "detail.lines.0.quantity": "24",
        "detail.lines.0.unit": "kit",
        "detail.lines.1.unit": "kit",
        "detail.lines.2.product_code": "AUR-1P",
        "detail.lines.2.quantity": "12",
        "detail.lines.2.unit": "vial",
    }


def test_the_form_offers_only_sites_of_the_projects_cmos(site: Site) -> None:
    cast = site.installation.cast
    page = site.staff(cast.other_pm).get(f"/requests/new?type=inquiry&project={cast.other_project}")
    assert str(cast.other_site) in page.text
    assert str(cast.site) not in page.text


def test_a_shipment_is_filed_with_its_lines_and_its_mail_goes_out(site: Site) -> None:
    answer = site.staff(site.installation.cast.pm).post("/requests/new", **shipment(site))
    assert answer.status_code == 303
    page = text_of(site.staff(site.installation.cast.pm).get(answer.headers["location"]))
    assert "Filed. The CMO’s contact gets a mail" in page
    for words in ("SHP-2026-000001", "Urgent", "Hôpital Saint-Louis", "AUR-1P", "Refrigerated, 2 to 8 °C",
                  "Needed on Tue 10 Mar 2026", "project manager · on this site"):  # fmt: skip
        assert words.replace(" · ", ", ") in page
    site.installation.work()
    assert site.installation.email.sent_to(CONTACT)


def test_data_and_inquiries_are_filed_too(site: Site) -> None:
    shared = {name: value for name, value in shipment(site).items() if not name.startswith("detail")}
    data = {"type": "data", "detail.purpose": "release", "detail.items.1.kind": "coa", "detail.items.1.lots": "A1, A2",
            "detail.items.1.format": "pdf", "key": str(UUID(int=1))}  # fmt: skip
    inquiry = {"type": "inquiry", "detail.category": "quality", "detail.questions.0": "Why?", "key": str(UUID(int=2))}
    staff = site.staff(site.installation.cast.pm)
    for form, words in ((data, "A1, A2"), (inquiry, "Why?")):
        answer = staff.post("/requests/new", **{**shared, **form})
        assert answer.status_code == 303
        assert words in text_of(staff.get(answer.headers["location"]))


def test_a_look_alike_is_shown_with_a_link_and_filed_only_by_the_second_button(site: Site) -> None:
    staff, before = site.staff(site.installation.cast.pm), site.installation.file(cmo_reference="PO-77")
    inquiry = {name: value for name, value in shipment(site).items() if not name.startswith("detail")} | {
        "type": "inquiry", "detail.category": "quality", "detail.questions.0": "Why?", "cmo_reference": "po-77"
    }  # fmt: skip
    page = staff.post("/requests/new", **inquiry)
    assert page.status_code == 409
    assert f'<a href="/requests/{before.id}">INQ-2026-000001</a>' in page.text
    assert "Why?</textarea>" in page.text
    assert page.text.index("Check again</button>") < page.text.index("File anyway</button>")
    assert how_many(site) == 1
    filed = staff.post("/requests/new", **inquiry, file_anyway="yes")
    assert filed.headers["location"].endswith("?done=filed")
    assert how_many(site) == 2


def test_the_same_filing_sent_twice_files_once(site: Site) -> None:
    staff = site.staff(site.installation.cast.pm)
    first, second = (staff.post("/requests/new", **shipment(site)) for _ in range(2))
    assert first.headers["location"] == second.headers["location"]
    assert how_many(site) == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("subject", ""),
        ("site_id", ""),
        ("detail.destination.country", "France"),
        ("detail.lines.2.quantity", "-3"),
        ("detail.storage.code", ""),
        ("due_on", "tomorrow"),
        ("priority", "yesterday"),
    ],
)
def test_a_wrong_field_is_told_where_it_stands_and_nothing_is_lost(site: Site, field: str, value: str) -> None:
    page = site.staff(site.installation.cast.pm).post("/requests/new", **{**shipment(site), field: value})
    assert page.status_code == 422
    assert f'id="{field}-problem"' in page.text
    assert "1 avenue Claude Vellefaux\n75010 Paris</textarea>" in page.text
    assert 'value="AUR-1P"' in page.text
    assert how_many(site) == 0


@pytest.mark.parametrize("type_", STANDARD.types)
def test_an_empty_form_is_refused_in_the_words_of_its_labels(site: Site, type_: str) -> None:
    form = {"type": type_, "project_id": str(site.installation.cast.project), "key": KEY}
    answer = site.staff(site.installation.cast.pm).post("/requests/new", **form)
    assert answer.status_code == 422
    page = text_of(answer)
    summary = page[page.index("Nothing was filed yet.") : page.index("To whom, and about what")]
    own = {"shipment": ("Choose a storage condition", "Name at least one product", "Destination’s name : must not"),
           "data": ("Choose at least one item",), "inquiry": ("Write at least one question",)}  # fmt: skip
    for words in ("Choose a CMO and site", "Subject : must not be empty", *own[type_]):
        assert words in summary
    for words in ("Code", "min_c", "Site:", "Name:", "Kind", "at least one line"):
        assert words not in summary


def test_a_quantity_that_reads_as_thousands_elsewhere_is_not_filed_as_one(site: Site) -> None:
    staff, field = site.staff(site.installation.cast.pm), "detail.lines.0.quantity"
    page = staff.post("/requests/new", **{**shipment(site), field: "1.000"})
    assert page.status_code == 422
    assert f'id="{field}-problem">Can be read as thousands' in page.text
    assert how_many(site) == 0


@pytest.mark.parametrize("field", ["due_on", "detail.requested_ship_date", "detail.required_delivery_to"])
def test_a_date_in_the_past_is_told_at_its_field(site: Site, field: str) -> None:
    staff = site.staff(site.installation.cast.pm)
    page = staff.post("/requests/new", **{**shipment(site), field: "2026-03-01"})
    assert page.status_code == 422
    assert f'id="{field}-problem">Lies in the past' in page.text
    assert f'name="{field}" type="date" value="2026-03-01" min="2026-03-02"' in page.text
    assert how_many(site) == 0
    assert staff.post("/requests/new", **{**shipment(site), field: "2026-03-02"}).status_code == 303


def test_a_shipment_that_leaves_after_it_should_arrive_is_told_at_its_field(site: Site) -> None:
    days = {"detail.requested_ship_date": "2026-03-12", "detail.required_delivery_to": "2026-03-10"}
    page = site.staff(site.installation.cast.pm).post("/requests/new", **{**shipment(site), **days})
    assert 'id="detail.requested_ship_date-problem">Must not be after “Needed there by”' in page.text


def test_a_problem_stands_in_the_same_cell_as_its_field(site: Site) -> None:
    page = site.staff(site.installation.cast.pm).post("/requests/new", **{**shipment(site), "site_id": ""}).text
    cell = page[page.index('<div class="field"><label for="site_id"') :].partition("</div>")[0]
    assert 'id="site_id-problem"' in cell
    assert '<p class="field">' not in page  # a paragraph cannot hold another: the browser would end it early


def test_options_are_written_as_people_write_them(site: Site) -> None:
    page = (
        site.staff(site.installation.cast.pm)
        .get(f"/requests/new?type=shipment&project={site.installation.cast.project}")
        .text
    )
    for words in ("CMO", "g", "kg", "ml"):
        assert f">{words}</option>" in page


def test_a_shipment_without_goods_is_told_at_the_first_line(site: Site) -> None:
    form = {name: value for name, value in shipment(site).items() if ".lines." not in name}
    page = site.staff(site.installation.cast.pm).post("/requests/new", **form)
    assert page.status_code == 422
    assert 'id="detail.lines.0.product_code-problem"' in page.text


def test_who_may_not_file_is_told_so(site: Site) -> None:
    staff = site.staff(site.installation.cast.auditor)
    assert staff.get("/requests/new").status_code == 403
    assert staff.post("/requests/new", **shipment(site)).status_code == 403
    assert how_many(site) == 0


def test_a_manager_files_for_own_projects_only(site: Site) -> None:
    staff = site.staff(site.installation.cast.other_pm)
    assert "AUR-101" not in staff.get("/requests/new").text
    assert staff.post("/requests/new", **shipment(site)).status_code == 422
    assert how_many(site) == 0
