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
def slack_world(world: Installation) -> Iterator[tuple[Installation, SlackServer]]:
    """A world whose Slack is a server that speaks the Web API. The lead's backup may take what comes to them."""
    with running_slack(world.clock.real_now) as (server, url):
        world.runtime.channels["slack"] = SlackChannel(TOKEN, url, clock=world.clock)
        with world.runtime.db.write() as session:
            session.get_one(Person, world.cast.lead).backup_id = world.cast.head
        yield world, server


def texts(server: SlackServer) -> list[str]:
    return [post.text.splitlines()[0] for post in server.in_channel(CMO_CHANNEL)]


def test_repeat_backup_and_step_3_and_the_closing_stand_in_the_thread_of_the_breach(slack_world) -> None:
    world, server = slack_world
    request = world.file()
    pass_hours(world, 49, 53, 57, 73)
    world.act(request.id, Action.ANSWER, by=world.cast.contact, text="Week 20")
    world.work()
    first, *others = server.in_channel(CMO_CHANNEL)
    assert first.thread_ts is None
    assert [post.key.split("/")[1] for post in others] == ["repeat", "backup", "step_3", "closing"]
    assert {post.thread_ts for post in others} == {first.ts}


def test_taking_it_on_the_page_is_said_in_the_thread_once(slack_world) -> None:
    world, server = slack_world
    request = world.file()
    pass_hours(world, 49)
    world.act(request.id, Action.TAKE, by=world.cast.lead)
    world.act(request.id, Action.TAKE, by=world.cast.lead)
    pass_hours(world, 53, 57)
    first, taken = server.in_channel(CMO_CHANNEL)
    assert (taken.thread_ts, len(taken.blocks)) == (first.ts, 1)
    assert taken.text.startswith(f"[{request.number}] Leo Lead took this escalation on Wed 4 Mar 10:00 (UTC).")


def test_whoever_takes_it_over_is_named_too(slack_world) -> None:
    world, server = slack_world
    request = world.file()
    pass_hours(world, 49)
    for person in (world.cast.lead, world.cast.head):
        world.act(request.id, Action.TAKE, by=person)
    world.work()
    assert ["Leo Lead took" in text or "Hedda Head took" in text for text in texts(server)] == [False, True, True]


def test_a_repeat_that_waits_while_it_is_taken_does_not_leave(world: Installation) -> None:
    request = world.file()
    pass_hours(world, 49)
    world.clock.advance(hours=4)
    cycle.check_requests(world.runtime, NOBODY, [request.id])  # the repeat is queued and not yet sent
    world.act(request.id, Action.TAKE, by=world.cast.lead)
    world.clock.advance(seconds=10)
    world.work()
    assert kinds(world.slack, CMO_CHANNEL) == [K.LIMIT, K.TAKEN]
    assert kinds(world.email, LEAD) == [K.LIMIT]
    with world.runtime.db.read() as session:
        states = session.scalars(select(Notification.state).where(Notification.kind == K.REPEAT)).all()
    assert set(states) == {NotificationState.SUPPRESSED}


def test_a_repeat_taken_while_the_message_before_it_is_on_its_way_does_not_leave(world: Installation) -> None:
    """Both are composed; the take comes between the two calls."""
    first, second = world.file(), world.file(site_id=world.cast.second_site)
    pass_hours(world, 49)

    def take_both() -> None:
        world.slack.meanwhile = lambda: None
        for request in (first, second):
            world.act(request.id, Action.TAKE, by=world.cast.lead)

    world.slack.meanwhile = take_both
    pass_hours(world, 53)
    assert kinds(world.slack, CMO_CHANNEL).count(K.REPEAT) == 1  # the one already on its way


