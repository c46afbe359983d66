"""What every action shares: limits of what it says, what it is checked against, and its definition.

Limits and widgets are plain classes of our own inside `Annotated`; schemas, forms and imports derive theirs from them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from typing import Annotated, Any, ClassVar, Generic, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from slamon.domain.progress import Progress
from slamon.domain.terms import Terms
from slamon.domain.timeline import Timeline, Via, end_of_day


@dataclass(frozen=True, slots=True)
class OneLine:
    """One line of text that says something."""

    most: int  # characters


@dataclass(frozen=True, slots=True)
class FreeText:
    """Text of any number of lines."""

    most: int  # characters


@dataclass(frozen=True, slots=True)
class Address:
    """An e-mail address."""


@dataclass(frozen=True, slots=True)
class Amount:
    """A quantity above zero, of at most three decimals."""


@dataclass(frozen=True, slots=True)
class Celsius:
    """A temperature in °C."""


@dataclass(frozen=True, slots=True)
class Between:
    """A whole number in [least, most]; None for no upper end."""

    least: int
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Count:
    """How many entries a list may have."""

    least: int
    most: int


@dataclass(frozen=True, slots=True)
class NoneOf:
    """Codes of the set that nobody may say."""

    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Described:
    """What the API document says of the field."""

    text: str


@dataclass(frozen=True, slots=True)
class AmendableDetail:
    """Fields of the detail by name, of those that the request's type lets be amended."""


@dataclass(frozen=True, slots=True)
class Group:
    """The heading under which a form draws the field."""

    name: str


@dataclass(frozen=True, slots=True)
class Widget:
    """How a form draws the field where it depends on the request: by a name that `web.forms` knows."""

    name: str


class Contradiction(ValueError):
    """An act does not fit what happened before; `field` names the part of it, the message says the way out."""

    def __init__(self, where: str, sentence: str, /, **values: object) -> None:
        self.field, self.sentence, self.values = where, sentence, values
        self.message = sentence.format(**values) if values else sentence
        super().__init__(f"{where}: {self.message}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What an act says; whatever it does: a text, a reason, a day on which the CMO expects to answer, files.

    Empty and None mean that nothing was said; what an action cannot do without is in its rule (`lifecycle.Rule.needs`).
    """

    action: ClassVar[str]

    text: Annotated[str, FreeText(20_000)] = ""
    reason: Annotated[str, FreeText(4000)] = ""
    expected_on: Annotated[
        date | None, Widget("promise"), Described("When the CMO expects to answer; not in the past.")
    ] = None
    attachments: Annotated[
        tuple[UUID, ...], Count(0, 20), Described("Files of this request that belong to what is said.")
    ] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """How an act came where staff write down a contact's call or mail; all empty where somebody acts themselves."""

    on_behalf_of: UUID | None = None  # the contact who called or wrote
    via: Via | None = None
    evidence: str = ""
    occurred_at: datetime | None = None  # when; now, if it is not said


@dataclass(frozen=True, slots=True)
class Standing:
    """What an act is checked against.

    `progress` is how far the request had come at `at`, when the act happened; `known` how far it has come by now, which
    differs where the act is written down late. `is_cmo` says whose act it is.
    """

    progress: Progress
    known: Progress
    timeline: Timeline  # up to `at`
    at: datetime
    terms: Terms
    is_cmo: bool

    @property
    def next_consignment(self) -> int:
        return len(self.known.consignments) + 1


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a spreadsheet that tell of an act: `at` dates it, `says` has the name of a column by field.

    `or_else` is said where a column that the action needs is empty.
    """

    at: str
    says: Mapping[str, str] = field(default_factory=dict)
    or_else: Mapping[str, str] = field(default_factory=dict)


Input = TypeVar("Input", bound=Said)


def unchecked(said: Any, _: Standing) -> Any:
    return said


@dataclass(frozen=True, slots=True, eq=False)
class ActionDefinition(Generic[Input]):
    """One action: what it says, how that is checked and completed, and the fact it makes.

    `facts` are the kinds of fact it may make, the usual one first; `chooses` tells which. `asks` are the fields of its
    form in their order. `check` returns what was said with what it left open filled in, or raises Contradiction.
    """

    says: type[Input]
    facts: tuple[str, ...]
    asks: tuple[str, ...] = ()
    takes_file: bool = False
    check: Callable[[Any, Standing], Input] = unchecked
    chooses: Callable[[Any, Progress], str] | None = None
    columns: Columns | None = None

    @property
    def name(self) -> str:
        return self.says.action

    @property
    def takes(self) -> list[str]:
        """The fields that are this action's alone, by name."""
        shared = {each.name for each in fields(Said)}
        return sorted(each.name for each in fields(self.says) if each.name not in shared)

    def fact_for(self, said: Input, progress: Progress) -> str:
        """The kind of fact that it makes."""
        return self.chooses(said, progress) if self.chooses else self.facts[0]


Value = TypeVar("Value")


def given(value: Value | None) -> Value:
    """A value that the rule of its action requires. Raises LookupError where it is missing all the same."""
    if value is None:
        raise LookupError("a fact lacks what its action requires")
    return value


def refuse_naive(said: Said) -> None:
    """Raise Contradiction for an instant without an offset."""
    for each in fields(said):
        value = getattr(said, each.name)
        if isinstance(value, datetime) and value.tzinfo is None:
            raise Contradiction(each.name, "needs an offset, for example 2026-03-01T09:30:00+01:00")


def refuse_past_promise(said: Said, at: datetime, terms: Terms) -> None:
    """Raise Contradiction where the CMO names a day that is over at its site; what is told of the past may."""
    days = {name: getattr(said, name, None) for name in ("expected_on", "planned_ship_on")}
    refuse_past_days(days, at, ZoneInfo(terms.calendar.tz))


def refuse_past_days(days: Mapping[str, date | None], at: datetime, zone: ZoneInfo) -> None:
    """Raise Contradiction for a day that is over in `zone`, by the name of its field: nobody can keep it any more."""
    for where, day in days.items():
        if day is not None and end_of_day(day, zone) < at:
            raise Contradiction(where, f"{day} lies in the past; it is over there, where the zone is {zone}")
