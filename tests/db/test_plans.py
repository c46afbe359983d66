"""Work follows what is due, not what is stored: the statements of the cycle and the list read through indexes."""

from typing import Any

import pytest
from sqlalchemy import event

from bench.seed import seed_open_requests
from slamon.channels.registry import SHIPPED
from slamon.db import claims, sending
from slamon.db.outbox import Process
from slamon.engine.watchdog import Watchdog
from slamon.services.outbox import outbox
from slamon.services.requests.queries import Order, RequestFilter, list_requests
from slamon.services.requests.worklist import Holder, worklist
from tests.installation import Installation

STORED = 300


@pytest.fixture
def full(any_installation: Installation) -> Installation:
    seed_open_requests(any_installation, STORED)
    any_installation.clock.advance(seconds=20)
    return any_installation


def hand_out(installation: Installation, tx: Any) -> None:
    session = tx.session
    now = installation.clock.now()
    claims.lease_requests(session, now=now, again_at=now, most=100)
    for channel in SHIPPED.names:
        claims.lease_notifications(session, channel, real_now=now, again_at=now, most=100)
    claims.next_due(session.connection(), SHIPPED.names)
    sending.senders(session)
    outbox.counts(session)
    outbox.failed(session)


def list_first_and_later_page(installation: Installation, tx: Any) -> None:
    reader = installation.caller(installation.cast.lead)
    for order in Order:
        first = list_requests(tx, RequestFilter(order=order), by=reader)
        assert len(first.rows) == 50
        list_requests(tx, RequestFilter(order=order, cursor=first.next_cursor), by=reader)
    for holder in Holder:
        worklist(tx, holder, RequestFilter(), by=reader)


def look_after(installation: Installation, tx: Any) -> None:
    session = tx.session
    at = installation.clock.real_now()
    beat = {"kind": "worker", "host": "here", "release": "1", "started_at": at, "beat_at": at, "beats": 1, "state": {}}
    session.add(
        Process(id=installation.runtime.process_id, **beat)
    )  # while one sends, addresses told of late are looked up
    auditor = Watchdog(installation.runtime)
    auditor.compare(session)
    installation.clock.advance(days=500)  # all are past their target
    auditor.compare(session)


@pytest.mark.parametrize("work", [hand_out, list_first_and_later_page, look_after])
def test_no_statement_walks_through_all_that_is_stored(full: Installation, work: Any):
    seen: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, sql: str, given: Any, _context: Any, _many: bool) -> None:
        seen.append((sql, given))

    event.listen(full.runtime.db.engine, "before_cursor_execute", note)
    with full.runtime.write() as tx:
        work(full, tx)
    asked = [(sql, given) for sql, given in seen if sql.lstrip().startswith(("SELECT", "UPDATE", "WITH"))]
    assert asked
    for sql, given in asked:
        plan = explain(full, sql, given)
        for table in ("cmo_request", "notification", "fact", "clock"):
            assert f"Seq Scan on {table}" not in plan, f"{sql}\n{plan}"
            walks = [line for line in plan.splitlines() if line.startswith(f"SCAN {table}") and "USING" not in line]
            assert not walks, f"{sql}\n{plan}"


def explain(installation: Installation, sql: str, given: Any) -> str:
    prefix = "EXPLAIN QUERY PLAN" if installation.runtime.db.is_sqlite else "EXPLAIN"
    with installation.runtime.db.engine.connect() as connection:
        if not installation.runtime.db.is_sqlite:  # over so few rows: a sequential scan only where no index can serve
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        rows = connection.exec_driver_sql(f"{prefix} {sql}", given).all()
        connection.rollback()
    return "\n".join(str(row[-1]) for row in rows)
