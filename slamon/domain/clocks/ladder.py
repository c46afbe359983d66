"""Clocks into escalation: which steps were passed when, which of them call for a message, what to look at next."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import NamedTuple

from slamon.domain.clocks.kinds import Clocks
from slamon.domain.clocks.state import ClockId, ClockState, Former, clock_states, in_force, instant_after
from slamon.domain.terms import (
    BREACH_LEVELS,
    REPETITIONS,
    Anchor,
    ClockTerms,
    Level,
    Mode,
    Step,
    Terms,
    TermsError,
    duration_text,
)
from slamon.domain.timeline import FactKind, Timeline

_NONE = timedelta(0)
_NEVER = datetime.max.replace(tzinfo=UTC)
_IN_TIME = attrgetter("crossed_at")
_WANTED = {
    Level.REMINDER: "a reminder lies before the target, for example percent_of_target 75",
    Level.TARGET: "this level is for the target: say anchor target",
    Level.LIMIT: "this level is for the breach: say anchor limit",
    Level.REPEAT: "a repetition lies after the limit: say anchor limit and an offset such as PT4H",
    Level.BACKUP: "a repetition lies after the limit: say anchor limit and an offset such as PT8H",
    Level.STEP_3: "this level lies after the limit (at the limit it is the breach, level limit): say an offset",
    Level.STEP_4: "this level lies after the limit (at the limit it is the breach, level limit): say an offset",
}
_ABOVE_BREACH = BREACH_LEVELS - {Level.LIMIT}


class CrossingKey(NamedTuple):
    """What makes a crossing one: a clock passes a step once at an instant."""

    clock: ClockId
    step: str
    crossed_at: datetime


class Crossing(NamedTuple):
    """A step a clock has passed, at its computed time: never the moment somebody looked. `level` is what it means."""

    clock: ClockId
    step: Step
    crossed_at: datetime
    level: Level

    @property
    def key(self) -> CrossingKey:
        return CrossingKey(self.clock, self.step.id, self.crossed_at)

    @property
    def order(self) -> tuple[datetime, int]:
        """The later step passes over the earlier one; at one instant the graver over the milder."""
        return self.crossed_at, self.level.rank


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


def evaluate(
    terms: Terms, timeline: Timeline, now: datetime, former: Sequence[Former] = (), *, clocks: Clocks
) -> Evaluation:
    """Judge a request at `now` (aware). Pure: the same facts always give the same answer.

    `former` are the terms it had before others were applied to it, the oldest first; `clocks` those of the catalogue.
    A step is passed once `now` lies after its instant; at the instant itself an answer would still be punctual.
    """
    states = clock_states(terms, timeline, former, clocks=clocks)
    taken = [fact.occurred_at for fact in timeline.of(FactKind.TAKEN)]
    passed: list[Crossing] = []
    due: list[Crossing] = []
    ahead: list[datetime] = []
    for clock in states:
        is_running = clock.is_running
        for step, at in _steps_within(in_force(terms, former, clock.stopped_at), clock, taken):
            if at < now:
                crossing = Crossing(clock.id, step, at, meaning(step, clock, at))
                passed.append(crossing)
                if is_running:
                    due.append(crossing)
            elif is_running:
                ahead.append(at)
    passed.sort(key=_IN_TIME)
    due.sort(key=_IN_TIME)
    return Evaluation(
        clocks=states,
        crossings=tuple(passed),
        due=tuple(due),
        next_check_at=min(ahead, default=None),
        urgent_at=min((clock.target_at for clock in states if clock.is_running and clock.target_at), default=None),
    )


def meaning(step: Step, clock: ClockState, at: datetime) -> Level:
    """What it means that `clock` passes `step` at this instant, whatever the step is called.

    Nothing is called late that is not. At the limit every step is the breach; between target and limit only a reminder
    may still be one.
    """
    level, target_at, limit_at = step.level, clock.target_at, clock.limit_at
    if limit_at is not None and at >= limit_at:
        is_lower = level not in _ABOVE_BREACH or (level in REPETITIONS and not step.minds_taking)
        return Level.LIMIT if is_lower or at == limit_at else level
    if target_at is not None and at >= target_at:
        return level if level is Level.REMINDER and at > target_at else Level.TARGET
    return Level.REMINDER


def refuse_contradictions(ladder: Sequence[Step], allowed: Mapping[str, ClockTerms], clocks: Clocks) -> None:
    """Raise TermsError for a step whose level and instant contradict, as far as can be said before any clock runs.

    `allowed` is what each clock of the policy line allows; its ladder names only `clocks` of the catalogue. Where
    pauses, calendars or equal targets and limits decide, `meaning` does when the step is passed.
    """
    with_own = {kind for step in ladder for kind in step.clocks}
    others = [kind for kind in allowed if kind not in with_own and clocks[kind].takes_general_steps]
    for index, step in enumerate(ladder):
        where = f"ladder.{index}"
        named = f"step '{step.id}' of level {step.level}"
        if step.percent_of_target is not None and step.offset:
            raise TermsError(f"{where}.offset", f"{named} has a percent_of_target too; leave one of them out")
        if step.level in REPETITIONS and not step.unless_taken:
            raise TermsError(
                f"{where}.unless_taken", f"{named} repeats what nobody has taken: leave it out, or say true"
            )
        if step.unless_taken and not step.minds_taking:
            why = f"{named} is counted from the start, when nothing can have been taken; count it from target or limit"
            raise TermsError(f"{where}.unless_taken", why)
        named_here = [kind for kind in step.clocks or others if not clocks[kind].is_dated]
        found = _contradiction(step, [(kind, allowed[kind]) for kind in named_here if kind in allowed])
        if found is not None:
            at_fault = "percent_of_target" if step.percent_of_target is not None else "anchor"
            raise TermsError(f"{where}.{at_fault}", f"{named} {found}")


def _contradiction(step: Step, by_the_hour: Sequence[tuple[str, ClockTerms]]) -> str | None:
    """How the instant of a step contradicts its level, with the way out; its clocks without those that end on a day."""
    level, offset = step.level, step.offset
    before, after = offset < _NONE, offset > _NONE
    wants = _WANTED[level]
    if step.percent_of_target is not None:
        whole = step.percent_of_target == 100
        fits = level is Level.TARGET if whole else level is Level.REMINDER
        lies = "lies at the target" if whole else "lies before the target"
    elif step.anchor is Anchor.LIMIT:
        fits = level in (Level.REMINDER, Level.TARGET) if before else level in BREACH_LEVELS
        fits = fits and not (level in _ABOVE_BREACH and not after)
        lies = "lies before the limit" if before else "lies after the limit" if after else "lies at the limit"
    elif step.anchor is Anchor.TARGET:
        fits = level is Level.REMINDER if before else level is Level.TARGET or (after and level not in REPETITIONS)
        lies = "lies before the target" if before else "lies after the target" if after else "lies at the target"
    else:
        kind = next((kind for kind, clock in by_the_hour if not _fits_own_time(level, offset, clock)), None)
        fits, lies = kind is None, f"lies {duration_text(offset)} after the start of {kind}"
    return None if fits else f"{lies}; {wants}"


def _fits_own_time(level: Level, offset: timedelta, clock: ClockTerms) -> bool:
    if level is Level.REMINDER:
        return offset < clock.limit and offset != clock.target
    if level is Level.TARGET:
        return clock.target <= offset < clock.limit
    return offset >= clock.limit if level is Level.LIMIT else offset > clock.limit


def steps_to_tell(due: Sequence[Crossing], untold: Collection[CrossingKey]) -> list[Crossing]:
    """Which of the due crossings call for a message, `untold` being those whose readers have not been told.

    Of each clock the last step that does not merely repeat a breach, whenever it was found; others of the same instant
    and level with it. Where that was told before, a later repetition. After an outage the breach itself speaks, not
    its repetition.
    """
    found: list[Crossing] = []
    for clock in dict.fromkeys(crossing.clock for crossing in due):
        own = [crossing for crossing in due if crossing.clock == clock]
        last = _last(crossing for crossing in own if crossing.level not in REPETITIONS)
        speaking = [crossing for crossing in last if crossing.key in untold]
        if not speaking:
            repeated = _last(c for c in own if c.level in REPETITIONS and c.key in untold)
            speaking = [c for c in repeated if not last or c.order > last[0].order]
        found += speaking
    return found


def _last(crossings: Iterable[Crossing]) -> list[Crossing]:
    found = list(crossings)
    last = max((crossing.order for crossing in found), default=None)
    return [crossing for crossing in found if crossing.order == last]


def _steps_within(terms: Terms, clock: ClockState, taken: Sequence[datetime]) -> Iterator[tuple[Step, datetime]]:
    """The steps a clock passes between start and stop, and when."""
    since, until = clock.started_at, clock.stopped_at or _NEVER
    for step in terms.ladder_of(clock.kind, takes_general=clock.definition.takes_general_steps):
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
    if step.anchor is Anchor.START:
        return instant_after(terms, clock, step.offset)
    base = clock.limit_at if step.anchor is Anchor.LIMIT else clock.target_at
    if base is None or (base >= until and step.offset >= _NONE):
        return None
    at = _later(terms, step, clock, base) if step.offset else base
    # Taking an earlier escalation, or none yet, does not count.
    if taken and step.unless_taken and at is not None and any(base <= took_at <= at for took_at in taken):
        return None
    return at


def _later(terms: Terms, step: Step, clock: ClockState, base: datetime) -> datetime | None:
    """When a step counted from `base` is passed, or was, where it lies before it."""
    at = terms.calendar.due(base, step.offset) if step.mode is Mode.CALENDAR else base + step.offset
    return _not_in_pause(at, clock) if step.offset > _NONE else at


def _not_in_pause(at: datetime, clock: ClockState) -> datetime | None:
    """A later step never falls into a pause: it waits for its end."""
    for pause in clock.pauses:
        if pause.since <= at and (pause.to is None or at < pause.to):
            return pause.to
    return at
