"""The catalogue: which request types, actions and clocks there are, as one value.

`STANDARD` holds those that slamon ships. Nothing below the application knows of a global one: it is handed to the
runtime, and reaches use cases by `tx.rules`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from slamon.domain.actions import ACTIONS
from slamon.domain.actions.parts import ActionDefinition
from slamon.domain.clocks.kinds import STANDARD_CLOCKS, Clocks
from slamon.domain.lifecycle import RequestTypeDefinition
from slamon.domain.types.data import DATA
from slamon.domain.types.inquiry import INQUIRY
from slamon.domain.types.shipment import SHIPMENT


@dataclass(frozen=True, slots=True, eq=False)
class Catalogue:
    """Kinds that grow, by name, in the order in which people read them. Two are the same only if they are one."""

    types: Mapping[str, RequestTypeDefinition]
    actions: Mapping[str, ActionDefinition[Any]]
    clocks: Clocks
    action_of: Mapping[str, str] = field(init=False, repr=False)  # by the kind of fact that an action makes

    def __post_init__(self) -> None:
        """A type has the clocks that it lists, and those that say they are for it."""
        more = {name: {clock.name for clock in self.clocks.values() if name in clock.types} for name in self.types}
        types = {name: replace(each, clocks=each.clocks | more[name]) for name, each in self.types.items()}
        object.__setattr__(self, "types", types)
        made = {kind: name for name, action in self.actions.items() for kind in action.facts}
        object.__setattr__(self, "action_of", made)


STANDARD = Catalogue(
    types={each.name: each for each in (SHIPMENT, DATA, INQUIRY)},
    actions=ACTIONS,
    clocks={clock.name: clock for clock in STANDARD_CLOCKS},
)
