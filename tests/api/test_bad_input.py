"""Bad input gets a clear error that names the field, and changes nothing; odd but honest input is kept.

What the document says of types, lengths and choices, `test_schema.py` tries out; here stand the rules between fields.
"""

from typing import Any

import pytest

from tests.callers import Api, refused

STEP = {"level": "limit", "to": [{"channel": "email", "role": "lead"}]}
POLICY = {"name": "At Basel", "clocks": {"answer": {"target": "PT24H", "limit": "PT48H"}}, "ladder": [STEP]}
ORDER = {"order_confirmation": {"target": "PT24H", "limit": "PT48H"}}
LINE = {"product_code": "AUR-1", "quantity": 1, "unit": "kit"}
PLACE = {"kind": "depot", "name": "Depot", "address": "Paris", "country": "FR"}
SHIPMENT = {"order_type": "initial", "destination": PLACE, "storage": {"code": "frozen"}, "lines": [LINE]}
OPENING = {"date": "2026-03-07", "name": "Makes up for carnival", "hours": [["08:00", "18:00"]]}
OVERLONG = "x" * 201


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"clocks": {"answer": {"target": "PT0S", "limit": "PT48H"}}}, "target"),
        ({"clocks": {"answer": {"target": "PT24H", "limit": "PT23H"}}}, "limit"),
        ({"clocks": {"answer": {"target": "P1M", "limit": "PT48H"}}}, "clocks.answer.target"),
        ({"clocks": {"answer": {"target": "PT24H", "limit": "P99999W"}}}, "limit"),
        ({"clocks": {"answer": {"target": "-PT24H", "limit": "PT48H"}}}, "clocks.answer.target"),
        ({"clocks": {}}, "clocks"),
        ({"clocks": {"lunch": {"target": "PT24H", "limit": "PT48H"}}}, "clocks.lunch"),
        ({"ladder": POLICY["ladder"] * 2}, "ladder"),
        ({"ladder": [{"level": "limit", "to": []}]}, "ladder.0.to"),
        ({"ladder": [{"level": "limit", "to": [{"channel": "email"}]}]}, "ladder.0.to.0"),
        ({"effective_from": "2026-03-01T00:00:00"}, "effective_from"),
        ({"effective_from": 1767225600}, "effective_from"),
        ({"effective_from": "0001-01-01T00:00:00+14:00"}, "effective_from"),
        ({"effective_to": "2020-01-01T00:00:00Z"}, "effective_to"),
        ({"project_id": "01980a4e-8f6b-7c3d-9a51-2f1c7d9e0a11"}, "project_id"),
        ({"kind": "weather"}, "kind"),
        ({"type": "inquiry", "kind": "coa"}, "kind"),
        ({"type": "data", "clocks": ORDER}, "clocks"),
        ({"kind": "coa", "clocks": ORDER}, "clocks"),
        ({"type": "shipment"}, "clocks"),
        ({"ladder": [{**STEP, "level": "reminder", "percent_of_target": 75, "clocks": ["reply", "promise"]}]},
         "ladder.percent_of_target"),
    ],
)  # fmt: skip
def test_a_policy_that_cannot_work_is_refused(api: Api, change: dict[str, Any], field: str) -> None:
    body = {**POLICY, "site_id": str(api.installation.cast.site), **change}
    assert field in refused(api.admin.post("/v1/policies", json=body))


def test_a_line_for_a_site_of_another_cmo_is_refused_also_where_a_change_makes_it_one(api: Api) -> None:
    cast = api.installation.cast
    mixed = {**POLICY, "site_id": str(cast.site), "cmo_id": str(cast.other_cmo)}
    assert "leave cmo_id out" in refused(api.admin.post("/v1/policies", json=mixed))["site_id"]
    assert "no CMO" in refused(api.admin.post("/v1/policies", json={**POLICY, "cmo_id": str(cast.sponsor)}))["cmo_id"]
    line = api.admin.post("/v1/policies", json={**POLICY, "site_id": str(cast.site)}).json()
    for change in ({"cmo_id": str(cast.other_cmo)}, {"type": "shipment"}):
        refused(api.admin.patch(f"/v1/policies/{line['id']}", json={**change, "reason": "Narrower"}))
    assert api.admin.get(f"/v1/policies/{line['id']}").json() == line


