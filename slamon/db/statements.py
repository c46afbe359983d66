"""Statements that need thought: locks, and inserts that must happen once."""

from collections.abc import Collection, Sequence
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Delete, Select, Update, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from slamon.db.base import Base
from slamon.db.requests import CmoRequest, NumberCounter

_Row = TypeVar("_Row", bound=Base)


def connection_of(writer: Session | Connection) -> Connection:
    return writer.connection() if isinstance(writer, Session) else writer


def change_rows(session: Session, statement: Update | Delete) -> int:
    """Run an UPDATE or DELETE without looking for its rows among the session's objects; how many rows it changed."""
    done = session.execute(statement.execution_options(synchronize_session=False))
    return int(getattr(done, "rowcount", 0))


def insert_ignoring(
    writer: Session | Connection, table: type[Base], rows: Sequence[dict[str, Any]], key: Sequence[str]
) -> None:
    """Insert what is not there yet; a row that holds the same key stays as it is."""
    if rows:
        connection = connection_of(writer)
        # Many rows as parameters of one cached statement: spelled out as VALUES, compiling costs more than inserting.
        connection.execute(_insert_ignoring(connection.dialect.name, table, tuple(key)), list(rows))


def insert_if_new(session: Session, table: type[Base], row: dict[str, Any], key: Sequence[str]) -> bool:
    """Insert a row unless its key is taken; whether it was free. Waits for whoever takes the same key just now."""
    columns = tuple(key)
    statement = _insert_ignoring(_dialect(session), table, columns, returning=columns[0])
    return session.connection().execute(statement, row).first() is not None


def next_number(session: Session, request_type: str, year: int, count: int = 1) -> int:
    """The last of the next `count` numbers of a type and year; others filing the same wait here until the commit."""
    first = {"type": request_type, "year": year, "last": count}
    return int(session.connection().execute(_count_up(_dialect(session)), first).scalar_one())


def locked_request(session: Session, request_id: UUID, *which: ColumnElement[bool]) -> CmoRequest | None:
    """The request, locked; None where it is not there, or none of `which`."""
    return session.scalars(locking(select(CmoRequest).where(CmoRequest.id == request_id, *which))).one_or_none()


def held_by_id(session: Session, table: type[_Row], ids: Collection[UUID]) -> dict[UUID, _Row]:
    """Records by id, read once a session: these it keeps; of others it lets go when nobody holds them."""
    held: dict[UUID, _Row] = session.info.setdefault(table, {})
    missing = set(ids) - held.keys()
    if missing:
        key: Any = table.__table__.c.id
        held.update({row.id: row for row in session.scalars(select(table).where(key.in_(missing)))})  # type: ignore[attr-defined]
    return {each: held[each] for each in ids if each in held}


def locking(statement: Select[_Row]) -> Select[_Row]:
    """The statement, locking its rows and reading them anew; who only refers to them need not wait."""
    return statement.with_for_update(key_share=True).execution_options(populate_existing=True)


@cache
def _insert_ignoring(dialect: str, table: type[Base], key: tuple[str, ...], returning: str | None = None) -> Any:
    statement = _insert(dialect, table).on_conflict_do_nothing(index_elements=list(key))
    return statement if returning is None else statement.returning(getattr(table, returning))


@cache
def _count_up(dialect: str) -> Any:
    statement = _insert(dialect, NumberCounter)
    further = NumberCounter.last + statement.excluded.last
    counted = statement.on_conflict_do_update(index_elements=["type", "year"], set_={"last": further})
    return counted.returning(NumberCounter.last)


def _dialect(session: Session) -> str:
    return session.get_bind().dialect.name


def _insert(dialect: str, table: type[Base]) -> Any:
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)
