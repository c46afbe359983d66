"""Facts into clocks: when each started, paused and stopped, when it is due, and how it ended."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from slamon.domain.terms import ClockKind, ClockTerms, Terms
from slamon.domain.timeline import Fact, FactKind, Timeline


class Outcome(StrEnum):
    RUNNING = "running"
    MET = "met"
    LATE = "late"
    BREACHED = "breached"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Pause:
    """Time that does not count against the CMO: somebody else holds the ball. `to` is None while it lasts."""

    since: datetime
    to: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class ClockState:
    """One clock as its facts leave it. `target_at` and `limit_at` are None while a pause makes them unknown."""

    kind: ClockKind
    started_at: datetime
    target_at: datetime | None
    limit_at: datetime | None
    pauses: tuple[Pause, ...]
    stopped_at: datetime | None
    outcome: Outcome

    @property
    def is_paused(self) -> bool:
        return self.stopped_at is None and bool(self.pauses) and self.pauses[-1].to is None

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


# The acknowledgement clock ends with whatever the CMO does first, and never pauses.
_STOPS = {
    ClockKind.ACKNOWLEDGEMENT: frozenset({FactKind.ACKNOWLEDGED, FactKind.ASKED, FactKind.ANSWERED, FactKind.DECLINED}),
    ClockKind.ANSWER: frozenset({FactKind.ANSWERED, FactKind.DECLINED}),
}
_PAUSING = frozenset({ClockKind.ANSWER})
WAITING_FOR_SPONSOR = "waiting for the sponsor's reply"


def clock_states(terms: Terms, timeline: Timeline) -> tuple[ClockState, ...]:
    """Every clock of the request; none before it is filed."""
    filed = timeline.first(FactKind.FILED)
    if filed is None:
        return ()
    return tuple(_fold(terms, kind, filed, timeline) for kind in ClockKind if kind in terms.clocks)


def net_time(terms: Terms, clock: ClockState, now: datetime) -> timedelta:
    """The running time used up by `now` or by the stop: open hours of the clock's mode, less its pauses."""
    end = clock.stopped_at or now
    calendar = terms.running_calendar(terms.clocks[clock.kind].mode)
    return calendar.elapsed(clock.started_at, end, _spans(clock.pauses, end))


def instant_after(terms: Terms, clock: ClockState, amount: timedelta) -> datetime | None:
    """When the clock will have run for `amount` of its own time; None while a pause leaves that open."""
    return _due(terms, terms.clocks[clock.kind], clock.started_at, amount, clock.pauses)


def _fold(terms: Terms, kind: ClockKind, filed: Fact, timeline: Timeline) -> ClockState:
    started_at, stopped_at, cancelled = filed.occurred_at, None, False
    pauses: list[Pause] = []
    waiting_since: datetime | None = None
    for fact in timeline:
        if fact.kind in _STOPS[kind] or fact.kind is FactKind.CANCELLED:
            stopped_at, cancelled = fact.occurred_at, fact.kind is FactKind.CANCELLED
            break
        if kind not in _PAUSING:
            continue
        if fact.kind is FactKind.ASKED and waiting_since is None:
            waiting_since = fact.occurred_at
        elif fact.kind is FactKind.REPLIED and waiting_since is not None:
            pauses.append(Pause(waiting_since, fact.occurred_at, WAITING_FOR_SPONSOR))
            waiting_since = None
    if waiting_since is not None:
        pauses.append(Pause(waiting_since, stopped_at, WAITING_FOR_SPONSOR))
    clock = terms.clocks[kind]
    target_at = _due(terms, clock, started_at, clock.target, pauses)
    limit_at = _due(terms, clock, started_at, clock.limit, pauses)
    outcome = Outcome.CANCELLED if cancelled else _outcome(stopped_at, target_at, limit_at)
    return ClockState(kind, started_at, target_at, limit_at, tuple(pauses), stopped_at, outcome)


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
    terms: Terms,
    clock: ClockTerms,
    start: datetime,
    amount: timedelta,
    pauses: list[Pause] | tuple[Pause, ...],
) -> datetime | None:
    calendar = terms.running_calendar(clock.mode)
    due = calendar.due(start, amount, [(pause.since, pause.to) for pause in pauses if pause.to is not None])
    open_since = pauses[-1].since if pauses and pauses[-1].to is None else None
    return due if open_since is None or due <= open_since else None


def _spans(pauses: tuple[Pause, ...], end: datetime) -> list[tuple[datetime, datetime]]:
    return [(pause.since, pause.to or end) for pause in pauses]
