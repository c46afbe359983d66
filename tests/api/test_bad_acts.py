"""Acts that contradict what happened before: each gets a clear word, names its field, and changes nothing."""

from typing import Any

import pytest

from slamon.domain.lifecycle import Action
from tests.api.conftest import Api
from tests.api.test_conversations import FIVE_ITEMS, LOST, Told
from tests.world import OTHER_CONTACT

PARCEL = {"courier": "World Courier", "tracking_number": "020-1", "expected_delivery_on": "2026-03-06"}
ORDERED = ("confirm_order", {"planned_ship_on": "2026-03-04"})
SENT = ("confirm_dispatch", PARCEL)
ARRIVED = {"received_by": "Pharmacy", "condition": "intact", "readout": "in_range"}
WAIT = {"reason": "Customs", "until": "2026-03-05T09:00:00Z"}


def refused(api: Api, filing: dict[str, Any], before: list[tuple[str, Any]], action: str, said: dict[str, Any]) -> str:
    """What a refusal says, after some acts of the contact that were taken; that it changed nothing is checked."""
    story = Told(api, **filing)
    for step, particulars in before:
        api.world.clock.advance(hours=1)
        story(api.contact, step, **particulars)
    status, told = story.refused(api.pm if action == "amend" else api.contact, action, **said)
    assert status in (409, 422), told
    return told


@pytest.mark.parametrize(
    ("before", "action", "said", "words"),
    [
        ([], "confirm_dispatch", PARCEL, "not possible while the request is filed"),
        ([ORDERED], "confirm_delivery", ARRIVED, "not possible while the request is confirmed"),
        ([ORDERED], "confirm_dispatch", {**PARCEL, "lines": [{"line": 1, "quantity": "24.5"}]}, "24 of what"),
        ([ORDERED], "confirm_dispatch", {**PARCEL, "lines": [{"line": 3, "quantity": "1"}]}, "line 3"),
        ([ORDERED], "confirm_dispatch", {**PARCEL, "dispatched_at": "2026-03-02T10:00:01Z"}, "lies in the future"),
        ([ORDERED], "confirm_dispatch", {**PARCEL, "expected_delivery_on": "2026-02-27"}, "lies before the dispatch"),
        ([ORDERED], "confirm_dispatch", {"courier": "World Courier"}, "tracking_number"),
        ([ORDERED], "confirm_packed", {}, "logger_serials"),
        ([], "confirm_order", {"planned_ship_on": "2026-02-27"}, "lies in the past"),
        ([], "acknowledge", {"expected_on": "2026-02-27"}, "expected_on"),
        ([], "acknowledge", {"courier": "World Courier"}, "is not part of 'acknowledge'"),
        ([ORDERED, SENT], "confirm_delivery", {**ARRIVED, "delivered_at": "2026-03-02T10:30:00Z"}, "before the"),
        ([ORDERED, SENT], "confirm_delivery", {**ARRIVED, "min_c": 9, "max_c": 3}, "min_c must not lie above max_c"),
        ([ORDERED, SENT], "confirm_delivery", {**ARRIVED, "min_c": 39, "max_c": 46}, "check that it is in °C"),
        ([ORDERED, SENT], "confirm_delivery", {**ARRIVED, "min_f": 39}, "min_f"),
        ([ORDERED, SENT], "confirm_delivery", {**ARRIVED, "readout": "excursion"}, "max_c"),
        ([ORDERED, SENT], "confirm_delivery", {**ARRIVED, "consignment": 2}, "no consignment 2"),
        ([ORDERED], "wait", {"until": WAIT["until"]}, "reason"),
        ([ORDERED], "wait", {"reason": "Customs", "until": "2026-03-09T09:00:00Z"}, "120 hours more"),
        ([ORDERED, ("wait", WAIT)], "wait", {"reason": "Customs", "until": "2026-03-09T09:00:00Z"}, "more in all"),
        ([], "hand_on", {"name": "Maria", "email": "maria@elsewhere.example"}, "@cmo.example"),
        ([], "amend", {"changes": {"due_on": "2026-04-01"}}, "reason"),
        ([], "amend", {"reason": "Why not", "changes": {}}, "changes"),
        ([], "amend", {"reason": "More", "changes": {"detail": {"lines": [{"number": 9, "quantity": "1"}]}}}, "number"),
        ([], "correct", {"corrects": 7, "text": "I meant ten"}, "corrects"),
    ],
)  # fmt: skip
def test_what_contradicts_the_shipment_so_far_is_refused(
    api: Api, before: list[tuple[str, Any]], action: str, said: dict[str, Any], words: str
) -> None:
    assert words in refused(api, LOST, before, action, said)


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ([{"item": 6}], "there is no item 6; this request has 5"),
        ([{"item": 1}, {"item": 1}], "stands twice"),
        ([{"item": 1, "status": "declined"}], "declined without a reason"),
    ],
)
def test_what_contradicts_the_items_asked_for_is_refused(api: Api, items: list[dict[str, Any]], words: str) -> None:
    assert words in refused(api, FIVE_ITEMS, [], "answer", {"items": items})


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


