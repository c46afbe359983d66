"""The two long stories, through HTTP and the cycle: a shipment that goes wrong, and data owed item by item."""

from typing import Any

from starlette.testclient import TestClient

from slamon.services.reports.verify import Difference, verify_requests
from slamon.wording.facts import FACTS
from slamon.wording.message import MessageKind
from slamon.wording.messages import put_into_words
from tests.callers import Api
from tests.installation import CMO_CHANNEL, LEAD, PM, QUALITY

HOUR = 3600


class Told:
    """One request, acted upon: `story(api.contact, "acknowledge")` gives what the act answered."""

    def __init__(self, api: Api, **filing: Any) -> None:
        self.api = api
        self.path = f"/v1/requests/{api.filed(**filing)['id']}"

    def __call__(self, who: TestClient, action: str, **said: Any) -> dict[str, Any]:
        answer = who.post(f"{self.path}/actions/{action}", json=said, headers={"If-Match": self.version()})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def refused(self, who: TestClient, action: str, **said: Any) -> tuple[int, str]:
        before = self.version()
        answer = who.post(f"{self.path}/actions/{action}", json=said, headers={"If-Match": before})
        assert self.version() == before
        return answer.status_code, answer.text

    def version(self) -> str:
        return str(self.api.pm.get(self.path).headers["etag"])

    def pass_time(self, **span: float) -> None:
        self.api.installation.clock.advance(**span)
        self.api.installation.work()

    def clocks(self) -> dict[str, str]:
        return {clock["clock"]: clock["outcome"] for clock in self.api.pm.get(f"{self.path}/clocks").json()["clocks"]}

    def hours_by_owner(self) -> dict[str, float]:
        seconds = self.api.pm.get(f"{self.path}/clocks").json()["seconds_by_owner"]
        return {owner: round(amount / HOUR, 2) for owner, amount in seconds.items()}

    def is_sound(self) -> bool:
        with self.api.installation.runtime.read() as tx:
            return not [found for found in verify_requests(tx) if isinstance(found, Difference)]


LOST = {
    "type": "shipment",
    "subject": "Resupply of site 1204",
    "detail": {
        "order_type": "resupply",
        "destination": {
            "kind": "clinical_site", "name": "Hôpital Saint-Louis", "address": "Paris", "country": "FR",
            "time_zone": "Europe/Paris",
        },
        "requested_ship_date": "2026-03-09",
        "required_delivery_to": "2026-03-16",
        "storage": {"code": "refrigerated"},
        "logger_required": True,
        "lines": [{"product_code": "AUR-1", "quantity": "24", "unit": "kit"},
                  {"product_code": "AUR-2", "quantity": "10", "unit": "kit"}],
    },
}  # fmt: skip


