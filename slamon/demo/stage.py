"""The demo's world while it runs: what its pages and its player share."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from slamon.demo.fakes.mailbox import Mailbox, ReceivedMail
from slamon.demo.fakes.slack_server import Post, SlackServer
from slamon.demo.scenes import Scene, Star
from slamon.runtime import Runtime
from slamon.services.outbox.message_keys import MessageKey
from slamon.wording.message import MessageKind

Message = TypeVar("Message", ReceivedMail, Post)


@dataclass(slots=True)
class Stage:
    """`start` is the business time at which the visitor came. `scenes` are the cast's requests by number.

    `api_keys` are the secrets shown to the visitor, by role.
    `sends_mail_out` and `sends_slack_out` are true where the visitor's own servers take the messages.
    """

    runtime: Runtime
    mailbox: Mailbox
    slack: SlackServer
    start: datetime
    has_cast: bool
    api_keys: dict[str, str] = field(default_factory=dict)
    scenes: dict[str, Scene] = field(default_factory=dict)
    sends_mail_out: bool = False
    sends_slack_out: bool = False

    @property
    def base_url(self) -> str:
        return self.runtime.settings.base_url

    def number_of(self, wanted: Scene | Star) -> str | None:
        """The request of this scene, or of the one with this star; None until it is filed."""
        scenes = self.scenes.copy().items()
        return next((number for number, scene in scenes if scene is wanted or scene.star is wanted), None)

    def mails(self, kind: MessageKind, number: str | None = None) -> Iterator[tuple[str, ReceivedMail]]:
        """Mails of a kind with the request they are about, newest first; of one request, where its number is given."""
        return _about(self.mailbox.mails, kind, number)

    def posts(self, kind: MessageKind, number: str | None = None) -> Iterator[tuple[str, Post]]:
        """Slack messages likewise."""
        return _about(self.slack.posts, kind, number)


def _about(messages: list[Message], kind: MessageKind, number: str | None) -> Iterator[tuple[str, Message]]:
    for message in reversed(messages.copy()):
        key = MessageKey.parse(message.key)
        if key and key.kind is kind and number in (None, key.number):
            yield key.number, message
