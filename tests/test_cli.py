"""The commands an operator types, from nothing to the first start."""

import json
import re
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from slamon import __version__
from slamon.cli import app
from slamon.clock import Clock
from slamon.config import Settings
from slamon.db.database import Database
from slamon.db.parties import Person
from slamon.domain.terms import DeliveryChannel
from slamon.domain.timeline import SYSTEM
from slamon.engine import heartbeat
from slamon.engine.cycle import Inline, tick
from slamon.engine.heartbeat import Watch
from slamon.errors import LinkGone, SlamonError
from slamon.runtime import build_runtime
from slamon.services import access
from tests.api.conftest import Api
from tests.world import ADMIN, CONTACT, PM, START, RecordingChannel, World

SETUP = ["setup", "--sponsor", "Acme Bio", "--admin-name", "Ada Admin", "--admin-email", "ada@acme.example"]
PASSWORD = "correct horse battery"
NO_TESTS = ["--test-email", "", "--test-slack", ""]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"SLAMON_{name.upper()}", raising=False)
    return tmp_path


def run(*words: str) -> Result:
    return CliRunner().invoke(app, words)


def welcome(done: Result) -> str:
    """What the printed link opens."""
    link = re.search(r"/welcome/([\w-]+)", done.output)
    assert link, done.output
    return link[1]


def test_setup_leads_from_nothing_to_the_first_password(folder: Path):
    done = run(*SETUP, *NO_TESTS)
    assert done.exit_code == 0, done.output
    kept = (folder / ".env").read_text()
    assert 'SLAMON_SPONSOR_NAME="Acme Bio"' in kept
    assert len(Settings().secret_key.get_secret_value()) >= 32
    assert stat.S_IMODE((folder / ".env").stat().st_mode) == 0o600
    database = Database(Settings().database_url)
    with database.write() as session:
        person = access.set_password(session, welcome(done), PASSWORD, real_now=START)
        assert person.roles == ["admin"]
    database.close()


def test_setting_up_again_keeps_the_secret(folder: Path):
    run(*SETUP, *NO_TESTS)
    before = (folder / ".env").read_text()
    run(*SETUP[:-1], "second@acme.example", *NO_TESTS)
    assert (folder / ".env").read_text() == before


def test_setting_up_again_gives_a_new_link_until_there_is_a_password(folder: Path):
    first, second = welcome(run(*SETUP, *NO_TESTS)), run(*SETUP, *NO_TESTS)
    assert second.exit_code == 0, second.output
    assert "The sponsor is Acme Bio" in second.output
    assert "Administrator: Ada Admin, ada@acme.example" in second.output
    database = Database(Settings().database_url)
    with pytest.raises(LinkGone), database.write() as session:
        access.set_password(session, first, PASSWORD, real_now=START)
    with database.write() as session:
        access.set_password(session, welcome(second), PASSWORD, real_now=START)
    database.close()
    third = run(*SETUP, *NO_TESTS)
    assert third.exit_code == 0, third.output
    assert "/welcome/" not in third.output
    assert "slamon new-link ada@acme.example" in third.output


