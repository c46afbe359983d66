"""A shipment and a data request from end to end, by the pages alone."""

from html import unescape
from html.parser import HTMLParser
from typing import Any
from uuid import UUID

import pytest

from slamon.db.requests import CmoRequest
from slamon.domain.catalogue import STANDARD
from slamon.domain.lifecycle import RequestType
from slamon.services.requests.queries import facts_of
from tests.pages import Site, Staff, text_of

LINES = [
    {"product_code": "AUR-1", "description": "Active", "quantity": "24", "unit": "kit"},
    {"product_code": "AUR-1P", "description": "Placebo", "quantity": "12", "unit": "vial"},
]
SHIPMENT = {
    "order_type": "resupply",
    "destination": {"kind": "clinical_site", "name": "Saint-Louis", "address": "Paris", "country": "FR",
                    "time_zone": "Europe/Paris"},
    "requested_ship_date": "2026-03-10",
    "required_delivery_to": "2026-03-16",
    "storage": {"code": "refrigerated"},
    "logger_required": True,
    "lines": LINES,
}  # fmt: skip
DATA = {
    "purpose": "release",
    "items": [{"kind": "coa", "lots": ["A17"], "format": "pdf"}, {"kind": "stability_data", "format": "xlsx"}],
}
DISPATCH = {"courier": "World Courier", "tracking_number": "020-1234 5675", "expected_delivery_on": "2026-03-04"}
DELIVERY = {"received_by": "Dr Blanc", "condition": "intact", "readout": "in_range", "min_c": "3.5", "max_c": "6"}


class _Fields(HTMLParser):
    """What a browser would send with one of a page's forms, untouched."""

    def __init__(self, action: str) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self._wanted, self._is_inside = action, False
        self._select, self._is_chosen = "", False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._is_inside = given["action"].endswith(f"/{self._wanted}")
        if not self._is_inside:
            return
        if tag == "input" and given.get("type") != "file":
            self.values[given["name"]] = given.get("value", "")
        elif tag in ("select", "textarea"):
            self._select, self._is_chosen = given["name"], False
            self.values[self._select] = ""
        elif tag == "option" and ("selected" in given or not self._is_chosen):
            self.values[self._select], self._is_chosen = given["value"], True


def fields(page: Any, action: str) -> dict[str, str]:
    reader = _Fields(action)
    reader.feed(page.text)
    assert reader.values, f"no form to {action}"
    return reader.values


class Contact:
    """The contact's browser: opens the link, fills one of its forms, sends it."""

    def __init__(self, site: Site, request_id: UUID) -> None:
        self.site, self.path = site, site.link(request_id)

    def page(self) -> str:
        return text_of(self.site.visitor.get(self.path))

    def send(self, action: str, **typed: str) -> Any:
        filled = {**fields(self.site.visitor.get(self.path), action), **typed}
        sent = self.site.visitor.post(f"{self.path}/{action}", data=filled)
        return self.site.visitor.get(sent.headers["location"]) if sent.status_code == 303 else sent

    def send_again(self, action: str, filled: dict[str, str]) -> Any:
        return self.site.visitor.post(f"{self.path}/{action}", data=filled)


@pytest.fixture
def shipment(site: Site) -> CmoRequest:
    return site.installation.file(type=RequestType.SHIPMENT, subject="Resupply", detail=SHIPMENT)


@pytest.fixture
def contact(site: Site, shipment: CmoRequest) -> Contact:
    return Contact(site, shipment.id)


def state(site: Site, asked: CmoRequest) -> str:
    with site.installation.runtime.db.read() as session:
        return session.get_one(CmoRequest, asked.id).state


def last_fact(site: Site, asked: CmoRequest) -> tuple[str, dict[str, Any]]:
    with site.installation.runtime.db.read() as session:
        fact = max(facts_of(session, asked.id), key=lambda fact: fact.sequence)
        return fact.kind, dict(fact.content)


def send(staff: Staff, request_id: UUID, action: str, page: str = "", **typed: str) -> Any:
    """Fill a form of a staff page, send it, and read what comes back."""
    path = f"/requests/{request_id}"
    sent = staff.client.post(f"{path}/{action}", data={**fields(staff.get(path + page), action), **typed})
    return staff.get(sent.headers["location"]) if sent.status_code == 303 else sent


