"""A copy of what a clean checkout has and an installation needs, for tests that install it."""

import shutil
from pathlib import Path

from tests.servers.plugin import ROOT


def copied_checkout(target: Path) -> Path:
    target.mkdir(exist_ok=True)
    for file in (*ROOT.glob("requirements*.lock"), *map(ROOT.joinpath, ("Makefile", "pyproject.toml", "README.md"))):
        shutil.copy(file, target)
    shutil.copy(ROOT / "LICENSE", target)
    for package in ("slamon", "workers", "migrations"):
        shutil.copytree(ROOT / package, target / package, ignore=shutil.ignore_patterns("__pycache__"))
    return target
