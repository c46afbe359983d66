"""Both databases end with the same schema, forwards and back, and it is the one the models describe."""

import re

import pytest
from sqlalchemy import CheckConstraint, Engine, inspect, text
from sqlalchemy.exc import DBAPIError

from slamon.db import Base, schema
from slamon.db.database import Database
from slamon.errors import Conflict
from tests.installation import Installation

BASELINE = "0018"


def shape(engine: Engine) -> dict[str, dict[str, object]]:
    """Tables as either database tells them, in words both share."""
    found = inspect(engine)
    return {
        table: {
            "columns": {(c["name"], _type(c["type"]), c["nullable"]) for c in found.get_columns(table)},
            "key": tuple(found.get_pk_constraint(table)["constrained_columns"]),
            "foreign": {
                (f["name"], tuple(f["constrained_columns"]), f["referred_table"]) for f in found.get_foreign_keys(table)
            },
            "unique": {(u["name"], tuple(u["column_names"])) for u in found.get_unique_constraints(table)},
            "indexes": {
                (index["name"], tuple(index["column_names"]))
                for index in found.get_indexes(table)
                if not index.get("duplicates_constraint")
            },
            "checks": {c["name"]: _words(c["sqltext"]) for c in found.get_check_constraints(table)},
        }
        for table in found.get_table_names()
        if table != "alembic_version"
    }  # fmt: skip


def _type(column_type: object) -> str:
    word = re.split(r"[ (]", str(column_type))[0]
    return {"DATETIME": "TIMESTAMP", "CHAR": "UUID"}.get(word, word)


def _words(check: str) -> frozenset[str]:
    """The names and values a CHECK speaks of; the databases spell the rest differently."""
    plain = check.replace("::character varying", "").replace("::text", "")
    return frozenset(
        re.findall(r"'[^']*'|[a-z_]{3,}", re.sub(r"\b(any|array|null|is|not|or|and|in)\b", "", plain.lower()))
    )


@pytest.fixture
def both(tmp_path, postgres_url):
    opened = Database(f"sqlite:///{tmp_path}/schema.db"), Database(postgres_url)
    with opened[1].engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    for database in opened:
        schema.migrate(database)
    yield opened
    for database in opened:
        database.close()


def test_sqlite_and_postgresql_have_the_same_tables_constraints_and_checks(both):
    sqlite, postgres = (shape(database.engine) for database in both)
    assert sqlite.keys() == postgres.keys()
    for table in sqlite:
        assert sqlite[table] == postgres[table], table


def test_the_migrations_give_what_the_models_say(both):
    for database in both:
        migrated = shape(database.engine)
        assert migrated.keys() == Base.metadata.tables.keys()
        for name, table in Base.metadata.tables.items():
            assert {c[0] for c in migrated[name]["columns"]} == {column.name for column in table.columns}
            modelled = {c.name: _words(str(c.sqltext)) for c in table.constraints if isinstance(c, CheckConstraint)}
            assert migrated[name]["checks"] == modelled, name


def test_down_to_the_baseline_and_up_again_gives_the_same_schema(both):
    for database in both:
        before = shape(database.engine)
        schema.downgrade(database, BASELINE)
        assert schema.current_revision(database) == BASELINE
        schema.migrate(database)
        assert schema.current_revision(database) == schema.newest_revision()
        assert shape(database.engine) == before


def test_no_database_goes_back_beyond_the_baseline(any_installation: Installation):
    db = any_installation.runtime.db
    for revision in ("0017", "base"):
        with pytest.raises(Conflict, match=f"There is no schema {revision} to go back to"):
            schema.downgrade(db, revision)
    assert schema.current_revision(db) == schema.newest_revision()


def test_a_database_in_use_goes_back_a_release_and_forward_again(any_installation: Installation):
    any_installation.file()
    any_installation.clock.advance(hours=25)
    any_installation.work()
    db = any_installation.runtime.db
    before = everything(db)
    schema.downgrade(db, BASELINE)
    schema.migrate(db)
    assert everything(db) == before


def everything(db: Database) -> dict[str, list[tuple[object, ...]]]:
    with db.engine.connect() as connection:
        tables = [table for table in Base.metadata.sorted_tables if table.primary_key]
        return {t.name: sorted(map(tuple, connection.execute(t.select()).all()), key=str) for t in tables}


@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE fact SET reason = 'never said'",
        "DELETE FROM fact",
        "UPDATE audit_entry SET by_name = 'somebody else'",
        "DELETE FROM audit_entry",
    ],
)
def test_facts_and_the_trail_cannot_be_changed_or_removed(any_installation: Installation, attack: str):
    any_installation.file()
    with pytest.raises(DBAPIError, match="append-only"), any_installation.runtime.db.write() as session:
        session.execute(text(attack))
