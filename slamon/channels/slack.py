"""Posts to Slack, and the question whether one is there already. The only channel that knows slack_sdk.

Slack has no idempotency key. Each post carries `metadata` with our key, and `find` looks for it; so an
attempt that nobody can judge is asked about before it is made again. A receipt is `channel:ts`: given back
as `thread_id`, it continues that thread.
"""

import logging
import re
import ssl
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from http.client import HTTPException
from io import BytesIO
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.web import SlackResponse

from slamon.channels import AddressKind, Channel, ChannelDefinition, ChannelWords, Receipt
from slamon.channels.http_connections import HttpConnectionPool
from slamon.channels.slack_blocks import blocks, fallback_text
from slamon.clock import Clock
from slamon.config import Settings
from slamon.errors import DeliveryError
from slamon.wording.message import Message
from slamon.wording.messages import put_into_words

EVENT_TYPE = "slamon_notification"
PAGE = 200
PAGES = 20
_TS = re.compile(r"[0-9]+\.[0-9]+")
CLOCK_DIFFERENCE = timedelta(minutes=5)  # `oldest` is compared with Slack's clock, not with ours

# The whole workspace refuses us until somebody mends the token.
WORKSPACE_DOWN = frozenset(
    {
        "access_denied",
        "account_inactive",
        "invalid_auth",
        "missing_scope",
        "no_permission",
        "not_allowed_token_type",
        "not_authed",
        "org_login_required",
        "token_expired",
        "token_revoked",
    }
)
# This channel or person only.
CHANNEL_DOWN = frozenset(
    {
        "cannot_dm_bot",
        "channel_not_found",
        "is_archived",
        "method_not_supported_for_channel_type",
        "not_in_channel",
        "restricted_action",
        "user_disabled",
        "user_not_found",
        "user_not_visible",
        "users_not_found",
    }
)
RATE_LIMITED = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})
# Slack documents that part of the work may have been done before these.
PERHAPS_DONE = frozenset(
    {"fatal_error", "internal_error", "request_timeout", "service_unavailable", "team_added_to_org"}
)

# slack_sdk logs whole bodies at DEBUG, links included: never below WARNING.
_sdk_logger = logging.getLogger("slamon.channels.slack_sdk")
_sdk_logger.setLevel(logging.WARNING)


class PooledWebClient(WebClient):
    """The SDK's client over kept connections; the SDK itself opens one for every call."""

    def __init__(self, token: str, base_url: str, timeout_seconds: float, clock: Clock) -> None:
        tls = ssl.create_default_context() if base_url.startswith("https:") else None
        super().__init__(
            token=token,
            base_url=base_url,
            timeout=timeout_seconds,  # type: ignore[arg-type]  # fractions are taken too
            ssl=tls,  # without it the SDK loads the machine's certificates for every call through a proxy
            retry_handlers=[],  # the SDK's own one posts again after a lost connection
            logger=_sdk_logger,
        )
        self._connections = HttpConnectionPool(base_url, timeout_seconds, tls, clock.monotonic)

    def _perform_urllib_http_request_internal(self, url: str, req: Request) -> dict[str, Any]:
        """What the SDK's own method gives back, but a redirect is an error."""
        if self.proxy:  # a tunnel is opened for every call
            return super()._perform_urllib_http_request_internal(url, req)
        body = req.data if isinstance(req.data, bytes) else None
        answer = self._connections.post(req.selector, body, dict(req.header_items()))
        if not 200 <= answer.status < 300:
            raise HTTPError(url, answer.status, answer.reason, answer.headers, BytesIO(answer.body))
        charset = answer.headers.get_content_charset() or "utf-8"
        return {"status": answer.status, "headers": answer.headers, "body": answer.body.decode(charset)}


