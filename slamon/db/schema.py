"""Brings a database to this release's schema, and says which schema it has."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, inspect, text

from slamon.db.database import Database
from slamon.errors import Conflict

_INSUFFICIENT_PRIVILEGE = "42501"  # SQLSTATE
_SCRIPTS = "migrations:"  # a package resource, so that nothing here imports the migrations
_EMPTY = "The database is empty. Run 'slamon migrate', or 'slamon setup' first."
_BEHIND = "The database has schema {have}, this release wants {newest}. Run 'slamon migrate' first."
_AHEAD = (
    "The database has schema {have}, which a newer release gave it; this one knows {oldest} to {newest}. "
    "Start that release, or go back with its 'slamon migrate --down-to {newest}'."
)
# No release had schemas 0001 to 0017; this commit can carry any of them to 0018.
_TOO_OLD = (
    "The database has schema {have}; this release carries databases forward from {oldest} on. First check out commit "
    "cb7d181 of slamon's repository, which is version 0.1.0, and run its 'slamon migrate'; then start this release."
)


def migrate(database: Database, revision: str = "head", *, application: URL | None = None) -> None:
    """Upgrade to `revision`; several processes may try at once, one does it.

    The role of `application`, where it is another than the database's, gets what it needs and no more. Raises Conflict
    for a database that this release cannot carry forward.
    """
    with _alone(database) as connection:
        command.upgrade(_config(connection), revision)
        if application is not None:
            _grant(connection, application)


def downgrade(database: Database, revision: str, *, application: URL | None = None) -> None:
    """Go back to `revision`; `application` as for `migrate`. Raises Conflict for a schema of no release."""
    if revision not in _revisions():
        raise Conflict(f"There is no schema {revision} to go back to: this release knows {', '.join(_revisions())}.")
    with _alone(database) as connection:
        command.downgrade(_config(connection), revision)
        if application is not None:
            _grant(connection, application)


def _grant(connection: Connection, application: URL) -> None:
    """What `grants.grant` says; nothing on SQLite, which has no roles."""
    if connection.dialect.name == "sqlite":
        return
    from slamon.db.grants import grant  # loads psycopg, which SQLite does without

    grant(connection, application)


@contextmanager
def _alone(database: Database) -> Iterator[Connection]:
    """One transaction that keeps other migrations out.

    SQLite changes a table by making it anew, so its foreign keys rest until the end and are all checked there.
    """
    with database.engine.connect() as connection:
        plain = connection.connection.cursor()
        try:
            if database.is_sqlite:
                plain.execute("PRAGMA foreign_keys=OFF")  # has no effect once a transaction is open
            with connection.begin():
                if not database.is_sqlite:  # SQLite's write lock already keeps others out
                    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7526001)")
                _refuse_unknown(connection)
                yield connection
                if database.is_sqlite and (broken := connection.exec_driver_sql("PRAGMA foreign_key_check").first()):
                    raise RuntimeError(f"Rows of {broken[0]} point at nothing; the migration is undone.")
        except Exception as error:
            if getattr(getattr(error, "orig", error), "sqlstate", None) != _INSUFFICIENT_PRIVILEGE:
                raise
            raise Conflict(
                f"{database.url.username} may not change the schema; name who may in SLAMON_DATABASE_OWNER_URL."
            ) from error
        finally:
            if database.is_sqlite:
                plain.execute("PRAGMA foreign_keys=ON")


def _refuse_unknown(connection: Connection) -> None:
    have = _revision(connection)
    if have is not None and have not in _revisions():
        raise Conflict(_what_to_do(have))


def current_revision(database: Database) -> str | None:
    """The schema the database has; None for an empty one."""
    with database.read() as session:
        return _revision(session.connection())


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return revision


def refusal(database: Database) -> str | None:
    """Why this release cannot work with the database, and what to do; None where it can."""
    have = current_revision(database)
    return None if have == newest_revision() else _what_to_do(have)


def _what_to_do(have: str | None) -> str:
    """How a database with schema `have` gets this release's; revisions are numbers of four digits, sorted as text."""
    if have is None:
        return _EMPTY
    oldest, newest = _revisions()[0], _revisions()[-1]
    words = _TOO_OLD if have < oldest else _AHEAD if have > newest else _BEHIND
    return words.format(have=have, oldest=oldest, newest=newest)


def newest_revision() -> str:
    """The schema this release wants."""
    return _revisions()[-1]


@cache
def _revisions() -> tuple[str, ...]:
    """Every schema this release knows, oldest first; asked with every heart-beat, so read once."""
    newest_first = ScriptDirectory.from_config(_config()).walk_revisions()
    return tuple(script.revision for script in newest_first)[::-1]


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.attributes["connection"] = connection
    config.set_main_option("script_location", _SCRIPTS)
    config.set_main_option("path_separator", "os")
    return config
