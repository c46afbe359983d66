"""Faults 13 to 15: Redis dies, forgets, hangs, is full. It only carries work, so nothing is lost and nobody waits."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest
import redis

from tests.faults.alerts import Alert, alert_policy, all_told, file_alerts
from tests.scenarios.installation import ProcessInstallation, eventually, running_house
from tests.servers.postgres import create_database
from tests.servers.process import free_port, open_directory
from tests.servers.valkey import find_program, running_valkey

PROCESSES = {
    "worker": ("dramatiq", "workers.main", "--processes", "1", "--threads", "8"),
    "ticker": ("slamon", "ticker"),
}
SETTINGS = {"DIGEST_ABOVE": 10_000, "HAND_OVER_SECONDS": 1}

pytestmark = pytest.mark.slow  # a house for them alone; `tests/workers/test_ticker.py` is the quick word on it


class Broker:
    """A Redis of the test's own, which stores nothing on disk."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack, self._port = stack, free_port()
        self._directory = stack.enter_context(open_directory())
        self.start()

    def start(self) -> None:
        program = find_program()
        self.url = self._stack.enter_context(running_valkey(self._directory, program=program, port=self._port))
        self.pid = int(self.client().info("server")["process_id"])

    def client(self) -> "redis.Redis[bytes]":
        return redis.Redis.from_url(self.url, socket_timeout=2)

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    def queued(self) -> int:
        """Pieces of work that lie there."""
        with self.client() as client:
            return sum(client.llen(name) for name in client.keys("*:work"))


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    with ExitStack() as stack:
        yield Broker(stack)


@pytest.fixture(scope="module")
def house(
    broker: Broker, postgres_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ProcessInstallation]:
    folder = tmp_path_factory.mktemp("house")
    url = create_database(postgres_server, f"redis_{os.getpid()}")
    with running_house(folder, url, broker.url, processes=PROCESSES, **SETTINGS) as running:
        alert_policy(running.installation)
        yield running


def told(house: ProcessInstallation, alerts: list[Alert], *, within: float = 15) -> None:
    all_told(house, alerts, within=within)
    assert [alert.told(house) for alert in alerts] == [(1, 1)] * len(alerts)


def ready(house: ProcessInstallation) -> dict[str, str]:
    answer = httpx.get(f"{house.base_url}/readyz", timeout=5)
    assert answer.status_code == 200
    found: dict[str, str] = answer.json()
    return found


def file_by_api(house: ProcessInstallation) -> httpx.Response:
    cast = house.installation.cast
    body = {
        "type": "inquiry",
        "project_id": str(cast.project),
        "site_id": str(cast.site),
        "subject": "While it is away",
    }
    return httpx.post(
        f"{house.base_url}/v1/requests",
        headers={"Authorization": f"Bearer {house.installation.key(cast.pm)}"},
        json={**body, "detail": {"category": "schedule_capacity", "questions": ["Is week 20 free?"]}},
        timeout=5,
    )


def test_fault_13_while_redis_is_down_filing_and_telling_go_on(house: ProcessInstallation, broker: Broker):
    broker.kill()
    assert file_by_api(house).status_code == 201
    told(house, file_alerts(house, 3))
    eventually(lambda: "Redis is away" in ready(house).get("degraded", ""), within=30, what="degraded")
    broker.start()
    told(house, file_alerts(house, 3))
    eventually(lambda: "degraded" not in ready(house), within=30, what="well again")

    def workers_work_again() -> bool:
        told(house, file_alerts(house))
        return "broker_back" in house.logs()

    eventually(workers_work_again, within=30, what="Redis is used again")


@pytest.mark.parametrize("loss", ["FLUSHALL", "restarted without persistence"])
def test_fault_14_what_redis_forgets_is_handed_out_again_and_told_once(
    house: ProcessInstallation, broker: Broker, loss: str
):
    alerts: list[Alert] = []

    def work_lies_there() -> bool:
        alerts.extend(
            file_alerts(house)
        )  # what the ticker takes on itself, while it leaves Redis alone, is no work there
        return broker.queued() > 0

    house.freeze("worker")
    try:
        eventually(work_lies_there, within=30, what="work in Redis")
        if loss == "FLUSHALL":
            broker.client().flushall()
        else:
            broker.kill()
            broker.start()
    finally:
        house.thaw("worker")
    told(house, alerts)


def test_fault_15_redis_hangs_and_neither_filing_nor_telling_waits_for_it(house: ProcessInstallation, broker: Broker):
    told(house, file_alerts(house))
    os.kill(broker.pid, signal.SIGSTOP)
    try:
        assert file_by_api(house).elapsed.total_seconds() < 1
        told(house, file_alerts(house, 10), within=5)
    finally:
        os.kill(broker.pid, signal.SIGCONT)
    told(house, file_alerts(house))


def test_fault_15_redis_is_full_and_the_work_goes_on_without_it(house: ProcessInstallation, broker: Broker):
    with broker.client() as client:
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", 1)
        try:
            assert file_by_api(house).status_code == 201
            told(house, file_alerts(house, 3))
        finally:
            client.config_set("maxmemory", 0)
    told(house, file_alerts(house, 3))
