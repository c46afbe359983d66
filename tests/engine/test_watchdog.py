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


def alarms(world: Installation) -> list[Message]:
    """Every alarm that was sent, to whomever."""
    return [message for channel in (world.email, world.slack) for message in channel.sent if message.kind == "alarm"]


def pass_minutes(world: Installation, minutes: int, *auditors: Watchdog, passing: bool) -> None:
    """Minute by minute: the process beats, its loop passes or hangs, and then the auditors look."""
    for _ in range(minutes):
        world.clock.advance(minutes=1)
        if passing:
            world.work()
            world.runtime.vitals.passed_at = world.clock.monotonic()
        heartbeat.beat(world.runtime, "embedded", 1)
        for auditor in auditors:
            auditor.look()


def test_a_standing_cycle_is_alarmed_within_five_minutes_and_once_by_however_many_auditors(any_world: Installation):
    auditors = [Watchdog(any_world.runtime), Watchdog(any_world.runtime)]
    pass_minutes(any_world, 2, *auditors, passing=True)
    pass_minutes(any_world, 5, *auditors, passing=False)
    (told,) = alarms(any_world)
    assert told.address == ADMIN
    assert "no ticker has finished a pass for 3 min" in (told.detail or "")


def test_an_alarm_the_mail_server_refused_leaves_with_a_later_look(world: Installation):
    auditor = Watchdog(world.runtime)
    pass_minutes(world, 1, auditor, passing=True)
    world.email.failures.append(DeliveryError("connection refused"))
    pass_minutes(world, 3, auditor, passing=False)
    assert not alarms(world)
    pass_minutes(world, 1, auditor, passing=False)
    assert len(alarms(world)) == 1


def test_an_alarm_is_repeated_every_hour_while_it_lasts(world: Installation):
    pass_minutes(world, 1, auditor := Watchdog(world.runtime), passing=True)
    pass_minutes(world, 120, auditor, passing=False)
    assert len(alarms(world)) in (2, 3)  # clock hours touched


def test_a_restart_after_a_weekend_is_no_alarm(world: Installation):
    world.file()
    pass_minutes(world, 1, passing=True)
    world.clock.advance(hours=60)
    pass_minutes(world, 5, Watchdog(world.runtime), passing=True)
    assert not alarms(world)


def test_while_messages_are_stopped_alarms_are_too(world: Installation):
    with world.runtime.write() as tx:
        stop_outgoing(tx, True, by=SYSTEM, reason="A restored copy")
    pass_minutes(world, 6, Watchdog(world.runtime), passing=False)
    assert not alarms(world)


def test_a_request_that_lived_through_everything_gives_no_alarm(world: Installation):
    auditor = Watchdog(world.runtime)
    silent, asked, closed = world.file(), world.file(), world.file()
    world.act(asked.id, Action.ASK, by=world.cast.contact, text="Which strength?")
    for hours in (20, 5, 24, 5, 20, 60):
        world.clock.advance(hours=hours)
        pass_minutes(world, 7, auditor, passing=True)
    world.act(closed.id, Action.ANSWER, by=world.cast.contact, text="Week 20")
    world.act(asked.id, Action.REPLY, by=world.cast.pm, text="5 mg")
    world.clock.advance(hours=30)
    pass_minutes(world, 7, auditor, passing=True)
    assert not alarms(world)
    assert world.slack.sent
    assert silent.number


@pytest.fixture
def overdue(any_world: Installation) -> CmoRequest:
    request = any_world.file()
    any_world.clock.advance(hours=24, minutes=1)
    pass_minutes(any_world, 1, passing=True)
    any_world.clock.advance(minutes=10)
    return request


def test_a_deadline_that_nobody_noticed_is_named(any_world: Installation, overdue: CmoRequest):
    with any_world.runtime.db.write() as session:
        session.execute(delete(CrossingRow).where(CrossingRow.clock == "answer"))
    pass_minutes(any_world, 1, Watchdog(any_world.runtime), passing=True)
    (told,) = alarms(any_world)
    assert f"1 deadlines passed unnoticed, the first of request {overdue.number}" in (told.detail or "")


def test_an_escalation_without_a_message_is_named(any_world: Installation, overdue: CmoRequest):
    with any_world.runtime.db.write() as session:
        lost = select(Notification.id).where(Notification.kind == MessageKind.TARGET)
        session.execute(delete(Attempt).where(Attempt.notification_id.in_(lost)))
        session.execute(delete(Notification).where(Notification.kind == MessageKind.TARGET))
    pass_minutes(any_world, 1, Watchdog(any_world.runtime), passing=True)
    (told,) = alarms(any_world)
    assert "escalations have no message" in (told.detail or "")
    assert overdue.number in (told.detail or "")


def test_a_message_that_stays_in_sending_is_alarmed(any_world: Installation, overdue: CmoRequest):
    with any_world.runtime.db.write() as session:
        first = session.scalar(select(Notification.id).where(Notification.request_id == overdue.id).limit(1))
        held = {"state": "sending", "taken_by": any_world.cast.admin}
        session.execute(update(Notification).where(Notification.id == first).values(held))
    pass_minutes(any_world, 2, Watchdog(any_world.runtime), passing=False)  # a loop would notice that nobody has it
    assert [told for told in alarms(any_world) if "A message has been in sending for" in (told.detail or "")]


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
    world: Installation, outside: tuple[str, list[str]]
):
    url, calls = outside
    world.runtime.settings.heartbeat_url = SecretStr(url)
    auditor = Watchdog(world.runtime)
    pass_minutes(world, 3, auditor, passing=True)
    assert calls == ["/ping"] * 3
    pass_minutes(world, 3, auditor, passing=False)
    assert calls == ["/ping"] * 4  # the first of these minutes was still well
