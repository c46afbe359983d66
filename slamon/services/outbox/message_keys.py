"""The key that makes a message about a request one: the same words to the same reader over the same channel once."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from slamon.domain.terms import DeliveryChannel
from slamon.wording.message import MessageKind

LONGEST_ABOUT, LONGEST_READER = 120, 64  # what is longer is hashed: cut off, it would be another message's key
_KEY = re.compile(
    f"(?P<number>[^/]+)/(?P<kind>{'|'.join(MessageKind)})/(?P<about>.+)"
    f"/(?P<channel>{'|'.join(DeliveryChannel)})/(?P<reader>.+)"
)


@dataclass(frozen=True, slots=True)
class MessageKey:
    """`about` is what happened, `reader` an address for Slack and the id of a person for e-mail."""

    number: str
    kind: MessageKind
    about: str
    channel: DeliveryChannel
    reader: str

    def __str__(self) -> str:
        about, reader = _short(self.about, LONGEST_ABOUT), _short(self.reader, LONGEST_READER)
        return f"{self.number}/{self.kind.value}/{about}/{self.channel.value}/{reader}"

    @classmethod
    def parse(cls, text: str | None) -> "MessageKey | None":
        """A stored key; None for that of an alarm, an invitation, a digest, which concern no single request."""
        found = _KEY.fullmatch(text or "")
        if found is None:
            return None
        channel = DeliveryChannel(found["channel"])
        return cls(found["number"], MessageKind(found["kind"]), found["about"], channel, found["reader"])


def about_crossing(clocks: Sequence[str], crossed_at: datetime, again: int | None = None) -> str:
    """What a step of the ladder is about: the clocks that passed it and when.

    `again` is the fact by which a crossing withdrawn before stands once more.
    """
    at = f"{'+'.join(clocks)}@{crossed_at.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    return at if again is None else f"{at}~{again}"


def _short(part: str, longest: int) -> str:
    return part if len(part) <= longest else hashlib.sha256(part.encode()).hexdigest()[:40]
