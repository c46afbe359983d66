"""Codes and values as pages show them, where no form or table of words has them."""

from datetime import date
from enum import StrEnum
from typing import TypeVar

from slamon.db.shutdowns import ShutdownStatus
from slamon.wording.instants import civil_day
from slamon.wording.language import ENGLISH, Language, capital

Code = TypeVar("Code", bound=StrEnum)

# The colour of a shutdown's pill.
SHUTDOWN_TONES = {ShutdownStatus.ANNOUNCED: "soon", ShutdownStatus.AGREED: "met", ShutdownStatus.REFUSED: "off"}
_DAYS = ("_date", "_from", "_to", "_on")


def shown(name: str, value: object, language: Language = ENGLISH) -> str:
    """A value of a detail as text: civil dates as elsewhere, lists with commas."""
    if isinstance(value, list | tuple):
        return language.listed(shown(name, each, language) for each in value)
    if name.endswith(_DAYS) and isinstance(value, str):
        return civil_day(date.fromisoformat(value), language)
    return yes_or_no(value, language) if isinstance(value, bool) else str(value)


def yes_or_no(value: object, language: Language) -> str:
    return language.gettext("yes") if value else language.gettext("no")


def named(kind: type[Code], text: str) -> Code | None:
    """The member of `kind` that `text` names; None for anything else."""
    try:
        return kind(text)
    except ValueError:
        return None


def label(name: str) -> str:
    """The name of a field or code that no words are kept of, made readable: `old_field` is "Old field"."""
    return capital(name).replace("_", " ")
