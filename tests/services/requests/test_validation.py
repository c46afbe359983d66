"""Acts that contradict what happened before: each gets a clear word, names its field, and changes nothing."""

from typing import Any

import pytest

from slamon.domain.catalogue import STANDARD
from slamon.domain.lifecycle import Action
from slamon.wording.message import MessageKind
from tests.callers import Api
from tests.installation import LEAD
from tests.services.requests.test_conversations import FIVE_ITEMS, LOST, ROUTINE_ITEMS, Told

PARCEL = {"courier": "World Courier", "tracking_number": "020-1", "expected_delivery_on": "2026-03-06"}
ORDERED = ("confirm_order", {"planned_ship_on": "2026-03-04"})
SENT = ("confirm_dispatch", PARCEL)
PACKED = ("confirm_packed", {"logger_serials": ["TT-1"], "lots_or_kits": "A17, kits 1-10"})
NO_LOT = {
    "logger_serials": ["TT-1"],
    "lines": [{"line": 1, "quantity": "2", "lots_or_kits": "A"}, {"line": 2, "quantity": "1"}],
}
LOST_ALL = ("report_lost", {"text": "The courier cannot find it"})
ARRIVED = {"received_by": "Pharmacy", "condition": "intact", "readout": "in_range"}
WAIT = {"reason": "Customs", "until": "2026-03-05T09:00:00Z"}


def refused(api: Api, filing: dict[str, Any], before: list[tuple[str, Any]], action: str, said: dict[str, Any]) -> str:
    """What a refusal says, after some acts of the contact that were taken; that it changed nothing is checked."""
    story = Told(api, **filing)
    for step, particulars in before:
        api.installation.clock.advance(hours=1)
        story(api.contact, step, **particulars)
    who = {"decide": api.quality}.get(action, api.contact)
    status, told = story.refused(who, action, **said)
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
        ([ORDERED], "confirm_packed", {}, "lots_or_kits"),
        ([ORDERED], "confirm_packed", {"lots_or_kits": "A17"}, "logger_serials"),
        ([ORDERED], "confirm_packed", NO_LOT, "line 2 names no lot"),
        ([], "confirm_order", {"planned_ship_on": "2026-02-27"}, "lies in the past"),
        ([], "acknowledge", {"expected_on": "2026-02-27"}, "expected_on"),
        ([], "acknowledge", {"expected_on": "2026-03-01"}, "it is over there, where the zone is Europe/Zurich"),
        ([], "acknowledge", {"courier": "World Courier"}, "is not part of 'acknowledge'"),
        ([], "decline", {"reason": "No capacity", "expected_on": "2026-03-09"}, "of an answer still to come"),
        ([ORDERED], "confirm_dispatch", {**PARCEL, "dispatched_at": "2026-03-02T08:59:59Z"}, "before the request was"),
        ([ORDERED, PACKED], "confirm_packed", {**PACKED[1], "lines": [{"line": 1, "quantity": "1"}]}, "0 of what"),
        ([ORDERED, SENT, LOST_ALL], "decide", {"disposition": "usable", "reason": "Found"}, "is lost"),
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
        ([{"item": 1}], "comes with nothing"),
    ],
)
def test_what_contradicts_the_items_asked_for_is_refused(api: Api, items: list[dict[str, Any]], words: str) -> None:
    assert words in refused(api, FIVE_ITEMS, [], "answer", {"items": items})


def test_what_is_written_down_late_must_fit_what_happened_before_and_since(api: Api) -> None:
    story = Told(api, **ROUTINE_ITEMS)
    call = {"on_behalf_of": str(api.installation.cast.contact), "via": "phone_recorded", "evidence": "Corinne called"}
    api.installation.clock.advance(hours=60)
    story(api.contact, "answer", text="All attached")
    story.pass_time(hours=5)
    story(api.pm, "reject", reason="The second lot is missing")
    earlier = {**call, "text": "All of it", "occurred_at": "2026-03-04T23:00:00Z"}  # between answer and rejection
    status, told = story.refused(api.pm, "answer", **earlier)
    assert (status, "while the request was answered" in told) == (422, True)
    assert story.clocks()["answer"] == "breached"
    before_all = {**call, "text": "All of it", "occurred_at": "2026-03-02T10:00:00Z"}
    assert story(api.pm, "answer", **before_all)["state"] == "acknowledged"  # it was rejected since
    assert story.clocks()["answer"] == "met"
    assert story(api.pm, "answer", **call, text="All of it")["state"] == "answered"
    assert story.is_sound()


