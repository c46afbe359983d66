"""Changing what was asked: the first value stays readable, lateness counts against it, and two changes cannot cross."""

from typing import Any

import pytest

from tests.callers import Api
from tests.services.requests.test_conversations import FIVE_ITEMS, LOST, Told

SAME = [{"number": 1, "quantity": "24.0"}]
TWICE = [{"number": 1, "quantity": "20"}, {"number": 1, "quantity": "21"}]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"reason": "Late", "changes": {"due_on": "2026-02-27"}}, "lies in the past"),
        ({"reason": "?", "changes": {"detail": {"items": [{"number": 1, "lots": ["A"]}]}}}, "is no part"),
        ({"reason": "?", "changes": {"detail": {"requested_ship_date": "2026-04-01"}}}, "would lie after"),
        ({"reason": "?", "changes": {"detail": {"lines": TWICE}}}, "names the same number twice"),
        ({"reason": "?", "changes": {"detail": {"lines": SAME}}}, "nothing would change"),
        ({"changes": {"due_on": "2026-04-01"}}, "reason"),
        ({"reason": "Why not", "changes": {}}, "changes"),
        ({"reason": "More", "changes": {"detail": {"lines": [{"number": 9, "quantity": "1"}]}}}, "number"),
    ],
)  # fmt: skip
def test_an_amendment_that_makes_no_sense_is_refused_and_changes_nothing(
    api: Api, said: dict[str, Any], words: str
) -> None:
    status, told = Told(api, **LOST).refused(api.pm, "amend", **said)
    assert status == 422
    assert words in told


def test_of_two_amendments_made_from_the_same_version_one_wins(any_api: Api) -> None:
    request = any_api.filed(**LOST)
    path, seen = f"/v1/requests/{request['id']}/actions/amend", {"If-Match": '"1"'}
    more = {"reason": "One site more", "changes": {"detail": {"lines": [{"number": 1, "quantity": "30"}]}}}
    later = {"reason": "Patient visit moved", "changes": {"due_on": "2026-04-01"}}
    assert any_api.pm.post(path, json=more).status_code == 422  # from which version?
    assert any_api.pm.post(path, json=more, headers=seen).status_code == 200
    assert any_api.pm.post(path, json=later, headers=seen).status_code == 412
    changed = any_api.pm.get(f"/v1/requests/{request['id']}").json()
    assert (changed["detail"]["lines"][0]["quantity"], changed["due_on"]) == ("30", None)
    fact = any_api.contact.get(f"/v1/requests/{request['id']}/timeline").json()["facts"][-1]
    assert fact["content"]["changes"]["detail"]["from"]["lines"][0]["quantity"] == "24"  # the first stays readable


def test_a_due_date_that_is_revised_does_not_forgive(api: Api) -> None:
    story = Told(api, **{**LOST, "due_on": "2026-03-12"})
    story(api.pm, "amend", reason="Visit moved", changes={"due_on": "2026-03-20"})
    clocks = api.pm.get(f"{story.path}/clocks").json()["clocks"]
    [due] = [clock["limit_at"] for clock in clocks if clock["kind"] == "fulfilment"]
    assert due == "2026-03-12T22:59:59Z"  # the end of the day first agreed, in Paris
    assert story.is_sound()


def test_only_a_lead_changes_the_priority_and_the_deadlines_follow(api: Api) -> None:
    story = Told(api, **FIVE_ITEMS)
    urgent = {"reason": "The batch is on hold", "changes": {"priority": "urgent"}}
    assert story.refused(api.pm, "amend", **urgent)[0] == 403
    before = {c["kind"]: c["limit_at"] for c in api.pm.get(story.path).json()["clocks"]}
    after = {c["kind"]: c["limit_at"] for c in story(api.lead, "amend", **urgent)["clocks"]}
    assert after["acknowledgement"] < before["acknowledgement"]
    assert api.pm.get(f"{story.path}/timeline").json()["facts"][-1]["kind"] == "terms_changed"
    assert story.is_sound()
