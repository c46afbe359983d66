"""Names of kinds that a caller sent, looked up in the catalogue."""

from typing import Any

from slamon.domain.lifecycle import RequestTypeDefinition
from slamon.errors import Invalid
from slamon.services.transaction import Tx


def known_type(tx: Tx, name: Any) -> RequestTypeDefinition:
    """The request type of this name. Raises Invalid where there is none."""
    types = tx.rules.catalogue.types
    if not isinstance(name, str) or name not in types:
        raise Invalid("type", f"must be one of {', '.join(types)}")
    return types[name]
