"""The pytest plugin that lends tests real servers. A server starts when the first test asks for it, is shared
by all xdist workers of the session, and stops with the session; every worker has its own database on it."""

import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.servers.keeper import RUNNERS, keeper_lock, locked, session_lock
from tests.servers.postgres import create_database, drop_database
from tests.servers.process import open_directory

pytest_plugins = ["tests.servers.browser"]

ROOT = Path(__file__).parents[2]
DIRECTORY = pytest.StashKey[Path]()
RESOURCES = pytest.StashKey[ExitStack]()


def pytest_configure(config: pytest.Config) -> None:
    """The session's own process opens the shared directory; a worker is told where it is."""
    given = _workerinput(config).get("slamon_services")
    if given is not None:
        config.stash[DIRECTORY] = Path(given)
        return
    resources = config.stash[RESOURCES] = ExitStack()
    directory = config.stash[DIRECTORY] = resources.enter_context(open_directory())
    # Leaving runs upwards: let go of the session's lock, wait for each keeper, remove the directory.
    for kind in RUNNERS:
        resources.callback(_await_keeper, directory, kind)
    resources.enter_context(locked(session_lock(directory)))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """xdist is about to start a worker."""
    node.workerinput["slamon_services"] = str(node.config.stash[DIRECTORY])


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what was started, in the session's own process, after the last worker has gone."""
    if RESOURCES in config.stash:
        config.stash[RESOURCES].close()


@pytest.fixture(scope="session")
def postgres_server(request: pytest.FixtureRequest) -> str:
    """URL of the maintenance database of the session's PostgreSQL, for tests that make databases."""
    return _shared(request.config, "postgres")


@pytest.fixture(scope="session")
def postgres_url(request: pytest.FixtureRequest, postgres_server: str) -> Iterator[str]:
    """URL of an empty PostgreSQL database that belongs to this worker for the whole session."""
    given = _workerinput(request.config)
    run = given.get("testrunuid", uuid.uuid4().hex)
    name = f"slamon_test_{run}_{given.get('workerid', 'main')}"
    yield create_database(postgres_server, name)
    drop_database(postgres_server, name)


@pytest.fixture(scope="session")
def valkey_url(request: pytest.FixtureRequest) -> str:
    """URL of a Valkey database number that belongs to this worker for the whole session; emptied first."""
    server = _shared(request.config, "valkey")
    worker = _workerinput(request.config).get("workerid", "gw0")
    base, _, first = server.rpartition("/")
    url = f"{base}/{int(first) + int(worker.removeprefix('gw'))}"
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url


@pytest.fixture
def service_directory() -> Iterator[Path]:
    """A directory for a server that a test starts for itself; unlike `tmp_path`, user nobody can reach it."""
    with open_directory() as directory:
        yield directory


def _workerinput(config: pytest.Config) -> dict[str, Any]:
    return getattr(config, "workerinput", {})


def _shared(config: pytest.Config, kind: str) -> str:
    directory = config.stash[DIRECTORY]
    with locked(directory / f"{kind}.starting.lock"):
        url = directory / f"{kind}.url"
        if not url.exists():
            url.write_text(_start_keeper(directory, kind))
        return url.read_text()


def _start_keeper(directory: Path, kind: str) -> str:
    log = directory / f"{kind}.keeper.log"
    command = [sys.executable, "-m", "tests.servers.keeper", kind, str(directory)]
    with (
        log.open("w") as errors,
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True) as keeper,
    ):
        assert keeper.stdout is not None
        url = keeper.stdout.readline().strip()
    if not url:
        pytest.fail(f"{kind} could not be started:\n{log.read_text()[-3000:]}", pytrace=False)
    return url


def _await_keeper(directory: Path, kind: str) -> None:
    with locked(keeper_lock(directory, kind)):
        pass
