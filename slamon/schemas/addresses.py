"""Models of records with addresses: what the API takes and gives of them follows from the registered channels."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from slamon.channels import AddressKind

# Which names there are is known once the channels are: the document then lists them, and use cases refuse all others.
ChannelName = Annotated[str, StringConstraints(max_length=16)]
CHANNEL_NAME = "DeliveryChannel"  # as the document of the API calls it


def new_addresses(kinds: Mapping[str, AddressKind]) -> dict[str, Any]:
    """Fields of a new record for its addresses."""
    return {kind.field: (_taken(kind), Field(None, description=kind.description)) for kind in kinds.values()}


def known_addresses(kinds: Mapping[str, AddressKind]) -> dict[str, Any]:
    """Fields of a record as it is read."""
    return {kind.field: (str | None, ...) for kind in kinds.values()}


def _taken(kind: AddressKind) -> Any:
    return Annotated[str, StringConstraints(pattern=kind.pattern)] | None


def name_channels(document: dict[str, Any], names: tuple[str, ...]) -> None:
    """Let the document of the API list the names of the registered channels."""
    schemas = document["components"]["schemas"]
    schemas[CHANNEL_NAME] = {"type": "string", "enum": list(names), "title": CHANNEL_NAME}
    schemas["StepRecipient"]["properties"]["channel"] = {"$ref": f"#/components/schemas/{CHANNEL_NAME}"}
