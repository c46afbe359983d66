"""Every command and request of the documents runs here as it stands, or stands below with the reason why not.

A story takes blocks in the order in which a reader meets them and runs them in one shell. What a reader would put in
the place of an example (an address, a port, an id) is replaced as `Shell.replace` says, and nothing else.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import typer
from openpyxl import Workbook
from sqlalchemy import make_url

from slamon.app import create_app
from slamon.cli.main import app
from tests.checkout import copied_checkout
from tests.installation import Installation
from tests.scenarios.installation import eventually
from tests.servers.plugin import ROOT
from tests.servers.postgres import find_binaries, running_postgres
from tests.servers.slack_and_mail import closed_port

DOCUMENTS = [
    *ROOT.glob("*.md"),
    *ROOT.glob("docs/**/*.md"),
    *ROOT.glob("tests/data/*.md"),
    *ROOT.glob("slamon/**/*.md"),
]
SHOWN = {"json", "mermaid", "toml"}  # languages of what is shown and not typed
OURS = "http://127.0.0.1:8000"

README, OPERATIONS, API = "README.md", "docs/operations.md", "docs/api.md"
INSTALL = (OPERATIONS, "python3 -m venv /opt/slamon")
OWNER = (OPERATIONS, "CREATE ROLE slamon LOGIN CREATEROLE PASSWORD 'owner-secret';")
TWO_USERS = (OPERATIONS, "export SLAMON_DATABASE_URL=postgresql+psycopg://slamon_app@db.example.com/slamon")
ONE_PROCESS = (README, ". .venv/bin/activate      # made by make demo or make test")
PEOPLE = (OPERATIONS, "KEY=$(slamon api-key admin@yourcompany.example)")
CMOS = (OPERATIONS, "slamon import template > cmos.csv        # fill it in; lead_email names the lead made above")
PROJECT = (OPERATIONS, "CMO=$(call http://127.0.0.1:8000/v1/cmos | id)")
PAST = (OPERATIONS, "slamon import requests --template > mapping.toml       # or write the same as JSON")
FILING = (
    README,
    'curl -H "Authorization: Bearer $KEY" -H "Idempotency-Key: order-4711" -H "Content-Type: application/json" \\',
)
FILE = (API, 'curl -H "Authorization: Bearer $KEY" -F "file=@CoA-A17.pdf;type=application/pdf" -F sha256=$(sha256sum CoA-A17.pdf | cut -c1-64) \\')  # fmt: skip  # noqa: E501
REPLAYS = (README, "slamon replay incidents tests/data/incident_events.csv.gz")
BACKUP = (OPERATIONS, "slamon backup /backups/slamon-today     # while everything runs")
LEAVING = (OPERATIONS, """BEA=$(post people '{"name": "Bea Roth", "email": "bea@yourcompany.example", "roles": ["project_manager"], "time_zone": "Europe/Berlin"}' | id)""")  # fmt: skip  # noqa: E501
RESTORE = (OPERATIONS, "createdb -h db.example.com -U postgres --owner slamon slamon_restored")
FIRST_START = [ONE_PROCESS, PEOPLE, CMOS, PROJECT, FILING, FILE, LEAVING]
BY_HAND = [INSTALL, OWNER, TWO_USERS, PEOPLE, CMOS, PROJECT, FILING, FILE, LEAVING, PAST, BACKUP, RESTORE]
NEEDS_AN_ENGINE = "needs a Docker engine; test_compose.py runs what its containers run"
NOT_RUN = {
    (README, "make demo"): "runs until it is stopped; tests/demo runs the same",
    (README, "make test"): "is what runs this",
    (README, "cp .env.example .env      # fill in the three required values"): NEEDS_AN_ENGINE,
    (OPERATIONS, 'docker compose run --rm --no-deps --user "$(id -u)" -v "$PWD/backups:/backups" api slamon backup /backups/slamon-today'): NEEDS_AN_ENGINE,  # noqa: E501
    (OPERATIONS, "docker compose up --detach --wait postgres"): NEEDS_AN_ENGINE,
}  # fmt: skip


def fenced(language: str | None = None) -> dict[tuple[str, str], str]:
    """The blocks of all documents by file and first line: of this language, or all that is typed."""
    found = {}
    for path in DOCUMENTS:
        for tag, text in re.findall(r"^```(\S*)\n(.*?)^```$", path.read_text(), re.MULTILINE | re.DOTALL):
            if tag == language or (language is None and tag not in SHOWN):
                found[str(path.relative_to(ROOT)), text.splitlines()[0]] = text
    return found


@dataclass
class Shell:
    """A person at a terminal: runs blocks of documents in one shell; long-running commands go on beside it."""

    folder: Path
    environment: dict[str, str]
    replace: dict[str, str]
    said: str = ""
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def run(self, *parts: str, typed: str = "") -> str:
        """Standard output of one shell that runs the parts one after another; each may be a block's text."""
        exports = self.folder / ".exports"
        exports.touch()
        script = "\n".join([f". {exports}", *parts, f"export -p > {exports}"])
        for example, own in self.replace.items():
            script = script.replace(example, own)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.folder, env=self.environment, input=typed, timeout=300, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
        self.said += done.stdout + done.stderr
        return done.stdout

    def start(self, command: str) -> None:
        for example, own in self.replace.items():
            command = command.replace(example, own)
        line = ["bash", "-c", f". .exports; exec {command}"]
        with (self.folder / f"{len(self.running)}.log").open("wb") as log:
            started = subprocess.Popen(line, cwd=self.folder, env=self.environment, stdout=log, stderr=log)
        self.running.append(started)

    def await_ready(self, base_url: str) -> None:
        def ready() -> bool:
            assert all(process.poll() is None for process in self.running), self.logs()
            try:
                return httpx.get(f"{base_url}/readyz", timeout=2).status_code == 200
            except httpx.HTTPError:
                return False

        eventually(ready, within=60, what="ready")

    def logs(self) -> str:
        return "\n".join(path.read_text() for path in sorted(self.folder.glob("*.log")))

    def stop(self) -> None:
        for process in self.running:
            process.terminate()
        for process in self.running:
            process.wait(timeout=30)
        self.running.clear()


