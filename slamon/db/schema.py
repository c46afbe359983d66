"""Brings a database to this release's schema, and says which schema it has."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import URL, Connection, inspect, text
from sqlalchemy.exc import ProgrammingError

import migrations
from slamon.db.database import Database
from slamon.db.grants import grant
from slamon.errors import Conflict


def migrate(database: Database, revision: str = "head", *, application: URL | None = None) -> None:
    """Upgrade to `revision`; several processes may try at once, one does it.

    The role of `application`, where it is another than the database's, gets what it needs and no more.
    """
    with _alone(database) as connection:
        command.upgrade(_config(connection), revision)
        if application is not None:
            grant(connection, application)


def downgrade(database: Database, revision: str, *, application: URL | None = None) -> None:
    """Go back to `revision`; `application` as for `migrate`."""
    with _alone(database) as connection:
        command.downgrade(_config(connection), revision)
        if application is not None:
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
                yield connection
                if database.is_sqlite and (broken := connection.exec_driver_sql("PRAGMA foreign_key_check").first()):
                    raise RuntimeError(f"Rows of {broken[0]} point at nothing; the migration is undone.")
        except (ProgrammingError, InsufficientPrivilege) as error:
            if not isinstance(getattr(error, "orig", error), InsufficientPrivilege):
                raise
            raise Conflict(
                f"{database.url.username} may not change the schema; name who may in SLAMON_DATABASE_OWNER_URL."
            ) from error
        finally:
            if database.is_sqlite:
                plain.execute("PRAGMA foreign_keys=ON")


def current_revision(database: Database) -> str | None:
    """The schema the database has; None for an empty one."""
    with database.read() as session:
        if not inspect(session.connection()).has_table("alembic_version"):
            return None
        revision: str | None = session.scalar(text("SELECT version_num FROM alembic_version"))
        return revision


@cache
def newest_revision() -> str | None:
    """The schema this release wants; asked with every heart-beat, so read once."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.attributes["connection"] = connection
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("path_separator", "os")
    return config
