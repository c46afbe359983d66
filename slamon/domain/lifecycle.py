"""What may be done with a request, by whom, and where it leads: one table a request type.

A pair of state and action that is not in the table is refused and changes nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from slamon.domain.actions.parts import Said
from slamon.domain.normal_form import is_blank
from slamon.domain.progress import Progress
from slamon.domain.terms import ClockKind
from slamon.domain.timeline import CMO_ROLES, Role


class RequestType(StrEnum):
    SHIPMENT = "shipment"
    DATA = "data"
    INQUIRY = "inquiry"

    __hash__ = str.__hash__  # so that a name from elsewhere finds it in a mapping


# Which clocks a request of a type can have.
_FOR_INFORMATION = frozenset(
    {ClockKind.ACKNOWLEDGEMENT, ClockKind.ANSWER, ClockKind.REPLY, ClockKind.FULFILMENT, ClockKind.PROMISE,
     ClockKind.SPONSOR}
)  # fmt: skip
CLOCKS: Mapping[RequestType, frozenset[ClockKind]] = {
    RequestType.SHIPMENT: frozenset(ClockKind) - {ClockKind.ANSWER},
    RequestType.DATA: _FOR_INFORMATION,
    RequestType.INQUIRY: _FOR_INFORMATION,
}


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

_F, _A, _W = State.FILED, State.ACKNOWLEDGED, State.AWAITING_SPONSOR
_P, _N, _D = State.PARTLY_ANSWERED, State.ANSWERED, State.DECLINED
_K, _PD, _DS = State.CONFIRMED, State.PARTLY_DISPATCHED, State.DISPATCHED
_PV, _V, _R = State.PARTLY_DELIVERED, State.DELIVERED, State.IN_REVIEW
_C, _X = State.CLOSED, State.CANCELLED


def _in(
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


_TALK: Table = {
    **_in([_F], Action.ACKNOWLEDGE, _A, CMO),
    **_in([_F, _A], Action.DECLINE, _D, CMO, "reason"),
    **_in([_D], Action.ACCEPT, _C, SPONSOR),
    **_in([_D], Action.REJECT, _A, SPONSOR, "reason"),
}
_INFORMATION_OPEN = [_F, _A, _W, _P, _N, _D]
_SHIPMENT_OPEN = [_F, _A, _W, _K, _PD, _DS, _PV, _V, _R, _D]


def _everywhere(states: list[State]) -> Table:
    """What does not depend on how far the request has come."""
    running = [state for state in states if state not in (_N, _V, _R, _D)]
    moving = [state for state in running if state not in (_F, _W)]
    return {
        **_in(states, Action.FOLLOW_UP, None, SPONSOR, "text"),
        **_in(moving, Action.RESPOND, None, CMO, "text"),
        **_in([state for state in states if state not in moving], Action.RESPOND, None, CMO, "text",
              only=When.A_MESSAGE_IS_UNANSWERED),
        **_in(running, Action.HAND_ON, None, CMO, "name", "email"),
        **_in(moving, Action.WAIT, None, CMO | OWNERS, "reason", "until"),
        **_in(moving, Action.RESUME, None, CMO | OWNERS, only=When.A_THIRD_PARTY_IS_WAITED_FOR),
        **_in(states, Action.CORRECT, None, CMO | SPONSOR, "corrects", "text"),
        **_in([state for state in states if state is not _D], Action.TAKE, None, ESCALATED_TO),
    }  # fmt: skip


_ANSWERING: Ways = ((When.SOMETHING_IS_OWED, _P), (When.OTHERWISE, _N))
_ANSWERED: Ways = ((When.SOMETHING_IS_OWED, _A), (When.OTHERWISE, _N))  # of an inquiry
_BACK: Ways = ((When.SOMETHING_IS_SUPPLIED, _P), (When.OTHERWISE, _A))


def _information(answering: Ways, back: Ways | State) -> Table:
    return {
        **_TALK,
        **_in([_F, _A, _P], Action.ASK, _W, CMO, "text"),
        **_in([_W], Action.REPLY, back, SPONSOR, "text"),
        **_in([_F, _A, _P], Action.ANSWER, answering, CMO, "text|items|attachments"),
        **_in([_N], Action.ACCEPT, _C, SPONSOR),
        **_in([_N], Action.REJECT, _A, SPONSOR, "reason"),
        **_in([_F, _A, _W, _P], Action.AMEND, None, SPONSOR, "reason", "changes"),
        **_in([_F, _A, _W, _P], Action.CANCEL, _X, OWNERS, "reason"),
        **_in([_C], Action.REOPEN, _A, OWNERS, "reason"),
        **_everywhere(_INFORMATION_OPEN),
    }


_DELIVERY = ("received_by", "condition")
_ARRIVING = ((When.ONLY_DECISIONS_ARE_PENDING, _R), (When.ALL_HAS_ARRIVED, _V), (When.OTHERWISE, _PV))
_DISPATCH = ("courier", "tracking_number", "expected_delivery_on")
_SHIPMENT: Table = {
    **_TALK,
    **_in([_F, _A], Action.ASK, _W, CMO, "text"),
    **_in([_W], Action.REPLY, _A, SPONSOR, "text", only=When.A_QUESTION_IS_OPEN),
    **_in([_F, _A], Action.CONFIRM_ORDER, ((When.A_DATE_IS_PROPOSED, _W), (When.OTHERWISE, _K)), CMO,
          "planned_ship_on"),
    **_in([_W], Action.AGREE, _K, OWNERS, only=When.A_DATE_IS_PROPOSED),
    **_in([_W], Action.REFUSE, _A, OWNERS, "reason", only=When.A_DATE_IS_PROPOSED),
    **_in([_K, _PD], Action.CONFIRM_PACKED, None, CMO, "lots_or_kits|lines"),
    **_in([_PV], Action.CONFIRM_PACKED, None, CMO, "lots_or_kits|lines", only=When.SOMETHING_IS_LEFT_TO_SEND),
    **_in([_K, _PD], Action.CONFIRM_DISPATCH, ((When.ALL_IS_SENT, _DS), (When.OTHERWISE, _PD)), CMO, *_DISPATCH),
    **_in([_PV], Action.CONFIRM_DISPATCH, None, CMO, *_DISPATCH, only=When.SOMETHING_IS_LEFT_TO_SEND),
    **_in([_PD], Action.CONFIRM_DELIVERY, _PV, CMO | OWNERS, *_DELIVERY, only=When.A_CONSIGNMENT_IS_UNDER_WAY),
    **_in([_DS], Action.CONFIRM_DELIVERY, _ARRIVING, CMO | OWNERS, *_DELIVERY, only=When.A_CONSIGNMENT_IS_UNDER_WAY),
    **_in([_PV], Action.CONFIRM_DELIVERY, _ARRIVING, CMO | OWNERS, *_DELIVERY,
          only=When.A_DELIVERY_IS_UNCONFIRMED, sponsor_only=When.A_CONSIGNMENT_IS_UNDER_WAY),
    **_in([_V, _R], Action.CONFIRM_DELIVERY, ((When.ONLY_DECISIONS_ARE_PENDING, _R), (When.OTHERWISE, _V)), CMO,
          *_DELIVERY, only=When.THE_CMO_OWES_ITS_WORD),
    **_in([_PD], Action.REPORT_LOST, None, CMO | OWNERS, "text", only=When.A_CONSIGNMENT_IS_UNDER_WAY),
    **_in([_DS, _PV], Action.REPORT_LOST, ((When.ONLY_DECISIONS_ARE_PENDING, _R), (When.OTHERWISE, None)),
          CMO | OWNERS, "text", only=When.A_CONSIGNMENT_IS_UNDER_WAY),
    **_in([_PD, _DS, _PV], Action.DECIDE, None, QUALITY, "disposition", "reason", only=When.A_DECISION_IS_PENDING),
    **_in([_R], Action.DECIDE,
          ((When.A_DECISION_IS_PENDING, _R), (When.ALL_IS_LOST, _C), (When.OTHERWISE, _V)),
          QUALITY, "disposition", "reason"),
    **_in([_V], Action.ACCEPT, _C, OWNERS),
    **_in([_F, _A, _W, _K], Action.AMEND, None, SPONSOR, "reason", "changes"),
    **_in([_F, _A, _W, _K], Action.CANCEL, _X, OWNERS, "reason"),
    **_everywhere(_SHIPMENT_OPEN),
}  # fmt: skip

LIFE_CYCLE: Mapping[RequestType, Table] = {
    RequestType.SHIPMENT: _SHIPMENT,
    RequestType.DATA: _information(_ANSWERING, _BACK),
    RequestType.INQUIRY: _information(_ANSWERED, _A),
}

# What becomes of a draft, by its author alone; None: it is deleted. It has no timeline yet, so no rule above applies.
OF_A_DRAFT: Mapping[str, State | None] = {"file": State.FILED, "discard": None}

# What happens with nobody doing it, once nobody has objected for long enough (`slamon.domain.clocks.auto_close`).
_UNOPPOSED: Table = {(_N, Action.ACCEPT): Rule(_C, frozenset({Role.SYSTEM}))}
BY_ITSELF: Mapping[RequestType, Table] = {RequestType.DATA: _UNOPPOSED, RequestType.INQUIRY: _UNOPPOSED}


# Where an act leads that was on record already when an earlier one was written down late, from a state in which it
# would not have been possible: what was done stays done. An act that is not listed leaves that state alone.
_ALREADY_DONE: Table = {
    **_in([*OPEN_STATES], Action.ACCEPT, _C, SPONSOR),
    **_in([*OPEN_STATES], Action.CANCEL, _X, OWNERS),
    **_in([_W, _P, _N, _K], Action.DECLINE, _D, CMO),
}


def _information_done(answering: Ways) -> Table:
    return {
        **_ALREADY_DONE,
        **_in([_W], Action.ANSWER, answering, CMO),
        **_in([_D], Action.ANSWER, ((When.SOMETHING_IS_OWED, _D), (When.OTHERWISE, _N)), CMO),
    }


_LOSING: tuple[tuple[When, State | None], ...] = ((When.ONLY_DECISIONS_ARE_PENDING, _R), (When.OTHERWISE, None))
ALREADY_DONE: Mapping[RequestType, Table] = {
    RequestType.SHIPMENT: {
        **_ALREADY_DONE,
        **_in([_W, _K, _D], Action.CONFIRM_ORDER, ((When.A_DATE_IS_PROPOSED, _W), (When.OTHERWISE, _K)), CMO),
        **_in([_PV, _V, _R], Action.CONFIRM_DELIVERY, _ARRIVING, CMO | OWNERS),
        **_in([_PV, _V, _R], Action.REPORT_LOST, _LOSING, CMO | OWNERS),
    },
    RequestType.DATA: _information_done(_ANSWERING),
    RequestType.INQUIRY: _information_done(_ANSWERED),
}


@dataclass(frozen=True, slots=True)
class LifeCycle:
    """What may be done with requests of one type.

    `by_itself` is what happens with nobody doing it; `already_done` where an act leads that was on record when an
    earlier one was written down late.
    """

    table: Table
    already_done: Table
    by_itself: Table


LIFE_CYCLES: Mapping[str, LifeCycle] = {
    name: LifeCycle(table, ALREADY_DONE[name], BY_ITSELF.get(name, {})) for name, table in LIFE_CYCLE.items()
}
