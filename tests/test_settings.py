"""config.py, .env.example, docker-compose.yml, the Dockerfile and the docs say the same of settings and versions."""

import re
from pathlib import Path

import pytest
from dotenv import dotenv_values

from slamon.config import Settings
from tests.compose import compose, environment_of, slamons_services
from tests.servers.plugin import ROOT

EXAMPLE = (ROOT / ".env.example").read_text()
FOR_TESTS = {"SLAMON_CRASH_AT"}
SETTINGS = {f"SLAMON_{name.upper()}" for name in Settings.model_fields} - FOR_TESTS
# What compose itself knows: where its own services are. The owner's access is the migration's alone.
OF_COMPOSE = {"database_url", "database_owner_url", "database_owner_password", "redis_url", "files_directory"}
DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "docker-compose.yml", ROOT / "Makefile"]
DEBIANS_POSTGRESQL = {"bookworm": 15, "trixie": 17}


def named(text: str) -> set[str]:
    return set(re.findall(r"SLAMON_[A-Z0-9_]*[A-Z0-9]", text))


def filled_in() -> str:
    """.env.example with every optional line taken, and the required ones filled in."""
    taken = re.sub(r"^# (SLAMON_\w+=)", r"\1", EXAMPLE, flags=re.MULTILINE)
    return re.sub(r"^(SLAMON_\w+)=$", lambda line: f"{line[1]}={line[1].lower()}-{'x' * 40}", taken, flags=re.MULTILINE)


@pytest.fixture
def dotenv(tmp_path: Path) -> dict[str, str]:
    (tmp_path / ".env").write_text(filled_in())
    return {name: value for name, value in dotenv_values(tmp_path / ".env").items() if value is not None}


def settings_of(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in named(" ".join(SETTINGS)):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return Settings(_env_file=None)


def test_every_setting_stands_in_the_example_under_words_that_say_what_it_is():
    lines = EXAMPLE.splitlines()
    assert named(EXAMPLE) == SETTINGS
    for name in SETTINGS:
        (at,) = (number for number, line in enumerate(lines) if re.match(rf"(# )?{name}=", line))
        above = next(line for line in reversed(lines[:at]) if not re.match(r"(# )?SLAMON_\w+=", line))
        assert above.startswith("# "), name
        assert not above.startswith("# ---"), name


def test_what_the_example_shows_can_be_taken(dotenv: dict[str, str], monkeypatch: pytest.MonkeyPatch):
    taken = settings_of(dotenv, monkeypatch)
    assert {name for name in SETTINGS if not getattr(taken, name.removeprefix("SLAMON_").lower())} == set()


@pytest.mark.parametrize("name", slamons_services())
def test_every_setting_of_the_env_file_reaches_every_container(
    name: str, dotenv: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    given = environment_of(slamons_services()[name], dotenv)
    assert given.keys() <= SETTINGS
    wanted = settings_of(dotenv, monkeypatch).model_dump()
    reached = settings_of(given, monkeypatch).model_dump()
    assert {field for field in wanted if wanted[field] != reached[field]} <= OF_COMPOSE


def test_in_compose_only_the_migration_holds_the_owners_password(
    dotenv: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    services = slamons_services()
    owner = dotenv["SLAMON_DATABASE_OWNER_PASSWORD"]
    for name in services.keys() - {"migrate"}:
        given = environment_of(services[name], dotenv)
        assert owner not in " ".join(given.values()), name
        seen = settings_of(given, monkeypatch)
        assert seen.owned_database == seen.database
    migrates = settings_of(environment_of(services["migrate"], dotenv), monkeypatch)
    server = compose()["services"]["postgres"]["environment"]
    assert migrates.owned_database.username == server["POSTGRES_USER"] != migrates.database.username
    assert migrates.owned_database.password == owner
    assert migrates.owned_database.database == migrates.database.database == server["POSTGRES_DB"]


def test_compose_insists_on_what_the_example_leaves_to_fill_in():
    insisted = set(re.findall(r"\$\{(SLAMON_\w+):\?", (ROOT / "docker-compose.yml").read_text()))
    assert set(re.findall(r"^(SLAMON_\w+)=$", EXAMPLE, re.MULTILINE)) == insisted


def test_no_document_names_a_setting_that_there_is_not():
    for path in DOCUMENTS:
        unknown = {name for name in named(path.read_text()) - SETTINGS - FOR_TESTS if "SLAMON_TEST_" not in name}
        assert unknown == set(), path.name


def test_the_image_holds_a_client_not_older_than_composes_postgresql():
    dockerfile = (ROOT / "Dockerfile").read_text()
    (release,) = set(re.findall(r"^FROM python:[\d.]+-slim-(\w+)", dockerfile, re.MULTILINE))
    assert not re.findall(r"^FROM (?!python:[\d.]+-slim-)", dockerfile, re.MULTILINE)
    (client,) = re.findall(r"postgresql-client-(\d+)", dockerfile)
    (server,) = re.findall(r"^postgres:(\d+)", compose()["services"]["postgres"]["image"])
    assert DEBIANS_POSTGRESQL[release] == int(client) >= int(server)


def test_a_setting_that_cannot_be_read_is_named_and_not_shown(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(ValueError, match="secret_key") as refused:
        settings_of({"SLAMON_SECRET_KEY": "too-short-a-secret"}, monkeypatch)
    assert "too-short" not in str(refused.value)
