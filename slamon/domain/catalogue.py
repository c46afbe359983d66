"""The catalogue: which request types, actions and clocks there are, as one value.

`STANDARD` holds those that slamon ships. Nothing below the application knows of a global one: it is handed to the
runtime, and reaches use cases by `tx.rules`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from slamon.domain.lifecycle import RequestTypeDefinition
from slamon.domain.types.data import DATA
from slamon.domain.types.inquiry import INQUIRY
from slamon.domain.types.shipment import SHIPMENT


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Kinds that grow, by name, in the order in which people read them."""

    types: Mapping[str, RequestTypeDefinition] = field(default_factory=dict)


STANDARD = Catalogue(types={each.name: each for each in (SHIPMENT, DATA, INQUIRY)})
