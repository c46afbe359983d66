"""Stories told through HTTP: a request from filing to its end, and what each side sees on the way."""

import pytest

from slamon.wording.message import MessageKind
from tests.callers import Api

SHIPMENT = {
    "type": "shipment",
    "subject": "Resupply of site 1204",
    "priority": "urgent",
    "detail": {
        "order_type": "resupply",
        "destination": {"kind": "clinical_site", "name": "Hôpital Saint-Louis", "address": "Paris", "country": "FR"},
        "required_delivery_from": "2026-03-16",
        "required_delivery_to": "2026-03-18",
        "storage": {"min_c": 2, "max_c": 8},
        "lines": [{"product_code": "AUR-1", "quantity": "24.5", "unit": "kit"}],
    },
}
DATA = {
    "type": "data",
    "subject": "Certificates",
    "detail": {"purpose": "release", "items": [{"kind": "coa", "lots": ["A17"]}, {"kind": "coa", "lots": ["A18"]}]},
}


def test_a_filed_request_answers_with_number_state_and_when_each_clock_is_due(api: Api) -> None:
    answer = api.pm.post("/v1/requests", json=api.inquiry())
    assert answer.status_code == 201
    filed = answer.json()
    assert (filed["number"], filed["state"]) == ("INQ-2026-000001", "filed")
    assert [(c["kind"], c["target_at"], c["limit_at"]) for c in filed["clocks"]] == [
        ("acknowledgement", "2026-03-03T09:00:00Z", "2026-03-04T09:00:00Z"),
        ("answer", "2026-03-03T09:00:00Z", "2026-03-04T09:00:00Z"),
    ]
    assert filed["actions"] == [
        {"action": "follow_up", "needs": ["text"], "takes": []},
        {"action": "amend", "needs": ["reason", "changes"], "takes": ["changes"]},
        {"action": "correct", "needs": ["corrects", "text"], "takes": ["corrects"]},
        {"action": "cancel", "needs": ["reason"], "takes": []},
    ]
    assert answer.headers["location"] == f"/v1/requests/{filed['id']}"
    assert answer.headers["etag"] == '"1"'
    assert api.pm.get(answer.headers["location"]).json() == filed


@pytest.mark.parametrize(("body", "number"), [(SHIPMENT, "SHP-2026-000001"), (DATA, "DAT-2026-000001")])
def test_every_type_of_request_can_be_filed(api: Api, body: dict[str, object], number: str) -> None:
    assert api.filed(**body)["number"] == number


def test_a_quantity_keeps_its_decimals(api: Api) -> None:
    assert api.filed(**SHIPMENT)["detail"]["lines"] == [{"product_code": "AUR-1", "quantity": "24.5", "unit": "kit"}]


def test_an_urgent_request_runs_under_the_urgent_policy(api: Api) -> None:
    assert api.filed(**SHIPMENT)["clocks"][0]["target_at"] == "2026-03-02T17:00:00Z"


def test_a_request_goes_from_filing_to_closing(any_api: Api) -> None:
    api = any_api
    path = f"/v1/requests/{api.filed()['id']}"
    api.installation.clock.advance(hours=1)
    asked = api.contact.post(f"{path}/actions/ask", json={"text": "Which line?"}).json()
    assert asked["state"] == "awaiting_sponsor"
    assert asked["clocks"][1] | {"paused_since": "2026-03-02T10:00:00Z", "target_at": None} == asked["clocks"][1]
    api.installation.clock.advance(hours=2)
    assert api.pm.post(f"{path}/actions/reply", json={"text": "Line 2."}).json()["state"] == "acknowledged"
    answered = api.contact.post(f"{path}/actions/answer", json={"text": "Week 20 is free."}).json()
    assert {clock["clock"]: clock["outcome"] for clock in answered["clocks"]} == {
        "acknowledgement": "met",
        "answer": "met",
        "reply-3": "met",  # to the sponsor's reply, the third thing that happened
        "sponsor-2": "met",
    }
    closed = api.pm.post(f"{path}/actions/accept").json()
    assert (closed["state"], [each["action"] for each in closed["actions"]]) == ("closed", ["reopen"])
    timeline = api.pm.get(f"{path}/timeline").json()["facts"]
    assert [(fact["kind"], fact["by"]["role"]) for fact in timeline] == [
        ("filed", "project_manager"),
        ("asked", "cmo_contact"),
        ("replied", "project_manager"),
        ("answered", "cmo_contact"),
        ("accepted", "project_manager"),
    ]