def test_a_contact_takes_a_shipment_from_received_to_delivered_by_form_alone(
    site: Site, shipment: CmoRequest, contact: Contact
) -> None:
    assert "Receipt is confirmed" in text_of(contact.send("acknowledge"))
    assert "Please confirm the order by" in contact.page()
    assert "The order is confirmed" in text_of(contact.send("confirm_order"))  # the day asked for stands in it
    assert "Please confirm dispatch by Wed 11 Mar 2026, 23:59 Zurich" in contact.page()
    assert "Planned to leave on Tue 10 Mar 2026." in contact.page()
    nameless = contact.send("confirm_packed", logger_serials="L-1, L-2")
    assert 'id="confirm_packed-lines.1.lots_or_kits-problem"' in nameless.text
    lots = {"lines.1.lots_or_kits": "A17", "lines.2.lots_or_kits": "A18, vials 1-12"}
    assert "Packing is confirmed" in text_of(contact.send("confirm_packed", logger_serials="L-1, L-2", **lots))
    assert "/confirm_packed" not in contact.page()  # nothing is left to pack
    site.installation.clock.advance(hours=2)
    assert "Dispatch is confirmed" in text_of(contact.send("confirm_dispatch", **DISPATCH))
    page = contact.page()
    assert "Consignment 1: 24 kits of line 1 (A17), 12 vials of line 2 (A18, vials 1-12)" in page
    assert "World Courier, 020-1234 5675" in page
    site.installation.clock.advance(hours=48)
    assert "Delivery is confirmed" in text_of(contact.send("confirm_delivery", **DELIVERY))
    assert "Nothing to do now. Everything has arrived; Auriga Bio closes the request." in contact.page()
    assert state(site, shipment) == "delivered"


def test_a_shipment_goes_in_parts_and_the_form_offers_what_is_left(
    site: Site, shipment: CmoRequest, contact: Contact
) -> None:
    contact.send("confirm_order")
    contact.send("confirm_dispatch", **DISPATCH, **{"lines.1.quantity": "12", "lines.2.quantity": "0"})
    assert state(site, shipment) == "partly_dispatched"
    left = fields(site.visitor.get(contact.path), "confirm_dispatch")
    assert (left["lines.1.quantity"], left["lines.2.quantity"]) == ("12", "12")
    contact.send("confirm_dispatch", **{**DISPATCH, "tracking_number": "020-9"})
    asked = contact.send("confirm_delivery", **DELIVERY)
    assert asked.status_code == 422
    assert 'id="confirm_delivery-consignment-problem"' in asked.text
    contact.send("confirm_delivery", consignment="2", **DELIVERY)
    assert state(site, shipment) == "partly_delivered"


def test_a_button_pressed_twice_dispatches_once(site: Site, shipment: CmoRequest, contact: Contact) -> None:
    contact.send("confirm_order")
    half = {"lines.1.quantity": "12", "lines.2.quantity": "6"}
    filled = {**fields(site.visitor.get(contact.path), "confirm_dispatch"), **DISPATCH, **half}
    assert [contact.send_again("confirm_dispatch", filled).status_code for _ in range(2)] == [303, 303]
    assert contact.page().count("020-1234 5675") == 2  # once under what is asked, once in the conversation


def test_a_refused_field_is_marked_in_plain_words_and_everything_typed_is_kept(
    site: Site, shipment: CmoRequest, contact: Contact
) -> None:
    contact.send("confirm_order")
    typed = {
        **DISPATCH,
        "expected_delivery_on": "",
        "lines.1.quantity": "a dozen",
        "lines.2.quantity": "1.000",
        "service": "Overnight",
        "text": "Ok?",
    }
    page = contact.send("confirm_dispatch", **typed)
    assert page.status_code == 422
    assert "Must be a number" in page.text
    assert "Can be read as thousands too" in page.text
    assert 'id="confirm_dispatch-lines.1.quantity-problem"' in page.text
    for words in ("World Courier", "020-1234 5675", "a dozen", "Overnight"):
        assert f'value="{words}"' in page.text
    assert "Ok?</textarea>" in page.text
    assert state(site, shipment) == "confirmed"


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        (
            {"lines.1.quantity": "25"},
            'lines-problem">25 of line 1 cannot be dispatched: 24 of what was ordered is left',
        ),
        ({"lines.1.quantity": "", "lines.2.quantity": "0"}, 'lines-problem">Say how much of at least one line'),
        ({"dispatched_at": "2026-03-09T09:00"}, 'dispatched_at-problem">Lies in the future'),
        ({"expected_delivery_on": "2026-02-27"}, 'expected_delivery_on-problem">Lies before the dispatch'),
        ({"courier": " "}, 'courier-problem">Must not be empty'),
    ],
)
def test_what_contradicts_the_order_is_told_at_its_field(contact: Contact, typed: dict[str, str], problem: str) -> None:
    contact.send("confirm_order")
    page = contact.send("confirm_dispatch", **{**DISPATCH, **typed})
    assert f'id="confirm_dispatch-{problem}' in unescape(page.text)


