"""What a form of an action consists of, and what the forms of one request are made from."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from slamon.db.requests import CmoRequest
from slamon.domain.lifecycle import RequestTypeDefinition, Rule, State
from slamon.domain.progress import Progress
from slamon.domain.stage import possible_actions
from slamon.domain.timeline import Role
from slamon.services.deadlines.loading import LoadedRequest
from slamon.web.view.instants import today_in
from slamon.wording.types import TypeWords
from slamon.wording.words import Words


class Kind(StrEnum):
    LINE = "line"
    TEXT = "text"
    DATE = "date"
    MOMENT = "moment"  # typed in the reader's zone
    NUMBER = "number"
    CHOICE = "choice"
    GROUP = "group"  # of other fields, under one heading


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    words: str


@dataclass(frozen=True, slots=True)
class Field:
    """One thing to fill in. `value` is what stands in it at first; `parts` are the fields of a group.

    A name with dots is a place: `lines.2.quantity` is the quantity of the second line.
    """

    name: str
    label: str
    kind: Kind = Kind.LINE
    is_required: bool = False
    hint: str = ""
    value: str = ""
    choices: tuple[Choice, ...] = ()
    most: int = 200  # characters
    least: str = ""  # the first day that makes sense
    parts: tuple["Field", ...] = ()
    is_folded: bool = False
    is_list: bool = False  # typed with commas


@dataclass(frozen=True, slots=True)
class ActionForm:
    """What an action asks for now."""

    action: str
    fields: tuple[Field, ...]
    takes_file: bool = False

    def leaves(self) -> Iterator[Field]:
        """The fields one types into, groups opened."""
        yield from _leaves(self.fields)


@dataclass(frozen=True, slots=True)
class Basis:
    """What the forms of one request are made from. `is_cmo` says for which side; `zone` is the reader's own."""

    case: LoadedRequest
    words: Words
    progress: Progress  # the case's, or as it was when what is written down was said
    is_cmo: bool
    zone: str
    now: datetime
    contacts: Sequence[tuple[UUID, str]] = field(default_factory=tuple)
    may_set_priority: bool = False

    @property
    def request(self) -> CmoRequest:
        return self.case.request

    @property
    def type(self) -> RequestTypeDefinition:
        return self.case.type

    @property
    def type_words(self) -> TypeWords:
        return self.words.types[self.type.name]

    @property
    def today(self) -> date:
        return today_in(self.zone, self.now)

    def open_to(self, roles: Collection[Role]) -> dict[str, Rule]:
        """What somebody in these roles may do now, each with its rule."""
        return possible_actions(self.case.catalogue, self.type, State(self.request.state), self.progress, roles)


def _leaves(fields: Sequence[Field]) -> Iterator[Field]:
    for each in fields:
        if each.kind is Kind.GROUP:
            yield from _leaves(each.parts)
        else:
            yield each