def test_staff_write_down_a_call_as_the_contacts_own_act(api: Api) -> None:
    path = f"/v1/requests/{api.filed()['id']}"
    api.installation.clock.advance(hours=30)
    call = {
        "on_behalf_of": str(api.installation.cast.contact),
        "via": "phone_recorded",
        "evidence": "Corinne Contact called: received",
        "occurred_at": "2026-03-02T12:00:00+01:00",
    }
    recorded = api.pm.post(f"{path}/actions/acknowledge", json=call).json()
    assert recorded["clocks"][0] | {"stopped_at": "2026-03-02T11:00:00Z", "outcome": "met"} == recorded["clocks"][0]
    fact = api.pm.get(f"{path}/timeline").json()["facts"][1]
    assert (fact["by"]["name"], fact["recorded_by"]["name"], fact["via"]) == (
        "Corinne Contact",
        "Petra Manager",
        "phone_recorded",
    )


def test_lists_come_in_pages_by_urgency_and_by_filing(any_api: Api) -> None:
    api = any_api
    numbers = []
    for priority in ("routine", "critical", "urgent", "routine"):
        numbers.append(api.filed(priority=priority)["number"])
        api.installation.clock.advance(minutes=1)
    path = "/v1/requests?limit=3"
    first = api.pm.get(path).json()
    second = api.pm.get(f"{path}&cursor={first['next_cursor']}").json()
    urgency = [line["number"] for line in first["items"] + second["items"]]
    assert urgency == [numbers[1], numbers[2], numbers[0], numbers[3]]
    assert second["next_cursor"] is None
    by_filing = api.pm.get("/v1/requests?sort=filed").json()["items"]
    assert [line["number"] for line in by_filing] == numbers[::-1]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("state=filed", 2),
        ("state=closed", 0),
        ("type=shipment", 1),
        ("priority=urgent", 1),
        ("overdue=true", 1),
        ("overdue=false", 1),
        ("site_id={site}", 2),
        ("site_id={other_site}", 0),
        ("cmo_id={cmo}", 2),
        ("project_id={project}", 2),
    ],
)
def test_lists_are_filtered(api: Api, query: str, found: int) -> None:
    cast = api.installation.cast
    named = query.format(site=cast.site, other_site=cast.other_site, cmo=cast.cmo, project=cast.project)
    api.filed()
    api.filed(**SHIPMENT)
    api.installation.clock.advance(hours=10)
    assert len(api.pm.get(f"/v1/requests?sort=filed&{named}").json()["items"]) == found


def test_a_new_cmo_is_ready_to_be_asked_once_its_records_stand(api: Api) -> None:
    admin = api.admin
    week = {"name": "Irish week", "weekly": {"mon": [["09:00", "17:00"]]}, "country": "IE"}
    calendar = admin.post("/v1/calendars", json=week).json()
    cmo = admin.post("/v1/cmos", json={"name": "Shannon Fill"}).json()
    shannon = {"cmo_id": cmo["id"], "name": "Shannon", "country": "IE", "time_zone": "Europe/Dublin"}
    site = admin.post("/v1/sites", json={**shannon, "calendar_id": calendar["id"]}).json()
    contact = {"cmo_id": cmo["id"], "site_ids": [site["id"]], "name": "Sean", "email": "sean@shannon.example"}
    assert admin.post("/v1/contacts", json=contact).status_code == 201
    project = admin.get(f"/v1/projects/{api.installation.cast.project}").json()
    more = {"cmo_ids": [*project["cmo_ids"], cmo["id"]], "reason": "Second source"}
    assert admin.patch(f"/v1/projects/{project['id']}", json=more).status_code == 200
    policy = {
        "name": "Shannon, working hours",
        "site_id": site["id"],
        "clocks": {"acknowledgement": {"target": "PT4H", "limit": "PT8H", "mode": "calendar"}},
        "ladder": [{"level": "limit", "to": [{"channel": "email", "role": "lead"}]}],
    }
    assert admin.post("/v1/policies", json=policy).status_code == 201
    [clock] = api.filed(site_id=site["id"])["clocks"]
    assert (clock["target_at"], clock["limit_at"]) == ("2026-03-02T13:00:00Z", "2026-03-02T17:00:00Z")


