"""Names of kinds that grow: any text to the models, since what they may be is the catalogue's to say.

The use case that takes one refuses what the catalogue does not have; the document lists those that it has.
"""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import StringConstraints, WithJsonSchema

from slamon.domain.catalogue import Catalogue

_MARK = "x-name-of"

TypeName = Annotated[str, StringConstraints(max_length=16), WithJsonSchema({_MARK: "RequestType"})]
ClockName = Annotated[str, StringConstraints(max_length=24), WithJsonSchema({_MARK: "ClockKind"})]
ChannelName = Annotated[str, StringConstraints(max_length=16), WithJsonSchema({_MARK: "DeliveryChannel"})]


def with_names(document: dict[str, Any], catalogue: Catalogue, channels: Sequence[str]) -> dict[str, Any]:
    """An OpenAPI document in which such a name is one of those that there are."""
    named = {
        "RequestType": list(catalogue.types),
        "ClockKind": list(catalogue.clocks),
        "DeliveryChannel": list(channels),
    }
    linked: dict[str, Any] = _linked(document)
    for component, names in named.items():
        linked["components"]["schemas"][component] = {"type": "string", "enum": names, "title": component}
    return linked


def _linked(part: Any, within: str = "") -> Any:
    """The same with links in place of the marks; `within` is the key under which the part stands."""
    if isinstance(part, list):
        return [_linked(each) for each in part]
    if not isinstance(part, dict):
        return part
    if _MARK in part:
        beside = {name: value for name, value in part.items() if name not in (_MARK, "title")}
        return {"$ref": f"#/components/schemas/{part[_MARK]}", **beside}
    if within == "properties":  # a link has no title of its own, nor has a choice between one and null
        part = {name: _untitled(value) for name, value in part.items()}
    return {name: _linked(value, name) for name, value in part.items()}


def _untitled(prop: Any) -> Any:
    is_name_or_null = isinstance(prop, dict) and any(_MARK in each for each in prop.get("anyOf", ()))
    return {name: value for name, value in prop.items() if name != "title"} if is_name_or_null else prop
