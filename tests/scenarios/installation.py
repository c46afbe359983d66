"""A whole installation of real processes, with a Slack and a mail server that speak the real protocols."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
from sqlalchemy import make_url

from slamon.clock import Clock
from slamon.db import schema
from slamon.db.policies import Policy
from slamon.demo.fakes.mailbox import Mailbox
from slamon.demo.fakes.slack_server import SlackServer
from slamon.domain.catalogue import STANDARD
from slamon.domain.timeline import SYSTEM
from slamon.services.directory.bootstrap import default_policies
from slamon.services.directory.records import create
from tests.installation import Installation, open_installation
from tests.servers.postgres import application_role
from tests.servers.slack_and_mail import TOKEN, closed_port, running_mailbox, running_slack

Found = TypeVar("Found")
BIN = Path(sys.executable).parent
BESIDE_THE_API = {
    "workers": ("dramatiq", "workers.main", "--processes", "2", "--threads", "8"),
    "ticker": ("slamon", "ticker"),
}


def eventually(look: Callable[[], Found | None], *, within: float, what: str) -> Found:
    """What `look` finds, as soon as it finds something; fails after so many seconds."""
    deadline = time.monotonic() + within
    pause = threading.Event()
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"{what}: not within {within} s"
        pause.wait(0.05)


@dataclass
class ProcessInstallation:
    """The running installation. `seconds_policy` counts in seconds what the shipped one counts in hours."""

    installation: Installation
    base_url: str
    slack: SlackServer
    mailbox: Mailbox
    environment: dict[str, str]
    log_folder: Path
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    commands: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def start(self, name: str, *command: str, crash_at: str = "") -> None:
        """Start a process; with `crash_at` it dies at that point (see `SLAMON_CRASH_AT`), and only this time."""
        self.commands[name] = command
        environment = {**self.environment, **({"SLAMON_CRASH_AT": crash_at} if crash_at else {})}
        with (self.log_folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [BIN / command[0], *command[1:]],
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=self.log_folder,
            )

    def kill(self, name: str) -> None:
        """SIGKILL, as if its power went: the process with all it has forked."""
        with suppress(ProcessLookupError):
            os.killpg(self.processes[name].pid, signal.SIGKILL)
        self.processes[name].wait()

    def restart(self, name: str, *, crash_at: str = "") -> None:
        """Kill it and start it again."""
        self.kill(name)
        self.start(name, *self.commands[name], crash_at=crash_at)

    def freeze(self, name: str) -> None:
        """SIGSTOP: it stands still and does not know it."""
        os.killpg(self.processes[name].pid, signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        os.killpg(self.processes[name].pid, signal.SIGCONT)

    def await_death(self, name: str, *, within: float = 30) -> None:
        """Wait until it has died of its crash point, and make sure that nothing it forked lives on."""
        eventually(lambda: self.processes[name].poll() is not None, within=within, what=f"death of {name}")
        self.kill(name)

    def restart_dead(self) -> None:
        """What a supervisor does."""
        for name, process in list(self.processes.items()):
            if process.poll() is not None:
                self.start(name, *self.commands[name])

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [BIN / command[0], *command[1:]],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=self.log_folder,
        )

    def logs(self) -> str:
        return "\n".join(path.read_text() for path in sorted(self.log_folder.glob("*.log")))

    def await_ready(self, base_url: str | None = None) -> None:
        """Wait for the API, or for another of its processes."""

        def ready() -> bool:
            dead = [name for name, process in self.processes.items() if process.poll() is not None]
            assert not dead, f"{dead} ended:\n{self.logs()[-4000:]}"
            try:
                return httpx.get(f"{base_url or self.base_url}/readyz", timeout=2).status_code == 200
            except httpx.HTTPError:
                return False

        eventually(ready, within=30, what="ready")

    def stop(self) -> None:
        for name, process in self.processes.items():
            if process.poll() is None:
                self.thaw(name)
                process.terminate()
        for process in self.processes.values():
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def seconds_policy(installation: Installation, **seconds: int) -> None:
    """A policy for the first CMO that counts seconds: target and limit as told, the higher steps soon after."""
    line = default_policies(STANDARD.clocks)[0]
    clock = {"target": f"PT{seconds['target']}S", "limit": f"PT{seconds['limit']}S", "mode": "elapsed"}
    offsets = {"repeat": "PT3600S", "backup": "PT7200S", "step_3": "PT2S", "step_4": "PT4S"}
    ladder = [{**step, "offset": offsets.get(step["level"], step["offset"])} for step in line["ladder"]]
    now = installation.clock.now()
    with installation.runtime.write() as tx:
        values = {
            "clocks": {"acknowledgement": clock, "answer": clock},
            "ladder": ladder,
            "cmo_id": installation.cast.cmo,
        }
        create(tx, Policy, {**values, "name": "In seconds", "effective_from": now}, by=SYSTEM)


@contextmanager
def running_house(
    folder: Path,
    database_url: str,
    redis_url: str | None,
    *,
    processes: Mapping[str, tuple[str, ...]] = BESIDE_THE_API,
    **more: Any,
) -> Iterator[ProcessInstallation]:
    """Found an installation and start its processes: one without Redis; the API and `processes` with it.

    In PostgreSQL they work as a role of their own, not as the owner of the schema.
    """
    with ExitStack() as stack:
        slack, slack_url = stack.enter_context(running_slack(Clock().real_now))
        mailbox = stack.enter_context(running_mailbox(Clock().real_now))
        installation = stack.enter_context(open_installation(database_url, Clock()))
        if not installation.runtime.db.is_sqlite:
            database_url = stack.enter_context(application_role(database_url))
            schema.migrate(installation.runtime.db, application=make_url(database_url))
        port = closed_port()
        settings = {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url or "",
            "SECRET_KEY": "s" * 40,
            "BASE_URL": f"http://127.0.0.1:{port}",
            "SPONSOR_NAME": "Auriga Bio",
            "SMTP_URL": mailbox.url,
            "MAIL_FROM": "Auriga Bio <requests@auriga.example>",
            "SLACK_TOKEN": TOKEN,
            "SLACK_BASE_URL": slack_url,
            "HEARTBEAT_SECONDS": "0.5",
            **more,
        }
        unwanted = ("SLAMON_", "PYTHONDONTWRITEBYTECODE")  # without bytecode every process takes seconds to start
        environment = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
        environment |= {f"SLAMON_{name}": str(value) for name, value in settings.items() if value}
        house = ProcessInstallation(installation, settings["BASE_URL"], slack, mailbox, environment, folder)
        stack.callback(house.stop)
        if redis_url is None:
            house.start("serve", "slamon", "serve", "--port", str(port))
        else:
            house.start("api", "slamon", "api", "--port", str(port))
            for name, command in processes.items():
                house.start(name, *command)
        house.await_ready()
        yield house
