"""What the CMO said by phone or mail and is recorded late: it counts when it was said, whatever came through since."""

from datetime import date, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from slamon.db.requests import ClockRow, CmoRequest, CrossingRow
from slamon.domain.lifecycle import Action, RequestType
from slamon.domain.timeline import Via
from slamon.errors import SlamonError
from slamon.services.reports.verify import Difference, verify_requests
from tests.callers import Api
from tests.installation import START, Installation
from tests.services.requests.test_conversations import LOST, ROUTINE_ITEMS, Told
from tests.services.requests.test_validation import ARRIVED, LOST_ALL, PACKED, PARCEL

ACK, ASK, ANSWER = ("acknowledge", {}), ("ask", {"text": "Which lot?"}), ("answer", {"text": "All attached"})
SECOND_ITEM = ("answer", {"items": [{"item": 2, "document_number": "COA-2"}]})
FIRST_ITEM = ("answer", {"items": [{"item": 1, "document_number": "COA-1"}]})
DECLINE = ("decline", {"reason": "Not our lot"})
ORDER, LATER_ORDER = (
    ("confirm_order", {"planned_ship_on": "2026-03-06"}),
    (
        "confirm_order",
        {"planned_ship_on": "2026-03-13"},
    ),
)
SENT = ("confirm_dispatch", {**PARCEL, "expected_delivery_on": "2026-03-09"})
DELIVERED = ("confirm_delivery", ARRIVED)
ACCEPT, REOPEN = ("accept", {}), ("reopen", {"reason": "One is missing"})
AT_NOON = {"dispatched_at": "2026-03-02T12:00:00Z"}
SENT_AT_NOON = ("confirm_dispatch", {**SENT[1], **AT_NOON})
DELIVERED_AT_THREE = ("confirm_delivery", {**ARRIVED, "delivered_at": "2026-03-02T15:00:00Z"})
ORDERED_FIRST = (1, "contact", ORDER)
REPLY, REJECT = ("reply", {"text": "Lot A17"}), ("reject", {"reason": "Wrong lot"})
WAIT = ("wait", {"reason": "Customs", "until": "2026-03-05T09:00:00Z"})
CORRECT = ("correct", {"corrects": 2, "text": "I meant week 21"})
Step = tuple[str, dict[str, Any]]


def call(api: Api, hours: float, **said: Any) -> dict[str, Any]:
    """What a call of the contact said, `hours` after the filing."""
    at = (START + timedelta(hours=hours)).isoformat()
    who = str(api.installation.cast.contact)
    return {"on_behalf_of": who, "via": "phone_recorded", "evidence": "Corinne called", "occurred_at": at, **said}


def lived(api: Api, filing: dict[str, Any], life: list[tuple[float, str, Step]]) -> Told:
    """A request and what who did in which hour after its filing."""
    story = Told(api, **filing)
    for hours, who, (action, said) in life:
        story.pass_time(seconds=(START + timedelta(hours=hours) - api.installation.clock.now()).total_seconds())
        story(getattr(api, who), action, **said)
    return story


