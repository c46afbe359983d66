"""The role slamon works as, where another one owns the schema: it can work, and cannot touch the record."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import DBAPIError

from slamon.config import Settings
from slamon.db import Base, schema
from slamon.db.database import Database
from slamon.db.grants import ADDED_ONLY, REMOVABLE
from slamon.domain.lifecycle import Action
from slamon.engine.retention import sweep
from slamon.errors import Conflict
from slamon.services.outbox.outbox import hold_restored
from slamon.services.reports.verify import verify_audit, verify_requests
from slamon.wording.message import MessageKind as K
from tests.callers import Api
from tests.installation import CONTACT, Installation
from tests.servers.postgres import application_role

RECORD = ["audit_entry", "fact", "attachment", "frozen_terms"]
KEPT = [
    "cmo_request",
    "person",
    "crossing",
    "clock",
    "organization",
    "site",
    "project",
    "policy",
    "calendar",
    "api_key",
]


@pytest.fixture
def restricted(postgres_installation: Installation) -> Iterator[Installation]:
    """An installation whose processes work as a role of their own; the database is still its owner's."""
    owner = postgres_installation.runtime.db
    with application_role(postgres_installation.runtime.settings.database_url) as url:
        schema.migrate(owner, application=make_url(url))
        database = Database(url)
        own = postgres_installation
        yield Installation(replace(own.runtime, db=database), own.clock, own.slack, own.email, own.cast)
        database.close()


def refusal(database: Database, attack: str) -> str:
    with pytest.raises(DBAPIError) as refused, database.write() as session:
        session.execute(text(attack))
    return str(refused.value.orig)


@pytest.mark.parametrize("table", RECORD)
@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE {0} SET {1} = {1}",
        "DELETE FROM {0}",
        "TRUNCATE {0} CASCADE",
        "DROP TABLE {0} CASCADE",
        "ALTER TABLE {0} DISABLE TRIGGER ALL",
        "ALTER TABLE {0} ADD COLUMN extra text",
        "CREATE TRIGGER mine BEFORE INSERT ON {0} FOR EACH ROW EXECUTE FUNCTION fact_is_append_only()",
    ],
)
def test_the_record_cannot_be_changed_or_removed(restricted: Installation, table: str, attack: str):
    column = next(iter(Base.metadata.tables[table].primary_key)).name
    said = refusal(restricted.runtime.db, attack.format(table, column))
    assert "permission denied" in said or "must be owner" in said


@pytest.mark.parametrize(
    "attack",
    [
        "SET session_replication_role = replica",
        "DROP SCHEMA public CASCADE",
        "CREATE OR REPLACE FUNCTION fact_is_append_only() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'",
    ],
)
def test_there_is_no_way_around_the_tables_either(restricted: Installation, attack: str):
    said = refusal(restricted.runtime.db, attack)
    assert "permission denied" in said or "must be owner" in said


def test_what_is_filed_people_and_crossings_cannot_be_removed(restricted: Installation):
    for table in KEPT:
        assert "permission denied" in refusal(restricted.runtime.db, f"DELETE FROM {table}")


def test_only_tables_that_exist_are_named():
    assert Base.metadata.tables.keys() >= ADDED_ONLY | REMOVABLE
    assert not ADDED_ONLY & REMOVABLE


