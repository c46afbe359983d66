"""How far a request has come: what was ordered, sent and received, which items are owed, what is open to the sponsor.

A fold of the facts in the order in which they were recorded; what an act must not contradict is in `checks`.
Quantities are exact decimals in the unit of their line; lines, items, questions and consignments count from 1.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import reduce
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
ASIDE = frozenset(
    {FactKind.CORRECTED, FactKind.HANDED_ON, FactKind.TAKEN, FactKind.TERMS_CHANGED, FactKind.ADDRESS_CHANGED}
)
# Messages of the sponsor to which the CMO owes a word, and what of the CMO's is none.
AWAITS_A_WORD = frozenset({FactKind.FOLLOWED_UP, FactKind.REJECTED, FactKind.REOPENED, FactKind.REPLIED})
_NO_WORD = ASIDE | {FactKind.WAITING, FactKind.RESUMED}


def is_a_word(fact: Fact) -> bool:
    """Whether it answers whatever the sponsor has written so far: any act of the CMO's people does but a few."""
    return fact.kind not in _NO_WORD and fact.by.is_cmo


class Consignment(NamedTuple):
    """One parcel. `..._at` is when it was done, `..._told_at` when the sponsor was told."""

    number: int
    quantities: Mapping[int, Decimal]
    dispatched_at: datetime
    dispatch_told_at: datetime
    expected_delivery_on: date
    delivered_at: datetime | None = None
    delivery_told_at: datetime | None = None
    condition: Condition | None = None
    readout: Readout | None = None
    lost_at: datetime | None = None
    disposition: Disposition | None = None
    decided_at: datetime | None = None

    @property
    def is_under_way(self) -> bool:
        return self.delivered_at is None and self.lost_at is None

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

    @property
    def destination_zone(self) -> ZoneInfo:
        """UTC where nobody said."""
        return ZoneInfo(self.detail.get("destination", {}).get("time_zone") or "UTC")

    @property
    def left_to_pack(self) -> dict[int, Decimal]:
        """What of each line was neither packed nor sent yet; lines of which nothing is left are left out."""
        ordered, to_send = self.ordered, self.left_to_send
        left = {n: min(quantity, ordered[n] - self.packed.get(n, Decimal(0))) for n, quantity in to_send.items()}
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
    def under_way(self) -> tuple[Consignment, ...]:
        return tuple(each for each in self.consignments if each.is_under_way)

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
        is_unanswered = (self.has_unanswered or fact.kind in AWAITS_A_WORD) and not is_a_word(fact)
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
    return progress._replace(items=(ItemStatus.OPEN,) * len(progress.items), ended_at=None)


def _packed(progress: Progress, fact: Fact) -> Progress:
    packed = {**progress.packed}
    for part in fact.content["lines"]:
        packed[part["line"]] = packed.get(part["line"], Decimal(0)) + Decimal(part["quantity"])
    return progress._replace(packed=packed)


def _dispatched(progress: Progress, fact: Fact) -> Progress:
    content = fact.content
    consignment = Consignment(
        number=content["consignment"],
        quantities={part["line"]: Decimal(part["quantity"]) for part in content["lines"]},
        dispatched_at=datetime.fromisoformat(content["dispatched_at"]),
        dispatch_told_at=fact.occurred_at,
        expected_delivery_on=date.fromisoformat(content["expected_delivery_on"]),
    )
    return progress._replace(consignments=(*progress.consignments, consignment))


def _changed(progress: Progress, number: int, **values: Any) -> Progress:
    consignments = tuple(c._replace(**values) if c.number == number else c for c in progress.consignments)
    return progress._replace(consignments=consignments)


def _delivered(progress: Progress, fact: Fact) -> Progress:
    return _changed(
        progress,
        fact.content["consignment"],
        delivered_at=datetime.fromisoformat(fact.content["delivered_at"]),
        delivery_told_at=fact.occurred_at,
        condition=Condition(fact.content["condition"]),
        readout=Readout(fact.content["readout"]),
    )


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


def _ship_date(fact: Fact) -> date:
    return date.fromisoformat(fact.content["planned_ship_on"])


_Step = Callable[[Progress, Fact], Progress]
_STEPS: Mapping[FactKind, _Step] = {
    FactKind.FILED: _filed,
    FactKind.ASKED: lambda so_far, _: so_far._replace(has_question=True),
    FactKind.REPLIED: lambda so_far, _: so_far._replace(has_question=False),
    FactKind.ANSWERED: _answered,
    FactKind.ORDER_CONFIRMED: lambda so_far, fact: so_far._replace(planned_ship_on=_ship_date(fact)),
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
    FactKind.ACCEPTED: lambda so_far, fact: so_far._replace(ended_at=fact.occurred_at),
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
