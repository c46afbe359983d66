import io
import json

import pytest

from slamon.channels.console import ConsoleChannel, mask
from tests.channels.messages import a_message, to_contact
from tests.servers.slack_and_mail import NOON


def test_the_console_shows_one_line_of_json_for_each_message() -> None:
    stream = io.StringIO()
    console = ConsoleChannel("email", stream)
    assert console.send(to_contact()).provider_id == "console"
    console.send(a_message())
    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    assert first == {
        "event": "message_shown",
        "channel": "email",
        "address": "ana@halden.example",
        "kind": "filed",
        "number": "SHP-2026-000042",
        "headline": "Please confirm receipt by Mon 23 Nov 06:00 (UTC-05:00)",
        "link": "https://slamon.example/r/…",
        "is_repeat": False,
        "key": to_contact().key,
    }
    assert second["address"] == "C0LONZA"


def test_the_console_shows_no_token_and_nothing_that_was_submitted() -> None:
    stream = io.StringIO()
    ConsoleChannel("slack", stream).send(to_contact())
    assert "s3cr3t" not in stream.getvalue()
    assert "Kit 17" not in stream.getvalue()


@pytest.mark.parametrize(
    ("link", "shown"),
    [
        ("https://host/r/token", "https://host/r/…"),
        ("https://host/r/token/", "https://host/r/…"),
        ("https://host/form?token=a/b", "https://host/…"),
        ("https://host/r/token#a/b", "https://host/r/…"),
        ("https://host", "…"),
        ("token", "…"),
        (None, None),
    ],
)
def test_a_link_is_masked_after_its_last_slash(link: str | None, shown: str | None) -> None:
    assert mask(link) == shown


def test_the_console_stands_in_for_the_channel_it_is_named_after_and_finds_nothing() -> None:
    console = ConsoleChannel("slack", io.StringIO())
    assert console.name == "slack"
    assert console.find(a_message(), NOON) is None
