"""Working time: the table of known cases, what is refused, and the laws that hold for every calendar."""

from __future__ import annotations

import json
import threading
from datetime import UTC, date, datetime, time, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from slamon.domain.calendar import CalendarError, CalendarHorizon, WorkingCalendar
from tests.domain.reference_calendar import ReferenceCalendar

CASES = json.loads((Path(__file__).parents[1] / "data" / "clock_vectors.json").read_text())["cases"]
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
OFFICE = {"tz": "Europe/Zurich", "weekly": {day: [["08:00", "18:00"]] for day in DAYS[:5]}, "holidays": []}
ALWAYS = {"tz": "UTC", "weekly": "24x7"}
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def calendar(weekly: Any, tz: str = "Europe/Zurich", holidays: tuple[str, ...] = ()) -> WorkingCalendar:
    return WorkingCalendar.from_json({"tz": tz, "weekly": weekly, "holidays": list(holidays)})


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def pauses_of(case: dict[str, Any]) -> list[tuple[datetime, datetime]]:
    return [(at(since), at(until)) for since, until in case["pauses"]]


# The table


@pytest.mark.parametrize("case", [pytest.param(c, id=c["id"]) for c in CASES if c["kind"] == "due"])
def test_known_deadline(case: dict[str, Any]) -> None:
    cal = WorkingCalendar.from_json(case["calendar"])
    target = timedelta(seconds=case["target_seconds"])
    assert cal.due(at(case["start"]), target, pauses_of(case)) == at(case["expected_due"])


@pytest.mark.parametrize("case", [pytest.param(c, id=c["id"]) for c in CASES if c["kind"] == "elapsed"])
def test_known_working_time(case: dict[str, Any]) -> None:
    cal = WorkingCalendar.from_json(case["calendar"])
    expected = timedelta(seconds=case["expected_elapsed_seconds"])
    assert cal.elapsed(at(case["start"]), at(case["end"]), pauses_of(case)) == expected


def test_the_table_of_known_cases_is_complete() -> None:
    assert len(CASES) == 64


# Dates the clocks of the installation play with


def test_a_date_that_samoa_skipped_has_no_working_hours() -> None:
    apia = calendar({day: [["09:00", "17:00"]] for day in DAYS}, "Pacific/Apia")
    assert apia.elapsed(at("2011-12-29T00:00-10:00"), at("2012-01-01T00:00+14:00")) == 16 * HOUR


def test_a_night_shift_into_a_date_that_kwajalein_skipped_ends_at_midnight() -> None:
    nights = calendar({"fri": [["22:00", "06:00"]]}, "Pacific/Kwajalein")
    assert nights.elapsed(at("1993-08-20T12:00-12:00"), at("1993-08-23T12:00+12:00")) == 2 * HOUR


def test_a_day_without_midnight_starts_an_hour_late() -> None:
    sunday = calendar({"sun": [["00:00", "24:00"]]}, "America/Sao_Paulo")
    assert sunday.elapsed(at("2018-11-03T12:00Z"), at("2018-11-06T12:00Z")) == 23 * HOUR


def test_two_spans_that_a_clock_change_pushes_together_count_once() -> None:
    # 02:00 to 03:00 is missing: the first span closes at 03:30, when the second has been open for 30 minutes.
    early = calendar({"sun": [["01:00", "02:30"], ["03:00", "04:00"]]})
    day = (at("2026-03-29T00:00Z") - DAY, at("2026-03-29T00:00Z") + DAY)
    assert early.open_spans(*day) == [(at("2026-03-29T00:00Z"), at("2026-03-29T02:00Z"))]


def test_a_span_that_a_clock_change_turns_round_is_dropped() -> None:
    # Opens at the missing 02:30, which is 03:30 by the new clock, and closes at 03:15.
    assert calendar({"sun": [["02:30", "03:15"]]}).open_spans(at("2026-03-28T00:00Z"), at("2026-03-30T00:00Z")) == []


def test_a_holiday_ends_the_night_shift_at_midnight_and_spares_its_own_tail() -> None:
    nights = calendar({day: [["22:00", "06:00"]] for day in DAYS}, "UTC", ("2026-05-01",))
    assert nights.open_spans(at("2026-04-30T12:00Z"), at("2026-05-02T12:00Z")) == [
        (at("2026-04-30T22:00Z"), at("2026-05-01T00:00Z")),
        (at("2026-05-02T00:00Z"), at("2026-05-02T06:00Z")),
    ]


