"""The script: who does what and when, before the visitor comes and while they watch, and who stays silent."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from itertools import cycle
from typing import Any

from slamon.demo.asks import Ask
from slamon.demo.cast import LEAD
from slamon.demo.extract import draw_delay
from slamon.domain.lifecycle import Action, RequestType
from slamon.domain.priority import Priority

SHIPMENT, DATA, INQUIRY = RequestType.SHIPMENT, RequestType.DATA, RequestType.INQUIRY
CIPLA, AUROBINDO = "Cipla, Goa, India", "Aurobindo Unit III, India"
ASPEN, BMS = "Aspen-OSD, Port Elizabeth, SA", "BMS Meymac, France"
ABBVIE, GSK = "ABBVIE Ludwigshafen Germany", "GSK Ware (UK)"
MSD, TRINITY = "MSD South Granville Australia", "Trinity Biotech, Plc"
INVERNESS, CHEMBIO = "Inverness Japan", "Chembio Diagnostics Sys. Inc."
KHB = "KHB Test Kit Facility, Shanghai China"

SILENT_SITES = frozenset({ASPEN, MSD, KHB})
EVERY_HOURS = 18
MOST_FILED_LATER = 40
HOUR = timedelta(hours=1)
TO_FOLLOW = (2 * HOUR, 36 * HOUR)  # from receipt to answer: far enough apart to see both
ANY_TIME = (timedelta.min, timedelta.max)
CONTACT, MANAGER = "contact", "manager"


class Star(StrEnum):
    """The two requests whose fate the start page follows."""

    ANSWERED = "answered"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Act:
    """Something done `at` so many hours after the start, by the contact, the project manager or whom that address is.

    Before the start it is done by the real use cases; after it, contacts send the real web form, with `text` alone.
    """

    at: float
    who: str
    action: Action
    text: str = ""
    reason: str = ""
    particulars: Mapping[str, Any] = field(default_factory=dict)
    days: Mapping[str, int] = field(default_factory=dict)  # civil dates, in days from the act


@dataclass(frozen=True, slots=True)
class Scene:
    """One request, filed `at` so many hours after the visitor came, and all that the cast does with it."""

    ask: Ask
    at: float
    acts: tuple[Act, ...] = ()
    star: Star | None = None


def opening(seed: int = 1) -> list[Scene]:
    """The scenes every demo begins with; the same seed draws the same delays."""
    chance = random.Random(seed)  # noqa: S311  a play, no secret
    return [*_past(), *_under_way(chance), *_to_come(chance)]


def later(seed: int = 1) -> Iterator[Scene]:
    """Further requests, one after another, so that the demo stays alive; their delays are any of the real log's."""
    chance = random.Random(seed + 1)  # noqa: S311
    sites = cycle((AUROBINDO, GSK, INVERNESS, ASPEN, CIPLA, TRINITY, ABBVIE, CHEMBIO, BMS, KHB))
    kinds = cycle((SHIPMENT, DATA, INQUIRY, SHIPMENT))
    for count in range(MOST_FILED_LATER):
        ask, at = Ask(next(kinds), next(sites), order=count), float(36 + EVERY_HOURS * count)
        does = Action.CONFIRM_ORDER if ask.type is SHIPMENT else Action.ANSWER
        is_silent = ask.site in SILENT_SITES
        acts = () if is_silent else _drawn(chance, at, (0, 720), does, _ANSWER[ask.type], apart=ANY_TIME)
        yield Scene(ask, at, acts)


