"""The clocks there are: one entry each, with all that the rules know of it. Its words stand in `wording.clocks`."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from slamon.domain.clocks import spells
from slamon.domain.clocks.spells import Spell, TimelineView
from slamon.domain.terms import ClockKind, ClockTerms, Mode, Step, TermsError

_NAME = re.compile(r"[a-z][a-z_]{0,23}")  # a column of 24 characters; a '-' would begin the generation


class PausedBy(Enum):
    """Whom a clock waits for without counting."""

    NOBODY = auto()
    THIRD_PARTIES = auto()
    SPONSOR_AND_THIRD_PARTIES = auto()


@dataclass(frozen=True, slots=True, eq=False)
class ClockDefinition:
    """One kind of clock.

    `spells` says when it runs in a timeline. `is_dated`: it ends on a day somebody named, not after an amount of time.
    `is_the_sponsors`: the sponsor is timed, not the CMO. `is_per_consignment`: its generation is the number of a
    consignment, else of the fact that started it. `presses_always`: the contact is asked for it even while the sponsor
    has to move next. `types` are the request types that can have it beside those that list it themselves.
    """

    name: str
    spells: Callable[[TimelineView], Iterator[Spell]]
    paused_by: PausedBy = PausedBy.NOBODY
    is_the_sponsors: bool = False
    is_dated: bool = False
    is_per_consignment: bool = False
    presses_always: bool = False
    types: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"clock name {self.name!r}: use 1 to 24 of a-z and '_', a letter first")

    @property
    def takes_general_steps(self) -> bool:
        """Whether ladder steps that name no clock are for it: they are for what the CMO owes by the hour."""
        return not self.is_the_sponsors and not self.is_dated

    @property
    def takes_pause_cap(self) -> bool:
        """Whether waits for third parties pause it, so that a policy may bound them."""
        return self.paused_by is not PausedBy.NOBODY


Clocks = Mapping[str, ClockDefinition]
"""The clocks of a catalogue by name, in the order in which people read them."""


def dated(clocks: Clocks) -> frozenset[str]:
    """The names of those that end on a day."""
    return frozenset(name for name, clock in clocks.items() if clock.is_dated)


def refuse_unknown(allowed: Mapping[str, ClockTerms], ladder: Sequence[Step], clocks: Clocks) -> None:
    """Raise TermsError for a clock that is not among `clocks`, and for one whose mode is another's."""
    for where, kinds in (("clocks", allowed), ("ladder.clocks", [kind for step in ladder for kind in step.clocks])):
        unknown = next((kind for kind in kinds if kind not in clocks), None)
        if unknown is not None:
            raise TermsError(where, f"'{unknown}' is no clock; name one of {', '.join(clocks)}")
    for kind, clock in allowed.items():
        if (clock.mode is Mode.DATE) != clocks[kind].is_dated:
            on_a_day = " and ".join(sorted(dated(clocks)))
            raise TermsError(f"clocks.{kind}", f"mode date is for {on_a_day}, and for these alone")


STANDARD_CLOCKS = (
    ClockDefinition(ClockKind.ACKNOWLEDGEMENT.value, spells.acknowledgement),
    ClockDefinition(
        ClockKind.ANSWER.value,
        spells.answer,
        paused_by=PausedBy.SPONSOR_AND_THIRD_PARTIES,
    ),
    ClockDefinition(
        ClockKind.ORDER_CONFIRMATION.value,
        spells.order_confirmation,
        paused_by=PausedBy.SPONSOR_AND_THIRD_PARTIES,
    ),
    # Never paused: whoever was written to can write back.
    ClockDefinition(ClockKind.REPLY.value, spells.reply, presses_always=True),
    ClockDefinition(
        ClockKind.DISPATCH_CONFIRMATION.value,
        spells.dispatch_confirmation,
        paused_by=PausedBy.SPONSOR_AND_THIRD_PARTIES,
        is_per_consignment=True,
    ),
    ClockDefinition(
        ClockKind.DELIVERY_CONFIRMATION.value,
        spells.delivery_confirmation,
        paused_by=PausedBy.THIRD_PARTIES,
        is_per_consignment=True,
        presses_always=True,
    ),
    ClockDefinition(ClockKind.FULFILMENT.value, spells.fulfilment, is_dated=True),
    ClockDefinition(ClockKind.PROMISE.value, spells.promise, is_dated=True),
    ClockDefinition(ClockKind.SPONSOR.value, spells.sponsor, is_the_sponsors=True),
    ClockDefinition(
        ClockKind.EXCURSION_DECISION.value,
        spells.excursion_decision,
        is_the_sponsors=True,
        is_per_consignment=True,
    ),
)
