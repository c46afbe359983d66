"""What a name may be that messages carry: of a person, an organization or a site."""

import re
import unicodedata

from slamon.errors import Invalid

_LINK = re.compile(r"://|www\.|@", re.IGNORECASE)
_JOINERS = frozenset("\u200c\u200d")  # part of how Persian and Indic names are written


def refuse_no_name(field: str, name: str) -> None:
    """Raise Invalid for a name that looks like a link or an address, or that holds control characters."""
    found = _LINK.search(name)
    if found:
        raise Invalid(field, f"must not hold '{found[0]}': it is a name, and messages would make a link of it")
    if any(unicodedata.category(char) in ("Cc", "Cf") and char not in _JOINERS for char in name):
        raise Invalid(field, "holds control characters or invisible ones; type the name anew")
