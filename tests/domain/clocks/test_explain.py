"""A deadline taken apart: the parts add up to the target and to the limit, and each says why it counts or not."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from slamon.domain.calendar import WorkingCalendar
from slamon.domain.clocks.explain import Counts, Explanation, explain
from slamon.domain.clocks.state import ClockState
from slamon.domain.terms import ClockKind, Mode, Terms
from slamon.domain.timeline import FactKind, Timeline
from tests.domain.timelines import after, clock_states, terms, timeline

HOURS = timedelta(hours=1)
OFFICE = {day: [["08:00", "16:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
WEEK = WorkingCalendar.from_json({"tz": "Europe/Zurich", "weekly": OFFICE, "holidays": ["2026-03-04"]})
NAMED = {date(2026, 3, 4): "Plant closed"}
IN_HOURS = terms(Mode.CALENDAR, WEEK, target=16, limit=24)
BY_CALENDAR = Terms("p", "Office hours", 1, None, WEEK, IN_HOURS.clocks, IN_HOURS.ladder, NAMED)


def answer_clock(which: Terms, story: Timeline) -> ClockState:
    return next(clock for clock in clock_states(which, story) if clock.kind == ClockKind.ANSWER)


def explained(which: Terms, story: Timeline) -> Explanation:
    return explain(which, answer_clock(which, story), after(0))


def told(explanation: Explanation) -> list[tuple[str, float, str | None]]:
    return [(part.kind.value, part.length / HOURS, part.name) for part in explanation.parts]


def test_where_every_hour_counts_there_is_nothing_but_counted_time():
    assert told(explained(terms(), timeline())) == [("counted", 24, None), ("counted", 24, None)]


def test_nights_and_a_holiday_do_not_count_and_the_holiday_has_its_name():
    # Filed on Monday at ten in Zurich; open from eight to four; Wednesday is closed.
    assert told(explained(BY_CALENDAR, timeline())) == [
        ("counted", 6, None),
        ("closed", 16, None),
        ("counted", 8, None),
        ("closed", 8, None),
        ("holiday", 24, "Plant closed"),
        ("closed", 8, None),
        ("counted", 2, None),
        ("counted", 6, None),
        ("closed", 16, None),
        ("counted", 2, None),
    ]


def test_a_question_pauses_and_its_night_costs_nobody_anything():
    story = timeline((FactKind.ASKED, 5), (FactKind.REPLIED, 23))
    assert told(explained(BY_CALENDAR, story))[:4] == [
        ("counted", 5, None),
        ("paused", 1, "waiting for the sponsor's reply"),
        ("closed", 16, None),
        ("paused", 1, "waiting for the sponsor's reply"),
    ]


def test_while_the_sponsor_owes_a_reply_it_reaches_to_now():
    story = timeline((FactKind.ASKED, 5))
    a_moment_before_nine = after(9) - timedelta(microseconds=1)
    explanation = explain(terms(), answer_clock(terms(), story), a_moment_before_nine)
    assert told(explanation) == [("counted", 5, None), ("paused", 4, "waiting for the sponsor's reply")]
    assert explanation.clock.limit_at is None


def test_a_public_holiday_on_a_sunday_is_named_and_costs_no_more():
    closed = WorkingCalendar.from_json({"tz": "UTC", "weekly": OFFICE, "holidays": ["2026-03-08"]})
    which = terms(Mode.CALENDAR, closed, target=40, limit=48)
    explanation = explained(which, timeline())
    assert ("holiday", 24, "holiday") in told(explanation)
    assert explanation.total(Counts.COUNTED) == timedelta(hours=48)


def test_the_sunday_on_which_the_clocks_go_forward_has_an_hour_less_to_count():
    sundays = WorkingCalendar.from_json({"tz": "Europe/Zurich", "weekly": {"sun": [["00:00", "24:00"]]}})
    counted = [
        length for kind, length, _ in told(explained(terms(Mode.CALENDAR, sundays, target=95, limit=96), timeline()))
        if kind == "counted"
    ]  # fmt: skip
    assert counted == [24, 24, 24, 23, 1]


HAPPENED = st.lists(
    st.tuples(st.sampled_from([FactKind.ASKED, FactKind.REPLIED]), st.integers(0, 400)), max_size=8
).map(lambda happened: sorted(happened, key=lambda each: each[1]))


@given(
    happened=HAPPENED,
    mode=st.sampled_from((Mode.ELAPSED, Mode.CALENDAR)),
    target=st.integers(1, 60),
    more=st.integers(0, 60),
)
def test_the_parts_follow_one_another_and_add_up_exactly(
    happened: list[tuple[FactKind, float]], mode: Mode, target: int, more: int
):
    base = terms(mode, WEEK, target=target, limit=target + more)
    clock = answer_clock(base, timeline(*happened))
    explanation = explain(base, clock, after(500))
    assert explanation.parts[0].since == clock.started_at
    for part, following in zip(explanation.parts, explanation.parts[1:], strict=False):
        assert part.until == following.since
        assert part.length > timedelta(0)
    if clock.target_at is not None:
        assert explanation.total(Counts.COUNTED, until=clock.target_at) == timedelta(hours=target)
    if clock.limit_at is not None:
        assert explanation.parts[-1].until == clock.limit_at
        assert explanation.total(Counts.COUNTED) == timedelta(hours=target + more)
    whole = explanation.parts[-1].until - explanation.parts[0].since
    assert sum((explanation.total(kind) for kind in Counts), timedelta()) == whole
