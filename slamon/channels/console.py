"""Stands in for every channel that is not set up: one line of JSON for each message not sent."""

import json
from datetime import datetime
from typing import TextIO

from slamon.channels import Channel, Receipt
from slamon.errors import DeliveryError
from slamon.wording.message import OPENS_AN_ACCOUNT, Message
from slamon.wording.messages import put_into_words


class ConsoleChannel:
    """Shows what would have been sent on the channel `name`; never the secret part of a link."""

    def __init__(self, name: str, stream: TextIO) -> None:
        self.name = name
        self._stream = stream

    def send(self, message: Message) -> Receipt:
        """Show it. Raises DeliveryError for a link to an account: masked, it is of no use to anybody."""
        if message.kind in OPENS_AN_ACCOUNT:
            raise DeliveryError(
                "No mail server is set, so this link reached nobody. Set SLAMON_SMTP_URL and send it again, or run "
                "'slamon invite' or 'slamon new-link' on the host.",
                permanent=True,
            )
        shown = {
            "event": "message_shown",
            "channel": self.name,
            "address": message.address,
            "kind": message.kind.value,
            "number": message.number,
            "headline": put_into_words(message).headline,
            "link": mask(message.link),
            "is_repeat": message.is_repeat,
            "key": message.key,
        }
        # One write, so that lines of two worker threads do not mix.
        self._stream.write(json.dumps(shown, ensure_ascii=True) + "\n")
        self._stream.flush()
        return Receipt("console")

    def find(self, message: Message, since: datetime) -> Receipt | None:
        """None: what was shown cannot be asked for, and showing it again harms nobody."""
        return None


def is_shown_only(channel: Channel) -> bool:
    """Whether the channel's messages stay on this machine, because it is not set up."""
    return isinstance(channel, ConsoleChannel)


def mask(link: str | None) -> str | None:
    """The link without its last part: `https://host/r/…`. Whoever holds the rest may act for the contact."""
    if not link:
        return None
    path = link.partition("#")[0].partition("?")[0]
    head, slash, _ = path.rstrip("/").rpartition("/")
    return f"{head}{slash}…" if slash and not head.endswith(":/") else "…"
