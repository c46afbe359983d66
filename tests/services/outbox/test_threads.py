"""What is said in Slack about one escalation stands in one thread, and nothing there is false when it leaves."""

from collections.abc import Iterator

import pytest
from sqlalchemy import select

from slamon.channels.slack import SlackChannel
from slamon.db.outbox import Notification, NotificationState
from slamon.db.parties import Organization, Person
from slamon.demo.fakes.slack_server import SlackServer
from slamon.domain.lifecycle import Action
from slamon.engine import cycle
from slamon.errors import DeliveryError
from slamon.wording.message import MessageKind
from tests.installation import CMO_CHANNEL, HEAD, LEAD, NOBODY, Installation
from tests.servers.slack_and_mail import TOKEN, running_slack
from tests.services.deadlines.test_reconcile import kinds, pass_hours

K = MessageKind


@pytest.fixture
def slack_installation(installation: Installation) -> Iterator[tuple[Installation, SlackServer]]:
    """An installation whose Slack is a server that speaks the Web API; the lead's backup may take for them."""
    with running_slack(installation.clock.real_now) as (server, url):
        installation.runtime.channels["slack"] = SlackChannel(TOKEN, url, clock=installation.clock)
        with installation.runtime.db.write() as session:
            session.get_one(Person, installation.cast.lead).backup_id = installation.cast.head
        yield installation, server


def texts(server: SlackServer) -> list[str]:
    return [post.text.splitlines()[0] for post in server.in_channel(CMO_CHANNEL)]


def test_repeat_backup_and_step_3_and_the_closing_stand_in_the_thread_of_the_breach(slack_installation) -> None:
    installation, server = slack_installation
    request = installation.file()
    pass_hours(installation, 49, 53, 57, 73)
    installation.act(request.id, Action.ANSWER, by=installation.cast.contact, text="Week 20")
    installation.work()
    first, *others = server.in_channel(CMO_CHANNEL)
    assert first.thread_ts is None
    assert [post.key.split("/")[1] for post in others] == ["repeat", "backup", "step_3", "closing"]
    assert {post.thread_ts for post in others} == {first.ts}


def test_taking_it_on_the_page_is_said_in_the_thread_once(slack_installation) -> None:
    installation, server = slack_installation
    request = installation.file()
    pass_hours(installation, 49)
    installation.act(request.id, Action.TAKE, by=installation.cast.lead)
    installation.act(request.id, Action.TAKE, by=installation.cast.lead)
    pass_hours(installation, 53, 57)
    first, taken = server.in_channel(CMO_CHANNEL)
    assert (taken.thread_ts, len(taken.blocks)) == (first.ts, 1)
    assert taken.text.startswith(f"[{request.number}] Leo Lead took this escalation on Wed 4 Mar 10:00 (UTC).")


def test_whoever_takes_it_over_is_named_too(slack_installation) -> None:
    installation, server = slack_installation
    request = installation.file()
    pass_hours(installation, 49)
    for person in (installation.cast.lead, installation.cast.head):
        installation.act(request.id, Action.TAKE, by=person)
    installation.work()
    assert ["Leo Lead took" in text or "Hedda Head took" in text for text in texts(server)] == [False, True, True]


def test_a_repeat_that_waits_while_it_is_taken_does_not_leave(installation: Installation) -> None:
    request = installation.file()
    pass_hours(installation, 49)
    installation.clock.advance(hours=4)
    cycle.check_requests(installation.runtime, NOBODY, [request.id])  # the repeat is queued and not yet sent
    installation.act(request.id, Action.TAKE, by=installation.cast.lead)
    installation.clock.advance(seconds=10)
    installation.work()
    assert kinds(installation.slack, CMO_CHANNEL) == [K.LIMIT, K.TAKEN]
    assert kinds(installation.email, LEAD) == [K.LIMIT]
    with installation.runtime.db.read() as session:
        states = session.scalars(select(Notification.state).where(Notification.kind == K.REPEAT)).all()
    assert set(states) == {NotificationState.SUPPRESSED}


def test_a_repeat_taken_while_the_message_before_it_is_on_its_way_does_not_leave(installation: Installation) -> None:
    """Both are composed; the take comes between the two calls."""
    first, second = installation.file(), installation.file(site_id=installation.cast.second_site)
    pass_hours(installation, 49)

    def take_both() -> None:
        installation.slack.meanwhile = lambda: None
        for request in (first, second):
            installation.act(request.id, Action.TAKE, by=installation.cast.lead)

    installation.slack.meanwhile = take_both
    pass_hours(installation, 53)
    assert kinds(installation.slack, CMO_CHANNEL).count(K.REPEAT) == 1  # the one already on its way