def test_a_temperature_out_of_range_is_told_in_words(contact: Contact) -> None:
    contact.send("confirm_order")
    contact.send("confirm_dispatch", **DISPATCH)
    page = text_of(contact.send("confirm_delivery", **{**DELIVERY, "max_c": "11"}))
    assert "11.0 °C lies outside the storage condition: say excursion" in page
    assert "The lowest must not lie above the highest" in text_of(
        contact.send("confirm_delivery", **{**DELIVERY, "max_c": "1"})
    )


def test_a_later_ship_date_is_a_proposal_on_which_the_manager_decides(
    site: Site, shipment: CmoRequest, contact: Contact
) -> None:
    thanks = text_of(contact.send("confirm_order", planned_ship_on="2026-03-13"))
    assert "Your ship date was proposed" in thanks
    assert "Auriga Bio owes you an agreement to your ship date by" in thanks
    staff = site.staff(site.installation.cast.pm)
    page = text_of(staff.get(f"/requests/{shipment.id}"))
    assert "Asked for Tue 10 Mar 2026 Proposed Fri 13 Mar 2026" in page
    assert "Waiting for us 1 " in text_of(staff.get("/requests"))
    assert "Agreed. The order is confirmed." in text_of(send(staff, shipment.id, "agree"))
    assert state(site, shipment) == "confirmed"


def test_a_dispatch_told_by_phone_is_recorded_as_the_contacts_own(
    site: Site, shipment: CmoRequest, contact: Contact
) -> None:
    contact.send("confirm_order")
    site.installation.clock.advance(hours=30)
    staff = site.staff(site.installation.cast.pm)
    told = {"evidence": "Corinne called Petra", "occurred_at": "2026-03-03T12:00", **DISPATCH}
    missing = send(
        staff, shipment.id, "record/confirm_dispatch", "/record/confirm_dispatch", **{**told, "evidence": ""}
    )
    assert missing.status_code == 422
    assert 'id="confirm_dispatch-evidence-problem"' in missing.text
    assert 'value="020-1234 5675"' in missing.text
    page = text_of(send(staff, shipment.id, "record/confirm_dispatch", "/record/confirm_dispatch", **told))
    assert "Recorded." in page
    assert "Corinne Contact confirmed dispatch Consignment 1: 24 kits of line 1, 12 vials of line 2" in page
    assert "World Courier, 020-1234 5675" in page
    assert "Expected there on Wed 4 Mar 2026" in page
    assert "written down by Petra Manager" in page
    assert "recorded 3 h later" in page


def test_the_page_offers_what_is_no_longer_possible_for_a_call_that_came_before(
    site: Site, shipment: CmoRequest, contact: Contact
) -> None:
    contact.send("confirm_order")
    site.installation.clock.advance(hours=60)
    contact.send("confirm_dispatch", **DISPATCH)
    staff = site.staff(site.installation.cast.pm)
    assert "for a call or mail that came before other things happened" in text_of(staff.get(f"/requests/{shipment.id}"))
    where = (staff, shipment.id, "record/confirm_dispatch", "/record/confirm_dispatch")
    called = {"evidence": "Corinne called Petra", "occurred_at": "2026-03-03T12:00", **DISPATCH}
    before = text_of(send(*where, **{**called, "occurred_at": "2026-03-01T12:00"}))
    assert "Must lie between the filing and now" in before
    page = text_of(send(*where, **{**called, "tracking_number": "by van", "consignment": "1"}))
    assert "Recorded." in page
    assert page.count("Corinne Contact confirmed dispatch") == 2
    assert state(site, shipment) == "dispatched"


def test_quality_decides_on_goods_that_got_too_warm(site: Site, shipment: CmoRequest, contact: Contact) -> None:
    contact.send("confirm_order")
    contact.send("confirm_dispatch", **DISPATCH)
    warm = {**DELIVERY, "readout": "excursion", "max_c": "11.5", "minutes_out": "40"}
    assert "quality department decides on the goods" in text_of(contact.send("confirm_delivery", **warm))
    quality = site.staff(site.installation.cast.quality)
    page = send(quality, shipment.id, "decide")
    assert 'id="decide-disposition-problem">Choose one of the list' in page.text
    page = send(quality, shipment.id, "decide", disposition="usable", reason="Within the stability budget")
    story = text_of(page)
    assert "The decision is recorded." in story
    assert "Temperature excursion, 3.5 °C at the lowest, 11.5 °C at the highest, 40 minutes out of range" in story
    assert "Quentin Quality decided on the goods Consignment 1: usable" in story
    assert state(site, shipment) == "delivered"


