"""What may be done with a request, by whom, and where it leads: one table a request type.

A pair of state and action that is not in the table is refused and changes nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from slamon.domain.timeline import CMO_ROLES, Actor, FactKind, Role, Timeline


class RequestType(StrEnum):
    SHIPMENT = "shipment"
    DATA = "data"
    INQUIRY = "inquiry"


class State(StrEnum):
    FILED = "filed"
    ACKNOWLEDGED = "acknowledged"
    AWAITING_SPONSOR = "awaiting_sponsor"
    ANSWERED = "answered"
    DECLINED = "declined"
    CLOSED = "closed"
    CANCELLED = "cancelled"


OPEN_STATES = frozenset({State.FILED, State.ACKNOWLEDGED, State.AWAITING_SPONSOR, State.ANSWERED, State.DECLINED})


class Action(StrEnum):
    ACKNOWLEDGE = "acknowledge"
    ASK = "ask"
    REPLY = "reply"
    ANSWER = "answer"
    DECLINE = "decline"
    FOLLOW_UP = "follow_up"
    ACCEPT = "accept"
    REJECT = "reject"
    CANCEL = "cancel"
    TAKE = "take"

    @property
    def fact(self) -> FactKind:
        return _FACT_OF[self]


_FACT_OF = {
    Action.ACKNOWLEDGE: FactKind.ACKNOWLEDGED,
    Action.ASK: FactKind.ASKED,
    Action.REPLY: FactKind.REPLIED,
    Action.ANSWER: FactKind.ANSWERED,
    Action.DECLINE: FactKind.DECLINED,
    Action.FOLLOW_UP: FactKind.FOLLOWED_UP,
    Action.ACCEPT: FactKind.ACCEPTED,
    Action.REJECT: FactKind.REJECTED,
    Action.CANCEL: FactKind.CANCELLED,
    Action.TAKE: FactKind.TAKEN,
}

CMO = CMO_ROLES
SPONSOR = frozenset({Role.PROJECT_MANAGER, Role.LEAD, Role.QUALITY})
OWNERS = frozenset({Role.PROJECT_MANAGER, Role.LEAD})
ESCALATED_TO = frozenset({Role.LEAD, Role.HEAD})
FILERS = SPONSOR


@dataclass(frozen=True, slots=True)
class Rule:
    """Where an action leads, who may take it, and which fields it cannot do without."""

    to: State
    who: frozenset[Role]
    needs: tuple[str, ...] = ()


Table = Mapping[tuple[State, Action], Rule]


_F, _A, _W = State.FILED, State.ACKNOWLEDGED, State.AWAITING_SPONSOR
_N, _D = State.ANSWERED, State.DECLINED
_C, _X = State.CLOSED, State.CANCELLED

_CONVERSATION: Table = {
    (_F, Action.ACKNOWLEDGE): Rule(_A, CMO),
    (_F, Action.ASK): Rule(_W, CMO, ("text",)),
    (_A, Action.ASK): Rule(_W, CMO, ("text",)),
    (_W, Action.REPLY): Rule(_A, SPONSOR, ("text",)),
    (_F, Action.ANSWER): Rule(_N, CMO, ("text",)),
    (_A, Action.ANSWER): Rule(_N, CMO, ("text",)),
    (_F, Action.DECLINE): Rule(_D, CMO, ("reason",)),
    (_A, Action.DECLINE): Rule(_D, CMO, ("reason",)),
    (_F, Action.FOLLOW_UP): Rule(_F, SPONSOR, ("text",)),
    (_A, Action.FOLLOW_UP): Rule(_A, SPONSOR, ("text",)),
    (_W, Action.FOLLOW_UP): Rule(_W, SPONSOR, ("text",)),
    (_N, Action.FOLLOW_UP): Rule(_N, SPONSOR, ("text",)),
    (_D, Action.FOLLOW_UP): Rule(_D, SPONSOR, ("text",)),
    (_N, Action.ACCEPT): Rule(_C, SPONSOR),
    (_D, Action.ACCEPT): Rule(_C, SPONSOR),
    (_N, Action.REJECT): Rule(_A, SPONSOR, ("reason",)),
    (_D, Action.REJECT): Rule(_A, SPONSOR, ("reason",)),
    (_F, Action.CANCEL): Rule(_X, OWNERS, ("reason",)),
    (_A, Action.CANCEL): Rule(_X, OWNERS, ("reason",)),
    (_W, Action.CANCEL): Rule(_X, OWNERS, ("reason",)),
    (_F, Action.TAKE): Rule(_F, ESCALATED_TO),
    (_A, Action.TAKE): Rule(_A, ESCALATED_TO),
    (_W, Action.TAKE): Rule(_W, ESCALATED_TO),
}

LIFE_CYCLE: Mapping[RequestType, Table] = {
    RequestType.SHIPMENT: _CONVERSATION,
    RequestType.DATA: _CONVERSATION,
    RequestType.INQUIRY: _CONVERSATION,
}


def possible_actions(request_type: RequestType, state: State, roles: Iterable[Role]) -> list[Action]:
    """The actions open to somebody with `roles` while the request is in `state`."""
    mine = frozenset(roles)
    return [action for (at, action), rule in LIFE_CYCLE[request_type].items() if at is state and rule.who & mine]


def state_after(request_type: RequestType, timeline: Timeline) -> State:
    """The state to which the facts lead, in the order in which they were recorded."""
    table = LIFE_CYCLE[request_type]
    action_of = {kind: action for action, kind in _FACT_OF.items()}
    state = State.FILED
    for fact in timeline.as_recorded():
        rule = table.get((state, action_of[fact.kind])) if fact.kind in action_of else None
        state = rule.to if rule else state
    return state


def is_repeat(timeline: Timeline, action: Action, by: Actor, content: Mapping[str, Any], reason: str | None) -> bool:
    """Whether the act only says again what the timeline already holds, so that the first one stands.

    An acknowledgement after any act of the CMO says nothing new. Anything else is a repeat when it is, to the letter,
    the last thing this side did.
    """
    if action is Action.ACKNOWLEDGE:
        return any(fact.by.is_cmo for fact in timeline)
    own = [fact for fact in timeline.as_recorded() if fact.by.is_cmo == by.is_cmo]
    return bool(own) and own[-1].kind is action.fact and (own[-1].content, own[-1].reason) == (content, reason)


def corrects_receipt(timeline: Timeline, action: Action, occurred_at: datetime) -> bool:
    """Whether this is a receipt, written down late, that came before anything else the CMO did: it counts instead."""
    acts = [fact.occurred_at for fact in timeline if fact.by.is_cmo]
    return action is Action.ACKNOWLEDGE and bool(acts) and occurred_at < min(acts)