def _past() -> list[Scene]:
    """Finished, or waiting for the sponsor: what a list looks like on an ordinary day."""
    return [
        Scene(Ask(SHIPMENT, AUROBINDO, 4), -124, (
            Act(-121, CONTACT, Action.ACKNOWLEDGE),
            Act(-118, CONTACT, Action.CONFIRM_ORDER, "Both pallets can leave tomorrow.", days={"planned_ship_on": 1}),
            Act(-101, CONTACT, Action.CONFIRM_PACKED, particulars={"lots_or_kits": "Pallets 1 and 2"}),
            Act(-96, CONTACT, Action.CONFIRM_DISPATCH, particulars=_AIR, days={"expected_delivery_on": 2}),
            Act(-50, CONTACT, Action.CONFIRM_DELIVERY, particulars=_ARRIVED),
            Act(-47, MANAGER, Action.ACCEPT),
        )),
        Scene(Ask(SHIPMENT, GSK, 2), -100, (
            Act(-96, CONTACT, Action.CONFIRM_ORDER, days={"planned_ship_on": 1}),
            Act(-72, CONTACT, Action.CONFIRM_DISPATCH, particulars=_AIR, days={"expected_delivery_on": 4}),
        )),
        Scene(Ask(SHIPMENT, INVERNESS, 1), -44, (
            Act(-41, CONTACT, Action.ACKNOWLEDGE),
            Act(
                -22, CONTACT, Action.CONFIRM_ORDER, "Our cold room is being serviced: two days later is possible.",
                days={"planned_ship_on": 11},
            ),
        )),
        Scene(Ask(INQUIRY, INVERNESS, 3, "schedule_capacity"), -110, (
            Act(-101.5, CONTACT, Action.ANSWER, "Yes, the slot is firm. We start on Monday."),
        )),
        Scene(Ask(DATA, CIPLA, 2, "storage_temperature"), -97, (
            Act(-81, CONTACT, Action.ACKNOWLEDGE),
            Act(-46, LEAD, Action.TAKE),
            Act(-31, CONTACT, Action.ANSWER, "The logger was at our depot; its read-out is in your data room."),
        )),
        Scene(Ask(DATA, BMS, 4, "coa"), -92, (
            Act(-90, CONTACT, Action.ACKNOWLEDGE),
            Act(-76, CONTACT, Action.ANSWER, "The certificate is in your data room."),
            Act(-70, MANAGER, Action.REJECT, reason="That certificate belongs to another lot. Please send ours."),
        )),
        Scene(Ask(INQUIRY, GSK, 1, "technical"), -63, (
            Act(-55, CONTACT, Action.DECLINE, reason="Tooling drawings are not covered by our agreement."),
        )),
        Scene(Ask(INQUIRY, AUROBINDO, 2, "logistics"), -60, (
            Act(-58, MANAGER, Action.CANCEL, reason="Filed twice; the first one stands."),
        )),
        Scene(Ask(SHIPMENT, BMS, 2), -52, (
            Act(-49, CONTACT, Action.ACKNOWLEDGE),
            Act(-37, CONTACT, Action.ASK, "Should the cartons carry the French label or the bilingual one?"),
        )),
    ]  # fmt: skip


def _under_way(chance: random.Random) -> list[Scene]:
    """Open when the visitor comes: some about to be answered, some about to be escalated."""
    return [
        Scene(Ask(DATA, KHB, 0, "deviation_report"), -86),
        Scene(Ask(SHIPMENT, MSD, 0), -38.5),
        Scene(Ask(SHIPMENT, CHEMBIO, 1), -31, (
            Act(-29, CONTACT, Action.ACKNOWLEDGE),
            Act(13, CONTACT, Action.CONFIRM_ORDER, "The courier comes at ten on that day."),
        )),
        Scene(Ask(INQUIRY, ABBVIE, 1, "quality"), -20, (Act(-16, CONTACT, Action.ACKNOWLEDGE),)),
        Scene(Ask(SHIPMENT, ASPEN, 1), -19, star=Star.SILENT),
        Scene(Ask(SHIPMENT, CIPLA, 0, priority=Priority.URGENT), -5, _drawn(chance, -5, (9, 14))),
        Scene(
            Ask(SHIPMENT, AUROBINDO, 3), -3,
            _drawn(chance, -3, (10, 20), Action.ASK, "Which lot shall we take first?"),
        ),
    ]  # fmt: skip


def _to_come(chance: random.Random) -> list[Scene]:
    """Filed while the visitor watches."""
    return [
        Scene(
            Ask(DATA, TRINITY, 3, "coa"), 1,
            _drawn(chance, 1, (2, 5), Action.ANSWER, "The certificate of analysis is in your data room."),
            star=Star.ANSWERED,
        ),
        Scene(
            Ask(INQUIRY, CHEMBIO, 3, "logistics"), 14,
            _drawn(chance, 14, (2, 5), Action.ANSWER, _ANSWER[INQUIRY]),
        ),
        Scene(Ask(SHIPMENT, GSK, 4), 22, _drawn(chance, 22, (4, 16))),
    ]  # fmt: skip


_AIR = {"courier": "World Courier", "service": "Temperature controlled", "tracking_number": "020-4417 2209"}
_ARRIVED = {"received_by": "Goods receiving", "condition": "intact"}
_ANSWER = {
    SHIPMENT: "Confirmed as ordered; the shipping papers follow with the courier's number.",
    DATA: "The document is in your data room.",
    INQUIRY: "Yes. Our planner will keep you posted.",
}


def _drawn(
    chance: random.Random,
    filed: float,
    acknowledged: tuple[float, float],
    then: Action | None = None,
    words: str = "",
    *,
    apart: tuple[timedelta, timedelta] = TO_FOLLOW,
) -> tuple[Act, ...]:
    """What a contact does with the delays of one request of the real log, `acknowledged` from and to so many hours.

    Whoever does the rest at once need not confirm receipt first.
    """
    least, most = (timedelta(hours=hours) for hours in acknowledged)
    delay = draw_delay(chance, least=least, most=most, apart=apart if then else ANY_TIME)
    receipt = Act(filed + delay.to_acknowledgement / HOUR, CONTACT, Action.ACKNOWLEDGE)
    if then is None:
        return (receipt,)
    rest = Act(filed + delay.to_answer / HOUR, CONTACT, then, words)
    return (rest,) if rest.at - receipt.at < 0.5 else (receipt, rest)
