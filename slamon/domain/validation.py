"""What an act says, made complete, or a Contradiction: whether it fits what happened before, and the terms."""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from slamon.domain.normal_form import is_blank
from slamon.domain.progress import Consignment, Disposition, ItemStatus, Progress, Readout
from slamon.domain.terms import Terms
from slamon.domain.timeline import FactKind, end_of_day

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


class _Held(NamedTuple):
    """What an act is held against: how far the request had come when it happened, how far it has come by now, when
    the act was, the terms, and whether it is the CMO's."""

    progress: Progress
    known: Progress
    at: datetime
    terms: Terms
    is_cmo: bool

    @property
    def next_consignment(self) -> int:
        return len(self.known.consignments) + 1


def validate_and_complete(
    kind: FactKind,
    content: Mapping[str, Any],
    progress: Progress,
    at: datetime,
    terms: Terms,
    *,
    is_cmo: bool = True,
    known: Progress | None = None,
) -> dict[str, Any]:
    """What an act of `kind` at `at` says, with what it left to us filled in.

    `progress` is that at `at`; `known` is today's, where it differs because the act is written down late. Raises
    Contradiction where it does not fit the progress, or the terms.
    """
    held = _Held(progress, known or progress, at, terms, is_cmo)
    check = _CHECKS.get(kind)
    return dict(content) if check is None else check(dict(content), held)


def ships_later(content: Mapping[str, Any], progress: Progress) -> bool:
    """Whether the ship date a CMO plans is after the one the sponsor asked for: a counter-proposal."""
    wanted = progress.detail.get("requested_ship_date")
    return wanted is not None and str(content.get("planned_ship_on", "")) > wanted


def refuse_past_promise(content: Mapping[str, Any], at: datetime, terms: Terms) -> None:
    """Raise Contradiction where the CMO names a day that is over at its site; what is told of the past may."""
    for name in ("expected_on", "planned_ship_on"):
        if name in content:
            refuse_past(name, content[name], at, ZoneInfo(terms.calendar.tz))


def refuse_past(where: str, day: str, at: datetime, zone: ZoneInfo) -> None:
    """Raise Contradiction for a day that is over in `zone`: nobody can keep it any more."""
    if end_of_day(date.fromisoformat(day), zone) < at:
        raise Contradiction(where, f"{day} lies in the past; it is over there, where the zone is {zone}")


def refuse_past_due(due: Mapping[str, Any], at: datetime, zone: ZoneInfo) -> None:
    """The same for the days by which something is due, by the name of their field; None for no such day."""
    for where, day in due.items():
        if day is not None:
            refuse_past(where, day, at, zone)


def _fit_answer(content: dict[str, Any], held: _Held) -> dict[str, Any]:
    items = held.progress.items
    if "items" not in content:
        supplied = ItemStatus.SUPPLIED.value
        return {**content, "items": [{"item": number, "status": supplied} for number in held.progress.open_items]}
    numbers = [part["item"] for part in content["items"]]
    for number in numbers:
        if not 1 <= number <= len(items):
            raise Contradiction("items", f"there is no item {number}; this request has {len(items)}")
    if len(set(numbers)) != len(numbers):
        raise Contradiction("items", "an item stands twice; name each once")
    says_something = bool(not is_blank(content.get("text")) or content.get("attachments"))
    for part in content["items"]:
        if part["status"] == ItemStatus.DECLINED and is_blank(part.get("reason")):
            raise Contradiction("items", f"item {part['item']} is declined without a reason; say why")
        with_it = not is_blank(part.get("text")) or part.get("document_number")
        if part["status"] == ItemStatus.SUPPLIED and not (with_it or says_something):
            raise Contradiction("items", f"item {part['item']} comes with nothing: give text, document number or file")
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


def _least(then: Mapping[int, Decimal], still: Mapping[int, Decimal]) -> dict[int, Decimal]:
    """Of each line what was left then and is left still."""
    return {line: min(quantity, still[line]) for line, quantity in then.items() if line in still}


def _fit_packed(content: dict[str, Any], held: _Held) -> dict[str, Any]:
    if held.progress.detail.get("logger_required") and not content.get("logger_serials"):
        raise Contradiction("logger_serials", "a temperature logger is required: give the serial number of each")
    if "packed_at" in content:
        _done_at("packed_at", content["packed_at"], held)
    content = _fit_lines(content, _least(held.progress.left_to_pack, held.known.unpacked), "packed")
    if not (content.get("lots_or_kits") or "").strip():
        for part in content["lines"]:
            if not (part.get("lots_or_kits") or "").strip():
                raise Contradiction("lines", f"line {part['line']} names no lot and no kits; say which were packed")
    return content


def _fit_dispatched(content: dict[str, Any], held: _Held) -> dict[str, Any]:
    content = {"dispatched_at": held.at.isoformat(), **content}
    dispatched_at = _done_at("dispatched_at", content["dispatched_at"], held)
    zone = held.progress.destination_zone
    if end_of_day(date.fromisoformat(content["expected_delivery_on"]), zone) < dispatched_at:
        raise Contradiction("expected_delivery_on", "lies before the dispatch")
    same = _told_later(content, held)
    if same is not None:
        return _fit_told_later(content, same)
    packed = _least(held.progress.packed_to_send, held.known.packed_to_send)
    left = _least(held.progress.left_to_send, held.known.left_to_send)
    content = _fit_lines(content, packed or left if "lines" not in content else left, "dispatched")
    lines = [_with_packed_lots(part, packed, held.progress) for part in content["lines"]]
    return {**content, "lines": lines, "consignment": held.next_consignment}


