import hashlib
import inspect
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from slack_sdk.web.base_client import BaseClient

from slamon.channels.http_connections import KEPT_SECONDS
from slamon.channels.slack import SlackChannel
from slamon.demo.fakes.slack_server import SlackServer
from slamon.errors import DeliveryError
from slamon.wording.facts import FACTS
from slamon.wording.message import Message, MessageKind
from tests.channels.messages import ACKNOWLEDGEMENT, a_message, to_contact
from tests.installation import ManualClock
from tests.servers.slack_and_mail import NOON, TOKEN, closed_port, running_slack

SINCE = NOON - timedelta(minutes=1)


@pytest.fixture(scope="module")
def workspace() -> Iterator[tuple[SlackServer, str]]:
    with running_slack() as running:
        yield running


@pytest.fixture
def slack(workspace: tuple[SlackServer, str]) -> SlackServer:
    workspace[0].forget()
    return workspace[0]


@pytest.fixture
def channel(slack: SlackServer, workspace: tuple[SlackServer, str]) -> SlackChannel:
    return SlackChannel(TOKEN, workspace[1], timeout_seconds=0.4, clock=ManualClock())


def refused(channel: SlackChannel, message: Message | None = None) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        channel.send(message or a_message())
    return caught.value


def traits(error: DeliveryError) -> set[str]:
    names = ("permanent", "ambiguous", "route_down")
    return {name for name in names if getattr(error, name)}


def test_a_post_says_number_type_cmo_clock_lateness_filing_attempts_and_link(
    slack: SlackServer, channel: SlackChannel
) -> None:
    channel.send(a_message())
    text = slack.posts[0].text
    for told in (
        "[SHP-2026-000042] Halden Pharma has not confirmed receipt within 48 hours",
        "Type: Shipment",
        "Clock: acknowledgement (target 24 hours, limit 48 hours)",
        "Late by: 1 h past the limit",
        "Filed: Sun 22 Nov 2026, 12:00 Zurich (UTC+01:00) · 06:00 New York (UTC-05:00)",
        "Contact attempts so far: 3",
        "https://slamon.example/requests/SHP-2026-000042",
    ):
        assert told in text


def test_a_post_says_nothing_that_could_unblind(slack: SlackServer, channel: SlackChannel) -> None:
    channel.send(a_message(kind=MessageKind.RECEIPT, detail="lot 4711"))
    sent = slack.posts[0].text + json.dumps(slack.posts[0].blocks)
    for kept_back in ("Kit 17", "arm B", "ACTIVE-ARM", "Ana Actor", "lot 4711", "Boston"):
        assert kept_back not in sent


def test_the_receipt_names_channel_and_ts_and_the_post_carries_the_key(
    slack: SlackServer, channel: SlackChannel
) -> None:
    receipt = channel.send(a_message())
    assert receipt.provider_id == f"C0LONZA:{slack.posts[0].ts}"
    assert slack.posts[0].key == a_message().key
    assert slack.posts[0].metadata["event_type"] == "slamon_notification"


@pytest.mark.parametrize(
    ("kind", "label", "style"),
    [
        (MessageKind.LIMIT, "Take it", "primary"),
        (MessageKind.REPEAT, "Take it", "primary"),
        (MessageKind.BACKUP, "Take it", "primary"),
        (MessageKind.STEP_3, "Open request", "primary"),
        (MessageKind.TARGET, "Open request", None),
    ],
)
def test_the_button_opens_the_requests_page(
    slack: SlackServer, channel: SlackChannel, kind: MessageKind, label: str, style: str | None
) -> None:
    channel.send(a_message(kind=kind))
    elements = slack.posts[0].blocks[-1]["elements"]
    assert isinstance(elements, list)
    (button,) = elements
    assert button["text"]["text"] == label
    assert button["url"] == a_message().link
    assert button.get("style") == style


def test_names_cannot_mention_a_channel_or_hide_a_link(slack: SlackServer, channel: SlackChannel) -> None:
    channel.send(a_message(cmo_name="<!channel> & <https://evil|Sons>"))
    sent = slack.posts[0].text + json.dumps(slack.posts[0].blocks[1:])
    assert "<!channel>" not in sent
    assert "&lt;!channel&gt; &amp; &lt;https:\u2060//evil|Sons&gt;" in sent


