"""The catalogue: which request types, actions and clocks there are, as one value.

`STANDARD` holds those that slamon ships. Nothing below the application knows of a global one: it is handed to the
runtime, and reaches use cases by `tx.rules`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from slamon.domain.clocks.kinds import STANDARD_CLOCKS, Clocks
from slamon.domain.lifecycle import RequestTypeDefinition
from slamon.domain.types.data import DATA
from slamon.domain.types.inquiry import INQUIRY
from slamon.domain.types.shipment import SHIPMENT


@dataclass(frozen=True, slots=True, eq=False)
class Catalogue:
    """Kinds that grow, by name, in the order in which people read them. Two are the same only if they are one."""

    clocks: Clocks
    types: Mapping[str, RequestTypeDefinition] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """A type has the clocks that it lists, and those that say they are for it."""
        more = {name: {clock.name for clock in self.clocks.values() if name in clock.types} for name in self.types}
        types = {name: replace(each, clocks=each.clocks | more[name]) for name, each in self.types.items()}
        object.__setattr__(self, "types", types)


STANDARD = Catalogue(
    types={each.name: each for each in (SHIPMENT, DATA, INQUIRY)},
    clocks={clock.name: clock for clock in STANDARD_CLOCKS},
)
