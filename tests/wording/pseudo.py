"""A language in which every text of slamon stands in brackets: no translator can reach what a reader sees outside them.

Placeholders and tags stay outside the brackets, so that what is filled in must have come from the language as well.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from io import BytesIO

from babel.messages.catalog import Message
from babel.messages.pofile import write_po

from slamon.wording.language import Language, read_language
from slamon.wording.words import ENGLISH, Words, in_language
from tests.wording.messages_of_slamon import all_messages

_NO_TEXT = re.compile(r"(\{[^{}]*\}|<[^>]*>|&\w+;)")
_SEEN_ATTRIBUTES = frozenset({"alt", "aria-label", "label", "placeholder", "title", "data-name"})


@cache
def pseudo_language() -> Language:
    """Read from a .po file, as every language but English is."""
    catalog, file = all_messages(), BytesIO()
    for message in catalog:
        if message.id:
            message.string = _bracketed(message)
    write_po(file, catalog)
    file.seek(0)
    read = read_language("en", file)
    weekdays, months = (tuple(map(bracketed, names)) for names in (read.weekdays, read.months))
    return replace(read, weekdays=weekdays, months=months)


@cache
def pseudo_words() -> Words:
    return in_language(ENGLISH, pseudo_language())


def _bracketed(message: Message) -> str | tuple[str, ...]:
    if isinstance(message.id, str):
        return bracketed(message.id)
    return tuple(bracketed(form) for form in message.id)


def bracketed(text: str) -> str:
    parts = _NO_TEXT.split(text)
    return "".join(f"⟦{part}⟧" if index % 2 == 0 and part.strip() else part for index, part in enumerate(parts))


def untranslated(text: str, given: Iterable[str] = ()) -> list[str]:
    """The words that stand outside the brackets and are none of the given names, numbers and codes."""
    left = re.sub(r"⟦[^⟦⟧]*⟧", " ", text)
    for name in sorted(given, key=len, reverse=True):
        left = left.replace(name, " ")
    return re.findall(r"[^\W\d_]+", left)


def seen_in(html: str) -> str:
    """What a reader sees or hears of a page: its text, and the attributes that browsers show or read aloud."""
    reader = _Reader()
    reader.feed(html)
    return " ".join(reader.texts())


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self._seen: list[str] = []
        self._unseen = 0

    def texts(self) -> Iterator[str]:
        yield from self._seen

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._unseen += tag in ("script", "style")
        self._seen += [value for name, value in attrs if name in _SEEN_ATTRIBUTES and value]
        # Sentences that a script fills in.
        self._seen += [re.sub(r"\{\w+\}", "", value or "") for name, value in attrs if name.startswith("data-say-")]

    def handle_endtag(self, tag: str) -> None:
        self._unseen -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self._seen.append(data)
