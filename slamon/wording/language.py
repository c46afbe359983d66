"""A language: its sentences by gettext, its dates, numbers and plurals by its locale.

Message ids are the English sentences, with named placeholders; English therefore needs no file. Another language is one
file, `locale/<code>.po`, read once. What a file lacks is said in English; a test finds it before a reader does.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, reduce
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path
from typing import IO

from babel import Locale
from babel.numbers import format_decimal

_WITH_CAPITAL_NOUNS = frozenset({"de", "lb"})
FOLDER = Path(__file__).parent / "locale"


@dataclass(frozen=True, slots=True, eq=False)
class Language:
    """One language. `weekdays` begins on Monday; both lists are short names, as within a date."""

    code: str
    locale: Locale
    weekdays: tuple[str, ...]
    months: tuple[str, ...]
    translations: NullTranslations

    def gettext(self, message: str, /, **values: object) -> str:
        """The message with its placeholders filled; without values it stays as it is, placeholders and all."""
        text = self.translations.gettext(message) if message else ""  # that of nothing is the head of the file
        return text.format(**values) if values else text

    def pgettext(self, context: str, message: str) -> str:
        """The message where its English alone does not tell what is meant: "answer" the noun, or the verb."""
        return self.translations.pgettext(context, message)

    def ngettext(self, one: str, many: str, n: float | Decimal, /, **values: object) -> str:
        """The form for `n` things; {n} is filled in with the locale's separators unless a value says how."""
        return self.plural(one, many, n).format(**{"n": self.number(n), **values})

    def plural(self, one: str, many: str, n: float | Decimal) -> str:
        """The form for `n` things with its placeholders as they are."""
        whole = int(n)  # gettext knows whole numbers only: half a kit and 1.5 hours are several
        return self.translations.ngettext(one, many, whole if n == whole else max(2, whole + 1))

    def number(self, figure: float | Decimal) -> str:
        """`1,234.5`."""
        if isinstance(figure, int) and 0 <= figure < 1000:  # nearly all, and no language has separators in them
            return str(figure)
        return format_decimal(figure, locale=self.locale, decimal_quantization=False)

    def plain_number(self, figure: Decimal) -> str:
        """`1234.5`: a quantity, which is not grouped."""
        return format_decimal(figure, locale=self.locale, decimal_quantization=False, group_separator=False)

    def rounded(self, figure: float) -> str:
        """`1,234.0`: with one decimal."""
        return format_decimal(Decimal(figure), format="#,##0.0", locale=self.locale)

    def within(self, label: str) -> str:
        """A label in the middle of a sentence; what is written in capitals stays so, and so do German nouns."""
        if label[:2].isupper() or self.locale.language in _WITH_CAPITAL_NOUNS:
            return label
        return label[:1].lower() + label[1:]

    def countries(self, english: Mapping[str, str]) -> dict[str, str]:
        """Countries by their code, in the order of their names: English keeps the short names it is given."""
        if self.code == ENGLISH.code:
            return dict(english)
        named = {code: str(self.locale.territories.get(code, name)) for code, name in english.items()}
        return dict(sorted(named.items(), key=lambda each: each[1].casefold()))

    def both(self, names: Iterable[str]) -> str:
        """`receipt and answer`; nothing for no names."""
        return _joined(self.gettext("{one} and {other}"), names)

    def either(self, names: Iterable[str]) -> str:
        """`confirmed receipt or answered`; nothing for no names."""
        return _joined(self.gettext("{one} or {other}"), names)

    def listed(self, names: Iterable[str]) -> str:
        """`24 kits, 10 vials`; nothing for no names."""
        return _joined(self.gettext("{one}, {other}"), names)


def read_language(code: str, file: IO[bytes]) -> Language:
    """The language of a .po file. Raises ValueError for a file that is none."""
    from babel.messages.mofile import write_mo  # only where there is more than English
    from babel.messages.pofile import read_po

    compiled = BytesIO()
    write_mo(compiled, read_po(file, locale=code, abort_invalid=True))
    compiled.seek(0)
    return _language(code, GNUTranslations(compiled))


@cache
def language(code: str) -> Language:
    """The language of that code: English, or one that has a file. Raises LookupError for any other."""
    if code == ENGLISH.code:
        return ENGLISH
    try:
        with (FOLDER / f"{code}.po").open("rb") as file:
            return read_language(code, file)
    except FileNotFoundError as err:
        raise LookupError(f"no words in the language '{code}': {err.filename} is missing") from err


def _language(code: str, translations: NullTranslations) -> Language:
    locale = Locale.parse(code)
    weekdays, months = locale.days["format"]["abbreviated"], locale.months["format"]["abbreviated"]
    return Language(
        code=code,
        locale=locale,
        weekdays=tuple(str(weekdays[number]) for number in range(7)),
        months=tuple(str(months[number]) for number in range(1, 13)),
        translations=translations,
    )


def _joined(message: str, names: Iterable[str]) -> str:
    every = list(names)
    return reduce(lambda one, other: message.format(one=one, other=other), every) if every else ""


ENGLISH = _language("en", NullTranslations())


def capital(text: str) -> str:
    """The text with its first letter as a capital, the others as they are."""
    return text[:1].upper() + text[1:]
