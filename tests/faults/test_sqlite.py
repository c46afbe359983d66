"""Fault 20: somebody else holds SQLite's lock for long; the power goes while the log is written into the database."""

import random
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from slamon.clock import Clock
from slamon.db import database
from slamon.errors import Unavailable
from tests.callers import Api
from tests.faults.alerts import at_rest, file_alerts
from tests.faults.installation import open_town
from tests.faults.judge import judge
from tests.installation import open_installation
from tests.scenarios.installation import eventually
from workers.embedded import embedded_workers

HOLDER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""
WRITER = """
import sqlite3, sys
from itertools import count
from sqlalchemy import text
from slamon.db.database import Database

keep = text("INSERT INTO kept VALUES (:name, zeroblob(1000000))")
database = Database(sys.argv[1])
checkpointing = sqlite3.connect(database.url.database)
for number in count():
    name = f"{sys.argv[2]}-{number}"
    with database.write() as session:
        session.execute(keep, {"name": name})
    print(name, flush=True)
    checkpointing.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
"""


@contextmanager
def locked_by_another(path: Path) -> Iterator[None]:
    command = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdin
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        yield
        holder.stdin.close()


def test_fault_20_while_another_process_holds_the_lock_writes_are_refused_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.2)  # nobody wants to wait for the real one in a test
    path = tmp_path / "town.db"
    with open_installation(f"sqlite:///{path}") as installation, open_town(tmp_path, installation) as town:
        api, alerts = Api(installation), town.fall_due(2)
        caller = api.pm
        with locked_by_another(path):
            refused = caller.post("/v1/requests", json=api.inquiry())
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
            assert caller.get("/v1/requests").status_code == 200
            with pytest.raises(Unavailable):
                installation.work()
        assert caller.post("/v1/requests", json=api.inquiry()).status_code == 201
        installation.work()
        town.all_told(alerts)


@pytest.mark.slow
def test_fault_20_a_lock_held_for_half_a_minute_delays_alerts_and_loses_none(tmp_path: Path):
    path = tmp_path / "town.db"
    settings = {"heartbeat_seconds": 0.5, "hand_over_seconds": 1, "digest_above": 1000}
    with (
        open_installation(f"sqlite:///{path}", Clock(), **settings) as installation,
        open_town(tmp_path, installation) as town,
        embedded_workers(installation.runtime),
    ):
        alerts = file_alerts(town, 20, apart_seconds=1)
        with locked_by_another(path):
            threading.Event().wait(30)
        eventually(lambda: at_rest(town), within=30, what="rest")
        assert [alert.told(town) for alert in alerts] == [(1, 1)] * 20
        judge(town)


def test_fault_20_a_writer_dies_during_checkpoints_and_the_file_is_whole(tmp_path: Path):
    path, dice = tmp_path / "kept.db", random.Random(20)
    url = f"sqlite:///{path}"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE kept (name TEXT PRIMARY KEY, weight BLOB)")
    confirmed: set[str] = set()
    for life in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, url, str(life)], stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout
            for _ in range(dice.randrange(2, 12)):
                confirmed.add(writer.stdout.readline().strip())
            threading.Event().wait(dice.uniform(0, 0.02))
            writer.kill()
            confirmed |= {line.strip() for line in writer.stdout if line.endswith("\n")}
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            stored = {name for (name,) in connection.execute("SELECT name FROM kept")}
        assert confirmed <= stored
    assert len(confirmed) >= 6
