"""What `evaluate` says of the ladder, and the rules every clock keeps whatever happens."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from slamon.domain.clocks.ladder import CrossingKey, steps_to_tell
from slamon.domain.clocks.state import ClockId
from slamon.domain.terms import ClockKind, ClockTerms, Level, Step
from slamon.domain.timeline import FactKind
from tests.domain.timelines import CONVERSATION, TO_LEAD, after, evaluate, terms, timeline

ACK, ANSWER = ClockId(ClockKind.ACKNOWLEDGEMENT), ClockId(ClockKind.ANSWER)


def levels(evaluation, clock=ANSWER):
    return [(c.level, c.crossed_at) for c in evaluation.crossings if c.clock == clock]


def test_silence_climbs_the_ladder_at_computed_times():
    outcome = evaluate(terms(), timeline(), after(100))
    assert levels(outcome) == [
        (Level.REMINDER, after(18)),
        (Level.TARGET, after(24)),
        (Level.LIMIT, after(48)),
        (Level.REPEAT, after(52)),
        (Level.STEP_3, after(72)),
    ]
    assert outcome.next_check_at is None


def test_at_the_very_instant_of_a_deadline_nothing_is_late_yet():
    outcome = evaluate(terms(), timeline(), after(24))
    assert [level for level, _ in levels(outcome)] == [Level.REMINDER]
    assert outcome.next_check_at == after(24)


def test_an_answer_ends_the_ladder_and_the_checks():
    outcome = evaluate(terms(), timeline((FactKind.ANSWERED, 30)), after(100))
    assert [level for level, _ in levels(outcome)] == [Level.REMINDER, Level.TARGET]
    assert outcome.due == ()
    assert (outcome.next_check_at, outcome.urgent_at) == (None, None)


def test_an_earlier_answer_recorded_late_takes_the_later_steps_away():
    recorded_late = timeline((FactKind.ANSWERED, 20), told_after=40)
    assert [level for level, _ in levels(evaluate(terms(), recorded_late, after(100)))] == [Level.REMINDER]


def test_a_step_before_a_deadline_is_passed_by_an_answer_that_still_meets_it():
    warned = replace(terms(), ladder=(Step(Level.REMINDER, TO_LEAD, offset=-timedelta(hours=10)),))
    outcome = evaluate(warned, timeline((FactKind.ANSWERED, 45)), after(100))
    assert levels(outcome) == [(Level.REMINDER, after(38))]


def test_a_share_of_a_target_is_cut_to_the_whole_second():
    odd = ClockTerms(timedelta(seconds=7), timedelta(seconds=7))
    assert (odd.share(75), odd.share(100)) == (timedelta(seconds=5), timedelta(seconds=7))


def test_a_paused_clock_leaves_the_scan_until_the_sponsor_replies():
    asked = timeline((FactKind.ACKNOWLEDGED, 1), (FactKind.ASKED, 10))
    assert evaluate(terms(), asked, after(11)).next_check_at is None
    replied = timeline((FactKind.ACKNOWLEDGED, 1), (FactKind.ASKED, 10), (FactKind.REPLIED, 34))
    assert evaluate(terms(), replied, after(35)).next_check_at == after(18 + 24)


def test_a_higher_step_waits_while_the_sponsor_holds_the_ball():
    asked_after_breach = timeline((FactKind.ACKNOWLEDGED, 1), (FactKind.ASKED, 60), (FactKind.REPLIED, 80))
    assert (Level.STEP_3, after(80)) in levels(evaluate(terms(), asked_after_breach, after(81)))


def test_taking_an_escalation_stops_its_repetition_and_not_the_next_step():
    taken = timeline((FactKind.TAKEN, 49))
    assert [level for level, _ in levels(evaluate(terms(), taken, after(100)))][2:] == [Level.LIMIT, Level.STEP_3]


def test_after_an_outage_only_the_highest_step_of_each_clock_speaks():
    outcome = evaluate(terms(), timeline(), after(60))
    told = steps_to_tell(outcome.due, {c.key for c in outcome.crossings})
    assert {(c.clock, c.level) for c in told} == {(ACK, Level.LIMIT), (ANSWER, Level.LIMIT)}


def test_a_repetition_speaks_when_it_is_all_that_is_new():
    outcome = evaluate(terms(), timeline(), after(53))
    told = steps_to_tell(outcome.due, {CrossingKey(ANSWER, "repeat", after(52))})
    assert [(c.clock, c.level) for c in told] == [(ANSWER, Level.REPEAT)]


# --- rules for any lawful history --------------------------------------------------------------------------------

hours = st.integers(0, 30 * 60).map(lambda minutes: minutes / 20)  # up to 90 h, in three-minute steps
questions = st.lists(st.tuples(hours, hours), max_size=3).map(
    lambda pairs: [
        fact
        for low, high in (sorted(pair) for pair in pairs)
        for fact in ((FactKind.ASKED, low), (FactKind.REPLIED, high))
    ]
)
histories = st.tuples(questions, st.one_of(st.none(), hours)).map(
    lambda parts: [*parts[0], *([(FactKind.ANSWERED, parts[1])] if parts[1] is not None else [])]
)


@given(histories, hours, hours)
def test_looking_later_never_takes_back_a_crossing(history, first, second):
    early, late = sorted((first, second))
    told = timeline(*history)
    seen = set(evaluate(terms(), told, after(early)).crossings)
    assert seen <= set(evaluate(terms(), told, after(late)).crossings)


@given(histories, hours)
def test_no_step_is_passed_twice_and_none_before_its_time(history, now):
    crossings = evaluate(terms(), timeline(*history), after(now)).crossings
    assert len({(c.clock, c.level) for c in crossings}) == len(crossings)
    assert all(c.crossed_at < after(now) for c in crossings)
    assert [c.crossed_at for c in crossings] == sorted(c.crossed_at for c in crossings)


@given(histories, hours)
def test_nothing_changes_by_itself_before_the_next_check(history, now):
    told = timeline(*history)
    outcome = evaluate(terms(), told, after(now))
    if outcome.next_check_at is not None:
        assert evaluate(terms(), told, outcome.next_check_at).crossings == outcome.crossings
        woken = evaluate(terms(), told, outcome.next_check_at + timedelta(seconds=1))
        assert len(woken.crossings) > len(outcome.crossings)


@given(questions, hours, hours)
def test_a_question_never_undoes_a_breach_that_lies_before_it(history, low, high):
    asked, replied = sorted((low, high))
    before = evaluate(terms(), timeline(*history), after(asked)).crossings
    longer = [*history, (FactKind.ASKED, asked), (FactKind.REPLIED, replied)]
    assert set(before) <= set(evaluate(terms(), timeline(*longer), after(asked)).crossings)


@given(
    happened=st.lists(st.tuples(st.sampled_from(CONVERSATION), st.integers(1, 90)), max_size=6),
    limit=st.integers(1, 60),
    wider_by=st.integers(0, 40),
)
def test_a_tighter_limit_never_removes_a_breach(happened, limit, wider_by):
    story, now = timeline(*sorted(happened, key=lambda each: each[1])), after(100)
    wide = evaluate(terms(target=1, limit=limit + wider_by), story, now).breached(now)
    assert wide <= evaluate(terms(target=1, limit=limit), story, now).breached(now)
