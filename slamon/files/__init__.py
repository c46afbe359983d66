"""Where the bytes of attachments are kept: each once, under their own SHA-256. One small protocol, one file a store.

Stores know nothing of requests, names or the database. What may come in at all is decided in `kinds`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

CHUNK = 64 * 1024  # bytes in memory at a time


class FileStore(Protocol):
    """Keeps bytes by their digest. Each method raises Unavailable while the store is away or full."""

    @property
    def incoming(self) -> Path:
        """An existing folder for files on their way in; where it can be, on the store's own disk."""

    def put(self, path: Path, digest: str) -> None:
        """Take over the file at `path`, whose digest this is. The same bytes again change nothing, and mend a copy
        that has gone bad."""

    def open(self, digest: str) -> Iterator[bytes]:
        """The bytes in pieces, unchecked: use `checked`. Raises FileDamaged where there are none."""
