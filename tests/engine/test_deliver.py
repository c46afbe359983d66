"""What happens to a message when the far side refuses, waits, falls silent, or we die in the middle."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, select

from slamon.db.base import new_id
from slamon.db.outbox import Attempt, Notification, NotificationState, Process
from slamon.db.parties import Person
from slamon.db.policies import FrozenTerms
from slamon.db.requests import CmoRequest
from slamon.db.sending import advance
from slamon.domain.lifecycle import Action
from slamon.engine import deliver, heartbeat
from slamon.engine.cycle import InlineDispatcher, tick
from slamon.engine.heartbeat import Watch
from slamon.errors import DeliveryError, Unavailable
from slamon.runtime import InFlight
from slamon.services.outbox.outbox import resend, stop_outgoing
from slamon.wording.message import MessageKind
from tests.installation import ADMIN, CMO_CHANNEL, CONTACT, LEAD, PM, Installation, open_installation

K = MessageKind
S = NotificationState


def breach(installation: Installation) -> None:
    """A request nobody answered, two days later; the messages of the breach are queued, not yet sent."""
    installation.file()
    installation.work()
    installation.clock.advance(hours=48, seconds=1)


def rows(installation: Installation, channel: str, kind: MessageKind) -> list[Notification]:
    with installation.runtime.db.read() as session:
        statement = select(Notification).where(Notification.channel == channel, Notification.kind == kind.value)
        return list(session.scalars(statement.order_by(Notification.id)))


def work_after(installation: Installation, **span: float) -> None:
    installation.clock.advance_real(**span)
    installation.work()


def test_slack_that_asks_to_wait_is_obeyed_and_then_told_once(installation: Installation):
    breach(installation)
    installation.slack.failures.append(DeliveryError("ratelimited", retry_after_seconds=30))
    installation.work()
    work_after(installation, seconds=29)
    assert not installation.slack.sent
    work_after(installation, seconds=2)
    assert len(installation.slack.sent_to(CMO_CHANNEL, K.LIMIT)) == 1
    assert len(installation.email.sent_to(LEAD, K.LIMIT)) == 1


def test_while_slack_asks_one_channel_to_wait_everything_for_it_waits(installation: Installation):
    installation.file()
    installation.file()
    installation.work()
    installation.clock.advance(hours=48, seconds=1)
    installation.slack.failures.append(DeliveryError("ratelimited", retry_after_seconds=30))
    installation.work()
    assert not installation.slack.sent
    work_after(installation, seconds=31)
    assert len(installation.slack.sent_to(CMO_CHANNEL, K.LIMIT)) == 2


def test_what_comes_up_for_a_channel_while_slack_asks_it_to_wait_waits_too(any_installation: Installation):
    installation = any_installation
    installation.file()
    installation.clock.advance(seconds=20)
    installation.file()
    installation.work()
    installation.clock.advance(hours=48, seconds=-19)
    installation.slack.failures.append(DeliveryError("ratelimited", retry_after_seconds=30))
    installation.work()
    installation.clock.advance(seconds=20)  # the second breach, ten seconds before the end of the wait
    installation.work()
    assert not installation.slack.sent
    installation.clock.advance(seconds=11)
    installation.work()
    assert [message.number for message in installation.slack.sent] == ["INQ-2026-000001", "INQ-2026-000002"]


@pytest.mark.parametrize("error", ["internal_error", "HTTP 503"])
def test_after_the_third_failure_mail_carries_what_slack_could_not(installation: Installation, error: str):
    breach(installation)
    installation.slack.failures.extend(DeliveryError(error) for _ in range(3))
    for _ in range(3):
        work_after(installation, minutes=1)
    (row,) = rows(installation, "slack", K.LIMIT)
    assert (row.state, row.attempts, row.error) == (S.FAILED, 3, error)
    assert len(installation.email.sent_to(LEAD, K.LIMIT)) == 1  # the ladder's own mail and the fallback are one


def test_a_refused_slack_route_alarms_the_administrators_once_and_mail_takes_over(installation: Installation):
    installation.file()
    breach(installation)
    installation.slack.failures.extend(DeliveryError("invalid_auth", permanent=True, route_down=True) for _ in range(2))
    installation.work()
    assert len(installation.email.sent_to(ADMIN, K.ALARM)) == 1
    assert len(installation.email.sent_to(LEAD, K.LIMIT)) == 2
    assert {row.state for row in rows(installation, "slack", K.LIMIT)} == {S.FAILED}


def test_a_mail_that_is_refused_shows_as_not_reached_and_the_manager_hears_it(installation: Installation):
    installation.email.failures.append(DeliveryError("550 No such user", permanent=True))
    installation.file()
    installation.work()
    (row,) = rows(installation, "email", K.FILED)
    assert (row.state, row.error) == (S.FAILED, "550 No such user")
    assert len(installation.email.sent_to(PM, K.NOT_REACHED)) == 1


def test_a_greylisted_mail_arrives_once_when_the_server_lets_it_in(installation: Installation):
    installation.email.failures.extend(DeliveryError("451 Greylisted") for _ in range(4))
    installation.file()
    for _ in range(6):
        work_after(installation, minutes=4)
    assert len(installation.email.sent_to(CONTACT, K.FILED)) == 1
    assert not installation.email.sent_to(CONTACT, K.FILED)[0].is_repeat


def test_slack_is_asked_before_an_unclear_post_is_sent_again(installation: Installation):
    breach(installation)

    def accepts_and_drops(message):
        installation.slack.sent.append(message)
        raise DeliveryError("connection lost", ambiguous=True)

    honest, installation.slack.send = installation.slack.send, accepts_and_drops  # type: ignore[method-assign]
    installation.work()
    installation.slack.send = honest  # type: ignore[method-assign]
    work_after(installation, minutes=1)
    assert len(installation.slack.sent_to(CMO_CHANNEL, K.LIMIT)) == 1
    assert rows(installation, "slack", K.LIMIT)[0].state == S.SENT


def test_slack_that_asks_to_wait_while_it_is_asked_for_a_post_is_obeyed(installation: Installation):
    breach(installation)
    installation.slack.failures.append(DeliveryError("connection lost", ambiguous=True))
    installation.work()

    def ask_to_wait(message, since):
        raise DeliveryError("ratelimited", retry_after_seconds=300)

    installation.slack.find = ask_to_wait  # type: ignore[method-assign]
    for _ in range(5):
        work_after(installation, seconds=30)
    (row,) = rows(installation, "slack", K.LIMIT)
    assert (row.state, row.attempts) == (S.UNKNOWN, 2)


@pytest.mark.parametrize("in_between", [[], [DeliveryError("451 greylisted")]], ids=["then well", "then refused once"])
def test_a_mail_server_that_falls_silent_gets_a_marked_repeat_under_the_same_message_id(
    installation: Installation, in_between: list[DeliveryError]
):
    sent = []
    failures = [DeliveryError("timed out after DATA", ambiguous=True), *in_between]

    def silent_then_well(message):
        sent.append(message)
        if failures:
            raise failures.pop(0)
        return honest(message)

    def cannot_be_asked(message, since):
        raise DeliveryError("mail cannot be asked", permanent=True)

    honest, installation.email.send, installation.email.find = (
        installation.email.send,
        silent_then_well,
        cannot_be_asked,
    )  # type: ignore[method-assign]
    installation.file()
    installation.work()
    for _ in in_between or [None]:
        work_after(installation, minutes=1)
    work_after(installation, minutes=1)
    assert [message.is_repeat for message in sent] == [False, *[True] * (1 + len(in_between))]
    assert len({message.message_id for message in sent}) == 1
    assert sent[0].link != sent[1].link  # each attempt has a link of its own; both open the form


@pytest.mark.parametrize("arrived", [True, False])
def test_a_worker_that_dies_in_the_send_leaves_a_message_that_is_looked_up_first(
    any_installation: Installation, arrived: bool
):
    installation = any_installation
    breach(installation)
    installation.work()
    (row,) = rows(installation, "slack", K.LIMIT)
    with installation.runtime.db.write() as session:  # as a kill between the post and its result leaves it
        stored = session.get_one(Notification, row.id)
        stored.state, stored.taken_by, stored.sent_at = S.SENDING.value, new_id(), None
    if not arrived:
        installation.slack.sent.clear()
    installation.work()
    assert rows(installation, "slack", K.LIMIT)[0].state == S.SENDING  # its process may still live
    for _ in range(3):
        work_after(installation, seconds=5)
    assert rows(installation, "slack", K.LIMIT)[0].state == S.SENT
    assert len(installation.slack.sent_to(CMO_CHANNEL, K.LIMIT)) == 1


@pytest.mark.parametrize("beats", [True, False], ids=["another that beats", "oneself, who cannot beat for a while"])
def test_a_living_process_keeps_what_it_is_sending(installation: Installation, beats: bool):
    sender = replace(installation.runtime, process_id=new_id(), in_flight=InFlight()) if beats else installation.runtime
    breach(installation)
    heartbeat.beat(sender, "worker", 1)
    installation.work()
    with installation.runtime.db.write() as session:
        stored = session.get_one(Notification, rows(installation, "slack", K.LIMIT)[0].id)
        stored.state, stored.taken_by = S.SENDING.value, sender.process_id
    with sender.in_flight.holding([stored.id]):
        for count in range(2, 8):
            if beats:
                heartbeat.beat(sender, "worker", count)
            work_after(installation, seconds=4)
    assert rows(installation, "slack", K.LIMIT)[0].state == S.SENDING


def test_the_late_result_of_an_overtaken_attempt_is_void(installation: Installation):
    installation.file()
    (row,) = rows(installation, "email", K.FILED)

    def taken_over_and_sent_by_another() -> None:
        with installation.runtime.db.write() as session:
            stored = session.get_one(Notification, row.id)
            stored.attempts, stored.state, stored.provider_id = 2, S.SENT.value, "the other's"
            session.add(Attempt(notification_id=row.id, number=2, began_at=installation.clock.real_now()))

    installation.email.meanwhile = taken_over_and_sent_by_another
    installation.email.failures.append(DeliveryError("too late", permanent=True))
    installation.work()
    assert [(r.state, r.provider_id) for r in rows(installation, "email", K.FILED)] == [(S.SENT, "the other's")]


def test_signing_off_gives_back_what_was_being_sent(installation: Installation):
    heartbeat.beat(installation.runtime, "worker", 1)
    installation.file()
    installation.email.meanwhile = lambda: heartbeat.sign_off(installation.runtime)
    tick(installation.runtime, InlineDispatcher(installation.runtime), Watch(8))
    assert rows(installation, "email", K.FILED)[0].state == S.UNKNOWN
    with installation.runtime.db.read() as session:
        assert session.scalars(select(Process)).all() == []


def test_everything_goes_to_one_address_while_redirected(tmp_path):
    with open_installation(
        f"sqlite:///{tmp_path}/staging.db", redirect_all_to="staging@sponsor.example"
    ) as installation:
        breach(installation)
        installation.work()
        assert not installation.slack.sent
        assert {message.address for message in installation.email.sent} == {"staging@sponsor.example"}
        assert f"slack: {CMO_CHANNEL}" in {message.redirected_from for message in installation.email.sent}


def test_retries_spread_out_and_stay_bounded(installation: Installation):
    waits = [deliver._wait(installation.runtime, DeliveryError("x"), failures) for failures in range(1, 40)]
    assert timedelta(0) < min(waits)
    assert max(waits) <= timedelta(seconds=installation.runtime.settings.retry_max_seconds)


def test_an_answer_that_arrives_while_a_breach_fails_to_leave_ends_it(installation: Installation):
    request = installation.file()
    installation.work()
    installation.clock.advance(hours=48, seconds=1)

    def answered_meanwhile(_message):
        installation.act(request.id, Action.ANSWER, by=installation.cast.contact, text="Here it is")
        raise DeliveryError("internal_error")

    installation.slack.send = answered_meanwhile  # type: ignore[method-assign]
    installation.work()
    del installation.slack.send  # type: ignore[attr-defined]
    for _ in range(4):
        work_after(installation, minutes=1)
    assert {row.state for row in rows(installation, "slack", K.LIMIT)} == {S.SUPPRESSED}
    assert not installation.slack.sent_to(CMO_CHANNEL, K.LIMIT)


def test_a_result_is_stored_once_the_database_is_back(installation: Installation, monkeypatch):
    installation.file()
    (row,) = rows(installation, "email", K.FILED)
    away = [Unavailable("away"), Unavailable("away")]
    advance = deliver.advance

    def advance_when_back(*given, **named):
        if away and named.get("delivered"):
            raise away.pop()
        return advance(*given, **named)

    monkeypatch.setattr(deliver, "advance", advance_when_back)  # the database's absence, at the one line that matters
    monkeypatch.setattr(installation.clock, "wait", lambda seconds: None)
    installation.work()
    assert rows(installation, "email", K.FILED)[0].state == S.SENT
    assert len(installation.email.sent_to(CONTACT)) == 1
    assert row.attempts == 0


def test_what_a_living_process_lost_hold_of_is_looked_up(installation: Installation):
    breach(installation)
    installation.work()
    with installation.runtime.db.write() as session:
        stored = session.get_one(Notification, rows(installation, "slack", K.LIMIT)[0].id)
        stored.state, stored.taken_by = S.SENDING.value, installation.runtime.process_id
    heartbeat.beat(installation.runtime, "worker", 1)
    installation.work()
    assert rows(installation, "slack", K.LIMIT)[0].state == S.SENT
    assert len(installation.slack.sent_to(CMO_CHANNEL, K.LIMIT)) == 1


def test_a_message_that_cannot_be_composed_becomes_a_dead_letter(installation: Installation):
    request = installation.file()
    with installation.runtime.db.write() as session:
        session.get_one(CmoRequest, request.id).terms_digest = "0" * 64
        session.add(FrozenTerms(digest="0" * 64, content={"policy": "unreadable"}))
    for _ in range(8):
        work_after(installation, minutes=10)
    (row,) = rows(installation, "email", K.FILED)
    assert (row.state, row.attempts) == (S.FAILED, deliver.BROKEN_ATTEMPTS)


def test_stopping_holds_back_what_was_already_handed_out(installation: Installation):
    installation.file()
    (row,) = rows(installation, "email", K.FILED)
    with installation.runtime.write() as tx:
        stop_outgoing(tx, True, by=installation.caller(installation.cast.admin).as_actor(), reason="x")
    deliver.deliver(installation.runtime, [row.id], row.next_attempt_at)
    assert not installation.email.sent


def test_a_message_handed_out_until_another_instant_is_not_taken(any_installation: Installation):
    any_installation.file()
    (row,) = rows(any_installation, "email", K.FILED)
    own, now = any_installation.runtime.process_id, any_installation.clock.real_now()
    for seconds, number in ((-1, None), (1, None), (0, 1)):
        until = row.next_attempt_at + timedelta(seconds=seconds)
        with any_installation.runtime.db.write_bare() as connection:
            assert advance(connection, own, take=row.id, lease_until=until, real_now=now).number == number


def test_a_corrected_address_is_used_when_a_dead_letter_is_sent_again(installation: Installation):
    installation.email.failures.append(DeliveryError("550 No such user", permanent=True))
    installation.file()
    installation.work()
    with installation.runtime.write() as tx:
        tx.session.get_one(Person, installation.cast.contact).email = "corinne@cmo.example"
        row = rows(installation, "email", K.FILED)[0]
        lead = installation.caller(installation.cast.lead).as_actor()
        resend(tx, row.id, by=lead)
    installation.work()
    assert len(installation.email.sent_to("corinne@cmo.example", K.FILED)) == 1


def test_a_refused_mail_to_our_own_people_is_not_the_cmos_matter(installation: Installation):
    breach(installation)
    installation.email.failures.append(DeliveryError("550 mailbox full", permanent=True))
    installation.work()
    assert not installation.email.sent_to(PM, K.NOT_REACHED)


def statements(installation: Installation, messages: int) -> int:
    """How many statements it takes to send so many mails that wait."""
    for _ in range(messages):
        installation.file()
    engine, seen = installation.runtime.db.engine, list[str]()

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    installation.work()
    event.remove(engine, "before_cursor_execute", note)
    return len(seen)


def test_a_message_more_costs_one_statement_on_postgresql_and_one_short_transaction_on_sqlite(
    any_installation: Installation,
):
    statements(any_installation, 1)  # parses the terms, which later ones share
    few, many = statements(any_installation, 2), statements(any_installation, 12)
    begin_end_store_take_and_intent = 5
    assert (many - few) / 10 == (begin_end_store_take_and_intent if any_installation.runtime.db.is_sqlite else 1)
