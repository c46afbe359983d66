"""What a list, a filter or a report costs does not follow what is stored.

Every statement that a page, list, preview or export sends is planned again as if there were a hundred times as many
requests. PostgreSQL is told so by the statistics of its tables, and its own estimate of the cost must not double;
values that a filter looks for are not among those it knows, which is the worst case. SQLite, which slamon never gives
statistics, plans alike at any size: there no table of requests may be walked through or sorted, and a filter must be
looked up in an index.
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from bench.seed import seed_open_requests
from slamon.db import paging
from slamon.db.jobs import Job, JobKind
from slamon.db.outbox import Notification
from slamon.db.parties import AuditedCmo, AuditedProject
from slamon.domain.catalogue import STANDARD
from slamon.domain.lifecycle import RequestType, State
from slamon.domain.priority import Priority
from slamon.engine import health, heartbeat
from slamon.services.access import jobs
from slamon.services.access.callers import Caller
from slamon.services.access.visibility import sees
from slamon.services.deadlines import previews
from slamon.services.directory.bootstrap import default_policies
from slamon.services.outbox import outbox
from slamon.services.policies.policies import PolicyLine
from slamon.services.reports import outstanding_items, what_if
from slamon.services.requests import queries
from slamon.services.requests.queries import Order, RequestFilter
from slamon.services.requests.worklist import Holder, worklist
from slamon.services.transaction import Tx
from tests.installation import Installation, open_installation

STORED = 300
SMALL, LARGE = 10_000, 1_000_000
GROWING = ("cmo_request", "fact", "clock", "crossing", "notification", "attempt", "form_link", "audit_entry")
ABSENT = UUID("01980a4e-8f6b-7c3d-9a51-2f1c7d9e0a77")

# A list of all requests of some kind, made to look one up in it.
EVERY_REQUEST = re.compile(r"IN \(SELECT cmo_request\.id\s+FROM cmo_request\s+WHERE (?![^()]*\bLIMIT\b)")

FILTERS = {
    "state": State.ACKNOWLEDGED,
    "type": RequestType.SHIPMENT,
    "cmo_id": ABSENT,
    "site_id": ABSENT,
    "project_id": ABSENT,
    "priority": Priority.CRITICAL,
}


@dataclass(frozen=True)
class Reading:
    """One reader of an installation full of open requests."""

    installation: Installation
    tx: Tx
    by: Caller

    @property
    def session(self) -> Session:
        return self.tx.session

    @property
    def now(self) -> Any:
        return self.installation.clock.now()

    def page(self, **wanted: Any) -> queries.Page:
        return queries.list_requests(self.tx, RequestFilter(**wanted), by=self.by)


def pages(reading: Reading) -> None:
    for order in Order:
        first = reading.page(order=order)
        assert len(first.rows) in (0, 50)
        reading.page(order=order, cursor=first.next_cursor)
        reading.page(order=order, open_only=True, cursor=first.next_cursor)
    reading.page(cmos_turn_only=True, open_only=True)
    reading.page(overdue=True)


def filtered(name: str, order: Order) -> Callable[[Reading], None]:
    def read(reading: Reading) -> None:
        assert reading.page(order=order, **{name: FILTERS[name]}).rows == []

    return read


def board_sections(reading: Reading) -> None:
    for holder in Holder:
        worklist(reading.tx, holder, RequestFilter(), by=reading.by)


def one_request(reading: Reading) -> None:
    [row] = reading.page(limit=1).rows
    whole = queries.request_detail(reading.tx, row.request.id, by=reading.by)
    queries.linked_requests(reading.session, whole.row.request, reading.by)


def status(reading: Reading) -> None:
    session, seen = reading.session, sees(reading.by, Notification)
    outbox.counts(session)
    outbox.failed(session)
    paging.failed_messages(session, only=seen)
    health.look(session, reading.installation.runtime)


def register(reading: Reading) -> None:
    for cmo_id in (None, ABSENT):
        wanted = outstanding_items.OutstandingFilter(cmo_id)
        assert not outstanding_items.outstanding_items(reading.tx, wanted, by=reading.by).items
        assert not outstanding_items.is_long(reading.tx, wanted, by=reading.by)


def preview(kind: JobKind) -> Callable[[Reading], None]:
    def read(reading: Reading) -> None:
        session, by = reading.session, reading.by
        [calendar, policy] = (
            session.execute(text(f"SELECT id FROM {table} LIMIT 1")).scalar_one() for table in ("calendar", "policy")
        )
        of = {JobKind.PREVIEW_CALENDAR: calendar, JobKind.PREVIEW_POLICY: policy}
        record = of[kind] if isinstance(of[kind], UUID) else UUID(of[kind])
        page = previews.preview(reading.tx, kind, record, by=by)
        assert page.last is not None
        previews.preview(reading.tx, kind, record, by=by, cursor=paging.cursor_after(page.last))
        job = Job(id=ABSENT, kind=kind.value, subject_id=record, asked_by=by.id, question={}, found={}, line_count=0)
        previews.step(reading.tx, job, by)

    return read


def what_would_have_been(reading: Reading) -> None:
    now = reading.now
    question = what_if.Question(
        PolicyLine(id=ABSENT, version=1, **default_policies(STANDARD.clocks)[0]), now - timedelta(days=400), now
    )
    assert what_if.is_long(reading.session, question, by=reading.by)
    found = {"answer": what_if.WhatIf().to_json(), "after": [(now - timedelta(days=300)).isoformat(), str(ABSENT)]}
    job = Job(id=ABSENT, kind="what_if", question=question.to_json(), found=found)
    what_if.step(reading.tx, job, reading.by)


def own_jobs(reading: Reading) -> None:
    jobs.latest(reading.session, JobKind.PREVIEW_SHUTDOWN, ABSENT, by=reading.by)
    jobs.page_of(reading.session, ABSENT, after=0, most=50)


READINGS: dict[str, Callable[[Reading], None]] = {
    "pages": pages,
    **{f"{order} by absent {name}": filtered(name, order) for order in Order for name in FILTERS},
    "sections of the board": board_sections,
    "one request": one_request,
    "status": status,
    "what is owed": register,
    "preview of a policy": preview(JobKind.PREVIEW_POLICY),
    "preview of a calendar": preview(JobKind.PREVIEW_CALENDAR),
    "what-if": what_would_have_been,
    "own jobs": own_jobs,
}


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def full(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path_factory.mktemp('plans')}/w.db" if sqlite else request.getfixturevalue("postgres_url")
    with open_installation(url) as installation:
        fill(installation)
        yield installation


def fill(installation: Installation) -> None:
    seed_open_requests(installation, STORED)
    if not installation.runtime.db.is_sqlite:
        with installation.runtime.db.engine.begin() as connection:
            connection.exec_driver_sql("ANALYZE")


@pytest.mark.parametrize("name", READINGS)
def test_reading_costs_no_more_among_a_million_requests(full: Installation, name: str):
    for sql, given in statements(full, name, full.caller(full.cast.lead)):
        judge(full, sql, given)
        column = name.partition(" by absent ")[2]
        if column and full.runtime.db.is_sqlite and f"cmo_request.{column} = ?" in sql:
            assert f"({column}=?" in "\n".join(sqlite_plan(full, sql, given)), sql


@pytest.mark.parametrize("name", [name for name in READINGS if name == "pages" or "absent" in name])
def test_a_contact_reads_as_cheaply(full: Installation, name: str):
    for sql, given in statements(full, name, full.caller(full.cast.contact)):
        judge(full, sql, given)


@pytest.mark.parametrize("name", ["pages", "sections of the board"])
def test_an_auditor_whose_scope_holds_nothing_reads_as_cheaply(any_installation: Installation, name: str):
    fill(any_installation)
    cast = any_installation.cast
    with any_installation.runtime.db.write() as session:
        session.add(AuditedCmo(person_id=cast.auditor, organization_id=cast.other_cmo))
        session.add(AuditedProject(person_id=cast.auditor, project_id=cast.other_project))
    for sql, given in statements(any_installation, name, any_installation.caller(cast.auditor)):
        judge(any_installation, sql, given)
        assert "FROM cmo_request" not in sql or re.search(r"cmo_request\.(cmo_id|project_id) = ", sql), sql


def test_folding_messages_and_sweeping_cost_no_more_among_a_million_requests(any_installation: Installation):
    """What else the cycle sends is looked at in `test_plans`."""
    fill(any_installation)
    sent: list[tuple[str, Any]] = []
    with recorded(any_installation, sent):
        any_installation.clock.advance(days=400)
        any_installation.work()  # many steps at once for one reader
        heartbeat.beat(any_installation.runtime, "embedded", 0)  # which sweeps
    folding = [each for each in sent if each[0].startswith("UPDATE notification SET state=") and "digest_id" in each[0]]
    sweeping = [each for each in sent if each[0].startswith("DELETE")]
    assert folding
    assert sweeping
    for sql, given in folding[:1] + sweeping:
        judge(any_installation, sql, given)


def judge(installation: Installation, sql: str, given: Any) -> None:
    if not installation.runtime.db.is_sqlite:
        (small, _), (large, plan) = (cost(installation, sql, given, count) for count in (SMALL, LARGE))
        assert large <= 2 * small + 10, f"{small} -> {large}\n{sql}\n{plan}"
        return
    lines, ends_early = sqlite_plan(installation, sql, given), "LIMIT" in sql
    told = "\n".join([sql, *lines])
    assert not EVERY_REQUEST.search(sql), told
    for line in lines:
        assert line != "USE TEMP B-TREE FOR ORDER BY" or not ends_early, told
        if line.startswith(tuple(f"SCAN {table}" for table in GROWING)):
            assert "USING" in line, told
            assert ends_early or line.rpartition(" ")[2] in partial_indexes(installation), told


def partial_indexes(installation: Installation) -> set[str]:
    """Those over a few rows of a table: reading one from end to end is no walk."""
    with installation.runtime.db.engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'index' AND sql LIKE '%WHERE%'")
        return set(found.scalars())


def statements(installation: Installation, name: str, by: Caller) -> list[tuple[str, Any]]:
    sent: list[tuple[str, Any]] = []
    with recorded(installation, sent), installation.runtime.read() as tx:
        READINGS[name](Reading(installation, tx, by))
    return [(sql, given) for sql, given in sent if sql.startswith("SELECT")]


@contextmanager
def recorded(installation: Installation, sent: list[tuple[str, Any]]) -> Iterator[None]:
    """Note what is sent to the database while the block runs."""

    def note(_connection: Any, _cursor: Any, sql: str, given: Any, _context: Any, _many: bool) -> None:
        sent.append((sql, given))

    event.listen(installation.runtime.db.engine, "before_cursor_execute", note)
    yield
    event.remove(installation.runtime.db.engine, "before_cursor_execute", note)


# Of what grows with the table, as keys do, no value stays common: those counted among the few rows are forgotten.
# Locked first: autovacuum writes there too, row by row.
RARE = """
    LOCK TABLE pg_statistic IN SHARE ROW EXCLUSIVE MODE;
    UPDATE pg_statistic SET stakind1 = 0, stakind2 = 0 WHERE stadistinct < 0
"""


def cost(installation: Installation, sql: str, given: Any, count: int) -> tuple[float, str]:
    """What PostgreSQL expects it to cost with so many requests on file, and how it would do it."""
    names = ", ".join(f"'{table}'" for table in GROWING)
    grown = f"""
        UPDATE pg_class SET reltuples = reltuples * {count // STORED} WHERE oid IN (
            SELECT oid FROM pg_class WHERE relname IN ({names})
            UNION SELECT indexrelid FROM pg_index JOIN pg_class ON pg_class.oid = indrelid WHERE relname IN ({names})
        )
    """
    with installation.runtime.db.engine.connect() as connection:
        connection.exec_driver_sql(grown)
        connection.exec_driver_sql(RARE)
        plan = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {sql}", given).scalar_one()
        connection.rollback()
    return plan[0]["Plan"]["Total Cost"], json.dumps(plan, indent=1)


def sqlite_plan(installation: Installation, sql: str, given: Any) -> list[str]:
    with installation.runtime.db.engine.connect() as connection:
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", given).all()
    return [str(row[-1]) for row in rows]
