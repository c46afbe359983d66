"""Rules that several request types share: the conversation, waiting, correcting; and answering part by part."""

from slamon.domain.lifecycle import (
    CMO,
    ESCALATED_TO,
    OPEN_STATES,
    OWNERS,
    SPONSOR,
    Action,
    Rule,
    State,
    Table,
    Ways,
    When,
    in_states,
)
from slamon.domain.terms import ClockKind
from slamon.domain.timeline import Role

FILED, ACKNOWLEDGED, AWAITING = State.FILED, State.ACKNOWLEDGED, State.AWAITING_SPONSOR
PARTLY, ANSWERED, DECLINED = State.PARTLY_ANSWERED, State.ANSWERED, State.DECLINED
CLOSED, CANCELLED = State.CLOSED, State.CANCELLED
# States in which the CMO's part is done, or it has refused it.
_CMO_DONE = (ANSWERED, State.DELIVERED, State.IN_REVIEW, DECLINED)

TALK: Table = {
    **in_states([FILED], Action.ACKNOWLEDGE, ACKNOWLEDGED, CMO),
    **in_states([FILED, ACKNOWLEDGED], Action.DECLINE, DECLINED, CMO, "reason"),
    **in_states([DECLINED], Action.ACCEPT, CLOSED, SPONSOR),
    **in_states([DECLINED], Action.REJECT, ACKNOWLEDGED, SPONSOR, "reason"),
}


def everywhere(states: list[State]) -> Table:
    """What does not depend on how far the request has come."""
    running = [state for state in states if state not in _CMO_DONE]
    moving = [state for state in running if state not in (FILED, AWAITING)]
    return {
        **in_states(states, Action.FOLLOW_UP, None, SPONSOR, "text"),
        **in_states(moving, Action.RESPOND, None, CMO, "text"),
        **in_states([state for state in states if state not in moving], Action.RESPOND, None, CMO, "text",
                    only=When.A_MESSAGE_IS_UNANSWERED),
        **in_states(running, Action.HAND_ON, None, CMO, "name", "email"),
        **in_states(moving, Action.WAIT, None, CMO | OWNERS, "reason", "until"),
        **in_states(moving, Action.RESUME, None, CMO | OWNERS, only=When.A_THIRD_PARTY_IS_WAITED_FOR),
        **in_states(states, Action.CORRECT, None, CMO | SPONSOR, "corrects", "text"),
        **in_states([state for state in states if state is not DECLINED], Action.TAKE, None, ESCALATED_TO),
    }  # fmt: skip


def information(answering: Ways, back: Ways | State) -> Table:
    """The rules of a request that is answered. `answering` says where an answer leads, `back` where a reply does."""
    return {
        **TALK,
        **in_states([FILED, ACKNOWLEDGED, PARTLY], Action.ASK, AWAITING, CMO, "text"),
        **in_states([AWAITING], Action.REPLY, back, SPONSOR, "text"),
        **in_states([FILED, ACKNOWLEDGED, PARTLY], Action.ANSWER, answering, CMO, "text|items|attachments"),
        **in_states([ANSWERED], Action.ACCEPT, CLOSED, SPONSOR),
        **in_states([ANSWERED], Action.REJECT, ACKNOWLEDGED, SPONSOR, "reason"),
        **in_states([FILED, ACKNOWLEDGED, AWAITING, PARTLY], Action.AMEND, None, SPONSOR, "reason", "changes"),
        **in_states([FILED, ACKNOWLEDGED, AWAITING, PARTLY], Action.CANCEL, CANCELLED, OWNERS, "reason"),
        **in_states([CLOSED], Action.REOPEN, ACKNOWLEDGED, OWNERS, "reason"),
        **everywhere([FILED, ACKNOWLEDGED, AWAITING, PARTLY, ANSWERED, DECLINED]),
    }


ALREADY_DONE: Table = {
    **in_states([*OPEN_STATES], Action.ACCEPT, CLOSED, SPONSOR),
    **in_states([*OPEN_STATES], Action.CANCEL, CANCELLED, OWNERS),
    **in_states([AWAITING, PARTLY, ANSWERED, State.CONFIRMED], Action.DECLINE, DECLINED, CMO),
}


def information_done(answering: Ways) -> Table:
    """`already_done` of a request that is answered."""
    return {
        **ALREADY_DONE,
        **in_states([AWAITING], Action.ANSWER, answering, CMO),
        **in_states([DECLINED], Action.ANSWER, ((When.SOMETHING_IS_OWED, DECLINED), (When.OTHERWISE, ANSWERED)), CMO),
    }


UNOPPOSED: Table = {(ANSWERED, Action.ACCEPT): Rule(CLOSED, frozenset({Role.SYSTEM}))}

INFORMATION_CLOCKS: frozenset[str] = frozenset(
    {ClockKind.ACKNOWLEDGEMENT, ClockKind.ANSWER, ClockKind.REPLY, ClockKind.FULFILMENT, ClockKind.PROMISE,
     ClockKind.SPONSOR}
)  # fmt: skip
