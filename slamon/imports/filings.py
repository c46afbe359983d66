"""What a row asked for, as a filing: checked by the models that check what comes over the API.

Which columns say it is known to mappings and to the models, by the columns that their fields name. Nothing is looked
up or stored here.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from slamon.domain.catalogue import Catalogue
from slamon.domain.normal_form import listed
from slamon.imports.mappings import BadCell, ColumnName, Columns, Field
from slamon.schemas.filings import read_filing
from slamon.schemas.new_requests import detail_shapes
from slamon.schemas.shapes import Shape, Widget, leaves_of
from slamon.services.requests.filing import Filing

_YES, _NO = frozenset({"yes", "y", "true", "x", "1"}), frozenset({"no", "n", "false", "0", "-"})
Said = Mapping[ColumnName, str]


def filing_of(
    catalogue: Catalogue, said: Said, mapping: Columns, *, project_id: UUID, site_id: UUID, contact_id: UUID | None
) -> Filing:
    """What was asked, checked as one that comes over the API is. Raises BadCell."""
    name = needed(said, Field.TYPE).casefold()
    if name not in catalogue.types:
        raise BadCell(Field.TYPE, f"is none of {', '.join(catalogue.types)}; say in the mapping what it means")
    wanted: dict[str, Any] = {
        "type": name,
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
    shapes = detail_shapes(catalogue.types[name])
    try:
        return read_filing(catalogue, {**wanted, "detail": _record(shapes, said, mapping)})
    except ValidationError as error:
        first = error.errors()[0]
        raise BadCell(_column_at(shapes, first["loc"]), first["msg"]) from error


def _record(shapes: Sequence[Shape], said: Said, mapping: Columns) -> dict[str, Any]:
    """What a row says of these fields; what it does not say is left out, but for a choice that must be made: so the
    model answers with what there is to choose."""
    values = ((shape, _value(shape, said, mapping)) for shape in shapes)
    return {shape.name: value for shape, value in values if value is not None or (shape.is_required and shape.options)}


def _value(shape: Shape, said: Said, mapping: Columns) -> Any:
    if shape.widget in (Widget.RECORD, Widget.ROWS):
        record = _record(shape.fields, said, mapping)
        if not shape.is_required and all(value is None for value in record.values()):
            return None
        return record if shape.widget is Widget.RECORD else [record]  # a row of the spreadsheet has one of them
    column = shape.shown.column
    if not column:
        return None
    text = said.get(column) or shape.shown.without.format(subject=said[Field.SUBJECT]) or None
    if text is None:
        return None
    if shape.widget is Widget.DATE:
        return mapping.day(column, text)
    if shape.widget is Widget.TEXTS:
        return [text]
    return listed(text) if shape.widget is Widget.LISTED else text


def _column_at(shapes: Sequence[Shape], place: Iterable[int | str]) -> ColumnName:
    """The column that a fault of the model lies in; the first of the place is the type, numbers count parts."""
    names = [name for name in place if isinstance(name, str)][1:]
    leaves = leaves_of(shapes)
    shape = leaves.get(".".join(names))
    if shape is not None and shape.shown.column:
        return shape.shown.column
    return ".".join(names)


def _truth(said: Said) -> bool:
    word = said.get(Field.GXP, "no").casefold()
    if word not in _YES | _NO:
        raise BadCell(Field.GXP, "say yes or no")
    return word in _YES


def needed(said: Said, field: ColumnName) -> str:
    """What a row says in a field it cannot do without. Raises BadCell."""
    if field not in said:
        raise BadCell(field, "is needed; fill the cell, map a column or give a constant")
    return said[field]
