"""A copy made while slamon runs, and a house that starts from it: sound, silent, and repeating nothing."""

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import make_url

from slamon.db.backup import backup, restore
from slamon.db.database import Database
from slamon.engine.cycle import InlineDispatcher, tick
from slamon.engine.heartbeat import Watch
from slamon.errors import Conflict, Unavailable
from slamon.runtime import Runtime
from slamon.services.outbox.outbox import hold_restored, is_stopped, stop_outgoing
from slamon.services.reports.verify import verify_audit, verify_requests
from slamon.wording.message import MessageKind as K
from tests.installation import CONTACT, Installation
from tests.servers.postgres import create_database, drop_database, find_binaries


@pytest.fixture(autouse=True)
def _with_postgresqls_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{find_binaries()}{os.pathsep}{os.environ['PATH']}")
    if shutil.which("pg_dump") is None:
        pytest.skip("pg_dump is not installed here")


@contextmanager
def empty_database(installation: Installation, folder: Path) -> Iterator[Database]:
    if installation.runtime.db.is_sqlite:
        url, server = f"sqlite:///{folder}/restored.db", None
    else:
        own = make_url(installation.runtime.settings.database_url)
        server = own.set(database="postgres").render_as_string(hide_password=False)
        url = create_database(server, f"{own.database}_restored")
    database = Database(url)
    try:
        yield database
    finally:
        database.close()
        if server:
            drop_database(server, str(make_url(url).database))


def work(runtime: Runtime) -> None:
    for _ in range(3):
        tick(runtime, InlineDispatcher(runtime), Watch(8))


def test_a_restored_copy_is_sound_silent_and_repeats_nothing(any_installation: Installation, tmp_path: Path):
    installation = any_installation
    installation.file()
    installation.work()
    assert len(installation.email.sent_to(CONTACT, K.FILED)) == 1
    installation.file()  # its notice waits while the copy is made, and leaves a moment later
    backup(installation.runtime.db, tmp_path / "copy")
    installation.work()
    installation.clock.advance(hours=1)
    with empty_database(installation, tmp_path) as database:
        restore(database, tmp_path / "copy")
        restored = replace(installation.runtime, db=database)
        with restored.write() as tx:
            hold_restored(tx)
        work(restored)
        assert len(installation.email.sent) == 2  # held back
        with restored.write() as tx:
            assert all(isinstance(step, int) for step in verify_requests(tx))
            assert verify_audit(tx.session) is None
            assert is_stopped(tx.session)
            admin = installation.caller(installation.cast.admin).as_actor()
            stop_outgoing(tx, False, by=admin, reason="checked")
        work(restored)
        assert len(installation.email.sent) == 2  # found, so not sent again
        installation.clock.advance(hours=25)
        work(restored)
        assert len(installation.email.sent_to(CONTACT, K.TARGET)) == 2  # and life goes on


def test_nothing_is_written_over_and_a_copy_is_its_makers_alone(any_installation: Installation, tmp_path: Path):
    (tmp_path / "copy").write_text("mine")
    with pytest.raises(Conflict, match="exists"):
        backup(any_installation.runtime.db, tmp_path / "copy")
    backup(any_installation.runtime.db, tmp_path / "other")
    assert stat.S_IMODE((tmp_path / "other").stat().st_mode) == 0o600
    with pytest.raises(Conflict, match="not empty"):
        restore(any_installation.runtime.db, tmp_path / "other")


@pytest.fixture
def overheard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pg_dump that writes down what it was given, and fails: what every user of the host could have read."""
    program = tmp_path / "bin" / "pg_dump"
    program.parent.mkdir()
    program.write_text(
        '#!/bin/sh\nprintf \'%s\\n\' "$@" > ${0%/*}/arguments\nprintf %s "$PGPASSWORD" > ${0%/*}/password\n'
        "echo 'no such server' >&2; exit 1\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    return program.parent


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://ada:p%40ss%3A%2F%25%20w%C3%BCrd@db.example:5433/records?sslmode=require",
        "postgresql+psycopg://ada@db.example:5433/records?password=p%40ss%3A%2F%25%20w%C3%BCrd&sslmode=require",
        "postgresql+psycopg://ada:p%40ss%3A%2F%25%20w%C3%BCrd@/records?host=db.example:5433&sslmode=require",
    ],
)
def test_postgresqls_tools_get_the_password_and_nobody_else_sees_it(overheard: Path, tmp_path: Path, url: str):
    with pytest.raises(Unavailable) as failed:
        backup(Database(url), tmp_path / "copy")
    assert (overheard / "password").read_text() == "p@ss:/% würd"
    arguments = (overheard / "arguments").read_text()
    connection = arguments.splitlines()[0].removeprefix("--dbname=")
    assert conninfo_to_dict(connection) == {
        "user": "ada", "host": "db.example", "port": "5433", "dbname": "records", "sslmode": "require",
    }  # fmt: skip
    assert "p@ss" not in arguments + str(failed.value)


def test_without_a_password_postgresqls_tools_use_the_operators_own(overheard: Path, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", "of the operator")
    with pytest.raises(Unavailable):
        backup(Database("postgresql+psycopg://ada@db.example/records"), tmp_path / "copy")
    assert (overheard / "password").read_text() == "of the operator"
