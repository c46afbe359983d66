"""Facts into clocks: when each started, paused and stopped, when it is due, and how it ended."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import starmap, zip_longest
from operator import attrgetter
from typing import NamedTuple
from zoneinfo import ZoneInfo

from slamon.domain.progress import ASIDE, AWAITS_A_WORD, Progress, is_a_word, progress_of
from slamon.domain.terms import ClockKind, ClockTerms, Mode, Terms
from slamon.domain.timeline import Fact, FactKind, Timeline

_DAY = timedelta(days=1)


class Outcome(StrEnum):
    RUNNING = "running"
    MET = "met"
    LATE = "late"
    BREACHED = "breached"
    CANCELLED = "cancelled"


class ClockId(NamedTuple):
    """Which clock of a request, written `reply-7`.

    The generation tells apart those of a kind: it is the number of the consignment, or of the fact that started it.
    A kind of which a request has one alone has generation 1 and is written without it.
    """

    kind: ClockKind
    generation: int = 1

    def __str__(self) -> str:
        return self.kind.value if self.generation == 1 else f"{self.kind.value}-{self.generation}"

    @classmethod
    def parse(cls, text: str) -> "ClockId":
        """Raises ValueError for what names no clock."""
        kind, _, generation = text.partition("-")
        found = cls(ClockKind(kind), int(generation or "1"))
        if str(found) != text:
            raise ValueError(f"{text!r} names no clock")
        return found


class Pause(NamedTuple):
    """Time that does not count against the CMO: somebody else holds the ball. `to` is None while nobody knows."""

    since: datetime
    to: datetime | None
    reason: str
    by: str | None = None  # who said so
    is_third_party: bool = False


@dataclass(frozen=True, slots=True)
class ClockState:
    """One clock as its facts leave it. `target_at` and `limit_at` are None while a pause makes them unknown."""

    id: ClockId
    started_at: datetime
    target_at: datetime | None
    limit_at: datetime | None
    pauses: tuple[Pause, ...]
    stopped_at: datetime | None
    outcome: Outcome

    @property
    def kind(self) -> ClockKind:
        return self.id.kind

    @property
    def open_pause(self) -> Pause | None:
        """The pause of which nobody knows the end."""
        return next((pause for pause in self.pauses if pause.to is None), None) if self.stopped_at is None else None

    @property
    def is_paused(self) -> bool:
        return self.open_pause is not None

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


class _Run(NamedTuple):
    """One life of a clock. `day_ends_at` is the deadline of a clock that ends on a date."""

    since: datetime
    until: datetime | None
    generation: int = 1
    is_cancelled: bool = False
    day_ends_at: datetime | None = None


class _Story(NamedTuple):
    """A timeline read once, in the order in which things happened, for all clocks to look at."""

    facts: Timeline  # without those that move no clock
    filed: Fact
    ended: Fact | None  # closed or cancelled for good
    answered: Fact | None  # all that was owed
    progress: Progress
    asked: tuple[tuple[Fact, Fact | None], ...]  # question and reply, or none yet
    elsewhere: tuple[Pause, ...]  # waiting for third parties
    pauses: tuple[Pause, ...]  # waiting for third parties or the sponsor, in order
    site_zone: ZoneInfo

    def run(
        self, since: datetime, stop: Fact | datetime | None, generation: int = 1, day_ends_at: datetime | None = None
    ) -> _Run:
        """A clock's life up to `stop`, or to the end of the request if that came before."""
        at = stop.occurred_at if isinstance(stop, Fact) else stop
        end = self.ended.occurred_at if self.ended else None
        if end is not None and (at is None or end < at):
            return _Run(since, max(end, since), generation, is_cancelled=True, day_ends_at=day_ends_at)
        return _Run(since, None if at is None else max(at, since), generation, day_ends_at=day_ends_at)


WAITING_FOR_SPONSOR = "waiting for the sponsor's reply"
_ASKING = frozenset({FactKind.ASKED, FactKind.DATE_PROPOSED})
_REPLYING = frozenset({FactKind.REPLIED, FactKind.DATE_AGREED, FactKind.DATE_REFUSED})
_SEEN = (
    FactKind.ACKNOWLEDGED, FactKind.ASKED, FactKind.ANSWERED, FactKind.DECLINED,
    FactKind.ORDER_CONFIRMED, FactKind.DATE_PROPOSED,
)  # fmt: skip
# The acknowledgement clock never pauses, a reply clock neither: whoever was written to can write back.
_PAUSED_BY_A_QUESTION = frozenset(
    {ClockKind.ANSWER, ClockKind.ORDER_CONFIRMATION, ClockKind.DISPATCH_CONFIRMATION}
)  # fmt: skip
PAUSED_BY_A_THIRD_PARTY = _PAUSED_BY_A_QUESTION | {ClockKind.DELIVERY_CONFIRMATION}


