"""The ten rules every clock keeps, each by its number, and any lawful story thrown at them.

Rules 1, 2, 5 and 7 are also told through the database: see tests of term changes, verify and the cycle.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from slamon.domain.actions.parts import Contradiction, Standing
from slamon.domain.calendar import WorkingCalendar
from slamon.domain.catalogue import STANDARD
from slamon.domain.clocks.kinds import refuse_unknown
from slamon.domain.clocks.ladder import CrossingKey, steps_to_tell
from slamon.domain.clocks.ownership import Owner, ownership_periods, time_by_owner
from slamon.domain.clocks.state import ClockId, ClockState, Former, Outcome
from slamon.domain.fold import progress_of
from slamon.domain.lifecycle import ENDED, Action, RequestType
from slamon.domain.stage import possible_actions, stage_of, state_after, states_along
from slamon.domain.stored import as_json, read
from slamon.domain.terms import REPETITIONS, ClockKind, ClockTerms, Level, Mode, Terms, TermsError
from slamon.domain.timeline import Actor, Fact, FactKind, Role, Timeline, Via
from tests.domain.timelines import CONTACT, MANAGER, after, clock_states, evaluate, happened, terms

K, C = FactKind, ClockKind
PLANT = WorkingCalendar.from_json(
    {
        "tz": "Europe/Zurich",
        "weekly": {day: [["08:00", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri")},
        "holidays": ["2026-03-05"],
    }
)
TALK = (C.ACKNOWLEDGEMENT, C.ANSWER, C.REPLY, C.SPONSOR)
DAY_LONG = ClockTerms(timedelta(1), timedelta(1))
UNTIL_30 = {"until": after(30).isoformat()}


def under(*kinds: ClockKind, mode: Mode = Mode.ELAPSED, **more: Any) -> Terms:
    return terms(mode, PLANT, kinds=kinds or TALK, **more)


def clock(name: str, *steps: tuple[Any, ...], which: Terms | None = None) -> ClockState:
    found = clock_states(which or under(), happened(*steps))
    return next(each for each in found if str(each.id) == name)


def test_rule_1_what_has_stopped_keeps_the_terms_it_stopped_under_and_what_runs_gets_the_new_ones():
    tight = terms(target=1, limit=2)
    former = (Former(after(5), terms()),)
    story = happened((K.ACKNOWLEDGED, 3), (K.TERMS_CHANGED, 5, {"from": "", "terms": ""}))
    kept, moved = clock_states(tight, story, former)
    assert (kept.outcome, kept.limit_at) == (Outcome.MET, after(48))
    assert (moved.outcome, moved.limit_at) == (Outcome.RUNNING, after(2))


def test_rule_2_a_clock_follows_the_order_in_which_things_happened_not_in_which_they_were_told():
    late_told = happened((K.REPLIED, 20), (K.ASKED, 10, {}, 21), (K.ANSWERED, 40))
    answer = next(c for c in clock_states(under(), late_told) if c.kind == C.ANSWER)
    assert [(pause.since, pause.to) for pause in answer.pauses] == [(after(10), after(20))]


def test_rule_3_one_word_of_the_cmo_answers_all_that_was_written_before_and_later_messages_do_not_reset_it():
    steps = ((K.FOLLOWED_UP, 5), (K.FOLLOWED_UP, 20), (K.ASKED, 25), (K.REPLIED, 30))
    assert (clock("reply-2", *steps).started_at, clock("reply-2", *steps).stopped_at) == (after(5), after(25))
    assert clock("reply-5", *steps).outcome is Outcome.RUNNING  # the reply to the question is a message too
    with pytest.raises(StopIteration):
        clock("reply-3", *steps)


def test_rule_3_a_promise_is_a_clock_of_its_own_and_never_extends_the_limit():
    dated = replace(under(), clocks={**under().clocks, C.PROMISE: ClockTerms(timedelta(0), timedelta(0), Mode.DATE)})
    promised = (K.ACKNOWLEDGED, 2, {"expected_on": "2026-03-03"})
    assert clock("promise-2", promised, which=dated).limit_at == datetime.fromisoformat("2026-03-03T22:59:59Z")
    assert clock("promise-2", promised, (K.ANSWERED, 60), which=dated).outcome is Outcome.BREACHED
    assert clock("answer", promised, which=dated).limit_at == after(48)
    again = (K.ASKED, 30, {"expected_on": "2026-03-09"})
    assert clock("promise-2", promised, again, which=dated).outcome is Outcome.CANCELLED  # newer word, in time


def test_rule_4_overlapping_pauses_cost_their_union_and_only_working_time():
    by_hours = under(mode=Mode.CALENDAR, target=10, limit=20)
    asked = (K.ASKED, 6)  # Monday at four in the afternoon in Zurich
    both = clock("answer", (K.WAITING, 5, UNTIL_30), asked, (K.REPLIED, 24), which=by_hours)
    one = clock("answer", (K.WAITING, 5, UNTIL_30), which=by_hours)
    assert both.limit_at == one.limit_at


def test_rule_4_waiting_for_a_third_party_ends_by_itself_and_may_end_earlier():
    assert clock("answer", (K.WAITING, 6, UNTIL_30)).limit_at == after(48 + 24)
    assert clock("answer", (K.WAITING, 6, UNTIL_30), (K.RESUMED, 10)).limit_at == after(48 + 4)
    assert clock("acknowledgement", (K.WAITING, 6, UNTIL_30)).limit_at == after(48)


def test_rule_5_only_the_highest_step_speaks_and_each_has_its_computed_time():
    outcome = evaluate(under(), happened(), after(200))
    told = steps_to_tell(outcome.due, {c.key for c in outcome.crossings})
    assert {(str(c.clock), c.level, c.crossed_at) for c in told} == {
        ("acknowledgement", Level.STEP_3, after(72)),
        ("answer", Level.STEP_3, after(72)),
    }


def test_rule_6_a_deadline_that_new_terms_move_into_the_past_is_breached_at_once():
    tight, former = terms(target=1, limit=2), (Former(after(10), terms()),)
    story = happened((K.TERMS_CHANGED, 10, {"from": "", "terms": ""}))
    assert ClockId(C.ANSWER) in evaluate(tight, story, after(10), former).breached(after(10))
    assert ClockId(C.ANSWER) not in evaluate(terms(), story, after(10)).breached(after(10))


def test_rule_7_cancelling_or_closing_leaves_nothing_due():
    for ending in ((K.CANCELLED, 30), (K.ACCEPTED, 30)):
        outcome = evaluate(under(), happened((K.FOLLOWED_UP, 5), ending), after(500))
        assert (outcome.due, outcome.next_check_at) == ((), None)


def test_rule_8_everybodys_time_adds_up():
    story = happened((K.ASKED, 5), (K.REPLIED, 40), (K.WAITING, 42, {"until": after(80).isoformat()}), (K.ANSWERED, 90))
    which = under(mode=Mode.CALENDAR)
    data = STANDARD.types[RequestType.DATA]
    owned = time_by_owner(ownership_periods(STANDARD, which, data, story, after(100)))
    assert sum(owned.values(), timedelta(0)) == timedelta(hours=100)
    assert all(owned[owner] > timedelta(0) for owner in Owner)


@pytest.mark.parametrize(
    ("refused", "field"),
    [
        (lambda: ClockTerms(timedelta(0), timedelta(hours=1)), "target"),
        (lambda: ClockTerms(timedelta(hours=2), timedelta(hours=1)), "limit"),
        (lambda: ClockTerms(timedelta(hours=1), timedelta(days=3000)), "limit"),
        (lambda: ClockTerms(timedelta(hours=1), timedelta(hours=2), Mode.DATE), "target"),
        (lambda: ClockTerms(timedelta(hours=1), timedelta(hours=2), pause_cap=timedelta(0)), "pause_cap"),
        (lambda: refuse_unknown({C.FULFILMENT: DAY_LONG}, (), STANDARD.clocks), "clocks.fulfilment"),
        (lambda: refuse_unknown({"nonsense": DAY_LONG}, (), STANDARD.clocks), "clocks"),
    ],
)
def test_rule_9_what_could_never_run_is_refused_at_the_door(refused: Any, field: str):
    with pytest.raises(TermsError) as error:
        refused()
    assert error.value.field == field


# --- rule 10: whatever lawful story is told --------------------------------------------------------------------------

ROLES = {
    Role.CMO_CONTACT: CONTACT,
    Role.PROJECT_MANAGER: MANAGER,
    Role.QUALITY: Actor("q1", "Quentin", Role.QUALITY),
}
DETAILS = {
    RequestType.INQUIRY: {"questions": ["One?", "Two?"]},
    RequestType.DATA: {"items": [{"kind": "coa"}, {"kind": "batch_record"}, {"kind": "assay_result"}]},
    RequestType.SHIPMENT: {
        "lines": [{"quantity": "24"}, {"quantity": "10"}],
        "requested_ship_date": "2026-03-06",
        "required_delivery_to": "2026-03-12",
    },
}
# What may be done at nearly any time; kept apart, or stories would hold little else.
ASIDE = {Action.CORRECT, Action.HAND_ON, Action.FOLLOW_UP, Action.TAKE, Action.AMEND, Action.CANCEL, Action.DECLINE}
DATE_LINE = ClockTerms(timedelta(0), timedelta(0), Mode.DATE)


def whole_terms(mode: Mode, target: int) -> Terms:
    """Terms with every kind of clock."""
    line = ClockTerms(timedelta(hours=target), timedelta(hours=2 * target), mode, timedelta(hours=200))
    clocks = {name: DATE_LINE if each.is_dated else line for name, each in STANDARD.clocks.items()}
    return replace(terms(mode, PLANT), clocks=clocks, digest=f"{mode}{target}")


def content_of(action: str, choice: int, at: datetime) -> dict[str, Any]:
    """Something an action may say; `choice` picks what may be said in several ways."""
    day = (at + timedelta(days=choice)).date().isoformat()
    said: dict[str, dict[str, Any]] = {
        Action.ACKNOWLEDGE: {"expected_on": day},
        Action.ANSWER: {"items": [{"item": 1 + choice % 3, "status": "supplied", "text": "Yes"}]} if choice else {},
        Action.CONFIRM_ORDER: {"planned_ship_on": day},
        Action.CONFIRM_PACKED: {"lots_or_kits": "A17"},
        Action.CONFIRM_DISPATCH: {
            "expected_delivery_on": day,
            "tracking_number": f"020-{choice % 3}",
            **({"lines": [{"line": 1 + choice % 2, "quantity": "4"}]} if choice % 3 else {}),
        },
        Action.CONFIRM_DELIVERY: {"consignment": 1 + choice % 2, "condition": ("intact", "damaged")[choice % 2]},
        Action.REPORT_LOST: {"consignment": 1 + choice % 2},
        Action.DECIDE: {"consignment": 1 + choice % 2, "disposition": "usable"},
        Action.WAIT: {"until": (at + timedelta(hours=1 + 7 * choice)).isoformat()},
        Action.CORRECT: {"corrects": 1},
        Action.AMEND: {"changes": {"due_on": {"from": None, "to": day}}},
        Action.HAND_ON: {"contact": {"id": "c2", "name": "Maria"}},
    }
    return said.get(action, {})


class AnyStory(RuleBasedStateMachine):
    """Lawful acts at any hour, some told later than they happened, and terms that change on the way."""

    @initialize(
        request_type=st.sampled_from(RequestType), mode=st.sampled_from((Mode.ELAPSED, Mode.CALENDAR)),
        hours=st.integers(4, 40),
    )  # fmt: skip
    def file(self, request_type: RequestType, mode: Mode, hours: int) -> None:
        self.type, self.terms, self.former = request_type, whole_terms(mode, hours), ()
        self.hours, self.seconds = 0, 0
        self.timeline = happened(detail=DETAILS[request_type])
        self.told: set[CrossingKey] = set()
        self.breached: set[ClockId] = set()

    @rule(hours=st.integers(1, 60))
    def time_passes(self, hours: int) -> None:
        self.hours += hours
        outcome = evaluate(self.terms, self.timeline, self.now(), self.former)
        for crossing in steps_to_tell(outcome.due, {c.key for c in outcome.due} - self.told):
            self.told.add(crossing.key)  # no step twice
        last = {c.clock: c for c in sorted(outcome.due, key=lambda c: c.order) if c.level not in REPETITIONS}
        assert {c.key for c in last.values()} <= self.told

    @rule(pick=st.integers(0, 60), choice=st.integers(0, 6), late=st.integers(0, 9))
    def somebody_moves_it_on(self, pick: int, choice: int, late: int) -> None:
        self._act([each for each in self._possible() if each[0] not in ASIDE], pick, choice, late)

    @rule(hours=st.integers(1, 200), pick=st.integers(0, 60), choice=st.integers(0, 6))
    def what_the_cmo_did_is_written_down_late(self, hours: int, pick: int, choice: int) -> None:
        at = max(after(0), self.now() - timedelta(hours=hours))
        possible = [each for each in self._possible_at(at) if each[1] is Role.CMO_CONTACT]
        if possible:
            self._take(*possible[pick % len(possible)], choice, at)

    @rule(pick=st.integers(0, 60), choice=st.integers(0, 6))
    def somebody_does_something_aside(self, pick: int, choice: int) -> None:
        self._act([each for each in self._possible() if each[0] in ASIDE], pick, choice, 0)

    def _possible(self) -> list[tuple[str, Role]]:
        return self._possible_at(self.now())

    def _possible_at(self, at: datetime) -> list[tuple[str, Role]]:
        state, progress = stage_of(STANDARD, STANDARD.types[self.type], self.timeline.up_to(at))
        return sorted(
            (action, role)
            for role in ROLES
            for action in possible_actions(STANDARD, STANDARD.types[self.type], state, progress, {role})
        )

    def _act(self, possible: list[tuple[str, Role]], pick: int, choice: int, late: int) -> None:
        if not possible:
            return
        action, role = possible[pick % len(possible)]
        last = max(fact.occurred_at for fact in self.timeline)
        occurred_at = max(last, self.now() - timedelta(hours=late)) if role is Role.CMO_CONTACT else self.now()
        before = evaluate(self.terms, self.timeline, self.now(), self.former).breached(self.now())
        self._take(action, role, choice, occurred_at)
        if action in (Action.WAIT, Action.ASK) and late == 0:  # a pause never undoes a breach
            assert before <= evaluate(self.terms, self.timeline, self.now(), self.former).breached(self.now())

    def _take(self, action: str, role: Role, choice: int, at: datetime) -> None:
        """Let it have happened `at`, unless what it says does not fit."""
        said, definition = content_of(action, choice, at), STANDARD.actions[action]
        then, known = progress_of(self.timeline.up_to(at)), progress_of(self.timeline)
        by_cmo = role is Role.CMO_CONTACT
        try:
            content = said
            if "changes" not in said and "contact" not in said:  # what those facts say is made by the use cases
                standing = Standing(then, known, self.timeline.up_to(at), at, self.terms, is_cmo=by_cmo)
                content = as_json(definition.check(read(definition.says, said), standing))
        except Contradiction:
            return
        self._append(definition.facts[0], ROLES[role], at, content)

    @precondition(lambda self: len(self.former) < 2)
    @rule(mode=st.sampled_from((Mode.ELAPSED, Mode.CALENDAR)), hours=st.integers(4, 40))
    def other_terms_are_applied(self, mode: Mode, hours: int) -> None:
        self.seconds += 1  # what stopped before keeps its terms
        stopped = {c.id: c for c in self.clocks() if c.stopped_at is not None and c.stopped_at <= self.now()}
        other = whole_terms(mode, hours)
        self._append(K.TERMS_CHANGED, MANAGER, self.now(), {"from": self.terms.digest, "terms": other.digest})
        self.former = (*self.former, Former(self.now(), self.terms))
        self.terms = other
        assert stopped.items() <= {c.id: c for c in self.clocks()}.items()  # closed outcomes keep theirs

    @invariant()
    def everybodys_time_adds_up_to_the_wall_clocks(self) -> None:
        request_type = STANDARD.types[self.type]
        shared = ownership_periods(STANDARD, self.terms, request_type, self.timeline, self.now())
        ends = [
            fact.occurred_at for fact, state in states_along(STANDARD, request_type, self.timeline) if state in ENDED
        ]
        reopened = any(fact.kind == K.REOPENED for fact in self.timeline)
        if not reopened:
            until = ends[0] if ends else self.now()
            assert sum(time_by_owner(shared).values(), timedelta(0)) == until - after(0)
            assert all(one.until == other.since for one, other in pairwise(shared))

    @invariant()
    def replaying_gives_the_same_and_each_clock_has_one_name(self) -> None:
        again = Timeline(reversed(self.timeline.as_recorded()))
        assert evaluate(self.terms, again, self.now(), self.former) == evaluate(
            self.terms, self.timeline, self.now(), self.former
        )
        names = [str(c.id) for c in self.clocks()]
        assert len(set(names)) == len(names)
        assert all(ClockId.parse(name) == c.id for name, c in zip(names, self.clocks(), strict=True))

    @invariant()
    def nothing_ends_before_it_begins_and_pauses_lie_within(self) -> None:
        for c in self.clocks():
            assert c.stopped_at is None or c.stopped_at >= c.started_at
            for pause in c.pauses:
                assert pause.since >= c.started_at
                assert pause.to is None or c.stopped_at is None or pause.to <= c.stopped_at

    @invariant()
    def only_a_word_of_the_cmo_meets_a_clock_of_the_cmos_and_nothing_runs_once_the_request_has_ended(self) -> None:
        words = {f.occurred_at for f in self.timeline if f.by.is_cmo or f.kind == K.DATE_AGREED}
        for c in self.clocks():
            is_timed = not c.definition.is_the_sponsors and c.kind not in (C.FULFILMENT, C.PROMISE)
            if is_timed and c.outcome in (Outcome.MET, Outcome.LATE):
                assert c.stopped_at in words
        if state_after(STANDARD, STANDARD.types[self.type], self.timeline) in ENDED:
            assert not any(c.is_running for c in self.clocks())

    def now(self) -> datetime:
        return after(self.hours) + timedelta(seconds=self.seconds)

    def clocks(self) -> tuple[ClockState, ...]:
        return clock_states(self.terms, self.timeline, self.former)

    def _append(self, kind: str, by: Actor, occurred_at: datetime, content: dict[str, Any]) -> None:
        number = len(self.timeline) + 1
        fact = Fact(number, kind, occurred_at, self.now(), by, by, Via.API, "a reason", content)
        self.timeline = self.timeline.with_fact(fact)


AnyStory.TestCase.settings = settings(max_examples=80, stateful_step_count=30, deadline=None)
TestAnyStory = AnyStory.TestCase
