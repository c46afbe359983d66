"""The auditor: what stands still or was forgotten reaches the administrators once, without the cycle's help."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import delete, select, update

from slamon.db.outbox import Attempt, Notification
from slamon.db.requests import CmoRequest, CrossingRow
from slamon.domain.lifecycle import Action
from slamon.domain.timeline import SYSTEM
from slamon.engine import heartbeat
from slamon.engine.watchdog import Watchdog
from slamon.errors import DeliveryError
from slamon.services.outbox.outbox import stop_outgoing
from slamon.wording.message import Message, MessageKind
from tests.installation import ADMIN, Installation


def alarms(installation: Installation) -> list[Message]:
    """Every alarm that was sent, to whomever."""
    return [
        message
        for channel in (installation.email, installation.slack)
        for message in channel.sent
        if message.kind == "alarm"
    ]


def pass_minutes(installation: Installation, minutes: int, *auditors: Watchdog, passing: bool) -> None:
    """Minute by minute: the process beats, its loop passes or hangs, and then the auditors look."""
    for _ in range(minutes):
        installation.clock.advance(minutes=1)
        if passing:
            installation.work()
            installation.runtime.vitals.passed_at = installation.clock.monotonic()
        heartbeat.beat(installation.runtime, "embedded", 1)
        for auditor in auditors:
            auditor.look()


def test_a_standing_cycle_is_alarmed_within_five_minutes_and_once_by_however_many_auditors(
    any_installation: Installation,
):
    auditors = [Watchdog(any_installation.runtime), Watchdog(any_installation.runtime)]
    pass_minutes(any_installation, 2, *auditors, passing=True)
    pass_minutes(any_installation, 5, *auditors, passing=False)
    (told,) = alarms(any_installation)
    assert told.address == ADMIN
    assert "no ticker has finished a pass for 3 min" in (told.detail or "")


def test_an_alarm_the_mail_server_refused_leaves_with_a_later_look(installation: Installation):
    auditor = Watchdog(installation.runtime)
    pass_minutes(installation, 1, auditor, passing=True)
    installation.email.failures.append(DeliveryError("connection refused"))
    pass_minutes(installation, 3, auditor, passing=False)
    assert not alarms(installation)
    pass_minutes(installation, 1, auditor, passing=False)
    assert len(alarms(installation)) == 1


def test_an_alarm_is_repeated_every_hour_while_it_lasts(installation: Installation):
    pass_minutes(installation, 1, auditor := Watchdog(installation.runtime), passing=True)
    pass_minutes(installation, 120, auditor, passing=False)
    assert len(alarms(installation)) in (2, 3)  # clock hours touched


def test_a_restart_after_a_weekend_is_no_alarm(installation: Installation):
    installation.file()
    pass_minutes(installation, 1, passing=True)
    installation.clock.advance(hours=60)
    pass_minutes(installation, 5, Watchdog(installation.runtime), passing=True)
    assert not alarms(installation)


def test_while_messages_are_stopped_alarms_are_too(installation: Installation):
    with installation.runtime.write() as tx:
        stop_outgoing(tx, True, by=SYSTEM, reason="A restored copy")
    pass_minutes(installation, 6, Watchdog(installation.runtime), passing=False)
    assert not alarms(installation)


def test_a_request_that_lived_through_everything_gives_no_alarm(installation: Installation):
    auditor = Watchdog(installation.runtime)
    silent, asked, closed = installation.file(), installation.file(), installation.file()
    installation.act(asked.id, Action.ASK, by=installation.cast.contact, text="Which strength?")
    for hours in (20, 5, 24, 5, 20, 60):
        installation.clock.advance(hours=hours)
        pass_minutes(installation, 7, auditor, passing=True)
    installation.act(closed.id, Action.ANSWER, by=installation.cast.contact, text="Week 20")
    installation.act(asked.id, Action.REPLY, by=installation.cast.pm, text="5 mg")
    installation.clock.advance(hours=30)
    pass_minutes(installation, 7, auditor, passing=True)
    assert not alarms(installation)
    assert installation.slack.sent
    assert silent.number


@pytest.fixture
def overdue(any_installation: Installation) -> CmoRequest:
    request = any_installation.file()
    any_installation.clock.advance(hours=24, minutes=1)
    pass_minutes(any_installation, 1, passing=True)
    any_installation.clock.advance(minutes=10)
    return request


def test_a_deadline_that_nobody_noticed_is_named(any_installation: Installation, overdue: CmoRequest):
    with any_installation.runtime.db.write() as session:
        session.execute(delete(CrossingRow).where(CrossingRow.clock == "answer"))
    pass_minutes(any_installation, 1, Watchdog(any_installation.runtime), passing=True)
    (told,) = alarms(any_installation)
    assert f"1 deadlines passed unnoticed, the first of request {overdue.number}" in (told.detail or "")


def test_an_escalation_without_a_message_is_named(any_installation: Installation, overdue: CmoRequest):
    with any_installation.runtime.db.write() as session:
        lost = select(Notification.id).where(Notification.kind == MessageKind.TARGET)
        session.execute(delete(Attempt).where(Attempt.notification_id.in_(lost)))
        session.execute(delete(Notification).where(Notification.kind == MessageKind.TARGET))
    pass_minutes(any_installation, 1, Watchdog(any_installation.runtime), passing=True)
    (told,) = alarms(any_installation)
    assert "escalations have no message" in (told.detail or "")
    assert overdue.number in (told.detail or "")


def test_a_message_that_stays_in_sending_is_alarmed(any_installation: Installation, overdue: CmoRequest):
    with any_installation.runtime.db.write() as session:
        first = session.scalar(select(Notification.id).where(Notification.request_id == overdue.id).limit(1))
        held = {"state": "sending", "taken_by": any_installation.cast.admin}
        session.execute(update(Notification).where(Notification.id == first).values(held))
    pass_minutes(
        any_installation, 2, Watchdog(any_installation.runtime), passing=False
    )  # a loop would notice that nobody has it
    assert [told for told in alarms(any_installation) if "A message has been in sending for" in (told.detail or "")]


@pytest.fixture
def outside() -> Iterator[tuple[str, list[str]]]:
    """A dead-man's switch: its address and the calls it got."""
    calls: list[str] = []

    class Switch(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            calls.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_args: Any) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Switch) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/ping", calls
        server.shutdown()
        thread.join()


def test_the_outside_hears_each_minute_that_all_is_well_and_then_silence(
    installation: Installation, outside: tuple[str, list[str]]
):
    url, calls = outside
    installation.runtime.settings.heartbeat_url = SecretStr(url)
    auditor = Watchdog(installation.runtime)
    pass_minutes(installation, 3, auditor, passing=True)
    assert calls == ["/ping"] * 3
    pass_minutes(installation, 3, auditor, passing=False)
    assert calls == ["/ping"] * 4  # the first of these minutes was still well
