"""Small builders for timelines and terms, so that tests read as stories. Times are hours after filing."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from slamon.domain.calendar import WorkingCalendar
from slamon.domain.catalogue import STANDARD
from slamon.domain.clocks import ladder, state
from slamon.domain.terms import (
    ALWAYS,
    Anchor,
    ClockKind,
    ClockTerms,
    LadderRole,
    Level,
    Mode,
    Recipient,
    Step,
    Terms,
)
from slamon.domain.timeline import Actor, Fact, FactKind, Role, Timeline, Via

FILED_AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)  # a Monday
CONTACT = Actor("c1", "Priya", Role.CMO_CONTACT)
MANAGER = Actor("p1", "Ana", Role.PROJECT_MANAGER)
CONVERSATION = (
    FactKind.ACKNOWLEDGED, FactKind.ASKED, FactKind.REPLIED, FactKind.ANSWERED, FactKind.DECLINED,
    FactKind.FOLLOWED_UP, FactKind.ACCEPTED, FactKind.REJECTED, FactKind.CANCELLED, FactKind.TAKEN,
)  # fmt: skip
SPONSOR_KINDS = {
    FactKind.REPLIED, FactKind.FOLLOWED_UP, FactKind.ACCEPTED, FactKind.REJECTED, FactKind.CANCELLED, FactKind.TAKEN,
    FactKind.REOPENED, FactKind.DATE_AGREED, FactKind.DATE_REFUSED, FactKind.DECIDED, FactKind.AMENDED,
    FactKind.TERMS_CHANGED, FactKind.ADDRESS_CHANGED,
}  # fmt: skip
CMO_KINDS = {FactKind.ACKNOWLEDGED, FactKind.ASKED, FactKind.ANSWERED, FactKind.DECLINED}
TO_LEAD = (Recipient("email", LadderRole.LEAD),)

evaluate = partial(ladder.evaluate, clocks=STANDARD.clocks)
clock_states = partial(state.clock_states, clocks=STANDARD.clocks)

LADDER = (
    Step(Level.REMINDER, TO_LEAD, anchor=Anchor.START, percent_of_target=75),
    Step(Level.TARGET, TO_LEAD, anchor=Anchor.TARGET),
    Step(Level.LIMIT, TO_LEAD),
    Step(Level.REPEAT, TO_LEAD, offset=timedelta(hours=4), unless_taken=True),
    Step(Level.STEP_3, TO_LEAD, offset=timedelta(hours=24)),
)


def after(hours: float) -> datetime:
    return FILED_AT + timedelta(seconds=round(hours * 3600))


def terms(
    mode: Mode = Mode.ELAPSED,
    calendar: WorkingCalendar = ALWAYS,
    target: int = 24,
    limit: int = 48,
    kinds: Iterable[ClockKind] = (ClockKind.ACKNOWLEDGEMENT, ClockKind.ANSWER),
) -> Terms:
    clock = ClockTerms(timedelta(hours=target), timedelta(hours=limit), mode)
    return Terms("policy", "24 to 48 hours", 1, None, calendar, dict.fromkeys(kinds, clock), LADDER)


def timeline(*happened: tuple[FactKind, float], told_after: float = 0) -> Timeline:
    """A request filed at hour 0 and what happened at which hour after; each told `told_after` hours later."""
    facts = [_fact(1, FactKind.FILED, 0, 0)]
    facts += [_fact(n, kind, hours, told_after) for n, (kind, hours) in enumerate(happened, start=2)]
    return Timeline(facts)


def happened(*steps: tuple[Any, ...], detail: Mapping[str, Any] | None = None) -> Timeline:
    """A request filed at hour 0 and its further life: (kind, hour[, content[, hour it was told]]) for each step."""
    content: dict[str, Any] = {"detail": dict(detail or {})}
    facts = [Fact(1, FactKind.FILED, FILED_AT, FILED_AT, MANAGER, MANAGER, Via.API, content=content)]
    for sequence, (kind, hours, *more) in enumerate(steps, start=2):
        said, told = more[0] if more else {}, more[1] if len(more) > 1 else hours
        by = MANAGER if kind in SPONSOR_KINDS else CONTACT
        facts.append(Fact(sequence, kind, after(hours), after(told), by, by, Via.API, "a reason", said))
    return Timeline(facts)


def _fact(sequence: int, kind: FactKind, hours: float, told_after: float) -> Fact:
    by = CONTACT if kind in CMO_KINDS else MANAGER
    return Fact(sequence, kind, after(hours), after(hours + told_after), by, by, Via.API)
