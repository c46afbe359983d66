"""Walk from the requirements of pyproject.toml through the metadata of what is installed, extras and markers included,
and exit 1 naming whatever a lock lacks or holds in another version. `make` installs the locks without resolving
anything, so a requirement that no lock names is a package that nobody installs; `pip check` does not look at extras.

Given a folder, the pyproject.toml and the locks there are read; otherwise those of this checkout.
"""

import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1]
_PIN = re.compile(r"(?P<name>[\w.-]+)==(?P<version>[^\s;]+)(?:\s*;\s*(?P<marker>[^\\]+))?")


def requirements() -> dict[str, list[str]]:
    """What each lock is made from, as `make lock` gives it to uv."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    extras, groups = project["project"]["optional-dependencies"], project["dependency-groups"]
    run = [*project["project"]["dependencies"], *extras["demo"]]
    dev = [*run, *extras["s3"], *groups["dev"]]
    return {
        "requirements.lock": run,
        "requirements-dev.lock": dev,
        "requirements-bench.lock": [*dev, *groups["bench"]],
        "requirements-build.lock": [*project["build-system"]["requires"], "editables"],
    }


def pinned(lock: Path) -> dict[str, str]:
    """Version by name, of the lines that count in this environment."""
    pins = (match for line in lock.read_text("utf-8").splitlines() if (match := _PIN.match(line)))
    return {
        str(canonicalize_name(pin["name"])): pin["version"]
        for pin in pins
        if pin["marker"] is None or Marker(pin["marker"].strip()).evaluate()
    }


def faults(wanted: Iterable[str], lock: dict[str, str]) -> Iterator[str]:
    """What `wanted`, and all that it wants in turn, needs and does not find in the lock."""
    waiting = [(Requirement(line), "pyproject.toml", "") for line in wanted]
    seen = set()
    while waiting:
        requirement, wanted_by, extra = waiting.pop()
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = str(canonicalize_name(requirement.name))
        version = lock.get(name)
        if version is None:
            yield f"{name} is missing ({wanted_by} wants {requirement})"
        elif not requirement.specifier.contains(version, prereleases=True):
            yield f"{name} {version} is not what {wanted_by} wants ({requirement})"
        for chosen in {"", *requirement.extras} - {known for other, known in seen if other == name}:
            seen.add((name, chosen))
            own = f"{name}[{chosen}]" if chosen else name
            waiting += ((Requirement(line), own, chosen) for line in needs(name))


def needs(name: str) -> list[str]:
    """What the installed metadata ask for; nothing where it is not installed, as with what only `make bench` needs."""
    try:
        return distribution(name).requires or []
    except PackageNotFoundError:
        return []


def installed_otherwise(lock: dict[str, str]) -> Iterator[str]:
    """Installed versions that differ from the lock: the walk would read the metadata of something else."""
    for name, version in lock.items():
        try:
            found = distribution(name).version
        except PackageNotFoundError:
            continue
        if found != version:
            yield f"{name} {found} is installed, not {version}; run make again, or make lock"


def every_fault() -> Iterator[str]:
    for name, wanted in requirements().items():
        lock = pinned(ROOT / name)
        yield from (f"{name}: {fault}" for fault in (*faults(wanted, lock), *installed_otherwise(lock)))


found = list(every_fault())
print(*found, sep="\n", end="\n" if found else "")  # noqa: T201
sys.exit(bool(found))
