"""Both databases end with the same schema, forwards and back, and it is the one the models describe."""

import re
from collections.abc import Callable
from datetime import date
from io import BytesIO

import pytest
from sqlalchemy import CheckConstraint, Engine, inspect, select, text
from sqlalchemy.exc import DBAPIError

from slamon.db import Base, schema
from slamon.db.database import Database
from slamon.db.outbox import FormLink
from slamon.db.parties import Calendar, Person
from slamon.db.policies import Policy
from slamon.domain.lifecycle import Action, RequestType
from slamon.domain.timeline import SYSTEM, Via
from slamon.errors import Conflict
from slamon.files.intake import Sent, take_in
from slamon.services.deadlines.shutdowns import Announcement, announce
from slamon.services.directory.leaving import change_person
from slamon.services.directory.records import change
from slamon.services.requests.attachments import attach
from tests.installation import CMO_LEAD, Installation


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


def test_going_down_leaves_nothing_behind_and_up_again_works(both):
    for database in both:
        schema.downgrade(database, "base")
        assert set(inspect(database.engine).get_table_names()) <= {"alembic_version"}
        schema.migrate(database)
        assert schema.current_revision(database) == schema.newest_revision()


def test_a_database_in_use_goes_back_a_release_and_forward_again(any_world: Installation):
    any_world.file()
    any_world.clock.advance(hours=25)
    any_world.work()
    db = any_world.runtime.db
    before = everything(db)
    schema.downgrade(db, "0001")
    schema.migrate(db)
    assert everything(db) == before


def with_a_partly_answered_request(world: Installation) -> None:
    items = [{"kind": "coa", "lots": ["A17"]}, {"kind": "assay_result", "lots": ["A17"]}]
    request = world.file(type=RequestType.DATA, detail={"purpose": "oversight", "items": items})
    supplied = {"items": [{"item": 1, "status": "supplied"}]}
    world.act(request.id, Action.ANSWER, by=world.cast.contact, text="One of two", particulars=supplied)


def with_a_reminder_of_the_sponsor(world: Installation) -> None:
    world.act(world.file().id, Action.FOLLOW_UP, by=world.cast.pm, text="Any news?")


def with_a_request_that_follows_another(world: Installation) -> None:
    world.file(parent_id=world.file().id)


def with_a_handed_on_request(world: Installation) -> None:
    colleague = {"name": "Boss", "email": CMO_LEAD}
    world.act(world.file().id, Action.HAND_ON, by=world.cast.contact, particulars=colleague)


def with_a_shutdown(world: Installation) -> None:
    said = Announcement(date(2026, 7, 20), date(2026, 7, 31), "Summer", "Corinne Contact")
    with world.runtime.write() as tx:
        announce(tx, world.cast.site, said, by=world.caller(world.cast.pm))


def with_an_opening_day(world: Installation) -> None:
    makes_up = {"date": "2026-03-07", "name": "For carnival", "hours": [["08:00", "18:00"]]}
    with world.runtime.db.write() as session:
        session.get_one(Calendar, world.cast.calendar).opening_days = [makes_up]


def with_a_file(world: Installation) -> None:
    by, request = world.caller(world.cast.contact), world.file()
    stored = take_in(world.runtime.files, Sent("CoA.pdf", "application/pdf"), BytesIO(b"%PDF-1.7\n"), most_bytes=100)
    with world.runtime.write() as tx:
        attach(tx, request.id, stored, by=by, via=Via.API)


def with_a_changed_line(world: Installation) -> None:
    with world.runtime.write() as tx:
        line = tx.session.scalars(select(Policy).limit(1)).one()
        clause = {"agreement_clause": "7.3"}
        change(tx, Policy, line.id, clause, by=SYSTEM, reason="Agreed")


def with_a_contact_of_two_sites(world: Installation) -> None:
    cast = world.cast
    _change_contact(world, {"site_ids": [cast.site, cast.second_site]})


def with_a_changed_address(world: Installation) -> None:
    world.file()
    _change_contact(world, {"email": "corinne@right.example"})


def _change_contact(world: Installation, values: dict[str, object]) -> None:
    with world.runtime.write() as tx:
        change(tx, Person, world.cast.contact, values, by=SYSTEM, reason="Told by phone")


def test_a_link_that_was_ended_stays_ended_in_the_release_before_and_after(any_world: Installation):
    any_world.file()
    any_world.work()
    cast = any_world.cast
    with any_world.runtime.write() as tx:
        change_person(tx, cast.contact, {"status": "disabled"}, handed_to=cast.backup, by=SYSTEM, reason="Left")
    _change_contact(any_world, {"status": "active"})
    db = any_world.runtime.db
    schema.downgrade(db, "0009")
    schema.migrate(db)
    with db.read() as session:
        assert session.scalars(select(FormLink)).one().revoked_at is not None


@pytest.mark.parametrize(
    ("lived", "words"),
    [
        (with_a_partly_answered_request, "1 requests are in states the older release does not know"),
        (with_a_reminder_of_the_sponsor, "1 clocks are of kinds the older release does not know"),
        (with_a_request_that_follows_another, "1 requests follow another one, which the older release does not know"),
        (with_a_handed_on_request, "1 facts are of kinds the older release does not know"),
        (with_a_shutdown, "1 shutdowns are written down, which the older release does not know"),
        (with_an_opening_day, "1 calendars have opening days, which the older release does not know"),
        (with_a_changed_line, "1 lines are what others said before, which the older release does not know"),
        (with_a_contact_of_two_sites, "1 contacts serve several sites, which the older release does not know"),
        (with_a_changed_address, "1 facts are of a kind the older release does not know"),
        (with_a_file, "1 files are attached to requests, which the older release does not know"),
    ],
)
def test_going_back_is_refused_where_it_would_lose_something(
    any_world: Installation, lived: Callable[[Installation], None], words: str
):
    lived(any_world)
    db = any_world.runtime.db
    before = everything(db)
    with pytest.raises(Conflict, match=f"^{words}; restore its backup instead.$"):
        schema.downgrade(db, "0001")
    assert (schema.current_revision(db), everything(db)) == (schema.newest_revision(), before)


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
def test_facts_and_the_trail_cannot_be_changed_or_removed(any_world: Installation, attack: str):
    any_world.file()
    with pytest.raises(DBAPIError, match="append-only"), any_world.runtime.db.write() as session:
        session.execute(text(attack))
