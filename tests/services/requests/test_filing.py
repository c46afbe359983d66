"""What one filing asks of the database, and what is left out to keep that little."""

import re

import pytest
from anyio import to_thread
from sqlalchemy import event, text

from slamon.domain.lifecycle import RequestType
from slamon.services.requests.filing import Filing, log_request
from tests.callers import Api
from tests.installation import Installation

WRITTEN = ("number_counter", "cmo_request", "fact", "clock", "notification", "idempotency_key")


def statements_of_one_filing(api: Api, **more: str) -> list[str]:
    """What is said to the database, each by its first word and the tables it writes; under terms known already."""
    api.filed()
    said: list[str] = []

    def listen(_c: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith("BEGIN"):  # which SQLite is told in words
            said.append(" ".join([statement.split()[0], *re.findall(r"INSERT INTO (\w+)", statement)]))

    event.listen(api.installation.runtime.db.engine, "before_cursor_execute", listen)
    answer = api.pm.post("/v1/requests", json=api.inquiry(**more), headers={"Idempotency-Key": "order-1"})
    assert answer.status_code == 201
    return said


@pytest.fixture
def postgres_api(postgres_installation: Installation) -> Api:
    return Api(postgres_installation)


def test_on_postgres_a_filing_is_two_statements(postgres_api: Api) -> None:
    """One says who calls, whom it concerns and under which policy. One stores: the key first, and then the number."""
    written = "idempotency_key number_counter cmo_request fact clock notification"
    assert statements_of_one_filing(postgres_api) == ["SELECT", f"WITH {written}"]


def test_on_sqlite_a_filing_looks_once_and_writes_each_row_once(api: Api) -> None:
    is_taken = "SELECT"
    assert statements_of_one_filing(api) == ["SELECT", is_taken, *(f"INSERT {table}" for table in WRITTEN)]


def test_a_filing_that_names_a_lot_or_an_order_looks_once_more_for_its_like(postgres_api: Api) -> None:
    said = statements_of_one_filing(postgres_api, cmo_reference="PO-77")
    assert [words.split()[0] for words in said] == ["SELECT", "SELECT", "WITH"]


def test_no_filing_is_judged_by_what_was_read_for_the_one_before(any_api: Api) -> None:
    api, admin = any_api, any_api.admin

    def targets() -> set[str]:
        return {clock["target_at"] for clock in api.filed()["clocks"]}

    assert targets() == {"2026-03-03T09:00:00Z"}
    line = {"clocks": {"answer": {"target": "PT2H", "limit": "PT4H"}}, "reason": "Agreed so"}
    policy = next(each for each in admin.get("/v1/policies").json()["items"] if each["priority"] is None)
    assert admin.patch(f"/v1/policies/{policy['id']}", json=line).status_code == 200
    assert targets() == {"2026-03-02T11:00:00Z"}
    line["clocks"]["answer"]["mode"] = "calendar"
    assert admin.patch(f"/v1/policies/{policy['id']}", json=line).status_code == 200
    closed = {"closed_days": [{"date": "2026-03-02", "name": "Carnival"}], "reason": "Told by the plant"}
    assert admin.patch(f"/v1/calendars/{api.installation.cast.calendar}", json=closed).status_code == 200
    assert targets() == {"2026-03-03T09:00:00Z"}
    people = f"/v1/people/{api.installation.cast.pm}"
    assert admin.patch(people, json={"roles": ["steering"], "reason": "Moved on"}).status_code == 200
    assert api.pm.post("/v1/requests", json=api.inquiry()).status_code == 403
    for key in admin.get("/v1/api-keys").json()["items"]:
        if key["person_id"] == str(api.installation.cast.pm):
            admin.post(f"/v1/api-keys/{key['id']}/revoke", json={"reason": "Moved on"})
    assert api.pm.post("/v1/requests", json=api.inquiry()).status_code == 401


def test_a_filing_that_was_rolled_back_does_not_cost_the_next_one_its_terms(any_installation: Installation) -> None:
    cast = any_installation.cast
    filing, by = (
        Filing(RequestType.INQUIRY, cast.project, cast.site, "Capacity in May"),
        any_installation.caller(cast.pm),
    )

    def file_and_fail() -> None:
        with any_installation.runtime.write() as tx:
            log_request(tx, filing, by=by)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        file_and_fail()
    with any_installation.runtime.db.write() as session:  # commits something else over the same connection
        session.execute(text("UPDATE site SET version = version"))
    assert any_installation.file().number == "INQ-2026-000001"


def test_connections_the_server_has_ended_are_replaced_unnoticed(postgres_installation: Installation) -> None:
    api = Api(postgres_installation)
    api.filed()
    with postgres_installation.runtime.db.engine.execution_options(
        isolation_level="AUTOCOMMIT"
    ).connect() as connection:
        others = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        with postgres_installation.runtime.db.engine.connect() as idle:
            idle.execute(text("SELECT 1"))
        assert connection.execute(text(f"{others} AND datname = current_database()")).scalars().all() == [True]
    api.filed()


async def _take_every_thread_of_the_framework() -> None:
    limiter = to_thread.current_default_thread_limiter()
    limiter.total_tokens = 1
    await limiter.acquire_on_behalf_of(object())


def test_pages_and_files_that_take_every_thread_keep_no_filing_and_no_act_waiting(api: Api) -> None:
    with api.pm as client:
        assert client.portal is not None
        client.portal.call(_take_every_thread_of_the_framework)
        assert client.post("/v1/requests", json=api.inquiry()).status_code == 201
        assert client.post(f"/v1/requests/{api.filed()['id']}/actions/follow_up", json={"text": "?"}).status_code == 200
