"""The demo's world while it runs: what its pages and its players share."""

from dataclasses import dataclass, field
from datetime import datetime

from slamon.demo.fakes.mailbox import Mailbox, ReceivedMail
from slamon.demo.fakes.slack_server import SlackServer
from slamon.demo.scenes import Scene, Star
from slamon.runtime import Runtime
from slamon.services.outbox.message_keys import MessageKey
from slamon.wording.message import MessageKind


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

    def number_of(self, star: Star) -> str | None:
        """The request that plays this star; None until it is filed."""
        return next((number for number, scene in self.scenes.copy().items() if scene.star is star), None)

    def newest_filed(self) -> list[ReceivedMail]:
        """The mails that brought a request to its contact, newest first."""
        keyed = ((mail, MessageKey.parse(mail.key)) for mail in reversed(self.mailbox.mails))
        return [mail for mail, key in keyed if key and key.kind is MessageKind.FILED]
