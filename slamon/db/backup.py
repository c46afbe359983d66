"""Copies a database to a file while it is in use, and back into an empty one. PostgreSQL by its own tools."""

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

from psycopg.conninfo import make_conninfo
from sqlalchemy import inspect

from slamon.db.database import Database
from slamon.errors import Conflict, Unavailable


def backup(database: Database, target: Path) -> None:
    """Write a consistent copy; nobody is stopped meanwhile. Raises Conflict where the file exists, Unavailable."""
    if target.exists():
        raise Conflict(f"{target} exists already; name another file.")
    unfinished = target.with_name(f"{target.name}.unfinished")
    unfinished.touch(
        mode=0o600
    )  # it holds all that the database holds; the tools keep the mode of a file that is there
    if database.is_sqlite:
        with closing(sqlite3.connect(_path(database))) as source, closing(sqlite3.connect(unfinished)) as copy:
            source.backup(copy)
    else:
        _run("pg_dump", database, "--format=custom", f"--file={unfinished}")
    unfinished.replace(target)


def restore(database: Database, source: Path) -> None:
    """Fill an empty database from such a copy. Raises Conflict where it is not empty, Unavailable."""
    if not source.is_file():
        raise Conflict(f"There is no file {source}.")
    if inspect(database.engine).get_table_names():
        raise Conflict("The database is not empty. Name an empty one in SLAMON_DATABASE_URL.")
    if database.is_sqlite:
        with closing(sqlite3.connect(source)) as copy, closing(sqlite3.connect(_path(database))) as target:
            copy.backup(target)
    else:
        # Ownership and grants are the installation's: `slamon migrate` gives them after every restore.
        options = ("--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction")
        _run("pg_restore", database, *options, str(source))


def _path(database: Database) -> str:
    return database.url.database or ""


def _run(tool: str, database: Database, *options: str) -> None:
    """Run a PostgreSQL client program, connected as the application is.

    The password goes by the environment: the arguments of a process can be read by everybody on the host.
    """
    program = shutil.which(tool)
    if program is None:
        raise Unavailable(f"{tool} is not installed here; it comes with PostgreSQL's client programs.")
    _, given = database.engine.dialect.create_connect_args(database.url)
    parameters = {name: str(value) for name, value in given.items() if name != "context"}
    password = parameters.pop("password", None)
    done = subprocess.run(  # noqa: S603 (the program and its address are the operator's own)
        [program, f"--dbname={make_conninfo(**parameters)}", "--no-password", *options],
        env={**os.environ, **({"PGPASSWORD": password} if password else {})},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Unavailable(f"{tool} failed: {done.stderr.strip()[-500:]}")
