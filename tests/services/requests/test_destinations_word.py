"""A delivery that the sponsor records on the destination's word: the CMO still owes its own, and its clock runs on."""

from typing import Any

from slamon.wording.message import MessageKind
from slamon.wording.messages import put_into_words
from tests.callers import Api
from tests.installation import CONTACT, QUALITY
from tests.services.requests.test_acts import call
from tests.services.requests.test_conversations import LOST, Told
from tests.services.requests.test_validation import ARRIVED, ORDERED, PARCEL

TOLD = {**ARRIVED, "delivered_at": "2026-03-02T15:00:00Z"}


def delivered_by_their_word(api: Api, **said: Any) -> Told:
    """A shipment that left at 13:00 and arrived at 15:00, which the manager records at 17:00."""
    story = Told(api, **LOST)
    story(api.contact, *ORDERED[:1], **ORDERED[1])
    story.pass_time(hours=4)
    story(api.contact, "confirm_dispatch", **PARCEL)
    story.pass_time(hours=4)
    assert story(api.pm, "confirm_delivery", **{**TOLD, **said})["state"] == "delivered"
    return story


def delivery_clock(story: Told) -> dict[str, Any]:
    clocks = story.api.pm.get(story.path).json()["clocks"]
    return next(clock for clock in clocks if clock["kind"] == "delivery_confirmation")


def offered(story: Told, who: Any) -> set[str]:
    return {each["action"] for each in who.get(story.path).json()["actions"]}


def test_the_clock_runs_from_the_delivery_and_the_contact_is_asked_and_offered_the_form(api: Api) -> None:
    story = delivered_by_their_word(api)
    clock = delivery_clock(story)
    assert (clock["outcome"], clock["started_at"]) == ("running", "2026-03-02T15:00:00Z")
    assert ("confirm_delivery" in offered(story, api.contact), offered(story, api.pm) >= {"accept"}) == (
        True,
        True,
    )
    assert "confirm_delivery" not in offered(story, api.pm)
    api.installation.work()
    for hours, kind in ((18, MessageKind.REMINDER), (6, MessageKind.TARGET)):
        story.pass_time(hours=hours)
        [mail] = [each for each in api.installation.email.sent_to(CONTACT, kind) if each.number]
        assert [line.words.label for line in mail.clocks] == ["delivery confirmation"]
    page = api.nobody.get((mail.link or "")[(mail.link or "").index("/r/") :]).text
    assert "Please confirm delivery; it was due by" in page
    assert "by the destination’s word; the CMO has not confirmed it yet" in page
    assert "Nothing to do now" not in page
    assert story(api.contact, "confirm_delivery", **TOLD)["state"] == "delivered"
    assert story.clocks()["delivery_confirmation"] == "late"
    assert "confirm_delivery" not in offered(story, api.contact)
    assert story.is_sound()


def test_past_its_limit_it_is_breached_and_stays_so_and_the_breach_is_told(api: Api) -> None:
    story = delivered_by_their_word(api)
    story.pass_time(hours=60)
    assert api.installation.email.sent_to("lead@sponsor.example", MessageKind.LIMIT)
    story(api.lead, "accept")
    assert story.clocks()["delivery_confirmation"] == "breached"
    assert story.is_sound()


def test_accepting_the_goods_first_closes_it_before_the_cmo_had_to_say(api: Api) -> None:
    story = delivered_by_their_word(api)
    story.pass_time(hours=20)
    story(api.lead, "accept")
    assert story.clocks()["delivery_confirmation"] == "cancelled"
    told = api.pm.get(f"{story.path}/clocks/delivery_confirmation/explain").json()["sentences"]
    assert "closed before the CMO had to say" in " ".join(told)
    assert story.is_sound()


def test_the_cmos_word_counts_as_its_own_and_what_is_wrong_with_the_goods_stays_said(api: Api) -> None:
    story = delivered_by_their_word(api)
    other = {**ARRIVED, "condition": "damaged", "delivered_at": "2026-03-02T14:00:00Z"}
    assert story(api.contact, "confirm_delivery", **other)["state"] == "in_review"
    api.installation.work()
    [alarm] = api.installation.email.sent_to(QUALITY, MessageKind.CMO_ACTED)
    assert alarm.tells_of_damage
    assert delivery_clock(story)["started_at"] == "2026-03-02T15:00:00Z"  # the first word on when it arrived
    assert story.clocks() | {"delivery_confirmation": "met", "excursion_decision": "running"} == story.clocks()
    decided = story(api.quality, "decide", disposition="usable", reason="The box alone is damaged")
    assert decided["state"] == "delivered"
    assert story.is_sound()


def test_damage_told_once_all_is_closed_is_no_decision_that_nobody_can_make(api: Api) -> None:
    story = delivered_by_their_word(api)
    story.pass_time(hours=2)
    story(api.pm, "accept")
    story(api.pm, "confirm_delivery", **{**TOLD, "condition": "damaged"}, **call(api, 9.5))
    api.installation.work()
    [mail] = api.installation.email.sent_to(QUALITY, MessageKind.CMO_ACTED)
    words = " ".join(put_into_words(mail).sentences)
    assert "the request is closed" in words
    assert "must decide" not in words


def test_a_word_of_the_cmo_that_is_recorded_for_it_counts_and_a_second_one_of_ours_does_not(api: Api) -> None:
    story = delivered_by_their_word(api)
    assert story(api.pm, "confirm_delivery", **TOLD)["state"] == "delivered"  # sent twice is said once
    assert story.clocks()["delivery_confirmation"] == "running"
    assert story.refused(api.pm, "confirm_delivery", **{**TOLD, "received_by": "Ward 3"})[0] == 403
    call = {"on_behalf_of": str(api.installation.cast.contact), "via": "phone_recorded", "evidence": "Corinne called"}
    story(api.pm, "confirm_delivery", **TOLD, **call)
    assert story.clocks()["delivery_confirmation"] == "met"
    assert story.is_sound()


def test_of_two_parcels_the_sponsor_tells_of_those_under_way_alone_and_the_cmo_of_each(api: Api) -> None:
    story = Told(api, **LOST)
    story(api.contact, *ORDERED[:1], **ORDERED[1])
    for number, line in (("020-1", 1), ("020-2", 2)):
        parcel = {**PARCEL, "tracking_number": number, "lines": [{"line": line, "quantity": "5"}]}
        story(api.contact, "confirm_dispatch", **parcel)
    story.pass_time(hours=2)
    story(api.pm, "confirm_delivery", consignment=1, **ARRIVED)
    assert story.refused(api.pm, "confirm_delivery", consignment=1, **{**ARRIVED, "received_by": "?"})[0] == 422
    assert story.refused(api.contact, "confirm_delivery", **ARRIVED)[0] == 422  # which?
    story(api.contact, "confirm_delivery", consignment=1, **ARRIVED)
    story(api.pm, "confirm_delivery", **ARRIVED)
    assert "confirm_delivery" not in offered(story, api.pm)
    story(api.contact, "confirm_delivery", **ARRIVED)
    assert {clock: outcome for clock, outcome in story.clocks().items() if "delivery" in clock} == {
        "delivery_confirmation": "met",
        "delivery_confirmation-2": "met",
    }