def _with_packed_lots(part: dict[str, Any], packed: Mapping[int, Decimal], progress: Progress) -> dict[str, Any]:
    """A dispatched line with its lots, where exactly what was packed of it goes and it names none itself."""
    lots = progress.packed_lots.get(part["line"], ())
    is_all = Decimal(part["quantity"]) == packed.get(part["line"])
    return {**part, "lots_or_kits": ", ".join(lots)} if lots and is_all and not part.get("lots_or_kits") else part


def _told_later(content: Mapping[str, Any], held: _Held) -> Consignment | None:
    """The consignment that an act written down late is about, if the sponsor was told of it later in another way.

    It is the one named, or the one with the same tracking number.
    """
    before = {each.number for each in held.progress.consignments}
    later = [each for each in held.known.consignments if each.number not in before]
    number = content.get("consignment")
    if number is None:
        return next((each for each in later if each.tracking_number == content["tracking_number"]), None)
    if number == held.next_consignment:
        return None
    found = next((each for each in later if each.number == number), None)
    if found is None:
        why_not = "had been dispatched before" if number in before else "does not exist"
        raise Contradiction("consignment", f"{number} {why_not}; leave it out for goods not told of yet")
    return found


def _fit_told_later(content: Mapping[str, Any], same: Consignment) -> dict[str, Any]:
    lines = [{"line": line, "quantity": str(quantity)} for line, quantity in same.quantities.items()]
    given = content.get("lines", lines)
    if {part["line"]: Decimal(part["quantity"]) for part in given} != dict(same.quantities):
        raise Contradiction("lines", f"are not those of consignment {same.number}, told of later; leave them out")
    return {**content, "lines": given, "consignment": same.number}


def _fit_delivered(content: dict[str, Any], held: _Held) -> dict[str, Any]:
    progress = held.progress
    awaited = (*progress.under_way, *progress.unconfirmed) if held.is_cmo else progress.under_way
    consignment = _chosen(content, awaited, progress, "is not under way")
    content = {"delivered_at": held.at.isoformat(), **content, "consignment": consignment.number}
    if _done_at("delivered_at", content["delivered_at"], held) < consignment.dispatched_at:
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
    out = [t for t in (low, high) if t is not None and not _lies_within(t, least, most)]
    if readout is Readout.IN_RANGE and out:
        raise Contradiction(
            "readout", f"{out[0]} °C lies outside the storage condition: say excursion, or check that it is in °C"
        )


def _lies_within(temperature: float, least: float | None, most: float | None) -> bool:
    return (least is None or least <= temperature) and (most is None or temperature <= most)


def _fit_lost(content: dict[str, Any], held: _Held) -> dict[str, Any]:
    chosen = _chosen(content, held.progress.under_way, held.progress, "is not under way")
    return {**content, "consignment": chosen.number}


def _fit_decided(content: dict[str, Any], held: _Held) -> dict[str, Any]:
    chosen = _chosen(content, held.progress.undecided, held.progress, "awaits no decision")
    if chosen.lost_at is not None and content["disposition"] == Disposition.USABLE:
        raise Contradiction("disposition", f"consignment {chosen.number} is lost, so it cannot be usable")
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


def _fit_reopened(content: dict[str, Any], held: _Held) -> dict[str, Any]:
    ended_at = held.progress.ended_at
    if ended_at is not None and held.at - ended_at > REOPENED_WITHIN:
        raise Contradiction("reason", "it was closed more than 30 days ago; file a new request with this as its parent")
    return content


def _fit_waiting(content: dict[str, Any], held: _Held) -> dict[str, Any]:
    """A wait ends by itself; all waits of a request together are bounded by the tightest cap of its clocks."""
    at, terms = held.at, held.terms
    until = datetime.fromisoformat(content["until"])
    if until <= at:
        raise Contradiction("until", "must lie in the future")
    caps = [clock.pause_cap for clock in terms.clocks.values() if clock.pause_cap is not None]
    if not caps:
        raise Contradiction("until", f"the policy '{terms.policy_name}' does not let clocks wait for a third party")
    left = min(caps) - held.known.waited
    if until - at > left:
        minutes = max(0, left // timedelta(minutes=1))
        more = f"{minutes // 60} hours" if minutes >= 60 else f"{minutes} minutes"
        raise Contradiction("until", f"lies too far ahead: by the policy, waits may last {more} more in all")
    return {**content, "until": until.astimezone(UTC).isoformat()}


def _done_at(name: str, value: str, held: _Held) -> datetime:
    """The instant at which something was done: after the filing, and not in the future."""
    moment = datetime.fromisoformat(value)
    if moment > held.at:
        raise Contradiction(name, "lies in the future; say it once it is done")
    if held.progress.filed_at is not None and moment < held.progress.filed_at:
        raise Contradiction(name, "lies before the request was filed")
    return moment


_CHECKS: Mapping[FactKind, Callable[[dict[str, Any], _Held], dict[str, Any]]] = {
    FactKind.ANSWERED: _fit_answer,
    FactKind.PACKED: _fit_packed,
    FactKind.DISPATCHED: _fit_dispatched,
    FactKind.DELIVERED: _fit_delivered,
    FactKind.LOST: _fit_lost,
    FactKind.DECIDED: _fit_decided,
    FactKind.REOPENED: _fit_reopened,
    FactKind.WAITING: _fit_waiting,
}