def test_a_round_the_clock_calendar_works_on_holidays() -> None:
    assert calendar("24x7", holidays=("2026-05-01",)).due(at("2026-04-30T12:00Z"), 24 * HOUR) == at("2026-05-01T12:00Z")


def test_an_opening_day_opens_a_weekend_and_the_deadline_falls_into_it() -> None:
    make_up = WorkingCalendar.from_json({**OFFICE, "openings": {"2026-05-09": [["08:00", "12:00"]]}})  # a Saturday
    assert make_up.due(at("2026-05-08T16:00+02:00"), 4 * HOUR) == at("2026-05-09T10:00+02:00")


def test_an_opening_day_wins_over_a_holiday_for_its_own_hours_only() -> None:
    labour_day = {"holidays": ["2026-05-01"], "openings": {"2026-05-01": [["10:00", "14:00"]]}}
    day = (at("2026-05-01T00:00+02:00"), at("2026-05-02T00:00+02:00"))
    assert WorkingCalendar.from_json({**OFFICE, **labour_day}).elapsed(*day) == 4 * HOUR


def test_an_opening_day_only_adds_to_the_hours_of_its_weekday() -> None:
    late = WorkingCalendar.from_json({**OFFICE, "openings": {"2026-05-04": [["16:00", "22:00"]]}})
    assert late.elapsed(at("2026-05-04T00:00+02:00"), at("2026-05-05T00:00+02:00")) == 14 * HOUR


def test_the_night_shift_of_an_opening_day_works_on_into_a_holiday() -> None:
    night = {"holidays": ["2026-05-03"], "openings": {"2026-05-02": [["22:00", "06:00"]]}}
    spans = WorkingCalendar.from_json({**OFFICE, **night}).open_spans(at("2026-05-02T00:00Z"), at("2026-05-04T00:00Z"))
    assert spans == [(at("2026-05-02T22:00+02:00"), at("2026-05-03T06:00+02:00"))]


def test_days_closed_afterwards_are_closed_even_where_they_were_opening_days() -> None:
    make_up = WorkingCalendar.from_json({**OFFICE, "openings": {"2026-05-09": [["08:00", "12:00"]]}})
    shut = make_up.closed_on([date(2026, 5, 9), date(2026, 5, 11)])
    assert shut.to_json() == {**OFFICE, "holidays": ["2026-05-09", "2026-05-11"]}


# Reading and writing


def test_a_calendar_comes_back_in_normal_form() -> None:
    untidy = {
        "weekly": {"tue": [["13:00:00", "17:00"], ["08:00", "12:00:30"]], "mon": [], "sun": [["22:00", "06:00"]]},
        "tz": "Asia/Kolkata",
        "holidays": ["2026-12-25", "2026-01-26", "2026-12-25"],
        "openings": {"2026-05-10": [["13:00", "17:00"], ["08:00:00", "12:00"]], "2026-05-09": [["22:00", "06:00"]]},
    }
    tidy = {
        "tz": "Asia/Kolkata",
        "weekly": {"tue": [["08:00", "12:00:30"], ["13:00", "17:00"]], "sun": [["22:00", "06:00"]]},
        "holidays": ["2026-01-26", "2026-12-25"],
        "openings": {"2026-05-09": [["22:00", "06:00"]], "2026-05-10": [["08:00", "12:00"], ["13:00", "17:00"]]},
    }
    assert WorkingCalendar.from_json(untidy).to_json() == tidy
    assert WorkingCalendar.from_json(tidy) == WorkingCalendar.from_json(untidy)


def test_holidays_and_opening_days_may_be_left_out() -> None:
    assert WorkingCalendar.from_json(ALWAYS).to_json() == {**ALWAYS, "holidays": []}


def test_calendars_with_the_same_content_are_one() -> None:
    copy = json.loads(json.dumps(OFFICE))
    assert {WorkingCalendar.from_json(OFFICE), WorkingCalendar.from_json(copy)} == {WorkingCalendar.from_json(copy)}
    assert WorkingCalendar.from_json(OFFICE) != WorkingCalendar.from_json({**OFFICE, "tz": "Europe/Berlin"})


