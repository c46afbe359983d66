"""docker-compose.yml read as docker compose reads it, as far as it goes: what each of slamon's containers is given."""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from tests.servers.plugin import ROOT

_REFERENCE = re.compile(r"\$\{(\w+)(?::([?-])([^}]*))?\}")


def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return document


def slamons_services() -> dict[str, dict[str, Any]]:
    """The services that run slamon's image."""
    return {name: each for name, each in compose()["services"].items() if each.get("image") == "slamon"}


def environment_of(service: Mapping[str, Any], dotenv: Mapping[str, str]) -> dict[str, str]:
    """What the container's processes find in their environment, with this .env beside the file."""
    files = [each["path"] if isinstance(each, dict) else each for each in service.get("env_file", [])]
    from_file = dict(dotenv) if files == [".env"] else {}
    return from_file | {name: _resolved(value, dotenv) for name, value in service.get("environment", {}).items()}


def _resolved(value: str | None, dotenv: Mapping[str, str]) -> str:
    def instead(reference: re.Match[str]) -> str:
        name, how, words = reference.groups()
        if dotenv.get(name):
            return dotenv[name]
        assert how != "?", f"{name}: {words}"
        return words or ""

    return _REFERENCE.sub(instead, value or "")
