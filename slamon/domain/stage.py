"""How a request stands by its facts: its state, and which actions are open to whom."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from slamon.domain.catalogue import Catalogue
from slamon.domain.fold import after
from slamon.domain.lifecycle import Action, RequestTypeDefinition, Rule, State
from slamon.domain.progress import Progress
from slamon.domain.timeline import Actor, Fact, Role, Timeline


def rule_for(request_type: RequestTypeDefinition, state: State, action: str, progress: Progress) -> Rule | None:
    """The rule for an action now; None where it is not possible."""
    rule = request_type.rules.get((state, action))
    return rule.given(progress) if rule else None


def possible_actions(
    catalogue: Catalogue, request_type: RequestTypeDefinition, state: State, progress: Progress, roles: Iterable[Role]
) -> dict[str, Rule]:
    """The actions open to somebody with `roles` while the request is in `state`, with their rules."""
    mine = frozenset(roles)
    rules = {action: rule_for(request_type, state, action, progress) for action in catalogue.actions}
    return {action: rule for action, rule in rules.items() if rule is not None and rule.who & mine}


def states_along(
    catalogue: Catalogue, request_type: RequestTypeDefinition, timeline: Timeline
) -> Iterator[tuple[Fact, State]]:
    """Each fact with the state it leaves, in the order in which they happened."""
    return ((fact, state) for fact, state, _ in _along(catalogue, request_type, timeline))


def _along(
    catalogue: Catalogue, request_type: RequestTypeDefinition, timeline: Timeline
) -> Iterator[tuple[Fact, State, Progress]]:
    state, progress = State.FILED, Progress()
    already_done = request_type.already_done
    for fact in timeline:
        action = catalogue.action_of.get(fact.kind)
        rule = None
        if action is not None:
            rule = rule_for(request_type, state, action, progress) or already_done.get((state, action))
        progress = after(progress, fact)
        state = rule.state_after(progress) if rule else state
        yield fact, state, progress


def stage_of(catalogue: Catalogue, request_type: RequestTypeDefinition, timeline: Timeline) -> tuple[State, Progress]:
    """The state to which the facts lead, in the order in which they happened, and the progress they make."""
    *_, (_, state, progress) = _along(catalogue, request_type, timeline)
    return state, progress


def last_possible(
    catalogue: Catalogue, request_type: RequestTypeDefinition, timeline: Timeline, roles: Iterable[Role]
) -> dict[str, tuple[Rule, Progress]]:
    """What somebody with `roles` could do at any time so far: the rule that held last, and the progress then."""
    found: dict[str, tuple[Rule, Progress]] = {}
    for _, state, progress in _along(catalogue, request_type, timeline):
        possible = possible_actions(catalogue, request_type, state, progress, roles)
        found |= {action: (rule, progress) for action, rule in possible.items()}
    return {action: found[action] for action in catalogue.actions if action in found}


def state_after(catalogue: Catalogue, request_type: RequestTypeDefinition, timeline: Timeline) -> State:
    return stage_of(catalogue, request_type, timeline)[0]


def is_repeat(
    catalogue: Catalogue, timeline: Timeline, action: str, by: Actor, content: Mapping[str, Any], reason: str | None
) -> bool:
    """Whether the act only says again what the timeline already holds, so that the first one stands.

    An acknowledgement that says nothing more is one after any act of the CMO. Anything else is a repeat when it is, to
    the letter, the last thing this side did.
    """
    if action == Action.ACKNOWLEDGE:
        seen = [fact for fact in timeline if fact.by.is_cmo]
        return bool(seen) and (not content or any(content.items() <= fact.content.items() for fact in seen))
    own = [fact for fact in timeline.as_recorded() if fact.by.is_cmo == by.is_cmo and fact.kind in catalogue.action_of]
    if not own or catalogue.action_of[own[-1].kind] != action or own[-1].reason != reason:
        return False
    said_before = own[-1].content  # with what the act left to us filled in
    return all(said_before.get(name) == value for name, value in content.items())
