"""Errors in the language of the page that shows them."""

from slamon.errors import Invalid, SlamonError
from slamon.wording.language import Language


def problem(error: SlamonError, language: Language) -> str:
    """What is wrong; of a field without its name."""
    return language.gettext(error.sentence, **error.values)


def in_full(error: SlamonError, language: Language) -> str:
    """The same as a sentence of its own, with the name of the field."""
    said = problem(error, language)
    return f"{error.field}: {said}" if isinstance(error, Invalid) else said