REFUSED = {
    "a calendar that is no object": ("24x7", "calendar must be an object"),
    "an unknown key": ({**OFFICE, "zone": "UTC"}, "unknown key 'zone'"),
    "no zone": ({"weekly": "24x7"}, "tz must be"),
    "an empty zone": ({**OFFICE, "tz": ""}, "tz must be"),
    "a zone that is a number": ({**OFFICE, "tz": 1}, "tz must be"),
    "an unknown zone": ({**OFFICE, "tz": "Europe/Atlantis"}, "tz 'Europe/Atlantis' is unknown"),
    "half a zone": ({**OFFICE, "tz": "Europe"}, "tz 'Europe' is unknown"),
    "a path for a zone": ({**OFFICE, "tz": "../../etc/passwd"}, "tz '../../etc/passwd' is unknown"),
    "no hours": ({"tz": "UTC"}, "weekly must be"),
    "hours as a list": ({"tz": "UTC", "weekly": []}, "weekly must be"),
    "an unknown weekday": ({"tz": "UTC", "weekly": {"monday": []}}, "unknown day 'monday'"),
    "a day that is a string": ({"tz": "UTC", "weekly": {"mon": "08:00-18:00"}}, "weekly.mon must be a list"),
    "a span of three": ({"tz": "UTC", "weekly": {"mon": [["08:00", "12:00", "13:00"]]}}, "weekly.mon must hold"),
    "a span that is a string": ({"tz": "UTC", "weekly": {"mon": ["08:00"]}}, "weekly.mon must hold"),
    "a time without a zero": ({"tz": "UTC", "weekly": {"mon": [["8:00", "18:00"]]}}, "malformed time '8:00'"),
    "a 25th hour": ({"tz": "UTC", "weekly": {"mon": [["08:00", "25:00"]]}}, "malformed time '25:00'"),
    "a time after 24:00": ({"tz": "UTC", "weekly": {"mon": [["08:00", "24:01"]]}}, "malformed time '24:01'"),
    "a 60th minute": ({"tz": "UTC", "weekly": {"mon": [["08:60", "18:00"]]}}, "malformed time '08:60'"),
    "a time that is a number": ({"tz": "UTC", "weekly": {"mon": [[8, 18]]}}, "malformed time 8"),
    "a time with a line break": ({"tz": "UTC", "weekly": {"mon": [["08:00\n", "18:00"]]}}, "malformed time"),
    "an opening at 24:00": ({"tz": "UTC", "weekly": {"mon": [["24:00", "08:00"]]}}, "opens at 24:00"),
    "a span of no length": ({"tz": "UTC", "weekly": {"mon": [["08:00", "08:00"]]}}, "no length"),
    "midnight to midnight": ({"tz": "UTC", "weekly": {"mon": [["00:00", "00:00"]]}}, "00:00 to 24:00"),
    "holidays as a string": ({**OFFICE, "holidays": "2026-01-01"}, "holidays must be a list"),
    "a date that does not exist": ({**OFFICE, "holidays": ["2026-02-30"]}, "malformed date '2026-02-30'"),
    "a date without dashes": ({**OFFICE, "holidays": ["20260101"]}, "malformed date '20260101'"),
    "a date with a time": ({**OFFICE, "holidays": ["2026-01-01T00:00"]}, "malformed date"),
    "a date that is a number": ({**OFFICE, "holidays": [20260101]}, "malformed date 20260101"),
    "opening days as a list": ({**OFFICE, "openings": ["2026-05-09"]}, "openings must be an object"),
    "an opening day that does not exist": ({**OFFICE, "openings": {"2026-02-30": [["08:00", "12:00"]]}}, "2026-02-30"),
    "an opening day without spans": ({**OFFICE, "openings": {"2026-05-09": []}}, "openings.2026-05-09 has no spans"),
    "an opening day with a span of no length": (
        {**OFFICE, "openings": {"2026-05-09": [["08:00", "08:00"]]}},
        "openings.2026-05-09 has a span of no length",
    ),
}


