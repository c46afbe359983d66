"""A request's deadline explained: the clock taken apart, the rule behind it, and both in words for one reader."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from slamon.db.requests import CmoRequest
from slamon.domain.clocks.explain import Counts, Explanation, explain, openings
from slamon.domain.clocks.spells import Pause
from slamon.domain.clocks.state import ClockId, ClockState, Outcome
from slamon.domain.terms import Mode, Terms
from slamon.domain.timeline import FactKind
from slamon.errors import NotFound
from slamon.services.deadlines.loading import LoadedRequest, load_request
from slamon.services.transaction import Tx
from slamon.wording.clocks import ClockWords
from slamon.wording.instants import beside, moment, span
from slamon.wording.instants import target as allowance

_ShowInstant = Callable[[datetime], str]
_ENDINGS = {
    Outcome.MET: "on time",
    Outcome.LATE: "after the target and within the limit",
    Outcome.BREACHED: "after the limit",
}


_WITHOUT_THE_CMO: Mapping[str, str] = {
    FactKind.ACCEPTED: "closed before the CMO had to say",
    FactKind.CANCELLED: "because the sponsor cancelled the request",
    FactKind.LOST: "because the goods were lost",
}
_WITHOUT_THE_SPONSOR: Mapping[str, str] = {
    FactKind.ACCEPTED: "because the request was closed",
    FactKind.CANCELLED: "because the request was cancelled",
    FactKind.ANSWERED: "because the CMO went on without it",
    FactKind.ORDER_CONFIRMED: "because the CMO went on without it",
    FactKind.DECLINED: "because the CMO went on without it",
}


@dataclass(frozen=True, slots=True)
class Explained:
    """An explanation, the terms it follows from, and its sentences in reading order."""

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
    tx: Tx, request: CmoRequest, clock_id: ClockId, words: Mapping[str, ClockWords], *, zone: str, other_zone: str
) -> Explained:
    """Explain a clock to a reader in `zone`, the other party's zone beside. Raises NotFound where it has none such."""
    case = load_request(tx, request)
    clock = next((clock for clock in case.clocks() if clock.id == clock_id), None)
    if clock is None:
        raise NotFound("clock", str(clock_id))
    terms = case.terms_of(clock)
    explanation = explain(terms, clock, tx.business_now)

    def at(instant: datetime) -> str:
        other = beside(instant, other_zone, zone)
        return moment(instant, zone) + (f" = {other}" if other else "")

    explained = sentences(explanation, terms, words[clock.kind], at, _why_cancelled(case, clock))
    return Explained(explanation, terms, tuple(explained))


def _why_cancelled(case: LoadedRequest, clock: ClockState) -> str | None:
    """Why a clock ended without an outcome, by what happened at that moment; None where it has one."""
    if clock.outcome is not Outcome.CANCELLED:
        return None
    kinds = [fact.kind for fact in case.timeline if fact.occurred_at == clock.stopped_at]
    whys = _WITHOUT_THE_SPONSOR if clock.definition.is_the_sponsors else _WITHOUT_THE_CMO
    return next((whys[kind] for kind in reversed(kinds) if kind in whys), None)


def sentences(
    explanation: Explanation, terms: Terms, words: ClockWords, at: _ShowInstant, why_cancelled: str | None = None
) -> Iterator[str]:
    """A deadline in words, `words` being those of its clock; `at` writes an instant."""
    clock, unit = explanation.clock, explanation.mode.unit
    clause = f", agreement clause {terms.agreement_clause}" if terms.agreement_clause else ""
    line = f"by the policy line “{terms.policy_name}” (version {terms.policy_version}{clause})"
    if explanation.mode is Mode.DATE:
        yield from _date_sentences(clock, words, line, at)
        yield from _end(clock, at, why_cancelled)
        return
    yield (
        f"Allowed are {_allowed(explanation.target, unit)} to the target and {_allowed(explanation.limit, unit)} "
        f"to the limit, {line}."
    )
    yield f"The clock started {words.starts}: {at(clock.started_at)}."
    if explanation.mode is Mode.ELAPSED:
        yield "Every hour counts, at night, on weekends and on holidays too."
    else:
        yield f"Only the site's working hours count, as its calendar has them in {terms.calendar.tz}."
        closed = explanation.total(Counts.CLOSED)
        if closed:
            yield f"Closed on the way: {span(closed)}."
        for holiday in (part for part in explanation.parts if part.kind is Counts.HOLIDAY):
            yield f"Closed, not counted: {holiday.name}, from {at(holiday.since)} to {at(holiday.until)}."
        for opens, name in openings(terms, clock.started_at, explanation.parts[-1].until):
            yield f"Opening day, its hours counted: {name}, from {at(opens)}."
    for pause in clock.pauses:
        if pause.to is None:
            yield f"Paused since {at(pause.since)}: {_why(pause)}."
        else:
            yield f"Paused from {at(pause.since)} to {at(pause.to)}, {span(pause.to - pause.since)}: {_why(pause)}."
    yield from _deadlines(explanation, unit, at)
    yield from _end(clock, at, why_cancelled)


def _deadlines(explanation: Explanation, unit: str, at: _ShowInstant) -> Iterator[str]:
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


def _date_sentences(clock: ClockState, words: ClockWords, line: str, at: _ShowInstant) -> Iterator[str]:
    yield f"The deadline is the end of the day {words.starts}; no hours are counted, {line}."
    if clock.limit_at is not None:
        yield f"That day ends: {at(clock.limit_at)}."


def _end(clock: ClockState, at: _ShowInstant, why_cancelled: str | None) -> Iterator[str]:
    if clock.stopped_at is None:
        return
    if clock.outcome is Outcome.CANCELLED:
        yield f"It was cancelled{f', {why_cancelled}' if why_cancelled else ''}: {at(clock.stopped_at)}."
    else:
        yield f"It stopped {_ENDINGS[clock.outcome]}: {at(clock.stopped_at)}."


def _why(pause: Pause) -> str:
    return f"{pause.reason} (said by {pause.by})" if pause.is_third_party else pause.reason


def _allowed(amount: timedelta, unit: str) -> str:
    return allowance(int(amount.total_seconds()), unit)