@pytest.mark.parametrize(
    ("filing", "life", "late", "clocks", "state"),
    [
        (ROUTINE_ITEMS, [(60, "contact", ANSWER)], (5, ANSWER), {"answer": "met"}, "answered"),
        (ROUTINE_ITEMS, [(60, "contact", ANSWER)], (30, ANSWER), {"answer": "late"}, "answered"),
        (ROUTINE_ITEMS, [(60, "contact", ANSWER), (61, "pm", ACCEPT)], (5, ANSWER), {"answer": "met"}, "closed"),
        (ROUTINE_ITEMS, [(60, "contact", ANSWER), (61, "pm", REJECT)], (5, ANSWER), {"answer": "met"}, "acknowledged"),
        (ROUTINE_ITEMS, [(60, "lead", ("cancel", {"reason": "?"}))], (5, ANSWER), {"answer": "met"}, "cancelled"),
        (ROUTINE_ITEMS, [(60, "contact", ACK)], (5, ACK), {"acknowledgement": "met"}, "acknowledged"),
        (ROUTINE_ITEMS, [(60, "contact", SECOND_ITEM)], (5, FIRST_ITEM), {"acknowledgement": "met"}, "partly_answered"),
        (ROUTINE_ITEMS, [(60, "contact", SECOND_ITEM)], (5, SECOND_ITEM), {"answer": "running"}, "partly_answered"),
        (ROUTINE_ITEMS, [(60, "contact", DECLINE)], (5, ANSWER), {"answer": "met"}, "declined"),
        (ROUTINE_ITEMS, [(60, "contact", ANSWER)], (30, DECLINE), {"sponsor-3": "cancelled"}, "answered"),
        (ROUTINE_ITEMS, [(49, "contact", ANSWER)], (20, ASK), {"answer": "met", "sponsor-3": "cancelled"}, "answered"),
        (ROUTINE_ITEMS, [(25, "contact", ACK)], (20, ASK), {"sponsor-3": "running"}, "awaiting_sponsor"),
        (ROUTINE_ITEMS, [(40, "contact", ASK), (50, "pm", REPLY)], (20, ASK), {"sponsor-4": "late"}, "acknowledged"),
        (ROUTINE_ITEMS, [(40, "contact", ASK), (50, "pm", REPLY)], (20, ANSWER), {"answer": "met"}, "answered"),
        (ROUTINE_ITEMS, [(5, "contact", ACK), (60, "contact", ANSWER)], (10, WAIT), {"answer": "met"}, "answered"),
        (
            ROUTINE_ITEMS,
            [(5, "contact", ACK), (6, "pm", ("follow_up", {"text": "?"})), (60, "contact", ANSWER)],
            (10, ("respond", {"text": "On it"})),
            {"reply-3": "met"},
            "answered",
        ),
        (ROUTINE_ITEMS, [(4, "contact", ASK), (60, "pm", REPLY)], (5, CORRECT), {}, "acknowledged"),
        (LOST, [(60, "contact", ORDER)], (5, ORDER), {"order_confirmation": "met"}, "confirmed"),
        (LOST, [(60, "contact", ORDER)], (5, LATER_ORDER), {"acknowledgement": "met"}, "confirmed"),
        (LOST, [(60, "contact", LATER_ORDER)], (5, ORDER), {"order_confirmation": "met"}, "awaiting_sponsor"),
        (LOST, [(60, "contact", ORDER)], (5, ASK), {"acknowledgement": "met"}, "confirmed"),
        (LOST, [(60, "contact", ORDER)], (5, DECLINE), {"order_confirmation": "met"}, "confirmed"),
        (LOST, [(60, "contact", DECLINE)], (5, ORDER), {"order_confirmation": "met"}, "declined"),
        (LOST, [ORDERED_FIRST, (60, "contact", SENT)], (5, PACKED), {}, "dispatched"),
        (
            LOST,
            [ORDERED_FIRST, (60, "contact", SENT_AT_NOON)],
            (5, SENT_AT_NOON),
            {"dispatch_confirmation": "met"},
            "dispatched",
        ),
        (
            LOST,
            [ORDERED_FIRST, (2, "contact", SENT), (90, "contact", DELIVERED_AT_THREE)],
            (8, DELIVERED),
            {"delivery_confirmation": "met"},
            "delivered",
        ),
        (LOST, [ORDERED_FIRST, (2, "contact", SENT), (90, "contact", DELIVERED)], (8, LOST_ALL), {}, "delivered"),
        (LOST, [ORDERED_FIRST, (2, "contact", SENT), (90, "contact", LOST_ALL)], (8, DELIVERED),
         {"delivery_confirmation": "met"}, "in_review"),
    ],
)  # fmt: skip
def test_every_act_of_the_cmo_may_be_recorded_late_and_its_clocks_follow(
    api: Api, filing: dict[str, Any], life: list[tuple[float, str, Step]], late: tuple[float, Step],
    clocks: dict[str, str], state: str,
) -> None:  # fmt: skip
    story = lived(api, filing, life)
    story.pass_time(hours=1)
    hours, (action, said) = late
    assert story(api.pm, action, **call(api, hours, **said))["state"] == state
    assert clocks.items() <= story.clocks().items()
    facts = api.pm.get(f"{story.path}/timeline").json()["facts"]
    assert len(facts) == len(life) + 2  # both stand in the timeline
    api.installation.work()
    assert story.is_sound()


def test_a_breach_that_an_answer_in_time_disproves_no_longer_holds(api: Api) -> None:
    story = lived(api, ROUTINE_ITEMS, [(60, "contact", ANSWER)])
    assert story.clocks()["answer"] == "breached"
    again = [story(api.pm, "answer", **call(api, 5, text="All attached"))["version"] for _ in range(2)]
    assert again[0] == again[1]  # recorded twice, it counts once
    with api.installation.runtime.db.read() as session:
        crossed = session.scalars(select(CrossingRow).where(CrossingRow.clock == "answer")).all()
    assert {(row.status, row.rescinded_reason) for row in crossed} == {
        ("rescinded", "an earlier act was recorded later")
    }
    assert story.is_sound()