def test_two_lines_that_would_tie_are_refused(any_api: Api) -> None:
    body = {**POLICY, "site_id": str(any_api.installation.cast.site)}
    assert any_api.admin.post("/v1/policies", json=body).status_code == 201
    tie = any_api.admin.post("/v1/policies", json={**body, "name": "Again"})
    assert (tie.status_code, "At Basel" in tie.json()["detail"]) == (409, True)


@pytest.mark.parametrize(
    ("calendar", "field"),
    [
        ({"weekly": {}}, "weekly"),
        ({"weekly": {"mon": []}}, "weekly"),
        ({"weekly": {"mon": [["08:00"]]}}, "weekly.mon.0.1"),
        ({"weekly": {"mon": [["08:00", "12:00"], ["13:00"]]}}, "weekly.mon.1.1"),
        ({"weekly": "24x7", "country": "CH", "subdivision": "XX"}, "subdivision"),
        ({"weekly": "24x7", "country": "XX"}, "country"),
        ({"weekly": "24x7", "subdivision": "BS"}, "country"),
        ({"weekly": "24x7", "closed_days": [{"date": "2026-02-30", "name": "Never"}]}, "closed_days.0.date"),
        ({"weekly": "24x7", "opening_days": [OPENING, OPENING]}, "opening_days"),
        ({"weekly": "24x7", "opening_days": [{**OPENING, "hours": [["08:00", "08:00"]]}]}, "calendar"),
    ],
)
def test_a_calendar_that_cannot_work_is_refused(api: Api, calendar: dict[str, Any], field: str) -> None:
    assert field in refused(api.admin.post("/v1/calendars", json={"name": "New", **calendar}))


def test_a_country_with_regional_holidays_is_taken_with_a_region_or_for_the_whole_country(api: Api) -> None:
    refusal = refused(api.admin.post("/v1/calendars", json={"name": "New", "weekly": "24x7", "country": "GB"}))
    assert "ENG, NIR, SCT, WLS" in refusal["subdivision"]
    for region, easter_monday in (("ENG", True), ("SCT", False), ("nationwide", False)):
        body = {"name": region, "weekly": "24x7", "country": "GB", "subdivision": region}
        made = api.admin.post("/v1/calendars", json=body)
        assert made.status_code == 201, made.text
        days = api.admin.get(f"/v1/calendars/{made.json()['id']}/holidays?year=2026").json()["days"]
        assert ("2026-04-06" in [day["day"] for day in days]) == easter_monday


def test_a_calendar_cannot_be_changed_into_one_that_never_opens(api: Api) -> None:
    path = f"/v1/calendars/{api.installation.cast.calendar}"
    before = api.admin.get(path).json()
    assert "weekly" in refused(api.admin.patch(path, json={"weekly": {}, "reason": "Closed down"}))
    assert api.admin.get(path).json() == before


@pytest.mark.parametrize(
    "zone",
    [
        "Mars/Olympus",
        "../../etc/passwd",
        "localtime",
        "europe/zurich",
    ],
)
def test_an_unknown_zone_is_refused(api: Api, zone: str) -> None:
    site = {"cmo_id": str(api.installation.cast.cmo), "name": "New", "country": "CH", "time_zone": zone}
    assert "time_zone" in refused(api.admin.post("/v1/sites", json=site))


@pytest.mark.parametrize(
    ("person", "field"),
    [
        ({"email": "a@b\r\nBcc: c@d"}, "email"),
        ({"email": f"{'ß' * 200}@sponsor.example"}, "email"),
        ({"roles": []}, "roles"),
        ({"roles": ["cmo_contact"]}, "roles.0"),
        ({"roles": ["admin", "lead"]}, "roles"),
        ({"name": "  "}, "name"),
        ({"name": "a\u0000b"}, "name"),
        ({"password_hash": "x"}, "password_hash"),
        ({"backup_id": "01980a4e-8f6b-7c3d-9a51-2f1c7d9e0a11"}, "backup_id"),
    ],
)
def test_a_person_that_cannot_be_is_refused(api: Api, person: dict[str, Any], field: str) -> None:
    body = {"name": "New", "email": "new@sponsor.example", "roles": ["head"], **person}
    assert field in refused(api.admin.post("/v1/people", json=body))


