"""What a visitor finds at the start: five days of history, made by the real machinery at the right times."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from slamon.db.outbox import Notification
from slamon.db.requests import CmoRequest, CrossingRow
from slamon.demo.run import listen, staged
from slamon.demo.stage import Stage
from slamon.services.reports.verify import verify_audit, verify_requests

REAL_TIME = 1


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """The demo before its first visitor; at the speed of real time nothing more happens during a test."""
    with listen(0) as listener, staged(listener, speed=REAL_TIME) as (_, stage):
        yield stage


def test_the_list_is_rich(stage: Stage) -> None:
    with stage.runtime.db.read() as session:
        requests = session.scalars(select(CmoRequest)).all()
    assert 10 <= len(requests) <= 20
    assert {request.type for request in requests} == {"shipment", "data", "inquiry"}
    assert {request.state for request in requests} == {
        "filed", "acknowledged", "awaiting_sponsor", "answered", "dispatched", "declined", "closed",
        "cancelled",
    }  # fmt: skip


def test_requests_are_hours_to_days_old(stage: Stage) -> None:
    with stage.runtime.db.read() as session:
        ages = [stage.start - filed_at for filed_at in session.scalars(select(CmoRequest.filed_at))]
    assert min(ages) > timedelta(hours=1)
    assert timedelta(days=4) < max(ages) < timedelta(days=7)


def test_every_crossing_of_the_past_was_found_at_its_time(stage: Stage) -> None:
    with stage.runtime.db.read() as session:
        crossings = session.scalars(select(CrossingRow)).all()
    assert {crossing.level for crossing in crossings} >= {"reminder", "target", "limit", "repeat", "backup", "step_3"}
    assert max(crossing.detected_at - crossing.crossed_at for crossing in crossings) <= timedelta(seconds=1)


def test_every_message_of_the_past_reached_the_inbox(stage: Stage) -> None:
    with stage.runtime.db.read() as session:
        owed = session.scalars(select(Notification)).all()
    assert {notification.state for notification in owed} == {"sent"}
    arrived = [mail.key for mail in stage.mailbox.mails] + [post.key for post in stage.slack.posts]
    assert sorted(str(key) for key in arrived) == sorted(notification.dedupe_key for notification in owed)


def test_messages_of_the_past_arrived_in_the_past(stage: Stage) -> None:
    assert min(mail.arrived_at for mail in stage.mailbox.mails) < stage.start - timedelta(days=4)
    assert max(mail.arrived_at for mail in stage.mailbox.mails) < stage.start


def test_an_answered_escalation_has_its_closing_line_in_the_thread(stage: Stage) -> None:
    closing = [post for post in stage.slack.posts if "/closing/" in str(post.key)]
    roots = {post.ts: post for post in stage.slack.posts}
    assert [str(roots[str(post.thread_ts)].key).split("/")[1] for post in closing] == ["limit"]


def test_the_record_is_sound(stage: Stage) -> None:
    with stage.runtime.read() as tx:
        assert list(verify_requests(replace(tx, business_now=stage.start))) == [len(stage.scenes)]
        assert verify_audit(tx.session) is None
