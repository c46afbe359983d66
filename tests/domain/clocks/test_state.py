"""Clocks as a project manager would tell them: when they start, stop, pause, and how they end."""

import pytest

from slamon.domain.calendar import WorkingCalendar
from slamon.domain.clocks.state import Outcome
from slamon.domain.terms import ClockKind, Mode
from slamon.domain.timeline import FactKind
from tests.domain.timelines import after, clock_states, happened, terms, timeline

ACK, ANSWER = ClockKind.ACKNOWLEDGEMENT, ClockKind.ANSWER


def clock(kind, *happened, under=None):
    return next(c for c in clock_states(under or terms(), timeline(*happened)) if c.kind == kind)


@pytest.mark.parametrize(
    ("hours", "outcome"),
    [
        (1, Outcome.MET),
        (24, Outcome.MET),
        (24 + 1 / 3600, Outcome.LATE),
        (48, Outcome.LATE),
        (48 + 1 / 3600, Outcome.BREACHED),
    ],
)
def test_an_answer_exactly_on_time_is_on_time(hours, outcome):
    assert clock(ANSWER, (FactKind.ANSWERED, hours)).outcome is outcome


@pytest.mark.parametrize("first_act", [FactKind.ACKNOWLEDGED, FactKind.ASKED, FactKind.ANSWERED, FactKind.DECLINED])
def test_whatever_the_cmo_does_first_acknowledges(first_act):
    stopped = clock(ACK, (first_act, 3), (FactKind.ANSWERED, 9))
    assert (stopped.stopped_at, stopped.outcome) == (after(3), Outcome.MET)


def test_a_follow_up_by_the_sponsor_stops_no_clock():
    assert clock(ACK, (FactKind.FOLLOWED_UP, 5)).outcome is Outcome.RUNNING


def test_waiting_for_the_sponsor_does_not_count_against_the_cmo():
    answered = clock(ANSWER, (FactKind.ASKED, 10), (FactKind.REPLIED, 40), (FactKind.ANSWERED, 53))
    assert answered.target_at == after(54)
    assert answered.outcome is Outcome.MET


def test_while_the_sponsor_owes_a_reply_the_deadline_is_unknown():
    waiting = clock(ANSWER, (FactKind.ASKED, 10))
    assert waiting.is_paused
    assert (waiting.target_at, waiting.limit_at) == (None, None)


def test_a_question_after_the_deadline_does_not_undo_a_breach():
    asked_late = clock(ANSWER, (FactKind.ACKNOWLEDGED, 1), (FactKind.ASKED, 50), (FactKind.REPLIED, 60))
    assert (asked_late.target_at, asked_late.limit_at) == (after(24), after(48))
    answered = clock(ANSWER, (FactKind.ASKED, 50), (FactKind.REPLIED, 60), (FactKind.ANSWERED, 61))
    assert answered.outcome is Outcome.BREACHED


def test_a_deadline_used_up_at_the_very_moment_of_the_question_stands():
    assert clock(ANSWER, (FactKind.ASKED, 24)).target_at == after(24)


def test_the_acknowledgement_clock_never_pauses():
    assert clock(ACK, (FactKind.ASKED, 30)).outcome is Outcome.LATE


def test_a_rejected_answer_keeps_the_first_answers_time():
    rejected = clock(ANSWER, (FactKind.ANSWERED, 5), (FactKind.REJECTED, 9), (FactKind.ANSWERED, 90))
    assert rejected.stopped_at == after(5)


def test_cancelling_ends_running_clocks_as_cancelled_and_leaves_met_ones_met():
    story = ((FactKind.ACKNOWLEDGED, 2), (FactKind.CANCELLED, 60))
    assert clock(ACK, *story).outcome is Outcome.MET
    assert clock(ANSWER, *story).outcome is Outcome.CANCELLED


@pytest.mark.parametrize("kind", [FactKind.WAITING, FactKind.RESUMED, FactKind.HANDED_ON])
def test_to_wait_for_somebody_else_is_no_reply_to_the_sponsor(kind):
    story = happened((FactKind.FOLLOWED_UP, 5), (kind, 6, {"until": after(30).isoformat()}))
    [reply] = clock_states(terms(kinds=(ClockKind.REPLY,)), story)
    assert (reply.started_at, reply.outcome) == (after(5), Outcome.RUNNING)


def test_a_request_opened_again_has_not_ended_and_the_reply_to_that_is_due():
    story = ((FactKind.ANSWERED, 5), (FactKind.ACCEPTED, 9), (FactKind.REOPENED, 20))
    reply = clock(ClockKind.REPLY, *story, under=terms(kinds=(ANSWER, ClockKind.REPLY)))
    assert (reply.started_at, reply.outcome, reply.limit_at) == (after(20), Outcome.RUNNING, after(68))


def test_in_calendar_mode_twenty_four_working_hours_of_an_eight_hour_day_are_three_working_days():
    weekdays = {day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
    plant = WorkingCalendar.from_json({"tz": "UTC", "weekly": weekdays})
    running = clock(ANSWER, under=terms(Mode.CALENDAR, plant))
    assert running.target_at == after(2 * 24 + 8)  # Monday 09:00 to Wednesday 17:00
