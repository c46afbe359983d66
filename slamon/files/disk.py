"""Files in a folder of this host, or one that all hosts share."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from slamon.errors import FileDamaged, Unavailable
from slamon.files import CHUNK


class DiskStore:
    """`folder` is made when the first file comes; a file stands at `ab/abcd...` under it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def incoming(self) -> Path:
        folder = self._folder / "incoming"
        with _kind_errors():
            folder.mkdir(parents=True, exist_ok=True)
        return folder

    def put(self, path: Path, digest: str) -> None:
        """On the disk for good once this returns: the rename is atomic, and both file and folder are synced."""
        target = self._at(digest)
        with _kind_errors():
            target.parent.mkdir(parents=True, exist_ok=True)
            with path.open("rb") as written:
                os.fsync(written.fileno())
            path.replace(target)
            _sync(target.parent)
            _sync(self._folder)

    def open(self, digest: str) -> Iterator[bytes]:
        if not self._folder.is_dir():  # a disk that is not mounted is no lost file
            raise Unavailable("The folder of the files is not there.")
        try:
            with _kind_errors(), self._at(digest).open("rb") as stored:
                while piece := stored.read(CHUNK):
                    yield piece
        except FileNotFoundError:
            raise FileDamaged("is missing") from None

    def _at(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest


def _sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


@contextmanager
def _kind_errors() -> Iterator[None]:
    """A disk that is full, away or broken is told as such; only a file that is not there stays FileNotFoundError."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOENT:
            raise
        raise Unavailable(f"The store of files does not work: {error.strerror}. Please try again.") from error
