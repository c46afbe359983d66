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
from slamon.wording.language import Language, capital

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
        return capital(self.name)

    @property
    def is_bad(self) -> bool:
        return self.tone in (Tone.LATE, Tone.BREACHED)


def name_of(clock: ClockId, definition: ClockDefinition, words: Mapping[str, ClockWords], language: Language) -> str:
    """What a clock is called; of consignments, from the second on with its number."""
    name = words[clock.kind].name
    if not definition.is_per_consignment or clock.generation == 1:
        return name
    return language.gettext("{clock} of consignment {number}", clock=name, number=clock.generation)


def countdown(
    clock: ClockState, zones: Zones, now: datetime, words: Mapping[str, ClockWords], terms: Terms | None = None
) -> Countdown:
    tone, name = _tone(clock, now), name_of(clock.id, clock.definition, words, zones.language)
    return Countdown(
        id=clock.id,
        definition=clock.definition,
        name=name,
        headline=words[clock.kind].headline,
        tone=tone,
        words=_words(clock, name, tone, now, zones.language),
        is_running=clock.is_running,
        started=zones.at(clock.started_at),
        target=zones.maybe(clock.target_at),
        limit=zones.maybe(clock.limit_at),
        stopped=zones.maybe(clock.stopped_at),
        pauses=len(clock.pauses),
        allowed=_allowed(clock.kind, terms, zones.language) if terms else None,
        bar=draw(clock, now, zones.language),
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


def _words(clock: ClockState, name: str, tone: Tone, now: datetime, language: Language) -> str:
    gettext = language.gettext
    if clock.stopped_at is not None:
        return _ending(clock, name, language)
    if clock.is_paused and tone is Tone.LATE:  # no figure: nothing grows while it is paused
        return gettext("{clock} clock paused; was already over the target", clock=name)
    if clock.is_paused and tone is Tone.BREACHED:
        return gettext("{clock} clock paused; was already over the limit", clock=name)
    if clock.limit_at is not None and tone is Tone.BREACHED:
        ago = span(now - clock.limit_at, language)
        if clock.definition.is_dated:
            return gettext("{clock} passed {time} ago", clock=name, time=ago)
        return gettext("{clock} limit breached {time} ago", clock=name, time=ago)
    if clock.target_at is not None and tone is Tone.LATE:
        return gettext("{clock} late by {time}", clock=name, time=span(now - clock.target_at, language))
    if clock.target_at is not None and clock.definition.is_dated:
        return gettext("{clock} in {time}", clock=name, time=span(clock.target_at - now, language))
    if clock.target_at is not None and not clock.is_paused:
        return gettext("{clock} due in {time}", clock=name, time=span(clock.target_at - now, language))
    since = clock.open_pause.since if clock.open_pause else now
    return gettext("{clock} clock paused for {time}", clock=name, time=span(now - since, language))


def _ending(clock: ClockState, name: str, language: Language) -> str:
    gettext = language.gettext
    if clock.outcome is Outcome.CANCELLED or clock.wall_time is None:
        return gettext("{clock} clock cancelled", clock=name)
    after = span(clock.wall_time, language)
    if clock.outcome is Outcome.MET:
        return gettext("{clock} on time, after {time}", clock=name, time=after)
    if clock.outcome is Outcome.LATE:
        return gettext("{clock} late, after {time}", clock=name, time=after)
    return gettext("{clock} after the limit, after {time}", clock=name, time=after)


def in_order(countdowns: Iterable[Countdown]) -> tuple[list[Countdown], list[Countdown]]:
    """Those that run or are paused, and those that have ended."""
    every = list(countdowns)
    return [each for each in every if each.stopped is None], [each for each in every if each.stopped is not None]


def _allowed(kind: str, terms: Terms, language: Language) -> str:
    line = terms.clocks[kind]
    if line.mode is Mode.DATE:
        return language.gettext("by the end of the day")
    target, limit = (
        allowance(int(each.total_seconds()), line.mode.unit, language) for each in (line.target, line.limit)
    )
    return language.gettext("target {target}, limit {limit}", target=target, limit=limit)