def test_setting_up_makes_nobody_an_administrator_who_is_something_else(
    folder: Path, world: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SLAMON_DATABASE_URL", world.runtime.settings.database_url)
    for email in (PM, CONTACT):
        refused = run(*SETUP[:-1], email.upper(), *NO_TESTS)
        assert isinstance(refused.exception, SlamonError)
        assert "no administrator" in str(refused.exception)
    with world.runtime.db.write() as session:
        session.get_one(Person, world.cast.admin).status = "disabled"
    assert "disabled" in str(run(*SETUP[:-1], ADMIN, *NO_TESTS).exception)


def test_where_settings_come_from_the_environment_setup_writes_no_file_and_the_sponsors_name_is_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SLAMON_SECRET_KEY", "s" * 40)
    assert run(*SETUP, *NO_TESTS).exit_code == 0
    assert not (folder / ".env").exists()
    runtime = build_runtime(Settings())
    email = RecordingChannel("email")
    runtime.channels[DeliveryChannel.EMAIL] = email
    with runtime.db.write() as session:
        admin = access.person_by_email(session, "ada@acme.example")
        access.invite(session, admin.id, by=SYSTEM, now=runtime.clock.now(), real_now=runtime.clock.real_now())
    tick(runtime, Inline(runtime), Watch(8))
    assert [message.sponsor_name for message in email.sent] == ["Acme Bio"]
    runtime.close()


def test_the_sponsors_name_is_read_back_as_it_was_typed(folder: Path):
    run("setup", "--sponsor", 'Bücher "&" Söhne', *SETUP[3:], *NO_TESTS)
    assert Settings().sponsor_name == 'Bücher "&" Söhne'


def test_without_a_mail_server_the_test_mail_is_shown_and_set_up_goes_on(folder: Path):
    done = run(*SETUP, "--test-email", "ada@acme.example", "--test-slack", "C0TEST")
    assert "Test message sent by email" in done.output
    assert "Test message sent by slack" in done.output


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
    assert told["channels"] == {"slack": "ConsoleChannel", "email": "ConsoleChannel"}
    assert told["processes"] == []
    said = run("status")
    assert said.exit_code == 1  # nothing runs
    assert "The cycle stands still: no process reports" in said.stdout
    assert "messages" in said.stdout


def test_status_is_well_while_a_loop_passes(folder: Path, world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SLAMON_DATABASE_URL", world.runtime.settings.database_url)
    here_and_now = replace(world.runtime, clock=Clock())  # the command reads the host's clock
    here_and_now.vitals.passed_at = here_and_now.clock.monotonic()
    heartbeat.beat(here_and_now, "embedded", 1)
    said = run("status")
    assert said.exit_code == 0, said.stdout
    assert "What is due is being done." in said.stdout
    assert "kind embedded" in said.stdout


def test_an_operator_makes_the_first_key_and_it_opens_the_api(
    folder: Path, world: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SLAMON_DATABASE_URL", world.runtime.settings.database_url)
    secret = run("api-key", "ADMIN@sponsor.example").stdout.strip()
    with world.runtime.db.read() as session:
        assert access.caller_by_key(session, secret).name == "Ada Admin"


def test_the_api_document_is_printed_as_it_is_served(folder: Path, world: World):
    served = Api(world).pm.get("/v1/openapi.json").json()
    assert json.loads(run("openapi").stdout) == served


def test_an_untouched_record_verifies(folder: Path, world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SLAMON_DATABASE_URL", world.runtime.settings.database_url)
    world.file()
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


def test_a_draft_policy_is_tried_on_the_past(folder: Path, world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SLAMON_DATABASE_URL", world.runtime.settings.database_url)
    world.file()
    draft = {"name": "Tighter", "clocks": {"answer": {"target": "PT1H", "limit": "PT2H"}}, "ladder": []}
    (folder / "draft.json").write_text(json.dumps(draft))
    words = ("what-if", "draft.json", "--from", "2026-03-01", "--to", "2026-04-01")
    told = run(*words)
    assert told.exit_code == 0, told.output
    assert "1 requests were filed in the period, 1 would come under the draft." in told.output
    assert json.loads(run(*words, "--json").output)["cmos"][0]["breaches_under_draft"] == 1


def test_a_draft_that_cannot_work_is_refused_by_field(folder: Path, world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SLAMON_DATABASE_URL", world.runtime.settings.database_url)
    for draft, told in (
        ({"name": "No clock", "ladder": []}, "clocks"),
        ({"name": "x", "clocks": {"answer": {"target": "PT9H", "limit": "PT2H"}}, "ladder": []}, "limit"),
    ):
        (folder / "draft.json").write_text(json.dumps(draft))
        refused = run("what-if", "draft.json", "--from", "2026-03-01", "--to", "2026-04-01")
        assert refused.exit_code == 1
        assert told in str(refused.exception)
