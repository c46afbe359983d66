"""What a row asked for, as a filing: checked by the models that check what comes over the API.

Which columns say it is known to mappings. Nothing is looked up or stored here.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from slamon.domain.lifecycle import RequestType
from slamon.domain.normal_form import listed
from slamon.imports.mappings import BadCell, Columns, Field
from slamon.schemas.filings import read_filing
from slamon.services.requests.filing import Filing

_YES, _NO = frozenset({"yes", "y", "true", "x", "1"}), frozenset({"no", "n", "false", "0", "-"})

# Where the models of the API have what a column says.
_PLACES: Mapping[tuple[str, ...], Field] = {
    ("detail", "questions"): Field.QUESTION,
    ("detail", "items", "kind"): Field.DATA_KIND,
    ("detail", "items", "lots"): Field.LOTS,
    ("detail", "lines", "lots_or_kits"): Field.LOTS,
    ("detail", "storage", "code"): Field.STORAGE,
    **{("detail", name): Field(name) for name in ("category", "purpose", "order_type", "required_delivery_to")},
    **{("detail", "lines", name): Field(name) for name in ("product_code", "quantity", "unit")},
    **{
        ("detail", "destination", name): Field(f"destination_{name}")
        for name in ("kind", "name", "address", "country", "time_zone")
    },
}


def filing_of(
    said: Mapping[str, str], mapping: Columns, *, project_id: UUID, site_id: UUID, contact_id: UUID | None
) -> Filing:
    """What was asked, checked as one that comes over the API is. Raises BadCell."""
    kind = needed(said, Field.TYPE).casefold()
    if kind not in set(RequestType):
        raise BadCell(Field.TYPE, f"is none of {', '.join(RequestType)}; say in the mapping what it means")
    wanted: dict[str, Any] = {
        "type": kind,
        "project_id": project_id,
        "site_id": site_id,
        "contact_id": contact_id,
        "subject": needed(said, Field.SUBJECT),
        "description": said.get(Field.DESCRIPTION, ""),
        "gxp": _truth(said),
        "cmo_reference": said.get(Field.CMO_REFERENCE),
        "due_on": mapping.day(Field.DUE_ON, said[Field.DUE_ON]) if Field.DUE_ON in said else None,
    }
    if Field.PRIORITY in said:
        wanted["priority"] = said[Field.PRIORITY].casefold()
    detail = _DETAILS[RequestType(kind)](said, mapping)
    try:
        return read_filing({**wanted, "detail": detail})
    except ValidationError as error:
        first = error.errors()[0]
        raise BadCell(_field_at(first["loc"]), first["msg"]) from error


def _field_at(place: Iterable[int | str]) -> Field | str:
    """The column that a fault of the model lies in; the first of the place is the type, numbers count parts."""
    names = tuple(name for name in place if isinstance(name, str))[1:]
    if names in _PLACES:
        return _PLACES[names]
    return Field(names[0]) if len(names) == 1 and names[0] in set(Field) else ".".join(names)


def _truth(said: Mapping[str, str]) -> bool:
    word = said.get(Field.GXP, "no").casefold()
    if word not in _YES | _NO:
        raise BadCell(Field.GXP, "say yes or no")
    return word in _YES


def _inquiry(said: Mapping[str, str], _: Columns) -> dict[str, Any]:
    return {
        "category": said.get(Field.CATEGORY, "other"),
        "questions": [said.get(Field.QUESTION) or said[Field.SUBJECT]],
    }


def _data(said: Mapping[str, str], _: Columns) -> dict[str, Any]:
    item = {"kind": said.get(Field.DATA_KIND, "other"), "lots": listed(said.get(Field.LOTS, ""))}
    return {"purpose": said.get(Field.PURPOSE, "oversight"), "items": [item]}


def _shipment(said: Mapping[str, str], mapping: Columns) -> dict[str, Any]:
    until = Field.REQUIRED_DELIVERY_TO
    destination = {
        name: said.get(Field(f"destination_{name}")) for name in ("kind", "name", "address", "country", "time_zone")
    }
    line = {name: said.get(Field(name)) for name in ("product_code", "quantity", "unit")}
    return {
        "order_type": said.get(Field.ORDER_TYPE),
        "destination": _filled(destination),
        "storage": {"code": said.get(Field.STORAGE)},
        "required_delivery_to": mapping.day(until, said[until]) if until in said else None,
        "lines": [_filled({**line, "lots_or_kits": said.get(Field.LOTS)})],
    }


def _filled(values: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value is not None}


_DETAILS: Mapping[RequestType, Callable[[Mapping[str, str], Columns], dict[str, Any]]] = {
    RequestType.INQUIRY: _inquiry,
    RequestType.DATA: _data,
    RequestType.SHIPMENT: _shipment,
}


def needed(said: Mapping[str, str], field: Field) -> str:
    """What a row says in a field it cannot do without. Raises BadCell."""
    if field not in said:
        raise BadCell(field, "is needed; fill the cell, map a column or give a constant")
    return said[field]
