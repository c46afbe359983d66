"""A request's deadline explained: the clock taken apart, the rule behind it, and both in words for one reader."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from slamon.channels.moments import beside, moment, span
from slamon.channels.moments import target as allowance
from slamon.db.requests import CmoRequest
from slamon.domain.clocks import ClockId, Outcome, clock_states
from slamon.domain.explain import Counts, Explanation, explain, openings
from slamon.domain.terms import Mode, Terms
from slamon.errors import NotFound
from slamon.services.policies import load_terms
from slamon.services.timelines import load_timelines

_Teller = Callable[[datetime], str]
_OUTCOMES = {
    Outcome.MET: "on time",
    Outcome.LATE: "after the target and within the limit",
    Outcome.BREACHED: "after the limit",
}


@dataclass(frozen=True, slots=True)
class Explained:
    """An explanation, the terms it follows from, and its sentences, all in the order in which one would tell it."""

    explanation: Explanation
    terms: Terms
    sentences: tuple[str, ...]


def clock_named(name: str) -> ClockId:
    """The clock a name of the API or of a page means. Raises NotFound for what can be none."""
    try:
        return ClockId.parse(name)
    except ValueError:
        raise NotFound("clock", name) from None


def explain_clock(
    session: Session, request: CmoRequest, clock_id: ClockId, *, now: datetime, zone: str, other_zone: str
) -> Explained:
    """Explain a clock to a reader in `zone`, the other party's zone beside. Raises NotFound where it has none such."""
    terms = load_terms(session, [request.terms_digest])[request.terms_digest]
    clocks = clock_states(terms, load_timelines(session, [request.id])[request.id])
    clock = next((clock for clock in clocks if clock.id == clock_id), None)
    if clock is None:
        raise NotFound("clock", str(clock_id))
    explanation = explain(terms, clock, now)

    def at(instant: datetime) -> str:
        other = beside(instant, other_zone, zone)
        return moment(instant, zone) + (f" = {other}" if other else "")

    return Explained(explanation, terms, tuple(sentences(explanation, terms, at)))


def sentences(explanation: Explanation, terms: Terms, at: Callable[[datetime], str]) -> Iterator[str]:
    """A deadline in words; `at` writes an instant."""
    clock, unit = explanation.clock, explanation.mode.unit
    clause = f", agreement clause {terms.agreement_clause}" if terms.agreement_clause else ""
    yield (
        f"Allowed are {_allowed(explanation.target, unit)} to the target and {_allowed(explanation.limit, unit)} "
        f"to the limit, by the policy line “{terms.policy_name}” (version {terms.policy_version}{clause})."
    )
    yield f"The clock started when the request was filed: {at(clock.started_at)}."
    if explanation.mode is Mode.ELAPSED:
        yield "Every hour counts, at night, on weekends and on holidays too."
    else:
        yield f"Only the site's working hours count, as its calendar has them in {terms.calendar.tz}."
        closed = explanation.total(Counts.CLOSED)
        if closed:
            yield f"Closed on the way: {span(closed)}."
        for holiday in (part for part in explanation.parts if part.kind is Counts.HOLIDAY):
            yield f"Holiday, not counted: {holiday.name}, from {at(holiday.since)}."
        for opens, name in openings(terms, clock.started_at, explanation.parts[-1].until):
            yield f"Opening day, its hours counted: {name}, from {at(opens)}."
    for pause in clock.pauses:
        if pause.to is None:
            yield f"Paused since {at(pause.since)}: {pause.reason}."
        else:
            yield f"Paused from {at(pause.since)} to {at(pause.to)}, {span(pause.to - pause.since)}: {pause.reason}."
    yield from _deadlines(explanation, unit, at)


def _deadlines(explanation: Explanation, unit: str, at: _Teller) -> Iterator[str]:
    clock = explanation.clock
    for name, amount, due in (
        ("target", explanation.target, clock.target_at),
        ("limit", explanation.limit, clock.limit_at),
    ):
        if due is not None:
            yield f"The {name} is reached when {_allowed(amount, unit)} have counted: {at(due)}."
    if clock.limit_at is None:
        counted = explanation.total(Counts.COUNTED)
        what = "the limit" if clock.target_at else "target and limit"
        yield f"So far {span(counted)} have counted. Until the clock runs again nobody can say when {what} will be."
    if clock.stopped_at is not None:
        how = _OUTCOMES.get(clock.outcome)
        yield f"It stopped {how}: {at(clock.stopped_at)}." if how else f"It was cancelled: {at(clock.stopped_at)}."


def _allowed(amount: timedelta, unit: str) -> str:
    return allowance(int(amount.total_seconds()), unit)
