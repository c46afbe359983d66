"""Too much at once: a weekend's deadlines after a long standstill, no processor left, no file descriptor left."""

import os
import resource
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import uvicorn
from sqlalchemy import select

from slamon.app import create_app
from slamon.config import Settings
from slamon.db.outbox import Attempt, Notification, NotificationState
from slamon.db.requests import CmoRequest, CrossingRow
from slamon.domain.lifecycle import RequestType
from slamon.errors import DeliveryError
from slamon.runtime import build_runtime, configure_logging
from slamon.services.requests.filing import Filing, log_request
from slamon.wording.message import MessageKind
from tests.faults.alerts import Alert, alert_policy, all_told, at_rest, file_alerts
from tests.faults.judge import judge
from tests.faults.test_processes import SMALL, WORKER
from tests.installation import CMO_CHANNEL, Installation
from tests.scenarios.installation import ProcessInstallation, eventually, running_house
from tests.servers.slack_and_mail import closed_port

pytestmark = pytest.mark.slow
REQUESTS, WEEKEND = 2000, timedelta(hours=60)
LATEST = timedelta(seconds=5)


def test_fault_33_after_a_weekend_without_a_loop_breaches_come_first_in_digests_and_slack_is_not_flooded(
    any_installation: Installation,
):
    installation = any_installation
    configure_logging("error")
    theirs = file_over_the_day(installation, REQUESTS)
    while not all_left(installation):
        installation.work()
    installation.slack.sent.clear()
    installation.email.sent.clear()

    installation.clock.advance(seconds=WEEKEND.total_seconds())
    installation.slack.failures.append(DeliveryError("ratelimited", retry_after_seconds=30))
    posts: Counter[int] = Counter()
    for minute in range(5):
        for _ in range(12):
            installation.work()
            installation.clock.advance(seconds=5)
        posts[minute] = len(installation.slack.sent) - sum(posts.values())
    assert max(posts.values()) <= 10
    assert all_left(installation)
    with installation.runtime.db.read() as session:
        crossed = session.execute(select(CrossingRow.level, CrossingRow.notified, CrossingRow.clock)).all()
        outcomes = Counter(session.scalars(select(Attempt.outcome)))
        told = session.scalars(
            select(Notification).where(Notification.kind == "limit", Notification.channel == "slack")
        )
        numbers = dict(session.execute(select(CmoRequest.id, CmoRequest.number)).all())
        breaches = Counter(numbers[row.request_id] for row in told if row.state == NotificationState.SENT)
    levels = Counter((level, notified) for level, notified, clock in crossed if clock == "answer")
    assert levels[("target", False)] == levels[("limit", True)] == REQUESTS  # what a breach overtakes is not told
    assert set(breaches) == set(theirs)
    assert outcomes["told_to_wait"] == 1
    digests = installation.slack.sent_to(CMO_CHANNEL, MessageKind.DIGEST)
    assert digests
    assert [line.number for line in digests[0].lines] == theirs[: len(digests[0].lines)]  # the oldest breach first
    assert not [mail for mail in installation.email.sent if mail.kind in (MessageKind.REMINDER, MessageKind.TARGET)]


def file_over_the_day(installation: Installation, count: int) -> list[str]:
    """Requests one after the other, most to the first CMO, the rest to another; the numbers of the first CMO's."""
    cast, by, theirs = installation.cast, installation.caller(installation.cast.pm), []
    for start in range(0, count, 100):
        with installation.runtime.write() as opened:
            for place in range(start, start + 100):
                tx = replace(opened, business_now=opened.business_now + timedelta(seconds=place))
                site = cast.other_site if place % 4 == 3 else cast.second_site if place % 4 == 2 else cast.site
                filed = log_request(tx, Filing(RequestType.INQUIRY, cast.project, site, "Weekend"), by=by)
                if site != cast.other_site:
                    theirs.append(filed.number)
    return theirs


def all_left(installation: Installation) -> bool:
    with installation.runtime.db.read() as session:
        waiting = Notification.state.in_((NotificationState.QUEUED, NotificationState.UNKNOWN))
        return session.scalar(select(Notification.id).where(waiting).limit(1)) is None


