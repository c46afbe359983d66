"""Faults 16 to 18 and 40: PostgreSQL crashes and comes back, breaks off in a commit, refuses, is read for long."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import NullPool, create_engine, event, select, text
from starlette.testclient import TestClient

from slamon.app import create_app
from slamon.channels.registry import SHIPPED
from slamon.db import database
from slamon.db.claims import next_due
from slamon.db.database import Database
from slamon.db.requests import CmoRequest
from slamon.engine import heartbeat
from slamon.errors import Unavailable
from slamon.http.transaction import TRIES
from slamon.services.outbox.outbox import counts
from slamon.web.session import COOKIE
from tests.callers import Api
from tests.faults.alerts import at_rest, file_alerts
from tests.faults.installation import FaultyInstallation, open_town, town
from tests.faults.judge import judge, keys
from tests.faults.wire import Loss, Wire, wire_to
from tests.installation import CMO_CHANNEL, Installation, ManualClock, open_installation
from tests.pages import ADDRESS
from tests.scenarios.installation import ProcessInstallation, eventually, running_house
from tests.servers.postgres import create_database, find_binaries, running_postgres
from tests.servers.process import free_port
from tests.servers.slack_and_mail import closed_port

__all__ = ["town"]


@contextmanager
def filing(house: ProcessInstallation, clients: int = 4) -> Iterator[tuple[dict[str, str], set[int]]]:
    """File under load, and go on with the same key until it is answered with 2xx; what was filed, and every status."""
    filed: dict[str, str] = {}
    statuses: set[int] = set()
    stopping = threading.Event()
    cast = house.installation.cast
    body = {"type": "inquiry", "project_id": str(cast.project), "site_id": str(cast.site), "subject": "Load"}
    body |= {"detail": {"category": "schedule_capacity", "questions": ["Is week 20 free?"]}}
    key = house.installation.key(cast.pm)

    def file_on(client: int) -> None:
        with httpx.Client(base_url=house.base_url, timeout=20, headers={"Authorization": f"Bearer {key}"}) as caller:
            number, is_open = 0, False
            while is_open or not stopping.is_set():
                once, is_open = f"client-{client}-{number}", True
                with suppress(httpx.TransportError):  # nobody there, or gone without a word
                    answer = caller.post("/v1/requests", json=body, headers={"Idempotency-Key": once})
                    statuses.add(answer.status_code)
                    if answer.status_code == 201:
                        filed[once], number, is_open = answer.json()["number"], number + 1, False
                stopping.wait(0.05)

    threads = [threading.Thread(target=file_on, args=(client,)) for client in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield filed, statuses
    finally:
        stopping.set()
        for thread in threads:
            thread.join(30)


@pytest.mark.slow
def test_fault_16_postgresql_crashes_under_load_and_comes_back(
    service_directory: Path, tmp_path: Path, valkey_url: str
):
    binaries, port = find_binaries(), free_port()

    def started() -> Any:
        return running_postgres(service_directory, durable=True, binaries=binaries, port=port)

    with ExitStack() as stack:
        server = stack.enter_context(ExitStack())
        url = create_database(server.enter_context(started()), "house")
        processes = {"worker": ("dramatiq", "workers.main", "--processes", "1"), "ticker": ("slamon", "ticker")}
        settings = {"API_CALLS_PER_MINUTE": 100_000, "DIGEST_ABOVE": 10_000, "HAND_OVER_SECONDS": 2}
        house = stack.enter_context(running_house(tmp_path, url, valkey_url, processes=processes, **settings))
        with filing(house) as (filed, statuses):
            eventually(lambda: len(filed) > 20, within=30, what="load")
            postmaster = int((service_directory / "postgres" / "postmaster.pid").read_text().split()[0])
            os.kill(postmaster, signal.SIGQUIT)  # pg_ctl restart -m immediate
            eventually(lambda: 503 in statuses, within=30, what="an honest refusal")
            server.close()
            server.enter_context(started())
            before = len(filed)
            eventually(lambda: len(filed) > before + 20, within=30, what="filing again")
        assert statuses == {201, 503}
        eventually(lambda: at_rest(house), within=30, what="rest")
        judge(house, kills_in_send=1, filed=filed)


def test_fault_16_while_the_database_is_gone_api_and_pages_say_so_and_when_to_come_back(installation: Installation):
    away = replace(installation.runtime, db=Database(f"postgresql+psycopg://nobody@127.0.0.1:{closed_port()}/none"))
    app = create_app(away, with_workers=False)
    caller = TestClient(app, headers={"Authorization": "Bearer slk_any"})
    reader = TestClient(app, base_url=ADDRESS, cookies={COOKIE: "a-session"})
    for answer in (
        caller.get("/v1/requests"),
        caller.post("/v1/requests", json=Api(installation).inquiry()),
        reader.get("/requests"),
        reader.get("/r/a-link"),
        reader.post("/r/a-link/answer", data={"text": "Shipped this morning"}),
    ):
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert "Nothing was stored" in answer.text
    assert "Shipped this morning" in answer.text  # nobody has to type it again


@pytest.fixture
def postgres_town(postgres_installation: Installation, tmp_path: Path) -> Iterator[FaultyInstallation]:
    with open_town(tmp_path, postgres_installation) as found:
        yield found


@contextmanager
def over_a_wire(installation: Installation) -> Iterator[tuple[Wire, Installation]]:
    """The same installation, reaching its database over a wire."""
    with wire_to(installation.runtime.db.url.render_as_string(hide_password=False)) as (wire, url):
        far = replace(installation.runtime, db=Database(url))
        try:
            yield wire, Installation(far, installation.clock, installation.slack, installation.email, installation.cast)
        finally:
            far.close()


@pytest.mark.parametrize("loss", list(Loss))
def test_fault_17_the_connection_is_lost_during_commit_and_the_idempotency_key_settles_it(
    postgres_town: FaultyInstallation, loss: Loss
):
    once = {"Idempotency-Key": "order-1"}
    first = postgres_town.installation.file()
    with over_a_wire(postgres_town.installation) as (wire, installation):
        api = Api(installation)
        caller = api.pm
        wire.loses = loss
        unclear = caller.post("/v1/requests", json=api.inquiry(), headers=once)
        assert (unclear.status_code, unclear.headers["retry-after"]) == (503, "5")
        assert "may be stored or not" in unclear.json()["detail"]
        again = caller.post("/v1/requests", json=api.inquiry(), headers=once)
        assert again.status_code == 201
        assert ("idempotency-replayed" in again.headers) == (loss is Loss.ANSWER)
    assert again.json()["number"] == "INQ-2026-000002"
    judge(postgres_town, filed={"first": first.number, "order-1": again.json()["number"]})


@pytest.mark.parametrize("loss", list(Loss))
def test_fault_17_the_result_of_a_post_is_lost_during_its_commit_and_it_is_not_posted_again(
    postgres_installation: Installation, loss: Loss
):
    postgres_installation.file()
    postgres_installation.work()
    postgres_installation.clock.advance(hours=48, seconds=1)
    with over_a_wire(postgres_installation) as (wire, installation):
        installation.slack.meanwhile = lambda: setattr(wire, "loses", loss)
        installation.work()
        installation.slack.meanwhile = lambda: None
        heartbeat.beat(installation.runtime, "worker", 1)
        installation.clock.advance_real(seconds=10)
        installation.work()
    assert len(installation.slack.sent_to(CMO_CHANNEL)) == 1
    assert under_way(postgres_installation) == 0


def under_way(installation: Installation) -> int:
    with installation.runtime.db.read() as session:
        return sum(counts(session).values())


def trouble(installation: Installation, table: str, sqlstate: str, times: int) -> None:
    """Every insert into the table fails so, so many times; a sequence counts them, for it is never rolled back."""
    with installation.runtime.db.write() as session:
        for statement in (
            "CREATE SEQUENCE troubles",
            "CREATE FUNCTION trouble() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" IF nextval('troubles') <= {times} THEN RAISE EXCEPTION 'trouble' USING ERRCODE = '{sqlstate}'; END IF;"
            " RETURN NEW; END $$",
            f"CREATE TRIGGER trouble BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION trouble()",
        ):
            session.execute(text(statement))


def troubles(installation: Installation) -> int:
    with installation.runtime.db.read() as session:
        return session.execute(text("SELECT last_value FROM troubles")).scalar_one()


SERIALIZATION_FAILURE, DEADLOCK = "40001", "40P01"


def test_fault_18_what_was_rolled_back_for_others_is_done_again_and_the_caller_never_knows(
    postgres_town: FaultyInstallation,
):
    api = Api(postgres_town.installation)
    trouble(api.installation, "cmo_request", SERIALIZATION_FAILURE, TRIES - 1)
    answer = api.pm.post("/v1/requests", json=api.inquiry(), headers={"Idempotency-Key": "order-1"})
    assert answer.status_code == 201
    judge(postgres_town, filed={"order-1": answer.json()["number"]})


def test_fault_18_what_is_rolled_back_again_and_again_is_given_up_and_said(postgres_town: FaultyInstallation):
    api = Api(postgres_town.installation)
    trouble(api.installation, "cmo_request", DEADLOCK, 1000)
    answer = api.pm.post("/v1/requests", json=api.inquiry(), headers={"Idempotency-Key": "order-1"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "Nothing was stored" in answer.json()["detail"]
    assert troubles(api.installation) == TRIES
    judge(postgres_town, filed={})


def test_fault_18_of_two_that_wait_for_each_other_postgresql_undoes_one_and_both_get_what_they_want(
    postgres_town: FaultyInstallation,
):
    """The other side holds the counter of numbers and wants the idempotency key that the filing has taken."""
    api = Api(postgres_town.installation)
    caller, installation = api.pm, postgres_town.installation
    api.filed()
    answers: list[Any] = []
    with installation.runtime.db.engine.begin() as other:
        other.execute(text("SET LOCAL deadlock_timeout = '20s'"))  # so that the filing is the one undone
        other.execute(text("SELECT last FROM number_counter FOR UPDATE"))

        def file() -> None:
            once = {"Idempotency-Key": "order-1"}
            answers.append(caller.post("/v1/requests", json=api.inquiry(), headers=once))

        thread = threading.Thread(target=file)
        thread.start()
        eventually(lambda: waiting_for_a_lock(installation), within=30, what="the filing waits")
        other.execute(text("LOCK TABLE idempotency_key IN ACCESS EXCLUSIVE MODE"))
    thread.join(10)
    assert [answer.status_code for answer in answers] == [201]


def waiting_for_a_lock(installation: Installation) -> bool:
    with installation.runtime.db.read() as session:
        return bool(session.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")))


def test_fault_18_a_check_that_was_rolled_back_loses_no_claim(postgres_town: FaultyInstallation):
    alerts = postgres_town.fall_due(3)
    trouble(postgres_town.installation, "crossing", DEADLOCK, 1)
    with pytest.raises(Unavailable):
        postgres_town.installation.work()
    with (
        postgres_town.installation.runtime.db.read() as session
    ):  # the database's trouble is not held against the requests
        assert set(session.scalars(select(CmoRequest.failed_checks))) == {0}
    postgres_town.installation.clock.advance(seconds=9)
    postgres_town.installation.work()
    postgres_town.all_told(alerts)


def test_fault_18_a_lock_not_granted_in_time_is_a_refusal_and_not_a_defect(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(database, "BUSY_SECONDS", 1)  # nobody wants to wait for the real one in a test
    with open_installation(postgres_url) as installation:
        api = Api(installation)
        api.filed()
        with create_engine(postgres_url, poolclass=NullPool).begin() as other:
            other.execute(text("SELECT last FROM number_counter FOR UPDATE"))
            refused = api.pm.post("/v1/requests", json=api.inquiry())
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        assert api.pm.post("/v1/requests", json=api.inquiry()).status_code == 201


def pages_of_an_idle_pass(installation: Installation) -> int:
    """How many pages the loop's one look at the database touches."""
    engine, asked = installation.runtime.db.engine, list[tuple[str, Any]]()

    def note(_connection: Any, _cursor: Any, statement: str, given: Any, _context: Any, _many: bool) -> None:
        asked.append((statement, given))

    event.listen(engine, "before_cursor_execute", note)
    with installation.runtime.db.look_up() as connection:
        next_due(connection, SHIPPED.names)
    event.remove(engine, "before_cursor_execute", note)
    ((statement, given),) = asked
    with engine.begin() as connection:
        told = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", given).scalar_one()
    plan = told[0]["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_fault_40_a_backlog_is_worked_off_beside_a_long_reader_and_idle_passes_recover(
    postgres_server: str, tmp_path: Path
):
    url = create_database(postgres_server, f"reader_{os.getpid()}")
    long_reader = create_engine(url, poolclass=NullPool, isolation_level="REPEATABLE READ")
    with (
        open_installation(url, ManualClock(), digest_above=10_000) as installation,
        open_town(tmp_path, installation) as town,
        long_reader.connect() as reader,
    ):
        alerts = file_alerts(town, 300, in_seconds=60)
        at_first = pages_of_an_idle_pass(installation)
        reader.execute(text("SELECT count(*) FROM notification"))
        installation.clock.advance(seconds=62)
        while not at_rest(town):
            installation.work()
        assert {key for alert in alerts for key in (alert.slack, alert.email)} <= set(keys(town))
        assert pages_of_an_idle_pass(installation) > at_first  # what the reader might still see lies in the way
        reader.rollback()
        eventually(lambda: pages_of_an_idle_pass(installation) <= at_first + 20, within=150, what="recovery")
        judge(town)
