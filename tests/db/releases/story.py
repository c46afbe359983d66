"""What happens in the small installation whose database is kept for each release: one week, told through HTTP."""

from datetime import timedelta
from typing import Any

from starlette.testclient import TestClient

from slamon.errors import DeliveryError
from tests.callers import Api
from tests.installation import START, Installation
from tests.services.requests.test_conversations import FIVE_ITEMS, LOST, Told

LINE = {"target": "PT24H", "limit": "PT48H"}
PARCEL = {"courier": "World Courier", "tracking_number": "020-1234 5675", "expected_delivery_on": "2026-03-10"}
ARRIVED = {"received_by": "Pharmacy", "condition": "intact"}


def live(installation: Installation) -> None:
    """Fill an installation just founded with requests of every type, open, ended, overdue, paused and reopened."""
    api = Api(installation)
    set_up(api)
    shipment, data = Told(api, **LOST), Told(api, **FIVE_ITEMS)
    question, silent = Told(api), Told(api, subject="Which line in week 30?", priority="urgent")
    undelivered(installation)
    draft(api)
    at(api, hours=2)
    data(api.contact, "ask", text="Which pages of the batch record?", expected_on="2026-03-05")
    question(api.contact, "answer", text="Yes, until Wednesday")
    at(api, hours=20)
    data(api.pm, "reply", text="All of them")
    attach(api, data)
    question(api.pm, "reject", reason="Until which hour?")
    question(api.contact, "answer", text="Until 18:00")
    at(api, hours=50)  # nobody at the CMO has seen the shipment nor the urgent question
    called = {"on_behalf_of": str(installation.cast.contact), "via": "phone_recorded", "evidence": "Corinne called"}
    shipment(api.pm, "acknowledge", **called, occurred_at=(START + timedelta(hours=20)).isoformat())
    shipment(api.contact, "confirm_order", planned_ship_on="2026-03-11")
    question(api.pm, "accept")
    follow_up = Told(api, subject="And week 21?", parent_id=question.path.rpartition("/")[2])
    at(api, hours=75)
    shipment(api.pm, "agree")
    shipment(
        api.contact,
        "confirm_packed",
        lines=[{"line": 1, "quantity": "24"}],
        lots_or_kits="A17",
        logger_serials=["TT-1"],
    )
    shipment(api.contact, "confirm_dispatch", **PARCEL, lines=[{"line": 1, "quantity": "24"}])
    shipment(api.contact, "wait", reason="Customs want another invoice", until="2026-03-08T09:00:00Z")
    silent(api.lead, "take")
    follow_up(api.contact, "hand_on", name="Maria Weber", email="maria@cmo.example")
    data(api.pm, "amend", reason="Needed a week later", changes={"due_on": "2026-03-20"})
    at(api, hours=100)
    shipment(api.contact, "resume")
    warm = {"readout": "excursion", "max_c": 11.5, "minutes_out": 95}
    shipment(api.contact, "confirm_delivery", consignment=1, **warm, **ARRIVED)
    shipment(api.quality, "decide", disposition="usable", reason="Within the stability budget")
    data(api.pm, "follow_up", text="Any news of the certificates?")
    change_rules(api)
    at(api, hours=130)
    items = [{"item": 1, "document_number": "COA-17"}, {"item": 3, "status": "declined", "reason": "Not produced"}]
    data(api.contact, "answer", items=items)
    data(api.pm, "correct", corrects=4, text="All of them but the annex")
    follow_up(api.lead, "cancel", reason="Settled by phone")
    declined, reopened = Told(api, subject="A line in July?"), Told(api, subject="A second shift?")
    declined(api.contact, "decline", reason="The plant is shut down")
    reopened(api.contact, "answer", text="No")
    reopened(api.pm, "accept")
    reopened(api.pm, "reopen", reason="Asked again by the study team")
    at(api, hours=150)
    reopened(api.contact, "ask", text="For which study?")
    at(api, hours=172)
    done(api.pm, "/v1/requests", api.inquiry(subject="Is week 32 free?"), once="week-32")
    installation.work()


