"""Databases that earlier releases left behind: carried forward and worked with, or refused with what to do."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from shutil import copytree
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import make_url, select, text

from slamon.config import Settings
from slamon.db.database import Database
from slamon.db.parties import Person
from slamon.files.disk import DiskStore
from slamon.wording.message import MessageKind
from tests.callers import Api
from tests.db.test_schema import shape
from tests.installation import PM, Installation, empty
from tests.test_cli import NO_TESTS, SETUP, run
from workers.heartbeat import beating

RELEASES = sorted(path.parent for path in Path(__file__).parent.glob("releases/*/files"))
CONTACT_SINCE = "corinne@cmo.example"  # the story changes her address


@pytest.fixture
def at_the_host(any_installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """An installation whose commands can be typed."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"SLAMON_{name.upper()}", raising=False)
    settings = any_installation.runtime.settings
    for name in ("database_url", "sponsor_name"):
        monkeypatch.setenv(f"SLAMON_{name.upper()}", str(getattr(settings, name)))
    monkeypatch.setenv("SLAMON_SECRET_KEY", "s" * 40)
    monkeypatch.setenv("SLAMON_FILES_DIRECTORY", str(tmp_path / "files"))
    return any_installation


def left_behind(installation: Installation, release: Path) -> Installation:
    """The installation of that host with the database and the files that a release left behind, a month later."""
    load(installation.runtime.db, release)
    copytree(release / "files", "files")
    installation.clock.advance(days=30)
    runtime = replace(installation.runtime, files=DiskStore(Path("files")))
    return Installation(runtime, installation.clock, installation.slack, installation.email, installation.cast)


def load(db: Database, release: Path) -> None:
    db.engine.dispose()
    empty(db)
    scripts = [path.read_text() for path in sorted((release / db.engine.dialect.name).iterdir())]
    if db.is_sqlite:
        with closing(sqlite3.connect(str(db.url.database))) as connection:
            for script in scripts:
                connection.executescript(script)
        return
    plain = make_url(db.url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain) as connection:
        for script in scripts:
            connection.execute(script.encode())


@pytest.mark.parametrize("release", RELEASES, ids=lambda folder: folder.name)
def test_what_a_release_left_is_carried_forward_verified_and_worked_with(at_the_host: Installation, release: Path):
    new = shape(at_the_host.runtime.db.engine)
    old = left_behind(at_the_host, release)
    assert run("migrate").exit_code == 0
    assert shape(old.runtime.db.engine) == new
    assert_sound()
    api = Api(old)
    contact, pm = (api.caller(person_id(old, email)) for email in (CONTACT_SINCE, PM))
    items = {f"{item['number']} {item['item']}": item for item in pm.get("/v1/owed").json()["items"]}
    path = f"/v1/requests/{items['DAT-2026-000001 2']['request_id']}"
    said = [{"item": item["item"], "document_number": f"D-{key}"} for key, item in items.items() if "DAT" in key]
    answered = contact.post(f"{path}/actions/answer", json={"items": said})
    assert (answered.status_code, answered.json()["state"]) == (200, "answered"), answered.text
    old.work()
    assert old.email.sent_to(CONTACT_SINCE, MessageKind.RECEIPT)
    assert_sound()


def assert_sound() -> None:
    verified = run("verify")
    assert verified.exit_code == 0, verified.output
    assert "requests, 1 files and the whole trail are as they were recorded" in " ".join(verified.output.split())


def person_id(installation: Installation, email: str) -> UUID:
    with installation.runtime.db.read() as session:
        return session.scalars(select(Person.id).where(Person.email == email)).one()


@pytest.mark.parametrize(
    ("schema", "what_to_do"),
    [
        ("0009", "First check out commit cb7d181 of slamon's repository"),
        ("9999", "which a newer release gave it"),
    ],
)
def test_a_database_of_another_schema_is_refused_at_every_door(
    at_the_host: Installation, monkeypatch: pytest.MonkeyPatch, schema: str, what_to_do: str
):
    with at_the_host.runtime.db.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :it"), {"it": schema})
    for words in (["migrate"], ["migrate", "--down-to", "0018"], [*SETUP, *NO_TESTS], ["serve"], ["verify"]):
        done = run(*words)
        assert done.exit_code == 1, words
        assert str(done.exception).startswith(f"The database has schema {schema}"), words
        assert what_to_do in str(done.exception)
    monkeypatch.setenv("SLAMON_REDIS_URL", "redis://127.0.0.1:1")
    for server in ("api", "ticker"):
        assert what_to_do in str(run(server).exception)
    with beating(at_the_host.runtime, "worker"):
        assert at_the_host.runtime.vitals.stands_back
