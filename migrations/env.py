"""Runs the migrations over the connection `slamon migrate` hands in, or as the owner of the schema."""

from alembic import context
from sqlalchemy import Connection

from slamon.config import Settings
from slamon.db import Base
from slamon.db.database import Database


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    with Database(Settings().owned_database).engine.connect() as opened:
        run(opened)
        opened.commit()
