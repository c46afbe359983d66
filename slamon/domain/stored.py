"""Typed values as the JSON that the store keeps, and back. The JSON is what the hash chain is over.

A value that says nothing (None, an empty text or tuple that is a field's default) is left out. Reading takes what is
there: names that a class does not know, of a newer or an older release, are passed over, and what is missing is the
field's default.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints
from uuid import UUID

T = TypeVar("T")
_Convert = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Key:
    """The name under which the JSON has a field, where Python cannot have it."""

    name: str


def read(as_: type[T], content: Mapping[str, Any]) -> T:
    """An instance of a dataclass from its JSON."""
    known: dict[str, tuple[str, _Convert]] = _readers(cast(Any, as_))
    return as_(**{known[name][0]: known[name][1](value) for name, value in content.items() if name in known})


def as_json(value: Any) -> Any:
    """The JSON of a typed value; instants in whole seconds, with their offset."""
    if is_dataclass(value):
        of = cast(Any, type(value))
        silent = _silent(of)
        said = ((each.name, getattr(value, each.name)) for each in fields(value))
        return {_key(of, name): as_json(each) for name, each in said if not (name in silent and is_unsaid(each))}
    if isinstance(value, datetime):
        return value.replace(microsecond=0).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, Decimal | UUID):
        return str(value)
    if isinstance(value, tuple | list):
        return [as_json(each) for each in value]
    if isinstance(value, Mapping):
        return {name: as_json(each) for name, each in value.items()}
    return value


@cache
def hints_of(as_: type) -> Mapping[str, Any]:
    """The types of a dataclass's fields by name, with their notes."""
    return get_type_hints(as_, include_extras=True)


def is_unsaid(value: Any) -> bool:
    return value is None or value in ("", ())


@cache
def _silent(as_: type) -> frozenset[str]:
    """The fields that may be left out because they say nothing unless told otherwise."""
    return frozenset(each.name for each in fields(as_) if each.default is not MISSING and is_unsaid(each.default))


@cache
def _key(as_: type, name: str) -> str:
    metadata = getattr(hints_of(as_)[name], "__metadata__", ())
    return next((each.name for each in metadata if isinstance(each, Key)), name)


@cache
def _readers(as_: type) -> dict[str, tuple[str, _Convert]]:
    """By name in the JSON: the field, and what makes a value of it."""
    hints = hints_of(as_)
    return {_key(as_, each.name): (each.name, _reader(hints[each.name])) for each in fields(as_)}


def _reader(hint: Any) -> _Convert:
    origin = get_origin(hint)
    if origin is Annotated:
        return _reader(get_args(hint)[0])
    if origin in (Union, UnionType):
        [plain] = [each for each in get_args(hint) if each is not NoneType]
        convert = _reader(plain)
        return lambda value: None if value is None else convert(value)
    if origin is tuple:
        of_each = _reader(get_args(hint)[0])
        return lambda values: tuple(map(of_each, values))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        of_value = _reader(get_args(hint)[1])
        return lambda values: {name: of_value(value) for name, value in values.items()}
    if isinstance(hint, type) and is_dataclass(hint):
        return lambda value: read(hint, value)
    return _SCALARS.get(hint) or (hint if isinstance(hint, type) and issubclass(hint, StrEnum) else _as_it_is)


def _as_it_is(value: Any) -> Any:
    return value


def _uuid(value: Any) -> UUID:
    """An id; of something that is named with more, a file, its id."""
    return UUID(value["id"] if isinstance(value, Mapping) else value)


_SCALARS: Mapping[Any, _Convert] = {
    datetime: datetime.fromisoformat,
    date: date.fromisoformat,
    Decimal: lambda value: Decimal(str(value)),
    UUID: _uuid,
    str: lambda value: "" if value is None else value,
}
