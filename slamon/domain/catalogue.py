"""The catalogue: which request types, actions and clocks there are, as one value.

`STANDARD` holds those that slamon ships. Nothing below the application knows of a global one: it is handed to the
runtime, and reaches use cases by `tx.rules`.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Kinds that grow, by name, in the order in which people read them."""


STANDARD = Catalogue()
