"""Opens the database: one way to write and one to read, the same on SQLite and PostgreSQL."""

import os
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from select import POLLIN, poll
from threading import Lock
from typing import Any

import structlog
from psycopg import Connection as PostgresConnection
from psycopg import Error as PostgresError
from psycopg import OperationalError as PostgresOperationalError
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session
from sqlalchemy.pool import QueuePool

from slamon.errors import RolledBack, Unavailable

BUSY_SECONDS = 10  # a writer waits so long for the others
_COUNTED, _NOTED = "counted", "noted"
_NOT_STORED = "The database is away, busy or full. Nothing was stored; please try again."
_UNCONFIRMED = "The database did not confirm this: it may be stored or not. Please look before you send it again."

# Troubles that pass, by SQLSTATE or how it begins: no connection, a standby, a transaction that stood still too long,
# rolled back for others, no room, a lock not granted in time, an operator, a disk.
_PASSING_STATES = ("08", "25006", "25P03", "40", "53", "55P03", "57", "58030")
_UNDONE_STATES = ("40001", "40P01")  # serialization failure, deadlock
_PASSING_CODES = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
    }
)

log = structlog.get_logger()


class Database:
    """Hands out sessions. The edge that opens one commits it: leaving the block commits, an error rolls back.

    `counted` is what its transactions have counted since this process began.
    """

    def __init__(self, url: str | URL, *, connections: int = 20) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        engine = _sqlite_engine if self.is_sqlite else _postgres_engine
        self.engine = engine(self.url, connections)
        # What is read together belongs to one instant.
        snapshot = {} if self.is_sqlite else {"isolation_level": "REPEATABLE READ"}
        single = {} if self.is_sqlite else {"isolation_level": "AUTOCOMMIT"}
        self.counted: Counter[str] = Counter()
        self._counting, self._writing = Lock(), Lock()
        self._reading = self.engine.execution_options(slamon_reads=True, **snapshot)
        self._looking_up = self.engine.execution_options(slamon_reads=True, **single)
        self._writing_bare = self.engine.begin if self.is_sqlite else self.engine.execution_options(**single).connect

    @contextmanager
    def write(self) -> Iterator[Session]:
        done: Counter[str] = Counter()
        noted: list[tuple[str, dict[str, object]]] = []
        opened = Session(self.engine, expire_on_commit=False, info={_COUNTED: done, _NOTED: noted})
        with self._turn(), _kind_errors(lost=_UNCONFIRMED), opened as session, session.begin(), _kind_errors():
            yield session
            session.flush()
        if done:
            with self._counting:
                self.counted.update(done)
        for event_name, facts in noted:
            log.info(event_name, **facts)

    @contextmanager
    def write_below_orm(self) -> Iterator[Connection]:
        """For a write that runs once a message: no session, and on PostgreSQL no transaction around its one statement.

        On SQLite the statements of the block are one transaction.
        """
        with self._turn(), _kind_errors(lost=_UNCONFIRMED), self._writing_bare() as connection, _kind_errors():
            yield connection

    def tally(self, what: str) -> None:
        """Count what was committed, for the metrics; as `count` does at the end of a transaction."""
        with self._counting:
            self.counted[what] += 1

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """SQLite has one writer, and lets the others sleep ever longer between tries: in one process they queue."""
        if not self.is_sqlite:
            yield
        elif self._writing.acquire(timeout=BUSY_SECONDS):
            try:
                yield
            finally:
                self._writing.release()
        else:
            raise Unavailable("The database is busy. Nothing was stored; please try again.")

    @contextmanager
    def read(self) -> Iterator[Session]:
        with _kind_errors(), Session(self._reading, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def look_up(self) -> Iterator[Connection]:
        """For one statement that reads: it sees one instant by itself, without a transaction's round trips."""
        with _kind_errors(), self._looking_up.connect() as connection:
            yield connection

    def now(self) -> datetime | None:
        """The database server's clock; None on SQLite, which has none of its own."""
        if self.is_sqlite:
            return None
        with self.read() as session:
            moment: datetime = session.execute(text("SELECT clock_timestamp()")).scalar_one()
            return moment.astimezone(UTC)

    def close(self) -> None:
        self.engine.dispose()


def count(session: Session, what: str) -> None:
    """Count what this transaction did, for the metrics; it counts once the transaction is committed.

    `what` is made of words between dots: the metric, then its labels.
    """
    session.info[_COUNTED][what] += 1


def note(session: Session, event_name: str, **facts: object) -> None:
    """A line for the log, written once the transaction is committed. Never a name, a text, a product or a token."""
    session.info[_NOTED].append((event_name, facts))


@contextmanager
def _kind_errors(lost: str = _NOT_STORED) -> Iterator[None]:
    """A database that is away, locked or full becomes Unavailable; anything else is a defect and stays itself.

    `lost` is what to say where the connection was lost.
    """
    try:
        yield
    except PoolTimeout as error:
        raise Unavailable("All database connections are in use. Nothing was stored; please try again.") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise Unavailable(lost) from error
        if getattr(error.orig, "sqlstate", None) in _UNDONE_STATES:
            raise RolledBack(_NOT_STORED) from error
        if _is_passing(error.orig):
            raise Unavailable(_NOT_STORED) from error
        raise


def _is_passing(error: BaseException | None) -> bool:
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        return code & 0xFF in _PASSING_CODES  # the higher bits say more
    if not isinstance(error, PostgresError):
        return False
    if error.sqlstate is None:
        return isinstance(error, PostgresOperationalError)  # no server was reached
    return error.sqlstate.startswith(_PASSING_STATES)


def _postgres_engine(url: URL, connections: int) -> Engine:
    engine = create_engine(
        url,
        hide_parameters=True,  # what people wrote must not reach a log through an error's text
        pool_size=connections,
        max_overflow=0,
        pool_timeout=10,
        connect_args={
            "connect_timeout": 5,
            "keepalives_idle": 30,  # a connection that something on the way forgot ends here
            "keepalives_interval": 10,
            # A process that stands still in a transaction keeps what it has locked no longer than others wait for it.
            "options": f"-c lock_timeout={BUSY_SECONDS}s -c idle_in_transaction_session_timeout={BUSY_SECONDS}s "
            "-c timezone=UTC",
        },
    )

    @event.listens_for(engine, "checkout")
    def _refuse_ended(connection: PostgresConnection, _record: Any, _proxy: Any) -> None:
        # An idle connection has nothing to read but its end. A ping would tell the same for one more round trip.
        socket = poll()
        socket.register(connection.fileno(), POLLIN)
        if socket.poll(0):
            raise DisconnectionError  # the pool opens another

    return engine


def _keep_private(path: str) -> None:
    """Make the file readable by its owner alone; SQLite gives the same mode to the files beside it."""
    opened = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if os.fstat(opened).st_uid == os.geteuid():
            os.fchmod(opened, 0o600)
    finally:
        os.close(opened)


def _sqlite_engine(url: URL, connections: int) -> Engine:
    path = url.database
    if path and path != ":memory:":
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        _keep_private(path)
    engine = create_engine(
        url, hide_parameters=True, poolclass=QueuePool, pool_size=connections, max_overflow=0, pool_timeout=10
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            f"busy_timeout={BUSY_SECONDS * 1000}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # IMMEDIATE: a read-modify-write under SQLite's default loses updates to whoever writes in between.
        reads = connection.get_execution_options().get("slamon_reads", False)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    return engine
