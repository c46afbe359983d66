"""What a mail looks like: headers, plain text and HTML of one message. Builds, sends nothing."""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime, parseaddr
from functools import cache
from pathlib import Path

from css_inline import CSSInliner
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from slamon.channels import Message
from slamon.channels.wording import clean, put_into_words
from slamon.errors import DeliveryError

LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}")
DOMAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?")
MESSAGE_ID = re.compile(r"<[\x21-\x3b\x3d\x3f-\x7e]+@[\x21-\x3b\x3d\x3f-\x7e]+>")
LINE_LENGTH = 78
WHOLE_LINES = frozenset({"message-id", "in-reply-to", "references", "x-slamon-key"})


class MailPolicy(EmailPolicy):
    """SMTP's policy, but identifiers stay whole: Python would encode those longer than a line.

    Lines that need no folding skip the folder, which took a third of the time of a mail.
    """

    def fold_binary(self, name: str, value: str) -> bytes:
        line = f"{name}: {value}"
        if name.lower() in WHOLE_LINES or (line.isascii() and len(line) <= LINE_LENGTH):
            return f"{line}\r\n".encode("ascii", "replace")
        folded: bytes = super().fold_binary(name, value)
        # The folder likes to start on the second line, which leaves a blank before the text.
        return folded.replace(b":\r\n ", b": ", 1) if folded.startswith(f"{name}:\r\n".encode()) else folded


POLICY = MailPolicy(linesep="\r\n", max_line_length=LINE_LENGTH)


@dataclass(frozen=True, slots=True)
class Sender:
    """Who mails come from: `slamon <slamon@sponsor.example>`."""

    name: str
    address: str

    @classmethod
    def parse(cls, text: str) -> "Sender":
        name, address = parseaddr(text)
        try:
            mailbox = mailbox_of(address, name)
        except DeliveryError as err:
            raise ValueError(f"The sender of mails is no mail address: {err}") from err
        return cls(name=mailbox.display_name, address=mailbox.addr_spec)


def mailbox_of(address: str, name: str = "") -> Address:
    """The address as mail headers and servers take it; the domain in its ASCII form.

    Raises a permanent DeliveryError for an address no server of today takes for certain.
    """
    local, _, domain = address.strip().rpartition("@")
    if not local.isascii():
        raise DeliveryError(
            f"{clean(address)!r} has letters outside ASCII before the @; many mail servers refuse these. "
            "Ask the reader for another address.",
            permanent=True,
        )
    try:
        ascii_domain = domain.encode("idna").decode("ascii")
    except UnicodeError:
        ascii_domain = ""
    if not LOCAL_PART.fullmatch(local) or not DOMAIN.fullmatch(ascii_domain):
        raise DeliveryError(f"{clean(address)!r} is no mail address.", permanent=True)
    return Address(display_name=clean(name), username=local, domain=ascii_domain)


def compose(message: Message, sender: Sender, date: datetime) -> EmailMessage:
    """The mail of one message to its one reader. `date` is the real time of this attempt."""
    wording = put_into_words(message)
    mail = EmailMessage(policy=POLICY)
    mail["From"] = _mailbox(sender)
    mail["To"] = mailbox_of(message.address, message.recipient_name)
    mail["Subject"] = wording.subject
    mail["Date"] = format_datetime(date)
    message_id = message_id_of(message, sender)
    mail["Message-ID"] = message_id
    thread_id = one_line(message.thread_id or "")
    if MESSAGE_ID.fullmatch(thread_id) and thread_id != message_id:
        mail["In-Reply-To"] = thread_id
        mail["References"] = thread_id
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers, please
    mail["X-Auto-Response-Suppress"] = "All"  # the same for Exchange
    mail["X-Slamon-Key"] = one_line(message.key)
    context = {"wording": wording, "message": message, "is_escalation": wording.is_escalation}
    # Quoted-printable: the next relay may not speak 8BITMIME.
    mail.set_content(_templates().get_template("message.txt").render(context), cte="quoted-printable")
    html = _inliner().inline(_templates().get_template("message.html").render(context))
    mail.add_alternative(html, subtype="html", cte="quoted-printable")
    return mail


def message_id_of(message: Message, sender: Sender) -> str:
    """The row's own Message-ID, else one made of its key: in both cases the same on every attempt."""
    given = one_line(message.message_id)
    if MESSAGE_ID.fullmatch(given):
        return given
    digest = hashlib.sha256((given or message.key).encode()).hexdigest()[:32]
    return f"<{digest}@{sender.address.rpartition('@')[2]}>"


def one_line(value: str) -> str:
    """A header's value without line breaks and other control characters, so that it cannot add a header."""
    return "".join(char for char in value if char.isprintable()).strip()


def _mailbox(sender: Sender) -> Address:
    local, _, domain = sender.address.rpartition("@")
    return Address(display_name=sender.name, username=local, domain=domain)


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _inliner() -> CSSInliner:
    return CSSInliner(load_remote_stylesheets=False)
