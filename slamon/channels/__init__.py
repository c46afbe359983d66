"""How a message leaves the house. One file a channel, one small protocol; they know nothing of the database."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from slamon.wording.message import Message


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the far side gave us: `channel:ts` in Slack, the Message-ID of a mail, `console`."""

    provider_id: str


class Channel(Protocol):
    name: str

    def send(self, message: Message) -> Receipt:
        """Hand the message over once; no retries inside. Raises DeliveryError."""
        ...

    def find(self, message: Message, since: datetime) -> Receipt | None:
        """The receipt of an earlier attempt with the same key, if the far side can tell; None if not found.

        `since` is the real time at which the first attempt began. Raises DeliveryError when the far side
        could not be asked, with `permanent=True` when it never can be (e-mail).
        """
        ...
