"""A clock as a bar: where it started, its target and limit, its pauses, where it stands. Geometry only, no markup.

Explained, the same bar shows what counted and what did not.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from slamon.domain.clocks.explain import Explanation
from slamon.domain.clocks.state import ClockState
from slamon.wording.language import ENGLISH, Language

_AIR = 0.03  # of the width, left free behind the last instant
_FAR = 1.5  # times the way to the limit

_Spanned = tuple[str, datetime, datetime]  # what it is, from, to
_Marked = tuple[str, str, datetime]  # what it is, its name, when


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the bar in percent of its width; `kind` is on_time, late, breached or pause, or why time counts."""

    kind: str
    x: str
    width: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A line across the bar with its name: target, limit, and now or the stop."""

    kind: str
    text: str
    x: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Bar:
    stretches: tuple[Stretch, ...]
    marks: tuple[Mark, ...]


def draw(clock: ClockState, now: datetime, language: Language = ENGLISH) -> Bar:
    """The bar of a clock at `now`; it reaches as far as the latest instant it shows."""
    end = clock.stopped_at or max(now, clock.started_at)
    return _bar(clock.started_at, list(_parts(clock, end)), list(_marks(clock, end, language)))


def draw_explanation(explanation: Explanation, now: datetime, language: Language) -> Bar:
    """The bar of an explanation; the stop, or now, is marked where it does not lie far beyond the limit."""
    clock, parts = explanation.clock, explanation.parts
    end = clock.stopped_at or max(now, clock.started_at)
    is_far = end - clock.started_at > (parts[-1].until - clock.started_at) * _FAR
    marks = [mark for mark in _marks(clock, end, language) if not (is_far and mark[0] in ("stop", "now"))]
    return _bar(clock.started_at, [(part.kind.value, part.since, part.until) for part in parts], marks)


def _bar(start: datetime, parts: Sequence[_Spanned], marks: Sequence[_Marked]) -> Bar:
    last = max([*(to for _, _, to in parts), *(moment for _, _, moment in marks)])
    whole = max(last - start, timedelta(seconds=1)) * (1 + _AIR)

    def at(moment: datetime) -> float:
        return min(max((moment - start) / whole, 0.0), 1.0)

    return Bar(
        tuple(_stretch(kind, at(since), at(to)) for kind, since, to in parts if to > since),
        tuple(_mark(kind, text, at(moment)) for kind, text, moment in marks),
    )


def _parts(clock: ClockState, end: datetime) -> Iterator[_Spanned]:
    target, limit = clock.target_at or end, clock.limit_at or end
    yield "on_time", clock.started_at, min(end, target)
    yield "late", target, min(end, limit)
    yield "breached", limit, end
    for pause in clock.pauses:
        yield "pause", pause.since, min(pause.to or end, end)


def _marks(clock: ClockState, end: datetime, language: Language) -> Iterator[_Marked]:
    gettext = language.gettext
    ends_on_a_day = clock.target_at == clock.limit_at
    if clock.target_at is not None:
        yield "target", gettext("due") if ends_on_a_day else gettext("target"), clock.target_at
    if clock.limit_at is not None and not ends_on_a_day:
        yield "limit", gettext("limit"), clock.limit_at
    yield ("stop", gettext("done"), end) if clock.stopped_at else ("now", gettext("now"), end)


def _stretch(kind: str, x: float, to: float) -> Stretch:
    return Stretch(kind, _percent(x), _percent(to - x))


def _mark(kind: str, text: str, x: float) -> Mark:
    return Mark(kind, text, _percent(x), "start" if x < 0.08 else "end" if x > 0.92 else "middle")


def _percent(share: float) -> str:
    return f"{share * 100:.2f}%"
