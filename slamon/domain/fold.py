"""How facts make the progress of a request, in the order in which they happened."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from functools import reduce
from operator import attrgetter
from typing import Any

from slamon.domain.actions.parts import given
from slamon.domain.actions.shipping import (
    ConfirmDelivery,
    ConfirmDispatch,
    ConfirmOrder,
    ConfirmPacked,
    Decide,
    ReportLost,
)
from slamon.domain.actions.talk import Amended, Answer, Wait
from slamon.domain.progress import Consignment, ItemStatus, Progress, amended, is_unfit
from slamon.domain.timeline import Fact, FactKind, Filed

# What moves neither the progress nor a clock, whoever does it.
NEUTRAL_FACTS = frozenset(
    {FactKind.CORRECTED, FactKind.HANDED_ON, FactKind.TAKEN, FactKind.TERMS_CHANGED, FactKind.ADDRESS_CHANGED}
)
# Messages of the sponsor to which the CMO owes a word, and what of the CMO's is none.
AWAITS_REPLY = frozenset({FactKind.FOLLOWED_UP, FactKind.REJECTED, FactKind.REOPENED, FactKind.REPLIED})
_NO_WORD = NEUTRAL_FACTS | {FactKind.WAITING, FactKind.RESUMED}


def counts_as_reply(fact: Fact) -> bool:
    """Whether it answers whatever the sponsor has written so far: any act of the CMO's people does but a few."""
    return fact.kind not in _NO_WORD and fact.by.is_cmo


def after(progress: Progress, fact: Fact) -> Progress:
    """The progress once `fact` is recorded."""
    step = _STEPS.get(fact.kind)
    then = progress if step is None else step(progress, fact)
    is_unanswered = (progress.has_unanswered or fact.kind in AWAITS_REPLY) and not counts_as_reply(fact)
    return then if is_unanswered is then.has_unanswered else then._replace(has_unanswered=is_unanswered)


def progress_of(facts: Iterable[Fact]) -> Progress:
    """The progress after `facts`, in the order given."""
    return reduce(after, facts, Progress())


def _filed(_: Progress, fact: Fact) -> Progress:
    detail = fact.said(Filed).detail
    owed = detail.get("items") or detail.get("questions") or ()
    return Progress(detail=detail, items=(ItemStatus.OPEN,) * (len(owed) or 1), filed_at=fact.occurred_at)


def _answered(progress: Progress, fact: Fact) -> Progress:
    parts = fact.said(Answer).items
    if parts is None:  # an answer that names no item is an answer to all that is open
        now = dict.fromkeys(progress.open_items, ItemStatus.SUPPLIED)
    else:
        now = {part.item: part.status for part in parts}
    items = tuple(now.get(number, status) for number, status in enumerate(progress.items, start=1))
    return progress._replace(items=items, has_question=False)


def _sent_back(progress: Progress, _: Fact) -> Progress:
    """All is owed again; that it was once answered stays on the answer clock."""
    open_again = (ItemStatus.OPEN,) * len(progress.items)
    return progress._replace(items=open_again, ended_at=None, has_question=False)


def _packed(progress: Progress, fact: Fact) -> Progress:
    said, packed, lots = fact.said(ConfirmPacked), {**progress.packed}, {**progress.packed_lots}
    for part in said.lines or ():
        line, named = part.line, part.lots_or_kits or said.lots_or_kits
        packed[line] = packed.get(line, Decimal(0)) + part.quantity
        lots[line] = (*lots.get(line, ()), *([named] if named else ()))
    return progress._replace(packed=packed, packed_lots=lots)


def _dispatched(progress: Progress, fact: Fact) -> Progress:
    """A new consignment; of several words on the same one the first counts."""
    said = fact.said(ConfirmDispatch)
    number = given(said.consignment)
    if any(each.number == number for each in progress.consignments):
        return progress
    consignment = Consignment(
        number=number,
        quantities={part.line: part.quantity for part in said.lines or ()},
        dispatched_at=given(said.dispatched_at),
        dispatch_confirmed_at=fact.occurred_at,
        expected_delivery_on=given(said.expected_delivery_on),
        tracking_number=said.tracking_number,
    )
    in_order = sorted([*progress.consignments, consignment], key=attrgetter("number"))
    sent = progress._replace(consignments=tuple(in_order))
    packed = sent.packed_to_send
    return sent._replace(packed_lots={line: lots for line, lots in sent.packed_lots.items() if line in packed})


