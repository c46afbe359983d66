"""Times as the pages show and read them."""

from datetime import UTC, date, datetime, timedelta

import pytest

from slamon.domain.catalogue import STANDARD
from slamon.domain.clocks.spells import Pause
from slamon.domain.clocks.state import ClockId, ClockState, Outcome
from slamon.domain.terms import ClockKind
from slamon.errors import Invalid
from slamon.web.session import safe_next
from slamon.web.view.clock_bar import draw
from slamon.web.view.countdowns import countdown
from slamon.web.view.instants import Zones, civil_day, civil_days, local_instant, today_in
from slamon.web.view.words import shown
from slamon.wording.words import ENGLISH

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
WORDS = ENGLISH.clocks
ZONES = Zones("Asia/Kolkata", "America/New_York")


def clock(**differing: object) -> ClockState:
    values = {
        "id": ClockId(ClockKind.ANSWER), "definition": STANDARD.clocks["answer"], "started_at": START,
        "target_at": START + timedelta(hours=24),
        "limit_at": START + timedelta(hours=48), "pauses": (), "stopped_at": None, "outcome": Outcome.RUNNING,
    }  # fmt: skip
    return ClockState(**{**values, **differing})  # type: ignore[arg-type]


def hours(amount: float) -> datetime:
    return START + timedelta(hours=amount)


@pytest.mark.parametrize(
    ("after", "tone", "words"),
    [
        (2, "calm", "answer due in 22 h"),
        (20.8, "soon", "answer due in 3 h 12 min"),
        (24, "soon", "answer due in 0 s"),
        (29, "late", "answer late by 5 h"),
        (48, "late", "answer late by 24 h"),
        (150, "breached", "answer limit breached 4 d 6 h ago"),
    ],
)
def test_a_running_clock_in_words_and_colour(after: float, tone: str, words: str) -> None:
    shown_clock = countdown(clock(), ZONES, hours(after), WORDS)
    assert (shown_clock.tone, shown_clock.words) == (tone, words)


@pytest.mark.parametrize(
    ("since", "limit", "words"),
    [
        (50, hours(48), "answer clock paused; was already over the limit"),
        (30, None, "answer clock paused; was already over the target"),
    ],
)
def test_a_clock_paused_too_late_shows_no_growing_figure(since: float, limit: datetime | None, words: str) -> None:
    paused = clock(limit_at=limit, pauses=(Pause(hours(since), None, "question"),))
    assert [countdown(paused, ZONES, hours(after), WORDS).words for after in (since + 1, since + 20)] == [
        words,
        words,
    ]


@pytest.mark.parametrize(
    ("outcome", "tone", "words"),
    [
        (Outcome.MET, "met", "answer on time, after 5 h"),
        (Outcome.LATE, "late", "answer late, after 5 h"),
        (Outcome.BREACHED, "breached", "answer after the limit, after 5 h"),
        (Outcome.CANCELLED, "off", "answer clock cancelled"),
    ],
)
def test_a_stopped_clock_in_words_and_colour(outcome: Outcome, tone: str, words: str) -> None:
    shown_clock = countdown(clock(stopped_at=hours(5), outcome=outcome), ZONES, hours(99), WORDS)
    assert (shown_clock.tone, shown_clock.words) == (tone, words)


def test_a_paused_clock_is_neither_due_nor_late() -> None:
    paused = clock(target_at=None, limit_at=None, pauses=(Pause(hours(1), None, "waits"),))
    shown_clock = countdown(paused, ZONES, hours(100), WORDS)
    assert (shown_clock.tone, shown_clock.words) == ("paused", "answer clock paused for 4 d 3 h")


def test_the_same_instant_in_both_zones() -> None:
    at = ZONES.at(datetime(2026, 11, 24, 20, 0, tzinfo=UTC))
    assert at.own == "Wed 25 Nov 2026, 01:30 Kolkata (UTC+05:30)"
    assert at.other == "Tue 24 Nov, 15:00 New York (UTC−05:00)"


def test_one_zone_is_shown_once() -> None:
    assert Zones("UTC", "UTC").at(START).other is None


def test_a_local_time_is_read_in_the_readers_zone() -> None:
    assert local_instant("when", "2026-07-01T09:30", "Asia/Kolkata") == datetime(2026, 7, 1, 4, 0, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "soon", "2026-03-29T02:30", "2026-07-01T09:30+02:00", "2026-13-01T00:00"])
def test_a_local_time_that_does_not_exist_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        local_instant("when", text, "Europe/Zurich")


@pytest.mark.parametrize(
    ("text", "zone"), [("0001-01-01T00:30", "Asia/Kolkata"), ("9999-12-31T23:30", "America/New_York")]
)
def test_a_local_time_at_the_edge_of_the_calendar_is_refused(text: str, zone: str) -> None:
    with pytest.raises(Invalid, match="look at the year"):
        local_instant("when", text, zone)


def test_of_an_hour_that_comes_twice_the_first_is_meant() -> None:
    assert local_instant("when", "2026-10-25T02:30", "Europe/Zurich") == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_today_is_the_readers_own() -> None:
    assert civil_day(today_in("Asia/Kolkata", datetime(2026, 3, 2, 20, 0, tzinfo=UTC))) == "Tue 3 Mar 2026"


def test_days_name_their_year_once_unless_it_turns() -> None:
    assert civil_days(date(2026, 3, 6), date(2026, 3, 9)) == "Fri 6 Mar to Mon 9 Mar 2026"
    assert civil_days(date(2026, 3, 6), date(2026, 3, 6)) == "Fri 6 Mar 2026"
    assert civil_days(date(2026, 12, 24), date(2027, 1, 3)) == "Thu 24 Dec 2026 to Sun 3 Jan 2027"


def test_the_bar_of_a_breached_clock_has_three_parts() -> None:
    bar = draw(clock(), hours(96))
    assert [(part.kind, part.width) for part in bar.stretches] == [
        ("on_time", "24.27%"), ("late", "24.27%"), ("breached", "48.54%"),
    ]  # fmt: skip
    assert [mark.kind for mark in bar.marks] == ["target", "limit", "now"]


def test_the_bar_of_a_clock_that_just_began_can_be_drawn() -> None:
    assert draw(clock(target_at=None, limit_at=None, pauses=(Pause(START, None, "waits"),)), START).stretches == ()


def test_codes_become_words_and_own_texts_stay_to_the_letter() -> None:
    assert shown("product_code", "coa") == "coa"
    assert shown("requested_ship_date", "2026-03-06") == "Fri 6 Mar 2026"
    assert shown("logger_required", True) == "yes"


@pytest.mark.parametrize("address", ["/requests", "/requests/1?x=1", "/status#outgoing"])
def test_a_path_of_ours_is_a_safe_next(address: str) -> None:
    assert safe_next(address) == address
