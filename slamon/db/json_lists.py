"""SQL functions that return rows, or the columns of one row, as JSON text: related rows without another statement.

Ids come out as text (`UUID` parses both databases' spelling), dates in ISO 8601, JSON columns unchanged.
"""

from typing import Any

from sqlalchemy import JSON, ColumnElement, Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class json_list(FunctionElement[str]):  # noqa: N801 (a function of SQL)
    """The text of a JSON list of these columns."""

    type = Text()
    inherit_cache = True


class json_lists(FunctionElement[str]):  # noqa: N801
    """The text of a JSON list with one list of these columns a row; None or an empty list where there is no row."""

    type = Text()
    inherit_cache = True


@compiles(json_list, "postgresql")
def _list_on_postgres(element: json_list, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_build_array({compiler.process(element.clauses, **options)})::text"


@compiles(json_lists, "postgresql")
def _lists_on_postgres(element: json_lists, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_agg(json_build_array({compiler.process(element.clauses, **options)}))::text"


@compiles(json_list, "sqlite")
def _list_on_sqlite(element: json_list, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_array({', '.join(_as_json(each, compiler, options) for each in element.clauses)})"


@compiles(json_lists, "sqlite")
def _lists_on_sqlite(element: json_lists, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_group_array(json_array({', '.join(_as_json(each, compiler, options) for each in element.clauses)}))"


def _as_json(column: ColumnElement[Any], compiler: SQLCompiler, options: dict[str, Any]) -> str:
    said = compiler.process(column, **options)
    return f"json({said})" if isinstance(column.type, JSON) else said
