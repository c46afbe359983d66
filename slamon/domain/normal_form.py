"""How names, numbers, lots and references are compared, and what counts as text at all.

What people type is stored as typed. Whether two of them are the same is decided here and nowhere else.
"""

import re
import unicodedata

# Default_Ignorable_Code_Point (Unicode 15) as far as it is no format character, and the blank braille pattern: they
# take part in text and show nothing.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff]"
)
_ALIKE = str.maketrans("\u2018\u2019\u02bc\u2212", "'''-")  # typographic apostrophes, the minus sign


def normal_form(text: str) -> str:
    """The form by which two texts are compared: NFKC, case-folded, single spaces, nothing invisible, one hyphen.

    Empty for a text of which nothing is to be seen.
    """
    if text.isascii():
        plain = text.casefold()
        return " ".join(plain.split()) if plain.isprintable() else " ".join(_seen(plain).split())
    # Case-folding may leave a text composed otherwise: once more (Unicode, D145).
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", _seen(text)).casefold())
    return " ".join(_seen(folded).split())


def is_blank(text: str | None) -> bool:
    """Whether nothing of a text is to be seen: spaces, format and control characters alone say nothing."""
    return not text or not normal_form(text)


def visible(text: str | None) -> str | None:
    """The text without the spaces around it; None where nothing of it is to be seen."""
    return None if text is None or is_blank(text) else text.strip()


def listed(text: str) -> list[str]:
    """The parts of a list that somebody typed, with commas, semicolons or line ends between them."""
    return [part.strip() for part in re.split("[,;\n]", text) if not is_blank(part)]


def invisible_in(text: str) -> str | None:
    """The name of the first character that cannot be seen, spaces apart; None where there is none."""
    unseen = (letter for letter in text if not letter.isspace() and not _seen(letter))
    return next((unicodedata.name(letter, f"U+{ord(letter):04X}") for letter in unseen), None)


def _seen(text: str) -> str:
    """The text with spaces for white space and dashes as hyphens, without what is not to be seen."""
    return "".join(map(_one, _INVISIBLE.sub("", text.translate(_ALIKE))))


def _one(letter: str) -> str:
    if letter.isspace():
        return " "
    category = unicodedata.category(letter)
    if category in ("Cc", "Cf"):
        return ""
    return "-" if category == "Pd" else letter
