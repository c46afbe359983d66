"""What the application's own PostgreSQL role may do where another role owns the schema: read and write what it works
with, and neither change nor remove the record. The owner gives these grants with every migration.
"""

from typing import Any, cast

from psycopg import Connection as PostgresConnection
from psycopg import Cursor, sql
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import URL, Connection

from slamon.errors import Conflict

# The record: rows are added and neither change nor go, for anybody.
ADDED_ONLY = frozenset({"attachment", "audit_entry", "fact", "frozen_terms"})
# What is kept for a while only, and what is a list or a draft of somebody's. Every other row stays for good.
REMOVABLE = frozenset(
    {
        "address", "attempt", "audited_cmo", "audited_project", "draft", "former_password", "form_link",
        "idempotency_key", "job", "job_line", "notification", "one_time_link", "person_site", "process", "project_cmo",
        "sign_in", "sign_in_try",
    }
)  # fmt: skip
_MIGRATIONS_OWN = frozenset({"alembic_version"})


def privileges(table: str) -> list[str]:
    """What the application does with the rows of a table."""
    if table in _MIGRATIONS_OWN:
        return ["SELECT"]
    changes = [] if table in ADDED_ONLY else ["UPDATE"]
    return ["SELECT", "INSERT", *changes, *(["DELETE"] if table in REMOVABLE else [])]


def grant(connection: Connection, application: URL) -> None:
    """Give the role of `application` exactly these privileges; make the role where there is none.

    Nothing to do where that role runs the migrations itself. Raises Conflict for one that cannot be made, or that
    could change the record by another way.
    """
    postgres = cast("PostgresConnection[Any]", connection.connection.driver_connection)
    with postgres.cursor() as cursor:
        cursor.execute("SELECT current_user::text, current_schema()::text")
        owner, schema = cursor.fetchone() or ("", "")
        name = application.username
        if name is None or name == owner:
            return
        _ensure_role(cursor, name, application.password)
        _refuse_power(cursor, name)
        role, within = sql.Identifier(name), sql.Identifier(schema)
        cursor.execute(sql.SQL("REVOKE ALL ON ALL TABLES IN SCHEMA {} FROM {}").format(within, role))
        cursor.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(within, role))
        cursor.execute("SELECT tablename::text FROM pg_tables WHERE schemaname = %s ORDER BY 1", [schema])
        for (table,) in cursor.fetchall():
            allowed = sql.SQL(", ").join(map(sql.SQL, privileges(table)))
            cursor.execute(sql.SQL("GRANT {} ON {} TO {}").format(allowed, sql.Identifier(schema, table), role))


def _ensure_role(cursor: Cursor[tuple[str, ...]], name: str, password: str | None) -> None:
    cursor.execute("SELECT rolname FROM pg_roles WHERE rolname = %s", [name])
    if cursor.fetchone():
        return
    role = sql.Identifier(name)
    secret: sql.Composable = sql.SQL("")
    if password is not None:  # hashed here: what a server is told to do may stand in its log
        secret = sql.SQL(" PASSWORD {}").format(
            cursor.connection.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256").decode()
        )
    try:
        cursor.execute(sql.SQL("CREATE ROLE {} LOGIN{}").format(role, secret))
    except InsufficientPrivilege:
        raise Conflict(
            f"There is no role {name}, and who runs the migrations may not make one. As an administrator of the "
            f"server: CREATE ROLE {role.as_string(cursor)} LOGIN PASSWORD '...'"
        ) from None


def _refuse_power(cursor: Cursor[tuple[str, ...]], name: str) -> None:
    """A superuser, and whoever holds the role of an owner, is not bound by grants."""
    cursor.execute(
        """
        SELECT owner::regrole::text FROM (
            SELECT datdba FROM pg_database WHERE datname = current_database()
            UNION SELECT nspowner FROM pg_namespace WHERE nspname = current_schema()
            UNION SELECT relowner FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'
        ) AS owners(owner) WHERE pg_has_role(%s, owner, 'MEMBER') LIMIT 1
        """,
        [name],
    )
    if found := cursor.fetchone():
        raise Conflict(
            f"The role {name} is a superuser, or holds what {found[0]} owns, and could change the record. "
            "Name another one in SLAMON_DATABASE_URL."
        )
