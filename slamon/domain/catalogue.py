"""The catalogue: which request types, actions and clocks there are, as one value.

`STANDARD` holds those that slamon ships. Nothing below the application knows of a global one: it is handed to the
runtime, and reaches use cases by `tx.rules`.
"""

from dataclasses import dataclass

from slamon.domain.clocks.kinds import STANDARD_CLOCKS, Clocks


@dataclass(frozen=True, slots=True, eq=False)
class Catalogue:
    """Kinds that grow, by name, in the order in which people read them. Two are the same only if they are one."""

    clocks: Clocks


STANDARD = Catalogue(clocks={clock.name: clock for clock in STANDARD_CLOCKS})