def test_an_address_is_used_once(any_api: Api) -> None:
    body = {"name": "Twin", "email": "PM@Sponsor.Example", "roles": ["head"]}
    answer = any_api.admin.post("/v1/people", json=body)
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:slamon:problem:already-exists")


def test_a_code_that_another_project_has_is_refused_whatever_else_changes(any_api: Api) -> None:
    cast = any_api.installation.cast
    change = {"code": "ORI-202", "cmo_ids": [str(cast.cmo)], "reason": "x"}
    answer = any_api.admin.patch(f"/v1/projects/{cast.project}", json=change)
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:slamon:problem:already-exists")


def test_a_field_cannot_be_emptied_that_a_record_needs(api: Api) -> None:
    path = f"/v1/sites/{api.installation.cast.site}"
    assert set(refused(api.admin.patch(path, json={"name": None, "country": None, "reason": "x"}))) == {
        "name",
        "country",
    }
    assert (
        api.admin.patch(path, json={"calendar_id": None, "reason": "Open all the time"}).json()["calendar_id"] is None
    )


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"subject": ""}, "subject"),
        ({"subject": OVERLONG}, "subject"),
        ({"subject": "a\u0000b"}, "subject"),
        ({"type": "weather"}, "body"),
        ({"filed_at": "2020-01-01T00:00:00Z"}, "filed_at"),
        ({"due_on": "2026-03-01T00:00:00Z"}, "due_on"),
        ({"due_on": 20260316}, "due_on"),
        ({"site_id": "01980a4e-8f6b-7c3d-9a51-2f1c7d9e0a11"}, "site_id"),
        ({"detail": {"category": "technical", "questions": []}}, "detail.questions"),
        ({"detail": {"category": "technical", "questions": ["Why?"], "lines": []}}, "detail.lines"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(api: Api, change: dict[str, Any], field: str) -> None:
    assert field in refused(api.pm.post("/v1/requests", json=api.inquiry(**change)))
    assert api.pm.get("/v1/requests").json()["items"] == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"lines": []}, "detail.lines"),
        ({"lines": [{**LINE, "quantity": 0}]}, "detail.lines.0.quantity"),
        ({"lines": [LINE, {**LINE, "quantity": -1}]}, "detail.lines.1.quantity"),
        ({"lines": [{**LINE, "quantity": "NaN"}]}, "detail.lines.0.quantity"),
        ({"lines": [{**LINE, "quantity": "0.0001"}]}, "detail.lines.0.quantity"),
        ({"lines": [{**LINE, "quantity": "1_000"}]}, "detail.lines.0.quantity"),
        ({"lines": [{**LINE, "quantity": "１２"}]}, "detail.lines.0.quantity"),
        ({"storage": {}}, "detail.storage"),
        ({"storage": {"code": "frozen", "min_c": 2, "max_c": 8}}, "detail.storage"),
        ({"storage": {"min_c": 2}}, "detail.storage"),
        ({"storage": {"min_c": 8, "max_c": 2}}, "detail.storage"),
        ({"storage": {"min_c": 8, "max_c": 8}}, "detail.storage"),
        ({"storage": {"min_c": -300, "max_c": 8}}, "detail.storage.min_c"),
        ({"required_delivery_from": "2026-03-18", "required_delivery_to": "2026-03-16"}, "detail"),
        ({"requested_ship_date": "2026-03-18", "required_delivery_to": "2026-03-16"}, "detail"),
        ({"destination": {**PLACE, "country": "UK"}}, "detail.destination.country"),
    ],
)
def test_a_shipment_that_makes_no_sense_is_refused(api: Api, change: dict[str, Any], field: str) -> None:
    body = api.inquiry(type="shipment", detail={**SHIPMENT, **change})
    assert field in refused(api.pm.post("/v1/requests", json=body))