def test_a_repeat_that_slack_refuses_does_not_come_by_mail_once_it_is_taken(installation: Installation) -> None:
    request = installation.file()
    pass_hours(installation, 49)
    installation.slack.failures.append(DeliveryError("try later"))
    pass_hours(installation, 53)
    mails = len(installation.email.sent)
    installation.act(request.id, Action.TAKE, by=installation.cast.lead)
    installation.slack.failures += [DeliveryError("try later")] * 5
    pass_hours(installation, 54, 55)
    assert K.REPEAT not in kinds(installation.slack, CMO_CHANNEL)
    assert kinds(installation.email, LEAD).count(K.REPEAT) == 1  # the one that left before
    assert len(installation.email.sent) == mails


def test_a_breach_that_leaves_after_it_was_taken_says_who_has_it(installation: Installation) -> None:
    request = installation.file()
    installation.clock.advance(hours=49)
    cycle.check_requests(installation.runtime, NOBODY, [request.id])
    installation.act(request.id, Action.TAKE, by=installation.cast.lead)
    installation.clock.advance(seconds=10)
    installation.work()
    [breach] = installation.slack.sent_to(CMO_CHANNEL)
    assert (breach.kind, breach.taken_by) == (K.LIMIT, "Leo Lead")
    pass_hours(installation, 73)
    assert installation.email.sent_to(HEAD, K.STEP_3)[0].taken_by == "Leo Lead"


def test_a_later_breach_of_another_clock_begins_a_thread_of_its_own(installation: Installation) -> None:
    request = installation.file()
    installation.act(request.id, Action.ACKNOWLEDGE, by=installation.cast.contact)
    pass_hours(installation, 49)
    installation.act(request.id, Action.ANSWER, by=installation.cast.contact, text="Week 20")
    installation.act(request.id, Action.REJECT, by=installation.cast.pm, reason="Not what was asked")
    pass_hours(installation, 49 + 49, 49 + 53)
    installation.act(request.id, Action.RESPOND, by=installation.cast.contact, text="Week 21")
    installation.work()
    told = [(message.kind, message.thread_id) for message in installation.slack.sent_to(CMO_CHANNEL)]
    assert told == [
        (K.LIMIT, None),
        (K.CLOSING, "slack:1"),
        (K.LIMIT, None),
        (K.REPEAT, "slack:3"),
        (K.CLOSING, "slack:3"),
    ]


def test_what_a_digest_told_goes_on_under_the_digest(installation: Installation) -> None:
    requests = [installation.file() for _ in range(8)]
    pass_hours(installation, 49)
    [digest] = [message for message in installation.slack.sent_to(CMO_CHANNEL) if message.kind == K.DIGEST]
    installation.act(requests[0].id, Action.TAKE, by=installation.cast.lead)
    installation.act(requests[0].id, Action.ANSWER, by=installation.cast.contact, text="Week 20")
    installation.work()
    assert digest.key.startswith("digest/")
    told = [(m.kind, m.thread_id) for m in installation.slack.sent_to(CMO_CHANNEL) if m.number == requests[0].number]
    assert told[-2:] == [(K.TAKEN, "slack:1"), (K.CLOSING, "slack:1")]


def test_another_channel_since_gets_no_thread_of_the_old_one(installation: Installation) -> None:
    request = installation.file()
    pass_hours(installation, 49)
    installation.address(Organization, installation.cast.cmo, "slack", "C0NEW")
    pass_hours(installation, 53)
    assert [(m.kind, m.thread_id) for m in installation.slack.sent_to("C0NEW")] == [(K.REPEAT, None)]
    installation.act(request.id, Action.TAKE, by=installation.cast.lead)
    installation.work()
    assert [m.thread_id for m in installation.slack.sent if m.kind == K.TAKEN] == ["slack:1", "slack:2"]


def test_a_reply_whose_thread_began_between_two_attempts_is_not_posted_twice(slack_installation) -> None:
    installation, server = slack_installation
    installation.file()
    server.script(["500"] * 1)
    pass_hours(installation, 49)  # the breach does not arrive at first
    server.script(["500_after_accept"])
    installation.clock.advance_business(hours=4)
    installation.work()
    for _ in range(6):
        installation.clock.advance_real(minutes=2)
        installation.work()
    keys = [post.key for post in server.in_channel(CMO_CHANNEL)]
    assert len(keys) == len(set(keys))
