"""What may be done with a request, by whom, and where it leads: what all request types have in common.

Each type has its own table of rules (`slamon.domain.types`); a pair of state and action that is not in it is refused
and changes nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from slamon.domain.actions.parts import Said
from slamon.domain.normal_form import is_blank
from slamon.domain.progress import Progress
from slamon.domain.timeline import CMO_ROLES, Role


class RequestType(StrEnum):
    """Names of types for code that means one of them; which there are says the catalogue."""

    SHIPMENT = "shipment"
    DATA = "data"
    INQUIRY = "inquiry"

    __hash__ = str.__hash__  # so that a name from elsewhere finds it in a mapping


class State(StrEnum):
    FILED = "filed"
    ACKNOWLEDGED = "acknowledged"
    AWAITING_SPONSOR = "awaiting_sponsor"
    PARTLY_ANSWERED = "partly_answered"
    ANSWERED = "answered"
    CONFIRMED = "confirmed"
    PARTLY_DISPATCHED = "partly_dispatched"
    DISPATCHED = "dispatched"
    PARTLY_DELIVERED = "partly_delivered"
    DELIVERED = "delivered"
    IN_REVIEW = "in_review"
    DECLINED = "declined"
    CLOSED = "closed"
    CANCELLED = "cancelled"


ENDED = frozenset({State.CLOSED, State.CANCELLED})
OPEN_STATES = frozenset(State) - ENDED
# The sponsor must move; in every other open state the CMO must.
SPONSORS_TURN = frozenset(
    {State.AWAITING_SPONSOR, State.ANSWERED, State.DELIVERED, State.IN_REVIEW, State.DECLINED}
)  # fmt: skip


class Action(StrEnum):
    """The actions that slamon ships, by name; a catalogue may have more, so an action is any text."""

    ACKNOWLEDGE = "acknowledge"
    ASK = "ask"
    REPLY = "reply"
    ANSWER = "answer"
    RESPOND = "respond"
    CONFIRM_ORDER = "confirm_order"
    AGREE = "agree"
    REFUSE = "refuse"
    CONFIRM_PACKED = "confirm_packed"
    CONFIRM_DISPATCH = "confirm_dispatch"
    CONFIRM_DELIVERY = "confirm_delivery"
    REPORT_LOST = "report_lost"
    DECIDE = "decide"
    DECLINE = "decline"
    WAIT = "wait"
    RESUME = "resume"
    FOLLOW_UP = "follow_up"
    ACCEPT = "accept"
    REJECT = "reject"
    REOPEN = "reopen"
    AMEND = "amend"
    CORRECT = "correct"
    HAND_ON = "hand_on"
    CANCEL = "cancel"
    TAKE = "take"

    __hash__ = str.__hash__  # so that a name from elsewhere finds it in a mapping


CMO = CMO_ROLES
SPONSOR = frozenset({Role.PROJECT_MANAGER, Role.LEAD, Role.QUALITY})
OWNERS = frozenset({Role.PROJECT_MANAGER, Role.LEAD})
QUALITY = frozenset({Role.QUALITY})
ESCALATED_TO = frozenset({Role.LEAD, Role.HEAD})
FILERS = SPONSOR
ACTORS = CMO | SPONSOR | ESCALATED_TO  # who may act at all, on a request of some type in some state


class When(StrEnum):
    """A condition on the progress a request has made, in words."""

    A_DATE_IS_PROPOSED = "a ship date is proposed"
    A_QUESTION_IS_OPEN = "a question is open"
    A_MESSAGE_IS_UNANSWERED = "a message of the sponsor is unanswered"
    A_THIRD_PARTY_IS_WAITED_FOR = "a third party is waited for"
    SOMETHING_IS_OWED = "an item is still owed"
    SOMETHING_IS_SUPPLIED = "an item is supplied or declined"
    SOMETHING_IS_LEFT_TO_SEND = "something is left to send"
    A_CONSIGNMENT_IS_UNDER_WAY = "a consignment is under way"
    THE_CMO_OWES_ITS_WORD = "a delivery is on the destination's word alone"
    A_DELIVERY_IS_UNCONFIRMED = "a consignment is under way, or a delivery on the destination's word alone"
    A_DECISION_IS_PENDING = "a decision is pending"
    ONLY_DECISIONS_ARE_PENDING = "everything has arrived or is lost, and a decision is pending"
    ALL_IS_LOST = "every consignment is lost"
    ALL_HAS_ARRIVED = "every line is covered and nothing is under way"
    ALL_IS_SENT = "every line is covered"
    OTHERWISE = "otherwise"

    def holds(self, progress: Progress) -> bool:
        return _HOLDS[self](progress)


_HOLDS: Mapping[When, Callable[[Progress], bool]] = {
    When.A_DATE_IS_PROPOSED: lambda p: p.proposed_ship_on is not None,
    When.A_QUESTION_IS_OPEN: lambda p: p.has_question,
    When.A_MESSAGE_IS_UNANSWERED: lambda p: p.has_unanswered,
    When.A_THIRD_PARTY_IS_WAITED_FOR: lambda p: p.waits_until is not None,
    When.SOMETHING_IS_OWED: lambda p: bool(p.open_items),
    When.SOMETHING_IS_SUPPLIED: lambda p: len(p.open_items) < len(p.items),
    When.SOMETHING_IS_LEFT_TO_SEND: lambda p: bool(p.left_to_send),
    When.A_CONSIGNMENT_IS_UNDER_WAY: lambda p: bool(p.under_way),
    When.THE_CMO_OWES_ITS_WORD: lambda p: bool(p.unconfirmed),
    When.A_DELIVERY_IS_UNCONFIRMED: lambda p: bool(p.under_way or p.unconfirmed),
    When.A_DECISION_IS_PENDING: lambda p: bool(p.undecided),
    When.ONLY_DECISIONS_ARE_PENDING: lambda p: bool(p.undecided) and p.has_all_arrived,
    When.ALL_IS_LOST: lambda p: p.is_all_lost,
    When.ALL_HAS_ARRIVED: lambda p: p.has_all_arrived,
    When.ALL_IS_SENT: lambda p: bool(p.consignments) and not p.left_to_send,
    When.OTHERWISE: lambda _: True,
}

Ways = tuple[tuple[When, State], ...]  # the first whose condition holds


@dataclass(frozen=True, slots=True)
class Rule:
    """Where an action leads, who may take it, and which fields it cannot do without.

    `only` narrows it to some progress of the request; without that the pair counts as not listed. `sponsor_only`
    narrows it further for the sponsor's own people.
    """

    to: State | Ways
    who: frozenset[Role]
    needs: tuple[str, ...] = ()
    only: When | None = None
    sponsor_only: When | None = None

    def given(self, progress: Progress) -> "Rule | None":
        """The rule as it holds with this progress, for those who may act by it then; None where nobody may."""
        if self.only is not None and not self.only.holds(progress):
            return None
        if self.sponsor_only is None or self.sponsor_only.holds(progress):
            return self
        return replace(self, who=self.who & CMO) if self.who & CMO else None

    def state_after(self, progress: Progress) -> State:
        """Where it leads; `progress` includes the act."""
        if isinstance(self.to, State):
            return self.to
        return next(state for when, state in self.to if when.holds(progress))

    def missing(self, said: Said) -> str | None:
        """The first of its needs that is not said; `a|b` where either would do."""
        for need in self.needs:
            if all(is_blank(str(getattr(said, name, None) or "")) for name in need.split("|")):
                return need
        return None

    @property
    def states(self) -> tuple[State, ...]:
        """Every state it may lead to."""
        return (self.to,) if isinstance(self.to, State) else tuple(state for _, state in self.to)


Table = Mapping[tuple[State, str], Rule]


def in_states(
    states: Iterable[State],
    action: str,
    to: State | tuple[tuple[When, State | None], ...] | None,
    who: frozenset[Role],
    *needs: str,
    only: When | None = None,
    sponsor_only: When | None = None,
) -> Table:
    """The same action in several states; where it leads to None, the state stays."""

    def leads_to(state: State) -> State | Ways:
        return tuple((when, way or state) for when, way in to) if isinstance(to, tuple) else to or state

    return {(state, action): Rule(leads_to(state), who, needs, only, sponsor_only) for state in states}


# What becomes of a draft, by its author alone; None: it is deleted. It has no timeline yet, so no rule above applies.
OF_A_DRAFT: Mapping[str, State | None] = {"file": State.FILED, "discard": None}


class Parts(StrEnum):
    """What a request is answered by, part by part; the value is the field of its detail that lists them."""

    LINES = "lines"  # goods, which leave in consignments
    ITEMS = "items"  # data, each supplied under the number of a document, or declined
    QUESTIONS = "questions"  # each answered in words, or declined


def _nothing(_: Mapping[str, Any]) -> tuple[Any, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class RequestTypeDefinition:
    """One request type: what decides about its requests. What they ask for stands in the model that `body` names.

    `name` has 16 characters at most, `prefix`, which begins its numbers, four. `clocks` are those that its requests
    can have. `kinds` are what policy lines tell apart within the type, `kinds_in` gives those that a detail names.
    """

    name: str
    prefix: str
    body: str  # the model of the API, as `module:class`; rooms above load it
    parts: Parts
    rules: Table
    clocks: frozenset[str]
    # Where an act leads that was on record already when an earlier one was written down late, from a state in which it
    # would not have been possible: what was done stays done. An act that is not listed leaves that state alone.
    already_done: Table = field(default_factory=dict)
    # What happens with nobody doing it, once nobody has objected for long enough (`slamon.domain.clocks.auto_close`).
    by_itself: Table = field(default_factory=dict)
    closes_gxp_by_itself: bool = True
    kinds: tuple[str, ...] = ()
    kinds_in: Callable[[Mapping[str, Any]], Iterable[str]] = _nothing
    # Fields of the detail that an amendment may change: single ones as a whole, of rows the columns named here. Of what
    # the model checks across fields, an amendment is held to `days_in_order` alone.
    amendable: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    # The field of the detail with the day by which it is needed: not over when it is filed, and the deadline of the
    # fulfilment clock where the request itself has no `due_on`.
    due_day: str | None = None
    # Pairs of fields of the detail that hold days, of which the first must not lie after the second.
    days_in_order: tuple[tuple[str, str], ...] = ()
    # What tells that two requests ask for the same: ("lot", "A17"), ("order number", "IRT-1").
    marks: Callable[[Mapping[str, Any]], Iterable[tuple[str, str | None]]] = _nothing

    @property
    def states(self) -> tuple[State, ...]:
        """Every state that its requests can be in."""
        reached = {State.FILED, *(state for rule in self.rules.values() for state in rule.states)}
        return tuple(state for state in State if state in reached)

    def kinds_of(self, detail: Mapping[str, Any]) -> tuple[str, ...]:
        """The kinds that a request asks for, each once."""
        return tuple(sorted(set(self.kinds_in(detail))))

    def kind_of(self, detail: Mapping[str, Any]) -> str | None:
        """The one kind by which policy lines find a request; None where it asks for none or for several."""
        kinds = self.kinds_of(detail)
        return kinds[0] if len(kinds) == 1 else None
