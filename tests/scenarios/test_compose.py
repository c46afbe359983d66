"""The commands of docker-compose.yml, run without an engine: each with the environment that its container gets, and
with two database users on an empty server, as on the first start."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import redis
from dotenv import dotenv_values
from sqlalchemy import make_url

from tests.compose import compose, environment_of, slamons_services
from tests.scenarios.installation import BIN, eventually
from tests.servers.plugin import ROOT
from tests.servers.postgres import find_binaries, running_postgres
from tests.servers.slack_and_mail import closed_port, running_mailbox

PASSWORDS = {"SLAMON_DATABASE_PASSWORD": "app@:/%41#secret", "SLAMON_DATABASE_OWNER_PASSWORD": "owner@:/%41#secret"}


class Containers:
    """Runs the commands of the services; addresses of other containers are replaced by those of the test."""

    def __init__(self, folder: Path, dotenv: dict[str, str], addresses: dict[str, str]) -> None:
        self.folder, self.dotenv, self.addresses = folder, dotenv, addresses
        self.running: list[subprocess.Popen[bytes]] = []

    def here(self, text: str) -> str:
        for theirs, ours in self.addresses.items():
            text = text.replace(theirs, ours)
        return text

    def start(self, service: str, *command: str) -> subprocess.Popen[bytes]:
        """The service's own command, or another one in a container of its own."""
        described = slamons_services()[service]
        home = self.folder / service
        home.mkdir(exist_ok=True)
        program, *words = command or described["command"]
        outside = {name: value for name, value in os.environ.items() if not name.startswith(("SLAMON_", "PG"))}
        given = {name: self.here(value) for name, value in environment_of(described, self.dotenv).items()}
        with (self.folder / f"{service}.log").open("ab") as log:
            return subprocess.Popen(
                [BIN / program, *map(self.here, words)], cwd=home, env=outside | given, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip

    def up(self, service: str) -> None:
        self.running.append(self.start(service))

    def run(self, service: str, *command: str) -> int:
        return self.start(service, *command).wait(timeout=120)

    def is_healthy(self, service: str) -> bool:
        _, *check = slamons_services()[service]["healthcheck"]["test"]
        return self.run(service, *check) == 0

    def logs(self) -> str:
        return "\n".join(path.read_text() for path in sorted(self.folder.glob("*.log")))

    def down(self) -> None:
        for process in self.running:
            os.killpg(process.pid, signal.SIGTERM)
        for process in self.running:
            process.wait(timeout=40)


@contextmanager
def containers(folder: Path, services: Path, valkey_url: str) -> Iterator[Containers]:
    server_of = compose()["services"]["postgres"]["environment"]
    with running_postgres(services, binaries=find_binaries()) as url, running_mailbox() as mailbox:
        server, broker = make_url(url), make_url(valkey_url)
        with psycopg.connect(
            host=server.host, port=server.port, user=server.username, password=server.password, autocommit=True
        ) as administrator:  # what the image of PostgreSQL does on its first start
            secret = psycopg.sql.Literal(PASSWORDS["SLAMON_DATABASE_OWNER_PASSWORD"])
            role, database = (psycopg.sql.Identifier(server_of[name]) for name in ("POSTGRES_USER", "POSTGRES_DB"))
            administrator.execute(psycopg.sql.SQL("CREATE ROLE {} SUPERUSER LOGIN PASSWORD {}").format(role, secret))
            administrator.execute(psycopg.sql.SQL("CREATE DATABASE {} OWNER {}").format(database, role))
        (folder / ".env").write_text(
            (ROOT / ".env.example").read_text()
            + "".join(f"\n{name}='{value}'" for name, value in {**PASSWORDS, "SLAMON_SECRET_KEY": "s" * 40}.items())
        )
        dotenv = {name: value for name, value in dotenv_values(folder / ".env").items() if value is not None}
        port = closed_port()
        addresses = {
            "@postgres:5432": f"@{server.host}:{server.port}",
            "redis:6379/0": f"{broker.host}:{broker.port}/{broker.database}",
            "mailpit:1025": mailbox.url.removeprefix("smtp://").partition("?")[0],
            "127.0.0.1:8000": f"127.0.0.1:{port}",
            "8000": str(port),
            "/srv/slamon/var": str(folder / "var"),
        }
        opened = Containers(folder, dotenv, addresses)
        try:
            yield opened
        finally:
            opened.down()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_composes_first_start_works_with_two_users_and_keeps_the_sponsors_name(
    tmp_path: Path, service_directory: Path, valkey_url: str
):
    with redis.Redis.from_url(valkey_url) as broker:
        broker.flushdb()
    with containers(tmp_path, service_directory, valkey_url) as up:
        assert up.run("migrate") == 0, up.logs()
        for service in ("api", "worker", "ticker"):
            up.up(service)
        for service in ("api", "worker", "ticker"):
            eventually(lambda each=service: up.is_healthy(each), within=60, what=f"{service} healthy")
        words = ["--sponsor", "Acme Bio", "--admin-name", "Ada", "--admin-email", "ada@acme.example"]
        setup = ["slamon", "setup", *words, "--test-email", "", "--test-slack", ""]
        assert up.run("api", *setup) == 0, up.logs()
        assert not (tmp_path / "api" / ".env").exists()
        assert up.run("api", *setup) == 0, up.logs()
        assert "The sponsor is Acme Bio" in up.logs()
        assert up.run("migrate") == 0, up.logs()  # `docker compose up` again
        assert up.run("api", "slamon", "verify") == 0
        for secret in (*PASSWORDS.values(), "s" * 40):
            assert secret not in up.logs()
