"""What an operator is told: the truth about the cycle, the work and the messages, within a minute."""

import json
import socket
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update
from starlette.testclient import TestClient

from slamon.api import probes
from slamon.api.probes import AWAY
from slamon.app import create_app
from slamon.db.database import Database
from slamon.db.outbox import Notification
from slamon.db.requests import CmoRequest
from slamon.domain.timeline import SYSTEM
from slamon.engine import heartbeat
from slamon.engine.cycle import Dispatcher, tick
from slamon.engine.heartbeat import Watch
from slamon.runtime import Runtime
from slamon.services.outbox.outbox import stop_outgoing
from tests.installation import CMO_CHANNEL, CONTACT, PM, Installation
from tests.servers.slack_and_mail import closed_port


class Losing:
    """Workers that take everything and do nothing."""

    def check_requests(self, ids: Sequence[UUID]) -> None: ...

    def deliver(self, channel: str, ids: Sequence[UUID], lease_until: datetime) -> None: ...

    def work_on_job(self, job_id: UUID) -> None: ...


def run(installation: Installation, seconds: int, carrier: Dispatcher | None = None) -> None:
    """Let so many seconds pass in which the process beats; with a carrier its loop passes as well."""
    clock, vitals = installation.clock, installation.runtime.vitals
    for _ in range(0, seconds, 2):
        clock.advance(seconds=2)
        if carrier is not None:
            tick(installation.runtime, carrier, Watch(1e9))
            vitals.passed_at = clock.monotonic()
        heartbeat.beat(installation.runtime, "embedded", 1)


def ask(runtime: Runtime, path: str) -> Any:
    return TestClient(create_app(runtime, with_workers=False)).get(path)


def troubles(installation: Installation) -> dict[str, str]:
    """What /readyz says stands still; nothing exactly while it answers 200."""
    answer = ask(installation.runtime, "/readyz")
    while answer.json()["status"] == AWAY:  # a busy machine looks away for a moment; the test's time limit ends this
        answer = ask(installation.runtime, "/readyz")
    found: dict[str, str] = answer.json().get("troubles", {})
    assert (answer.status_code == 200) == (not found)
    return found


def test_while_the_loop_passes_the_installation_is_ready(any_installation: Installation):
    any_installation.file()
    run(any_installation, 70, any_installation._carrier)
    assert troubles(any_installation) == {}


def test_a_loop_that_hangs_in_a_process_that_still_beats_is_seen_after_a_minute(any_installation: Installation):
    run(any_installation, 2, Losing())
    run(any_installation, 58)
    assert troubles(any_installation) == {}
    run(any_installation, 4)
    assert "no ticker has finished a pass for 62 s" in troubles(any_installation)["cycle"]
    assert ask(any_installation.runtime, "/livez").status_code == 200  # the process itself is well: filing goes on
    run(any_installation, 2, Losing())
    assert troubles(any_installation) == {}


def test_a_ticker_that_was_never_started_is_waited_for_a_minute(installation: Installation):
    run(installation, 60)
    assert troubles(installation) == {}
    run(installation, 4)
    assert "no ticker was started" in troubles(installation)["cycle"]


def test_due_requests_that_are_handed_out_and_never_decided_are_late(any_installation: Installation):
    any_installation.file()
    any_installation.work()
    run(any_installation, 2, Losing())
    any_installation.clock.advance(hours=18)  # the reminder
    run(any_installation, 50, Losing())
    assert troubles(any_installation) == {}
    run(any_installation, 20, Losing())
    assert "the oldest has waited for 72 s" in troubles(any_installation)["requests"]


def test_a_request_that_was_set_aside_is_no_standstill(installation: Installation):
    request = installation.file()
    installation.work()
    with installation.runtime.db.write() as session:
        session.execute(update(CmoRequest).where(CmoRequest.id == request.id).values(failed_checks=1))
    installation.clock.advance(hours=20)
    run(installation, 2, Losing())
    assert troubles(installation) == {}


