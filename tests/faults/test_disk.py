"""Fault 19: the database's disk is full. Nothing is said to be stored that is not; when there is room all goes on."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import NullPool, create_engine, make_url, text

from slamon.clock import Clock
from tests.callers import Api
from tests.faults.alerts import at_rest, file_alerts
from tests.faults.installation import FaultyInstallation, open_town
from tests.faults.judge import judge
from tests.installation import open_installation
from tests.pages import Site, text_of
from tests.scenarios.installation import eventually
from tests.servers.postgres import SERVER_USER, URL_VARIABLE, drop_database
from workers.embedded import embedded_workers

NAME = f"small_{os.getpid()}"
SIZES = {"SQLite": "6m", "PostgreSQL": "32m"}
FILINGS = 1000  # by then any disk of the test is full


@dataclass(frozen=True)
class Disk:
    """A small one, and the database on it."""

    path: Path
    database_url: str = ""

    def fill(self) -> None:
        with (self.path / "filler").open("ab", buffering=0) as filler, suppress(OSError):
            while True:
                filler.write(bytes(4096))

    def free(self) -> None:
        (self.path / "filler").unlink()


@contextmanager
def mounted(path: Path, size: str) -> Iterator[Disk]:
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("only root can mount the small disk that this fills")
    try:
        yield Disk(path)
    finally:
        subprocess.run(["umount", "--lazy", path], check=True)


@contextmanager
def postgres_on(disk: Disk, server: str) -> Iterator[str]:
    """A database of the server whose tables lie on the disk."""
    if os.environ.get(URL_VARIABLE):
        pytest.skip(f"{URL_VARIABLE} names a server whose disk is not ours to fill")
    shutil.chown(disk.path, SERVER_USER)
    engine = create_engine(server, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text(f"CREATE TABLESPACE {NAME} LOCATION '{disk.path}'"))
        connection.execute(text(f"CREATE DATABASE {NAME} TABLESPACE {NAME}"))
    try:
        yield make_url(server).set(database=NAME).render_as_string(hide_password=False)
    finally:
        drop_database(server, NAME)
        with engine.connect() as connection:
            connection.execute(text(f"DROP TABLESPACE {NAME}"))


@pytest.fixture(params=["SQLite", pytest.param("PostgreSQL", marks=pytest.mark.slow)])
def disk(request: pytest.FixtureRequest, service_directory: Path) -> Iterator[Disk]:
    """A small disk with a database on it."""
    with mounted(service_directory / "disk", SIZES[request.param]) as found:
        if request.param == "SQLite":
            yield replace(found, database_url=f"sqlite:///{found.path}/town.db")
        else:
            with postgres_on(found, request.getfixturevalue("postgres_server")) as url:
                yield replace(found, database_url=url)


@pytest.fixture
def busy_town(disk: Disk, tmp_path: Path) -> Iterator[FaultyInstallation]:
    """A town on that disk whose loop and workers run."""
    settings = {"heartbeat_seconds": 0.5, "hand_over_seconds": 1, "digest_above": 1000, "api_calls_per_minute": 100_000}
    with (
        open_installation(disk.database_url, Clock(), **settings) as installation,
        open_town(tmp_path, installation) as town,
        embedded_workers(installation.runtime),
    ):
        yield town


def test_fault_19_the_disk_is_full_and_nobody_is_told_otherwise(disk: Disk, busy_town: FaultyInstallation):
    installation = busy_town.installation
    api, site = Api(installation), Site(installation)
    caller, filed = api.pm, dict[str, str]()

    def file(key: str) -> int:
        answer = caller.post("/v1/requests", json=api.inquiry(), headers={"Idempotency-Key": key})
        if answer.status_code == 201:
            filed[key] = answer.json()["number"]
        else:
            assert answer.headers["retry-after"] == "5"
            assert "Nothing was stored" in answer.json()["detail"]
        return answer.status_code

    file("before")
    request_id = UUID(caller.get("/v1/requests").json()["items"][0]["id"])
    form = site.link(request_id)
    alerts = file_alerts(busy_town, 2, in_seconds=1)
    disk.fill()
    refused = next(f"order-{number}" for number in range(FILINGS) if file(f"order-{number}") == 503)
    assert caller.get("/v1/requests").status_code == 200  # what is there can be read
    page = site.visitor.post(f"{form}/answer", data={"text": "Shipped this morning"})
    assert (page.status_code, page.headers["retry-after"]) == (503, "5")
    assert "Nothing was stored" in text_of(page)
    assert "Shipped this morning" in text_of(page)  # nobody has to type it again
    eventually(
        lambda: installation.clock.now() > alerts[-1].due_at + timedelta(seconds=1), within=30, what="an alert's time"
    )

    disk.free()
    assert file(refused) == 201
    assert site.visitor.post(f"{form}/answer", data={"text": "Shipped this morning"}).status_code == 303
    eventually(lambda: at_rest(busy_town), within=30, what="rest")
    assert [alert.told(busy_town) for alert in alerts] == [(1, 1), (1, 1)]
    judge(busy_town)
