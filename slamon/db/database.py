"""Opens the database: one way to write and one to read, the same on SQLite and PostgreSQL."""

import os
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from select import POLLIN, poll
from threading import Lock
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import DBAPIError, DisconnectionError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session
from sqlalchemy.pool import QueuePool

from slamon.errors import RolledBack, Unavailable

if TYPE_CHECKING:  # a process on SQLite never loads psycopg and its 9 MB
    from psycopg import Connection as PostgresConnection

BUSY_SECONDS = 10  # a writer waits so long for the others
_COUNTED, _NOTED = "counted", "noted"
_STORED, _STORED_NOW = "stored for good", "stored by this transaction"
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
Noted = tuple[str, dict[str, object]]


class Database:
    """Hands out sessions. The edge that opens one commits it: leaving the block commits, an error rolls back.

    `counted` is what its transactions have counted since this process began.
    """

    def __init__(self, url: str | URL, *, connections: int = 20) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        engine = _sqlite_engine if self.is_sqlite else _postgres_engine
        self.engine = engine(self.url, connections)
        event.listen(self.engine, "commit", _keep_stored)
        for undone in ("rollback", "rollback_savepoint"):
            event.listen(self.engine, undone, _forget_stored)
        # What is read together belongs to one instant.
        snapshot = {} if self.is_sqlite else {"isolation_level": "REPEATABLE READ"}
        single = {} if self.is_sqlite else {"isolation_level": "AUTOCOMMIT"}
        self.counted: Counter[str] = Counter()
        self._counting, self._writing = Lock(), Lock()
        self._writer: Connection | None = None  # on SQLite
        self._reading = self.engine.execution_options(slamon_begin="BEGIN", **snapshot)
        self._single = self.engine.execution_options(slamon_begin=None, **single)

    @contextmanager
    def write(self) -> Iterator[Session]:
        done: Counter[str] = Counter()
        noted: list[Noted] = []
        with self._turn() as bind, _kind_errors(lost=_UNCONFIRMED):
            opened = Session(bind, expire_on_commit=False, info={_COUNTED: done, _NOTED: noted})
            with opened as session, session.begin(), _kind_errors():
                yield session
                session.flush()
        if done:
            with self._counting:
                self.counted.update(done)
        _log(noted)

    @contextmanager
    def write_bare(self, over: Connection | None = None) -> Iterator[Connection]:
        """For what is written once a message or a filing, below the ORM's session.

        On PostgreSQL a single statement, which commits by itself, over the connection given, if any; on SQLite an
        ordinary transaction on the writers' connection, which may be several statements.
        """
        noted: list[Noted] = []
        with ExitStack() as stack:
            bind = stack.enter_context(self._turn())
            stack.enter_context(_kind_errors(lost=_UNCONFIRMED))
            own = bind if isinstance(bind, Connection) else None
            connection = own or over or stack.enter_context(self._single.connect())
            connection.info[_NOTED] = noted
            yield connection
            connection.commit()
        _log(noted)

    def tally(self, what: str) -> None:
        """Count what was committed, for the metrics; as `count` does at the end of a transaction."""
        with self._counting:
            self.counted[what] += 1

    @contextmanager
    def _turn(self) -> Iterator[Engine | Connection]:
        """What to write with. SQLite allows one writer and lets the others poll with growing sleeps: they queue here.

        They share one connection, because a commit through another would empty its page cache.
        """
        if not self.is_sqlite:
            yield self.engine
        elif self._writing.acquire(timeout=BUSY_SECONDS):
            try:
                with _kind_errors():
                    self._writer = self._writer or self.engine.connect()
                yield self._writer
            finally:
                try:
                    self._drop_unclean_writer()
                finally:
                    self._writing.release()
        else:
            raise Unavailable("The database is busy. Nothing was stored; please try again.")

    def _drop_unclean_writer(self) -> None:
        """Close the writers' connection if it was lost or still has a transaction open; the next one opens it."""
        writer = self._writer
        if writer is not None and (writer.get_transaction() is not None or writer.invalidated):
            self._writer = None
            writer.close()

    @contextmanager
    def read(self) -> Iterator[Session]:
        with _kind_errors(), Session(self._reading, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def look_up(self) -> Iterator[Connection]:
        """For single reading statements: each has its own snapshot, without the round trips of a transaction."""
        with _kind_errors(), self._single.connect() as connection:
            yield connection

    def now(self) -> datetime | None:
        """The database server's clock; None on SQLite, which has none of its own."""
        if self.is_sqlite:
            return None
        with self.read() as session:
            moment: datetime = session.execute(text("SELECT clock_timestamp()")).scalar_one()
            return moment.astimezone(UTC)

    def close(self) -> None:
        with self._writing:
            if self._writer is not None:
                self._writer.close()
                self._writer = None
        self.engine.dispose()


def count(session: Session, what: str) -> None:
    """Count what this transaction did, for the metrics; it counts once the transaction is committed.

    `what` is made of words between dots: the metric, then its labels.
    """
    session.info[_COUNTED][what] += 1


def note_stored(connection: Connection, what: str) -> None:
    """Note that this transaction stores a row for good, so that the next one need not try; see `has_stored`."""
    connection.info.setdefault(_STORED_NOW, set()).add(what)


def has_stored(connection: Connection, what: str) -> bool:
    """Whether a transaction over this connection to the database has stored `what` and committed it."""
    return what in connection.info.get(_STORED, ())


def _keep_stored(connection: Connection) -> None:
    connection.info.setdefault(_STORED, set()).update(connection.info.pop(_STORED_NOW, ()))


def _forget_stored(connection: Connection, *_: object) -> None:
    if not connection.invalidated:  # one that is has forgotten everything
        connection.info.pop(_STORED_NOW, None)


def note(writer: Session | Connection, event_name: str, **facts: object) -> None:
    """A line for the log, written once the transaction is committed. Never a name, a text, a product or a token."""
    writer.info[_NOTED].append((event_name, facts))


def _log(noted: list[Noted]) -> None:
    for event_name, facts in noted:
        log.info(event_name, **facts)


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
        if _is_passing(error):
            raise Unavailable(_NOT_STORED) from error
        raise


def _is_passing(error: DBAPIError) -> bool:
    if isinstance(error.orig, sqlite3.Error):
        code = getattr(error.orig, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        return code & 0xFF in _PASSING_CODES  # the higher bits say more
    state: str | None = getattr(error.orig, "sqlstate", None)
    if state is None:
        return isinstance(error, OperationalError)  # no server was reached
    return state.startswith(_PASSING_STATES)


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
    def _refuse_ended(connection: "PostgresConnection", _record: Any, _proxy: Any) -> None:
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
        begin = connection.get_execution_options().get("slamon_begin", "BEGIN IMMEDIATE")
        if begin is not None:
            connection.exec_driver_sql(begin)

    return engine