def test_messages_nobody_tries_to_send_are_late_unless_they_are_stopped(any_installation: Installation):
    any_installation.file()
    run(any_installation, 70, Losing())
    assert "one has waited untried for 70 s" in troubles(any_installation)["messages"]
    with any_installation.runtime.write() as tx:
        stop_outgoing(tx, True, by=SYSTEM, reason="Restore")
    assert troubles(any_installation) == {}


def test_a_message_held_for_a_busy_reader_is_no_standstill_while_somebody_sends(installation: Installation):
    installation.file()
    installation.work()
    with installation.runtime.db.write() as session:
        told = session.scalars(select(Notification).where(Notification.address == CONTACT)).one()
        session.add(replaced(told, dedupe_key="held", first_attempt_at=None, attempts=0, state="queued"))
    run(installation, 70, Losing())
    assert troubles(installation) == {}
    installation.clock.advance(minutes=16)
    run(installation, 2, Losing())
    assert "messages" in troubles(installation)


def replaced(row: Notification, **differing: Any) -> Notification:
    kept = {column.key: getattr(row, column.key) for column in Notification.__table__.columns if column.key != "id"}
    return Notification(**{**kept, **differing})


@pytest.fixture(params=["nobody listens", "somebody listens and says nothing"])
def silent_port(request: pytest.FixtureRequest) -> Iterator[int]:
    if request.param == "nobody listens":
        yield closed_port()
    else:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            yield silent.getsockname()[1]


def test_without_redis_it_is_ready_and_says_what_is_degraded(installation: Installation, silent_port: int):
    run(installation, 2, Losing())
    settings = installation.runtime.settings.model_copy(update={"redis_url": f"redis://127.0.0.1:{silent_port}/0"})
    answer = ask(replace(installation.runtime, settings=settings), "/readyz")
    assert answer.status_code == 200
    assert answer.json()["degraded"] == "Redis is away; the ticker does the work itself."


def test_without_the_database_the_probes_answer_at_once(
    installation: Installation, silent_port: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(probes, "PATIENCE_SECONDS", 0.3)  # nobody wants to wait for the real one in a test
    away = replace(installation.runtime, db=Database(f"postgresql+psycopg://nobody@127.0.0.1:{silent_port}/none"))
    answer = ask(away, "/readyz")
    assert (answer.status_code, answer.json()) == (503, {"status": "database unavailable"})
    assert ask(away, "/livez").status_code == 200
    assert "slamon_database_up 0.0" in ask(away, "/metrics").text


def test_the_metrics_tell_how_it_stands_and_name_nobody(any_installation: Installation):
    request = any_installation.file()
    any_installation.clock.advance(hours=49)
    any_installation.work()
    run(any_installation, 2, any_installation._carrier)
    text = ask(any_installation.runtime, "/metrics").text
    figures = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    process = f"embedded-{any_installation.runtime.process_id.hex[-8:]}"
    assert figures["slamon_database_up"] == "1.0"
    assert figures["slamon_cycle_age_seconds"] == "0.0"
    assert figures["slamon_due_lag_seconds"] == "0.0"
    assert figures['slamon_outbox_messages{state="queued"}'] == "0.0"
    assert figures['slamon_processes{kind="embedded"}'] == "1.0"
    assert figures[f'slamon_crossings_total{{level="limit",process="{process}"}}'] == "2.0"
    assert float(figures[f'slamon_attempts_total{{channel="slack",outcome="sent",process="{process}"}}']) == 1
    for secret in (request.number, request.subject, CONTACT, PM, CMO_CHANNEL, "Rhein", "Corinne"):
        assert secret not in text


def test_the_metrics_tell_a_backlog(installation: Installation):
    installation.file()
    run(installation, 70, Losing())
    text = ask(installation.runtime, "/metrics").text
    assert 'slamon_standing_still{what="messages"} 1.0' in text
    assert 'slamon_outbox_messages{state="queued"} 1.0' in text
    assert "slamon_outbox_oldest_waiting_seconds 70.0" in text
    assert json.loads(ask(installation.runtime, "/readyz").text)["status"] == "standing still"
