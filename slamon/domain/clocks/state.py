"""Facts into clocks: when each started, paused and stopped, when it is due, and how it ended.

When a clock runs is told in `runs`; here it is measured against the terms.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from slamon.domain.clocks.spells import SPELLS, Pause, Spell, TimelineView, timeline_view
from slamon.domain.terms import ClockKind, ClockTerms, Mode, Terms
from slamon.domain.timeline import FactKind, Filed, Timeline


class Outcome(StrEnum):
    RUNNING = "running"
    MET = "met"
    LATE = "late"
    BREACHED = "breached"
    CANCELLED = "cancelled"


class ClockId(NamedTuple):
    """Which clock of a request, written `reply-7`.

    The generation tells apart those of a kind: it is the number of the consignment, or of the fact that started it.
    A kind of which a request has one alone has generation 1 and is written without it.
    """

    kind: ClockKind
    generation: int = 1

    def __str__(self) -> str:
        return self.kind.value if self.generation == 1 else f"{self.kind.value}-{self.generation}"

    @classmethod
    def parse(cls, text: str) -> "ClockId":
        """Raises ValueError for what names no clock."""
        kind, _, generation = text.partition("-")
        found = cls(ClockKind(kind), int(generation or "1"))
        if str(found) != text:
            raise ValueError(f"{text!r} names no clock")
        return found


@dataclass(frozen=True, slots=True)
class ClockState:
    """One clock as its facts leave it. `target_at` and `limit_at` are None while a pause makes them unknown."""

    id: ClockId
    started_at: datetime
    target_at: datetime | None
    limit_at: datetime | None
    pauses: tuple[Pause, ...]
    stopped_at: datetime | None
    outcome: Outcome

    @property
    def kind(self) -> ClockKind:
        return self.id.kind

    @property
    def open_pause(self) -> Pause | None:
        """The pause of which nobody knows the end."""
        return next((pause for pause in self.pauses if pause.to is None), None) if self.stopped_at is None else None

    @property
    def is_paused(self) -> bool:
        return self.open_pause is not None

    @property
    def is_running(self) -> bool:
        return self.stopped_at is None and not self.is_paused

    def is_breached(self, now: datetime) -> bool:
        """Whether it was stopped after its limit, or the limit has passed and it was not."""
        if self.outcome is not Outcome.RUNNING:
            return self.outcome is Outcome.BREACHED
        return self.limit_at is not None and self.limit_at < now

    @property
    def wall_time(self) -> timedelta | None:
        """From start to stop, whatever lay between; None while it runs."""
        return None if self.stopped_at is None else self.stopped_at - self.started_at


# The acknowledgement clock never pauses, a reply clock neither: whoever was written to can write back.
_PAUSED_BY_A_QUESTION = frozenset(
    {ClockKind.ANSWER, ClockKind.ORDER_CONFIRMATION, ClockKind.DISPATCH_CONFIRMATION}
)  # fmt: skip
PAUSED_BY_A_THIRD_PARTY = _PAUSED_BY_A_QUESTION | {ClockKind.DELIVERY_CONFIRMATION}


class Former(NamedTuple):
    """Terms a request lived under `until` others were applied to it, which is after all that happened before."""

    until: datetime
    terms: Terms


def in_force(terms: Terms, former: Sequence[Former], at: datetime | None) -> Terms:
    """The terms that judge a clock stopped `at`; None for one that still runs. What has stopped keeps its terms."""
    if at is not None:
        for each in former:
            if at < each.until:
                return each.terms
    return terms


def clock_states(terms: Terms, timeline: Timeline, former: Sequence[Former] = ()) -> tuple[ClockState, ...]:
    """Every clock of the request, by kind and then in the order of starting; none before it is filed."""
    story = timeline_view(terms, timeline)
    if story is None:
        return ()
    known = {kind for each in (terms, *(before.terms for before in former)) for kind in each.clocks}
    runs = (
        (kind, run, in_force(terms, former, run.until))
        for kind in ClockKind
        if kind in known
        for run in SPELLS[kind](story)
    )
    return tuple(_state(own, kind, run, story) for kind, run, own in runs if kind in own.clocks)


def item_clocks(terms: Terms, timeline: Timeline, former: Sequence[Former] = ()) -> dict[int, ClockState]:
    """The answer clock as each item of a data request has it, by the item's number.

    Empty unless the kinds asked for have different terms: then each item has its own target and limit, with the same
    pauses.
    """
    answer = next((each for each in clock_states(terms, timeline, former) if each.kind is ClockKind.ANSWER), None)
    filed = timeline.first(FactKind.FILED)
    if answer is None or filed is None:
        return {}
    own = in_force(terms, former, answer.stopped_at)
    found = {}
    for number, item in enumerate(filed.said(Filed).detail.get("items", ()), start=1):
        clock = own.answer_by_kind.get(item.get("kind"))
        if clock is not None:
            target_at = _due(own, clock, answer.started_at, clock.target, answer.pauses)
            limit_at = _due(own, clock, answer.started_at, clock.limit, answer.pauses)
            found[number] = replace(answer, target_at=target_at, limit_at=limit_at)
    return found


def net_time(terms: Terms, clock: ClockState, now: datetime) -> timedelta:
    """The running time used up by `now` or by the stop: open hours of the clock's mode, less its pauses."""
    end = clock.stopped_at or now
    calendar = terms.running_calendar(terms.clocks[clock.kind].mode)
    return calendar.elapsed(clock.started_at, end, [(pause.since, pause.to or end) for pause in clock.pauses])


