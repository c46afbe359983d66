"""A clock in words and colour: what is due, by when in both zones, how much is left or how late it is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from slamon.db.requests import ClockRow
from slamon.domain.clocks.kinds import ClockDefinition, Clocks
from slamon.domain.clocks.spells import WAITING_FOR_SPONSOR, Pause
from slamon.domain.clocks.state import ClockId, ClockState, Outcome
from slamon.domain.terms import Mode, Terms
from slamon.web.view.clock_bar import Bar, draw
from slamon.web.view.instants import Moment, Zones, span
from slamon.wording.clocks import ClockWords
from slamon.wording.instants import target as allowance

_SOON = 0.25  # the last quarter before the target is shown in the colour of "soon"


class Tone(StrEnum):
    """The colour a clock is shown in; the words beside it always say the same."""

    CALM = "calm"
    SOON = "soon"
    LATE = "late"
    BREACHED = "breached"
    PAUSED = "paused"
    MET = "met"
    OFF = "off"


_PASSED = {Tone.LATE: "target", Tone.BREACHED: "limit"}


@dataclass(frozen=True, slots=True)
class Countdown:
    """One clock for one reader. `allowed` names target and limit with their unit, where the terms are at hand."""

    id: ClockId
    definition: ClockDefinition
    name: str
    headline: str
    tone: Tone
    words: str
    is_running: bool
    started: Moment
    target: Moment | None
    limit: Moment | None
    stopped: Moment | None
    pauses: int
    allowed: str | None
    bar: Bar

    @property
    def kind(self) -> str:
        return self.id.kind

    @property
    def is_the_sponsors(self) -> bool:
        return self.definition.is_the_sponsors

    @property
    def title(self) -> str:
        return self.name[:1].upper() + self.name[1:]

    @property
    def is_bad(self) -> bool:
        return self.tone in (Tone.LATE, Tone.BREACHED)


def name_of(clock: ClockId, definition: ClockDefinition, words: Mapping[str, ClockWords]) -> str:
    """What a clock is called; of consignments, from the second on with its number."""
    of = f" of consignment {clock.generation}" if definition.is_per_consignment and clock.generation > 1 else ""
    return f"{words[clock.kind].name}{of}"


def countdown(
    clock: ClockState, zones: Zones, now: datetime, words: Mapping[str, ClockWords], terms: Terms | None = None
) -> Countdown:
    tone, name = _tone(clock, now), name_of(clock.id, clock.definition, words)
    return Countdown(
        id=clock.id,
        definition=clock.definition,
        name=name,
        headline=words[clock.kind].headline,
        tone=tone,
        words=_words(clock, name, tone, now),
        is_running=clock.is_running,
        started=zones.at(clock.started_at),
        target=zones.maybe(clock.target_at),
        limit=zones.maybe(clock.limit_at),
        stopped=zones.maybe(clock.stopped_at),
        pauses=len(clock.pauses),
        allowed=_allowed(clock.kind, terms) if terms else None,
        bar=draw(clock, now),
    )


def stored_clock(row: ClockRow, clocks: Clocks) -> ClockState:
    """The clock as last evaluated. Of its pauses only one that lasts is known."""
    pauses = (Pause(row.paused_since, None, WAITING_FOR_SPONSOR),) if row.paused_since else ()
    return ClockState(
        id=row.clock_id,
        definition=clocks[row.kind],
        started_at=row.started_at,
        target_at=row.target_at,
        limit_at=row.limit_at,
        pauses=pauses,
        stopped_at=row.stopped_at,
        outcome=Outcome(row.outcome),
    )


def most_pressing(countdowns: Iterable[Countdown]) -> Countdown | None:
    """The running clock with the earliest target; else a paused one; None once all stand still."""
    left = [each for each in countdowns if each.stopped is None]
    running = [each for each in left if each.is_running and each.target is not None]
    return min(running, key=lambda each: each.target.epoch_ms if each.target else 0, default=left[0] if left else None)


def _tone(clock: ClockState, now: datetime) -> Tone:
    ended = {Outcome.MET: Tone.MET, Outcome.LATE: Tone.LATE, Outcome.BREACHED: Tone.BREACHED}
    if clock.stopped_at is not None:
        return ended.get(clock.outcome, Tone.OFF)
    if clock.is_breached(now):
        return Tone.BREACHED
    if clock.target_at is not None and now > clock.target_at:
        return Tone.LATE
    if clock.is_paused or clock.target_at is None:
        return Tone.PAUSED
    left = (clock.target_at - now) / (clock.target_at - clock.started_at)
    return Tone.SOON if left < _SOON else Tone.CALM


def _words(clock: ClockState, name: str, tone: Tone, now: datetime) -> str:
    is_a_day = clock.definition.is_dated
    if clock.stopped_at is not None:
        return _ending(clock, name)
    if clock.is_paused and tone in _PASSED:  # no figure: nothing grows while it is paused
        return f"{name} clock paused; was already over the {_PASSED[tone]}"
    if clock.limit_at is not None and tone is Tone.BREACHED and is_a_day:
        return f"{name} passed {span(now - clock.limit_at)} ago"
    if clock.limit_at is not None and tone is Tone.BREACHED:
        return f"{name} limit breached {span(now - clock.limit_at)} ago"
    if clock.target_at is not None and tone is Tone.LATE:
        return f"{name} late by {span(now - clock.target_at)}"
    if clock.target_at is not None and is_a_day:
        return f"{name} in {span(clock.target_at - now)}"
    if clock.target_at is not None and not clock.is_paused:
        return f"{name} due in {span(clock.target_at - now)}"
    since = clock.open_pause.since if clock.open_pause else now
    return f"{name} clock paused for {span(now - since)}"


def _ending(clock: ClockState, name: str) -> str:
    if clock.outcome is Outcome.CANCELLED or clock.wall_time is None:
        return f"{name} clock cancelled"
    how = {Outcome.MET: "on time", Outcome.LATE: "late", Outcome.BREACHED: "after the limit"}[clock.outcome]
    return f"{name} {how}, after {span(clock.wall_time)}"


def in_order(countdowns: Iterable[Countdown]) -> tuple[list[Countdown], list[Countdown]]:
    """Those that run or are paused, and those that have ended."""
    every = list(countdowns)
    return [each for each in every if each.stopped is None], [each for each in every if each.stopped is not None]


def _allowed(kind: str, terms: Terms) -> str:
    line = terms.clocks[kind]
    if line.mode is Mode.DATE:
        return "by the end of the day"
    target, limit = (allowance(int(each.total_seconds()), line.mode.unit) for each in (line.target, line.limit))
    return f"target {target}, limit {limit}"
