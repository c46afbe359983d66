"""The release of the time-zone data: which this process computes deadlines with, and whether the host has a newer."""

import re
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

_HOST_FOLDERS = tuple(map(Path, ("/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/usr/share/lib/zoneinfo")))
_RELEASE = re.compile(r"(?:# version )?(\d{4}[a-z]{1,2})\s")


@lru_cache(maxsize=1)
def zone_data() -> str:
    """The release in use, as terms name it: `tzdata 2026b`."""
    return f"tzdata {_release(files('tzdata') / 'zoneinfo') or 'of an unknown release'}"


@lru_cache(maxsize=1)
def newer_on_host() -> str | None:
    """The release of the host's own zone data, such as `2026c`, where that is newer than the one in use."""
    release = next(filter(None, map(_release, _HOST_FOLDERS)), None)
    return release if release is not None and f"tzdata {release}" > zone_data() else None


def _release(folder: Traversable) -> str | None:
    """From the source file kept beside the zones, or from Apple's `+VERSION`; None where neither says."""
    for name in ("tzdata.zi", "+VERSION"):
        try:
            with (folder / name).open(encoding="utf-8") as source:
                match = _RELEASE.match(source.readline(200))
        except (OSError, UnicodeDecodeError):
            continue
        if match:
            return match[1]
    return None
