"""Facts into clocks: when each started, paused and stopped, when it is due, and how it ended.

`spells` says when a clock runs; here that is measured against the terms.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from slamon.domain.clocks.kinds import ClockDefinition, Clocks, PausedBy
from slamon.domain.clocks.spells import Pause, Spell, TimelineView, timeline_view
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
    A kind of which a request has only one has generation 1 and is written without it.
    """

    kind: str
    generation: int = 1

    def __str__(self) -> str:
        return self.kind if self.generation == 1 else f"{self.kind}-{self.generation}"

    @classmethod
    def parse(cls, text: str) -> "ClockId":
        """Raises ValueError for what is not written like this. Whether there is such a clock is not looked up."""
        kind, _, generation = text.partition("-")
        found = cls(kind, int(generation or "1"))
        if not kind or str(found) != text:
            raise ValueError(f"{text!r} names no clock")
        return found


@dataclass(frozen=True, slots=True)
class ClockState:
    """One clock as its facts leave it. `target_at` and `limit_at` are None while a pause makes them unknown."""

    id: ClockId
    definition: ClockDefinition
    started_at: datetime
    target_at: datetime | None
    limit_at: datetime | None
    pauses: tuple[Pause, ...]
    stopped_at: datetime | None
    outcome: Outcome

    @property
    def kind(self) -> str:
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


class Former(NamedTuple):
    """Terms of a request `until` others were applied to it, which is after all that happened before."""

    until: datetime
    terms: Terms


def in_force(terms: Terms, former: Sequence[Former], at: datetime | None) -> Terms:
    """The terms that judge a clock stopped `at`; None for one that still runs. What has stopped keeps its terms."""
    if at is not None:
        for each in former:
            if at < each.until:
                return each.terms
    return terms


def clock_states(
    terms: Terms, timeline: Timeline, former: Sequence[Former] = (), *, clocks: Clocks
) -> tuple[ClockState, ...]:
    """Every clock of the request, in the order of `clocks` and then of starting; none before it is filed.

    Raises LookupError for terms with a clock that is not among `clocks`.
    """
    view = timeline_view(terms, timeline)
    if view is None:
        return ()
    known = terms.clocks.keys() | {kind for before in former for kind in before.terms.clocks}
    if not known <= clocks.keys():
        raise LookupError(f"no clock {', '.join(sorted(known - clocks.keys()))} in the catalogue")
    spells = (
        (definition, spell, in_force(terms, former, spell.until))
        for name, definition in clocks.items()
        if name in known
        for spell in definition.spells(view)
    )
    return tuple(_state(own, clock, spell, view) for clock, spell, own in spells if clock.name in own.clocks)


def item_clocks(
    terms: Terms, timeline: Timeline, former: Sequence[Former] = (), *, clocks: Clocks
) -> dict[int, ClockState]:
    """The answer clock as each item of a data request has it, by the item's number.

    Empty unless the kinds asked for have different terms: then each item has its own target and limit, with the same
    pauses.
    """
    if not terms.answer_by_kind and not any(before.terms.answer_by_kind for before in former):
        return {}
    states = clock_states(terms, timeline, former, clocks=clocks)
    answer = next((each for each in states if each.kind == ClockKind.ANSWER), None)
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


def instant_after(terms: Terms, clock: ClockState, amount: timedelta) -> datetime | None:
    """When the clock will have run for `amount` of its own time; None while a pause leaves that open."""
    return _due(terms, terms.clocks[clock.kind], clock.started_at, amount, clock.pauses)


def _state(terms: Terms, definition: ClockDefinition, spell: Spell, view: TimelineView) -> ClockState:
    clock = terms.clocks[definition.name]
    pauses = () if definition.paused_by is PausedBy.NOBODY else tuple(_pauses(definition.paused_by, spell, view))
    if clock.mode is Mode.DATE:
        target_at = limit_at = spell.day_ends_at
    else:
        target_at = _due(terms, clock, spell.since, clock.target, pauses)
        limit_at = _due(terms, clock, spell.since, clock.limit, pauses)
    outcome = _outcome(spell.until, target_at, limit_at)
    if spell.is_cancelled and (outcome is not Outcome.BREACHED or limit_at is None or view.is_request_cancelled):
        outcome = Outcome.CANCELLED
    clock_id = ClockId(definition.name, spell.generation)
    return ClockState(clock_id, definition, spell.since, target_at, limit_at, pauses, spell.until, outcome)


def _pauses(paused_by: PausedBy, spell: Spell, view: TimelineView) -> Iterator[Pause]:
    """The pauses that count for a clock, cut to its spell, in order."""
    for pause in view.pauses if paused_by is PausedBy.SPONSOR_AND_THIRD_PARTIES else view.elsewhere:
        since = max(pause.since, spell.since)
        to = pause.to if spell.until is None or (pause.to is not None and pause.to < spell.until) else spell.until
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