def test_slamon_works_as_that_role(restricted: Installation):
    installation, api = restricted, Api(restricted)
    once = {"Idempotency-Key": "order-4711"}
    asked = api.pm.post("/v1/requests", json=api.inquiry(), headers=once).json()
    installation.work()
    assert installation.email.sent_to(CONTACT, K.FILED)
    installation.act(installation.file().id, Action.ANSWER, by=installation.cast.contact, text="Yes, it is")
    draft = "/v1/drafts/0198c0de-0000-7000-8000-000000000001"
    assert api.pm.put(draft, json={"type": "inquiry"}).status_code == 200
    assert api.pm.post(f"{draft}/discard", json={"reason": "No longer needed"}).status_code < 300
    project = f"/v1/projects/{installation.cast.project}"
    version = api.admin.get(project).headers["ETag"]
    change = {"cmo_ids": [str(installation.cast.cmo)], "reason": "One CMO only"}
    assert api.admin.patch(project, json=change, headers={"If-Match": version}).status_code == 200
    installation.clock.advance(hours=25)
    installation.work()
    assert len(api.pm.get(f"/v1/requests/{asked['id']}/timeline").json()) > 1
    installation.clock.advance(days=200)
    with installation.runtime.write() as tx:
        assert sweep(tx.session, real_now=tx.real_now) > 0
        hold_restored(tx)
    with installation.runtime.read() as tx:
        assert all(isinstance(step, int) for step in verify_requests(tx))
        assert verify_audit(tx.session) is None


def test_migrating_again_takes_back_what_was_granted_beside(
    restricted: Installation, postgres_installation: Installation
):
    url = restricted.runtime.db.url
    with postgres_installation.runtime.db.engine.begin() as connection:
        connection.exec_driver_sql(f'GRANT ALL ON fact TO "{url.username}"')
    schema.migrate(postgres_installation.runtime.db, application=url)
    assert "permission denied" in refusal(restricted.runtime.db, "DELETE FROM fact")


def test_who_could_change_the_record_by_another_way_is_refused(postgres_installation: Installation):
    owner = postgres_installation.runtime.db
    with application_role(postgres_installation.runtime.settings.database_url) as url:
        role = make_url(url).username
        for power, undone in (
            (f'CREATE ROLE "{role}" LOGIN SUPERUSER', f'ALTER ROLE "{role}" NOSUPERUSER'),
            (f'GRANT "{owner.url.username}" TO "{role}"', f'REVOKE "{owner.url.username}" FROM "{role}"'),
            (f'ALTER TABLE person OWNER TO "{role}"', f'ALTER TABLE person OWNER TO "{owner.url.username}"'),
        ):
            with owner.engine.begin() as connection:
                connection.exec_driver_sql(power)
            with pytest.raises(Conflict, match="could change the record"):
                schema.migrate(owner, application=make_url(url))
            with owner.engine.begin() as connection:
                connection.exec_driver_sql(undone)


def test_an_owner_that_may_not_make_roles_is_told_how_one_is_made(postgres_installation: Installation):
    superuser = postgres_installation.runtime.db
    with application_role(postgres_installation.runtime.settings.database_url) as url:
        name = make_url(url).username
        schema.migrate(superuser, application=make_url(url))  # makes a role that may not make others
        other = make_url(url).set(username=f"{name}2")
        with superuser.engine.begin() as connection:
            connection.exec_driver_sql(f'GRANT SELECT, UPDATE ON alembic_version TO "{name}"')
        plain = Database(url)
        with pytest.raises(Conflict, match=f'CREATE ROLE "{name}2" LOGIN PASSWORD'):
            schema.migrate(plain, application=other)
        plain.close()


def test_the_working_role_is_told_who_changes_the_schema(restricted: Installation, postgres_installation: Installation):
    schema.migrate(restricted.runtime.db)  # nothing to do, and nothing to say
    with postgres_installation.runtime.db.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE alembic_version")
    with pytest.raises(Conflict, match="SLAMON_DATABASE_OWNER_URL"):
        schema.migrate(restricted.runtime.db)


def test_passwords_may_stand_beside_the_addresses(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)
    address = "postgresql+psycopg://{}@db/slamon"
    settings = Settings(
        database_url=address.format("app"), database_password="p@ss:/%",
        database_owner_url=address.format("owner"), database_owner_password="0%40w",
    )  # fmt: skip
    assert (settings.database.username, settings.database.password) == ("app", "p@ss:/%")
    assert (settings.owned_database.username, settings.owned_database.password) == ("owner", "0%40w")
    alone = Settings(database_url=address.format("app:own"), database_password="other")
    assert alone.owned_database == alone.database
    assert alone.database.password == "own"