def test_a_shipment_is_silent_late_counter_proposed_split_and_warm_and_its_minutes_add_up(any_api: Api) -> None:
    api, story = any_api, Told(any_api, **LOST)
    filed_at = api.installation.clock.now()

    story.pass_time(hours=49)
    assert api.installation.slack.sent_to(CMO_CHANNEL, MessageKind.LIMIT)
    assert api.installation.email.sent_to(LEAD, MessageKind.LIMIT)

    story(api.contact, "acknowledge")
    offered = story(api.contact, "confirm_order", planned_ship_on="2026-03-11")
    assert offered["state"] == "awaiting_sponsor"  # later than asked for: the ball is with the sponsor
    story.pass_time(hours=25)
    offers = api.installation.email.sent_to(PM, MessageKind.CMO_ACTED)
    [offer] = [told for told in offers if told.act == FACTS["date_proposed"]]
    assert put_into_words(offer).headline == "Rhein Fill AG proposed another ship date"
    late = api.installation.email.sent_to(PM, MessageKind.TARGET)[-1]  # and its own clock runs
    assert put_into_words(late).headline == "We have not replied to the CMO within 24 hours"
    assert story(api.pm, "agree")["state"] == "confirmed"
    assert story.clocks()["sponsor-3"] == "late"

    assert story.refused(api.contact, "confirm_delivery", received_by="Ward 3", condition="intact")[0] == 409
    parcel = {"courier": "World Courier", "tracking_number": "020-1234 5675", "expected_delivery_on": "2026-03-13"}
    first_part = [{"line": 1, "quantity": "24"}]
    story(api.contact, "confirm_packed", lines=first_part, lots_or_kits="A17", logger_serials=["TT-1"])
    assert story.refused(api.contact, "confirm_dispatch", **parcel, lines=[{"line": 2, "quantity": "11"}])[0] == 422
    assert story(api.contact, "confirm_dispatch", **parcel, lines=first_part)["state"] == "partly_dispatched"
    assert story(api.contact, "confirm_dispatch", **parcel)["state"] == "dispatched"  # all that was left

    while "2026-03-16" not in api.installation.clock.now().isoformat():
        story.pass_time(hours=6)
    late = {clock: outcome for clock, outcome in story.clocks().items() if clock.startswith("delivery")}
    assert late == {"delivery_confirmation": "running", "delivery_confirmation-2": "running"}
    breaches = api.installation.slack.sent_to(CMO_CHANNEL, MessageKind.LIMIT)
    assert any(clock.words.label == "delivery confirmation" for message in breaches for clock in message.clocks)

    arrived = {"received_by": "Pharmacy", "condition": "intact", "delivered_at": "2026-03-13T14:00:00+01:00"}
    assert story.refused(api.contact, "confirm_delivery", consignment=1, **arrived)[0] == 422  # no readout
    cold = story(api.contact, "confirm_delivery", consignment=1, readout="in_range", min_c=3.1, max_c=6.8, **arrived)
    assert cold["state"] == "partly_delivered"
    warm = {"readout": "excursion", "max_c": 11.5, "minutes_out": 95}
    assert story(api.contact, "confirm_delivery", **warm, **arrived)["state"] == "in_review"
    api.installation.work()
    [alarm] = api.installation.email.sent_to(QUALITY, MessageKind.CMO_ACTED)
    assert "quality must decide" in " ".join(put_into_words(alarm).sentences)

    assert story.refused(api.pm, "decide", disposition="usable", reason="Within the stability budget")[0] == 403
    story.pass_time(hours=3)
    decided = story(api.quality, "decide", disposition="usable", reason="Within the stability budget")
    assert decided["state"] == "delivered"
    assert story(api.pm, "accept")["state"] == "closed"

    assert story.clocks() == {
        "acknowledgement": "breached",
        "order_confirmation": "met",  # the day the sponsor took does not count
        "dispatch_confirmation": "met",
        "dispatch_confirmation-2": "met",
        "delivery_confirmation": "breached",
        "delivery_confirmation-2": "breached",
        "fulfilment": "met",
        "sponsor-3": "late",
        "excursion_decision-2": "met",
    }
    hours = story.hours_by_owner()
    wall = (api.installation.clock.now() - filed_at).total_seconds() / HOUR
    assert hours["sponsor"] == 28  # 25 for the date, 3 for quality
    assert sum(hours.values()) == round(wall, 2)
    assert story.is_sound()


FIVE_ITEMS = {
    "type": "data",
    "subject": "Release of lots A17 and A18",
    "detail": {
        "purpose": "release",
        "items": [
            {"kind": "coa", "lots": ["A17", "A18"]}, {"kind": "batch_record", "lots": ["A17"]},
            {"kind": "batch_record", "lots": ["A18"]}, {"kind": "assay_result", "lots": ["A17"]},
            {"kind": "storage_temperature", "lots": ["A18"]},
        ],
    },
}  # fmt: skip


# The same of kinds that all share the routine terms, 24 to 48 hours.
ROUTINE_ITEMS = {
    **FIVE_ITEMS,
    "detail": {"purpose": "release", "items": [{"kind": kind, "lots": ["A17"]} for kind in ("coa", "coc", "other")]},
}


