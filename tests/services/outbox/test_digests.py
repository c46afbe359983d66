"""Many steps of one CMO become one message, so that nobody is flooded and no breach drowns."""

from datetime import timedelta

import pytest

from slamon.db.outbox import NotificationState as S
from slamon.domain.lifecycle import Action
from slamon.domain.timeline import SYSTEM
from slamon.engine import compose
from slamon.errors import DeliveryError
from slamon.services.outbox.outbox import hold_restored, outbox_row, queue, stop_outgoing
from slamon.services.reports.verify import verify_requests
from slamon.wording.message import MessageKind
from tests.engine.test_deliver import rows
from tests.installation import CMO_CHANNEL, CMO_LEAD, CONTACT, LEAD, Installation

K = MessageKind


def weekend_outage(installation: Installation, requests: int) -> list[str]:
    """Requests filed on Friday; nothing ran until their limits had long passed."""
    filed = [installation.file().number for _ in range(requests)]
    installation.work()
    installation.clock.advance(hours=60)
    return filed


def test_after_an_outage_each_reader_gets_one_digest_of_all_breaches(any_installation: Installation):
    installation = any_installation
    filed = weekend_outage(installation, 8)
    installation.work()
    (digest,) = installation.slack.sent_to(CMO_CHANNEL)
    assert digest.kind == K.DIGEST
    assert [line.number for line in digest.lines] == filed  # those that have waited longest first
    assert {line.kind for line in digest.lines} == {K.LIMIT}
    (mail,) = installation.email.sent_to(CMO_LEAD, K.DIGEST)
    assert len({line.link for line in mail.lines}) == 8
    told = rows(installation, "slack", K.LIMIT)
    assert [row.state for row in told] == [S.SENT] * 8
    assert {row.provider_id for row in told} == {"slack:1"}


def test_five_come_one_by_one_and_the_sixth_waits_for_the_next_digest(installation: Installation):
    for _ in range(12):
        installation.file()
        installation.clock.advance(seconds=20)
    installation.work()
    installation.clock.advance(hours=18, seconds=-239)
    for _ in range(12):
        installation.work()
        installation.clock.advance(seconds=20)
    reminders = [mail.kind for mail in installation.email.sent_to(CONTACT) if mail.kind != K.FILED]
    assert reminders == [K.REMINDER] * 5
    installation.clock.advance(minutes=15)
    installation.work()
    (digest,) = installation.email.sent_to(CONTACT, K.DIGEST)
    assert len(digest.lines) == 7


def test_a_breach_waits_for_a_digest_no_longer_than_a_minute(installation: Installation):
    for seconds in (0, 30):
        installation.clock.advance(seconds=seconds)
        for _ in range(6):
            installation.file()
    installation.work()
    installation.clock.advance(hours=48, seconds=-15)
    installation.work()
    assert len(installation.slack.sent_to(CMO_CHANNEL, K.DIGEST)) == 1
    installation.clock.advance(seconds=30)
    installation.work()
    assert len(installation.slack.sent_to(CMO_CHANNEL, K.DIGEST)) == 1
    installation.clock.advance(seconds=31)
    installation.work()
    assert [len(digest.lines) for digest in installation.slack.sent_to(CMO_CHANNEL, K.DIGEST)] == [6, 6]


def test_a_reminder_among_single_breaches_waits_no_longer_than_a_quarter_of_an_hour(installation: Installation):
    for _ in range(22):
        installation.file()
        installation.clock.advance(minutes=2)
    installation.work()
    installation.clock.advance(hours=47, minutes=15)  # from here on a limit passes every two minutes
    for minute in range(36):
        if minute == 16:
            with installation.runtime.write() as tx:
                reminder = outbox_row(
                    tx,
                    "r",
                    K.REMINDER,
                    "slack",
                    CMO_CHANNEL,
                    request_id=rows(installation, "slack", K.LIMIT)[0].request_id,
                    clocks=["answer"],
                )
                queue(tx.session, [reminder])
        installation.work()
        installation.clock.advance(minutes=1)
    (row,) = rows(installation, "slack", K.REMINDER)
    assert row.sent_at is not None
    assert row.sent_at - row.queued_at <= timedelta(minutes=16)


def test_steps_that_wait_in_a_restored_copy_leave_once_it_is_let_go(installation: Installation):
    weekend_outage(installation, 8)
    with installation.runtime.write() as tx:
        stop_outgoing(tx, True, by=SYSTEM, reason="test")
    installation.work()
    with installation.runtime.write() as tx:
        hold_restored(tx)
        stop_outgoing(tx, False, by=SYSTEM, reason="test")
    installation.work()
    assert [row.state for row in rows(installation, "slack", K.LIMIT)] == [S.SENT] * 8


def test_of_a_digest_too_long_to_read_whole_no_step_is_dropped(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(compose, "MOST_READ", 2)
    weekend_outage(installation, 7)
    installation.slack.failures.append(DeliveryError("Slack asks to wait.", retry_after_seconds=30))
    installation.work()
    for told in rows(installation, "slack", K.LIMIT)[:2]:
        installation.act(told.request_id, Action.ACKNOWLEDGE, by=installation.cast.contact)
        installation.act(told.request_id, Action.ANSWER, by=installation.cast.contact, text="Yes")
    installation.clock.advance(seconds=31)
    installation.work()
    assert len(installation.slack.sent_to(CMO_CHANNEL, K.DIGEST)) == 1


def test_what_was_answered_before_the_digest_left_is_not_in_it(installation: Installation):
    weekend_outage(installation, 7)
    installation.slack.failures.append(DeliveryError("Slack asks to wait.", retry_after_seconds=30))
    installation.work()
    answered = rows(installation, "slack", K.LIMIT)[0]
    installation.act(answered.request_id, Action.ACKNOWLEDGE, by=installation.cast.contact)
    installation.act(answered.request_id, Action.ANSWER, by=installation.cast.contact, text="Yes")
    installation.clock.advance(seconds=31)
    installation.work()
    (digest,) = installation.slack.sent_to(CMO_CHANNEL, K.DIGEST)
    assert len(digest.lines) == 6


def test_a_digest_that_slack_refuses_goes_by_mail(installation: Installation):
    weekend_outage(installation, 7)
    installation.slack.failures.extend(DeliveryError("is_archived", permanent=True, route_down=True) for _ in range(9))
    installation.work()
    installation.clock.advance(minutes=1)
    installation.work()
    mails = [mail for mail in installation.email.sent_to(LEAD) if mail.lines]
    assert {line.number for mail in mails for line in mail.lines} == {f"INQ-2026-00000{n}" for n in range(1, 8)}
    (dead,) = rows(installation, "slack", K.DIGEST)
    assert dead.state == S.FAILED


def test_a_digest_names_every_request_once_and_leaves_the_record_sound(installation: Installation):
    weekend_outage(installation, 40)
    installation.work()
    (digest,) = installation.slack.sent_to(CMO_CHANNEL, K.DIGEST)
    assert (len(digest.lines), digest.more_lines) == (30, 10)
    with installation.runtime.read() as tx:
        assert all(isinstance(step, int) for step in verify_requests(tx))