class Former(NamedTuple):
    """Terms a request lived under `until` others were applied to it."""

    until: datetime
    terms: Terms


def in_force(terms: Terms, former: Sequence[Former], at: datetime | None) -> Terms:
    """The terms that judge a clock stopped `at`; None for one that still runs. What has stopped keeps its terms."""
    if at is not None:
        for each in former:
            if at <= each.until:
                return each.terms
    return terms


def clock_states(terms: Terms, timeline: Timeline, former: Sequence[Former] = ()) -> tuple[ClockState, ...]:
    """Every clock of the request, by kind and then in the order of starting; none before it is filed."""
    story = _read(terms, timeline)
    if story is None:
        return ()
    known = {kind for each in (terms, *(before.terms for before in former)) for kind in each.clocks}
    runs = (
        (kind, run, in_force(terms, former, run.until))
        for kind in ClockKind
        if kind in known
        for run in _RUNS[kind](story)
    )
    return tuple(_state(own, kind, run, story) for kind, run, own in runs if kind in own.clocks)


def net_time(terms: Terms, clock: ClockState, now: datetime) -> timedelta:
    """The running time used up by `now` or by the stop: open hours of the clock's mode, less its pauses."""
    end = clock.stopped_at or now
    calendar = terms.running_calendar(terms.clocks[clock.kind].mode)
    return calendar.elapsed(clock.started_at, end, [(pause.since, pause.to or end) for pause in clock.pauses])


def instant_after(terms: Terms, clock: ClockState, amount: timedelta) -> datetime | None:
    """When the clock will have run for `amount` of its own time; None while a pause leaves that open."""
    return _due(terms, terms.clocks[clock.kind], clock.started_at, amount, clock.pauses)


def third_party_waits(timeline: Timeline) -> tuple[Pause, ...]:
    """The times at which somebody else was waited for: until the end that was named, or until it was over earlier."""
    resumed = [fact.occurred_at for fact in timeline.of(FactKind.RESUMED)]
    waits = []
    for fact in timeline.of(FactKind.WAITING):
        over = (at for at in resumed if at >= fact.occurred_at)
        until = min([datetime.fromisoformat(fact.content["until"]), *over])
        reason = f"waiting for a third party: {fact.reason}"
        waits.append(Pause(fact.occurred_at, until, reason, fact.by.name, is_third_party=True))
    return tuple(waits)


def end_of_day(day: date, zone: ZoneInfo) -> datetime:
    """The last second of a civil day in a zone, in UTC: whatever happens on that day happens by then."""
    return datetime.combine(day + _DAY, time(), zone).astimezone(UTC) - timedelta(seconds=1)


# --- reading the timeline -------------------------------------------------------------------------------------------


def _read(terms: Terms, timeline: Timeline) -> _Story | None:
    facts = timeline.without(ASIDE)
    filed = facts.first(FactKind.FILED)
    if filed is None:
        return None
    progress = progress_of(facts.as_recorded())
    asked, elsewhere = tuple(_spells(facts)), third_party_waits(facts)
    return _Story(
        facts=facts,
        filed=filed,
        ended=_end(facts) or (facts.last(FactKind.DECIDED) if progress.is_all_lost else None),
        answered=_whole_answer(facts, len(progress.items)),
        progress=progress,
        asked=asked,
        elsewhere=elsewhere,
        pauses=tuple(sorted((*starmap(_waiting_for_sponsor, asked), *elsewhere), key=attrgetter("since"))),
        site_zone=ZoneInfo(terms.calendar.tz),
    )


def _end(facts: Timeline) -> Fact | None:
    """The fact that ended the request, unless it was opened again."""
    ended: Fact | None = None
    for fact in facts.of(FactKind.CANCELLED, FactKind.ACCEPTED, FactKind.REOPENED):
        ended = None if fact.kind is FactKind.REOPENED else ended or fact
    return ended


def _spells(facts: Iterable[Fact]) -> Iterator[tuple[Fact, Fact | None]]:
    """The times at which the sponsor was asked and had not replied, by the facts at both ends."""
    asked: Fact | None = None
    for fact in facts:
        if fact.kind in _ASKING and asked is None:
            asked = fact
        elif fact.kind in _REPLYING and asked is not None:
            yield asked, fact
            asked = None
    if asked is not None:
        yield asked, None