class SlackChannel:
    """Posts into one workspace. `base_url` is https://slack.com/api/ or a stand-in that speaks the same."""

    name = "slack"

    def __init__(self, token: str, base_url: str, timeout_seconds: float = 10, *, clock: Clock) -> None:
        self._client = PooledWebClient(token, base_url, timeout_seconds, clock)
        self._direct: dict[str, str] = {}  # user id -> channel id, which Slack never changes

    def send(self, message: Message) -> Receipt:
        if message.to_cmo:
            # A contact's link is personal; our Slack is no place for it.
            raise DeliveryError("Messages to a contact never go to Slack.", permanent=True)
        channel = self._channel_id(message.address)
        wording = put_into_words(message)
        response = _ask(
            lambda: self._client.chat_postMessage(
                channel=channel,
                text=fallback_text(message, wording),
                blocks=blocks(message, wording),
                thread_ts=_thread_in(channel, message.thread_id),
                metadata={"event_type": EVENT_TYPE, "event_payload": {"key": message.key}},
                unfurl_links=False,
                unfurl_media=False,
            ),
            is_post=True,
        )
        ts = response.get("ts")
        if not isinstance(ts, str):
            raise DeliveryError("Slack's answer to a post names no message.", ambiguous=True)
        return Receipt(f"{response.get('channel') or channel}:{ts}")

    def find(self, message: Message, since: datetime) -> Receipt | None:
        """Looks through the message's thread and the channel, from five minutes before `since`.

        The channel too: when the first attempt was made, the thread may not have begun.
        """
        channel = self._channel_id(message.address)
        thread = _thread_in(channel, message.thread_id)
        oldest = f"{(since - CLOCK_DIFFERENCE).timestamp():.6f}"
        found = self._look_through(channel, thread, oldest, message.key) if thread else None
        return found or self._look_through(channel, None, oldest, message.key)

    def _look_through(self, channel: str, thread: str | None, oldest: str, key: str) -> Receipt | None:
        cursor: str | None = None
        for _ in range(PAGES):
            page = self._page(channel, thread, oldest, cursor)
            for posted in _mappings(page.get("messages")):
                if _key_of(posted) == key:
                    return Receipt(f"{channel}:{posted.get('ts')}")
            cursor = _next_cursor(page)
            if cursor is None:
                return None
        raise DeliveryError(f"{channel} holds too many posts since {oldest} to look for one.")

    def _page(self, channel: str, thread: str | None, oldest: str, cursor: str | None) -> Mapping[str, object]:
        if thread:
            return _ask(
                lambda: self._client.conversations_replies(
                    channel=channel,
                    ts=thread,
                    oldest=oldest,
                    limit=PAGE,
                    include_all_metadata=True,
                    cursor=cursor,
                )
            )
        return _ask(
            lambda: self._client.conversations_history(
                channel=channel, oldest=oldest, limit=PAGE, include_all_metadata=True, cursor=cursor
            )
        )

    def _channel_id(self, address: str) -> str:
        """The channel's id; for a person (U… or W…) that of the direct conversation, opened first."""
        if not address.startswith(("U", "W")):
            return address
        if address not in self._direct:
            response = _ask(lambda: self._client.conversations_open(users=address))
            opened = response.get("channel")
            channel = opened.get("id") if isinstance(opened, Mapping) else None
            if not isinstance(channel, str):
                raise DeliveryError(f"Slack opened no conversation with {address}.")
            self._direct[address] = channel
        return self._direct[address]


def _thread_in(channel: str, thread_id: str | None) -> str | None:
    """The thread's ts if it lives in this channel; a redirected or moved message starts anew there."""
    if not thread_id:
        return None
    home, colon, ts = thread_id.rpartition(":")
    is_here = home == channel or not colon
    return ts if is_here and _TS.fullmatch(ts) else None  # the receipt of a mail, after a redirect, is no thread


def _key_of(posted: Mapping[str, object]) -> object:
    metadata = posted.get("metadata")
    if not isinstance(metadata, Mapping) or metadata.get("event_type") != EVENT_TYPE:
        return None
    payload = metadata.get("event_payload")
    return payload.get("key") if isinstance(payload, Mapping) else None


def _mappings(values: object) -> Sequence[Mapping[str, object]]:
    return [value for value in values if isinstance(value, Mapping)] if isinstance(values, list) else []


def _next_cursor(page: Mapping[str, object]) -> str | None:
    following = page.get("response_metadata")
    cursor = following.get("next_cursor") if isinstance(following, Mapping) else None
    return cursor if isinstance(cursor, str) and cursor else None