def test_a_dispatch_told_by_phone_is_the_consignment_with_its_tracking_number_or_the_one_named(api: Api) -> None:
    half = [{"line": 1, "quantity": "24"}]
    told = {"lines": half, "dispatched_at": "2026-03-02T11:00:00Z"}
    story = lived(api, LOST, [ORDERED_FIRST, (60, "contact", ("confirm_dispatch", {**SENT[1], **told}))])
    phone = {**SENT[1], "dispatched_at": "2026-03-02T11:00:00Z"}
    other_number = {**phone, "tracking_number": "020-77"}
    assert story.refused(api.pm, "confirm_dispatch", **call(api, 5, **phone, consignment=3))[0] == 422
    more = {**phone, "lines": [{"line": 1, "quantity": "25"}]}
    assert story.refused(api.pm, "confirm_dispatch", **call(api, 5, **more))[0] == 422
    assert story(api.pm, "confirm_dispatch", **call(api, 30, **phone))["state"] == "partly_dispatched"
    assert story.clocks()["dispatch_confirmation"] == "late"
    named = call(api, 5, **other_number, consignment=1)
    assert story(api.pm, "confirm_dispatch", **named)["state"] == "partly_dispatched"
    assert story.clocks()["dispatch_confirmation"] == "met"
    assert story(api.pm, "confirm_dispatch", **call(api, 6, **other_number))["state"] == "dispatched"  # a new one
    assert story.is_sound()


@pytest.mark.parametrize(
    ("life", "late", "words"),
    [
        ([(5, "contact", ASK), (60, "pm", REPLY)], (10, ANSWER), "while the request was awaiting_sponsor. Possible "),
        ([(5, "contact", ANSWER), (60, "pm", ACCEPT)], (10, ANSWER), "while the request was answered"),
        ([(5, "contact", ANSWER), (6, "pm", ACCEPT), (60, "lead", REOPEN)], (10, ASK), "was closed. Possible"),
    ],
)  # fmt: skip
def test_what_was_not_possible_at_its_time_is_refused_with_the_way_out(
    api: Api, life: list[tuple[float, str, Step]], late: tuple[float, Step], words: str
) -> None:
    story = lived(api, ROUTINE_ITEMS, life)
    story.pass_time(hours=1)
    hours, (action, said) = late
    status, told = story.refused(api.pm, action, **call(api, hours, **said))
    assert (status, words in told, "Record first what came before it" in told) == (422, True, True), told


def test_of_two_days_and_two_colleagues_named_the_later_word_stands_whichever_was_recorded_first(api: Api) -> None:
    life = [
        (30, "contact", ("acknowledge", {"expected_on": "2026-03-06"})),
        (31, "contact", ("hand_on", {"name": "Maria", "email": "maria@cmo.example"})),
    ]
    story = lived(api, ROUTINE_ITEMS, life)
    now = api.pm.get(story.path).json()
    story(api.pm, "acknowledge", **call(api, 5, expected_on="2026-03-04"))
    story(api.pm, "hand_on", **call(api, 6, name="Anna", email="anna@cmo.example"))
    then = api.pm.get(story.path).json()
    assert (then["expected_on"], then["contact_id"]) == ("2026-03-06", now["contact_id"])
    assert story.is_sound()


# --- any life: recorded late, an act has the outcomes it would have had recorded at once ------------------------------

OWN = {
    "data": {"purpose": "release", "items": [{"kind": "coa"}, {"kind": "coc"}]},
    "shipment": {"storage": {"code": "none"}, "lines": [{"quantity": "24"}, {"quantity": "10"}]},
}
LIVES = 24
ONE_ITEM = {"items": [{"item": 1, "status": "supplied", "document_number": "1"}]}
TALK: list[tuple[Action, str, dict[str, Any]]] = [
    (Action.ACKNOWLEDGE, "contact", {}),
    (Action.ASK, "contact", {"text": "Which?"}),
    (Action.REPLY, "pm", {"text": "That one"}),
    (Action.FOLLOW_UP, "pm", {"text": "And?"}),
]


