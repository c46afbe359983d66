"""Which deadlines move when a request is judged under other terms."""

from dataclasses import replace
from datetime import date, timedelta

from slamon.domain.lifecycle import Action
from slamon.domain.terms import ClockKind, ClockTerms, Terms
from slamon.services.deadlines.loading import load_request
from slamon.services.deadlines.term_changes import MovedDeadline, moved_deadlines
from tests.installation import START, Installation

HOUR = timedelta(hours=1)
SHORT, DEFAULT = ClockTerms(HOUR, 2 * HOUR), ClockTerms(24 * HOUR, 48 * HOUR)


def moved_under(
    installation: Installation, *, clocks: dict[ClockKind, ClockTerms], answered: bool = False
) -> list[MovedDeadline]:
    """What would move, three hours after the filing."""
    request = installation.file()
    installation.clock.advance(hours=3)
    if answered:
        installation.act(request.id, Action.ANSWER, by=installation.cast.contact, text="Yes.")
    with installation.runtime.read() as tx:
        case = load_request(tx, request)
    return moved_deadlines(case, replace(case.terms, clocks=clocks, digest="other"), now=installation.clock.now())


def test_a_deadline_that_moves_into_the_past_breaches_at_once(installation: Installation) -> None:
    [moved] = moved_under(installation, clocks={ClockKind.ACKNOWLEDGEMENT: DEFAULT, ClockKind.ANSWER: SHORT})
    assert (moved.clock, moved.limit_before, moved.limit_after) == (
        "answer",
        START + 48 * HOUR,
        START + 2 * HOUR,
    )
    assert moved.breaches_at_once


def test_a_clock_the_other_terms_do_not_have_loses_its_deadlines(installation: Installation) -> None:
    [moved] = moved_under(installation, clocks={ClockKind.ACKNOWLEDGEMENT: DEFAULT})
    assert (moved.clock, moved.target_after, moved.limit_after) == ("answer", None, None)
    assert not moved.breaches_at_once


def test_a_clock_that_has_stopped_does_not_move(installation: Installation) -> None:
    assert moved_under(installation, clocks={ClockKind.ANSWER: SHORT}, answered=True) == []


def test_terms_with_days_closed_are_the_same_when_they_come_back_from_the_store(installation: Installation) -> None:
    request = installation.file()
    with installation.runtime.read() as tx:
        own = load_request(tx, request).terms
    closed = own.closed_on({date(2026, 3, 6): "Carnival"})
    again = Terms.from_json(closed.to_json())
    assert (again, again.digest) == (closed, closed.digest)
    assert closed.digest != own.digest
