"""Every text that readers of messages see can be translated, and a language is complete or fails here."""

import ast
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes, policy
from io import BytesIO
from pathlib import Path
from string import Formatter
from typing import Any

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po
from jinja2 import nodes

from slamon.channels.mail import HTML_STATEMENTS, compose, sender_of
from slamon.channels.slack_blocks import blocks, fallback_text
from slamon.wording.instants import beside, civil_day, civil_days, moment, span, target
from slamon.wording.language import ENGLISH, FOLDER, Language, language, read_language
from slamon.wording.message import DigestLine, Message, MessageKind
from slamon.wording.messages import put_into_words
from slamon.wording.templates import environment
from tests.channels.messages import a_message, to_contact
from tests.servers.slack_and_mail import NOON
from tests.wording.messages_of_slamon import IN_ENGLISH_ONLY, ROOT, all_messages, bring_up_to_date, errors
from tests.wording.pseudo import pseudo_language, pseudo_words, seen_in, untranslated

# --- nothing in a message is without words ------------------------------------------------------------------------

# Names, numbers and addresses of the messages below, and what the system said in a sentence that was stored.
GIVEN = (
    "Nordlicht Bio", "SHP-2026-000042", "Halden Pharma", "Halden Boston", "Ana Contact", "Lea Lead", "Petra Manager",
    "PO-7781-ACTIVE-ARM", "Kit 17 goes to arm B", "Kits for site 12", "Ana Actor", "Zurich", "New York", "UTC",
    "ana@halden.example", "ana@halden\u2060.example", "email:", "The mailbox is full",
    "https://slamon.example/r/s3cr3t-t0ken", "https://slamon.example/requests/SHP-2026-000042",
)  # fmt: skip
EVERY_KIND = pytest.mark.parametrize("kind", list(MessageKind))


def variants(kind: MessageKind) -> Iterator[Message]:
    """Messages of that kind to both sides, as composed for a reader of the pseudo-language."""
    words, say = pseudo_words(), pseudo_language()
    for plain in (a_message(kind=kind), to_contact(kind=kind)):
        clock = replace(plain.clocks[0], words=words.clocks["answer"])
        other = replace(clock, words=words.clocks["reply"], unit="working hours", limit_seconds=5400, target_seconds=60)
        theirs, dated = replace(clock, is_the_sponsors=True), replace(clock, is_dated=True)
        short = words.types["shipment"].short
        lines = tuple(
            DigestLine("SHP-2026-000042", short, each, (clock, other), plain.link)
            for each in (MessageKind.LIMIT, MessageKind.TARGET, MessageKind.REMINDER)
        )
        told = replace(
            plain, address="ana@halden.example", language=say, clocks=(clock,), act=words.facts["delivered"],
            request_type=short, a_request=words.types["shipment"].a_request, topic="Kits for site 12",
            priority=words.request_codes["urgent"], detail="The mailbox is full.",
        )  # fmt: skip
        yield told
        yield replace(told, clocks=(clock, other), taken_by="Petra Manager", taken_at=NOON, is_repeat=True)
        yield replace(told, clocks=(other,), at=NOON + timedelta(days=9), tells_of_damage=True, instead_of="Lea Lead")
        yield replace(told, clocks=(replace(other, target_at=None, limit_at=None),), may_take=False, is_closed=True)
        yield replace(told, clocks=(dated,), closes_at=NOON, redirected_from="email: ana@halden.example")
        yield replace(told, clocks=(theirs, replace(theirs, limit_seconds=1)), tells_of_damage=True, is_closed=True)
        yield replace(
            told,
            clocks=(replace(theirs, is_dated=True),),
            act=words.facts["decided"] if kind is MessageKind.CLOSING else told.act,
        )
        yield replace(told, clocks=(theirs,), number="", recipient_name="")
        yield replace(told, clocks=(clock, dated) * 4, taken_by="Petra Manager")
        yield replace(told, clocks=(), lines=lines, more_lines=1234)
        yield replace(told, clocks=(), lines=lines[:1], more_lines=2)


