"""What a mail looks like: headers, plain text and HTML of one message. Builds, sends nothing."""

import hashlib
import re
from binascii import b2a_qp
from dataclasses import dataclass, replace
from datetime import datetime
from email.header import Header
from email.headerregistry import Address
from email.utils import format_datetime, parseaddr
from functools import cache
from pathlib import Path
from textwrap import wrap

from css_inline import CSSInliner
from jinja2 import Template

from slamon.addresses import parse_address
from slamon.errors import DeliveryError, Invalid
from slamon.wording.language import Language
from slamon.wording.message import Message
from slamon.wording.messages import clean, put_into_words
from slamon.wording.templates import environment

MESSAGE_ID = re.compile(r"<[\x21-\x3b\x3d\x3f-\x7e]+@[\x21-\x3b\x3d\x3f-\x7e]+>")
LINE_LENGTH = 78
MOST_BYTES = 100_000  # Gmail shows no more than 102 kB of a mail
BOUNDARY = "=_slamon"  # quoted-printable never writes "=_", so no text can end a part
TEMPLATES = Path(__file__).parent / "templates"
HTML_STATEMENTS = ("<!--%", "%-->")


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail as it goes over the wire, every line ended by CRLF; seven-bit unless it `needs_smtputf8` (RFC 6531)."""

    recipient: str
    message_id: str
    content: bytes
    needs_smtputf8: bool = False


def sender_of(text: str) -> Address:
    """Who mails come from: `slamon <slamon@sponsor.example>`. Raises ValueError."""
    name, address = parseaddr(text)
    try:
        parsed = parse_address(address, is_ours=True)
    except Invalid as err:
        raise ValueError(f"The sender of mails is no mail address: {err}") from err
    return Address(display_name=clean(name), username=parsed.local, domain=parsed.domain)


def mailbox_of(address: str, name: str = "") -> Address:
    """The address as mail headers and servers take it; the domain in its ASCII form (IDNA 2008).

    Raises a permanent DeliveryError for what is no address.
    """
    try:
        parsed = parse_address(address)
    except Invalid as error:
        raise DeliveryError(f"{one_line(address)!r} {error.message}", permanent=True) from error
    return Address(display_name=clean(name), username=parsed.local, domain=parsed.domain)


def compose(message: Message, sender: Address, date: datetime) -> Mail:
    """The mail of one message to its one reader. `date` is the real time of this attempt.

    A digest that would be too large lists fewer requests and counts the others. Raises a permanent DeliveryError for an
    address that is none. Written out by hand: the standard library's EmailMessage parses and folds each line, at many
    times the cost.
    """
    mail = _compose(message, sender, date)
    while len(mail.content) > MOST_BYTES and message.lines:
        kept = len(message.lines) * 3 // 4
        left_out = len(message.lines) - kept
        message = replace(message, lines=message.lines[:kept], more_lines=message.more_lines + left_out)
        mail = _compose(message, sender, date)
    return mail


def _compose(message: Message, sender: Address, date: datetime) -> Mail:
    reader = mailbox_of(message.address, message.recipient_name)
    wording = put_into_words(message)
    message_id = message_id_of(message, sender)
    fields = [
        _mailbox_field("From", sender),
        _mailbox_field("To", reader),
        _text_field("Subject", wording.subject),
        f"Date: {format_datetime(date)}",
        f"Message-ID: {message_id}",
    ]
    thread_id = one_line(message.thread_id or "")
    if MESSAGE_ID.fullmatch(thread_id) and thread_id != message_id:
        fields += [f"In-Reply-To: {thread_id}", f"References: {thread_id}"]
    fields += [
        "Auto-Submitted: auto-generated",  # RFC 3834: no out-of-office answers, please
        "X-Auto-Response-Suppress: All",  # the same for Exchange
        f"X-Slamon-Key: {one_line(message.key)}",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/alternative; boundary="{BOUNDARY}"',
    ]
    needs_smtputf8 = not reader.username.isascii()
    head = "".join(f"{field}\r\n" for field in fields).encode("utf-8" if needs_smtputf8 else "ascii", "replace")
    context = {"wording": wording, "message": message}
    plain, html = _plain_template(message.language).render(context), _html_template(message.language).render(context)
    parts = _part("plain", plain) + _part("html", html)
    content = head + parts + f"\r\n--{BOUNDARY}--\r\n".encode()
    return Mail(reader.addr_spec, message_id, content, needs_smtputf8)


def message_id_of(message: Message, sender: Address) -> str:
    """The row's own Message-ID, else one made of its key: in both cases the same on every attempt."""
    given = one_line(message.message_id)
    if MESSAGE_ID.fullmatch(given):
        return given
    digest = hashlib.sha256((given or message.key).encode()).hexdigest()[:32]
    return f"<{digest}@{sender.domain}>"


def one_line(value: str) -> str:
    """A header's value without line breaks and other control characters, so that it cannot add a header."""
    printable = value if value.isprintable() else "".join(char for char in value if char.isprintable())
    return printable.strip()


def _mailbox_field(name: str, mailbox: Address) -> str:
    if _is_plain(mailbox.display_name):
        return _text_field(name, str(mailbox))
    return f"{_text_field(name, mailbox.display_name)}\r\n <{mailbox.addr_spec}>"


def _text_field(name: str, value: str) -> str:
    """One header field, folded; what is not plain is encoded (RFC 2047)."""
    line = f"{name}: {value}"
    if not _is_plain(value):
        encoded = Header(value, "utf-8", maxlinelen=LINE_LENGTH, header_name=name).encode(linesep="\r\n")
        return f"{name}: {encoded}"
    if len(line) <= LINE_LENGTH:
        return line
    lines = wrap(line, LINE_LENGTH, subsequent_indent=" ", break_long_words=False, break_on_hyphens=False)
    return "\r\n".join(lines)


def _is_plain(value: str) -> bool:
    # A reader's program would decode what looks encoded.
    return value.isascii() and value.isprintable() and "=?" not in value


def _part(subtype: str, text: str) -> bytes:
    # Quoted-printable: the next relay may not speak 8BITMIME.
    head = (
        f"\r\n--{BOUNDARY}\r\n"
        f'Content-Type: text/{subtype}; charset="utf-8"\r\n'
        "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    )
    lines = b"\n".join(text.encode().splitlines())
    return head.encode() + b2a_qp(lines).replace(b"\n", b"\r\n")


@cache
def _plain_template(language: Language) -> Template:
    return environment(language, is_html=False).from_string((TEMPLATES / "message.txt").read_text(encoding="utf-8"))


@cache
def _html_template(language: Language) -> Template:
    """The template with its CSS written into the tags, once and not for each mail.

    The inliner must read the template as HTML, so its statements are HTML comments: `<!--% if … %-->`.
    """
    source = CSSInliner(load_remote_stylesheets=False).inline((TEMPLATES / "message.html").read_text(encoding="utf-8"))
    return environment(language, is_html=True, statements=HTML_STATEMENTS).from_string(source)