def test_a_repeat_that_slack_refuses_does_not_come_by_mail_once_it_is_taken(world: Installation) -> None:
    request = world.file()
    pass_hours(world, 49)
    world.slack.failures.append(DeliveryError("try later"))
    pass_hours(world, 53)
    mails = len(world.email.sent)
    world.act(request.id, Action.TAKE, by=world.cast.lead)
    world.slack.failures += [DeliveryError("try later")] * 5
    pass_hours(world, 54, 55)
    assert K.REPEAT not in kinds(world.slack, CMO_CHANNEL)
    assert kinds(world.email, LEAD).count(K.REPEAT) == 1  # the one that left before
    assert len(world.email.sent) == mails


def test_a_breach_that_leaves_after_it_was_taken_says_who_has_it(world: Installation) -> None:
    request = world.file()
    world.clock.advance(hours=49)
    cycle.check_requests(world.runtime, NOBODY, [request.id])
    world.act(request.id, Action.TAKE, by=world.cast.lead)
    world.clock.advance(seconds=10)
    world.work()
    [breach] = world.slack.sent_to(CMO_CHANNEL)
    assert (breach.kind, breach.taken_by) == (K.LIMIT, "Leo Lead")
    pass_hours(world, 73)
    assert world.email.sent_to(HEAD, K.STEP_3)[0].taken_by == "Leo Lead"


def test_a_later_breach_of_another_clock_begins_a_thread_of_its_own(world: Installation) -> None:
    request = world.file()
    world.act(request.id, Action.ACKNOWLEDGE, by=world.cast.contact)
    pass_hours(world, 49)
    world.act(request.id, Action.ANSWER, by=world.cast.contact, text="Week 20")
    world.act(request.id, Action.REJECT, by=world.cast.pm, reason="Not what was asked")
    pass_hours(world, 49 + 49, 49 + 53)
    world.act(request.id, Action.RESPOND, by=world.cast.contact, text="Week 21")
    world.work()
    told = [(message.kind, message.thread_id) for message in world.slack.sent_to(CMO_CHANNEL)]
    assert told == [
        (K.LIMIT, None),
        (K.CLOSING, "slack:1"),
        (K.LIMIT, None),
        (K.REPEAT, "slack:3"),
        (K.CLOSING, "slack:3"),
    ]


def test_what_a_digest_told_goes_on_under_the_digest(world: Installation) -> None:
    requests = [world.file() for _ in range(8)]
    pass_hours(world, 49)
    [digest] = [message for message in world.slack.sent_to(CMO_CHANNEL) if message.kind == K.DIGEST]
    world.act(requests[0].id, Action.TAKE, by=world.cast.lead)
    world.act(requests[0].id, Action.ANSWER, by=world.cast.contact, text="Week 20")
    world.work()
    assert digest.key.startswith("digest/")
    told = [(m.kind, m.thread_id) for m in world.slack.sent_to(CMO_CHANNEL) if m.number == requests[0].number]
    assert told[-2:] == [(K.TAKEN, "slack:1"), (K.CLOSING, "slack:1")]


def test_another_channel_since_gets_no_thread_of_the_old_one(world: Installation) -> None:
    request = world.file()
    pass_hours(world, 49)
    world.address(Organization, world.cast.cmo, "slack", "C0NEW")
    pass_hours(world, 53)
    assert [(m.kind, m.thread_id) for m in world.slack.sent_to("C0NEW")] == [(K.REPEAT, None)]
    world.act(request.id, Action.TAKE, by=world.cast.lead)
    world.work()
    assert [m.thread_id for m in world.slack.sent if m.kind == K.TAKEN] == ["slack:1", "slack:2"]


def test_a_reply_whose_thread_began_between_two_attempts_is_not_posted_twice(slack_world) -> None:
    world, server = slack_world
    world.file()
    server.script(["500"] * 1)
    pass_hours(world, 49)  # the breach does not arrive at first
    server.script(["500_after_accept"])
    world.clock.advance_business(hours=4)
    world.work()
    for _ in range(6):
        world.clock.advance_real(minutes=2)
        world.work()
    keys = [post.key for post in server.in_channel(CMO_CHANNEL)]
    assert len(keys) == len(set(keys))
