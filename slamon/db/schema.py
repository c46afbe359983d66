"""Brings a database to this release's schema, and says which schema it has."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

import migrations
from slamon.db.database import Database


def migrate(database: Database, revision: str = "head") -> None:
    """Upgrade to `revision`; several processes may try at once, one does it."""
    with database.engine.begin() as connection:
        config = _config()
        config.attributes["connection"] = connection
        if not database.is_sqlite:  # SQLite's write lock already keeps others out
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7526001)")
        command.upgrade(config, revision)


def downgrade(database: Database, revision: str) -> None:
    with database.engine.begin() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.downgrade(config, revision)


def current_revision(database: Database) -> str | None:
    """The schema the database has; None for an empty one."""
    with database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest_revision() -> str | None:
    """The schema this release wants."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("path_separator", "os")
    return config
