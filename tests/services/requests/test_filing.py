"""What one filing asks of the database, and what is left out to keep that little."""

import pytest
from sqlalchemy import event, insert, text
from sqlalchemy.exc import IntegrityError

from slamon.db.outbox import Setting
from slamon.db.statements import in_one_trip
from slamon.domain.lifecycle import RequestType
from slamon.services.requests.filing import Filing, log_request
from tests.callers import Api
from tests.installation import Installation

WRITTEN = ("idempotency_key", "number_counter", "cmo_request", "fact", "clock", "notification", "idempotency_key")


def statements_of_one_filing(api: Api, **more: str) -> list[str]:
    """The tables written, and SELECT for each look; under terms that are known already."""
    api.filed()
    said: list[str] = []

    def listen(_c: object, _cursor: object, statement: str, *_: object) -> None:
        words = statement.split()
        if words[0] != "BEGIN":  # which SQLite is told in words
            said.append(words[0] if words[0] == "SELECT" else words[1 if words[0] == "UPDATE" else 2])

    event.listen(api.world.runtime.db.engine, "before_cursor_execute", listen)
    answer = api.pm.post("/v1/requests", json=api.inquiry(**more), headers={"Idempotency-Key": "order-1"})
    assert answer.status_code == 201
    return said


def test_a_filing_looks_three_times_and_writes_each_row_once(any_api: Api) -> None:
    said = statements_of_one_filing(any_api)
    assert said.count("SELECT") == 3  # who calls, whom it concerns, under which policy
    assert tuple(table for table in said if table != "SELECT") == WRITTEN
    assert said.index("number_counter") > max(place for place, word in enumerate(said) if word == "SELECT")


def test_a_filing_that_names_a_lot_or_an_order_looks_once_more_for_its_like(any_api: Api) -> None:
    said = statements_of_one_filing(any_api, cmo_reference="PO-77")
    assert said.count("SELECT") == 4
    assert tuple(table for table in said if table != "SELECT") == WRITTEN


def test_a_filing_that_was_rolled_back_does_not_cost_the_next_one_its_terms(any_world: Installation) -> None:
    cast = any_world.cast
    filing, by = Filing(RequestType.INQUIRY, cast.project, cast.site, "Capacity in May"), any_world.caller(cast.pm)

    def file_and_fail() -> None:
        with any_world.runtime.write() as tx:
            log_request(tx, filing, by=by)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        file_and_fail()
    assert any_world.file().number == "INQ-2026-000001"


def test_connections_the_server_has_ended_are_replaced_unnoticed(postgres_world: Installation) -> None:
    api = Api(postgres_world)
    api.filed()
    with postgres_world.runtime.db.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        others = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        with postgres_world.runtime.db.engine.connect() as idle:
            idle.execute(text("SELECT 1"))
        assert connection.execute(text(f"{others} AND datname = current_database()")).scalars().all() == [True]
    api.filed()


def test_what_fails_on_its_one_trip_fails_like_everything_else(any_world: Installation) -> None:
    def insert_twice() -> None:
        with any_world.runtime.db.write() as session, in_one_trip(session) as connection:
            for _ in range(2):
                connection.execute(insert(Setting), {"name": "twice", "value": {}})

    with pytest.raises(IntegrityError):
        insert_twice()
    assert any_world.file().number == "INQ-2026-000001"
