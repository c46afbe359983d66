"""Processes are killed at the worst moment, stand still without knowing it, and find what they cannot read.

One house for all of a set-up: everything in one process on SQLite, or an API, two workers and two tickers on
PostgreSQL and Redis. A process with a crash point dies as if its power went, exactly there.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import dramatiq
import httpx
import pytest
import redis
from sqlalchemy import func, select, text

from slamon.db.outbox import Process
from slamon.db.requests import CmoRequest
from tests.faults.alerts import Alert, alert_policy, all_told, at_rest, being_sent, file_alerts
from tests.faults.judge import keys
from tests.scenarios.installation import ProcessInstallation, eventually, running_house
from workers.broker import build_broker

WORKER = ("dramatiq", "workers.main", "--processes", "1", "--threads", "8")
TICKER = ("slamon", "ticker")
TWO_OF_EACH = {"worker-1": WORKER, "worker-2": WORKER, "ticker-1": TICKER, "ticker-2": TICKER}
SMALL = {"DIGEST_ABOVE": 10_000, "HAND_OVER_SECONDS": 1, "RETRY_BASE_SECONDS": 0.5, "SLACK_TIMEOUT_SECONDS": 5}
ONE, MANY = "one process, SQLite", "two of each, PostgreSQL and Redis"

on_both = pytest.mark.parametrize("stage", [pytest.param(ONE, marks=pytest.mark.slow), MANY], indirect=True)
on_many = pytest.mark.parametrize("stage", [MANY], indirect=True)


@dataclass
class Stage:
    """A running house, and the keys of all that was being sent when somebody died or stood still."""

    house: ProcessInstallation
    in_send: set[str] = field(default_factory=set)

    def named(self, kind: str) -> list[str]:
        """The processes that do this kind of work."""
        return [name for name in self.house.processes if name.startswith((kind, "serve"))]

    def kill_while_telling(self, kind: str, point: str) -> Alert:
        """An alert falls due, and whoever is to tell of it dies at `point`; then the other one of its kind may work."""
        house = self.house
        first, *others = self.named(kind)
        for other in others:
            house.freeze(other)
        house.kill(first)
        (alert,) = file_alerts(house)
        house.start(first, *house.commands[first], crash_at=point.format(slack=alert.slack, email=alert.email))
        house.await_death(first)
        self.in_send |= being_sent(house)
        for other in others:
            house.thaw(other)
        house.start(first, *house.commands[first])
        return alert

    def start_api(self, crash_at: str = "") -> None:
        self.house.restart(self.api, crash_at=crash_at)
        self.house.await_ready()

    @property
    def api(self) -> str:
        return next(name for name in self.house.processes if name in ("api", "serve"))

    def file(self, key: str) -> httpx.Response:
        """File a request over the API, under this idempotency key."""
        cast = self.house.installation.cast
        return httpx.post(
            f"{self.house.base_url}/v1/requests",
            headers={"Authorization": f"Bearer {self.house.installation.key(cast.pm)}", "Idempotency-Key": key},
            json={
                "type": "inquiry",
                "project_id": str(cast.project),
                "site_id": str(cast.site),
                "subject": "Capacity",
                "detail": {"category": "schedule_capacity", "questions": ["Which slots are free in May?"]},
            },
        )

    def stored(self) -> int:
        """How many requests there are."""
        with self.house.installation.runtime.db.read() as session:
            return session.scalar(select(func.count()).select_from(CmoRequest)) or 0

    def all_told(self, *alerts: Alert, within: float = 15) -> None:
        all_told(self.house, alerts, within=within, kills_in_send=len(self.in_send))


@pytest.fixture(scope="module")
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("house")
    if request.param == ONE:
        database, redis_url = f"sqlite:///{folder}/house.db", None
    else:
        database, redis_url = request.getfixturevalue("postgres_url"), request.getfixturevalue("valkey_url")
    with running_house(folder, database, redis_url, processes=TWO_OF_EACH, **SMALL) as house:
        alert_policy(house.installation)
        yield Stage(house)


@pytest.mark.slow
@on_both
def test_fault_01_02_and_03_the_api_dies_before_and_after_the_commit_and_one_key_files_once(stage: Stage):
    before = stage.stored()
    stage.start_api(crash_at="before_commit")
    with pytest.raises(httpx.TransportError):
        stage.file("one")
    stage.house.await_death(stage.api)
    assert stage.stored() == before

    stage.start_api(crash_at="after_commit")
    with pytest.raises(httpx.TransportError):
        stage.file("one")
    stage.house.await_death(stage.api)
    stage.in_send |= being_sent(stage.house)
    assert stage.stored() == before + 1
    if stage.api == "api":
        eventually(lambda: at_rest(stage.house), within=30, what="the notice of the filing, with no API there")

    stage.start_api()
    answer = stage.file("one")
    assert (answer.status_code, answer.headers["Idempotency-Replayed"]) == (201, "true")
    assert stage.stored() == before + 1
    eventually(lambda: mails_of(stage.house, answer.json()["number"]), within=30, what="the notice of the filing")
    stage.all_told()


def mails_of(house: ProcessInstallation, number: str) -> list[str]:
    return [key for key in keys(house) if key.startswith(f"{number}/filed/")]


@on_both
@pytest.mark.parametrize("point", ["before_claim_commit", "after_claim_commit"])
def test_fault_04_and_05_a_ticker_dies_before_and_after_it_commits_what_it_hands_out(stage: Stage, point: str):
    alert = stage.kill_while_telling("ticker", point)
    stage.all_told(alert)
    assert alert.told(stage.house) == (1, 1)


@pytest.mark.slow
@on_both
@pytest.mark.parametrize("point", ["before_check_commit", "after_check_commit"])
def test_fault_05_a_worker_dies_before_and_after_it_commits_that_a_deadline_passed(stage: Stage, point: str):
    alert = stage.kill_while_telling("worker", point)
    stage.all_told(alert)
    assert alert.told(stage.house) == (1, 1)


@pytest.mark.slow
@on_both
def test_fault_06_a_worker_dies_after_it_said_what_it_will_send_and_before_it_sends(stage: Stage):
    alert = stage.kill_while_telling("worker", "after_intent:{slack}")
    stage.all_told(alert)
    assert alert.told(stage.house)[0] == 1


@on_both
def test_fault_07_a_worker_dies_after_slack_took_the_post(stage: Stage):
    alert = stage.kill_while_telling("worker", "after_send:{slack}")
    assert alert.told(stage.house)[0] == 1
    stage.all_told(alert)
    assert alert.told(stage.house)[0] == 1  # Slack was asked, and had it


@on_both
def test_fault_08_a_worker_dies_after_the_mail_server_took_the_mail(stage: Stage):
    alert = stage.kill_while_telling("worker", "after_send:{email}")
    assert alert.told(stage.house)[1] == 1
    eventually(lambda: alert.told(stage.house)[1] == 2, within=30, what="the repeat")
    stage.all_told(alert)  # the judge: under the same Message-ID, and it says that it repeats
    assert alert.told(stage.house)[1] == 2


@pytest.mark.slow
@on_many
def test_fault_09_under_fire_nothing_is_lost(stage: Stage):
    house, dice = stage.house, random.Random(9)
    names = sorted(house.processes)
    alerts = file_alerts(house, 150, in_seconds=3, apart_seconds=0.1)
    for kill in range(6):
        told = 20 * kill + dice.randint(1, 20)
        eventually(lambda told=told: arrived(house, alerts) >= told, within=30, what=f"{told} alerts told")
        name = dice.choice(names)
        stage.in_send |= being_sent(house)
        house.restart(name)
    stage.all_told(*alerts, within=30)


def arrived(house: ProcessInstallation, alerts: list[Alert]) -> int:
    return len({alert.slack for alert in alerts} & set(keys(house)))


@on_many
def test_fault_10_of_three_tickers_one_is_killed_and_the_others_take_over(stage: Stage):
    house = stage.house
    alerts = file_alerts(house, 30, in_seconds=-1, apart_seconds=0.1)
    house.start("ticker-3", *TICKER)
    eventually(lambda: any(alert.told(house) != (0, 0) for alert in alerts), within=30, what="the first alert")
    house.kill("ticker-1")
    stage.all_told(*alerts)
    assert {alert.told(house) for alert in alerts} == {(1, 1)}
    house.kill("ticker-3")
    del house.processes["ticker-3"]
    house.restart_dead()


@on_many
def test_fault_11_a_worker_stands_still_in_the_middle_of_a_send_and_comes_back_late(stage: Stage):
    house = stage.house
    late, other = stage.named("worker")
    house.freeze(other)
    (alert,) = file_alerts(house)
    eventually(lambda: sum(alert.told(house)) == 2 and at_rest(house), within=30, what="all well so far")
    house.slack.script(["timeout_after_accept"])
    (alert,) = file_alerts(house)
    eventually(lambda: alert.slack in being_sent(house) and alert.told(house) == (1, 1), within=30, what="the post")
    house.freeze(late)
    stage.in_send |= being_sent(house)
    house.thaw(other)
    stage.all_told(alert)
    assert alert.told(house) == (1, 1)
    house.thaw(late)
    eventually(lambda: "late_result_void" in house.logs(), within=30, what="the late result")
    stage.all_told(alert)
    assert alert.told(house) == (1, 1)


@on_many
def test_fault_12_a_ticker_stands_still_and_comes_back_late(stage: Stage):
    house = stage.house
    alerts = file_alerts(house, 10, in_seconds=-1, apart_seconds=0.1)
    house.freeze("ticker-1")
    stage.all_told(*alerts)
    house.thaw("ticker-1")
    more = file_alerts(house, 10, in_seconds=-1, apart_seconds=0.1)
    stage.all_told(*alerts, *more)
    assert {alert.told(house) for alert in (*alerts, *more)} == {(1, 1)}


@pytest.mark.slow
@on_many
def test_fault_12_a_ticker_stands_still_with_rows_locked_and_does_not_keep_them(stage: Stage):
    house = stage.house
    late, other = stage.named("ticker")
    house.freeze(other)
    (alert,) = file_alerts(house, in_seconds=8)
    eventually(lambda: at_rest(house), within=7, what="that its notice has left")
    with (
        house.installation.runtime.db.engine.begin() as connection
    ):  # it waits for this lock, with due rows in its hand
        connection.execute(text("LOCK TABLE setting IN ACCESS EXCLUSIVE MODE"))
        eventually(lambda: waits_with_rows_locked(house), within=9, what="the ticker in the middle of its hand-out")
        house.freeze(late)
    house.thaw(other)
    stage.all_told(alert)
    house.thaw(late)
    stage.all_told(alert)
    assert alert.told(house) == (1, 1)


def waits_with_rows_locked(house: ProcessInstallation) -> bool:
    with house.installation.runtime.db.engine.connect() as connection:
        waiting = "wait_event_type = 'Lock' AND backend_xid IS NOT NULL AND datname = current_database()"
        return bool(connection.scalar(text(f"SELECT count(*) FROM pg_stat_activity WHERE {waiting}")))


@on_many
def test_fault_39_processes_of_an_old_release_stand_back_from_a_newer_schema(stage: Stage):
    house = stage.house
    since = house.installation.runtime.clock.real_now()
    eventually(lambda: beating(house, since) == len(house.processes), within=30, what="everybody")
    before = house.logs().count("stands_back")

    def standing_back() -> int:
        return house.logs().count("stands_back") - before

    with newer_schema(house):
        eventually(lambda: standing_back() == 5, within=30, what="all five")
        alerts = file_alerts(house, 3)
        house.restart("worker-1")
        eventually(lambda: standing_back() == 6, within=30, what="the worker that was started anew")
        # An answer serves all who ask within two seconds, and everybody may stand back sooner than that.
        eventually(lambda: readiness(house) == 503, within=5, what="readyz turning red")
        assert {alert.told(house) for alert in alerts} == {(0, 0)}
    stage.all_told(*alerts)
    assert standing_back() == 6  # each said it once
    assert {alert.told(house) for alert in alerts} == {(1, 1)}


def readiness(house: ProcessInstallation) -> int:
    return httpx.get(f"{house.base_url}/readyz", timeout=5).status_code


def beating(house: ProcessInstallation, since: datetime) -> int:
    """How many processes have beaten since then: none that was killed before, and none that is only starting."""
    with house.installation.runtime.db.read() as session:
        return session.scalar(select(func.count()).where(Process.beat_at > since)) or 0


@contextmanager
def newer_schema(house: ProcessInstallation) -> Iterator[None]:
    """The database as a later release will leave it: every process that runs is of an old one."""
    engine = house.installation.runtime.db.engine
    with engine.begin() as connection:
        ours = connection.scalar(text("SELECT version_num FROM alembic_version"))
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    try:
        yield
    finally:
        with engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = :ours"), {"ours": ours})


@on_many
def test_fault_34_and_39_what_cannot_be_read_in_the_queue_stops_nothing(stage: Stage):
    house = stage.house
    redis_url = house.environment["SLAMON_REDIS_URL"]
    broker = build_broker(house.installation.runtime.settings.model_copy(update={"redis_url": redis_url}))
    with redis.Redis.from_url(redis_url) as client:
        broker.declare_queue("work")
        broker.enqueue(dramatiq.Message("work", "of_a_later_release", args=(), kwargs={}, options={}))
        for actor in ("check_requests", "deliver"):
            broker.enqueue(dramatiq.Message("work", actor, args=("no list of ids",), kwargs={}, options={}))
        client.hset(f"{broker.namespace}:work.msgs", "broken", b"\x00 not a message")
        client.rpush(f"{broker.namespace}:work", "broken")
    broker.close()
    alerts = file_alerts(house, 5)
    stage.all_told(*alerts)
    assert {alert.told(house) for alert in alerts} == {(1, 1)}
    assert all(process.poll() is None for process in house.processes.values())


@on_both
@pytest.mark.parametrize("point", ["before_step_commit", "after_step_commit"])
def test_a_worker_dies_in_the_middle_of_a_long_question_and_every_request_is_looked_at_once(stage: Stage, point: str):
    house, cast = stage.house, stage.house.installation.cast
    file_alerts(house, 500, in_seconds=3600)
    first, *others = stage.named("worker")
    for other in others:
        house.freeze(other)
    house.restart(first, crash_at=point)
    house.await_ready()
    asker = {"base_url": house.base_url, "headers": {"Authorization": f"Bearer {house.installation.key(cast.head)}"}}
    draft = {"name": "Draft", "clocks": {"acknowledgement": {"target": "PT1H", "limit": "PT2H"}}, "ladder": []}
    period = {"filed_from": "2020-01-01T00:00:00Z", "filed_to": "2099-01-01T00:00:00Z"}
    with httpx.Client(**asker) as client:  # type: ignore[arg-type]
        asked = client.post("/v1/policies/what-if", json={"policy": draft, **period})
    assert asked.status_code == 202, asked.text
    house.await_death(first)
    stage.in_send |= being_sent(house)
    for other in others:
        house.thaw(other)
    house.restart(first)
    house.await_ready()

    def answer() -> dict[str, Any] | None:
        with httpx.Client(**asker) as client:  # type: ignore[arg-type]
            job: dict[str, Any] = client.get(asked.headers["location"]).json()
        return job if job["state"] not in ("waiting", "running") else None

    job = eventually(answer, within=30, what="the answer")
    stored = stage.stored()
    assert (job["state"], job["done"], job["what_if"]["looked_at"]) == ("done", stored, stored)
    stage.all_told()