@contextmanager
def shell(folder: Path, programs: Path, replace: dict[str, str]) -> Iterator[Shell]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("SLAMON_", "PG"))}
    environment["PATH"] = f"{programs}{os.pathsep}{environment['PATH']}"
    opened = Shell(folder, environment, replace)
    try:
        yield opened
    finally:
        opened.stop()


def test_every_block_of_commands_is_run_or_says_why_not():
    assert fenced().keys() == {*FIRST_START, *BY_HAND, REPLAYS, *NOT_RUN}


def first_records(blocks: dict[tuple[str, str], str]) -> list[str]:
    """From the first key to the first request and its file; the blanks are filled in as their words say."""
    template, *imports = blocks[CMOS].splitlines()
    filing = blocks[FILING].replace('"project_id": "…"', '"project_id": "\'$PROJECT\'"')
    filing = filing.replace('"site_id": "…"', '"site_id": "\'$SITE\'"')
    return [
        blocks[PEOPLE],
        template,
        "sed -i.example s/C0123456789,,/C0123456789,leo@yourcompany.example,/ cmos.csv",
        *imports,
        blocks[PROJECT],
        f"PROJECT=$(call {OURS}/v1/projects | id)",
        f'SITE=$(call "{OURS}/v1/sites?cmo_id=$CMO" | id)',
        f"KEY=$(slamon api-key ana@yourcompany.example)\n{filing.strip()} --fail-with-body > filed.json",
        "printf '%%PDF-1.4\\n' > CoA-A17.pdf",
        blocks[FILE].replace("requests/ID/", "requests/$(id < filed.json)/").strip() + " --fail-with-body > file.json",
        f"KEY=$(slamon api-key admin@yourcompany.example)\n{blocks[LEAVING]}",
    ]


