"""The runtime as commands need it: at this release's schema, or brought there."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from slamon.config import Settings
from slamon.db import schema
from slamon.db.database import Database
from slamon.engine import heartbeat
from slamon.errors import SlamonError
from slamon.runtime import Runtime, build_runtime


@contextmanager
def owned(runtime: Runtime) -> Iterator[Database]:
    """The database as the owner of its schema reaches it."""
    url = runtime.settings.owned_database
    if url == runtime.db.url:
        yield runtime.db
        return
    with closing(Database(url, connections=1)) as database:
        yield database


def migrate_database(runtime: Runtime, down_to: str | None = None) -> None:
    with owned(runtime) as database:
        if down_to is None:
            schema.migrate(database, application=runtime.db.url)
        else:
            schema.downgrade(database, down_to, application=runtime.db.url)


def refuse_other_schema(runtime: Runtime) -> None:
    if refusal := schema.refusal(runtime.db):
        raise SlamonError(refusal)


def open_runtime(settings: Settings | None = None) -> Runtime:
    runtime = build_runtime(settings or Settings())
    refuse_other_schema(runtime)
    heartbeat.follow_database(runtime)
    return runtime