def test_a_data_request_is_answered_item_by_item_by_form(site: Site) -> None:
    asked = site.installation.file(type=RequestType.DATA, subject="Certificates", detail=DATA)
    contact = Contact(site, asked.id)
    assert 'id="answer-items-problem">Say of at least one' in contact.send("answer").text
    first = {"items.1.status": "supplied", "items.1.document_number": "COA-17", "items.1.document_version": "2"}
    page = text_of(contact.send("answer", **first))
    assert "1. Certificate of analysis, lot A17 supplied document COA-17, version 2" in page
    assert "2. Stability data still owed" in page
    assert state(site, asked) == "partly_answered"
    refused = contact.send("answer", **{"items.2.status": "declined"})
    assert 'id="answer-items.2.reason-problem"' in refused.text
    contact.send("answer", **{"items.2.status": "declined", "items.2.reason": "The study runs until May"})
    assert state(site, asked) == "answered"


def test_a_lead_changes_what_is_different_and_the_first_value_stays_readable(site: Site, shipment: CmoRequest) -> None:
    assert "changes.priority" not in site.staff(site.installation.cast.pm).get(f"/requests/{shipment.id}").text
    staff = site.staff(site.installation.cast.lead)
    assert "Nothing would change" in text_of(send(staff, shipment.id, "amend", reason="The site opens later"))
    typed = {"changes.detail.required_delivery_to": "2026-03-20", "changes.detail.lines.1.quantity": "20",
             "changes.priority": "urgent", "changes.contact_id": str(site.installation.cast.backup)}  # fmt: skip
    page = text_of(send(staff, shipment.id, "amend", reason="The site opens later", **typed))
    for words in ("Needed there by: Fri 20 Mar 2026, was Mon 16 Mar 2026", "Line 1, quantity: 20, was 24",
                  "Priority: Urgent, was Routine", "Contact: Beat Backup, was Corinne Contact"):  # fmt: skip
        assert words in page
    with site.installation.runtime.db.read() as session:
        amended, moved = sorted(facts_of(session, shipment.id), key=lambda fact: fact.sequence)[-2:]
        assert (amended.kind, set(amended.content["changes"])) == ("amended", {"priority", "contact_id", "detail"})
        assert (moved.kind, moved.content["priority"]) == ("terms_changed", "urgent")  # an urgent request has less time


def test_a_deadline_that_a_higher_priority_moves_into_the_past_says_so(site: Site, shipment: CmoRequest) -> None:
    site.installation.clock.advance(hours=9)
    staff = site.staff(site.installation.cast.lead)
    page = text_of(send(staff, shipment.id, "amend", reason="A patient waits", **{"changes.priority": "critical"}))
    assert "moved into the past by other terms" in page
    assert "later" not in page[page.index("Limit passed") :][:80]  # slamon did not look too late


def test_a_contact_waits_for_a_third_party_corrects_and_hands_on(
    site: Site, shipment: CmoRequest, contact: Contact
) -> None:
    contact.send("acknowledge")
    waiting = text_of(contact.send("wait", reason="Import licence", until="2026-03-04T12:00"))
    assert "You wait for a third party until Wed 4 Mar 2026, 12:00 Zurich" in waiting
    assert "your clock runs again" in text_of(contact.send("resume"))
    contact.send("ask", text="Which lott?")
    said = text_of(contact.send("correct", text="Which lot?"))
    assert "About: Corinne Contact asked a question" in said
    handed = text_of(contact.send("hand_on", name="Maria Muster", email="maria@cmo.example"))
    assert "Your colleague gets a mail with a link of their own." in handed
    page = site.staff(site.installation.cast.pm).get(f"/requests/{shipment.id}")
    assert "To Maria Muster" in page.text
    assert 'Corrects: <a href="#fact-5">' in page.text


def test_looking_at_any_form_of_a_shipment_changes_nothing(site: Site, shipment: CmoRequest, contact: Contact) -> None:
    contact.send("confirm_order")
    staff = site.staff(site.installation.cast.pm)
    before = site.everything()
    for path in (contact.path, f"{contact.path}/clocks/dispatch_confirmation"):
        site.visitor.get(path)
    for action in STANDARD.actions:
        assert staff.get(f"/requests/{shipment.id}/record/{action}").status_code in (200, 404, 409)
    assert site.everything() == before
