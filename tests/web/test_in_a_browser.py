"""The contact's form in a real browser: on a phone, without scripts, by keyboard."""

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from slamon.db.requests import CmoRequest
from slamon.domain.lifecycle import Action, RequestType
from tests.pages import Site

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

PHONE = {"width": 360, "height": 780}
LONG = "Pneumonoultramicroscopicsilicovolcanoconiosis" * 3
DETAIL = {
    "destination": {"kind": "clinical_site", "name": LONG, "address": "1 avenue", "country": "FR"},
    "lines": [{"product_code": "AUR-1", "description": LONG, "quantity": "24", "unit": "kit"}] * 3,
}
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture
def asked(site: Site) -> CmoRequest:
    return site.installation.file(subject=f"Resupply {LONG}", description=LONG, detail=DETAIL)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_form_fits_a_phone(site: Site, address: str, asked: CmoRequest, browser: "Browser", scheme: str) -> None:
    with browser.new_context(viewport=PHONE, java_script_enabled=False, color_scheme=scheme) as context:  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(address + site.link(asked.id))
        assert page.evaluate(OVERFLOW) == 0
        for summary in page.locator("summary").all():
            summary.click()
        assert page.evaluate(OVERFLOW) == 0


def test_every_form_of_a_shipment_under_way_fits_a_phone(site: Site, address: str, browser: "Browser") -> None:
    cast, line = site.installation.cast, DETAIL["lines"][0]  # type: ignore[index]
    asked = site.installation.file(type=RequestType.SHIPMENT, subject=LONG, detail={**DETAIL, "lines": [line, line]})
    site.installation.act(
        asked.id, Action.CONFIRM_ORDER, by=cast.contact, particulars={"planned_ship_on": "2026-03-04"}
    )
    sent = {"courier": LONG, "tracking_number": LONG[:80], "expected_delivery_on": "2026-03-05"}
    part = {**sent, "lines": [{"line": 1, "quantity": "12"}]}
    site.installation.act(asked.id, Action.CONFIRM_DISPATCH, by=cast.contact, text=LONG, particulars=part)
    with browser.new_context(viewport=PHONE, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(address + site.link(asked.id))
        for summary in page.locator("summary").all():
            summary.click()
        assert page.evaluate(OVERFLOW) == 0
    cookie = {"name": "slamon_session", "value": site.staff(cast.pm).client.cookies["slamon_session"]}
    with browser.new_context(viewport=PHONE) as context:
        context.add_cookies([{**cookie, "url": address}])  # type: ignore[typeddict-item]
        page = context.new_page()
        for path in ("", "/record/confirm_delivery", "/record/confirm_dispatch"):
            page.goto(f"{address}/requests/{asked.id}{path}")
            for summary in page.locator("summary").all():
                summary.click()
            assert page.evaluate(OVERFLOW) == 0, path


def test_the_form_is_completed_by_keyboard_without_scripts(
    site: Site, address: str, asked: CmoRequest, browser: "Browser"
) -> None:
    with browser.new_context(viewport=PHONE, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(address + site.link(asked.id))
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        page.keyboard.press("Tab")
        expect(page.get_by_role("button", name="Received")).to_be_focused()
        page.keyboard.press("Enter")
        page.wait_for_url("**?done=acknowledge")
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        page.keyboard.type("Both weeks are free")
        page.keyboard.press("Tab")  # to the file, which is optional
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_url("**?done=answer")
        assert "Your answer was sent" in page.inner_text("main")
        assert context.cookies() == []


def test_staff_pages_fit_a_phone(site: Site, address: str, asked: CmoRequest, browser: "Browser") -> None:
    items = [{"kind": "storage_temperature", "lots": [LONG[:40], LONG[1:40]], "format": "pdf"}]
    site.installation.file(type=RequestType.DATA, detail={"purpose": "release", "items": items})
    cookie = {"name": "slamon_session", "value": site.staff(site.installation.cast.pm).client.cookies["slamon_session"]}
    with browser.new_context(viewport=PHONE) as context:
        context.add_cookies([{**cookie, "url": address}])  # type: ignore[typeddict-item]
        page = context.new_page()
        faults: list[str] = []
        page.on("console", lambda message: faults.append(message.text))
        page.on("pageerror", lambda error: faults.append(str(error)))
        project = site.installation.cast.project
        for path in ("/requests?tab=open", f"/requests/{asked.id}", "/requests/new", "/status", "/owed", "/shutdowns",
                     "/shutdowns/new", f"/requests/new?type=shipment&project={project}"):  # fmt: skip
            page.goto(address + path)
            assert page.evaluate(OVERFLOW) == 0, path
        assert faults == []


@pytest.mark.parametrize("width", [360, 1200])
def test_a_shipment_of_two_lines_is_filed_without_scripts(
    site: Site, address: str, browser: "Browser", width: int
) -> None:
    cookie = {"name": "slamon_session", "value": site.staff(site.installation.cast.pm).client.cookies["slamon_session"]}
    with browser.new_context(viewport={"width": width, "height": 800}, java_script_enabled=False) as context:
        context.add_cookies([{**cookie, "url": address}])  # type: ignore[typeddict-item]
        page = context.new_page()
        page.goto(f"{address}/requests/new?type=shipment&project={site.installation.cast.project}")
        page.get_by_label("CMO and site").select_option(label="Basel (CH)")
        page.get_by_label("Subject").fill("Resupply of site 1204")
        page.get_by_label("Destination’s name").fill("Inselspital")
        page.get_by_label("Address", exact=True).fill("Bern")
        page.get_by_label("Country").select_option(label="Switzerland")
        page.get_by_label("Time zone").select_option(label="Europe/Zurich")
        page.get_by_label("Storage condition").select_option(label="Refrigerated, 2 to 8 °C")
        page.get_by_label("Packing list").check()
        page.get_by_label("Product code").fill("AUR-1")
        page.get_by_label("Quantity").fill("24")
        page.get_by_role("button", name="Add another line").click()
        second = page.get_by_role("group", name="Line 2")
        expect(second.get_by_label("Product code")).to_be_focused()
        assert page.evaluate(OVERFLOW) == 0
        second.get_by_label("Product code").fill("AUR-2")
        second.get_by_label("Lots or kits").fill("B7")
        second.get_by_label("Quantity").fill("6")
        page.get_by_label("Subject").press("Enter")
        page.wait_for_url("**/requests/*?done=filed")
        assert "B7" in page.content()
        assert page.evaluate(OVERFLOW) == 0
