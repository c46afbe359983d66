"""The life cycles: what is possible when, for whom, and that nothing else is."""

from datetime import date

import pytest

from slamon.domain.catalogue import STANDARD
from slamon.domain.lifecycle import (
    OPEN_STATES,
    Action,
    State,
)
from slamon.domain.progress import Progress
from slamon.domain.stage import is_repeat, possible_actions, state_after
from slamon.domain.timeline import FactKind, Role
from slamon.domain.types.data import DATA
from slamon.domain.types.inquiry import INQUIRY
from slamon.domain.types.shipment import SHIPMENT
from tests.domain.timelines import CONTACT, timeline

A, R, K = Action, Role, FactKind


@pytest.mark.parametrize(
    ("state", "role", "actions"),
    [
        (State.FILED, R.CMO_CONTACT, {A.ACKNOWLEDGE, A.ASK, A.ANSWER, A.DECLINE, A.HAND_ON, A.CORRECT}),
        (State.ACKNOWLEDGED, R.CMO_CONTACT,
         {A.ASK, A.ANSWER, A.RESPOND, A.DECLINE, A.HAND_ON, A.CORRECT, A.WAIT}),
        (State.AWAITING_SPONSOR, R.CMO_CONTACT, {A.HAND_ON, A.CORRECT}),
        (State.AWAITING_SPONSOR, R.PROJECT_MANAGER, {A.REPLY, A.FOLLOW_UP, A.CANCEL, A.AMEND, A.CORRECT}),
        (State.ANSWERED, R.PROJECT_MANAGER, {A.ACCEPT, A.REJECT, A.FOLLOW_UP, A.CORRECT}),
        (State.FILED, R.LEAD, {A.FOLLOW_UP, A.CANCEL, A.TAKE, A.AMEND, A.CORRECT}),
        (State.FILED, R.QUALITY, {A.FOLLOW_UP, A.AMEND, A.CORRECT}),
        (State.CLOSED, R.LEAD, {A.REOPEN}),
        (State.CANCELLED, R.LEAD, set()),
        (State.FILED, R.ADMIN, set()),
        (State.FILED, R.AUDITOR, set()),
    ],
)  # fmt: skip
def test_each_role_may_do_what_the_table_says_and_nothing_else(state, role, actions):
    asked = Progress(has_question=True)
    for request_type in (DATA, INQUIRY):
        assert set(possible_actions(STANDARD, request_type, state, asked, {role})) == actions


def test_nothing_but_a_reopening_leads_out_of_a_closed_request_and_nothing_out_of_a_cancelled_one():
    for table in (each.rules for each in STANDARD.types.values()):
        assert {action for state, action in table if state not in OPEN_STATES} <= {A.REOPEN}


def test_a_proposed_date_waits_for_yes_or_no_and_a_question_for_a_reply():
    asked = possible_actions(STANDARD, SHIPMENT, State.AWAITING_SPONSOR, Progress(has_question=True), {R.LEAD})
    proposed = Progress(proposed_ship_on=date(2026, 4, 1))
    offered = possible_actions(STANDARD, SHIPMENT, State.AWAITING_SPONSOR, proposed, {R.LEAD})
    assert {A.REPLY} == {A.REPLY, A.AGREE, A.REFUSE} & set(asked)
    assert {A.AGREE, A.REFUSE} == {A.REPLY, A.AGREE, A.REFUSE} & set(offered)


def test_replaying_the_facts_gives_the_state():
    conversation = timeline((K.ASKED, 1), (K.REPLIED, 2), (K.ANSWERED, 3), (K.REJECTED, 4), (K.ANSWERED, 5))
    assert state_after(STANDARD, DATA, conversation) is State.ANSWERED
    assert state_after(STANDARD, DATA, timeline()) is State.FILED


def test_acknowledging_after_any_act_of_the_cmo_says_nothing_new():
    assert is_repeat(STANDARD, timeline((K.ASKED, 1)), A.ACKNOWLEDGE, CONTACT, {}, None)
    assert not is_repeat(STANDARD, timeline((K.FOLLOWED_UP, 1)), A.ACKNOWLEDGE, CONTACT, {}, None)


def test_the_same_answer_sent_twice_is_one_answer_and_another_text_is_not():
    answered = timeline((K.ANSWERED, 1))
    assert is_repeat(STANDARD, answered, A.ANSWER, CONTACT, {}, None)
    assert not is_repeat(STANDARD, answered, A.ANSWER, CONTACT, {"text": "something else"}, None)
