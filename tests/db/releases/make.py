"""Write the database that this release leaves behind: `python -m tests.db.releases.make` when a release is cut.

The same story runs on SQLite and on PostgreSQL and is dumped with its schema, into a folder named for the release. It
is never made again: later releases are tested on what this one really stored.
"""

import os
import re
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from shutil import copytree, ignore_patterns
from tempfile import TemporaryDirectory

from sqlalchemy import Connection, Row, Table, make_url

from slamon import __version__
from slamon.db.base import Base, new_id
from slamon.files.disk import DiskStore
from tests.db.releases.story import live
from tests.installation import START, open_installation
from tests.servers.postgres import create_database, find_binaries, running_postgres

# Loaded in this order: constraints come last, so that rows may come in any order.
TABLES, DIRECTORY, REQUESTS, CONSTRAINTS = "1-tables.sql", "2-directory.sql", "3-requests.sql", "4-constraints.sql"
OF_REQUESTS = (
    "attachment", "attempt", "clock", "cmo_request", "crossing", "draft", "fact", "frozen_terms", "notification",
    "number_counter",
)  # fmt: skip
NO_PASSWORD = "$argon2id$v=19$m=65536,t=3,p=4$bm90IGEgc2FsdA$bm90IGEgaGFzaCBvZiBhbnkgcGFzc3dvcmQgYXQgYWxs"


def main(folder: Path) -> None:
    with TemporaryDirectory() as scratch:
        os.chmod(scratch, 0o755)  # PostgreSQL runs as a user of its own
        lite = Path(scratch) / "slamon.db"
        _fill(f"sqlite:///{lite}", folder / "files")
        _dump_sqlite(lite, folder / "sqlite")
        with running_postgres(Path(scratch)) as server:
            url = create_database(server, "release")
            _fill(url, Path(scratch) / "the same files")
            _dump_postgres(url, folder / "postgresql")


def _fill(url: str, files: Path) -> None:
    with open_installation(url, digest_above=1) as installation:
        live(installation)
        with installation.runtime.db.engine.begin() as connection:
            _replace_digests(connection)
            _add_sign_ins(connection)
        store = installation.runtime.files
        assert isinstance(store, DiskStore)
        copytree(store.incoming.parent, files, ignore=ignore_patterns("incoming"))


def _replace_digests(connection: Connection) -> None:
    """Secrets are stored as digests only; even those stay out of the repository."""
    keys, links = Base.metadata.tables["api_key"], Base.metadata.tables["form_link"]
    for number, row in enumerate(connection.execute(keys.select()).all()):
        _set(connection, keys, row, secret_digest=f"{number:064x}", prefix=f"slm_{number:08}")
    for number, row in enumerate(connection.execute(links.select()).all()):
        _set(connection, links, row, token_digest=f"{number:064x}")


def _set(connection: Connection, table: Table, row: Row, **values: str) -> None:
    key = [column == getattr(row, column.name) for column in table.primary_key]
    connection.execute(table.update().where(*key).values(**values))


def _add_sign_ins(connection: Connection) -> None:
    """What no key of the API brings about: a password, a session, a link, and a try that failed."""
    person = Base.metadata.tables["person"]
    owner = connection.execute(person.select().limit(1)).one().id
    connection.execute(person.update().where(person.c.id == owner).values(password_hash=NO_PASSWORD))
    rows = {
        "former_password": {"id": new_id(), "person_id": owner, "password_hash": NO_PASSWORD, "replaced_at": START},
        "sign_in": {"token_digest": "a" * 64, "person_id": owner, "began_at": START, "seen_at": START},
        "sign_in_try": {
            "id": new_id(), "address_digest": "b" * 64, "network": "192.0.2.0/24", "kind": "failed", "tried_at": START,
        },
        "one_time_link": {"token_digest": "c" * 64, "person_id": owner, "expires_at": START},
    }  # fmt: skip
    for table, row in rows.items():
        connection.execute(Base.metadata.tables[table].insert().values(**row))


def _dump_sqlite(path: Path, folder: Path) -> None:
    folder.mkdir()
    parts: dict[str, list[str]] = {TABLES: [], DIRECTORY: [], REQUESTS: [], CONSTRAINTS: []}
    with closing(sqlite3.connect(path)) as database:
        for statement in database.iterdump():
            verb, kind, name = statement.split(maxsplit=3)[:3] if statement.count(" ") > 1 else (statement, "", "")
            if verb == "INSERT":
                parts[REQUESTS if name.strip('"') in OF_REQUESTS else DIRECTORY].append(statement)
            elif verb == "CREATE":
                parts[TABLES if kind == "TABLE" else CONSTRAINTS].append(statement)
    for name, statements in parts.items():
        (folder / name).write_text("\n".join(statements) + "\n")


def _dump_postgres(url: str, folder: Path) -> None:
    folder.mkdir()
    of_requests, others = ([f"--{what}=public.{name}" for name in OF_REQUESTS] for what in ("table", "exclude-table"))
    for name, options in (
        (TABLES, ["--section=pre-data"]),
        (DIRECTORY, ["--section=data", *others]),
        (REQUESTS, ["--section=data", *of_requests]),
        (CONSTRAINTS, ["--section=post-data"]),
    ):
        (folder / name).write_text(_pg_dump(url, *options))


def _pg_dump(url: str, *options: str) -> str:
    """The statements alone: comments and settings differ between versions of PostgreSQL."""
    parts = make_url(url)
    address = f"host={parts.host} port={parts.port} user={parts.username} dbname={parts.database}"
    form = ("--inserts", "--rows-per-insert=1000", "--no-owner", "--no-privileges")
    done = subprocess.run(
        [find_binaries() / "pg_dump", *form, *options, address],
        env={**os.environ, "PGPASSWORD": str(parts.password)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    beside = re.compile(r"--|SET |SELECT pg_catalog\.set_config|\\(un)?restrict|$")
    return "".join(f"{line}\n" for line in done.stdout.splitlines() if not beside.match(line))


if __name__ == "__main__":
    main(Path(__file__).parent / __version__)