def test_a_long_post_stays_under_3000_characters(slack: SlackServer, channel: SlackChannel) -> None:
    channel.send(a_message(cmo_name="&" * 500, clocks=(ACKNOWLEDGEMENT,) * 9, redirected_from="x" * 900))
    post = slack.posts[0]
    assert len(post.text) < 3000
    assert post.text.endswith(str(a_message().link))
    assert all(len(json.dumps(block)) < 3000 for block in post.blocks)


def test_a_closing_is_one_line_in_the_thread(slack: SlackServer, channel: SlackChannel) -> None:
    first = channel.send(a_message())
    channel.send(a_message(key="closing", kind=MessageKind.CLOSING, act=FACTS["answered"], thread_id=first.provider_id))
    closing = slack.posts[1]
    assert closing.thread_ts == slack.posts[0].ts
    assert closing.text == "[SHP-2026-000042] Halden Pharma answered: this escalation is over."
    assert len(closing.blocks) == 1


def test_a_bare_ts_continues_its_thread_too(slack: SlackServer, channel: SlackChannel) -> None:
    channel.send(a_message())
    channel.send(a_message(key="closing", thread_id=slack.posts[0].ts))
    assert slack.posts[1].thread_ts == slack.posts[0].ts


@pytest.mark.parametrize("receipt", ["<first@sponsor.example>", "console"])
def test_the_receipt_of_another_way_out_is_no_thread(slack: SlackServer, channel: SlackChannel, receipt: str) -> None:
    channel.send(a_message(key="closing", kind=MessageKind.CLOSING, thread_id=receipt))
    assert slack.posts[0].thread_ts is None


def test_a_post_is_found_in_the_channel_too_where_its_thread_began_later(
    slack: SlackServer, channel: SlackChannel
) -> None:
    posted = channel.send(a_message(key="repeat"))
    first = channel.send(a_message(key="breach"))
    assert channel.find(a_message(key="repeat", thread_id=first.provider_id), SINCE) == posted


def test_a_message_for_another_channel_leaves_the_thread(slack: SlackServer, channel: SlackChannel) -> None:
    first = channel.send(a_message())
    channel.send(a_message(key="closing", address="C0STAGING", thread_id=first.provider_id))
    assert (slack.posts[1].channel, slack.posts[1].thread_ts) == ("C0STAGING", None)


@pytest.mark.parametrize("changes", [{"is_repeat": True}, {"kind": MessageKind.REPEAT}])
def test_a_repeat_is_marked(slack: SlackServer, channel: SlackChannel, changes: dict[str, object]) -> None:
    channel.send(a_message(**changes))
    post = slack.posts[0]
    assert "Repeat: Halden Pharma has not" in post.text
    assert "Repeat of an earlier message" in json.dumps(post.blocks)


def test_a_person_is_written_to_in_a_conversation_opened_once(slack: SlackServer, channel: SlackChannel) -> None:
    first = channel.send(a_message(address="U0LEAD"))
    channel.send(a_message(address="U0LEAD", key="second"))
    assert first.provider_id.startswith("D0LEAD:")
    assert slack.calls == ["conversations.open", "chat.postMessage", "chat.postMessage"]


def test_a_contacts_link_never_goes_to_slack(slack: SlackServer, channel: SlackChannel) -> None:
    assert traits(refused(channel, to_contact(address="C0LONZA"))) == {"permanent"}
    assert slack.calls == []


def test_a_429_hands_on_the_time_slack_names(slack: SlackServer, channel: SlackChannel) -> None:
    slack.script(["429:30"])
    error = refused(channel)
    assert (error.retry_after_seconds, traits(error)) == (30, set())
    assert slack.calls == ["chat.postMessage"]


