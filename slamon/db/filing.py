"""Storing a filed request: number, request, first fact, clocks, notice and the answer kept for its idempotency key.

One function in two forms: a single statement on PostgreSQL, where round trips dominate, and one statement a table on
SQLite, which runs in the process. Both bypass the ORM; the SQL text is built once.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache, lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Dialect

from slamon.db.access import IdempotencyKey
from slamon.db.base import Base
from slamon.db.outbox import Notification
from slamon.db.requests import ClockRow, CmoRequest, FactRow

Columns = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FiledRows:
    """The rows of one request, complete except for the number, which the database assigns.

    The number is `prefix` and at least six digits. The notice's `dedupe_key` holds only the part after the number.
    """

    prefix: str
    year: int
    request: Columns
    fact: Columns
    clocks: Sequence[Columns]
    notice: Columns


@dataclass(frozen=True, slots=True)
class AnswerToKeep:
    """A row of `idempotency_key`, whose body is `before`, the number and `after`."""

    row: Columns
    before: str
    after: str


def store_filing(connection: Connection, rows: FiledRows, answer: AnswerToKeep | None = None) -> str | None:
    """Store a request and return its number. Other filings of the same type block until this transaction ends.

    With `answer`, returns None if its key is taken: then nothing is stored and no number is used. PostgreSQL also
    returns None for the first request of a type in a year, which has no counter row yet; store it without `answer`.
    """
    store = _store_on_sqlite if connection.dialect.name == "sqlite" else _store_on_postgres
    return store(connection, rows, answer)


def _store_on_sqlite(connection: Connection, rows: FiledRows, answer: AnswerToKeep | None) -> str | None:
    run = connection.exec_driver_sql
    if answer is not None and run(_IS_TAKEN, (answer.row["caller"], answer.row["key"])).first() is not None:
        return None
    last: int = run(_COUNT_UP.format("VALUES (?, ?, 1)"), (rows.request["type"], rows.year)).scalar_one()
    number = f"{rows.prefix}{last:06d}"

    def insert(table: type[Base], *rows: Columns) -> None:
        bare = _bare_insert(table, connection.dialect)
        if rows:
            run(bare.statement, [bare.values(row) for row in rows])

    insert(CmoRequest, {**rows.request, "number": number})
    insert(FactRow, rows.fact)
    insert(ClockRow, *rows.clocks)
    insert(Notification, {**rows.notice, "dedupe_key": f"{number}{rows.notice['dedupe_key']}"})
    if answer is not None:
        insert(IdempotencyKey, {**answer.row, "body": f"{answer.before}{number}{answer.after}"})
    return number


def _store_on_postgres(connection: Connection, rows: FiledRows, answer: AnswerToKeep | None) -> str | None:
    counter = rows.request["type"], rows.year
    values = [
        *counter,
        rows.prefix,
        _as_json(CmoRequest, rows.request),
        _as_json(FactRow, rows.fact),
        _as_json(ClockRow, *rows.clocks),
        rows.notice["dedupe_key"],
        _as_json(Notification, rows.notice),
    ]
    if answer is not None:
        kept = answer.before + rows.prefix, answer.after, _as_json(IdempotencyKey, answer.row)
        values = [*counter, *kept, *values]
    statement = _POSTGRES if answer is None else _POSTGRES_KEEPING
    number: str | None = connection.exec_driver_sql(statement, tuple(values)).scalar_one_or_none()
    return number


def _default(column: Any) -> Any:
    return column.default.arg if column.default is not None and column.default.is_scalar else None


# --- SQLite: one statement a table ------------------------------------------------------------------------------------

_IS_TAKEN = "SELECT 1 FROM idempotency_key WHERE caller = ? AND key = ?"
_COUNT_UP = (
    "INSERT INTO number_counter (type, year, last) {} "
    "ON CONFLICT (type, year) DO UPDATE SET last = number_counter.last + 1 RETURNING last"
)


@dataclass(frozen=True, slots=True)
class _BareInsert:
    """An INSERT as the driver takes it; for each column its name, default and bind processor."""

    statement: str
    columns: Sequence[tuple[str, Any, Callable[[Any], Any] | None]]

    def values(self, row: Columns) -> tuple[Any, ...]:
        found = ((convert, row.get(name, default)) for name, default, convert in self.columns)
        return tuple(value if convert is None else convert(value) for convert, value in found)


@lru_cache(maxsize=32)
def _bare_insert(table: type[Base], dialect: Dialect) -> _BareInsert:
    columns = table.__table__.columns
    names, marks = ", ".join(column.name for column in columns), ", ".join("?" * len(columns))
    return _BareInsert(
        f"INSERT INTO {table.__tablename__} ({names}) VALUES ({marks})",  # noqa: S608 (the models' own names)
        [
            (column.name, _default(column), column.type.dialect_impl(dialect).bind_processor(dialect))
            for column in columns
        ],
    )


# --- PostgreSQL: one statement ----------------------------------------------------------------------------------------


def _as_json(table: type[Base], *rows: Columns) -> str:
    """Rows as `_insert` takes them: a parameter for each of their hundred columns would cost the driver more."""
    return json.dumps([{**_defaults(table), **row} for row in rows], default=_as_text, ensure_ascii=False)


@cache
def _defaults(table: type[Base]) -> Columns:
    found = {column.name: _default(column) for column in table.__table__.columns}
    return {name: default for name, default in found.items() if default is not None}


def _as_text(value: object) -> str:
    if isinstance(value, datetime) and value.tzinfo is None:
        raise ValueError(f"{value} has no time zone; slamon stores aware instants only")
    if isinstance(value, UUID | date):  # an instant is a date as well
        return str(value)
    raise TypeError(f"{type(value).__name__} is stored nowhere")


def _insert(table: type[Base], source: str, **computed: str) -> str:
    """Insert rows given as JSON, once for each row of `source`; `computed` columns are expressions over that row."""
    names = [column.name for column in table.__table__.columns if column.name not in computed]
    given = [f"given.{name}" for name in names]
    table_name = table.__tablename__
    return (
        f"INSERT INTO {table_name} ({', '.join([*names, *computed])}) "  # noqa: S608 (the models' own names)
        f"SELECT {', '.join([*given, *computed.values()])} "
        f"FROM {source}, json_populate_recordset(NULL::{table_name}, %s::json) AS given"
    )


_DIGITS = "lpad(last::text, greatest(6, length(last::text)), '0')"  # lpad alone would cut what is longer


def _postgres(first_number: str, *before: str) -> str:
    """The statement; `before` are the parts that precede taking a number.

    Foreign keys are checked at the end of the statement, so the order of the inserts does not matter to them.
    """
    parts = [
        *before,
        f"taken AS ({_COUNT_UP.format(first_number)})",
        "numbered AS (SELECT %s || " + _DIGITS + " AS number FROM taken)",  # noqa: S608
        f"request AS ({_insert(CmoRequest, 'numbered', number='numbered.number')})",
        f"fact AS ({_insert(FactRow, 'numbered')})",
        f"clocks AS ({_insert(ClockRow, 'numbered')})",
        f"notice AS ({_insert(Notification, 'numbered', dedupe_key='numbered.number || %s')})",
    ]
    return "WITH " + ", ".join(parts) + " SELECT number FROM numbered"  # noqa: S608


_POSTGRES = _postgres("VALUES (%s, %s, 1)")
# Lock the counter, because the answer contains the number; win the key; only then take the number.
_POSTGRES_KEEPING = _postgres(
    "SELECT %s, %s, 1 FROM kept",
    "counter AS (SELECT last + 1 AS last FROM number_counter WHERE type = %s AND year = %s FOR UPDATE)",
    f"kept AS ({_insert(IdempotencyKey, 'counter', body=f'%s || {_DIGITS} || %s')} "
    "ON CONFLICT (caller, key) DO NOTHING RETURNING caller)",
)
