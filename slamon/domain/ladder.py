"""Clocks into escalation: which rungs were passed when, which of them call for a message, what to look at next."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import NamedTuple

from slamon.domain.clocks import ClockId, ClockState, Former, clock_states, in_force, instant_after
from slamon.domain.terms import Anchor, Level, Mode, Step, Terms
from slamon.domain.timeline import FactKind, Timeline

_NONE = timedelta(0)
_NEVER = datetime.max.replace(tzinfo=UTC)


class Crossing(NamedTuple):
    """A rung a clock has passed, at its computed time: never the moment somebody looked."""

    clock: ClockId
    step: Step
    crossed_at: datetime

    @property
    def level(self) -> Level:
        return self.step.level


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All that follows from terms and timeline at one instant.

    `crossings` are in order of time. `due` are those of clocks that still run: they may call for a message, the
    others are history. `next_check_at` is the next instant at which anything can change by itself, `urgent_at` the
    earliest target of a running clock; both None when nothing runs.
    """

    clocks: tuple[ClockState, ...]
    crossings: tuple[Crossing, ...]
    due: tuple[Crossing, ...]
    next_check_at: datetime | None
    urgent_at: datetime | None

    def breached(self, now: datetime) -> set[ClockId]:
        """The clocks past their limit at `now`: stopped after it, or still not stopped."""
        return {clock.id for clock in self.clocks if clock.is_breached(now)}


def evaluate(terms: Terms, timeline: Timeline, now: datetime, former: Sequence[Former] = ()) -> Evaluation:
    """Judge a request at `now` (aware). Pure: the same facts always give the same answer.

    `former` are the terms it lived under before others were applied to it, the oldest first.
    A rung is passed once `now` lies after its instant; at the instant itself an answer would still be punctual.
    """
    clocks = clock_states(terms, timeline, former)
    taken = [fact.occurred_at for fact in timeline.of(FactKind.TAKEN)]
    passed: list[Crossing] = []
    due: list[Crossing] = []
    ahead: list[datetime] = []
    for clock in clocks:
        is_running = clock.is_running
        for step, at in _rungs(in_force(terms, former, clock.stopped_at), clock, taken):
            if at < now:
                passed.append(Crossing(clock.id, step, at))
                if is_running:
                    due.append(passed[-1])
            elif is_running:
                ahead.append(at)
    in_time = attrgetter("crossed_at")
    return Evaluation(
        clocks=clocks,
        crossings=tuple(sorted(passed, key=in_time)),
        due=tuple(sorted(due, key=in_time)),
        next_check_at=min(ahead, default=None),
        urgent_at=min((clock.target_at for clock in clocks if clock.is_running and clock.target_at), default=None),
    )


def steps_to_tell(terms: Terms, due: tuple[Crossing, ...], new: set[tuple[ClockId, Level]]) -> list[Crossing]:
    """Which newly found crossings call for a message: the highest rung of each clock.

    A rung that only repeats an earlier message counts when it is all that is new: after an outage the rung itself
    speaks, not its repetition.
    """
    told: list[Crossing] = []
    for clock in dict.fromkeys(crossing.clock for crossing in due):
        ladder = terms.ladder_of(clock.kind)
        order = {step.level: rank for rank, step in enumerate(ladder)}
        repeating = {step.level for step in ladder if step.unless_taken}
        fresh = [crossing for crossing in due if crossing.clock == clock and (clock, crossing.level) in new]
        main = [crossing for crossing in fresh if crossing.level not in repeating] or fresh
        if main:
            told.append(max(main, key=lambda crossing: (crossing.crossed_at, order[crossing.level])))
    return told


def _rungs(terms: Terms, clock: ClockState, taken: Sequence[datetime]) -> Iterator[tuple[Step, datetime]]:
    """The rungs a clock passes in its life, and when."""
    since, until = clock.started_at, clock.stopped_at or _NEVER
    for step in terms.ladder_of(clock.kind):
        at = _instant_of(terms, step, clock, until, taken)
        if at is not None and at < since and step.offset >= _NONE:
            at = since  # due before it began: passed at once, while a reminder for that has no use any more
        if at is not None and since <= at < until:
            yield step, at


def _instant_of(
    terms: Terms, step: Step, clock: ClockState, until: datetime, taken: Sequence[datetime]
) -> datetime | None:
    """When `clock` passes `step`; None while a pause leaves it open, once it was taken in time, or after `until`."""
    if step.percent_of_target is not None:
        return instant_after(terms, clock, terms.clocks[clock.kind].share(step.percent_of_target))
    match step.anchor:
        case Anchor.LIMIT:
            base = clock.limit_at
        case Anchor.TARGET:
            base = clock.target_at
        case Anchor.START:
            return instant_after(terms, clock, step.offset)
    if base is None or (base >= until and step.offset >= _NONE):
        return None
    at = _later(terms, step, clock, base) if step.offset else base
    # Taking an earlier escalation, or none yet, does not count.
    if taken and step.unless_taken and at is not None and any(base <= took_at <= at for took_at in taken):
        return None
    return at


def _later(terms: Terms, step: Step, clock: ClockState, base: datetime) -> datetime | None:
    """When a rung counted from `base` is passed, or was, where it lies before it."""
    at = terms.calendar.due(base, step.offset) if step.mode is Mode.CALENDAR else base + step.offset
    return _not_in_pause(at, clock) if step.offset > _NONE else at


def _not_in_pause(at: datetime, clock: ClockState) -> datetime | None:
    """A later rung never falls on a time at which somebody else held the ball: it waits for the end of the pause."""
    for pause in clock.pauses:
        if pause.since <= at and (pause.to is None or at < pause.to):
            return pause.to
    return at
