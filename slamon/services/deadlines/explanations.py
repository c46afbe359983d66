"""A request's deadline explained: the clock taken apart, the rule behind it, and both in words for one reader."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from slamon.db.requests import CmoRequest
from slamon.domain.clocks.explain import Counts, Explanation, explain, openings
from slamon.domain.clocks.spells import WAITING_FOR_SPONSOR, Pause
from slamon.domain.clocks.state import ClockId, ClockState, Outcome
from slamon.domain.terms import Mode, Terms
from slamon.domain.timeline import FactKind
from slamon.errors import NotFound
from slamon.services.deadlines.loading import LoadedRequest, load_request
from slamon.services.transaction import Tx
from slamon.wording.clocks import ClockWords
from slamon.wording.instants import beside, moment, span
from slamon.wording.instants import target as allowance
from slamon.wording.language import ENGLISH, Language

_ShowInstant = Callable[[datetime], str]


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
    tx: Tx,
    request: CmoRequest,
    clock_id: ClockId,
    words: Mapping[str, ClockWords],
    *,
    zone: str,
    other_zone: str,
    language: Language = ENGLISH,
) -> Explained:
    """Explain a clock to a reader in `zone`, the other party's zone beside. Raises NotFound where it has none such.

    `words` are of that language.
    """
    case = load_request(tx, request)
    clock = next((clock for clock in case.clocks() if clock.id == clock_id), None)
    if clock is None:
        raise NotFound("clock", str(clock_id))
    terms = case.terms_of(clock)
    explanation = explain(terms, clock, tx.business_now)

    def at(instant: datetime) -> str:
        other = beside(instant, other_zone, zone, language)
        return moment(instant, zone, language) + (f" = {other}" if other else "")

    why = _why_cancelled(case, clock, language)
    explained = sentences(explanation, terms, words[clock.kind], at, why, language)
    return Explained(explanation, terms, tuple(explained))


def _why_cancelled(case: LoadedRequest, clock: ClockState, language: Language) -> str | None:
    """Why a clock ended without an outcome, by what happened at that moment; None where it has one."""
    if clock.outcome is not Outcome.CANCELLED:
        return None
    kinds = [fact.kind for fact in case.timeline if fact.occurred_at == clock.stopped_at]
    whys = _without_the_sponsor(language) if clock.definition.is_the_sponsors else _without_the_cmo(language)
    return next((whys[kind] for kind in reversed(kinds) if kind in whys), None)


def _without_the_cmo(language: Language) -> Mapping[str, str]:
    gettext = language.gettext
    return {
        FactKind.ACCEPTED: gettext("closed before the CMO had to say"),
        FactKind.CANCELLED: gettext("because the request was cancelled"),
        FactKind.LOST: gettext("because the goods were lost"),
    }


def _without_the_sponsor(language: Language) -> Mapping[str, str]:
    gettext = language.gettext
    without_it = gettext("because the CMO went on without it")
    return {
        FactKind.ACCEPTED: gettext("because the request was closed"),
        FactKind.CANCELLED: gettext("because the request was cancelled"),
        FactKind.ANSWERED: without_it,
        FactKind.ORDER_CONFIRMED: without_it,
        FactKind.DECLINED: without_it,
    }


def sentences(
    explanation: Explanation,
    terms: Terms,
    words: ClockWords,
    at: _ShowInstant,
    why_cancelled: str | None = None,
    language: Language = ENGLISH,
) -> Iterator[str]:
    """A deadline in words, `words` being those of its clock; `at` writes an instant."""
    clock, mode, gettext, line = explanation.clock, explanation.mode, language.gettext, _line(terms, language)
    if mode is Mode.DATE:
        yield gettext(
            "The deadline is the end of the day {which_day}; no hours are counted, {by_the_line}.",
            which_day=words.starts,
            by_the_line=line,
        )
        if clock.limit_at is not None:
            yield gettext("That day ends: {time}.", time=at(clock.limit_at))
        yield from _end(clock, at, why_cancelled, language)
        return
    yield gettext(
        "Allowed are {target} to the target and {limit} to the limit, {by_the_line}.",
        target=_allowed(explanation.target, mode, language),
        limit=_allowed(explanation.limit, mode, language),
        by_the_line=line,
    )
    yield gettext("The clock started {when}: {time}.", when=words.starts, time=at(clock.started_at))
    yield from _counted(explanation, terms, at, language)
    for pause in clock.pauses:
        since, why = at(pause.since), _why(pause, language)
        if pause.to is None:
            yield gettext("Paused since {time}: {why}.", time=since, why=why)
        else:
            length = span(pause.to - pause.since, language)
            yield gettext(
                "Paused from {since} to {until}, {length}: {why}.",
                since=since,
                until=at(pause.to),
                length=length,
                why=why,
            )
    yield from _deadlines(explanation, at, language)
    yield from _end(clock, at, why_cancelled, language)


def _line(terms: Terms, language: Language) -> str:
    policy, version, clause = terms.policy_name, terms.policy_version, terms.agreement_clause
    if not clause:
        return language.gettext("by the policy line “{policy}” (version {version})", policy=policy, version=version)
    return language.gettext(
        "by the policy line “{policy}” (version {version}, agreement clause {clause})",
        policy=policy,
        version=version,
        clause=clause,
    )


def _counted(explanation: Explanation, terms: Terms, at: _ShowInstant, language: Language) -> Iterator[str]:
    """Which hours count, and which did not on the way."""
    gettext = language.gettext
    if explanation.mode is Mode.ELAPSED:
        yield gettext("Every hour counts, at night, on weekends and on holidays too.")
        return
    yield gettext("Only the site's working hours count, as its calendar has them in {zone}.", zone=terms.calendar.tz)
    closed = explanation.total(Counts.CLOSED)
    if closed:
        yield gettext("Closed on the way: {time}.", time=span(closed, language))
    for holiday in (part for part in explanation.parts if part.kind is Counts.HOLIDAY):
        yield gettext(
            "Closed, not counted: {holiday}, from {since} to {until}.",
            holiday=holiday.name,
            since=at(holiday.since),
            until=at(holiday.until),
        )
    for opens, name in openings(terms, explanation.clock.started_at, explanation.parts[-1].until):
        yield gettext("Opening day, its hours counted: {name}, from {time}.", name=name, time=at(opens))


def _deadlines(explanation: Explanation, at: _ShowInstant, language: Language) -> Iterator[str]:
    clock, gettext = explanation.clock, language.gettext
    if clock.target_at is not None:
        allowed = _allowed(explanation.target, explanation.mode, language)
        yield gettext(
            "The target is reached when {allowed} have counted: {time}.", allowed=allowed, time=at(clock.target_at)
        )
    if clock.limit_at is not None:
        allowed = _allowed(explanation.limit, explanation.mode, language)
        yield gettext(
            "The limit is reached when {allowed} have counted: {time}.", allowed=allowed, time=at(clock.limit_at)
        )
        return
    yield gettext(
        "So far {time} have counted. Until the clock runs again nobody can say when {what} will be.",
        time=span(explanation.total(Counts.COUNTED), language),
        what=gettext("the limit") if clock.target_at else gettext("target and limit"),
    )


def _end(clock: ClockState, at: _ShowInstant, why_cancelled: str | None, language: Language) -> Iterator[str]:
    if clock.stopped_at is None:
        return
    gettext, time = language.gettext, at(clock.stopped_at)
    match clock.outcome:
        case Outcome.CANCELLED if why_cancelled:
            yield gettext("It was cancelled, {why}: {time}.", why=why_cancelled, time=time)
        case Outcome.CANCELLED:
            yield gettext("It was cancelled: {time}.", time=time)
        case Outcome.MET:
            yield gettext("It stopped on time: {time}.", time=time)
        case Outcome.LATE:
            yield gettext("It stopped after the target and within the limit: {time}.", time=time)
        case _:
            yield gettext("It stopped after the limit: {time}.", time=time)


def _why(pause: Pause, language: Language) -> str:
    if pause.is_third_party:
        return language.gettext("{reason} (said by {name})", reason=pause.reason, name=pause.by)
    if pause.reason == WAITING_FOR_SPONSOR:
        return language.gettext("waiting for the sponsor's reply")
    return pause.reason


def _allowed(amount: timedelta, mode: Mode, language: Language) -> str:
    return allowance(int(amount.total_seconds()), mode.unit, language)
