"""Models of records with addresses: what the API takes and gives of them follows from the registered channels."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from slamon.channels import AddressKind


def new_addresses(kinds: Mapping[str, AddressKind]) -> dict[str, Any]:
    """Fields of a new record for its addresses."""
    return {kind.field: (_taken(kind), Field(None, description=kind.description)) for kind in kinds.values()}


def known_addresses(kinds: Mapping[str, AddressKind]) -> dict[str, Any]:
    """Fields of a record as it is read."""
    return {kind.field: (str | None, ...) for kind in kinds.values()}


def _taken(kind: AddressKind) -> Any:
    return Annotated[str, StringConstraints(pattern=kind.pattern)] | None