def _ask(call: Callable[[], SlackResponse], *, is_post: bool = False) -> Mapping[str, object]:
    """The answer's body. A post that may have been taken raises `ambiguous`; a question never does."""
    try:
        answer = call().data
    except SlackApiError as err:
        raise _refusal(err, is_post=is_post) from err
    except URLError as err:
        # urllib wraps what happens while connecting and writing: only a cut one can have carried the post.
        cut = is_post and isinstance(err.reason, ConnectionResetError | BrokenPipeError)
        raise DeliveryError(f"Slack cannot be reached: {err.reason}", ambiguous=cut) from err
    except (OSError, HTTPException, ValueError, LookupError, AttributeError) as err:
        # Silence, a cut answer, a body that is no JSON object: from here the post may be there.
        raise DeliveryError(f"Slack gave no readable answer: {type(err).__name__} {err}", ambiguous=is_post) from err
    if not isinstance(answer, Mapping):
        raise DeliveryError("Slack gave no readable answer.", ambiguous=is_post)
    return answer


def _refusal(err: SlackApiError, *, is_post: bool) -> DeliveryError:
    response = err.response
    status: int = response.status_code
    body = response.data if isinstance(response.data, Mapping) else {}
    code = str(body.get("error", ""))
    if status == 429 or code in RATE_LIMITED:
        return DeliveryError("Slack asks to wait.", retry_after_seconds=_retry_after(response.headers))
    if status >= 500 or status == 408 or code in PERHAPS_DONE:
        return DeliveryError(f"Slack failed: {status} {code}"[:200], ambiguous=is_post)
    if not re.fullmatch("[a-z0-9_]+", code):
        # 200 with a page of a proxy: perhaps taken. Any other status: certainly not.
        return DeliveryError(f"Slack's answer ({status}) is not readable.", ambiguous=is_post and status == 200)
    if code in WORKSPACE_DOWN:
        return DeliveryError(f"Slack refuses the whole workspace: {code}", permanent=True, route_down=True)
    if code in CHANNEL_DOWN:
        return DeliveryError(f"Slack refuses this channel: {code}", permanent=True, route_down=True)
    return DeliveryError(f"Slack refuses this message: {code}", permanent=True)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    named = next((value for name, value in headers.items() if name.lower() == "retry-after"), None)
    try:
        return max(0.0, float(named)) if named is not None else None
    except ValueError:
        return None


def _build(settings: Settings, clock: Clock) -> Channel | None:
    if settings.slack_token is None:
        return None
    return SlackChannel(
        settings.slack_token.get_secret_value(), settings.slack_base_url, settings.slack_timeout_seconds, clock=clock
    )


def _id_of(typed: str, receipt: Receipt) -> str:
    """The channel's id: a name changes and cannot be searched for. As typed where nothing was posted."""
    channel_id, colon, _ = receipt.provider_id.partition(":")
    return channel_id if colon else typed


SLACK = ChannelDefinition(
    name="slack",
    words=ChannelWords(
        name="Slack",
        to_person="Slack message to {}",
        told_person="in Slack message to {}",
        to_place="Slack channel {}",
        told_place="in Slack channel {}",
        test_prompt="Send a test message to Slack channel",
    ),
    setting="SLAMON_SLACK_TOKEN",
    build=_build,
    own=AddressKind(field="slack_user_id", pattern=r"^[A-Z0-9]{2,40}$", form="[UW][A-Z0-9]+", example="U0123456789"),
    shared=AddressKind(
        field="slack_channel",
        pattern=r"^[#A-Za-z0-9_-]{2,80}$",
        example="C0123456789",
        description="Where this CMO's escalations go, by name or id. A test message is posted there, and the id that "
        "Slack answers with is kept.",
        kept_after_test=_id_of,
        untested=r"[CGD][A-Z0-9]{5,20}",
        untested_hint="is no channel id such as C0123456789; Slack shows it at the end of the channel's details",
    ),
    has_threads=True,
    falls_back_to="email",
)