def _waiting_for_sponsor(asked: Fact, replied: Fact | None) -> Pause:
    return Pause(asked.occurred_at, replied.occurred_at if replied else None, WAITING_FOR_SPONSOR, asked.by.name)


# --- when each kind of clock runs -----------------------------------------------------------------------------------


def _acknowledgement(story: _Story) -> Iterator[_Run]:
    yield story.run(story.filed.occurred_at, story.facts.first(*_SEEN))


def _answer(story: _Story) -> Iterator[_Run]:
    yield story.run(story.filed.occurred_at, story.answered)


def _whole_answer(facts: Timeline, owed: int) -> Fact | None:
    """The fact with which nothing was owed any more of so many items, or with which the CMO declined."""
    open_items = set(range(1, owed + 1))
    for fact in facts.of(FactKind.ANSWERED, FactKind.DECLINED):
        if fact.kind is FactKind.DECLINED:
            return fact
        said = fact.content.get("items")
        open_items -= {part["item"] for part in said} if said else open_items
        if not open_items:
            return fact
    return None


def _order_confirmation(story: _Story) -> Iterator[_Run]:
    seen = story.facts.first(*_SEEN)
    if seen is not None:
        yield story.run(seen.occurred_at, _order(story))


def _order(story: _Story) -> Fact | None:
    return story.facts.first(FactKind.ORDER_CONFIRMED, FactKind.DATE_AGREED, FactKind.DECLINED)


def _reply(story: _Story) -> Iterator[_Run]:
    """From the oldest message of the sponsor that nobody answered to the CMO's next word, which answers them all."""
    written: Fact | None = None
    for fact in story.facts:
        if fact.kind in AWAITS_A_WORD and written is None:
            written = fact
        elif written is not None and is_a_word(fact):
            yield story.run(written.occurred_at, fact, written.sequence)
            written = None
        elif written is not None and fact.kind in (FactKind.ACCEPTED, FactKind.CANCELLED):
            yield _Run(written.occurred_at, fact.occurred_at, written.sequence, is_cancelled=True)
            written = None
    if written is not None:
        yield story.run(written.occurred_at, None, written.sequence)


def _dispatch_confirmation(story: _Story) -> Iterator[_Run]:
    """One for each consignment told, and one for what is left to send once the planned day is over."""
    since: datetime | None = None
    planned = story.progress.planned_ship_on
    if planned is not None:
        since = end_of_day(planned, story.site_zone)
    for consignment in story.progress.consignments:
        told_at = consignment.dispatch_told_at
        yield _Run(consignment.dispatched_at, max(told_at, consignment.dispatched_at), consignment.number)
        since = max(since or told_at, told_at)
    if since is not None and story.progress.left_to_send:
        yield story.run(since, None, len(story.progress.consignments) + 1)


def _delivery_confirmation(story: _Story) -> Iterator[_Run]:
    zone = _destination_zone(story)
    for each in story.progress.consignments:
        due = max(end_of_day(each.expected_delivery_on, zone), each.dispatched_at)
        if each.delivered_at is not None and each.delivery_told_at is not None:
            told_at = max(each.delivery_told_at, each.delivered_at)
            by_cmo = _told_by_cmo(story, each.number)
            yield _Run(each.delivered_at, told_at, each.number, is_cancelled=not by_cmo)
        elif each.lost_at is not None:
            yield _Run(min(due, each.lost_at), each.lost_at, each.number, is_cancelled=True)
        else:
            yield story.run(due, None, each.number)


def _told_by_cmo(story: _Story, consignment: int) -> bool:
    delivered = story.facts.of(FactKind.DELIVERED)
    return any(fact.by.is_cmo for fact in delivered if fact.content["consignment"] == consignment)


def _excursion_decision(story: _Story) -> Iterator[_Run]:
    for each in story.progress.consignments:
        since = each.delivery_told_at or each.lost_at
        if each.is_off and since is not None:
            yield story.run(since, each.decided_at, each.number)


def _fulfilment(story: _Story) -> Iterator[_Run]:
    """To the end of the day first agreed; a later revision does not forgive."""
    due = _first_due(story)
    if due is None:
        return
    consignments = story.progress.consignments
    arrived = [each.delivered_at for each in consignments if each.delivered_at is not None]
    everything = arrived and len(arrived) == len(consignments) and not story.progress.left_to_send
    stop: Fact | datetime | None = max(arrived) if everything else None
    if not story.progress.is_shipment:
        stop = story.answered
    ends = end_of_day(date.fromisoformat(due), _destination_zone(story))
    yield story.run(story.filed.occurred_at, stop, day_ends_at=ends)


