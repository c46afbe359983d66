"""The commands an operator types, from nothing to the first start."""

import json
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import structlog
from sqlalchemy import select
from starlette.testclient import TestClient
from typer.testing import CliRunner, Result

from slamon import __version__
from slamon.app import create_app
from slamon.channels.registry import SHIPPED
from slamon.cli.main import app
from slamon.clock import Clock
from slamon.config import Settings
from slamon.db.audit import AuditEntry
from slamon.db.parties import Person
from slamon.domain.timeline import SYSTEM
from slamon.engine import heartbeat
from slamon.engine.cycle import InlineDispatcher, tick
from slamon.engine.heartbeat import Watch
from slamon.errors import SlamonError
from slamon.runtime import build_runtime
from slamon.services.access import callers, one_time_links
from slamon.wording.message import MessageKind
from tests.callers import Api
from tests.installation import ADMIN, CONTACT, PM, Installation, RecordingChannel
from tests.pages import ADDRESS, Site

SETUP = ["setup", "--sponsor", "Acme Bio", "--admin-name", "Ada Admin", "--admin-email", "ada@acme.example"]
PASSWORD = "correct horse battery"
NO_TESTS = [part for name in SHIPPED.names for part in (f"--test-{name}", "")]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"SLAMON_{name.upper()}", raising=False)
    return tmp_path


def run(*words: str) -> Result:
    done = CliRunner().invoke(app, words)
    structlog.reset_defaults()  # the command's log went to the runner's stream, which is closed now
    return done


@contextmanager
def open_pages() -> Iterator[TestClient]:
    """The pages of the installation in this folder, as `slamon serve` would show them."""
    runtime = build_runtime(Settings())
    try:
        yield TestClient(create_app(runtime, with_workers=False), base_url=ADDRESS, follow_redirects=False)
    finally:
        runtime.close()


def test_setup_leads_from_nothing_to_the_first_password(folder: Path):
    done = run(*SETUP, *NO_TESTS)
    assert done.exit_code == 0, done.output
    kept = (folder / ".env").read_text()
    assert 'SLAMON_SPONSOR_NAME="Acme Bio"' in kept
    assert len(Settings().secret_key.get_secret_value()) >= 32
    assert stat.S_IMODE((folder / ".env").stat().st_mode) == 0o600
    with open_pages() as visitor:
        page = visitor.get(link_in(done))
        assert "whoever ran the command on the host" in page.text
        assert set_password(visitor, link_in(done), PASSWORD) == 303
        assert visitor.get("/status").status_code == 200


def test_setting_up_again_keeps_the_secret(folder: Path):
    run(*SETUP, *NO_TESTS)
    before = (folder / ".env").read_text()
    run(*SETUP[:-1], "second@acme.example", *NO_TESTS)
    assert (folder / ".env").read_text() == before


def test_setting_up_again_gives_a_new_link_until_there_is_a_password(folder: Path):
    first, second = link_in(run(*SETUP, *NO_TESTS)), run(*SETUP, *NO_TESTS)
    assert second.exit_code == 0, second.output
    assert "The sponsor is Acme Bio" in second.output
    assert "Administrator: Ada Admin, ada@acme.example" in second.output
    with open_pages() as visitor:
        assert set_password(visitor, first, PASSWORD) == 410
        assert set_password(visitor, link_in(second), PASSWORD) == 303
    third = run(*SETUP, *NO_TESTS)
    assert third.exit_code == 0, third.output
    assert "/welcome/" not in third.output
    assert "slamon new-link ada@acme.example" in third.output