@EVERY_KIND
def test_a_mail_has_no_words_that_a_translator_cannot_reach(kind: MessageKind) -> None:
    for message in variants(kind):
        mail: Any = message_from_bytes(compose(message, SENDER, NOON).content, policy=policy.default)
        plain, html = (part.get_content() for part in mail.iter_parts())
        assert untranslated(f"{mail['Subject']}\n{plain}", GIVEN) == []
        assert untranslated(seen_in(html), GIVEN) == []


SENDER = sender_of("slamon <slamon@nordlicht.example>")


@EVERY_KIND
def test_a_slack_message_has_no_words_that_a_translator_cannot_reach(kind: MessageKind) -> None:
    for message in variants(kind):
        wording = put_into_words(message)
        assert untranslated(fallback_text(message, wording), GIVEN) == []
        assert untranslated("\n".join(_texts(blocks(message, wording))), GIVEN) == []


def _texts(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        for key, value in part.items():
            yield from [value] if key == "text" and isinstance(value, str) else _texts(value)
    elif isinstance(part, list):
        for each in part:
            yield from _texts(each)


def test_what_has_no_words_is_found() -> None:
    assert untranslated("⟦Please ⟧answer⟦ by ⟧Tue, Ana", ["Ana"]) == ["answer", "Tue"]
    assert seen_in('<p title="a">b<i>c</i></p><style>d</style>').split() == ["a", "b", "c"]


# --- what can be translated is found ------------------------------------------------------------------------------

SPOKEN = {"gettext", "ngettext", "_"}
THE_MACHINERY = {"wording/errors.py", "wording/language.py", "wording/templates.py"}


def test_every_sentence_in_the_code_is_a_literal_whose_placeholders_are_all_filled() -> None:
    for file in sorted(ROOT.rglob("*.py")):
        place = file.relative_to(ROOT).as_posix()
        if place in THE_MACHINERY or place.startswith(IN_ENGLISH_ONLY):
            continue
        for call in (node for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, ast.Call)):
            name = getattr(call.func, "attr", getattr(call.func, "id", ""))
            if name in SPOKEN:
                messages = call.args[: 2 if name == "ngettext" else 1]
                texts = [each.value if isinstance(each, ast.Constant) else None for each in messages]
                _check(f"{place}:{call.lineno}", name, texts, [str(each.arg) for each in call.keywords])


@pytest.mark.parametrize("template", sorted(ROOT.glob("[cw]*/templates/*")), ids=lambda path: path.name)
def test_every_sentence_in_a_template_is_a_literal_whose_placeholders_are_all_filled(template: Path) -> None:
    is_mail = template.suffix == ".html" and template.parent.parent.name == "channels"
    made = environment(ENGLISH, is_html=True, statements=HTML_STATEMENTS if is_mail else ("{%", "%}"))
    for call in made.parse(template.read_text("utf-8")).find_all(nodes.Call):
        name = getattr(call.node, "name", "")
        if name in SPOKEN:
            messages = call.args[: 2 if name == "ngettext" else 1]
            texts = [each.value if isinstance(each, nodes.Const) else None for each in messages]
            _check(f"{template.name}:{call.lineno}", name, texts, [each.key for each in call.kwargs])


def test_every_sentence_of_an_error_has_all_its_placeholders_filled() -> None:
    for place, sentence, values in errors():
        assert placeholders(sentence) == sorted(values), f"{place}: {sentence!r}"


def _check(place: str, name: str, texts: list[Any], values: list[str]) -> None:
    for text in texts:
        assert isinstance(text, str), f"{place}: no translator sees what is put together"
        filled = {*values, "n"} if name == "ngettext" else set(values)
        is_for_a_script = place.startswith("staff.html") and not values
        assert is_for_a_script or set(placeholders(text)) <= filled, f"{place}: {text!r}"
    assert set(values) <= set(placeholders(" ".join(texts))), f"{place}: {texts}"