def owed(api: Api, **wanted: str) -> list[tuple[int, str]]:
    return [(item["item"], item["kind"]) for item in api.pm.get("/v1/owed", params=wanted).json()["items"]]


def test_five_items_are_answered_over_easter_with_two_questions_and_a_shutdown_and_explained_to_both(
    any_api: Api,
) -> None:
    api = any_api
    line = {
        "name": "Working hours",
        "site_id": str(api.installation.cast.site),
        "clocks": {
            "acknowledgement": {"target": "PT24H", "limit": "PT48H"},
            "answer": {"target": "PT30H", "limit": "PT50H", "mode": "calendar", "pause_cap": "PT120H"},
            "reply": {"target": "PT24H", "limit": "PT48H"},
            "sponsor": {"target": "PT24H", "limit": "PT48H"},
        },
        "ladder": [],
        "agreement_clause": "7.2",
    }
    assert api.admin.post("/v1/policies", json=line).status_code == 201
    closing = {"first_day": "2026-04-08", "last_day": "2026-04-08", "name": "Inventory", "announced_by": "C. Contact"}
    shutdown = api.pm.post(f"/v1/sites/{api.installation.cast.site}/shutdowns", json=closing).json()
    api.lead.post(f"/v1/shutdowns/{shutdown['id']}/agree", json={"reason": "As every year"})
    api.installation.clock.advance(
        days=30
    )  # Wednesday before Easter, 11:00 in Basel: a week with a holiday at both ends
    story = Told(api, **FIVE_ITEMS)
    assert len(owed(api)) == 5

    story.pass_time(hours=2)
    story(api.contact, "ask", text="Which pages of the batch record?", expected_on="2026-04-07")
    story.pass_time(hours=3)
    story(api.pm, "reply", text="All of them.")
    some = [{"item": 1, "document_number": "COA-17", "document_version": "2"}, {"item": 4, "text": "99.2 %"}]
    assert story(api.contact, "answer", items=some)["state"] == "partly_answered"
    assert owed(api, lot="a17") == [(2, "batch_record")]
    assert owed(api) == [(2, "batch_record"), (3, "batch_record"), (5, "storage_temperature")]

    story.pass_time(days=1)
    story(api.contact, "ask", text="Is a scan enough?")
    story.pass_time(hours=20)
    assert story(api.pm, "reply", text="Yes.")["state"] == "partly_answered"  # back where it came from
    story(api.contact, "wait", reason="The courier has the binder", until="2026-04-07T08:00:00Z")
    story.pass_time(days=5)
    assert story.refused(api.contact, "answer", items=[{"item": 5, "status": "declined"}])[0] == 422
    unsupplied = {"item": 5, "status": "declined", "reason": "The logger was never installed"}
    rest = [{"item": number, "document_number": f"BR-{number}"} for number in (2, 3)]
    done = story(api.contact, "answer", items=[*rest, unsupplied])
    assert (done["state"], owed(api)) == ("answered", [])
    assert story.clocks()["answer"] == "met"

    path = f"{story.path}/clocks/answer/explain"
    to_us, to_them = (" ".join(who.get(path).json()["sentences"]) for who in (api.pm, api.contact))
    for told in (to_us, to_them):
        assert "Closed, not counted: Good Friday" in told
        assert "Closed, not counted: Inventory" in told
        assert "waiting for a third party: The courier has the binder (said by Corinne Contact)" in told
        assert told.count("waiting for the sponsor's reply") == 2
        assert "agreement clause 7.2" in told
    assert "11:00 Zurich (UTC+02:00) = 09:00 UTC" in to_them
    assert "09:00 UTC = 11:00 Zurich (UTC+02:00)" in to_us
    hours = story.hours_by_owner()
    assert hours["third_party"] > 0
    assert hours["closed"] > hours["cmo"] > 0
    assert story.is_sound()