def at(api: Api, *, hours: float) -> None:
    """Let time pass, and what is due happen, until so many hours after the beginning."""
    while (left := START + timedelta(hours=hours) - api.installation.clock.now()) > timedelta(0):
        step = min(left, timedelta(hours=6))
        api.installation.clock.advance(seconds=step.total_seconds())
        api.installation.work()


def set_up(api: Api) -> None:
    cast = api.installation.cast
    both = [str(cast.site), str(cast.second_site)]
    contact = {"cmo_id": str(cast.cmo), "site_ids": both, "name": "Vera Various", "email": "vera@cmo.example"}
    done(api.admin, "/v1/contacts", contact)
    line = {"name": "Basel by the quality agreement", "site_id": str(cast.site), "agreement_clause": "7.2"}
    clocks = {"acknowledgement": LINE, "answer": {**LINE, "mode": "calendar", "pause_cap": "PT120H"}, "reply": LINE}
    ladder = [{"level": "limit", "to": [{"channel": "email", "role": "lead"}]}]
    done(api.admin, "/v1/policies", {**line, "type": "data", "clocks": {**clocks, "sponsor": LINE}, "ladder": ladder})
    closed = {"first_day": "2026-03-06", "last_day": "2026-03-09", "name": "Carnival", "announced_by": "C. Contact"}
    shutdown = done(api.pm, f"/v1/sites/{cast.site}/shutdowns", closed)
    done(api.lead, f"/v1/shutdowns/{shutdown['id']}/agree", {"reason": "As every year"})
    summer = {**closed, "first_day": "2026-07-20", "last_day": "2026-07-31", "name": "Summer"}
    done(api.pm, f"/v1/sites/{cast.site}/shutdowns", summer)
    service = {"service_name": "IRT bridge", "service_roles": ["project_manager"], "scopes": ["read", "act"]}
    done(api.admin, "/v1/api-keys", service)


def change_rules(api: Api) -> None:
    """What staff change while requests are open: a line, a calendar, an address, a project, an auditor's scope."""
    cast = api.installation.cast
    [line] = [each for each in api.admin.get("/v1/policies").json()["items"] if each["agreement_clause"] == "7.2"]
    opening = {"date": "2026-03-07", "name": "Makes up for carnival", "hours": [["08:00", "18:00"]]}
    for path, change in (
        (f"/v1/policies/{line['id']}", {"clocks": {**line["clocks"], "reply": {"target": "PT30H", "limit": "PT60H"}}}),
        (f"/v1/calendars/{cast.calendar}", {"opening_days": [opening]}),
        (f"/v1/contacts/{cast.contact}", {"email": "corinne@cmo.example"}),
        (f"/v1/projects/{cast.other_project}", {"restricted": True}),
        (f"/v1/people/{cast.auditor}", {"reads_cmo_ids": [str(cast.cmo)], "reads_project_ids": [str(cast.project)]}),
    ):
        answer = api.admin.patch(path, json={**change, "reason": "Agreed in the business review"})
        assert answer.status_code == 200, answer.text
    assert done(api.admin, f"/v1/policies/{line['id']}/apply", {"reason": "Agreed for what is open too"})["requests"]


def undelivered(installation: Installation) -> None:
    """One mail is refused for good, and one comes through at the second attempt."""
    installation.email.failures += [DeliveryError("550 no such user", permanent=True), DeliveryError("421 later")]
    installation.work()


def draft(api: Api) -> None:
    content = {**api.inquiry(subject="Stability data"), "detail": {"category": "technical"}}
    answer = api.pm.put("/v1/drafts/0198c0de-0000-7000-8000-000000000001", json=content)
    assert answer.status_code == 200, answer.text


def attach(api: Api, story: Told) -> None:
    sent = api.contact.post(
        f"{story.path}/attachments", files={"file": ("CoA A17.pdf", b"%PDF-1.7\nassay 99.2 %\n", "application/pdf")}
    )
    assert sent.status_code == 201, sent.text


def done(who: TestClient, path: str, body: dict[str, Any], *, once: str | None = None) -> dict[str, Any]:
    answer = who.post(path, json=body, headers={"Idempotency-Key": once} if once else {})
    assert answer.status_code in (200, 201), answer.text
    said: dict[str, Any] = answer.json()
    return said
