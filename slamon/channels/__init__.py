"""How a message leaves: what a channel is, and what the rest of the program may ask of one.

One file a channel holds its `ChannelDefinition`; `registry` lists them. Channels know nothing of the database.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from slamon.clock import Clock
from slamon.config import Settings
from slamon.errors import Invalid
from slamon.wording.message import Message

LONGEST_ADDRESS = 254  # characters


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


@dataclass(frozen=True, slots=True)
class AddressKind:
    """One kind of address that a channel takes, of a person or of a place that several read.

    An address is no secret: staff see it, and the trail keeps it. Where a channel sends to a secret, such as a
    webhook's URL, the address is a name for it, and a setting has the URL.

    `field` names it in the API, in spreadsheets and in the trail; `pattern` is what one looks like in full, `form` what
    tells it from the channel's other kind where `pattern` does not. Where `kept_after_test` is given, a test message
    goes to a new address first, and the function says what is kept, from the address as typed and the receipt; what
    came without that must look like `untested`, and `untested_hint` says so to people.
    """

    field: str
    pattern: str
    example: str
    form: str | None = None
    description: str | None = None
    kept_after_test: Callable[[str, Receipt], str] | None = None
    untested: str | None = None
    untested_hint: str = ""

    def checked(self, value: str, *, is_tested: bool = True) -> str:
        """The address as it is stored. Raises Invalid naming the field for what cannot be one."""
        typed = value.strip()
        if len(typed) > LONGEST_ADDRESS:
            raise Invalid(self.field, f"has {len(typed)} characters; an address has at most {LONGEST_ADDRESS}")
        if self.untested and not is_tested and not re.fullmatch(self.untested, typed):
            raise Invalid(self.field, self.untested_hint)
        if not re.fullmatch(self.pattern, typed):
            raise Invalid(self.field, f"'{value}' does not look like one, such as {self.example}")
        return typed

    def fits(self, address: str) -> bool:
        """Whether an address of the channel is of this kind."""
        return re.fullmatch(self.form or self.pattern, address) is not None


@dataclass(frozen=True, slots=True)
class ChannelWords:
    """What pages and commands call a channel.

    `to_person` and `to_place` begin a line ("E-mail to {}"), `told_person` and `told_place` follow the name of a
    message ("to {} by e-mail"); {} is the reader or the place. `test_prompt` asks for the address of a test message.
    """

    name: str
    to_person: str
    told_person: str
    test_prompt: str
    to_place: str = ""
    told_place: str = ""


@dataclass(frozen=True, slots=True)
class ChannelDefinition:
    """One channel as the rest of the program knows it.

    `build` gives the channel, or None where `setting` is not set: then messages are shown on the console. `own` is the
    address of a person; without it the channel reaches no person, and the one that carries links reaches them at their
    account's e-mail address. `shared` is the address of a place that everybody concerned with a CMO reads.

    Exactly one channel `carries_links` to forms and accounts: whatever is for one reader alone, and every message to a
    CMO, leaves by it. With `names_subjects` messages may name a request's subject, where the sponsor allows it. With
    `has_threads` what follows an escalation stands below it, and its end is told there.

    `falls_back_to` is the channel that takes over what this one could not deliver within `patience`, or after a few
    failures. `most_senders` limits the threads that send at once in one process; None leaves it to the settings.
    """

    name: str
    words: ChannelWords
    setting: str
    build: Callable[[Settings, Clock], Channel | None]
    own: AddressKind | None = None
    shared: AddressKind | None = None
    carries_links: bool = False
    names_subjects: bool = False
    has_threads: bool = False
    patience: timedelta = timedelta(minutes=5)
    falls_back_to: str | None = None
    most_senders: int | None = None

    def is_place(self, address: str) -> bool:
        """Whether an address is of a place that several read, and not of a person."""
        return self.shared is not None and not (self.own is not None and self.own.fits(address))


@dataclass(frozen=True)
class Channels:
    """The registered channels, those for news to staff before the one that carries links."""

    registered: tuple[ChannelDefinition, ...]

    def __post_init__(self) -> None:
        names = self.names
        if len(set(names)) < len(names):
            raise ValueError(f"two channels have the same name: {', '.join(names)}")
        if sum(channel.carries_links for channel in self.registered) != 1:
            raise ValueError("exactly one channel carries links to forms and accounts")
        for channel in self.registered:
            if not re.fullmatch("[a-z][a-z0-9_]{0,15}", channel.name):
                raise ValueError(f"'{channel.name}' cannot name a channel: small letters, digits and _, at most 16")
            if channel.falls_back_to is not None and channel.falls_back_to not in names:
                raise ValueError(f"{channel.name} falls back to {channel.falls_back_to}, which is not registered")

    def __iter__(self) -> Iterator[ChannelDefinition]:
        return iter(sorted(self.registered, key=lambda channel: channel.carries_links))

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def __getitem__(self, name: str) -> ChannelDefinition:
        for channel in self.registered:
            if channel.name == name:
                return channel
        raise KeyError(name)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(channel.name for channel in self.registered)

    @property
    def for_links(self) -> ChannelDefinition:
        """The channel that carries links to forms and accounts."""
        return next(channel for channel in self.registered if channel.carries_links)

    @property
    def with_threads(self) -> frozenset[str]:
        """The names of those in which an escalation begins a thread."""
        return frozenset(channel.name for channel in self.registered if channel.has_threads)

    def or_for_links(self, name: str) -> ChannelDefinition:
        """The channel of that name; the one for links where it is registered no more: terms are frozen for years."""
        return next((channel for channel in self.registered if channel.name == name), self.for_links)