def instant_after(terms: Terms, clock: ClockState, amount: timedelta) -> datetime | None:
    """When the clock will have run for `amount` of its own time; None while a pause leaves that open."""
    return _due(terms, terms.clocks[clock.kind], clock.started_at, amount, clock.pauses)


def _state(terms: Terms, kind: ClockKind, run: Spell, story: TimelineView) -> ClockState:
    clock = terms.clocks[kind]
    pauses = tuple(_pauses(kind, run, story)) if kind in PAUSED_BY_A_THIRD_PARTY else ()
    if clock.mode is Mode.DATE:
        target_at = limit_at = run.day_ends_at
    else:
        target_at = _due(terms, clock, run.since, clock.target, pauses)
        limit_at = _due(terms, clock, run.since, clock.limit, pauses)
    outcome = _outcome(run.until, target_at, limit_at)
    if run.is_cancelled and (outcome is not Outcome.BREACHED or limit_at is None or story.is_withdrawn):
        outcome = Outcome.CANCELLED
    return ClockState(ClockId(kind, run.generation), run.since, target_at, limit_at, pauses, run.until, outcome)


def _pauses(kind: ClockKind, run: Spell, story: TimelineView) -> Iterator[Pause]:
    """The pauses of a clock that has any, cut to its life, in order."""
    for pause in story.pauses if kind in _PAUSED_BY_A_QUESTION else story.elsewhere:
        since = max(pause.since, run.since)
        to = pause.to if run.until is None or (pause.to is not None and pause.to < run.until) else run.until
        if to is None or since < to:
            yield pause._replace(since=since, to=to)


def _outcome(stopped_at: datetime | None, target_at: datetime | None, limit_at: datetime | None) -> Outcome:
    """The one predicate of scan, escalation and report; equality is on the good side."""
    if stopped_at is None:
        return Outcome.RUNNING
    if target_at is not None and stopped_at <= target_at:
        return Outcome.MET
    if limit_at is not None and stopped_at <= limit_at:
        return Outcome.LATE
    return Outcome.BREACHED


def _due(
    terms: Terms, clock: ClockTerms, start: datetime, amount: timedelta, pauses: Sequence[Pause]
) -> datetime | None:
    calendar = terms.running_calendar(clock.mode)
    if not pauses:
        return calendar.due(start, amount)
    due = calendar.due(start, amount, [(pause.since, pause.to) for pause in pauses if pause.to is not None])
    open_since = next((pause.since for pause in pauses if pause.to is None), None)
    return due if open_since is None or due <= open_since else None