def _changed(progress: Progress, number: int | None, **values: Any) -> Progress:
    consignments = tuple(c._replace(**values) if c.number == number else c for c in progress.consignments)
    return progress._replace(consignments=consignments)


def _delivered(progress: Progress, fact: Fact) -> Progress:
    """One word on a delivery: of several the first says when it was, and what is wrong with the goods stays said."""
    said = fact.said(ConfirmDelivery)
    known = next(each for each in progress.consignments if each.number == said.consignment)
    now: dict[str, Any] = {"lost_at": None}
    if known.delivered_at is None:
        now["delivered_at"] = said.delivered_at
    if known.cmo_confirmed_at is None and fact.by.is_cmo:
        now["cmo_confirmed_at"] = fact.occurred_at
    if known.delivered_at is None or (needs_review(fact) and not known.is_nonconforming):
        now |= {"delivery_confirmed_at": fact.occurred_at, "condition": said.condition, "readout": said.readout}
    return _changed(progress, known.number, **now)


def _amended(progress: Progress, fact: Fact) -> Progress:
    return progress._replace(detail=amended(progress.detail, fact.said(Amended).new_detail))


def _waiting(progress: Progress, fact: Fact) -> Progress:
    so_far = _resumed(progress, fact)
    until = given(fact.said(Wait).until)
    waited = so_far.waited + (until - fact.occurred_at)
    return so_far._replace(waited=waited, waits_since=fact.occurred_at, waits_until=until)


def _resumed(progress: Progress, fact: Fact) -> Progress:
    since, until = progress.waits_since, progress.waits_until
    if since is None or until is None:
        return progress
    unused = max(until - max(since, fact.occurred_at), timedelta(0))
    return progress._replace(waited=progress.waited - unused, waits_since=None, waits_until=None)


def _decided(progress: Progress, fact: Fact) -> Progress:
    said = fact.said(Decide)
    return _changed(progress, said.consignment, disposition=said.disposition, decided_at=fact.occurred_at)


def _order_confirmed(progress: Progress, fact: Fact) -> Progress:
    return progress._replace(planned_ship_on=_ship_date(fact), proposed_ship_on=None, has_question=False)


def _question_closed(progress: Progress, _: Fact) -> Progress:
    return progress._replace(has_question=False)


def _ship_date(fact: Fact) -> date:
    return given(fact.said(ConfirmOrder).planned_ship_on)


_Step = Callable[[Progress, Fact], Progress]
_STEPS: Mapping[str, _Step] = {
    FactKind.FILED: _filed,
    FactKind.ASKED: lambda so_far, _: so_far._replace(has_question=True),
    FactKind.REPLIED: _question_closed,
    FactKind.DECLINED: _question_closed,
    FactKind.ANSWERED: _answered,
    FactKind.ORDER_CONFIRMED: _order_confirmed,
    FactKind.DATE_PROPOSED: lambda so_far, fact: so_far._replace(proposed_ship_on=_ship_date(fact)),
    FactKind.DATE_AGREED: lambda so_far, _: so_far._replace(
        planned_ship_on=so_far.proposed_ship_on, proposed_ship_on=None
    ),
    FactKind.DATE_REFUSED: lambda so_far, _: so_far._replace(proposed_ship_on=None),
    FactKind.PACKED: _packed,
    FactKind.DISPATCHED: _dispatched,
    FactKind.DELIVERED: _delivered,
    FactKind.LOST: lambda so_far, fact: _changed(so_far, fact.said(ReportLost).consignment, lost_at=fact.occurred_at),
    FactKind.DECIDED: _decided,
    FactKind.WAITING: _waiting,
    FactKind.RESUMED: _resumed,
    FactKind.AMENDED: _amended,
    FactKind.ACCEPTED: lambda so_far, fact: so_far._replace(ended_at=fact.occurred_at, has_question=False),
    FactKind.REJECTED: _sent_back,
    FactKind.REOPENED: _sent_back,
}


def needs_review(fact: Fact) -> bool:
    """Whether it tells of goods that quality must look at, as this fact alone has it."""
    if fact.kind != FactKind.DELIVERED:
        return fact.kind == FactKind.LOST
    said = fact.said(ConfirmDelivery)
    return is_unfit(said.condition, said.readout)
