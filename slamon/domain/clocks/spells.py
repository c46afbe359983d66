"""When each kind of clock runs: a timeline is read once, and each kind finds its spells in it.

How long a clock may run and which pauses count is measured in `state`.
"""

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from itertools import starmap, zip_longest
from operator import attrgetter
from typing import NamedTuple
from zoneinfo import ZoneInfo

from slamon.domain.actions.parts import given
from slamon.domain.actions.talk import Amended, Answer, Wait
from slamon.domain.fold import AWAITS_REPLY, NEUTRAL_FACTS, counts_as_reply, progress_of
from slamon.domain.progress import Progress
from slamon.domain.terms import Terms
from slamon.domain.timeline import Fact, FactKind, Filed, Timeline, end_of_day

WAITING_FOR_SPONSOR = "waiting for the sponsor's reply"
_ASKING = frozenset({FactKind.ASKED, FactKind.DATE_PROPOSED})
_REPLYING = frozenset(
    {FactKind.REPLIED, FactKind.DATE_AGREED, FactKind.DATE_REFUSED, FactKind.ACCEPTED, FactKind.REJECTED}
)  # fmt: skip
# With these the CMO goes on without the reply, or takes a refusal back.
_GOING_ON = frozenset({FactKind.ANSWERED, FactKind.DECLINED, FactKind.ORDER_CONFIRMED})
_SEEN = (
    FactKind.ACKNOWLEDGED, FactKind.ASKED, FactKind.ANSWERED, FactKind.DECLINED,
    FactKind.ORDER_CONFIRMED, FactKind.DATE_PROPOSED,
)  # fmt: skip


class Pause(NamedTuple):
    """Time that does not count against the CMO: somebody else holds the ball. `to` is None while nobody knows."""

    since: datetime
    to: datetime | None
    reason: str
    by: str | None = None  # who said so
    is_third_party: bool = False


class Spell(NamedTuple):
    """One run of a clock from start to stop. `day_ends_at` is the deadline of a clock that ends on a date.

    A cancelled one ended although nobody did what it was for: it gets no outcome, unless its limit was passed before.
    """

    since: datetime
    until: datetime | None
    generation: int = 1
    is_cancelled: bool = False
    day_ends_at: datetime | None = None


class TimelineView(NamedTuple):
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

    @property
    def is_request_cancelled(self) -> bool:
        """Whether the sponsor cancelled the request, which leaves nobody anything to answer for."""
        return self.ended is not None and self.ended.kind == FactKind.CANCELLED and not self.ended.by.is_cmo

    def spell(
        self, since: datetime, stop: Fact | datetime | None, generation: int = 1, day_ends_at: datetime | None = None
    ) -> Spell:
        """A spell up to `stop`, or to the end of the request if that came before."""
        at = stop.occurred_at if isinstance(stop, Fact) else stop
        end = self.ended.occurred_at if self.ended else None
        if end is not None and (at is None or end < at):
            return Spell(since, max(end, since), generation, is_cancelled=True, day_ends_at=day_ends_at)
        return Spell(since, None if at is None else max(at, since), generation, day_ends_at=day_ends_at)


def third_party_waits(timeline: Timeline) -> tuple[Pause, ...]:
    """The times at which somebody else was waited for: until the end that was named, or until it was over earlier.

    A newer wait ends the older one.
    """
    waits = []
    turns = timeline.of(FactKind.WAITING, FactKind.RESUMED)
    for fact, following in zip_longest(turns, turns[1:]):
        if fact.kind == FactKind.WAITING:
            until = given(fact.said(Wait).until)
            if following is not None:
                until = min(until, following.occurred_at)
            reason = f"waiting for a third party: {fact.reason}"
            waits.append(Pause(fact.occurred_at, until, reason, fact.by.name, is_third_party=True))
    return tuple(waits)


