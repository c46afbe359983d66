"""How the fields of a model are drawn: the model read once into plain descriptions, from its types and metadata.

The filing page, the request page, amendments and spreadsheet columns are made from these; no words stand here.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo


class Widget(StrEnum):
    LINE = "line"
    TEXT = "text"  # of several lines
    NUMBER = "number"
    DATE = "date"
    CHOICE = "choice"
    CHECK = "check"
    CHECKS = "checks"  # any of a list of codes
    LISTED = "listed"  # short texts with commas between
    COUNTRY = "country"
    ZONE = "zone"
    TEXTS = "texts"  # longer texts, one row each
    RECORD = "record"  # several fields that belong together
    ROWS = "rows"  # any number of such records


# What an amendment may change as a whole; of rows it may change columns that are drawn like these.
AMENDABLE = frozenset(
    {Widget.LINE, Widget.TEXT, Widget.NUMBER, Widget.DATE, Widget.CHOICE, Widget.LISTED, Widget.COUNTRY, Widget.ZONE}
)


@dataclass(frozen=True, slots=True)
class Shown:
    """How a field is drawn, where its type does not say it.

    `group` is the heading of the filing page under which it stands, `start` what stands in it at first, `rows` how many
    rows there are at first. `column` is what mappings of spreadsheets call it; without that column a row says
    `without`, in which {subject} is the request's subject.
    """

    widget: Widget | None = None
    group: str = ""
    start: str = ""
    rows: int = 1
    column: str = ""
    without: str = ""


@dataclass(frozen=True, slots=True)
class Shape:
    """One field. `place` is its way from the request, without the numbers of rows: `detail.lines.quantity`.

    `most` is how many characters or entries it may hold, `options` are the codes to choose from.
    """

    name: str
    place: str
    widget: Widget
    is_required: bool
    shown: Shown
    most: int | None = None
    options: tuple[str, ...] = ()
    fields: tuple["Shape", ...] = ()

    @property
    def leaves(self) -> Iterator["Shape"]:
        """The fields one types into."""
        if self.fields:
            for each in self.fields:
                yield from each.leaves
        else:
            yield self


@lru_cache(maxsize=100)
def shapes_of(model: type[BaseModel], at: str = "") -> tuple[Shape, ...]:
    """The fields of a model that people fill in, in its order; `at` is the place of the model."""
    return tuple(
        _shape(name, f"{at}.{name}" if at else name, info)
        for name, info in model.model_fields.items()
        if get_origin(info.annotation) is not Literal
    )


def groups_of(shapes: Iterable[Shape]) -> dict[str, list[Shape]]:
    """The fields under each heading, in the order in which the headings are first named."""
    groups: dict[str, list[Shape]] = {}
    for shape in shapes:
        groups.setdefault(shape.shown.group, []).append(shape)
    return groups


def leaves_of(shapes: Iterable[Shape]) -> dict[str, Shape]:
    """Every field one types into, by its place."""
    return {leaf.place: leaf for shape in shapes for leaf in shape.leaves}


def _shape(name: str, place: str, info: FieldInfo) -> Shape:
    kind, metadata = _plain(info.annotation)
    metadata = [*metadata, *info.metadata]
    shown = next((each for each in reversed(metadata) if isinstance(each, Shown)), Shown())
    own = next((each.widget for each in metadata if isinstance(each, Shown) and each.widget), None)
    limits = (getattr(each, "max_length", None) for each in metadata)
    most = next((limit for limit in limits if limit is not None), None)
    required = info.is_required()
    if get_origin(kind) is list:
        entry, of_entry = _plain(get_args(kind)[0])
        if isinstance(entry, type) and issubclass(entry, BaseModel):
            return Shape(name, place, Widget.ROWS, required, shown, most, fields=shapes_of(entry, place))
        if isinstance(entry, type) and issubclass(entry, StrEnum):
            return Shape(name, place, own or Widget.CHECKS, required, shown, most, tuple(entry))
        is_text = any(isinstance(each, Shown) and each.widget is Widget.TEXT for each in of_entry)
        return Shape(name, place, own or (Widget.TEXTS if is_text else Widget.LISTED), required, shown, most)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return Shape(name, place, Widget.RECORD, required, shown, fields=shapes_of(kind, place))
    options = tuple(kind) if isinstance(kind, type) and issubclass(kind, StrEnum) else ()
    return Shape(name, place, own or _widget(kind), required, shown, most, options)


_WIDGETS: Mapping[Any, Widget] = {
    bool: Widget.CHECK, date: Widget.DATE, Decimal: Widget.NUMBER, float: Widget.NUMBER, int: Widget.NUMBER
}  # fmt: skip


def _widget(kind: Any) -> Widget:
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return Widget.CHOICE
    return _WIDGETS.get(kind, Widget.LINE)


def _plain(annotation: Any) -> tuple[Any, list[Any]]:
    """A type without its metadata and without `None`, and that metadata."""
    if get_origin(annotation) is Annotated:
        inner, *metadata = get_args(annotation)
        kind, own = _plain(inner)
        return kind, [*own, *_flat(metadata)]
    if get_origin(annotation) in (Union, UnionType):
        (only,) = (each for each in get_args(annotation) if each is not NoneType)
        return _plain(only)
    return annotation, []


def _flat(metadata: Iterable[Any]) -> Iterator[Any]:
    for each in metadata:
        if isinstance(each, FieldInfo):
            yield from each.metadata
        else:
            yield each
