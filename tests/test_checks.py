"""The scripts of `make check`: each fails on the fault it is there for."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from slamon.app import create_app
from tests.checkout import copied_checkout
from tests.installation import Installation
from tests.servers.plugin import ROOT


def checked(script: str, *words: object, given: str = "") -> tuple[int, str]:
    command = [sys.executable, ROOT / ".ci" / script, *map(str, words)]
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_a_document_whose_references_lead_nowhere_fails(installation: Installation):
    document = create_app(installation.runtime, with_workers=False).openapi()
    assert checked("check_openapi.py", given=json.dumps(document)) == (0, "")
    del document["components"]["schemas"]["Problem"]
    document["paths"]["/v1/requests"]["get"]["operationId"] = "fileRequest"
    document["components"]["schemas"]["ConfirmDispatch"]["type"] = "objekt"
    document["info"].pop("title")
    status, said = checked("check_openapi.py", given=json.dumps(document))
    assert status == 1
    for fault in (
        "#/components/schemas/Problem leads nowhere",
        "fileRequest is used 2 times",
        "schemas/ConfirmDispatch",
        '"title"',
    ):
        assert fault in said


@pytest.fixture
def locks(tmp_path: Path) -> Path:
    """A folder with pyproject.toml and the locks, to be spoilt."""
    for file in (ROOT / "pyproject.toml", *ROOT.glob("requirements*.lock")):
        shutil.copy(file, tmp_path)
    return tmp_path


def spoil(lock: Path, line: str, instead: str) -> None:
    text = lock.read_text()
    assert line in text
    lock.write_text(text.replace(line, instead))


def test_the_locks_hold_all_that_is_asked_for(locks: Path):
    assert checked("check_locks.py", locks) == (0, "")


@pytest.mark.parametrize(
    ("lock", "line", "instead", "told"),
    [
        ("requirements.lock", "\npsycopg-pool==", "\nother==", "psycopg-pool is missing (psycopg[pool] wants"),
        ("requirements.lock", "aiosmtpd==", "other==", "aiosmtpd is missing (pyproject.toml wants"),
        ("requirements-dev.lock", "\nbotocore==", "\nother==", "botocore is missing (pyproject.toml wants"),
        ("requirements-dev.lock", "\ncoverage==", "\nother==", "coverage is missing (pytest-cov wants coverage[toml]"),
        ("requirements-bench.lock", "\ntimegrid==", "\nother==", "timegrid is missing (pyproject.toml wants"),
        ("requirements-build.lock", "\npathspec==", "\nother==", "pathspec is missing (hatchling wants"),
        ("requirements.lock", "\ndramatiq==", "\ndramatiq==1.", "is not what pyproject.toml wants (dramatiq[redis]"),
    ],
)
def test_a_lock_that_lacks_what_is_asked_for_fails(locks: Path, lock: str, line: str, instead: str, told: str):
    spoil(locks / lock, line, instead)
    status, said = checked("check_locks.py", locks)
    assert status == 1
    assert f"{lock}: " in said
    assert told in said


def test_a_requirement_that_no_lock_knows_yet_fails(locks: Path):
    spoil(locks / "pyproject.toml", '"uvicorn>=0.38"', '"uvicorn[standard]>=0.38"')
    status, said = checked("check_locks.py", locks)
    assert status == 1
    assert "requirements.lock: watchfiles is missing (uvicorn[standard] wants" in said


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_an_old_pip_installs_every_lock(tmp_path: Path):
    copied_checkout(tmp_path)
    run([sys.executable, "-m", "venv", ".venv"], tmp_path)
    older = [".venv/bin/python", "-m", "pip", "install", "--quiet", "pip==22.3"]
    fetched = subprocess.run(older, cwd=tmp_path, capture_output=True, text=True, check=False)
    if fetched.returncode:
        pytest.skip(f"no registry that has pip 22.3: {fetched.stderr[-200:]}")
    targets = [f".venv/.ready-{environment}" for environment in ("run", "dev", "bench")]
    run(["make", *targets], tmp_path, PATH="/usr/bin:/bin")  # where no uv is
    assert "pip 22.3 " in run([".venv/bin/python", "-m", "pip", "--version"], tmp_path)
    assert run([".venv/bin/python", ROOT / ".ci" / "check_locks.py"], tmp_path) == ""


def run(command: list[str | Path], folder: Path, **environment: str) -> str:
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