def timeline_view(terms: Terms, timeline: Timeline) -> TimelineView | None:
    """What the clocks look at; None before the request is filed."""
    facts = timeline.without(NEUTRAL_FACTS)
    filed = facts.first(FactKind.FILED)
    if filed is None:
        return None
    progress = progress_of(facts)
    asked, elsewhere = tuple(_questions(facts)), third_party_waits(facts)
    return TimelineView(
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
        ended = None if fact.kind == FactKind.REOPENED else ended or fact
    return ended


def _questions(facts: Iterable[Fact]) -> Iterator[tuple[Fact, Fact | None]]:
    """The times at which the sponsor was asked and had not replied, by the facts at both ends.

    A question ends with what the CMO does without waiting for the reply, too.
    """
    asked: Fact | None = None
    for fact in facts:
        if fact.kind in _ASKING and asked is None:
            asked = fact
        elif asked is not None and (fact.kind in _REPLYING or fact.kind in _GOING_ON):
            yield asked, fact
            asked = None
    if asked is not None:
        yield asked, None


def _waiting_for_sponsor(asked: Fact, replied: Fact | None) -> Pause:
    return Pause(asked.occurred_at, replied.occurred_at if replied else None, WAITING_FOR_SPONSOR, asked.by.name)


def acknowledgement(view: TimelineView) -> Iterator[Spell]:
    yield view.spell(view.filed.occurred_at, view.facts.first(*_SEEN))


def answer(view: TimelineView) -> Iterator[Spell]:
    yield view.spell(view.filed.occurred_at, view.answered)


def _whole_answer(facts: Timeline, owed: int) -> Fact | None:
    """The fact with which nothing was owed any more of so many items, or with which the CMO declined."""
    open_items = set(range(1, owed + 1))
    for fact in facts.of(FactKind.ANSWERED, FactKind.DECLINED):
        if fact.kind == FactKind.DECLINED:
            return fact
        parts = fact.said(Answer).items
        open_items -= open_items if parts is None else {part.item for part in parts}
        if not open_items:
            return fact
    return None


def order_confirmation(view: TimelineView) -> Iterator[Spell]:
    seen = view.facts.first(*_SEEN)
    if seen is not None:
        yield view.spell(seen.occurred_at, _order(view))


def _order(view: TimelineView) -> Fact | None:
    return view.facts.first(FactKind.ORDER_CONFIRMED, FactKind.DATE_AGREED, FactKind.DECLINED)


def reply(view: TimelineView) -> Iterator[Spell]:
    """From the oldest message of the sponsor that nobody answered to the CMO's next word, which answers them all."""
    written: Fact | None = None
    for fact in view.facts:
        if fact.kind in AWAITS_REPLY and written is None:
            written = fact
        elif written is not None and counts_as_reply(fact):
            yield view.spell(written.occurred_at, fact, written.sequence)
            written = None
        elif written is not None and fact.kind in (FactKind.ACCEPTED, FactKind.CANCELLED):
            yield Spell(written.occurred_at, fact.occurred_at, written.sequence, is_cancelled=True)
            written = None
    if written is not None:
        yield view.spell(written.occurred_at, None, written.sequence)


def dispatch_confirmation(view: TimelineView) -> Iterator[Spell]:
    """One for each consignment told, and one for what is left to send once the planned day is over."""
    since: datetime | None = None
    planned = view.progress.planned_ship_on
    if planned is not None:
        since = end_of_day(planned, view.site_zone)
    for consignment in view.progress.consignments:
        confirmed_at = consignment.dispatch_confirmed_at
        yield Spell(consignment.dispatched_at, max(confirmed_at, consignment.dispatched_at), consignment.number)
        since = max(since or confirmed_at, confirmed_at)
    if since is not None and view.progress.left_to_send:
        yield view.spell(since, None, len(view.progress.consignments) + 1)


def delivery_confirmation(view: TimelineView) -> Iterator[Spell]:
    """From the delivery, whoever told of it, to the CMO's own word."""
    zone = view.progress.destination_zone
    for each in view.progress.consignments:
        due = max(end_of_day(each.expected_delivery_on, zone), each.dispatched_at)
        if each.delivered_at is not None and (each.cmo_confirmed_at is not None or each.lost_at is None):
            yield view.spell(each.delivered_at, each.cmo_confirmed_at, each.number)
        elif each.lost_at is not None:
            yield Spell(min(due, each.lost_at), each.lost_at, each.number, is_cancelled=True)
        else:
            yield view.spell(due, None, each.number)


def excursion_decision(view: TimelineView) -> Iterator[Spell]:
    for each in view.progress.consignments:
        since = each.delivery_confirmed_at or each.lost_at
        if each.is_nonconforming and since is not None:
            yield view.spell(since, each.decided_at, each.number)


def fulfilment(view: TimelineView) -> Iterator[Spell]:
    """To the end of the day first agreed; a later revision does not forgive."""
    due = _first_due(view)
    if due is None:
        return
    consignments = view.progress.consignments
    arrived = [each.delivered_at for each in consignments if each.delivered_at is not None]
    everything = arrived and len(arrived) == len(consignments) and not view.progress.left_to_send
    stop: Fact | datetime | None = max(arrived) if everything else None
    if not view.progress.is_shipment:
        stop = view.answered
    ends = end_of_day(due, view.progress.destination_zone)
    yield view.spell(view.filed.occurred_at, stop, day_ends_at=ends)


def _first_due(view: TimelineView) -> date | None:
    """The due date of the filing; else the first that was added."""
    filed = view.filed.said(Filed)
    if filed.due_on is not None:
        return filed.due_on
    due_day = filed.due_day or "required_delivery_to"  # before release 0.3 a filing did not name it
    named = [filed.detail.get(due_day)]
    for fact in view.facts.of(FactKind.AMENDED):
        amended = fact.said(Amended)
        named += [amended.new("due_on"), amended.new_detail.get(due_day)]
    return next((date.fromisoformat(due) for due in named if due), None)


def promise(view: TimelineView) -> Iterator[Spell]:
    """One for each day the CMO named; a newer promise ends the older one, which stays broken if it was."""
    kept = _order(view) if view.progress.is_shipment else view.answered
    promises = [f for f in view.facts if f.by.is_cmo and f.remarks.expected_on is not None]
    for fact, newer in zip_longest(promises, promises[1:]):
        if kept is not None and fact.occurred_at >= kept.occurred_at:
            return
        ends = end_of_day(given(fact.remarks.expected_on), view.site_zone)
        if newer is not None and (kept is None or newer.occurred_at < kept.occurred_at):
            is_kept = newer.occurred_at <= ends  # so far
            yield Spell(fact.occurred_at, newer.occurred_at, fact.sequence, is_cancelled=is_kept, day_ends_at=ends)
        else:
            yield view.spell(fact.occurred_at, kept, fact.sequence, ends)


def sponsor(view: TimelineView) -> Iterator[Spell]:
    """While the sponsor is asked something, and while a refusal awaits its word; cancelled where the CMO went on."""
    turns = view.facts.of(FactKind.ACCEPTED, FactKind.REJECTED, *_GOING_ON)
    refusals = [pair for pair in zip_longest(turns, turns[1:]) if pair[0].kind == FactKind.DECLINED]
    for since, until in (*view.asked, *refusals):
        spell = view.spell(since.occurred_at, until, since.sequence)
        yield spell._replace(is_cancelled=True) if until is not None and until.kind in _GOING_ON else spell
