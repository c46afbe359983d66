"""One cell as a person sees it: a number under its format, and a text that nobody can have meant to write.

What a cell means is not known here.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Context, Decimal
from functools import lru_cache
from typing import TypeAlias

from slamon.imports.figures import plain_number

Value: TypeAlias = Decimal | date | datetime

LONGEST_FORMAT = 255  # characters
FAILED = "a formula failed here; mend it, or put the value in its place"


@dataclass(frozen=True, slots=True)
class Cell:
    """`text` is what is seen; `value` the exact number or day behind it, if any; `fault` why it cannot be used."""

    text: str
    value: Value | None = None
    fault: str | None = None


# English as stored, and what German, French, Spanish, Italian, Portuguese and Dutch programs write into a CSV file.
_FAILED_FORMULA = re.compile(
    r"#(?:NULL!|DIV/0!|VALUE!|REF!|NAME\?|NUM!|N/A|GETTING_DATA|SPILL!|CALC!|FIELD!|BLOCKED!|CONNECT!|BUSY!|UNKNOWN!|"
    r"EXTERNAL!|PYTHON!|TIMEOUT!|NULL|BEZUG!|WERT!|NV|ZAHL!|ÜBERLAUF!|VALEUR!|NOM\s?\?|NOMBRE\s?!|NOMBRE\?|"
    r"¡(?:REF|VALOR|NUM|DIV/0|NULO)!|VALOR!|N/D|NOME\?|NÚM!|RIF!|VALORE!|VERW!|WAARDE!|NAAM\?|GETAL!|N/B|ERROR!)"
    r"|Err:\d{3}",
    re.IGNORECASE,
)
_APOSTROPHE = re.compile(r"'[\d=+@-]")


def fault_of(text: str) -> str | None:
    """Why a text is not what somebody meant to write, however it came into its cell."""
    if _FAILED_FORMULA.fullmatch(text):
        return FAILED
    if len(text) > 1 and not text.strip("#"):
        return "shows no value, because the column was too narrow when it was saved; widen it and save again"
    if "\ufffd" in text:
        return "holds \ufffd, the sign of a letter that was lost on the way; save the file as UTF-8 from its source"
    if _APOSTROPHE.match(text):
        return "begins with the apostrophe that marks text in a spreadsheet and is no part of it; remove it"
    return None


# ECMA-376, 18.8.30, as far as they say more than how many digits are shown; 27 to 58 are those of East Asia.
BUILT_IN: Mapping[int, str] = {
    **dict.fromkeys((*range(14, 18), *range(27, 32), *range(34, 37), *range(50, 59)), "yyyy-mm-dd"),
    **dict.fromkeys((18, 19, 20, 21, 32, 33, 45, 47), "h:mm:ss"),
    1: "0",
    9: "0%",
    10: "0.00%",
    22: "yyyy-mm-dd h:mm",
    46: "[h]:mm:ss",
}
_SECTION_END = re.compile(r';(?=(?:[^"]*"[^"]*")*[^"]*$)')
_ELAPSED = re.compile(r"\[(?:h+|m+|s+)\]", re.IGNORECASE)
# Colours, conditions, languages, and what only fills or keeps a width free.
_ASIDE = re.compile(r"\[(?!\$[^-\]]|h+\]|m+\]|s+\])[^\]]*\]|_.|\*.|general", re.IGNORECASE)
_TOKEN = re.compile(r'"([^"]*)"|\\(.)|\[\$([^\]-]*)[^\]]*\]|(.)', re.DOTALL)
_FIFTEEN = Context(prec=15)  # digits: a workbook keeps no more


def as_shown(number: Decimal, code: str, *, counts_from_1904: bool) -> Cell:
    """A number under its format: as a day, a time, a percentage, with its leading zeros, or plainly.

    Raises ValueError for what is no number of a workbook.
    """
    if not number.is_finite() or not -400 < number.adjusted() < 400:
        raise ValueError(number)
    sections = _sections(code)
    at = 1 if number < 0 else 2 if number == 0 else 0
    section = sections[at] if at < len(sections) else sections[0]
    if not section.code:
        fault = "is hidden by its number format; give it one that shows it"
        return Cell(plain_number(number), fault=fault) if number else Cell("")
    if section.is_span or (section.has_time and not section.has_day and 0 <= number < 1):
        return _as_time(number)
    if section.has_day or section.has_time:
        return _as_moment(number, has_time=section.has_time, counts_from_1904=counts_from_1904)
    exact = _FIFTEEN.plus(number)
    if abs(exact) >= Decimal(10) ** 15:
        reason = (
            "is a number of more than 15 digits, which a workbook cuts; format the column as text and type it again"
        )
        return Cell(str(number), fault=reason)
    if section.is_percentage:
        return Cell(f"{plain_number(exact * 100)}%")
    sign = "-" if number < 0 and len(sections) == 1 else ""
    text = _with_digits(exact, section.tokens)
    return Cell(plain_number(exact) if text is None else sign + text, exact)


@dataclass(frozen=True, slots=True)
class _Section:
    """What a part of a number format shows. Tokens are fixed text, or a sign that stands for something."""

    code: str
    tokens: tuple[tuple[str, str], ...]
    has_day: bool
    has_time: bool
    is_span: bool
    is_percentage: bool


@lru_cache(maxsize=512)
def _sections(code: str) -> tuple[_Section, ...]:
    """The parts of a format: for positive numbers, negative ones, zero."""
    return tuple(map(_section, _SECTION_END.split(code)))


def _section(code: str) -> _Section:
    found = _TOKEN.findall(_ASIDE.sub("", code))
    tokens = tuple((quoted + escaped + sign, plain) for quoted, escaped, sign, plain in found)
    letters = "".join(plain for _, plain in tokens).casefold()
    return _Section(
        code=code,
        tokens=tokens,
        has_day=bool(re.search("[dy]|mmm", letters)),
        has_time=bool(re.search("[hs]", letters)),
        is_span=bool(_ELAPSED.search(code)),
        is_percentage="%" in letters,
    )


def _with_digits(number: Decimal, tokens: tuple[tuple[str, str], ...]) -> str | None:
    """The number in a format of whole digits and fixed text, such as 00000 or "LOT-"000; None where it is another."""
    signs = {plain for _, plain in tokens}
    if "0" not in signs or signs & set(".,Ee?@/"):
        return None
    digits, places = f"{abs(number):.0f}", sum(plain in ("0", "#") for _, plain in tokens if plain)
    shown: list[str] = []
    for fixed, plain in reversed(tokens):
        if plain not in ("0", "#"):
            shown.append(fixed or plain)
            continue
        places -= 1
        taken = digits[-1:] if places else digits  # the first place takes all that is left
        digits = digits[: len(digits) - len(taken)]
        shown.append(taken or ("0" if plain == "0" else ""))
    return "".join(reversed(shown)).strip()


def _as_time(number: Decimal) -> Cell:
    """A time of day, or a span that may be longer than a day."""
    seconds = int((number * 86_400).to_integral_value())
    hours, rest = divmod(abs(seconds), 3600)
    return Cell(f"{'-' if seconds < 0 else ''}{hours}:{rest // 60:02}:{rest % 60:02}")


def _as_moment(number: Decimal, *, has_time: bool, counts_from_1904: bool) -> Cell:
    """A day, and its time where there is one or the format shows one: midnight is a time then."""
    first = 0 if counts_from_1904 else 61  # before 1 March 1900 workbooks count a day that never was
    if not first <= number < 2_958_466:
        return Cell(plain_number(number), fault="is formatted as a date and is none; put the date in its place")
    epoch = datetime(1904, 1, 1) if counts_from_1904 else datetime(1899, 12, 30)  # noqa: DTZ001 (no zone is known here)
    at = epoch + timedelta(seconds=int((number * 86_400).to_integral_value()))
    has_hour = (at.hour, at.minute, at.second) != (0, 0, 0)
    return Cell(str(at if has_time else at.date()), at if has_time or has_hour else at.date())
