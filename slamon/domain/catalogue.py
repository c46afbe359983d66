"""The catalogue: which request types, actions and clocks there are, as one value.

`STANDARD` holds those that slamon ships. Nothing below the application knows of a global one: it is handed to the
runtime, and reaches use cases by `tx.rules`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from slamon.domain.actions import ACTIONS
from slamon.domain.actions.parts import ActionDefinition
from slamon.domain.lifecycle import LIFE_CYCLES, LifeCycle


@dataclass(frozen=True, slots=True, eq=False)
class Catalogue:
    """Kinds that grow, by name, in the order in which people read them; compared by identity.

    `life_cycles` are what may be done with requests of each type.
    """

    actions: Mapping[str, ActionDefinition[Any]]
    life_cycles: Mapping[str, LifeCycle]
    action_of: Mapping[str, str] = field(init=False, repr=False)  # by the kind of fact that an action makes

    def __post_init__(self) -> None:
        made = {kind: name for name, action in self.actions.items() for kind in action.facts}
        object.__setattr__(self, "action_of", made)


STANDARD = Catalogue(actions=ACTIONS, life_cycles=LIFE_CYCLES)