def test_setting_up_makes_nobody_an_administrator_who_is_something_else(
    folder: Path, installation: Installation, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SLAMON_DATABASE_URL", installation.runtime.settings.database_url)
    for email in (PM, CONTACT):
        refused = run(*SETUP[:-1], email.upper(), *NO_TESTS)
        assert isinstance(refused.exception, SlamonError)
        assert "no administrator" in str(refused.exception)
    with installation.runtime.db.write() as session:
        session.get_one(Person, installation.cast.admin).status = "disabled"
    assert "disabled" in str(run(*SETUP[:-1], ADMIN, *NO_TESTS).exception)


def test_where_settings_come_from_the_environment_setup_writes_no_file_and_the_sponsors_name_is_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SLAMON_SECRET_KEY", "s" * 40)
    assert run(*SETUP, *NO_TESTS).exit_code == 0
    assert not (folder / ".env").exists()
    runtime = build_runtime(Settings())
    email = RecordingChannel("email")
    runtime.channels["email"] = email
    with runtime.write() as tx:
        admin = callers.person_by_email(tx.session, "ada@acme.example")
        one_time_links.invite(tx, admin.id, by=SYSTEM)
    tick(runtime, InlineDispatcher(runtime), Watch(8))
    assert [message.sponsor_name for message in email.sent] == ["Acme Bio"]
    runtime.close()


def test_the_sponsors_name_is_read_back_as_it_was_typed(folder: Path):
    run("setup", "--sponsor", 'Bücher "&" Söhne', *SETUP[3:], *NO_TESTS)
    assert Settings().sponsor_name == 'Bücher "&" Söhne'


def test_without_a_mail_server_the_test_mail_is_shown_and_not_called_sent(folder: Path):
    done = run(*SETUP, "--test-email", "ada@acme.example", "--test-slack", "C0TEST")
    assert "Nothing is set to send by email" in done.output
    assert "Nothing is set to send by slack" in done.output
    assert done.exit_code == 0


@pytest.mark.parametrize("command", [["status"], ["verify"], ["alive", "worker"], ["api-key", "ada@acme.example"]])
def test_before_the_set_up_every_command_says_what_to_do(folder: Path, command: list[str]):
    failed = run(*command)
    assert isinstance(failed.exception, SlamonError)
    assert "slamon setup" in str(failed.exception)


def test_status_tells_messages_processes_and_channels(folder: Path):
    run(*SETUP, *NO_TESTS)
    told = json.loads(run("status", "--json").stdout)
    assert (told["well"], told["cycle_age_seconds"]) == (False, None)
    assert told["messages"] == {"queued": 0, "unknown": 0, "sending": 0, "failed": 0}
    assert told["channels"] == dict.fromkeys(SHIPPED.names, "ConsoleChannel")
    assert told["processes"] == []
    said = run("status")
    assert said.exit_code == 1  # nothing runs
    assert "The cycle stands still: no process reports" in said.stdout
    assert "messages" in said.stdout


def test_status_is_well_while_a_loop_passes(folder: Path, installation: Installation, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SLAMON_DATABASE_URL", installation.runtime.settings.database_url)
    here_and_now = replace(installation.runtime, clock=Clock())  # the command reads the host's clock
    here_and_now.vitals.passed_at = here_and_now.clock.monotonic()
    heartbeat.beat(here_and_now, "embedded", 1)
    said = run("status")
    assert said.exit_code == 0, said.stdout
    assert "What is due is being done." in said.stdout
    assert "kind embedded" in said.stdout


def test_an_operator_makes_the_first_key_and_it_opens_the_api(
    folder: Path, installation: Installation, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SLAMON_DATABASE_URL", installation.runtime.settings.database_url)
    secret = run("api-key", "ADMIN@sponsor.example").stdout.strip()
    with installation.runtime.db.read() as session:
        assert callers.caller_by_key(session, secret).name == "Ada Admin"


def test_the_api_document_is_printed_as_it_is_served(folder: Path, installation: Installation):
    served = Api(installation).pm.get("/v1/openapi.json").json()
    assert json.loads(run("openapi").stdout) == served


def test_an_untouched_record_verifies(folder: Path, installation: Installation, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SLAMON_DATABASE_URL", installation.runtime.settings.database_url)
    installation.file()
    assert "1 requests, 0 files and the whole trail" in run("verify").output


def test_without_redis_the_parts_of_the_distributed_set_up_say_so(folder: Path):
    for command in ("api", "ticker"):
        failed = run(command)
        assert isinstance(failed.exception, SlamonError)
        assert "slamon serve" in str(failed.exception)


def test_the_release_is_told(folder: Path):
    assert run("--version").output.strip() == __version__


def test_a_backup_is_restored_into_an_empty_database_and_nowhere_else(folder: Path, monkeypatch: pytest.MonkeyPatch):
    run(*SETUP, *NO_TESTS)
    assert run("backup", "copy").exit_code == 0
    again = run("restore", "copy")
    assert "not empty" in str(again.exception)
    monkeypatch.setenv("SLAMON_DATABASE_URL", f"sqlite:///{folder}/restored.db")
    restored = run("restore", "copy")
    assert "Messages are held back" in restored.output
    assert run("verify").exit_code == 0


def test_a_draft_policy_is_tried_on_the_past(folder: Path, installation: Installation, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SLAMON_DATABASE_URL", installation.runtime.settings.database_url)
    installation.file()
    draft = {"name": "Tighter", "clocks": {"answer": {"target": "PT1H", "limit": "PT2H"}}, "ladder": []}
    (folder / "draft.json").write_text(json.dumps(draft))
    words = ("what-if", "draft.json", "--from", "2026-03-01", "--to", "2026-04-01")
    told = run(*words)
    assert told.exit_code == 0, told.output
    assert "1 requests were filed in the period, 1 would come under the draft." in told.output
    assert json.loads(run(*words, "--json").output)["cmos"][0]["breaches_under_draft"] == 1


def test_a_draft_that_cannot_work_is_refused_by_field(
    folder: Path, installation: Installation, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SLAMON_DATABASE_URL", installation.runtime.settings.database_url)
    for draft, told in (
        ({"name": "No clock", "ladder": []}, "clocks"),
        ({"name": "x", "clocks": {"answer": {"target": "PT9H", "limit": "PT2H"}}, "ladder": []}, "limit"),
    ):
        (folder / "draft.json").write_text(json.dumps(draft))
        refused = run("what-if", "draft.json", "--from", "2026-03-01", "--to", "2026-04-01")
        assert refused.exit_code == 1
        assert told in str(refused.exception)


@pytest.mark.parametrize("days", [("0001-01-01", "2026-04-01"), ("2026-03-01", "9999-12-31")])
def test_a_period_beyond_every_calendar_is_refused_by_option(folder: Path, days: tuple[str, str]):
    run(*SETUP, *NO_TESTS)
    draft = {"name": "Tighter", "clocks": {"answer": {"target": "PT1H", "limit": "PT2H"}}, "ladder": []}
    (folder / "draft.json").write_text(json.dumps(draft))
    refused = run("what-if", "draft.json", "--from", days[0], "--to", days[1])
    assert isinstance(refused.exception, SlamonError)
    assert "between the years 1900 and 2200" in str(refused.exception)


def link_in(done: Result) -> str:
    found = re.search(r"/welcome/[\w-]+", done.output)
    assert found, done.output
    return found[0]


def set_password(visitor: TestClient, path: str, password: str) -> int:
    return visitor.post(path, data={"password": password, "again": password}).status_code


def test_without_a_mail_server_the_host_shows_an_invitation_never_used_and_no_other(folder: Path):
    run(*SETUP, *NO_TESTS)
    with open_pages() as visitor:
        first = link_in(run("invite", "ADA@acme.example"))
        assert "whoever ran the command on the host" in visitor.get(first).text
        assert set_password(visitor, first, "correct horse battery") == 303
    again = run("invite", "ada@acme.example")
    assert isinstance(again.exception, SlamonError)
    assert "slamon new-link ada@acme.example" in str(again.exception)


def test_a_new_link_from_the_host_opens_any_account_and_everybody_with_one_is_told(
    folder: Path, installation: Installation, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SLAMON_DATABASE_URL", installation.runtime.settings.database_url)
    site = Site(installation)
    for person_id in (installation.cast.admin, installation.cast.pm):
        site.password(person_id, "correct horse battery")
    staff = site.staff(installation.cast.pm)
    path = link_in(run("new-link", PM))
    assert staff.get("/status").status_code == 303
    installation.clock.advance(
        seconds=(Clock().real_now() - installation.clock.real_now()).total_seconds()
    )  # the command's own time
    installation.work()
    told = [mail for mail in installation.email.sent if mail.kind is MessageKind.LINK_MADE]
    assert {mail.address for mail in told} == {ADMIN, PM}
    assert all("Petra Manager" in str(mail.detail) and mail.link is None for mail in told)
    with installation.runtime.db.read() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "new_link")).one()
    assert (entry.entity_id, entry.new) == (
        str(installation.cast.pm), {"link_shown_to": "whoever ran the command on the host"}
    )  # fmt: skip
    assert set_password(site.visitor, path, "wooden lamp river") == 303


@pytest.mark.parametrize("command", ["invite", "new-link"])
@pytest.mark.parametrize("address", [CONTACT, "nobody@sponsor.example"])
def test_only_staff_are_given_a_link(
    folder: Path, installation: Installation, monkeypatch: pytest.MonkeyPatch, command: str, address: str
):
    monkeypatch.setenv("SLAMON_DATABASE_URL", installation.runtime.settings.database_url)
    refused = run(command, address)
    assert isinstance(refused.exception, SlamonError)
    assert "/welcome/" not in refused.output


ONE_PROCESS = (
    "import sys, slamon.app; from slamon.config import Settings; from slamon.runtime import build_runtime; "
    "from slamon.cli.runtime import migrate_database; migrate_database(build_runtime(Settings())); "
)


@pytest.mark.parametrize(
    ("does", "not_loaded"),
    [
        (
            "import sys, slamon.cli.main; ",
            {"sqlalchemy", "pydantic", "fastapi", "slack_sdk"},
        ),  # `--help` answers at once
        (ONE_PROCESS, {"psycopg", "redis", "httpx", "openpyxl", "zxcvbn"}),  # memory
    ],
    ids=["help", "one process on SQLite"],
)
def test_what_a_command_does_without_is_not_loaded(
    folder: Path, monkeypatch: pytest.MonkeyPatch, does: str, not_loaded: set[str]
):
    monkeypatch.setenv("SLAMON_DATABASE_URL", f"sqlite:///{folder}/loaded.db")
    loaded = f"{does}print({not_loaded} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"


def test_names_and_files_with_brackets_are_written_as_they_are(folder: Path):
    told = run(*SETUP[:2], "Acme [/EU] :smile: [red]", *SETUP[3:], *NO_TESTS)
    assert told.exit_code == 0
    assert "The sponsor is Acme [/EU] :smile: [red]." in told.output
    assert "✓ [copy].bak, " in run("backup", "[copy].bak").output
    refused = subprocess.run(
        [sys.executable, "-c", "from slamon.cli.main import main; main()", "backup", "[copy].bak"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert refused.returncode == 1
    assert "[copy].bak" in refused.stderr
    assert "Traceback" not in refused.stderr
