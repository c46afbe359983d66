"""How far a request has come: what was ordered, sent and received, which items are owed, what is open to the sponsor.

A fold of the facts in the order in which they were recorded, and the checks that an act must pass against it.
Quantities are exact decimals in the unit of their line; lines, items, questions and consignments count from 1.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import reduce
from types import MappingProxyType
from typing import Any, NamedTuple

from slamon.domain.terms import Terms
from slamon.domain.timeline import Fact, FactKind

_NOTHING = Decimal(0)
REOPENED_WITHIN = timedelta(days=30)


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


# °C, from and to; None where the condition sets no end.
STORAGE: Mapping[str, tuple[float | None, float | None]] = {
    "cryogenic": (None, -150),
    "ultra_frozen": (-90, -60),
    "frozen": (-25, -15),
    "refrigerated": (2, 8),
    "controlled_room": (15, 25),
    "room_max_30": (None, 30),
    "none": (None, None),
}


class Contradiction(ValueError):
    """An act does not fit what happened before; `field` names the part of it, the message says the way out."""

    def __init__(self, where: str, message: str) -> None:
        super().__init__(f"{where}: {message}")
        self.field = where
        self.message = message


# What moves neither the progress nor a clock, whoever does it.
ASIDE = frozenset({FactKind.CORRECTED, FactKind.HANDED_ON, FactKind.TAKEN, FactKind.TERMS_CHANGED})
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
    waits_until: datetime | None = None
    ended_at: datetime | None = None

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
    return Progress(detail=detail, items=(ItemStatus.OPEN,) * (len(owed) or 1))


def _answered(progress: Progress, fact: Fact) -> Progress:
    said = {part["item"]: ItemStatus(part["status"]) for part in fact.content.get("items", ())}
    if not said:  # an answer that names no item is an answer to all that is open
        said = dict.fromkeys(progress.open_items, ItemStatus.SUPPLIED)
    items = tuple(said.get(number, status) for number, status in enumerate(progress.items, start=1))
    return progress._replace(items=items, has_question=False)


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
    return so_far._replace(waited=waited, waits_until=until)


def _resumed(progress: Progress, fact: Fact) -> Progress:
    if progress.waits_until is None:
        return progress
    unused = max(progress.waits_until - fact.occurred_at, timedelta(0))
    return progress._replace(waited=progress.waited - unused, waits_until=None)


def _decided(progress: Progress, fact: Fact) -> Progress:
    disposition = Disposition(fact.content["disposition"])
    return _changed(progress, fact.content["consignment"], disposition=disposition, decided_at=fact.occurred_at)


def _ship_date(content: Mapping[str, Any]) -> date:
    return date.fromisoformat(content["planned_ship_on"])


_Step = Callable[[Progress, Fact], Progress]
_STEPS: Mapping[FactKind, _Step] = {
    FactKind.FILED: _filed,
    FactKind.ASKED: lambda so_far, _: so_far._replace(has_question=True),
    FactKind.REPLIED: lambda so_far, _: so_far._replace(has_question=False),
    FactKind.ANSWERED: _answered,
    FactKind.ORDER_CONFIRMED: lambda so_far, fact: so_far._replace(planned_ship_on=_ship_date(fact.content)),
    FactKind.DATE_PROPOSED: lambda so_far, fact: so_far._replace(proposed_ship_on=_ship_date(fact.content)),
    FactKind.DATE_AGREED: lambda so_far, _: so_far._replace(
        planned_ship_on=so_far.proposed_ship_on, proposed_ship_on=None
    ),
    FactKind.DATE_REFUSED: lambda so_far, _: so_far._replace(proposed_ship_on=None),
    FactKind.DISPATCHED: _dispatched,
    FactKind.DELIVERED: _delivered,
    FactKind.LOST: lambda so_far, fact: _changed(so_far, fact.content["consignment"], lost_at=fact.occurred_at),
    FactKind.DECIDED: _decided,
    FactKind.WAITING: _waiting,
    FactKind.RESUMED: _resumed,
    FactKind.AMENDED: _amended,
    FactKind.ACCEPTED: lambda so_far, fact: so_far._replace(ended_at=fact.occurred_at),
    FactKind.REOPENED: lambda so_far, _: so_far._replace(ended_at=None),
}


def needs_review(fact: Fact) -> bool:
    """Whether it tells of goods that quality must look at: `Consignment.is_off`, as this fact alone has it."""
    if fact.kind is not FactKind.DELIVERED:
        return fact.kind is FactKind.LOST
    return _is_unfit(Condition(fact.content["condition"]), Readout(fact.content["readout"]))


def _is_unfit(condition: Condition | None, readout: Readout | None) -> bool:
    return condition not in (None, Condition.INTACT) or readout in (Readout.EXCURSION, Readout.MISSING)


# --- checks: what an act says, made complete, or a Contradiction ----------------------------------------------------


def fitted(
    kind: FactKind, content: Mapping[str, Any], progress: Progress, at: datetime, terms: Terms
) -> dict[str, Any]:
    """What an act of `kind` at `at` says, with what it left to us filled in.

    Raises Contradiction where it does not fit the progress so far, or the terms.
    """
    if kind is FactKind.WAITING:
        return _fit_waiting(dict(content), progress, at, terms)
    check = _CHECKS.get(kind)
    return dict(content) if check is None else check(dict(content), progress, at)


def ships_later(content: Mapping[str, Any], progress: Progress) -> bool:
    """Whether the ship date a CMO plans is after the one the sponsor asked for: a counter-proposal."""
    wanted = progress.detail.get("requested_ship_date")
    return wanted is not None and str(content.get("planned_ship_on", "")) > wanted


def _fit_answer(content: dict[str, Any], progress: Progress, _: datetime) -> dict[str, Any]:
    given = content.get("items")
    if given is None:
        given = [{"item": number, "status": ItemStatus.SUPPLIED.value} for number in progress.open_items]
    numbers = [part["item"] for part in given]
    for number in numbers:
        if not 1 <= number <= len(progress.items):
            raise Contradiction("items", f"there is no item {number}; this request has {len(progress.items)}")
    if len(set(numbers)) != len(numbers):
        raise Contradiction("items", "an item stands twice; name each once")
    for part in given:
        if part["status"] == ItemStatus.DECLINED and not (part.get("reason") or "").strip():
            raise Contradiction("items", f"item {part['item']} is declined without a reason; say why")
    return {**content, "items": given}


def is_past(day: date, at: datetime) -> bool:
    """Whether a day is over everywhere on earth at `at`, in UTC: whichever zone it was meant in, it has ended."""
    return day < (at - timedelta(hours=12)).date()


def _fit_planned_date(content: dict[str, Any], _: Progress, at: datetime) -> dict[str, Any]:
    if is_past(_ship_date(content), at):
        raise Contradiction("planned_ship_on", "lies in the past")
    return content


def _fit_lines(content: dict[str, Any], left: Mapping[int, Decimal], verb: str) -> dict[str, Any]:
    given = content.get("lines")
    if given is None:
        given = [{"line": line, "quantity": str(quantity)} for line, quantity in left.items()]
    numbers = [part["line"] for part in given]
    if not numbers:
        raise Contradiction("lines", f"nothing is left to be {verb}")
    if len(set(numbers)) != len(numbers):
        raise Contradiction("lines", "a line stands twice; name each once, with the whole quantity")
    for part in given:
        line, quantity = part["line"], Decimal(part["quantity"])
        if quantity > left.get(line, _NOTHING):
            raise Contradiction(
                "lines",
                f"{quantity} of line {line} cannot be {verb}: {left.get(line, _NOTHING)} of what was ordered is left",
            )
    return {**content, "lines": given}


def _fit_packed(content: dict[str, Any], progress: Progress, at: datetime) -> dict[str, Any]:
    if progress.detail.get("logger_required") and not content.get("logger_serials"):
        raise Contradiction("logger_serials", "a temperature logger is required: give the serial number of each")
    _refuse_future("packed_at", content.get("packed_at"), at)
    return _fit_lines(content, progress.left_to_send, "packed")


def _fit_dispatched(content: dict[str, Any], progress: Progress, at: datetime) -> dict[str, Any]:
    content = {"dispatched_at": at.isoformat(), **content}
    dispatched_at = _refuse_future("dispatched_at", content["dispatched_at"], at)
    if dispatched_at and is_past(date.fromisoformat(content["expected_delivery_on"]), dispatched_at):
        raise Contradiction("expected_delivery_on", "lies before the dispatch")
    content = _fit_lines(content, progress.left_to_send, "dispatched")
    return {**content, "consignment": len(progress.consignments) + 1}


def _fit_delivered(content: dict[str, Any], progress: Progress, at: datetime) -> dict[str, Any]:
    consignment = _chosen(content, progress.under_way, progress, "is not under way")
    content = {"delivered_at": at.isoformat(), **content, "consignment": consignment.number}
    delivered_at = _refuse_future("delivered_at", content["delivered_at"], at)
    if delivered_at and delivered_at < consignment.dispatched_at:
        raise Contradiction("delivered_at", "lies before the dispatch")
    readout = content.setdefault("readout", Readout.NOT_REQUIRED.value)
    if readout == Readout.NOT_REQUIRED and progress.detail.get("logger_required"):
        raise Contradiction("readout", "a temperature logger travelled with it: say in_range, excursion or missing")
    _fit_temperatures(content, Readout(readout), progress)
    return content


def _fit_temperatures(content: Mapping[str, Any], readout: Readout, progress: Progress) -> None:
    low, high = content.get("min_c"), content.get("max_c")
    if low is not None and high is not None and low > high:
        raise Contradiction("min_c", f"{low} °C lies above max_c, {high} °C")
    if readout is Readout.EXCURSION and low is None and high is None:
        raise Contradiction("max_c", "an excursion needs the lowest or the highest temperature, in °C")
    if readout in (Readout.MISSING, Readout.NOT_REQUIRED) and (low is not None or high is not None):
        raise Contradiction("readout", "there are temperatures, so it is in_range or excursion")
    storage = progress.detail.get("storage", {})
    least, most = STORAGE.get(storage.get("code", "none"), (None, None))
    least, most = storage.get("min_c", least), storage.get("max_c", most)
    out = [t for t in (low, high) if t is not None and ((least is not None and t < least) or (most or t) < t)]
    if readout is Readout.IN_RANGE and out:
        raise Contradiction(
            "readout", f"{out[0]} °C lies outside the storage condition: say excursion, or check that it is in °C"
        )


def _fit_lost(content: dict[str, Any], progress: Progress, _: datetime) -> dict[str, Any]:
    return {**content, "consignment": _chosen(content, progress.under_way, progress, "is not under way").number}


def _fit_decided(content: dict[str, Any], progress: Progress, _: datetime) -> dict[str, Any]:
    chosen = _chosen(content, progress.undecided, progress, "awaits no decision")
    return {**content, "consignment": chosen.number}


def _chosen(
    content: Mapping[str, Any], choice: tuple[Consignment, ...], progress: Progress, why_not: str
) -> Consignment:
    """The consignment named, or the only one there is."""
    number = content.get("consignment")
    if number is None and len(choice) == 1:
        return choice[0]
    if number is None:
        numbers = ", ".join(str(each.number) for each in choice)
        raise Contradiction("consignment", f"name one of {numbers}")
    if not 1 <= number <= len(progress.consignments):
        raise Contradiction("consignment", f"there is no consignment {number}")
    for each in choice:
        if each.number == number:
            return each
    raise Contradiction("consignment", f"consignment {number} {why_not}")


def _fit_reopened(content: dict[str, Any], progress: Progress, at: datetime) -> dict[str, Any]:
    if progress.ended_at is not None and at - progress.ended_at > REOPENED_WITHIN:
        raise Contradiction("reason", "it was closed more than 30 days ago; file a new request with this as its parent")
    return content


def _fit_waiting(content: dict[str, Any], progress: Progress, at: datetime, terms: Terms) -> dict[str, Any]:
    """A wait ends by itself; all waits of a request together are bounded by the tightest cap of its clocks."""
    until = datetime.fromisoformat(content["until"])
    if until <= at:
        raise Contradiction("until", "must lie in the future")
    caps = [clock.pause_cap for clock in terms.clocks.values() if clock.pause_cap is not None]
    if not caps:
        raise Contradiction("until", f"the policy '{terms.policy_name}' does not let clocks wait for a third party")
    left = min(caps) - progress.waited
    if until - at > left:
        hours = max(0, int(left.total_seconds()) // 3600)
        raise Contradiction("until", f"lies too far ahead: by the policy, waits may last {hours} hours more in all")
    return {**content, "until": until.astimezone(UTC).isoformat()}


def _refuse_future(name: str, value: str | None, at: datetime) -> datetime | None:
    if value is None:
        return None
    moment = datetime.fromisoformat(value)
    if moment > at:
        raise Contradiction(name, "lies in the future; say it once it is done")
    return moment


_CHECKS: Mapping[FactKind, Callable[[dict[str, Any], Progress, datetime], dict[str, Any]]] = {
    FactKind.ANSWERED: _fit_answer,
    FactKind.ORDER_CONFIRMED: _fit_planned_date,
    FactKind.DATE_PROPOSED: _fit_planned_date,
    FactKind.PACKED: _fit_packed,
    FactKind.DISPATCHED: _fit_dispatched,
    FactKind.DELIVERED: _fit_delivered,
    FactKind.LOST: _fit_lost,
    FactKind.DECIDED: _fit_decided,
    FactKind.REOPENED: _fit_reopened,
}
