"""Data of several kinds in one request: each kind has its terms, and the request is never held to less than one has."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.callers import Api
from tests.installation import CONTACT, START
from tests.services.requests.test_conversations import Told

HOURS = {"coa": (24, 48), "batch_record": (120, 240), "stability_data": (72, 120), "capa_status": (72, 120)}


def data(api: Api, *kinds: str, **more: Any) -> dict[str, Any]:
    items = [{"kind": kind, "lots": ["A17"]} for kind in kinds]
    return {**api.inquiry(type="data", subject="Release", detail={"purpose": "release", "items": items}), **more}


def after(hours: int) -> str:
    return (START + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


def answer_clock(request: dict[str, Any]) -> tuple[str, str]:
    [clock] = [each for each in request["clocks"] if each["kind"] == "answer"]
    return clock["target_at"], clock["limit_at"]


def own_dates(request: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {each["kind"]: (each["target_at"], each["limit_at"]) for each in request["item_terms"]}


def test_filed_as_one_it_runs_under_the_longest_and_each_item_and_the_register_keep_their_own(api: Api) -> None:
    filed = api.pm.post("/v1/requests", json=data(api, "coa", "batch_record", "stability_data")).json()
    assert answer_clock(filed) == (after(120), after(240))
    expected = {kind: tuple(map(after, HOURS[kind])) for kind in ("coa", "batch_record", "stability_data")}
    read = api.pm.get(f"/v1/requests/{filed['id']}").json()
    for told in (filed, read):
        assert (told["terms_differ"], own_dates(told)) == (True, expected)
    owed = {item["kind"]: (item["target_at"], item["limit_at"]) for item in api.pm.get("/v1/owed").json()["items"]}
    assert owed == expected
    path = f"/v1/requests/{filed['id']}/actions"
    api.contact.post(f"{path}/acknowledge", json={})
    api.contact.post(f"{path}/ask", json={"text": "Which lot?"})
    assert {item["limit_at"] for item in api.pm.get("/v1/owed").json()["items"]} == {None}  # we owe a reply
    api.installation.clock.advance(hours=10)
    api.pm.post(f"{path}/reply", json={"text": "A17"})
    limits = {item["kind"]: item["limit_at"] for item in api.pm.get("/v1/owed").json()["items"]}
    assert limits == {kind: after(HOURS[kind][1] + 10) for kind in expected}


@pytest.mark.parametrize("kinds", [("stability_data", "capa_status"), ("coa", "coc"), ("batch_record", "batch_record")])
def test_kinds_with_the_same_terms_are_one_request_under_them(api: Api, kinds: tuple[str, str]) -> None:
    one = api.pm.post("/v1/requests", json=data(api, *kinds)).json()
    assert (one["terms_differ"], one["item_terms"]) == (False, [])
    assert answer_clock(one) == tuple(map(after, HOURS.get(kinds[0], (24, 48))))
    split = api.pm.post("/v1/requests", json=data(api, *kinds, split=True, file_anyway=True)).json()
    assert len(split["items"]) == 1


def test_kinds_that_differ_in_the_acknowledgement_alone_are_offered_apart(api: Api) -> None:
    slow = {"acknowledgement": {"target": "PT20H", "limit": "PT40H"}, "answer": {"target": "PT24H", "limit": "PT48H"}}
    quick = {**slow, "acknowledgement": {"target": "PT5H", "limit": "PT10H"}}
    for kind, clocks in (("coa", quick), ("coc", slow)):
        line = {"name": kind, "kind": kind, "clocks": clocks, "ladder": []}
        made = api.admin.post("/v1/policies", json=line)
        assert made.status_code == 201, made.text
    filed = api.pm.post("/v1/requests", json=data(api, "coa", "coc", split=True)).json()["items"]
    assert [each["clocks"][0]["kind"] for each in filed] == ["acknowledgement"] * 2
    assert [each["clocks"][0]["limit_at"] for each in filed] == [after(10), after(40)]


def test_split_files_one_linked_request_for_each_of_the_terms_once(any_api: Api) -> None:
    api, once = any_api, {"Idempotency-Key": "split-it"}
    body = data(api, "batch_record", "coa", "coc", "stability_data", split=True)
    answers = [api.pm.post("/v1/requests", json=body, headers=once) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    filed = answers[0].json()["items"]
    assert [[item["kind"] for item in each["detail"]["items"]] for each in filed] == [
        ["batch_record"], ["coa", "coc"], ["stability_data"],
    ]  # fmt: skip
    assert [answer_clock(each)[1] for each in filed] == [after(240), after(48), after(120)]
    assert [each["parent_id"] for each in filed] == [None, filed[0]["id"], filed[0]["id"]]
    assert answers[0].headers["location"] == f"/v1/requests/{filed[0]['id']}"
    assert len(api.pm.get("/v1/requests").json()["items"]) == 3
    api.installation.work()
    assert len(api.installation.email.sent_to(CONTACT)) == 3


def test_of_a_split_filing_all_is_filed_or_nothing(any_api: Api) -> None:
    any_api.pm.post("/v1/requests", json=data(any_api, "coa"))
    again = any_api.pm.post("/v1/requests", json=data(any_api, "coa", "batch_record", split=True))
    assert again.json()["type"].endswith("likely-duplicate")
    assert len(any_api.pm.get("/v1/requests").json()["items"]) == 1


def test_a_draft_is_split_when_it_is_filed(api: Api) -> None:
    path = "/v1/drafts/01980a4e-8f6b-7c3d-9a51-2f1c7d9e0a01"
    api.pm.put(path, json=data(api, "coa", "batch_record"))
    assert len(api.pm.post(f"{path}/file", json={"split": True}).json()["items"]) == 2
    api.pm.put(path, json=data(api, "coa", "batch_record"))
    assert api.pm.post(f"{path}/file", json={"file_anyway": True}).json()["terms_differ"]


def test_the_longest_is_what_is_due_last_whether_hours_or_working_hours_are_counted(api: Api) -> None:
    line = {
        "name": "Certificates in working hours",
        "kind": "coa",
        "site_id": str(api.installation.cast.site),
        "ladder": [],
        "clocks": {"answer": {"target": "PT40H", "limit": "PT110H", "mode": "calendar"}},
    }
    assert api.admin.post("/v1/policies", json=line).status_code == 201
    api.installation.clock.advance(seconds=1)
    filed = api.pm.post("/v1/requests", json=data(api, "coa", "batch_record")).json()  # 240 h against 110 of 50 a week
    dates = own_dates(filed)
    assert dates["coa"][1] > dates["batch_record"][1]
    assert answer_clock(filed) == dates["coa"]


def test_another_priority_gives_each_kind_the_terms_it_then_has(api: Api) -> None:
    story = Told(api, **data(api, "coa", "batch_record"))
    urgent = {"reason": "The batch is on hold", "changes": {"priority": "urgent"}}
    changed = story(api.lead, "amend", **urgent)
    assert datetime.fromisoformat(answer_clock(changed)[1]) <= START + timedelta(hours=25)
    routine = {"reason": "Released after all", "changes": {"priority": "routine"}}
    assert own_dates(story(api.lead, "amend", **routine))["coa"][1] == after(48)
    assert story.is_sound()


def test_a_line_applied_to_open_requests_moves_the_items_of_its_kind(api: Api) -> None:
    filed = api.pm.post("/v1/requests", json=data(api, "coa", "batch_record")).json()
    line = {
        "name": "Slower certificates", "kind": "coa", "site_id": str(api.installation.cast.site), "ladder": [],
        "clocks": {"answer": {"target": "PT48H", "limit": "PT96H"}},
    }  # fmt: skip
    policy = api.admin.post("/v1/policies", json=line).json()
    api.installation.clock.advance(hours=1)
    applied = api.admin.post(f"/v1/policies/{policy['id']}/apply", json={"reason": "Agreed with the CMO"})
    assert applied.status_code == 200, applied.text
    read = api.pm.get(f"/v1/requests/{filed['id']}").json()
    assert own_dates(read) == {"coa": (after(48), after(96)), "batch_record": (after(120), after(240))}
