"""All messages of slamon as a gettext catalogue, and the .po file of a language brought up to date with them.

python -m tests.wording.messages_of_slamon de
"""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po
from jinja2.ext import babel_extract

import slamon
from slamon.channels.mail import HTML_STATEMENTS
from slamon.channels.registry import SHIPPED
from slamon.wording.language import FOLDER
from slamon.wording.words import ENGLISH, mapped

ROOT = Path(slamon.__file__).parent
IN_ENGLISH_ONLY = ("demo/", "cli/")
_JINJA = {"trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}
_METHODS = [("**.py", "python"), ("web/**.html", babel_extract), ("channels/**.txt", babel_extract),
            ("channels/**.html", babel_extract)]  # fmt: skip
_OPTIONS = {
    "web/**.html": _JINJA,
    "channels/**.txt": _JINJA,
    "channels/**.html": {**_JINJA, "block_start_string": HTML_STATEMENTS[0], "block_end_string": HTML_STATEMENTS[1]},
}
_SENTENCE_OF = {"Invalid": 1, "Contradiction": 1, "Forbidden": 0, "NotSignedIn": 0, "Conflict": 0, "AlreadyExists": 0}
_KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2)}


def all_messages() -> Catalog:
    """Every message of code and templates, and every text of the tables with its class and field as context."""
    catalog = Catalog(project="slamon", charset="utf-8", fuzzy=False)
    for file, message in sentences():
        catalog.add(message, locations=[(f"slamon/{file}", 0)])
    for context, text in texts_of_tables():
        catalog.add(text, context=context)
    return catalog


@cache
def sentences() -> tuple[tuple[str, Any], ...]:
    """The sentences of code, templates and errors, each with its file; one with a plural is a pair."""
    found = extract_from_dir(ROOT, method_map=_METHODS, options_map=_OPTIONS, keywords=_KEYWORDS)
    spoken = [(file, message) for file, _, message, _, _ in found if not file.startswith(IN_ENGLISH_ONLY)]
    return (*spoken, *((place.partition(":")[0], sentence) for place, sentence, _ in errors()))


def errors() -> Iterator[tuple[str, str, list[str]]]:
    """The sentences that errors are raised with: place, sentence, and the names of its values.

    One that is put together in another way is said in English on every page.
    """
    for file in sorted(ROOT.rglob("*.py")):
        for call in (node for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, ast.Call)):
            at = _SENTENCE_OF.get(getattr(call.func, "id", ""))
            said = call.args[at] if at is not None and len(call.args) > at else None
            if isinstance(said, ast.Constant) and isinstance(said.value, str):
                place = f"{file.relative_to(ROOT).as_posix()}:{call.lineno}"
                yield place, said.value, [str(each.arg) for each in call.keywords]


def texts_of_tables() -> Iterator[tuple[str, str]]:
    found: list[tuple[str, str]] = []

    def note(context: str, text: str) -> str:
        found.append((context, text))
        return text

    mapped(ENGLISH, note)
    for channel in SHIPPED:
        mapped(channel.words, note)
    yield from found


def bring_up_to_date(code: str, folder: Path = FOLDER) -> Path:
    """The file of that language, made or changed: what is new is empty, what is gone is marked as obsolete."""
    folder.mkdir(exist_ok=True)
    file = folder / f"{code}.po"
    catalog = Catalog(locale=code, project="slamon", charset="utf-8", fuzzy=False)
    if file.exists():
        with file.open("rb") as stored:
            catalog = read_po(stored, locale=code)
    catalog.update(all_messages(), no_fuzzy_matching=True, update_creation_date=False)
    with file.open("wb") as stored:
        write_po(stored, catalog, width=120, no_location=True, sort_output=True)
    return file


if __name__ == "__main__":
    print(*map(bring_up_to_date, sys.argv[1:]), sep="\n")  # noqa: T201
