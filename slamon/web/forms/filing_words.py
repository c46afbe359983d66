"""What the filing form calls its fields, and what it says where one of them is empty or wrong."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from slamon.schemas.shapes import Shape, Widget
from slamon.web.forms.filing_fields import Fields, wrong_fields
from slamon.wording.language import capital
from slamon.wording.types import FieldWords, RowWords, TypeWords
from slamon.wording.words import Words

_CHOSEN = frozenset({Widget.COUNTRY, Widget.ZONE})
_EMPTY = frozenset({"missing", "string_too_short", "too_short", "value_error"})


@dataclass(frozen=True, slots=True)
class FormWords:
    """The words of one type's form."""

    own: TypeWords
    fields: Mapping[str, FieldWords]
    codes: Mapping[str, str]
    all: Words

    @classmethod
    def of(cls, words: Words, request_type: str) -> "FormWords":
        own = words.types[request_type]
        return cls(own, {**words.request_fields, **own.fields}, {**words.request_codes, **own.codes}, words)

    @property
    def rows(self) -> Mapping[str, RowWords]:
        return self.own.rows

    def title(self, name: str) -> str:
        """What a field is called in a list of all fields: `Line 2, quantity`. "The form" for what is none of them."""
        language = self.all.language
        steps = name.split(".")
        place = ".".join(step for step in steps if not step.isdecimal())
        row = next((number for number, step in enumerate(steps) if step.isdecimal()), None)
        if place not in self.fields:
            return language.gettext("The form")
        if row is None:
            return self.fields[place].label
        one = f"{self.rows['.'.join(steps[:row])].one} {int(steps[row]) + 1}"
        return one if row == len(steps) - 1 else language.listed((one, language.within(self.fields[place].label)))

    def problems_in(self, wrong: ValidationError, shapes: Sequence[Shape], fields: Fields) -> dict[str, str]:
        """What is wrong, by the name of the form's field."""
        problems: dict[str, str] = {}
        for shape, name, error in wrong_fields(wrong, shapes, fields):
            problems.setdefault(name, self._problem(shape, error, is_empty=not fields(name)))
        return problems

    def _problem(self, shape: Shape, error: Mapping[str, Any], *, is_empty: bool) -> str:
        missing = self.fields[shape.place].missing
        if missing and is_empty and error["type"] in _EMPTY:
            return missing
        if shape.widget in _CHOSEN:
            return self.all.codes.problems["enum"]
        return self._without_names(plain(error, self.all))

    def _without_names(self, message: str) -> str:
        """The models speak of fields by their names; here they are called by their labels."""
        labels = {place.rpartition(".")[2]: words.label for place, words in self.own.fields.items()}
        first, _, rest = message.partition(" ")
        message = rest if first in labels and "_" in first else message
        return re.sub(r"[a-z]+(_[a-z]+)+", lambda found: _quoted(labels.get(found[0], found[0])), message)

    def sayings(self, problems: Mapping[str, str]) -> list[tuple[str, str, str]]:
        """The summary of what is wrong: the field's name, its words as a link, and what follows them."""
        said = []
        sentences = {words.missing for words in self.fields.values() if words.missing}
        for name, message in problems.items():
            if not name or message in sentences:
                said.append((name, capital(message), ""))
            else:
                said.append((name, self.title(name), f": {message}"))
        return said


def _quoted(label: str) -> str:
    return f"“{label}”"


def plain(error: Mapping[str, Any], words: Words) -> str:
    """What is wrong with a field, out of pydantic's error."""
    message = str(error["msg"]).removeprefix("Value error, ")
    return words.codes.problems.get(error["type"]) or words.language.within(message)