@pytest.mark.parametrize(("document", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_a_calendar_is_refused_with_the_field_and_the_way_out(document: Any, message: str) -> None:
    with pytest.raises(CalendarError) as refusal:
        WorkingCalendar.from_json(document)
    assert message in str(refusal.value)


NOON = at("2026-06-01T12:00Z")
NAIVE = NOON.replace(tzinfo=None)
FRACTION = NOON.replace(microsecond=500_000)
MISUSES = {
    "a naive start of a deadline": (lambda c: c.due(NAIVE, HOUR), "start must be an aware datetime"),
    "a naive start": (lambda c: c.elapsed(NAIVE, NOON), "start must be an aware datetime"),
    "a naive end": (lambda c: c.elapsed(NOON, NAIVE), "end must be an aware datetime"),
    "a naive pause": (lambda c: c.due(NOON, HOUR, [(NAIVE, NOON)]), "pause start must be an aware"),
    "a naive pause end": (lambda c: c.elapsed(NOON, NOON, [(NOON, NAIVE)]), "pause end must be an aware"),
    "a fraction in the start": (lambda c: c.due(FRACTION, HOUR), "start must be a whole second"),
    "a fraction in the end": (lambda c: c.elapsed(NOON, FRACTION), "end must be a whole second"),
    "a fraction in a pause": (lambda c: c.due(NOON, HOUR, [(NOON, FRACTION)]), "pause end must be a whole second"),
    "a fraction in the target": (lambda c: c.due(NOON, HOUR / 7), "target must be whole seconds"),
    "a negative target": (lambda c: c.due(NOON, -HOUR), "target must be whole seconds and not negative"),
    "a naive start of spans": (lambda c: c.open_spans(NAIVE, NOON), "start must be an aware datetime"),
    "a naive start of a look ahead": (lambda c: c.opens_within(NAIVE), "start must be an aware datetime"),
}


@pytest.mark.parametrize(("act", "message"), MISUSES.values(), ids=MISUSES.keys())
def test_a_time_that_is_not_exact_is_refused_by_name(act: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        act(WorkingCalendar.from_json(OFFICE))


# The horizon


@pytest.mark.parametrize("document", [OFFICE, ALWAYS], ids=["office hours", "24x7"])
def test_a_deadline_more_than_six_years_away_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(CalendarHorizon, match="six years"):
        WorkingCalendar.from_json(document).due(NOON, 6 * 366 * DAY + timedelta(seconds=1))


def test_a_deadline_exactly_six_years_away_is_found() -> None:
    assert WorkingCalendar.from_json(ALWAYS).due(NOON, 6 * 366 * DAY) == NOON + 6 * 366 * DAY


def test_the_horizon_does_not_depend_on_what_was_asked_before() -> None:
    cal = calendar({"mon": [["09:00", "17:00"]]}, "Asia/Tokyo")
    cal.elapsed(NOON, NOON + 20 * 366 * DAY)
    with pytest.raises(CalendarHorizon):
        cal.due(NOON, 400 * 8 * HOUR)


@pytest.mark.parametrize("weekly", [{}, {"mon": []}], ids=["no days", "an empty day"])
def test_a_calendar_that_never_opens_has_no_deadline_and_says_so(weekly: Any) -> None:
    with pytest.raises(CalendarHorizon, match="check the opening hours"):
        calendar(weekly).due(NOON, HOUR)
    assert not calendar(weekly).opens_within(NOON)


def test_a_pause_without_an_end_in_sight_has_no_deadline() -> None:
    with pytest.raises(CalendarHorizon):
        WorkingCalendar.from_json(OFFICE).due(NOON, 24 * HOUR, [(NOON + HOUR, at("9999-12-31T00:00Z"))])


def test_a_calendar_shut_for_a_year_by_holidays_does_not_open_within_it() -> None:
    first = date(2026, 1, 1)
    shut = calendar({"mon": [["09:00", "17:00"]]}, "UTC", tuple(str(first + n * DAY) for n in range(800)))
    assert not shut.opens_within(at("2026-01-01T00:00Z"))
    assert shut.opens_within(at("2027-06-01T00:00Z"))


def test_the_largest_target_is_refused_not_overflown() -> None:
    with pytest.raises(CalendarHorizon):
        WorkingCalendar.from_json(OFFICE).due(NOON, timedelta(days=999_999_999))


@pytest.mark.parametrize("tz", ["UTC", "Pacific/Kiritimati", "America/Los_Angeles"])
def test_the_first_and_the_last_week_of_all_time_can_be_counted(tz: str) -> None:
    first, last = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    nights = calendar({day: [["22:00", "06:00"]] for day in DAYS}, tz)
    assert timedelta(0) < nights.elapsed(first, first + 7 * DAY) <= 7 * 8 * HOUR
    assert timedelta(0) < nights.elapsed(last - 7 * DAY, last) <= 7 * 8 * HOUR
    assert nights.due(first, 8 * HOUR) < first + 2 * DAY
    with pytest.raises(CalendarHorizon):
        nights.due(last - DAY, 9 * HOUR)


def test_an_instant_before_the_year_one_in_utc_is_refused() -> None:
    with pytest.raises(CalendarHorizon, match=r"start .* outside the years 1 to 9999"):
        WorkingCalendar.from_json(ALWAYS).due(datetime.min.replace(tzinfo=timezone(HOUR)), HOUR)


def test_two_and_a_half_centuries_add_up() -> None:
    start, end = at("1800-01-02T00:00Z"), at("2050-01-01T00:00Z")
    cal = calendar({"wed": [["10:00", "11:00"]]}, "UTC")
    assert cal.elapsed(start, end) == (date(2050, 1, 1) - date(1800, 1, 2)).days // 7 * HOUR


def test_threads_that_share_a_calendar_get_the_same_answers() -> None:
    shared = calendar({day: [["07:30", "15:30"]] for day in DAYS[:5]}, "Europe/Warsaw")
    starts = [NOON + 200 * n * DAY for n in range(-20, 20)]
    expected = [ReferenceCalendar(shared.to_json()).due(start, 24 * HOUR) for start in starts]
    answers: dict[int, list[datetime]] = {}

    def ask(name: int) -> None:
        order = starts if name % 2 else starts[::-1]
        found = {start: shared.due(start, 24 * HOUR) for start in order}
        answers[name] = [found[start] for start in starts]

    threads = [threading.Thread(target=ask, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(answers.values()) == [expected] * 4


# Laws that hold for every calendar

# Zones beside days on which their clocks do something: a plain change, one at midnight, half an hour, two hours,
# a date left out, a date lived twice, and nothing at all.
PLACES = (
    ("Europe/Zurich", "2026-03-29"), ("Europe/Zurich", "2026-10-25"), ("America/New_York", "2026-11-01"),
    ("America/Sao_Paulo", "2018-11-04"), ("America/Sao_Paulo", "2018-02-18"), ("America/Havana", "2026-11-01"),
    ("Asia/Beirut", "2022-03-27"), ("Australia/Lord_Howe", "2026-04-05"), ("Australia/Lord_Howe", "2026-10-04"),
    ("Antarctica/Troll", "2026-03-29"), ("Africa/Casablanca", "2026-02-15"), ("America/Toronto", "1919-03-30"),
    ("Pacific/Apia", "2011-12-30"), ("Pacific/Kwajalein", "1993-08-21"), ("Asia/Manila", "1844-12-31"),
    ("America/Juneau", "1867-10-18"), ("Africa/Monrovia", "1972-01-07"), ("Asia/Kolkata", "2026-08-15"),
    ("Pacific/Kiritimati", "1994-12-31"), ("America/Nuuk", "2024-03-31"), ("UTC", "2026-02-28"),
)  # fmt: skip
MINUTES = st.one_of(
    st.integers(0, 24 * 60),
    st.sampled_from([0, 30, 60, 90, 120, 150, 165, 180, 240, 22 * 60, 23 * 60, 23 * 60 + 30, 24 * 60]),
)


@st.composite
def spans(draw: st.DrawFn) -> list[str]:
    opens, closes = draw(MINUTES) % (24 * 60), draw(MINUTES)
    assume(opens != closes)
    return [f"{opens // 60:02}:{opens % 60:02}", f"{closes // 60:02}:{closes % 60:02}"]


@st.composite
def installations(draw: st.DrawFn) -> tuple[dict[str, Any], datetime, list[tuple[datetime, datetime]]]:
    """A calendar with holidays and opening days, a start within two weeks of its zone's odd day, and pauses around."""
    tz, text = draw(st.sampled_from(PLACES))
    odd_day = date.fromisoformat(text)
    weekly: Any = draw(
        st.one_of(
            st.dictionaries(st.sampled_from(DAYS), st.lists(spans(), min_size=1, max_size=3), min_size=1),
            st.just({day: [["22:00", "06:00"]] for day in DAYS}),
            st.just({day: [["00:00", "24:00"]] for day in DAYS}),
            st.just("24x7"),
        )
    )
    offsets = draw(st.lists(st.integers(-10, 20), max_size=4))
    near = st.integers(-10, 20).map(lambda n: str(odd_day + n * DAY))
    openings = draw(st.dictionaries(near, st.lists(spans(), min_size=1, max_size=2), max_size=3))
    holidays = [str(odd_day + n * DAY) for n in offsets]
    document = {"tz": tz, "weekly": weekly, "holidays": holidays, "openings": openings}
    centre = datetime.combine(odd_day, time(), UTC)
    moments = st.integers(-10 * 86_400, 10 * 86_400).map(lambda n: centre + timedelta(seconds=n))
    return document, draw(moments), draw(st.lists(st.tuples(moments, moments), max_size=4))


TARGETS = st.one_of(st.integers(0, 60), st.integers(0, 40 * 3600), st.integers(0, 80).map(lambda n: n * 1800))
TARGETS = TARGETS.map(lambda n: timedelta(seconds=n))
LENGTHS = st.integers(-3600, 20 * 86_400).map(lambda n: timedelta(seconds=n))
SECOND = timedelta(seconds=1)


@settings(max_examples=200, deadline=None)
@given(installations(), LENGTHS)
def test_working_time_agrees_with_the_slow_reference(installation: Any, length: timedelta) -> None:
    document, start, pauses = installation
    expected = ReferenceCalendar(document).elapsed(start, start + length, pauses)
    assert WorkingCalendar.from_json(document).elapsed(start, start + length, pauses) == expected


@settings(max_examples=200, deadline=None)
@given(installations(), TARGETS)
def test_deadlines_agree_with_the_slow_reference(installation: Any, target: timedelta) -> None:
    document, start, pauses = installation
    expected = ReferenceCalendar(document).due(start, target, pauses)
    assume(expected is not None)
    assert WorkingCalendar.from_json(document).due(start, target, pauses) == expected


@settings(max_examples=100, deadline=None)
@given(installations(), LENGTHS)
def test_open_spans_agree_with_the_slow_reference(installation: Any, length: timedelta) -> None:
    document, start, _ = installation
    expected = ReferenceCalendar(document).running(start, start + length)
    assert WorkingCalendar.from_json(document).open_spans(start, start + length) == expected


@settings(max_examples=25, deadline=None)
@given(installations(), st.integers(1, 9_000))
def test_working_time_is_the_count_of_open_seconds(installation: Any, length: int) -> None:
    document, start, pauses = installation
    reference = ReferenceCalendar(document)
    windows = reference.open(start, start + DAY)
    seconds = (start + n * SECOND for n in range(length))
    counted = sum(
        any(a <= second < b for a, b in windows) and not any(a <= second < b for a, b in pauses) for second in seconds
    )
    worked = WorkingCalendar.from_json(document).elapsed(start, start + length * SECOND, pauses)
    assert worked == timedelta(seconds=counted)


@settings(max_examples=100, deadline=None)
@given(installations(), TARGETS)
def test_a_deadline_uses_up_its_target_and_no_earlier_instant_does(installation: Any, target: timedelta) -> None:
    document, start, pauses = installation
    cal = WorkingCalendar.from_json(document)
    due = cal.due(start, target, pauses)
    assert cal.elapsed(start, due, pauses) == target
    assert due == start or cal.elapsed(start, due - SECOND, pauses) == target - SECOND


@settings(max_examples=100, deadline=None)
@given(installations(), TARGETS, TARGETS)
def test_a_longer_target_is_never_due_earlier(installation: Any, target: timedelta, more: timedelta) -> None:
    document, start, pauses = installation
    cal = WorkingCalendar.from_json(document)
    assert cal.due(start, target, pauses) <= cal.due(start, target + more, pauses)


@settings(max_examples=100, deadline=None)
@given(installations(), TARGETS)
def test_one_more_pause_never_makes_a_deadline_earlier(installation: Any, target: timedelta) -> None:
    document, start, pauses = installation
    cal = WorkingCalendar.from_json(document)
    assert cal.due(start, target, pauses[1:]) <= cal.due(start, target, pauses)


@settings(max_examples=100, deadline=None)
@given(installations(), LENGTHS, LENGTHS)
def test_two_halves_of_a_window_add_up(installation: Any, first: timedelta, second: timedelta) -> None:
    document, start, pauses = installation
    cal = WorkingCalendar.from_json(document)
    middle = start + abs(first)
    end = middle + abs(second)
    halves = cal.elapsed(start, middle, pauses) + cal.elapsed(middle, end, pauses)
    assert halves == cal.elapsed(start, end, pauses)


@settings(max_examples=100, deadline=None)
@given(
    installations(), TARGETS, st.sampled_from([ZoneInfo("America/Lima"), timezone(timedelta(hours=-9, minutes=-30))])
)
def test_the_same_instants_written_elsewhere_give_the_same_deadline(
    installation: Any, target: timedelta, tz: Any
) -> None:
    document, start, pauses = installation
    cal = WorkingCalendar.from_json(document)
    elsewhere = [(a.astimezone(tz), b.astimezone(tz)) for a, b in pauses]
    due = cal.due(start.astimezone(tz), target, elsewhere)
    assert due == cal.due(start, target, pauses)
    assert due.tzinfo is UTC
