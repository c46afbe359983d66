"""What an act says, made complete, or a Contradiction: whether it fits what happened before, and the terms."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from slamon.domain.progress import Consignment, ItemStatus, Progress, Readout
from slamon.domain.terms import Terms
from slamon.domain.timeline import FactKind

_NOTHING = Decimal(0)
REOPENED_WITHIN = timedelta(days=30)
# °C, from and to; None where the condition sets no end.
_STORAGE: Mapping[str, tuple[float | None, float | None]] = {
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


def is_past(day: date, at: datetime) -> bool:
    """Whether a day is over everywhere on earth at `at`, in UTC: whichever zone it was meant in, it has ended."""
    return day < (at - timedelta(hours=12)).date()


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


def _fit_planned_date(content: dict[str, Any], _: Progress, at: datetime) -> dict[str, Any]:
    if is_past(date.fromisoformat(content["planned_ship_on"]), at):
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
    least, most = _STORAGE.get(storage.get("code", "none"), (None, None))
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