def placeholders(text: str) -> list[str]:
    return sorted(name for _, name, _, _ in Formatter().parse(text) if name is not None)


# --- a language is complete ---------------------------------------------------------------------------------------


def lacking(catalog: Catalog) -> list[str]:
    """What a language has no words for, or not those that its English asks for."""
    found = []
    for message in all_messages():
        own = catalog.get(message.id, message.context) if message.id else None
        if message.id and (own is None or own.fuzzy or not own.string or not all(_forms(own.string))):
            found.append(f"no words: {message.id!r}")
        elif own is not None:
            wanted = {name for text in _forms(message.id) for name in placeholders(text)}
            said = {name for text in _forms(own.string) for name in placeholders(text)}
            found += [f"other placeholders: {own.string!r}"] if said != wanted else []
    return found


def _forms(text: Any) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)


def test_every_language_that_is_shipped_is_complete() -> None:
    for file in FOLDER.glob("*.po"):  # English needs none
        with file.open("rb") as stored:
            assert lacking(read_po(stored, locale=file.stem)) == [], file.name


def test_a_new_language_begins_with_everything_to_say_and_keeps_what_was_said(tmp_path: Path) -> None:
    file = bring_up_to_date("de", tmp_path)
    with file.open("rb") as stored:
        german = read_po(stored, locale="de")
    assert len(lacking(german)) == len(all_messages())
    german["Open the request"].string = "Anfrage öffnen"
    german["A mail to {cmo} was refused"].string = "Eine Mail wurde abgelehnt"
    with file.open("wb") as stored:
        write_po(stored, german)
    with bring_up_to_date("de", tmp_path).open("rb") as stored:
        found = lacking(read_po(stored, locale="de"))
    assert len(found) == len(all_messages()) - 1
    assert "other placeholders: 'Eine Mail wurde abgelehnt'" in found


def test_a_language_without_a_file_is_none() -> None:
    assert language("en") is ENGLISH
    with pytest.raises(LookupError, match=r"tlh\.po is missing"):
        language("tlh")


# --- dates, numbers and plurals are the locale's ------------------------------------------------------------------

GERMAN = """
msgid ""
msgstr "Content-Type: text/plain; charset=utf-8\\nPlural-Forms: nplurals=2; plural=(n != 1);"
msgid "{weekday} {day} {month}"
msgstr "{weekday} {day}. {month}"
msgid "{n} hour"
msgid_plural "{n} hours"
msgstr[0] "{n} Stunde"
msgstr[1] "{n} Stunden"
"""


@pytest.fixture(scope="module")
def german() -> Language:
    return read_language("de", BytesIO(GERMAN.encode()))


def test_a_date_has_the_names_and_the_order_of_its_language(german: Language) -> None:
    assert moment(NOON, "Europe/Zurich", german) == "Di. 24. Nov. 2026, 13:00 Zurich (UTC+01:00)"
    assert beside(NOON + timedelta(hours=13), "UTC", "Europe/Zurich", german) is not None
    assert civil_days(NOON.date(), NOON.date() + timedelta(days=1), german).startswith(
        "Di. 24. Nov. to Mi. 25. Nov. 2026"
    )
    assert civil_day(NOON.date(), ENGLISH) == "Tue 24 Nov 2026"


def test_a_number_has_the_separators_and_a_plural_the_form_of_its_language(german: Language) -> None:
    assert [target(seconds, "hours", german) for seconds in (3600, 5400, 86400)] == [
        "1 Stunde",
        "1,5 Stunden",
        "24 Stunden",
    ]
    assert (german.number(12345), ENGLISH.number(12345)) == ("12.345", "12,345")


def test_what_a_language_lacks_is_said_in_english(german: Language) -> None:
    assert span(timedelta(hours=3), german) == "3 h"
    assert german.gettext("Open the request") == "Open the request"
