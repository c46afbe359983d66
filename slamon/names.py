"""What a name may be that messages carry: of a person, an organization or a site."""

import re
import unicodedata

from slamon.domain.normal_form import normal_form
from slamon.errors import Invalid

_LINK = re.compile(r"://|www\.|@|mailto:")
_TURNS_TEXT = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")  # what follows, right to left


def refuse_no_name(field: str, name: str) -> None:
    """Raise Invalid for a name that looks like a link or an address, or that holds control characters."""
    found = _LINK.search(normal_form(name))  # as a reader sees it: `ｗｗｗ.` and a hidden letter in `www.` too
    if found:
        raise Invalid(field, f"must not hold '{found[0]}': it is a name, and messages would make a link of it")
    if any(unicodedata.category(char) == "Cc" or char in _TURNS_TEXT for char in name):
        raise Invalid(field, "holds control characters; type the name anew")
