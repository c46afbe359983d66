"""Small parts of the demo's pages: Slack's blocks as HTML, forms read from a page."""

from datetime import UTC, datetime

import httpx
import pytest

from slamon.demo.contact_form import FormNotFound, forms_in, send_act
from slamon.demo.fakes.slack_server import Post
from slamon.demo.slack_view import mrkdwn, shown_blocks
from slamon.domain.lifecycle import Action

PAGE = """<form method="post" action="/r/abc/acknowledge"><input type="hidden" name="csrf" value="x">
<input type="date" name="expected_on"><button formaction="/r/abc/decline">No</button></form>
<input name="outside"><form method="post" action="/r/abc/answer"><textarea name="text"></textarea></form>"""


def test_names_cannot_smuggle_markup_through_slack() -> None:
    assert mrkdwn("*&lt;script&gt;*\nA &amp; B") == "<b>&lt;script&gt;</b><br>A &amp; B"


def test_a_post_without_blocks_shows_its_text() -> None:
    post = Post("1.0", "#x", "It is over", (), {}, None, datetime(2026, 11, 24, tzinfo=UTC))
    assert [(block.kind, block.text) for block in shown_blocks(post)] == [("section", "It is over")]


def test_a_button_with_a_strange_address_leads_nowhere() -> None:
    button = {"type": "button", "text": {"type": "plain_text", "text": "Go"}, "url": "javascript:alert(1)"}
    post = Post(
        "1.0", "#x", "t", ({"type": "actions", "elements": [button]},), {}, None, datetime(2026, 11, 24, tzinfo=UTC)
    )
    assert [button.url for button in shown_blocks(post)[0].buttons] == [""]


def test_forms_are_read_with_their_fields_and_targets() -> None:
    first, second = forms_in(PAGE)
    assert (first.action, first.values, first.targets) == (
        "/r/abc/acknowledge", {"csrf": "x", "expected_on": ""}, ["/r/abc/decline"],
    )  # fmt: skip
    assert second.values == {"text": ""}


def test_an_act_is_sent_with_the_fields_of_its_own_form() -> None:
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, text=PAGE) if request.method == "GET" else httpx.Response(303)

    with httpx.Client(transport=httpx.MockTransport(answer)) as browser:
        send_act(browser, "http://here/r/abc", Action.ANSWER, "Yes & no")
    assert (str(sent[1].url), sent[1].content) == ("http://here/r/abc/answer", b"text=Yes+%26+no")


def test_an_act_the_page_does_not_offer_is_not_sent() -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, text=PAGE))
    with httpx.Client(transport=transport) as browser, pytest.raises(FormNotFound, match="ask"):
        send_act(browser, "http://here/r/abc", Action.ASK, "?")
