"""What an amendment may say of the detail, put together from what the request types let be amended."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Annotated, Any, get_args

from pydantic import AfterValidator, BaseModel, Field, create_model
from pydantic.fields import FieldInfo

from slamon.domain.catalogue import Catalogue
from slamon.domain.lifecycle import RequestTypeDefinition
from slamon.schemas.fields import Body
from slamon.schemas.new_requests import detail_of
from slamon.schemas.shapes import AMENDABLE, Shape, Widget, shapes_of

_NUMBER = (Annotated[int, Field(ge=1, le=200, description="Which row, from 1.")], ...)


@cache
def detail_changes(catalogue: Catalogue) -> Any:
    """The type of changes of the detail of any request; validating makes it a mapping of the fields that are said.

    Raises TypeError where a type lets something be amended that no form can ask for, or where two types mean different
    things by one name.
    """
    declared: dict[str, tuple[RequestTypeDefinition, Any]] = {}
    for request_type in catalogue.types.values():
        for name, change in _changes(request_type).items():
            other, known = declared.setdefault(name, (request_type, change))
            if known != change:
                both = f"types '{other.name}' and '{request_type.name}'"
                raise TypeError(f"{both} mean different things by an amendment of '{name}'; rename one of the fields")
    return _mapping("DetailChanges", {name: change for name, (_, change) in declared.items()})


def _changes(request_type: RequestTypeDefinition) -> dict[str, Any]:
    """The declaration of each field that an amendment may change."""
    model = detail_of(request_type)
    shapes = {shape.name: shape for shape in shapes_of(model)}
    made = {}
    for name, columns in request_type.amendable.items():
        if not _can_change(shapes[name], columns):
            raise TypeError(f"type '{request_type.name}': '{name}' cannot be amended that way; see `amendable`")
        field = model.model_fields[name]
        made[name] = _rows(field, columns) if columns else _optional(field)
    return made


def _can_change(shape: Shape, columns: Sequence[str]) -> bool:
    if not columns:
        return shape.widget in AMENDABLE
    widgets = {field.name: field.widget for field in shape.fields if field.name != "number"}
    return shape.widget is Widget.ROWS and all(widgets.get(column) in AMENDABLE for column in columns)


@cache
def _row(model: type[BaseModel], columns: tuple[str, ...]) -> Any:
    own = {name: _optional(model.model_fields[name]) for name in columns}
    return _mapping(f"{model.__name__}Change", {"number": _NUMBER, **own})


def _rows(field: FieldInfo, columns: tuple[str, ...]) -> Any:
    [model] = get_args(field.annotation)
    limits = [each for each in field.metadata if hasattr(each, "max_length")]
    rows: Any = Annotated[list[_row(model, columns)], *limits, Field(min_length=1)]  # type: ignore[misc]
    return rows | None, None


def _optional(field: FieldInfo) -> Any:
    """The field as it may be left out; null says as little as leaving it out, so its limits are not for null."""
    said: Any = field.annotation
    for limit in field.metadata:
        said = Annotated[said, limit]
    return Annotated[said | None, Field(description=field.description)], None


def _mapping(name: str, fields: Mapping[str, Any]) -> Any:
    own: dict[str, Any] = dict(fields)
    return Annotated[create_model(name, __base__=Body, **own), AfterValidator(_said)]


def _said(body: BaseModel) -> dict[str, Any]:
    return {name: value for name, value in body if value is not None}