def test_the_policy_that_applies_can_be_asked_for(api: Api) -> None:
    cast = api.installation.cast
    body = {
        "name": "CoAs at Basel",
        "site_id": str(cast.site),
        "kind": "coa",
        "clocks": {"answer": {"target": "PT30S", "limit": "PT1M"}},
        "ladder": [],
    }
    line = api.admin.post("/v1/policies", json=body).json()
    path = f"/v1/policies/resolve?project_id={cast.project}&site_id={cast.site}&type=data"
    found = api.pm.get(f"{path}&kind=coa").json()
    assert (found["policy"]["id"], found["matched_by"]) == (line["id"], ["site_id", "kind"])
    assert found["why"] == (
        "It names site_id and kind; the next best, 'Routine: answer within 24 to 48 hours', names nothing."
    )
    assert api.pm.get(path).json()["policy"]["id"] != line["id"]
    assert [clock["kind"] for clock in api.filed(**DATA)["clocks"]] == ["answer"]


def test_the_closed_days_of_a_year_are_public_holidays_and_the_plants_own(api: Api) -> None:
    path = f"/v1/calendars/{api.installation.cast.calendar}"
    change = {"closed_days": [{"date": "2026-12-24", "name": "Plant closed"}], "reason": "Told by the plant"}
    assert api.admin.patch(path, json=change).status_code == 200
    days = api.pm.get(f"{path}/holidays?year=2026").json()["days"]
    assert {"day": "2026-12-24", "name": "Plant closed", "is_public": False} in days
    assert {"day": "2026-05-01", "name": "Labor Day", "is_public": True} in days


def test_an_invited_person_gets_the_link_that_sets_a_password_by_mail(api: Api) -> None:
    new = {"name": "New", "email": "new@sponsor.example", "roles": ["head"]}
    person = api.admin.post("/v1/people", json=new).json()
    answer = api.admin.post(f"/v1/people/{person['id']}/invite")
    assert (answer.status_code, answer.json()) == (202, {"sent_to": "new@sponsor.example"})
    api.installation.work()
    assert len(api.installation.email.sent_to("new@sponsor.example", MessageKind.INVITATION)) == 1
    assert api.admin.post(f"/v1/people/{api.installation.cast.contact}/invite").status_code == 404
    assert api.lead.post(f"/v1/people/{person['id']}/invite").status_code == 403


def test_a_contacts_links_are_withdrawn_and_counted(any_api: Api) -> None:
    filed = any_api.filed()
    any_api.installation.work()  # mails the first link
    path = f"/v1/requests/{filed['id']}/revoke-links"
    body = {"person_id": filed["contact_id"], "reason": "Forwarded"}
    first, again = (any_api.pm.post(path, json=body) for _ in range(2))
    assert (first.status_code, first.json()) == (200, {"revoked": 1})
    assert again.json() == {"revoked": 0}


def test_a_draft_policy_is_tried_on_the_past_before_anybody_lives_under_it(api: Api) -> None:
    api.filed()
    api.installation.clock.advance(hours=30)
    draft = {
        "name": "Tighter",
        "clocks": {"answer": {"target": "PT8H", "limit": "PT24H"}},
        "ladder": [{"level": "limit", "to": [{"channel": "email", "role": "lead"}]}],
    }
    question = {"policy": draft, "filed_from": "2026-03-01T00:00:00Z", "filed_to": "2026-04-01T00:00:00Z"}
    answer = api.lead.post("/v1/policies/what-if", json=question)
    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "looked_at": 1,
        "covered": 1,
        "cmos": [
            {
                "cmo_id": str(api.installation.cast.cmo), "name": "Rhein Fill AG", "requests": 1,
                "breaches": 0, "breaches_under_draft": 1, "appeared": 1, "vanished": 0,
            }
        ],
        "leads": [
            {
                "person_id": str(api.installation.cast.lead), "name": "Leo Lead",
                "escalations": 0, "escalations_under_draft": 1,
            }
        ],
    }  # fmt: skip
    assert api.contact.post("/v1/policies/what-if", json=question).status_code == 403
    backwards = {**question, "filed_to": "2026-02-01T00:00:00Z"}
    assert "filed_to" in api.lead.post("/v1/policies/what-if", json=backwards).text
    worse = {**draft, "clocks": {"answer": {"target": "PT24H", "limit": "PT8H"}}}
    refused = api.lead.post("/v1/policies/what-if", json={**question, "policy": worse})
    assert (refused.status_code, "limit" in refused.text) == (422, True)
