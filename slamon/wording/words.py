"""Words: what every kind of the catalogue is called, as one value handed to the runtime beside it.

A kind without words is found by a test, never by a reader: looking one up raises KeyError.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cache
from typing import Any

from slamon.wording import language, types
from slamon.wording.actions import ACTIONS, ActionWords
from slamon.wording.clocks import ENGLISH_CLOCKS, ClockWords
from slamon.wording.codes import CODES, CodeWords
from slamon.wording.facts import FACTS, FactWords
from slamon.wording.language import Language
from slamon.wording.types import FieldWords, StateWords, TypeWords


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """The words of one language for kinds that grow, by name."""

    types: Mapping[str, TypeWords]
    states: Mapping[str, StateWords]
    actions: Mapping[str, ActionWords]
    facts: Mapping[str, FactWords]
    clocks: Mapping[str, ClockWords]
    request_fields: Mapping[str, FieldWords]
    request_codes: Mapping[str, str]
    codes: CodeWords
    language: Language = language.ENGLISH


ENGLISH = Words(
    actions=ACTIONS,
    facts=FACTS,
    clocks=ENGLISH_CLOCKS,
    types={"shipment": types.SHIPMENT, "data": types.DATA, "inquiry": types.INQUIRY},
    states=types.STATES,
    request_fields=types.REQUEST_FIELDS,
    request_codes=types.REQUEST_CODES,
    codes=CODES,
)


@cache
def in_language(words: Words, into: Language) -> Words:
    """The same words in another language; made once for each, since every text of the tables is looked up."""
    translated: Words = mapped(words, into.pgettext)
    return replace(translated, language=into)


def mapped(tables: Any, say: Callable[[str, str], str], context: str = "") -> Any:
    """Tables of the same shape, in which `say(context, text)` stands for each text that is not empty.

    The context is the class and the field: one English word may be a noun here and a verb there.
    """
    kind = type(tables)
    if isinstance(tables, str):
        return say(context, tables) if tables else tables
    if isinstance(tables, Mapping):
        return {key: mapped(value, say, context) for key, value in tables.items()}
    if isinstance(tables, Language):
        return tables
    names = [each.name for each in fields(tables)] if is_dataclass(tables) else getattr(tables, "_fields", None)
    if names is None:
        return tables
    return kind(**{of: mapped(getattr(tables, of), say, f"{kind.__name__}.{of}") for of in names})