@pytest.mark.parametrize(
    "code",
    [
        "invalid_auth",
        "account_inactive",
        "token_revoked",
        "channel_not_found",
        "is_archived",
        "not_in_channel",
    ],
)
def test_a_refused_route_is_down_for_good(slack: SlackServer, channel: SlackChannel, code: str) -> None:
    slack.script([f"error:{code}"])
    error = refused(channel)
    assert traits(error) == {"permanent", "route_down"}
    assert code in str(error)


def test_another_token_is_refused_as_invalid_auth(workspace: tuple[SlackServer, str]) -> None:
    assert traits(refused(SlackChannel("xoxb-old", workspace[1], clock=ManualClock()))) == {"permanent", "route_down"}


def test_an_unknown_refusal_stops_this_message_only(slack: SlackServer, channel: SlackChannel) -> None:
    slack.script(["error:invalid_blocks"])
    assert traits(refused(channel)) == {"permanent"}


@pytest.mark.parametrize(
    "fault",
    [
        "500_after_accept",
        "503_after_accept",
        "error:internal_error_after_accept",
        "error:fatal_error_after_accept",
        "drop_after_accept",
        "timeout_after_accept",
        "html_after_accept",
        "broken_json_after_accept",
    ],
)
def test_a_post_that_perhaps_arrived_is_ambiguous_and_found(
    slack: SlackServer, channel: SlackChannel, fault: str
) -> None:
    slack.script([fault])
    assert traits(refused(channel)) == {"ambiguous"}
    found = channel.find(a_message(), SINCE)
    assert found is not None
    assert found.provider_id == f"C0LONZA:{slack.posts[0].ts}"
    assert len(slack.posts) == 1


@pytest.mark.parametrize("fault", ["500", "drop", "timeout", "html"])
def test_a_post_that_did_not_arrive_is_not_found(slack: SlackServer, channel: SlackChannel, fault: str) -> None:
    slack.script([fault])
    assert traits(refused(channel)) == {"ambiguous"}
    assert channel.find(a_message(), SINCE) is None


def test_a_refused_connection_is_a_plain_failure() -> None:
    channel = SlackChannel(TOKEN, f"http://127.0.0.1:{closed_port()}/api/", clock=ManualClock())
    assert traits(refused(channel)) == set()


def test_an_unknown_host_is_a_plain_failure() -> None:
    assert traits(refused(SlackChannel(TOKEN, "http://slack.invalid/api/", clock=ManualClock()))) == set()


def test_a_conversation_that_cannot_be_opened_is_never_ambiguous(slack: SlackServer, channel: SlackChannel) -> None:
    slack.script(["500"], method="conversations.open")
    assert traits(refused(channel, a_message(address="U0LEAD"))) == set()
    assert slack.posts == []


def test_a_reply_is_found_in_its_thread(slack: SlackServer, channel: SlackChannel) -> None:
    first = channel.send(a_message())
    closing = a_message(key="closing", kind=MessageKind.CLOSING, thread_id=first.provider_id)
    receipt = channel.send(closing)
    assert channel.find(closing, SINCE) == receipt
    assert slack.calls[-1] == "conversations.replies"


def test_a_direct_message_is_found(channel: SlackChannel) -> None:
    message = a_message(address="U0LEAD")
    receipt = channel.send(message)
    assert channel.find(message, SINCE) == receipt


def test_a_post_is_found_behind_pages_of_others(slack: SlackServer, channel: SlackChannel) -> None:
    receipt = channel.send(a_message())
    for number in range(205):
        slack._post({"channel": "C0LONZA", "text": f"chat {number}"})
    assert channel.find(a_message(), SINCE) == receipt
    assert slack.calls.count("conversations.history") == 2


def test_an_older_post_with_the_same_key_is_out_of_reach(channel: SlackChannel) -> None:
    channel.send(a_message())
    assert channel.find(a_message(), NOON + timedelta(minutes=6)) is None


def test_a_lookup_that_fails_is_temporary(slack: SlackServer, channel: SlackChannel) -> None:
    slack.script(["500"], method="conversations.history")
    with pytest.raises(DeliveryError) as caught:
        channel.find(a_message(), SINCE)
    assert traits(caught.value) == set()


