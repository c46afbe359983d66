"""The kinds of value the API takes: texts, instants, dates, durations. Each refuses what the store could not keep."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    StringConstraints,
    WithJsonSchema,
    create_model,
)

from slamon.addresses import parse_address
from slamon.countries import is_country
from slamon.domain.normal_form import is_blank
from slamon.domain.terms import TermsError, parse_duration, parse_offset
from slamon.domain.zones import YEARS, is_zone
from slamon.errors import Invalid
from slamon.schemas.shapes import Shown, Widget

Model = TypeVar("Model", bound=BaseModel)
_OUT_OF_REACH = f"must lie between the years {YEARS.start} and {YEARS.stop}"


class Body(BaseModel):
    """What a caller sends: nothing unknown, and plain strings for closed sets, as the tables hold them."""

    model_config = ConfigDict(extra="forbid", use_enum_values=True, validate_default=False)


class Answer(BaseModel):
    """What a caller gets; built from rows."""

    model_config = ConfigDict(from_attributes=True, use_enum_values=True)


def shown(**example: Any) -> ConfigDict:
    """The configuration of a body of which the document shows this example."""
    return ConfigDict(json_schema_extra={"examples": [example]})


def with_fields(base: type[Model], name: str = "", /, **fields: Any) -> type[Model]:
    """The model with these fields beside its own, or in place of them; under the same name unless told another."""
    return create_model(
        name or base.__name__, __base__=base, __module__=base.__module__, __doc__=base.__doc__, **fields
    )


def unchanged() -> Any:
    """The default of a field of a change: left out means unchanged, so no default is shown or ever used."""
    return Field(default=None, json_schema_extra=_without_default)


def _without_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


def _line(most: int) -> Any:
    """One line of text that says something: no control characters."""
    pattern = r"^[^\x00-\x1f\x7f]*[^\x00-\x1f\x7f\s][^\x00-\x1f\x7f]*$"
    return StringConstraints(min_length=1, max_length=most, pattern=pattern)


def _text(most: int) -> Any:
    """Text of any number of lines; only NUL, which PostgreSQL cannot keep, is refused."""
    return StringConstraints(max_length=most, pattern=r"^[^\x00]*$")


def _empty_if_blank(text: str) -> str:
    return "" if is_blank(text) else text


def _says_something(text: str) -> str:
    if is_blank(text):
        raise ValueError("must hold something to be seen")
    return text


_SEEN, _ANY = AfterValidator(_says_something), AfterValidator(_empty_if_blank)


def one_line(most: int) -> Any:
    """The type of one line of at most so many characters that says something."""
    return Annotated[str, _line(most), _SEEN]


def free_text(most: int) -> Any:
    """The type of a text of at most so many characters; one of which nothing is to be seen is empty."""
    return Annotated[str, _text(most), _ANY]


Name = Annotated[str, _line(200), _SEEN]
Line40 = Annotated[str, _line(40), _SEEN]
Line80 = Annotated[str, _line(80), _SEEN]
Line120 = Annotated[str, _line(120), _SEEN]
_LINES = Shown(Widget.TEXT)
ShortText = Annotated[str, _text(500), _ANY, _LINES]
Text = Annotated[str, _text(4000), _ANY, _LINES]
Question = Annotated[str, StringConstraints(min_length=1, max_length=4000, pattern=r"^[^\x00]*$"), _SEEN, _LINES]
LongText = Annotated[str, _text(20_000), _ANY, _LINES]
Reason = Annotated[
    str, _line(500), _SEEN, Field(description="Why; the trail keeps it.", examples=["Corrected after a call"])
]


class Because(Body):
    """What an act says that has nothing more to say than why."""

    reason: Reason


Flag = Annotated[bool, Strict()]  # neither 0 nor "yes"


def _a_country(code: str) -> str:
    if not is_country(code):
        raise ValueError("must be an ISO 3166-1 alpha-2 code such as DE")
    return code


Country = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Z]{2}$"),
    AfterValidator(_a_country),
    Field(description="ISO 3166-1 alpha-2."),
    Shown(Widget.COUNTRY),
]


def _plain_number(value: object) -> object:
    """Python alone would also read `1_000`, `1e3` and digits of other scripts."""
    if isinstance(value, str) and not re.fullmatch(r"\d{1,12}(\.\d{1,3})?", value, re.ASCII):
        raise ValueError("must be a number such as 24 or 0.5, of at most three decimals, without blanks or commas")
    return value


Quantity = Annotated[Decimal, BeforeValidator(_plain_number), Field(gt=0, max_digits=12, decimal_places=3)]
Temperature = Annotated[float, Field(ge=-273.15, le=200, allow_inf_nan=False, description="°C")]
Version = Annotated[int, Field(ge=1, description="Grows with every change; the ETag.")]


def _instant(value: object) -> object:
    """RFC 3339 with an offset; pydantic alone would also take numbers and naive times."""
    if isinstance(value, str) and not _RFC_3339.fullmatch(value):
        raise ValueError("must be a time with an offset, for example 2026-03-01T09:30:00+01:00")
    if not isinstance(value, str | datetime):
        raise ValueError("must be a text such as 2026-03-01T09:30:00+01:00")
    return value


_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _within_reach(moment: datetime) -> datetime:
    if moment.year not in YEARS:
        raise ValueError(_OUT_OF_REACH)
    return moment.astimezone(UTC)


Instant = Annotated[
    datetime,
    BeforeValidator(_instant),
    AfterValidator(_within_reach),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-03-01T09:30:00+01:00"]}),
]


def _day(value: object) -> object:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.ASCII):
        raise ValueError("must be a date such as 2026-03-01")
    if int(value[:4]) not in YEARS:
        raise ValueError(_OUT_OF_REACH)
    return value


Day = Annotated[
    date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date", "examples": ["2026-03-16"]})
]


def _read_by(parse: Callable[[str, str], timedelta]) -> Callable[[str], str]:
    def checked(text: str) -> str:
        try:
            parse("duration", text)
        except TermsError as error:
            raise ValueError(error.message) from error
        return text

    return checked


Duration = Annotated[
    str,
    StringConstraints(max_length=40),
    AfterValidator(_read_by(parse_duration)),
    Field(description="ISO 8601 in weeks, days, hours, minutes, seconds.", examples=["PT24H"]),
]


Offset = Annotated[
    str,
    StringConstraints(max_length=40),
    AfterValidator(_read_by(parse_offset)),
    Field(description="A duration; with a minus sign, before its anchor.", examples=["-PT24H"]),
]


def _address(email: str) -> str:
    try:
        return parse_address(email).text
    except Invalid as error:
        raise ValueError(error.message) from None


Email = Annotated[
    str,
    StringConstraints(min_length=3, max_length=254),
    AfterValidator(_address),
    WithJsonSchema({"type": "string", "format": "email", "maxLength": 254}),
]


def _zone(name: str) -> str:
    if not is_zone(name):
        raise ValueError("is not an IANA time zone such as Europe/Berlin")
    return name


Zone = Annotated[
    str,
    StringConstraints(min_length=1, max_length=64),
    AfterValidator(_zone),
    Field(description="IANA time zone.", examples=["Europe/Zurich"]),
    Shown(Widget.ZONE),
]


class StaffRole(StrEnum):
    """What a person of the sponsor may be."""

    PROJECT_MANAGER = "project_manager"
    LEAD = "lead"
    HEAD = "head"
    QUALITY = "quality"
    STEERING = "steering"
    ADMIN = "admin"
    AUDITOR = "auditor"


class ContactRole(StrEnum):
    """What a person of a CMO may be."""

    CMO_CONTACT = "cmo_contact"
    CMO_LEAD = "cmo_lead"
    AUDITOR = "auditor"