def _first_due(story: _Story) -> str | None:
    """The due date of the filing; else the first that was added."""
    filed = story.filed.content
    named = [filed.get("due_on"), filed.get("detail", {}).get("required_delivery_to")]
    for fact in story.facts.of(FactKind.AMENDED):
        changes = fact.content["changes"]
        named.append(changes.get("due_on", {}).get("to"))
        named.append(changes.get("detail", {}).get("to", {}).get("required_delivery_to"))
    return next((due for due in named if due), None)


def _promise(story: _Story) -> Iterator[_Run]:
    """One for each day the CMO named; a newer promise ends the older one, which stays broken if it was."""
    kept = _order(story) if story.progress.is_shipment else story.answered
    promises = [f for f in story.facts if f.by.is_cmo and "expected_on" in f.content]
    for fact, newer in zip_longest(promises, promises[1:]):
        if kept is not None and fact.occurred_at >= kept.occurred_at:
            return
        ends = end_of_day(date.fromisoformat(fact.content["expected_on"]), story.site_zone)
        if newer is not None and (kept is None or newer.occurred_at < kept.occurred_at):
            is_kept = newer.occurred_at <= ends  # so far
            yield _Run(fact.occurred_at, newer.occurred_at, fact.sequence, is_cancelled=is_kept, day_ends_at=ends)
        else:
            yield story.run(fact.occurred_at, kept, fact.sequence, ends)


def _sponsor(story: _Story) -> Iterator[_Run]:
    for asked, replied in story.asked:
        yield story.run(asked.occurred_at, replied, asked.sequence)


_RUNS: Mapping[ClockKind, Callable[[_Story], Iterator[_Run]]] = {
    ClockKind.ACKNOWLEDGEMENT: _acknowledgement,
    ClockKind.ANSWER: _answer,
    ClockKind.ORDER_CONFIRMATION: _order_confirmation,
    ClockKind.REPLY: _reply,
    ClockKind.DISPATCH_CONFIRMATION: _dispatch_confirmation,
    ClockKind.DELIVERY_CONFIRMATION: _delivery_confirmation,
    ClockKind.FULFILMENT: _fulfilment,
    ClockKind.PROMISE: _promise,
    ClockKind.SPONSOR: _sponsor,
    ClockKind.EXCURSION_DECISION: _excursion_decision,
}


def _destination_zone(story: _Story) -> ZoneInfo:
    destination = story.filed.content.get("detail", {}).get("destination", {})
    return ZoneInfo(destination.get("time_zone") or "UTC")


# --- due instants and outcomes --------------------------------------------------------------------------------------


def _state(terms: Terms, kind: ClockKind, run: _Run, story: _Story) -> ClockState:
    clock = terms.clocks[kind]
    pauses = tuple(_pauses(kind, run, story)) if kind in PAUSED_BY_A_THIRD_PARTY else ()
    if clock.mode is Mode.DATE:
        target_at = limit_at = run.day_ends_at
    else:
        target_at = _due(terms, clock, run.since, clock.target, pauses)
        limit_at = _due(terms, clock, run.since, clock.limit, pauses)
    outcome = Outcome.CANCELLED if run.is_cancelled else _outcome(run.until, target_at, limit_at)
    return ClockState(ClockId(kind, run.generation), run.since, target_at, limit_at, pauses, run.until, outcome)


def _pauses(kind: ClockKind, run: _Run, story: _Story) -> Iterator[Pause]:
    """The pauses of a clock that has any, cut to its life, in order."""
    for pause in story.pauses if kind in _PAUSED_BY_A_QUESTION else story.elsewhere:
        since = max(pause.since, run.since)
        to = pause.to if run.until is None or (pause.to is not None and pause.to < run.until) else run.until
        if to is None or since < to:
            yield pause._replace(since=since, to=to)


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
    terms: Terms, clock: ClockTerms, start: datetime, amount: timedelta, pauses: Sequence[Pause]
) -> datetime | None:
    calendar = terms.running_calendar(clock.mode)
    if not pauses:
        return calendar.due(start, amount)
    due = calendar.due(start, amount, [(pause.since, pause.to) for pause in pauses if pause.to is not None])
    open_since = next((pause.since for pause in pauses if pause.to is None), None)
    return due if open_since is None or due <= open_since else None