def test_what_was_sent_back_is_owed_again(api: Api) -> None:
    story = Told(api, **FIVE_ITEMS)
    story(api.contact, "answer", text="All attached")
    assert api.pm.get("/v1/owed").json()["items"] == []
    story(api.pm, "reject", reason="Of the wrong lot")
    assert len(api.pm.get("/v1/owed").json()["items"]) == 5
    story(api.contact, "ask", text="Which lot, then?")
    assert story(api.pm, "reply", text="A18")["state"] == "acknowledged"
    assert story.clocks()["answer"] == "met"  # the first answer stays comparable
    story(api.contact, "decline", reason="There is no such lot")
    assert api.pm.get("/v1/owed").json()["items"] == []


def test_a_clock_past_its_limit_stays_breached_when_the_sponsor_needs_it_no_more(api: Api) -> None:
    story = Told(api, **FIVE_ITEMS)
    story(api.contact, "answer", text="All attached")
    story(api.pm, "follow_up", text="In which file is the third?")
    story.pass_time(hours=60)
    story(api.pm, "accept")
    assert story.clocks()["reply-3"] == "breached"
    assert story.is_sound()


def test_who_may_act_depends_on_the_state_and_whose_word_it_is(api: Api) -> None:
    story = Told(api, **LOST)
    for step, said in (ORDERED, SENT, ("confirm_delivery", ARRIVED)):
        api.installation.clock.advance(hours=1)
        story(api.contact, step, **said)
    assert story.refused(api.quality, "accept")[0] == 403  # of a refusal quality may, of a delivery not
    assert story.refused(api.contact, "confirm_delivery", **ARRIVED, via="phone_recorded")[0] == 422
    assert story.refused(api.pm, "follow_up", text="When?", expected_on="2026-03-09")[0] == 422
    story(api.lead, "take", reason="I shall call their head of logistics")
    assert "taken" not in [fact["kind"] for fact in api.contact.get(f"{story.path}/timeline").json()["facts"]]
    assert story(api.lead, "accept")["state"] == "closed"


def test_a_contact_may_name_another_day_at_any_time_while_something_is_owed(api: Api) -> None:
    story = Told(api, **FIVE_ITEMS)
    story(api.contact, "acknowledge", expected_on="2026-03-04")
    assert story.refused(api.contact, "acknowledge", expected_on="2026-03-06")[0] == 409  # never silently lost
    assert story(api.contact, "respond", text="Two days more", expected_on="2026-03-06")["expected_on"] == "2026-03-06"


def test_a_refusal_that_the_sponsor_leaves_lying_is_the_sponsors_breach(api: Api) -> None:
    story = Told(api, **FIVE_ITEMS)
    story(api.contact, "decline", reason="Not our lot")
    story.pass_time(hours=49)
    assert story.clocks()["sponsor-2"] == "running"
    assert api.installation.email.sent_to(LEAD, MessageKind.LIMIT)
    story(api.pm, "accept")
    assert story.clocks()["sponsor-2"] == "breached"


def test_a_request_that_replaces_a_lost_one_names_it_and_a_stranger_can_be_nobodys_parent(api: Api) -> None:
    lost = api.filed(**LOST)
    again = api.filed(**{**LOST, "parent_id": lost["id"]})
    assert api.pm.get(f"/v1/requests/{again['id']}").json()["parent_id"] == lost["id"]
    stranger = api.pm.post("/v1/requests", json=api.inquiry(parent_id=str(api.installation.cast.pm)))
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
        for refused_action in sorted(
            set(STANDARD.actions) - offered - {Action.ACKNOWLEDGE}
        ):  # once more, that is harmless
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
