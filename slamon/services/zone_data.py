"""Which release of the time-zone data a zone comes from, so that terms can say by which they were made."""

import re
import zoneinfo
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path


@lru_cache(maxsize=1024)
def zone_data_of(time_zone: str) -> str:
    """The release from which this process reads a zone: `tzdata 2025b`.

    A zone is looked for as `zoneinfo` does: first in the system's folders, which have it from the distribution, then
    in the package `tzdata`. Asked once, for a zone is read once.
    """
    system = (folder for folder in map(Path, zoneinfo.TZPATH) if (folder / time_zone).is_file())
    return f"tzdata {_release(next(system, files('tzdata') / 'zoneinfo'))}"


def _release(folder: Traversable) -> str:
    """As the source file says that is kept beside the zones; where there is none, nobody can tell."""
    try:
        with (folder / "tzdata.zi").open(encoding="utf-8") as source:
            header = re.match(r"# version (\S{1,40})", source.readline(200))
    except OSError:
        header = None
    return header[1] if header else "of an unknown release"
