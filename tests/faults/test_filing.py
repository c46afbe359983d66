"""Filing under kills: every key files once, nothing is half there, and the numbers have no gap."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from slamon.domain.timeline import SYSTEM
from slamon.services.outbox.outbox import stop_outgoing
from tests.faults.judge import judge
from tests.faults.test_database import filing
from tests.scenarios.installation import ProcessInstallation, eventually, running_house

NO_REDIS = "redis://127.0.0.1:1/0"  # filing needs none
SETTINGS = {"API_CALLS_PER_MINUTE": 1_000_000}


def kill_the_api(house: ProcessInstallation) -> None:
    (name,) = house.processes
    house.restart(name)
    house.await_ready()


def end_every_connection(house: ProcessInstallation) -> None:
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
    with house.installation.runtime.db.engine.begin() as connection:
        connection.execute(text(f"{others} AND datname = current_database()"))


def file_through(house: ProcessInstallation, trouble: Callable[[ProcessInstallation], None]) -> None:
    with house.installation.runtime.write() as tx:  # so that no mail is under way when it is killed
        stop_outgoing(tx, True, by=SYSTEM, reason="filing")
    with filing(house, clients=8) as (filed, statuses):
        for _ in range(5):
            before = len(filed)
            eventually(lambda before=before: len(filed) > before + 20, within=30, what="filing")  # type: ignore[misc]
            trouble(house)
    assert statuses <= {201, 503}
    with house.installation.runtime.db.read() as session:
        year = session.scalar(text("SELECT max(year) FROM number_counter"))
    assert sorted(filed.values()) == [f"INQ-{year}-{number:06d}" for number in range(1, len(filed) + 1)]
    judge(house, filed=filed)


@pytest.mark.slow
def test_an_api_killed_again_and_again_files_each_key_once_and_leaves_no_gap(postgres_url: str, tmp_path: Path):
    with running_house(tmp_path, postgres_url, NO_REDIS, processes={}, **SETTINGS) as house:
        file_through(house, kill_the_api)


@pytest.mark.slow
def test_one_process_on_sqlite_killed_again_and_again_does_the_same(tmp_path: Path):
    with running_house(tmp_path, f"sqlite:///{tmp_path}/house.db", None, **SETTINGS) as house:
        file_through(house, kill_the_api)


def test_connections_that_end_under_load_file_each_key_once_and_leave_no_gap(postgres_url: str, tmp_path: Path):
    with running_house(tmp_path, postgres_url, NO_REDIS, processes={}, **SETTINGS) as house:
        file_through(house, end_every_connection)
