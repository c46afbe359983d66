"""What the PostgreSQL and the Valkey of the tests have in common: a free port, a directory, a server process
that is up when we say so and gone afterwards. Nothing here knows either product."""

import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

START_POLLS, POLL_SECONDS = 1200, 0.025
STOP_SECONDS = 10


class ServerNotStarted(RuntimeError):
    """A server ended, or stayed silent, instead of accepting connections; the message ends with its log."""


def free_port() -> int:
    """A TCP port on 127.0.0.1 that was free a moment ago; another process may still take it first."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def plain_environment(*dropped_prefixes: str) -> dict[str, str]:
    """This process's environment in the C locale, without what would steer the server behind our back."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped_prefixes)}
    return kept | {"LC_ALL": "C", "TZ": "UTC"}


def group_of(user: str | None) -> int | None:
    """The number of the user's own group; None, which changes nothing, for no user."""
    return None if user is None else pwd.getpwnam(user).pw_gid


def open_to_others(path: Path) -> bool:
    """Whether any user may pass through every directory on the way to `path`, and through or into it."""
    way = {path, *path.absolute().parents, *path.resolve().parents}
    return all(each.stat().st_mode & stat.S_IXOTH for each in way)


@contextmanager
def open_directory() -> Iterator[Path]:
    """A temporary directory that every user of the machine can pass through; gone after the block."""
    parent = Path(tempfile.gettempdir())
    if os.geteuid() == 0 and not open_to_others(parent):
        parent = Path("/tmp")
    path = Path(tempfile.mkdtemp(prefix="slamon-", dir=parent))
    path.chmod(0o711)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def running_server(
    command: Sequence[str | Path],
    *,
    log: Path,
    answers: Callable[[], bool],
    stop_with: signal.Signals,
    user: str | None = None,
    env: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `command` as `user` for as long as the block lasts; entered once `answers()` is true.

    The server gets its own process group, so that Ctrl-C reaches the tests and not the server.
    Raises ServerNotStarted.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=env,
            cwd=log.parent,
            start_new_session=True,
            user=user,
            group=group_of(user),
            extra_groups=None if user is None else [],
        )
    try:
        _await_answer(process, answers, log)
        yield process
    finally:
        _stop(process, stop_with)


def _await_answer(process: subprocess.Popen[bytes], answers: Callable[[], bool], log: Path) -> None:
    for _ in range(START_POLLS):
        if process.poll() is not None:
            break
        if answers():
            return
        time.sleep(POLL_SECONDS)
    reason = "did not answer" if process.poll() is None else f"ended with status {process.returncode}"
    tail = log.read_text(errors="replace")[-2000:]
    raise ServerNotStarted(f"{process.args!r} {reason}; its log ends:\n{tail}")


def _stop(process: subprocess.Popen[bytes], stop_with: signal.Signals) -> None:
    # A test may have killed the server itself.
    with suppress(ProcessLookupError):
        process.send_signal(stop_with)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
