"""Fault 39: two releases run side by side during an upgrade. The old one notices and leaves the work to the new."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select, text

from slamon.db.outbox import Process
from tests.faults.alerts import alert_policy, all_told, file_alerts
from tests.scenarios.house import House, eventually, running_house

SMALL = {"DIGEST_ABOVE": 10_000, "HAND_OVER_SECONDS": 1}


@pytest.fixture
def house(tmp_path: Path, postgres_url: str, valkey_url: str) -> Iterator[House]:
    with running_house(tmp_path, postgres_url, valkey_url, **SMALL) as running:
        alert_policy(running.world)
        yield running


@contextmanager
def newer_schema(house: House) -> Iterator[None]:
    """The database as a later release will leave it: every process that runs is of an old one."""
    engine = house.world.runtime.db.engine
    with engine.begin() as connection:
        ours = connection.scalar(text("SELECT version_num FROM alembic_version"))
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    try:
        yield
    finally:
        with engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = :ours"), {"ours": ours})


def processes(house: House) -> int:
    with house.world.runtime.db.read() as session:
        return session.scalar(select(func.count()).select_from(Process)) or 0


def test_fault_39_processes_of_an_old_release_stand_back_from_a_newer_schema(house: House):
    eventually(lambda: processes(house) == 4, within=30, what="api, ticker and two workers")
    with newer_schema(house):
        eventually(lambda: house.logs().count("stands_back") == 4, within=15, what="all four")
        alerts = file_alerts(house, 3)
        eventually(
            lambda: httpx.get(f"{house.base_url}/readyz", timeout=5).status_code == 503, within=15, what="readyz"
        )
        house.restart("workers")
        eventually(lambda: house.logs().count("stands_back") == 6, within=15, what="the workers started anew")
        assert [alert.told(house) for alert in alerts] == [(0, 0)] * 3
    all_told(house, alerts)
    assert house.logs().count("stands_back") == 6  # said once a process
    assert [alert.told(house) for alert in alerts] == [(1, 1)] * 3