def test_the_first_start_goes_as_it_is_told(tmp_path: Path):
    if shutil.which("curl") is None:
        pytest.skip("no curl on this machine")
    port, blocks = closed_port(), fenced()
    (tmp_path / ".venv").symlink_to(sys.prefix)
    *before, serve = blocks[ONE_PROCESS].splitlines()
    with shell(tmp_path, Path(sys.executable).parent, {"127.0.0.1:8000": f"127.0.0.1:{port}"}) as typing:
        typing.run(*before, typed="Acme Bio\nAda Admin\nadmin@yourcompany.example\n\n\n")
        assert "/welcome/" in typing.said
        typing.start(f"{serve} --port {port}")
        typing.await_ready(f"http://127.0.0.1:{port}")
        typing.run(*first_records(blocks))
    assert json.loads((tmp_path / "filed.json").read_text())["number"].startswith("INQ-")
    assert json.loads((tmp_path / "file.json").read_text())["name"] == "CoA-A17.pdf"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_installed_from_the_wheel_all_goes_as_it_is_told_on_postgresql_with_two_users(
    tmp_path: Path, service_directory: Path, valkey_url: str
):
    checkout, port, blocks, typed = copied_checkout(tmp_path / "checkout"), closed_port(), fenced(), fenced("sql")
    (tmp_path / "backups").mkdir()
    binaries = find_binaries()
    with running_postgres(service_directory, binaries=binaries) as server:
        host = f"127.0.0.1:{make_url(server).port}"
        told = {
            "-h db.example.com": f"-h 127.0.0.1 -p {make_url(server).port}", "db.example.com": host,
            "127.0.0.1:8000": f"127.0.0.1:{port}", "/opt/": f"{tmp_path}/", "/backups/": f"{tmp_path}/backups/",
        }  # fmt: skip
        with shell(checkout, binaries, told) as typing:
            try:
                typing.run(blocks[INSTALL])
            except AssertionError as error:
                if "No matching distribution" in str(error):
                    pytest.skip("no registry to install from")
                raise
        administer(server, typed[OWNER])
        with shell(tmp_path, tmp_path / "slamon" / "bin", told) as typing:
            typing.environment["PATH"] += f"{os.pathsep}{binaries}"
            typing.environment["PGPASSWORD"] = str(make_url(server).password)  # what createdb would ask for
            typing.run(blocks[TWO_USERS])
            upgrade(typing)
            typing.run(f"export SLAMON_REDIS_URL={valkey_url}")
            typing.run("slamon setup", typed="Acme Bio\nAda Admin\nadmin@yourcompany.example\n\n\n")
            typing.start(f"slamon api --port {port}")
            typing.start("dramatiq workers.main --processes 1 --threads 4")
            typing.start("slamon ticker")
            typing.await_ready(f"http://127.0.0.1:{port}")
            typing.run(*first_records(blocks))
            spreadsheet(tmp_path / "tracker.xlsx")
            typing.run(blocks[PAST])
            (draft,) = (text for text in fenced("json").values() if '"ladder"' in text)
            (tmp_path / "draft.json").write_text(draft)
            typing.run(next(words for words in COMMANDS if words.startswith("slamon what-if draft.json --from")))
            typing.run(blocks[BACKUP])
            eventually(lambda: '"kind": "filed"' in typing.logs(), within=60, what="the CMO's mail on the console")
            told_of_passwords(typing)
            typing.stop()
            typing.run(blocks[RESTORE])
    assert "2 requests, 1 files and the whole trail are as they were recorded." in typing.said


def administer(server: str, statements: str) -> None:
    """What an administrator of the server types."""
    plain = make_url(server).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        for statement in filter(str.strip, statements.split(";")):
            connection.execute(statement)


def upgrade(typing: Shell) -> None:
    """As operations.md says it: back up, then migrate; what was there before is an older schema."""
    typing.run("slamon migrate --down-to 0018")
    typing.run("slamon backup /backups/before-the-upgrade", "slamon migrate")
    assert "The database is at schema 0018" in typing.said


