"""What an act on a request says, as it comes in: a model for each action, derived from what its dataclass says.

Here alone the metadata of `slamon.domain.actions` becomes pydantic's; the types made so are `Any` to mypy.
"""

from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, TypeAdapter, ValidationError, create_model
from pydantic import Field as Described
from pydantic_core import InitErrorDetails, PydanticCustomError

from slamon.domain.actions import parts
from slamon.domain.actions.parts import ActionDefinition, Recorded, Said
from slamon.domain.catalogue import Catalogue
from slamon.domain.stored import hints_of, is_unsaid
from slamon.domain.timeline import Via
from slamon.schemas.amendments import detail_changes
from slamon.schemas.fields import Day, Email, Instant, Quantity, Temperature, Text, free_text, one_line

_PERSON = "01980a4e-8f6b-7c3d-9a51-2f1c7d9e0a13"


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Recording(_Body):
    """How an act came where staff write down a contact's call or mail."""

    occurred_at: Instant | None = Described(None, description="Of a recorded call or mail: between filing and now.")
    on_behalf_of: UUID | None = Described(
        None, description="The contact who called or wrote; it needs `via` and `evidence`.", examples=[_PERSON]
    )
    via: Literal["phone_recorded", "email_recorded"] | None = None
    evidence: Text | None = Described(None, examples=["Corinne Meier called: received, answer by Friday"])


@dataclass(frozen=True, slots=True)
class Given:
    """An act as it came: what is said, and how it came where somebody else wrote it down."""

    said: Said
    recorded: Recorded


@cache
def body_of(catalogue: Catalogue, name: str) -> Any:
    """The type of an action's body; validating makes it `Given`. It takes the action's own fields and no others."""
    action = catalogue.actions[name]
    own: dict[str, Any] = {each.name: _declared(each, action.says, catalogue) for each in fields(action.says)}
    title = "".join(part.capitalize() for part in action.name.split("_"))
    model = create_model(title, __base__=_Recording, **own)
    return Annotated[model, BeforeValidator(_refusing_foreign(action, model)), AfterValidator(_given(action.says))]


def read_act(catalogue: Catalogue, action: str, content: Mapping[str, Any]) -> Given:
    """What a form or a file says of an act. Raises pydantic's ValidationError by the names of the API's fields."""
    read: Given = _adapter(catalogue, action).validate_python(dict(content))
    return read


@cache
def _adapter(catalogue: Catalogue, action: str) -> TypeAdapter[Any]:
    return TypeAdapter(body_of(catalogue, action))


def _refusing_foreign(action: ActionDefinition[Any], model: type[BaseModel]) -> Any:
    def checked(content: Any) -> Any:
        foreign = [name for name in content if name not in model.model_fields] if isinstance(content, dict) else []
        if foreign:
            why = PydanticCustomError("foreign", "is not part of '{action}'; leave it out", {"action": action.name})
            wrong = [InitErrorDetails(type=why, loc=(name,), input=content[name]) for name in foreign]
            raise ValidationError.from_exception_data(action.name, wrong)
        return content

    return checked


def _given(says: type[Said]) -> Any:
    shared = {each.name for each in fields(Recorded)}

    def made(body: BaseModel) -> Given:
        values = {name: value for name, value in body if value is not None}
        recorded = {name: values.pop(name) for name in shared & values.keys()}
        if "via" in recorded:
            recorded["via"] = Via(recorded["via"])
        return Given(says(**values), Recorded(**recorded))

    return made


def _made(of: type) -> Any:
    return lambda body: of(**{name: value for name, value in body if value is not None})


@cache
def _model_of(of: Any, catalogue: Catalogue) -> Any:
    """The type of one of an act's parts; validating makes it the dataclass."""
    own: dict[str, Any] = {each.name: _declared(each, of, catalogue) for each in fields(of)}
    doc = of.__doc__ if not str(of.__doc__).startswith(f"{of.__name__}(") else None  # dataclasses write one themselves
    return Annotated[create_model(of.__name__, __base__=_Body, __doc__=doc, **own), AfterValidator(_made(of))]


def _declared(field: "Field[Any]", of: type, catalogue: Catalogue) -> tuple[Any, Any]:
    hint = hints_of(of)[field.name]
    notes = getattr(hint, "__metadata__", ())
    words = next((note.text for note in notes if isinstance(note, parts.Described)), None)
    type_ = _type_of(hint, catalogue)
    if field.default is MISSING:
        return Annotated[type_, Described(description=words)], ...
    if is_unsaid(field.default):
        return Annotated[type_ | None, Described(description=words)], None
    return Annotated[type_, Described(description=words)], field.default


def _type_of(hint: Any, catalogue: Catalogue) -> Any:
    notes: tuple[Any, ...] = getattr(hint, "__metadata__", ())
    if any(isinstance(note, parts.AmendableDetail) for note in notes):
        return detail_changes(catalogue)
    plain = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    if get_origin(plain) in (Union, UnionType):
        [plain] = [each for each in get_args(plain) if each is not NoneType]
    if get_origin(plain) is tuple:
        [count] = [note for note in notes if isinstance(note, parts.Count)]
        limits = Described(min_length=count.least, max_length=count.most)
        entry = _type_of(get_args(plain)[0], catalogue)
        return Annotated[list[entry], limits, AfterValidator(tuple)]  # type: ignore[valid-type]
    if is_dataclass(plain):
        return _model_of(cast(Any, plain), catalogue)
    if issubclass(plain, StrEnum):
        refused = {code for note in notes if isinstance(note, parts.NoneOf) for code in note.codes}
        codes = tuple(code.value for code in plain if code not in refused)
        return Annotated[Literal[codes], AfterValidator(plain)] if refused else plain
    return next((type_ for note in notes if (type_ := _limited(note)) is not None), _PLAIN.get(plain, plain))


def _limited(note: Any) -> Any:
    """The type that a limit stands for; None for a note that is none."""
    match note:
        case parts.OneLine(most):
            return one_line(most)
        case parts.FreeText(most):
            return free_text(most)
        case parts.Between(least, most):
            return Annotated[int, Described(ge=least, le=most)]
        case parts.Address():
            return Email
        case parts.Amount():
            return Quantity
        case parts.Celsius():
            return Temperature
    return None


# Instants count in whole seconds.
_PLAIN: Mapping[Any, Any] = {
    date: Day,
    datetime: Annotated[Instant, AfterValidator(lambda moment: moment.replace(microsecond=0))],
    Decimal: Quantity,
}
