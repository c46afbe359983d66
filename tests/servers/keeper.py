"""The process that owns a server shared by a whole test session. The session holds a lock while it lives, and
the kernel lets go of a lock when its holder ends, in whatever way. So the keeper, which waits for that lock,
stops its server even after a killed session. Run as `python -m tests.services.keeper KIND DIRECTORY`."""

import fcntl
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from tests.servers.postgres import running_postgres
from tests.servers.process import open_directory
from tests.servers.valkey import running_valkey

RUNNERS: dict[str, Callable[[Path], AbstractContextManager[str]]] = {
    "postgres": running_postgres,
    "valkey": running_valkey,
}


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock on `path`, waiting for it where another process has it."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def session_lock(directory: Path) -> Path:
    """Held by the session while it lives."""
    return directory / "session.lock"


def keeper_lock(directory: Path, kind: str) -> Path:
    """Held by a keeper from before its server starts until after it has stopped."""
    return directory / f"{kind}.keeper.lock"


def main(kind: str, directory: Path) -> None:
    """Start the server, write its URL to standard output, stop it when the session is over."""
    # Nobody's child: the test worker that asked for the server may well end before the others.
    if os.fork():
        os._exit(0)
    os.setsid()  # Ctrl-C ends the session, and the end of the session ends the keeper
    with locked(keeper_lock(directory, kind)), open_directory() as data, RUNNERS[kind](data) as url:
        sys.stdout.write(f"{url}\n")
        sys.stdout.flush()
        with locked(session_lock(directory)):
            return


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
