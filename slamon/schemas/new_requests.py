"""What may be filed: the models of all types of a catalogue as one."""

from collections.abc import Sequence
from functools import lru_cache
from pkgutil import resolve_name
from typing import Annotated, Any, Union, cast

from pydantic import BaseModel, Field, TypeAdapter

from slamon.domain.catalogue import Catalogue
from slamon.domain.lifecycle import RequestTypeDefinition
from slamon.schemas.shapes import Shape, shapes_of
from slamon.schemas.types.base import NewRequest


@lru_cache(maxsize=100)
def _loaded(body: str) -> type[NewRequest]:
    model: type[NewRequest] = resolve_name(body)
    return model


def model_of(request_type: RequestTypeDefinition) -> type[NewRequest]:
    """The model of what files a request of this type."""
    return _loaded(request_type.body)


def detail_shapes(request_type: RequestTypeDefinition) -> Sequence[Shape]:
    """The fields that are this type's own; their places begin with `detail`."""
    return shapes_of(detail_of(request_type), "detail")


def detail_of(request_type: RequestTypeDefinition) -> type[BaseModel]:
    """The model of the fields that are this type's own."""
    detail: Any = model_of(request_type).model_fields["detail"].annotation
    return cast(type[BaseModel], detail)


def any_request(catalogue: Catalogue) -> Any:
    """The type of what files a request of any type, told apart by `type`."""
    return _union(tuple(each.body for each in catalogue.types.values()))[0]


def read_request(catalogue: Catalogue, content: Any) -> NewRequest:
    """What plain content asks for. Raises pydantic's ValidationError."""
    request: NewRequest = _union(tuple(each.body for each in catalogue.types.values()))[1].validate_python(content)
    return request


@lru_cache(maxsize=10)
def _union(bodies: tuple[str, ...]) -> tuple[Any, TypeAdapter[Any]]:
    models = tuple(map(_loaded, bodies))
    union: Any = Annotated[Union[models], Field(discriminator="type")] if len(models) > 1 else models[0]  # noqa: UP007
    return union, TypeAdapter(union)
