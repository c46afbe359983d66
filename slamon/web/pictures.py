"""A clock as a bar: where it started, its target and limit, its pauses, where it stands. Geometry only, no markup."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from slamon.domain.clocks import ClockState

_AIR = 0.03  # of the width, left free behind the last instant


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the bar in percent of its width; `kind` is on_time, late, breached or pause."""

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


def draw(clock: ClockState, now: datetime) -> Bar:
    """The bar of a clock at `now`; it reaches as far as the latest instant it shows."""
    end = clock.stopped_at or max(now, clock.started_at)
    last = max(moment for moment in (end, clock.target_at, clock.limit_at) if moment is not None)
    whole = max(last - clock.started_at, timedelta(seconds=1)) * (1 + _AIR)

    def at(moment: datetime) -> float:
        return min(max((moment - clock.started_at) / whole, 0.0), 1.0)

    return Bar(
        tuple(_stretch(kind, at(since), at(to)) for kind, since, to in _parts(clock, end) if to > since),
        tuple(_mark(kind, text, at(moment)) for kind, text, moment in _marks(clock, end)),
    )


def _parts(clock: ClockState, end: datetime) -> Iterator[tuple[str, datetime, datetime]]:
    target, limit = clock.target_at or end, clock.limit_at or end
    yield "on_time", clock.started_at, min(end, target)
    yield "late", target, min(end, limit)
    yield "breached", limit, end
    for pause in clock.pauses:
        yield "pause", pause.since, min(pause.to or end, end)


def _marks(clock: ClockState, end: datetime) -> Iterator[tuple[str, str, datetime]]:
    if clock.target_at is not None:
        yield "target", "target", clock.target_at
    if clock.limit_at is not None:
        yield "limit", "limit", clock.limit_at
    yield ("stop", "done", end) if clock.stopped_at else ("now", "now", end)


def _stretch(kind: str, x: float, to: float) -> Stretch:
    return Stretch(kind, _percent(x), _percent(to - x))


def _mark(kind: str, text: str, x: float) -> Mark:
    return Mark(kind, text, _percent(x), "start" if x < 0.08 else "end" if x > 0.92 else "middle")


def _percent(share: float) -> str:
    return f"{share * 100:.2f}%"
