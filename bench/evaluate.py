"""One whole judgement against one due date of a Rust library: `python -m bench.evaluate`.

A data request with fifty facts and six clocks in calendar mode, with questions, waits and messages in it, is judged
from its facts; timegrid, in turns within the same rounds, works out one due instant. The ratio is what counts.
"""

from __future__ import annotations

import statistics
import time as stopwatch
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from bench.calendar import YEARS
from bench.calendar import _document as document
from bench.calendar import _grid as grid
from slamon.domain.calendar import WorkingCalendar
from slamon.domain.catalogue import STANDARD
from slamon.domain.clocks.ladder import evaluate
from slamon.domain.terms import ClockKind, ClockTerms, Mode, Terms, ladder_from_json
from slamon.domain.timeline import Actor, Fact, FactKind, Role, Timeline, Via
from slamon.services.directory.bootstrap import default_policies

ROUNDS, CALLS = 9, 300
WANTED = 20  # times one `due()` of timegrid
FILED_AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
CMO, SPONSOR = Actor("c", "Contact", Role.CMO_CONTACT), Actor("p", "Manager", Role.PROJECT_MANAGER)


def run(rounds: int = ROUNDS) -> dict[str, float]:
    """Return and print the median microseconds of both, and their ratio."""
    written = document("Europe/Zurich", [("08:00", "16:00")], YEARS)
    terms, timeline = _terms(WorkingCalendar.from_json(written)), _timeline()
    now = FILED_AT + timedelta(days=20)
    clocks = evaluate(terms, timeline, now, clocks=STANDARD.clocks).clocks
    assert (len(timeline), len(clocks)) == (50, 6), (len(timeline), len(clocks))
    peer, zone = grid(written), ZoneInfo("Europe/Zurich")

    def due() -> None:
        local = FILED_AT.astimezone(zone).replace(tzinfo=None)
        peer.add_work_duration(local, timedelta(hours=48)).replace(tzinfo=zone).astimezone(UTC)

    spent: dict[str, list[float]] = {"evaluate": [], "due": []}
    for _ in range(rounds):
        spent["evaluate"].append(_microseconds(lambda: evaluate(terms, timeline, now, clocks=STANDARD.clocks)))
        spent["due"].append(_microseconds(due))
    ours, theirs = (statistics.median(times) for times in spent.values())
    print(
        f"evaluate: 50 facts and 6 clocks in working hours in {ours:.0f} µs, {ours / theirs:.1f} times one due() of "
        f"timegrid, {theirs:.1f} µs (wanted {WANTED})"
    )
    return {"evaluate": ours, "due": theirs, "ratio": ours / theirs}


def _microseconds(call: Callable[[], object]) -> float:
    begun = stopwatch.process_time()
    for _ in range(CALLS):
        call()
    return (stopwatch.process_time() - begun) / CALLS * 1e6


def _terms(calendar: WorkingCalendar) -> Terms:
    allowed = ClockTerms(timedelta(hours=24), timedelta(hours=48), Mode.CALENDAR)
    kinds = (ClockKind.ACKNOWLEDGEMENT, ClockKind.ANSWER, ClockKind.REPLY)
    ladder = ladder_from_json(default_policies(STANDARD.clocks)[0]["ladder"])
    return Terms("bench", "Working hours", 1, None, calendar, dict.fromkeys(kinds, allowed), ladder)


def _timeline() -> Timeline:
    """Two questions and replies, two follow-ups answered, and corrections in between, up to fifty facts."""
    told: list[tuple[FactKind, Actor]] = [(FactKind.FILED, SPONSOR), (FactKind.ACKNOWLEDGED, CMO)]
    for _ in range(4):
        told += [(FactKind.ASKED, CMO), (FactKind.REPLIED, SPONSOR)]
    while len(told) < 50:
        told.append((FactKind.CORRECTED, CMO if len(told) % 2 else SPONSOR))
    return Timeline(
        Fact(n, kind, at, at, by, by, Via.API, content={"corrects": 1, "text": "…"})
        for n, (kind, by) in enumerate(told, start=1)
        for at in (FILED_AT + timedelta(hours=3 * (n - 1)),)
    )


if __name__ == "__main__":
    run()
