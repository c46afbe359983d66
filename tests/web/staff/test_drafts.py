"""Drafts on the filing form: put aside, taken up again, filed once or thrown away."""

import re
from uuid import UUID, uuid4

from slamon.services.requests import drafts
from tests.pages import Site, Staff, text_of
from tests.web.staff.test_filing import how_many


def begun(site: Site, **more: str) -> tuple[Staff, dict[str, str], str]:
    """The project manager, the fields they sent as a draft, and the page it is kept on."""
    cast = site.installation.cast
    staff, fields = site.staff(cast.pm), {
        "key": str(uuid4()), "type": "shipment", "project_id": str(cast.project), "site_id": str(cast.site),
        "subject": "Resupply of", "detail.lines.0.product_code": "AUR-1", "detail.lines.0.unit": "vial",
        "detail.logger_required": "yes", **more,
    }  # fmt: skip
    saved = staff.post("/drafts", **fields)
    assert saved.status_code == 303
    return staff, fields, saved.headers["location"]


def value(page: str, name: str) -> str:
    found = re.search(rf'name="{re.escape(name)}"[^>]*value="([^"]*)"', page)
    assert found, name
    return found[1]


def test_a_draft_comes_back_as_it_was_left(site: Site) -> None:
    staff, fields, address = begun(site)
    page = staff.get(address).text
    assert "The draft is saved" in page
    assert (value(page, "subject"), value(page, "detail.lines.0.product_code")) == ("Resupply of", "AUR-1")
    assert '<option value="vial" selected>' in page
    assert f'value="{fields["site_id"]}" selected' in page
    assert "Resupply of shipment for AUR-101" in text_of(staff.get("/requests/new")).replace(" request", "")
    assert how_many(site) == 0


def test_a_draft_is_filed_once_and_gone_then(site: Site) -> None:
    staff, fields, address = begun(site)
    rest = {
        "version": value(staff.get(address).text, "version"), "detail.order_type": "resupply",
        "detail.destination.kind": "depot", "detail.destination.name": "Depot", "detail.destination.country": "ch",
        "detail.destination.address": "Hafen 1", "detail.lines.0.quantity": "3", "detail.storage.code": "refrigerated",
    }  # fmt: skip
    filed = staff.post("/requests/new", **{**fields, **rest})
    assert filed.status_code == 303, text_of(filed)
    assert staff.get(address).status_code == 404
    assert staff.post("/requests/new", **{**fields, **rest}).headers["location"] == filed.headers["location"]
    # Back to the form, and something else written into it: neither is it filed unseen, nor lost.
    changed = {**fields, **rest, "subject": "Resupply of another site"}
    for path in ("/requests/new", "/drafts"):
        told = staff.post(path, **changed)
        assert (told.status_code, value(told.text, "subject")) == (409, "Resupply of another site")
        assert "filed a request already" in text_of(told)
    again = {**changed, "key": value(told.text, "key"), "version": "", "file_anyway": "yes"}
    assert staff.post("/requests/new", **again).status_code == 303
    assert how_many(site) == 2


def test_a_draft_is_discarded_however_often_that_is_pressed(site: Site) -> None:
    staff, fields, address = begun(site)
    for _ in range(2):
        assert staff.post(f"{address.partition('?')[0]}/discard").headers["location"] == "/requests/new?done=discarded"
    assert "Your drafts" not in text_of(staff.get("/requests/new?done=discarded"))
    gone = staff.post("/drafts", **fields, version="1")
    assert gone.status_code == 404
    assert "filed or discarded meanwhile" in text_of(gone)
    assert value(gone.text, "subject") == "Resupply of"  # nothing typed is lost
    assert staff.post("/drafts", **fields).status_code == 303


def test_a_draft_saved_in_two_windows_is_replaced_only_deliberately(site: Site) -> None:
    staff, fields, address = begun(site)
    staff.post("/drafts", **{**fields, "subject": "From the office", "version": "1"})
    late = staff.post("/drafts", **{**fields, "subject": "From the train", "version": "1"})
    assert (late.status_code, value(late.text, "subject")) == (412, "From the train")
    assert "saved from somewhere else" in text_of(late)
    assert staff.post(f"{address.partition('?')[0]}/discard", version="1").headers["location"].endswith("done=newer")
    again = staff.post("/drafts", **{**fields, "subject": "From the train", "version": value(late.text, "version")})
    assert again.status_code == 303
    assert value(staff.get(address).text, "subject") == "From the train"


def test_a_draft_written_elsewhere_shows_all_that_it_says(site: Site) -> None:
    staff, cast, draft_id = site.staff(site.installation.cast.pm), site.installation.cast, uuid4()
    seven = [{"product_code": f"AUR-{n}", "quantity": n, "unit": "kit", "lots_or_kits": f"L{n}"} for n in range(1, 8)]
    detail = {"lines": seven, "transport": "sea", "documents": ["coa", "sds"], "storage": {"min_c": 2, "max_c": 8}}
    content = {"type": "shipment", "project_id": str(cast.project), "detail": detail}
    with site.installation.runtime.write() as tx:
        drafts.save(tx, draft_id, content, by=site.installation.caller(cast.pm))
    page = _page(staff, draft_id)
    assert value(page, "detail.lines.6.product_code") == "AUR-7"
    assert value(page, "detail.lines.6.lots_or_kits") == "L7"
    assert (value(page, "detail.storage.min_c"), value(page, "detail.storage.max_c")) == ("2", "8")
    assert '<option value="sea" selected>' in page
    assert 'name="detail.documents.sds" type="checkbox" value="yes" checked' in page
    assert 'name="detail.documents.coc" type="checkbox" value="yes">' in page


def _page(staff: Staff, draft_id: UUID) -> str:
    return str(staff.get(f"/drafts/{draft_id}").text)


def test_another_managers_draft_is_not_there(site: Site) -> None:
    _, _, address = begun(site)
    assert site.staff(site.installation.cast.lead).get(address).status_code == 404
    assert site.staff(site.installation.cast.auditor).get(address).status_code == 403