def test_a_token_without_the_right_to_read_can_never_look(slack: SlackServer, channel: SlackChannel) -> None:
    slack.script(["error:missing_scope"], method="conversations.history")
    with pytest.raises(DeliveryError) as caught:
        channel.find(a_message(), SINCE)
    assert caught.value.permanent


def test_posts_share_a_connection_while_it_is_fresh(slack: SlackServer, workspace: tuple[SlackServer, str]) -> None:
    clock = ManualClock()
    channel = SlackChannel(TOKEN, workspace[1], clock=clock)
    for pause in (0.0, 0.0, KEPT_SECONDS + 0.1):
        clock.advance_real(seconds=pause)
        channel.send(a_message())
    assert (len(slack.posts), len(slack.connections)) == (3, 2)


@pytest.mark.parametrize(("fault", "posted"), [("drop", 1), ("drop_after_accept", 2)])
def test_a_kept_connection_that_breaks_is_ambiguous_and_nothing_is_posted_again(
    slack: SlackServer, channel: SlackChannel, fault: str, posted: int
) -> None:
    channel.send(a_message())
    slack.script([fault])
    assert traits(refused(channel, a_message(key="second"))) == {"ambiguous"}
    assert (len(slack.posts), slack.calls) == (posted, ["chat.postMessage"] * 2)
    channel.send(a_message(key="third"))
    assert (slack.posts[-1].key, len(slack.connections)) == ("third", 2)


@contextmanager
def hanging_up() -> Iterator[tuple[str, threading.Semaphore]]:
    """A Slack that closes each connection after one answer without having said so; counts those it has closed."""
    closed = threading.Semaphore(0)
    body = b'{"ok": true, "channel": "C0LONZA", "ts": "1.000001"}'
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body

    def serve(listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as said:
                length = 0
                while (line := said.readline().strip()) != b"":
                    name, _, value = line.partition(b":")
                    length = int(value) if name.lower() == b"content-length" else length
                said.read(length)
                connection.sendall(answer)
            closed.release()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/api/", closed
        listener.shutdown(socket.SHUT_RDWR)


def test_a_connection_that_slack_has_closed_meanwhile_costs_no_attempt() -> None:
    with hanging_up() as (url, closed):
        channel = SlackChannel(TOKEN, url, timeout_seconds=2, clock=ManualClock())
        for _ in range(2):
            assert channel.send(a_message()).provider_id == "C0LONZA:1.000001"
            assert closed.acquire(timeout=5)


def test_slack_is_reached_by_tls(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with running_slack(certificate=certificate) as (slack, url):
        channel = SlackChannel(TOKEN, url, clock=ManualClock())
        channel.send(a_message())
        channel.send(a_message(key="second"))
        assert (len(slack.posts), len(slack.connections)) == (2, 1)


def test_a_certificate_that_nobody_trusts_is_a_plain_failure(certificate: Path) -> None:
    with running_slack(certificate=certificate) as (slack, url):
        assert traits(refused(SlackChannel(TOKEN, url, clock=ManualClock()))) == set()
        assert slack.posts == []


def test_slack_is_reached_through_a_proxy(
    slack: SlackServer, workspace: tuple[SlackServer, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", workspace[1].removesuffix("/api/"))
    SlackChannel(TOKEN, "http://slack.invalid/api/", clock=ManualClock()).send(a_message())
    assert len(slack.posts) == 1


def test_a_redirect_is_a_refusal_and_not_followed(slack: SlackServer, channel: SlackChannel) -> None:
    slack.script(["302"])
    assert traits(refused(channel)) == set()
    assert (slack.calls, slack.posts) == (["chat.postMessage"], [])


def test_the_method_of_the_sdk_that_we_replace_is_the_one_we_know() -> None:
    """Read the new one, change `KeptClient` where it must follow, then change the digest here."""
    replaced = inspect.getsource(BaseClient._perform_urllib_http_request_internal)
    assert (
        hashlib.sha256(replaced.encode()).hexdigest()
        == "fabcc4caa02c991cf45de3e0463c01d45742b569c718a095192b64dec5a726e3"
    )
    assert "self._perform_urllib_http_request_internal(url, req)" in inspect.getsource(
        BaseClient._perform_urllib_http_request
    )
