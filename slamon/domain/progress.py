"""How far a request has come: what was ordered, sent and received, which items are owed, what is open to the sponsor.

A fold of the facts in the order in which they happened; what an act must not contradict is in `checks`.
Quantities are exact decimals in the unit of their line; lines, items, questions and consignments count from 1.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import reduce
from operator import attrgetter
from types import MappingProxyType
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from slamon.domain.timeline import Fact, FactKind


class Condition(StrEnum):
    INTACT = "intact"
    DAMAGED = "damaged"
    SHORT = "short"
    OVER = "over"
    WRONG_ITEM = "wrong_item"


class Readout(StrEnum):
    """What the temperature logger says."""

    IN_RANGE = "in_range"
    EXCURSION = "excursion"
    MISSING = "missing"
    NOT_REQUIRED = "not_required"


class Disposition(StrEnum):
    """What quality decides about goods that did not arrive as they should."""

    USABLE = "usable"
    NOT_USABLE = "not_usable"


class ItemStatus(StrEnum):
    OPEN = "open"
    SUPPLIED = "supplied"
    DECLINED = "declined"


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


class Consignment(NamedTuple):
    """One parcel. `..._at` is when it was done, `..._told_at` when the sponsor was told.

    `delivery_told_at` is that of the word on its condition that stands; `cmo_told_at` that of the CMO's first word on
    the delivery, None while there is the destination's alone.
    """

    number: int
    quantities: Mapping[int, Decimal]
    dispatched_at: datetime
    dispatch_told_at: datetime
    expected_delivery_on: date
    tracking_number: str = ""
    delivered_at: datetime | None = None
    delivery_told_at: datetime | None = None
    cmo_told_at: datetime | None = None
    condition: Condition | None = None
    readout: Readout | None = None
    lost_at: datetime | None = None
    disposition: Disposition | None = None
    decided_at: datetime | None = None

    @property
    def is_under_way(self) -> bool:
        return self.delivered_at is None and self.lost_at is None

    @property
    def is_unconfirmed(self) -> bool:
        """Whether it arrived by the destination's word, and the CMO has said nothing of it."""
        return self.delivered_at is not None and self.cmo_told_at is None and self.lost_at is None

    @property
    def is_off(self) -> bool:
        """Lost, damaged, wrong, or of a temperature nobody can vouch for: quality must look at it."""
        return self.lost_at is not None or _is_unfit(self.condition, self.readout)

    @property
    def needs_decision(self) -> bool:
        return self.is_off and self.disposition is None


