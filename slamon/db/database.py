"""Opens the database: one way to write and one to read, the same on SQLite and PostgreSQL."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from select import POLLIN, poll
from sqlite3 import Connection as SqliteConnection
from threading import Lock
from typing import Any

import structlog
from psycopg import Connection as PostgresConnection
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session
from sqlalchemy.pool import QueuePool

from slamon.errors import Unavailable

BUSY_SECONDS = 10  # a writer waits so long for the others
_COUNTED, _NOTED = "counted", "noted"

log = structlog.get_logger()


class Database:
    """Hands out sessions. The edge that opens one commits it: leaving the block commits, an error rolls back.

    `counted` is what its transactions have counted since this process began.
    """

    def __init__(self, url: str, *, connections: int = 20) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = _sqlite_engine(url, connections) if self.is_sqlite else _postgres_engine(url, connections)
        # What is read together belongs to one instant.
        snapshot = {} if self.is_sqlite else {"isolation_level": "REPEATABLE READ"}
        single = {} if self.is_sqlite else {"isolation_level": "AUTOCOMMIT"}
        self.counted: Counter[str] = Counter()
        self._counting, self._writing = Lock(), Lock()
        self._reading = self.engine.execution_options(slamon_reads=True, **snapshot)
        self._looking_up = self.engine.execution_options(slamon_reads=True, **single)

    @contextmanager
    def write(self) -> Iterator[Session]:
        done: Counter[str] = Counter()
        noted: list[tuple[str, dict[str, object]]] = []
        opened = Session(self.engine, expire_on_commit=False, info={_COUNTED: done, _NOTED: noted})
        with self._turn(), _kind_errors(), opened as session, session.begin():
            yield session
        if done:
            with self._counting:
                self.counted.update(done)
        for event_name, facts in noted:
            log.info(event_name, **facts)

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
    def look_up(self) -> Iterator[Session]:
        """For one statement that reads: it sees one instant by itself, without a transaction's round trips."""
        with _kind_errors(), Session(self._looking_up, expire_on_commit=False) as session, session.begin():
            yield session

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
def _kind_errors() -> Iterator[None]:
    """A database that is away, locked or full becomes Unavailable; anything else is a defect and stays itself."""
    try:
        yield
    except PoolTimeout as error:
        raise Unavailable("All database connections are in use. Nothing was stored; please try again.") from error
    except DBAPIError as error:
        if error.connection_invalidated or _is_passing(error):
            raise Unavailable("The database does not answer. Nothing was stored; please try again.") from error
        raise


def _is_passing(error: DBAPIError) -> bool:
    words = str(error.orig).lower()
    passing = (
        "locked",
        "lock timeout",
        "deadlock detected",
        "disk is full",
        "disk i/o",
        "connection",
        "starting up",
        "shutting down",
        "no space left",
    )
    return any(word in words for word in passing) and error.__class__.__name__ == "OperationalError"


def _postgres_engine(url: str, connections: int) -> Engine:
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
            "options": f"-c lock_timeout={BUSY_SECONDS}s -c timezone=UTC",
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


def _sqlite_engine(url: str, connections: int) -> Engine:
    path = make_url(url).database
    if path and path != ":memory:":
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        url, hide_parameters=True, poolclass=QueuePool, pool_size=connections, max_overflow=0, pool_timeout=10
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: SqliteConnection, _record: Any) -> None:
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