def test_a_number_that_json_does_not_know_is_refused(api: Api) -> None:
    body = '{"type": "shipment", "detail": {"storage": {"min_c": NaN, "max_c": Infinity}}}'
    answer = api.pm.post("/v1/requests", content=body, headers={"Content-Type": "application/json"})
    assert {"detail.storage.min_c", "detail.storage.max_c"} <= set(refused(answer))


@pytest.mark.parametrize(("body", "field"), [('"subject": "\\ud800"', "subject"), ('"\\udfff": 1', "body")])
def test_half_a_character_is_refused(api: Api, body: str, field: str) -> None:
    sent = f'{{"type": "inquiry", {body}}}'
    assert field in refused(api.pm.post("/v1/requests", content=sent, headers={"Content-Type": "application/json"}))


@pytest.mark.parametrize(
    "name",
    ["Ünïcode & Söhne 株式会社", "‏RTL‎ mixed", "👩‍🔬 Lab", "O'Neil; DROP TABLE site;--"],
)
def test_names_in_any_script_are_kept(api: Api, name: str) -> None:
    made = api.admin.post("/v1/cmos", json={"name": name}).json()
    assert api.admin.get(f"/v1/cmos/{made['id']}").json()["name"] == name


def test_a_request_in_any_script_is_kept_and_told(api: Api) -> None:
    question = "هل الخط متاح؟\nגם בשבוע 20? 🙂"
    filed = api.filed(subject="שאלה", detail={"category": "technical", "questions": [question]})
    assert api.contact.get(f"/v1/requests/{filed['id']}").json()["detail"]["questions"] == [question]


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"occurred_at": "2026-03-02T10:00:00"}, "occurred_at"),
        ({"occurred_at": "2026-03-02T12:00:01Z"}, "occurred_at"),
        ({"occurred_at": "2026-03-02T08:59:59Z"}, "occurred_at"),
        ({"via": None}, "via"),
        ({"via": "staff_page"}, "via"),
        ({"evidence": " "}, "evidence"),
        ({"on_behalf_of": "01980a4e-8f6b-7c3d-9a51-2f1c7d9e0a11"}, "on_behalf_of"),
        ({"expected_on": "2026-03-01"}, "expected_on"),
    ],
)
def test_a_recorded_call_that_cannot_have_been_is_refused(api: Api, said: dict[str, Any], field: str) -> None:
    path = f"/v1/requests/{api.filed()['id']}"
    api.installation.clock.advance(hours=3)
    call = {"on_behalf_of": str(api.installation.cast.contact), "via": "phone_recorded", "evidence": "Called"}
    assert field in refused(api.pm.post(f"{path}/actions/acknowledge", json={**call, **said}))
    assert len(api.pm.get(f"{path}/timeline").json()["facts"]) == 1


@pytest.mark.parametrize(("action", "needed"), [("ask", "text"), ("answer", "text"), ("decline", "reason")])
def test_an_act_that_says_nothing_is_refused(api: Api, action: str, needed: str) -> None:
    path = f"/v1/requests/{api.filed()['id']}/actions/{action}"
    assert needed in refused(api.contact.post(path, json={needed: " "}))
    assert needed in refused(api.contact.post(path))


def test_what_the_state_does_not_allow_is_refused_saying_what_it_does(api: Api) -> None:
    path = f"/v1/requests/{api.filed()['id']}"
    answer = api.pm.post(f"{path}/actions/accept")
    assert (answer.status_code, answer.json()["possible"]) == (409, ["follow_up", "amend", "correct", "cancel"])
    assert api.pm.get(path).headers["etag"] == '"1"'


def test_acknowledging_twice_is_harmless(api: Api) -> None:
    path = f"/v1/requests/{api.filed()['id']}/actions/acknowledge"
    first = api.contact.post(path, json={"expected_on": "2026-03-02"})
    api.installation.clock.advance(hours=50)
    again = api.contact.post(path, json={"expected_on": "2026-03-02"})
    assert (again.status_code, again.json()["version"]) == (200, first.json()["version"])


def test_an_action_nobody_knows_is_refused(api: Api) -> None:
    assert "action" in refused(api.pm.post(f"/v1/requests/{api.filed()['id']}/actions/shout", json={"text": "HEY"}))