@contextmanager
def both_cores_busy() -> Iterator[None]:
    """More processes than cores that compute and never rest."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2 * (os.cpu_count() or 1))]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def latest(house: ProcessInstallation, alerts: list[Alert]) -> timedelta:
    """How long after its time the latest of these messages arrived."""
    arrived = {message.key: message.arrived_at for message in (*house.slack.posts, *house.mailbox.mails)}
    return max(arrived[key] - alert.due_at for alert in alerts for key in (alert.slack, alert.email))


def test_fault_42_with_no_core_left_and_an_api_that_stands_still_alerts_are_seconds_late_at_most(
    tmp_path: Path, postgres_url: str, valkey_url: str
):
    with running_house(tmp_path, postgres_url, valkey_url, DIGEST_ABOVE=10_000) as house:
        alert_policy(house.installation)
        all_told(house, file_alerts(house))
        with both_cores_busy():
            house.freeze("api")
            alerts = file_alerts(house, 50, in_seconds=2, apart_seconds=0.2)
            all_told(house, alerts, within=30)
            house.thaw("api")
        assert latest(house, alerts) <= LATEST
        assert {alert.told(house) for alert in alerts} == {(1, 1)}
        house.await_ready()


def test_fault_42_a_blocked_event_loop_holds_up_no_alert(tmp_path: Path):
    """Everything in one process: the pages stand still, the threads beside them do not."""
    with running_house(tmp_path, f"sqlite:///{tmp_path}/house.db", None, DIGEST_ABOVE=10_000) as house:
        alert_policy(house.installation)
        all_told(house, file_alerts(house))
        house.kill("serve")
        with serving_here(house) as address:
            alerts = file_alerts(house, 10, in_seconds=1, apart_seconds=0.2)
            blocked = threading.Thread(target=httpx.get, args=(f"{address}/block",), kwargs={"timeout": 30})
            blocked.start()
            all_told(house, alerts)
            assert blocked.is_alive()
            blocked.join()
            assert httpx.get(f"{address}/livez").status_code == 200
        assert latest(house, alerts) <= LATEST


@contextmanager
def serving_here(house: ProcessInstallation) -> Iterator[str]:
    """The house's one process as a part of this one, with a page that blocks the event loop; its address."""
    environment = {name.removeprefix("SLAMON_").lower(): value for name, value in house.environment.items()
                   if name.startswith("SLAMON_")}  # fmt: skip
    runtime = build_runtime(Settings(_env_file=None, **{**environment, "log_level": "error"}))
    app = create_app(runtime)
    app.add_api_route("/block", block)
    port = closed_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    eventually(lambda: server.started, within=30, what="the server")
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()
        runtime.close()


async def block() -> None:
    time.sleep(6)  # the fault itself


@pytest.mark.parametrize("set_up", ["one process, SQLite", "several, PostgreSQL and Redis"])
def test_fault_42_without_file_descriptors_nothing_is_lost(set_up: str, tmp_path: Path, request: pytest.FixtureRequest):
    if set_up.startswith("one"):
        database, redis_url = f"sqlite:///{tmp_path}/house.db", None
    else:
        database, redis_url = request.getfixturevalue("postgres_url"), request.getfixturevalue("valkey_url")
    processes = {"ticker": ("slamon", "ticker"), "worker": WORKER}
    with running_house(tmp_path, database, redis_url, processes=processes, **SMALL) as house:
        alert_policy(house.installation)
        all_told(house, file_alerts(house))
        with no_descriptor_left(house):
            alerts = file_alerts(house, 10, apart_seconds=0.2)
            over_at = alerts[-1].due_at + LATEST
            eventually(
                lambda: house.installation.clock.now() > over_at, within=30, what="the end of the last one's time"
            )
            assert not any(alert.told(house)[0] for alert in alerts)  # nobody could open a connection to Slack
        house.await_ready()
        eventually(lambda: at_rest(house), within=30, what="rest")
        judge(house)


@contextmanager
def no_descriptor_left(house: ProcessInstallation) -> Iterator[None]:
    """Every process of the house may open no further file and no further connection."""
    pids = [pid for process in house.processes.values() for pid in family(process.pid)]
    limits = {pid: resource.prlimit(pid, resource.RLIMIT_NOFILE) for pid in pids}
    for pid, (_, hard) in limits.items():
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (len(os.listdir(f"/proc/{pid}/fd")), hard))
    try:
        yield
    finally:
        for pid, limit in limits.items():
            resource.prlimit(pid, resource.RLIMIT_NOFILE, limit)


def family(pid: int) -> list[int]:
    """A process and all it has forked."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in family(int(child)))]
