"""A visitor's own SMTP server and Slack workspace take the messages; the cast plays on all the same."""

from collections.abc import Iterator

import httpx
import pytest
from sqlalchemy import select

from slamon.clock import Clock
from slamon.db.requests import FactRow
from slamon.demo.cast import SHARED_CHANNEL
from slamon.demo.fakes.mailbox import Mailbox
from slamon.demo.fakes.slack_server import SlackServer
from slamon.demo.stage import Stage
from tests.demo.serving import eventually, running_demo
from tests.servers.slack_and_mail import TOKEN, running_mailbox, running_slack

FOUR_HOURS_A_SECOND = 14_400
Running = tuple[Stage, httpx.Client, Mailbox, SlackServer]


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with (
        pytest.MonkeyPatch.context() as environment,
        running_mailbox(Clock().real_now) as mailbox,
        running_slack(Clock().real_now) as (slack, slack_url),
    ):
        environment.setenv("SLAMON_SMTP_URL", mailbox.url)
        environment.setenv("SLAMON_SLACK_TOKEN", TOKEN)
        environment.setenv("SLAMON_SLACK_BASE_URL", slack_url)
        with running_demo(speed=FOUR_HOURS_A_SECOND) as (stage, browser):
            yield stage, browser, mailbox, slack


def test_new_mails_leave_through_the_visitors_server(running: Running) -> None:
    stage, _, mailbox, _ = running
    assert eventually(lambda: mailbox.mails, "a mail on the visitor's server")
    assert max(mail.arrived_at for mail in stage.mailbox.mails) < stage.start


def test_escalations_go_to_one_channel_of_the_visitors_workspace(running: Running) -> None:
    stage, _, _, slack = running
    assert eventually(lambda: slack.in_channel(SHARED_CHANNEL), "a post in the visitor's workspace")
    assert {post.channel for post in slack.posts} == {SHARED_CHANNEL}
    assert [post for post in stage.slack.posts if post.arrived_at >= stage.start] == []


def test_the_cast_answers_though_it_cannot_read_those_mails(running: Running) -> None:
    stage, *_ = running
    assert eventually(lambda: _receipts_since(stage), "a receipt through the form")


def test_the_pages_say_where_messages_go(running: Running) -> None:
    _, browser, *_ = running
    page = browser.get("/demo/inbox").text
    assert "your own SMTP server" in page
    assert "your own workspace" in page


def _receipts_since(stage: Stage) -> list[FactRow]:
    with stage.runtime.db.read() as session:
        statement = select(FactRow).where(
            FactRow.kind == "acknowledged", FactRow.via == "web_form", FactRow.recorded_at > stage.start
        )
        return list(session.scalars(statement))
