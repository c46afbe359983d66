"""The key that makes a message about a request one: the same words to the same reader over the same channel once."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from slamon.channels import ChannelDefinition
from slamon.wording.message import MessageKind

_SLASH = "%2F"
LONGEST_ABOUT, LONGEST_READER = 120, 64  # what is longer is hashed: cut off, it would be another message's key
# Numbers of requests are in capitals: no other key begins so.
_KEY = re.compile("(?P<number>[A-Z0-9-]+)/(?P<kind>[^/]+)/(?P<about>[^/]+)/(?P<channel>[^/]+)/(?P<reader>.+)")


@dataclass(frozen=True, slots=True)
class MessageKey:
    """`about` is what happened, `reader` an address where several may share it, else the id of a person."""

    number: str
    kind: MessageKind
    about: str
    channel: str
    reader: str

    def __str__(self) -> str:
        about, reader = _short(self.about, LONGEST_ABOUT), _short(self.reader, LONGEST_READER)
        return f"{self.number}/{self.kind.value}/{about}/{self.channel}/{reader}"

    @classmethod
    def parse(cls, text: str | None) -> "MessageKey | None":
        """A stored key; None for that of an alarm, an invitation, a digest, which concern no single request."""
        found = _KEY.fullmatch(text or "")
        if found is None:
            return None
        about, reader = (found[part].replace(_SLASH, "/") for part in ("about", "reader"))
        return cls(found["number"], MessageKind(found["kind"]), about, found["channel"], reader)


def reader_key(channel: ChannelDefinition, address: str, person_id: UUID | None) -> str:
    """What names a reader: the address where several may read what goes there, so that it goes there once."""
    return address if channel.shared else str(person_id)


def about_crossing(clocks: Sequence[str], crossed_at: datetime, again: int | None = None) -> str:
    """What a step of the ladder is about: the clocks that passed it and when.

    `again` is the fact by which a crossing withdrawn before stands once more.
    """
    at = f"{'+'.join(clocks)}@{crossed_at.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    return at if again is None else f"{at}~{again}"


def _short(part: str, longest: int) -> str:
    """A part as it stands in a key: no slash, which divides the parts, and not too long."""
    plain = part.replace("/", _SLASH)
    return plain if len(plain) <= longest else hashlib.sha256(part.encode()).hexdigest()[:40]