def told_of_passwords(typing: Shell) -> None:
    for secret in ("owner-secret", "app-secret"):
        assert secret not in typing.said + typing.logs()


def spreadsheet(path: Path) -> None:
    """A past as somebody kept it, with the columns of the mapping that `--template` prints."""
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.append(
        ["Ticket", "Kind", "Project", "Manufacturer", "Plant", "Contact", "Prio", "Title", "Details", "Their order",
         "Needed by", "Lots", "Sent", "Confirmed", "Answered", "Done"]
    )  # fmt: skip
    sheet.append(
        ["T-1", "Question", "ONC-101", "Nordhafen Fill & Finish GmbH", "Leipzig", "katrin.vogel@nordhafen.example",
         "P2", "Slots", None, None, None, None, "03.03.2025 09:30", "03.03.2025 11:00", "04.03.2025 09:00", None]
    )  # fmt: skip
    book.save(path)


@pytest.mark.slow
def test_the_replays_go_as_they_are_told(tmp_path: Path):
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    with shell(tmp_path, Path(sys.executable).parent, {}) as typing:
        said = typing.run(fenced()[REPLAYS])
    assert "14,951" in said
    assert "5,261" in said


# --- what stands within lines ------------------------------------------------------------------------------------


def inline() -> dict[str, str]:
    """What stands between backquotes outside of blocks, with the document it was found in."""
    found = {}
    for path in DOCUMENTS:
        text = re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
        for words in re.findall(r"`([^`]+)`", text):
            found[" ".join(words.split())] = path.name
    return found


REQUESTS = sorted(words for words in inline() if re.match(r"(GET|POST|PUT|PATCH|DELETE) \S", words))
COMMANDS = sorted(
    {line.split("#")[0].split("|")[0].strip() for block in fenced().values() for line in block.splitlines()
     if line.startswith("slamon ")} | {words for words in inline() if words.startswith("slamon ")}
)  # fmt: skip


def test_every_request_within_a_line_is_one_the_api_knows(installation: Installation):
    paths = create_app(installation.runtime, with_workers=False).openapi()["paths"]
    known = {f"{m.upper()} {_plain(path)}" for path, methods in paths.items() for m in methods} | {
        "GET /v1/openapi.json"
    }
    for words in REQUESTS:
        method, path = words.split()
        told = f"{method} {_plain(path.partition('?')[0])}"
        if path.startswith("…"):
            assert any(each.startswith(method) and each.endswith(_plain(path[1:])) for each in known), words
        else:
            assert told in known, f"{words} in {inline()[words]}"


def _plain(path: str) -> str:
    return re.sub(r"\{\w+\}|\bID\b", "{}", path)


def test_every_command_within_a_line_is_one_there_is():
    for words in COMMANDS:
        is_a_command(words)


def is_a_command(words: str) -> None:
    """Fail unless the command is there, with these options."""
    command, path = typer.main.get_command(app), words.split()[1:]
    while path and path[0] in (known := getattr(command, "commands", {})):
        command = known[path.pop(0)]
    assert not getattr(command, "commands", {}) or not path or path[0][0] in "-…", f"{words}: no command {path[0]}"
    options = {option for each in _leaves(command) for parameter in each.params for option in parameter.opts}
    unknown = {word.partition("=")[0] for word in path if word.startswith("--")} - options
    assert not unknown, f"{words}: no option {unknown}"


def _leaves(command: Any) -> list[Any]:
    """The command itself, or, where several are meant, all of its group."""
    if not hasattr(command, "commands"):
        return [command]
    return [leaf for each in command.commands.values() for leaf in _leaves(each)]


def test_every_make_target_within_a_line_is_one_there_is():
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {words.split()[1] for words in inline() if words.startswith("make ")}
    assert named <= targets


def test_json_that_is_shown_can_be_read():
    for block in fenced("json").values():
        for document in [block] if block.startswith("{\n") else block.splitlines():
            json.loads(document)
