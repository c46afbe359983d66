"""A channel that slamon does not ship: the one file that adding it takes. It posts to a small chat server over HTTP."""

from datetime import datetime, timedelta

import httpx

from slamon.channels import AddressKind, Channel, ChannelDefinition, ChannelWords, Receipt
from slamon.clock import Clock
from slamon.config import Settings
from slamon.errors import DeliveryError
from slamon.wording.message import Message
from slamon.wording.messages import put_into_words


class PagerSettings(Settings):
    """The settings with those of this channel, which for a shipped one stand in `slamon/config.py`."""

    pager_url: str | None = None


class PagerChannel:
    name = "pager"

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=5, trust_env=False)

    def send(self, message: Message) -> Receipt:
        words = put_into_words(message)
        said = {"to": message.address, "text": words.subject, "key": message.key, "below": message.thread_id}
        return Receipt(self._ask("POST", "/posts", json=said)["id"])

    def find(self, message: Message, since: datetime) -> Receipt | None:
        found = self._ask("GET", "/posts", params={"key": message.key})["id"]
        return Receipt(found) if found else None

    def _ask(self, method: str, path: str, **what: object) -> dict[str, str]:
        try:
            answer = self._client.request(method, path, **what)
        except httpx.HTTPError as error:
            raise DeliveryError(f"Pager cannot be reached: {error}", ambiguous=method == "POST") from error
        if answer.is_error:
            raise DeliveryError(f"Pager answers {answer.status_code}", permanent=answer.is_client_error)
        return answer.json()


def _build(settings: PagerSettings, clock: Clock) -> Channel | None:
    return PagerChannel(settings.pager_url) if settings.pager_url else None


def _id_of(typed: str, receipt: Receipt) -> str:
    return receipt.provider_id.partition("!")[0]


PAGER = ChannelDefinition(
    name="pager",
    words=ChannelWords(
        name="Pager",
        to_person="Pager chat with {}",
        told_person="in a Pager chat with {}",
        to_place="Pager channel {}",
        told_place="in Pager channel {}",
        test_prompt="Send a test message to Pager channel",
    ),
    setting="SLAMON_PAGER_URL",
    build=_build,
    own=AddressKind(field="pager_user", pattern="@[a-z.]{2,60}", example="@leo.lead"),
    shared=AddressKind(field="pager_channel", pattern="[a-z0-9: -]{2,80}", example="19:abc", kept_after_test=_id_of),
    has_threads=True,
    patience=timedelta(minutes=2),
    falls_back_to="email",
    most_senders=1,
)
