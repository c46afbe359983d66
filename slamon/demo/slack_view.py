"""Block Kit as Slack would draw it: the few kinds of block our channel sends, ready for a template."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from slamon.demo.fakes.slack_server import Post

BOLD = re.compile(r"\*([^*\n]+)\*")


@dataclass(frozen=True, slots=True)
class Button:
    text: str
    url: str
    is_primary: bool


@dataclass(frozen=True, slots=True)
class Block:
    """`kind` is Slack's own name: header, section, context, actions; anything else shows as its text."""

    kind: str
    text: Markup | None = None
    fields: tuple[Markup, ...] = ()
    buttons: tuple[Button, ...] = ()


def shown_blocks(post: Post) -> list[Block]:
    """The post's blocks; a post without any shows its text."""
    if not post.blocks:
        return [Block("section", mrkdwn(post.text))]
    return [_block(block) for block in post.blocks]


def mrkdwn(text: str) -> Markup:
    """Slack's markup as HTML: its three escapes, bold, line breaks. Anything else stays text."""
    plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    bold = BOLD.sub(r"<b>\1</b>", str(escape(plain)))
    return Markup(bold.replace("\n", "<br>"))  # noqa: S704  escaped above


def _block(block: Mapping[str, object]) -> Block:
    kind = str(block.get("type", ""))
    elements = _mappings(block.get("elements"))
    if kind == "context":
        return Block(kind, fields=tuple(_text(each) for each in elements))
    if kind == "actions":
        return Block(kind, buttons=tuple(_button(each) for each in elements if each.get("type") == "button"))
    return Block(kind, _text(block.get("text")), tuple(_text(each) for each in _mappings(block.get("fields"))))


def _button(element: Mapping[str, object]) -> Button:
    url = str(element.get("url") or "")
    safe = url if url.startswith(("http://", "https://")) else ""
    return Button(_plain(element.get("text")), safe, element.get("style") == "primary")


def _text(value: object) -> Markup:
    if not isinstance(value, Mapping):
        return Markup()
    text = str(value.get("text", ""))
    return mrkdwn(text) if value.get("type") == "mrkdwn" else escape(text)


def _plain(value: object) -> str:
    return str(value.get("text", "")) if isinstance(value, Mapping) else ""


def _mappings(value: object) -> list[Mapping[str, object]]:
    rows = value if isinstance(value, Sequence) and not isinstance(value, str) else ()
    return [row for row in rows if isinstance(row, Mapping)]