class Progress(NamedTuple):
    """What the facts so far add up to. `detail` is what was asked for, with every amendment.

    A named tuple, because each step of the fold copies it, and copying a frozen dataclass takes five times as long.
    """

    detail: Mapping[str, Any] = MappingProxyType({})
    has_question: bool = False
    has_unanswered: bool = False  # a message of the sponsor to which the CMO has not said a word
    planned_ship_on: date | None = None
    proposed_ship_on: date | None = None
    consignments: tuple[Consignment, ...] = ()
    items: tuple[ItemStatus, ...] = ()
    waited: timedelta = timedelta(0)  # for third parties, in all
    waits_since: datetime | None = None
    waits_until: datetime | None = None
    filed_at: datetime | None = None
    ended_at: datetime | None = None
    packed: Mapping[int, Decimal] = MappingProxyType({})  # by line
    packed_lots: Mapping[int, tuple[str, ...]] = MappingProxyType({})  # by line, of what is not sent yet

    @property
    def destination_zone(self) -> ZoneInfo:
        """UTC where nobody said."""
        return ZoneInfo(self.detail.get("destination", {}).get("time_zone") or "UTC")

    @property
    def left_to_pack(self) -> dict[int, Decimal]:
        """What of each line was neither packed nor sent yet; lines of which nothing is left are left out."""
        to_send, unpacked = self.left_to_send, self.unpacked
        return {line: min(quantity, to_send[line]) for line, quantity in unpacked.items() if line in to_send}

    @property
    def unpacked(self) -> dict[int, Decimal]:
        """What of each line was not packed, sent or not; lines of which nothing is left are left out."""
        left = {line: quantity - self.packed.get(line, Decimal(0)) for line, quantity in self.ordered.items()}
        return {line: quantity for line, quantity in left.items() if quantity > 0}

    @property
    def ordered(self) -> dict[int, Decimal]:
        return {n: Decimal(str(line["quantity"])) for n, line in enumerate(self.detail.get("lines", ()), start=1)}

    @property
    def is_shipment(self) -> bool:
        return bool(self.detail.get("lines"))

    @property
    def left_to_send(self) -> dict[int, Decimal]:
        """What of each line is in no consignment yet; lines that are covered are left out."""
        left = self.ordered
        for consignment in self.consignments:
            for line, quantity in consignment.quantities.items():
                left[line] -= quantity
        return {line: quantity for line, quantity in left.items() if quantity > 0}

    @property
    def packed_to_send(self) -> dict[int, Decimal]:
        """What of each line is packed and in no consignment yet; lines of which nothing is are left out."""
        ordered, left = self.ordered, self.left_to_send
        sent = {line: ordered[line] - left.get(line, Decimal(0)) for line in self.packed}
        return {line: quantity - sent[line] for line, quantity in self.packed.items() if quantity > sent[line]}

    @property
    def under_way(self) -> tuple[Consignment, ...]:
        return tuple(each for each in self.consignments if each.is_under_way)

    @property
    def unconfirmed(self) -> tuple[Consignment, ...]:
        return tuple(each for each in self.consignments if each.is_unconfirmed)

    @property
    def undecided(self) -> tuple[Consignment, ...]:
        return tuple(each for each in self.consignments if each.needs_decision)

    @property
    def has_all_arrived(self) -> bool:
        """Whether every line is covered and every consignment has arrived or is lost."""
        return bool(self.consignments) and not self.left_to_send and not self.under_way

    @property
    def is_all_lost(self) -> bool:
        """Whether nothing arrived of all that was ordered, and quality has decided on each consignment."""
        lost = all(each.lost_at is not None for each in self.consignments)
        return self.has_all_arrived and lost and not self.undecided

    @property
    def open_items(self) -> list[int]:
        """Numbers of the data items or questions still owed."""
        return [number for number, status in enumerate(self.items, start=1) if status is ItemStatus.OPEN]

    def after(self, fact: Fact) -> "Progress":
        """The progress once `fact` is recorded."""
        step = _STEPS.get(fact.kind)
        progress = self if step is None else step(self, fact)
        is_unanswered = (self.has_unanswered or fact.kind in AWAITS_REPLY) and not counts_as_reply(fact)
        return progress if is_unanswered is self.has_unanswered else progress._replace(has_unanswered=is_unanswered)


def progress_of(facts: Iterable[Fact]) -> Progress:
    """The progress after `facts`, in the order given."""
    return reduce(Progress.after, facts, Progress())


def _filed(_: Progress, fact: Fact) -> Progress:
    detail = fact.content.get("detail", {})
    owed = detail.get("items") or detail.get("questions") or ()
    return Progress(detail=detail, items=(ItemStatus.OPEN,) * (len(owed) or 1), filed_at=fact.occurred_at)


def _answered(progress: Progress, fact: Fact) -> Progress:
    if "items" in fact.content:
        said = {part["item"]: ItemStatus(part["status"]) for part in fact.content["items"]}
    else:  # an answer that names no item is an answer to all that is open
        said = dict.fromkeys(progress.open_items, ItemStatus.SUPPLIED)
    items = tuple(said.get(number, status) for number, status in enumerate(progress.items, start=1))
    return progress._replace(items=items, has_question=False)


def _sent_back(progress: Progress, _: Fact) -> Progress:
    """All is owed again; that it was once answered stays on the answer clock."""
    open_again = (ItemStatus.OPEN,) * len(progress.items)
    return progress._replace(items=open_again, ended_at=None, has_question=False)


def _packed(progress: Progress, fact: Fact) -> Progress:
    packed, lots = {**progress.packed}, {**progress.packed_lots}
    for part in fact.content["lines"]:
        line, named = part["line"], part.get("lots_or_kits") or fact.content.get("lots_or_kits")
        packed[line] = packed.get(line, Decimal(0)) + Decimal(part["quantity"])
        lots[line] = (*lots.get(line, ()), *([named] if named else ()))
    return progress._replace(packed=packed, packed_lots=lots)


def _dispatched(progress: Progress, fact: Fact) -> Progress:
    """A new consignment; of several words on the same one the first counts."""
    content, number = fact.content, fact.content["consignment"]
    if any(each.number == number for each in progress.consignments):
        return progress
    consignment = Consignment(
        number=number,
        quantities={part["line"]: Decimal(part["quantity"]) for part in content["lines"]},
        dispatched_at=datetime.fromisoformat(content["dispatched_at"]),
        dispatch_told_at=fact.occurred_at,
        expected_delivery_on=date.fromisoformat(content["expected_delivery_on"]),
        tracking_number=content.get("tracking_number", ""),
    )
    in_order = sorted([*progress.consignments, consignment], key=attrgetter("number"))
    sent = progress._replace(consignments=tuple(in_order))
    packed = sent.packed_to_send
    return sent._replace(packed_lots={line: lots for line, lots in sent.packed_lots.items() if line in packed})