def test_a_due_date_that_is_revised_does_not_forgive_and_a_colleague_takes_over_by_link(any_api: Api) -> None:
    story = Told(any_api, **{**LOST, "due_on": "2026-03-12"})
    story(any_api.pm, "amend", reason="Visit moved", changes={"due_on": "2026-03-20"})
    clocks = any_api.pm.get(f"{story.path}/clocks").json()["clocks"]
    [due] = [clock["limit_at"] for clock in clocks if clock["kind"] == "fulfilment"]
    assert due == "2026-03-12T22:59:59Z"  # the end of the day first agreed, in Paris
    handed = story(any_api.contact, "hand_on", name="Maria Weber", email="maria@cmo.example")
    any_api.world.work()
    [mail] = any_api.world.email.sent_to("maria@cmo.example")
    assert "/r/" in (mail.link or "")
    assert handed["contact_id"] != str(any_api.world.cast.contact)
    assert story.is_sound()


def test_handing_on_tells_nobody_who_else_the_sponsor_works_with(api: Api) -> None:
    path = f"/v1/requests/{api.filed(**LOST)['id']}/actions/hand_on"
    known, unknown = (
        api.contact.post(path, json={"name": "Maria", "email": email}).json()["errors"]
        for email in (OTHER_CONTACT, f"nobody{OTHER_CONTACT[OTHER_CONTACT.index('@') :]}")
    )
    assert known == unknown


def test_a_request_that_replaces_a_lost_one_names_it_and_a_stranger_can_be_nobodys_parent(api: Api) -> None:
    lost = api.filed(**LOST)
    again = api.filed(**{**LOST, "parent_id": lost["id"]})
    assert api.pm.get(f"/v1/requests/{again['id']}").json()["parent_id"] == lost["id"]
    stranger = api.pm.post("/v1/requests", json=api.inquiry(parent_id=str(api.world.cast.pm)))
    assert (stranger.status_code, stranger.json()["errors"][0]["field"]) == (422, "parent_id")


@pytest.mark.slow
def test_in_every_state_of_a_shipment_whatever_is_not_offered_is_refused_and_changes_nothing(api: Api) -> None:
    story, everybody = Told(api, **LOST), [api.contact, api.pm, api.lead, api.quality]
    steps: list[tuple[Any, str, dict[str, Any]]] = [
        (api.contact, "ask", {"text": "Which label?"}),
        (api.pm, "reply", {"text": "The French one."}),
        (api.contact, "confirm_order", {"planned_ship_on": "2026-03-12"}),
        (api.pm, "agree", {}),
        (api.contact, "confirm_dispatch", {**PARCEL, "lines": [{"line": 1, "quantity": "24"}]}),
        (api.contact, "confirm_dispatch", PARCEL),
        (api.contact, "confirm_delivery", {**ARRIVED, "consignment": 1}),
        (api.contact, "confirm_delivery", {**ARRIVED, "readout": "missing"}),
        (api.quality, "decide", {"disposition": "not_usable", "reason": "Nobody knows how warm it was"}),
        (api.pm, "accept", {}),
    ]
    seen = []
    for who, action, said in [*steps, (None, "", {})]:
        offered = {each["action"] for caller in everybody for each in caller.get(story.path).json()["actions"]}
        seen.append(api.pm.get(story.path).json()["state"])
        version = story.version()
        for refused_action in sorted(set(Action) - offered - {Action.ACKNOWLEDGE}):  # once more, that is harmless
            for caller in (api.contact, api.lead):
                answer = caller.post(f"{story.path}/actions/{refused_action}", json={"text": "?", "reason": "?"})
                assert answer.status_code in (403, 409), (seen[-1], refused_action, answer.text)
        assert story.version() == version
        if who is not None:
            story(who, action, **said)
    assert seen == [
        "filed", "awaiting_sponsor", "acknowledged", "awaiting_sponsor", "confirmed", "partly_dispatched", "dispatched",
        "partly_delivered", "in_review", "delivered", "closed",
    ]  # fmt: skip