def choices(kind: str, today: date) -> list[tuple[Action, str, dict[str, Any]]]:
    """What somebody may try to do: an action, by whom, saying what."""
    if kind == "data":
        return [
            *TALK,
            (Action.ANSWER, "contact", {"particulars": ONE_ITEM}),
            (Action.ANSWER, "contact", {"text": "All of it"}),
            (Action.RESPOND, "contact", {"text": "Soon"}),
            (Action.REJECT, "pm", {"reason": "No"}),
            (Action.DECLINE, "contact", {"reason": "No"}),
        ]
    soon, later = (str(today + timedelta(days=days)) for days in (2, 9))
    parcel = {**PARCEL, "expected_delivery_on": soon}
    part = [{"line": 1, "quantity": "12"}]
    return [
        *TALK,
        *[(Action.CONFIRM_ORDER, "contact", {"particulars": {"planned_ship_on": day}}) for day in (soon, later)],
        (Action.AGREE, "pm", {}),
        (Action.CONFIRM_DISPATCH, "contact", {"particulars": {**parcel, "lines": part}}),
        (Action.CONFIRM_DISPATCH, "contact", {"particulars": {**parcel, "tracking_number": "020-2"}}),
        *[(Action.CONFIRM_DELIVERY, who, {"particulars": {**ARRIVED, "consignment": 1}}) for who in ("contact", "pm")],
    ]


def taken(installation: Installation, request_id: UUID, action: Action, who: str, said: dict[str, Any]) -> bool:
    """Whether the act became a fact: it was neither refused nor said before."""
    with installation.runtime.db.read() as session:
        before = session.get_one(CmoRequest, request_id).fact_count
    try:
        return installation.act(request_id, action, by=getattr(installation.cast, who), **said).fact_count > before
    except SlamonError:
        return False


def as_call(installation: Installation, at: datetime, said: dict[str, Any]) -> dict[str, Any]:
    record = {"via": Via.PHONE_RECORDED, "evidence": "Corinne called", "occurred_at": at}
    return {**said, **record, "on_behalf_of": installation.cast.contact}


def judged(installation: Installation, request_id: UUID) -> tuple[str, list[tuple[Any, ...]]]:
    """The state, and each clock with an outcome: kind, from when to when, by when, and how it ended."""
    with installation.runtime.db.read() as session:
        state = session.get_one(CmoRequest, request_id).state
        rows = session.scalars(select(ClockRow).where(ClockRow.request_id == request_id)).all()
        told = [(c.kind, c.started_at, c.stopped_at, c.limit_at, c.outcome) for c in rows if c.outcome != "cancelled"]
        return state, sorted(told, key=str)


def lived_twice(installation: Installation, kind: str, chance: Random) -> bool:
    """Live a random life twice: in one a call is recorded at once, in the other at the end. Whether both could be."""
    detail = OWN[kind]
    if kind == "shipment":
        detail = {**detail, "requested_ship_date": str(installation.clock.now().date() + timedelta(days=7))}
    at_once, late = (installation.file(type=RequestType(kind), detail=detail).id for _ in range(2))
    if kind == "shipment" and chance.random() < 0.7:  # most would otherwise never leave
        [order] = [each for each in choices(kind, installation.clock.now().date()) if each[0] is Action.CONFIRM_ORDER][
            :1
        ]
        assert all(taken(installation, request_id, *order) for request_id in (at_once, late))
    told: tuple[datetime, Action, dict[str, Any]] | None = None
    for _ in range(8):
        installation.clock.advance(hours=chance.randint(1, 14))
        now, (action, who, said) = (
            installation.clock.now(),
            chance.choice(choices(kind, installation.clock.now().date())),
        )
        if told is None and who == "contact" and chance.random() < 0.4:
            if taken(installation, at_once, action, "pm", as_call(installation, now, said)):
                told = now, action, said
        elif taken(installation, at_once, action, who, said) != taken(installation, late, action, who, said):
            return False
    if told is None or told[1] is Action.CONFIRM_DISPATCH:  # which would number the consignments in another order
        return False
    installation.clock.advance(hours=chance.randint(1, 200))
    at, action, said = told
    assert taken(installation, late, action, "pm", as_call(installation, at, said)), (kind, told)
    assert judged(installation, late) == judged(installation, at_once), (kind, told)
    return True


@pytest.mark.parametrize("kind", ["data", "shipment"])
def test_whatever_the_life_an_act_recorded_late_has_the_outcomes_it_would_have_had_recorded_at_once(
    installation: Installation, kind: str
) -> None:
    lives = [lived_twice(installation, kind, Random(seed)) for seed in range(LIVES)]
    assert any(lives)  # the others could not have been lived without the call
    with installation.runtime.read() as tx:
        assert not [found for found in verify_requests(tx) if isinstance(found, Difference)]