def _changed(progress: Progress, number: int, **values: Any) -> Progress:
    consignments = tuple(c._replace(**values) if c.number == number else c for c in progress.consignments)
    return progress._replace(consignments=consignments)


def _delivered(progress: Progress, fact: Fact) -> Progress:
    """One word on a delivery: of several the first says when it was, and what is wrong with the goods stays said."""
    content = fact.content
    known = next(each for each in progress.consignments if each.number == content["consignment"])
    said: dict[str, Any] = {"lost_at": None}
    if known.delivered_at is None:
        said["delivered_at"] = datetime.fromisoformat(content["delivered_at"])
    if known.cmo_told_at is None and fact.by.is_cmo:
        said["cmo_told_at"] = fact.occurred_at
    if known.delivered_at is None or (needs_review(fact) and not known.is_off):
        said["delivery_told_at"] = fact.occurred_at
        said |= {"condition": Condition(content["condition"]), "readout": Readout(content["readout"])}
    return _changed(progress, known.number, **said)


def _amended(progress: Progress, fact: Fact) -> Progress:
    return progress._replace(detail=amended(progress.detail, fact.content["changes"].get("detail", {}).get("to", {})))


def amended(detail: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """What is asked for, with some of its fields changed; of lines and items only the fields named."""
    result = {**detail}
    for name, value in changes.items():
        if name in ("lines", "items"):
            parts = [dict(part) for part in detail.get(name, ())]
            for change in value:
                parts[change["number"] - 1] |= {key: what for key, what in change.items() if key != "number"}
            result[name] = parts
        else:
            result[name] = value
    return result


def _waiting(progress: Progress, fact: Fact) -> Progress:
    so_far = _resumed(progress, fact)
    until = datetime.fromisoformat(fact.content["until"])
    waited = so_far.waited + (until - fact.occurred_at)
    return so_far._replace(waited=waited, waits_since=fact.occurred_at, waits_until=until)


def _resumed(progress: Progress, fact: Fact) -> Progress:
    since, until = progress.waits_since, progress.waits_until
    if since is None or until is None:
        return progress
    unused = max(until - max(since, fact.occurred_at), timedelta(0))
    return progress._replace(waited=progress.waited - unused, waits_since=None, waits_until=None)


def _decided(progress: Progress, fact: Fact) -> Progress:
    disposition = Disposition(fact.content["disposition"])
    return _changed(progress, fact.content["consignment"], disposition=disposition, decided_at=fact.occurred_at)


def _order_confirmed(progress: Progress, fact: Fact) -> Progress:
    return progress._replace(planned_ship_on=_ship_date(fact), proposed_ship_on=None, has_question=False)


def _question_closed(progress: Progress, _: Fact) -> Progress:
    return progress._replace(has_question=False)


def _ship_date(fact: Fact) -> date:
    return date.fromisoformat(fact.content["planned_ship_on"])


_Step = Callable[[Progress, Fact], Progress]
_STEPS: Mapping[FactKind, _Step] = {
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
    FactKind.LOST: lambda so_far, fact: _changed(so_far, fact.content["consignment"], lost_at=fact.occurred_at),
    FactKind.DECIDED: _decided,
    FactKind.WAITING: _waiting,
    FactKind.RESUMED: _resumed,
    FactKind.AMENDED: _amended,
    FactKind.ACCEPTED: lambda so_far, fact: so_far._replace(ended_at=fact.occurred_at, has_question=False),
    FactKind.REJECTED: _sent_back,
    FactKind.REOPENED: _sent_back,
}


def needs_review(fact: Fact) -> bool:
    """Whether it tells of goods that quality must look at: `Consignment.is_off`, as this fact alone has it."""
    if fact.kind is not FactKind.DELIVERED:
        return fact.kind is FactKind.LOST
    return _is_unfit(Condition(fact.content["condition"]), Readout(fact.content["readout"]))


def _is_unfit(condition: Condition | None, readout: Readout | None) -> bool:
    return condition not in (None, Condition.INTACT) or readout in (Readout.EXCURSION, Readout.MISSING)
