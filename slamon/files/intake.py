"""Bytes on their way in and out: counted, hashed and checked while they pass, never whole in memory."""

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from slamon.errors import FileDamaged, Invalid, TooLarge, Unavailable
from slamon.files import CHUNK, FileStore
from slamon.files.kinds import HEAD, Kind, kind_named, proper_name

_IN_MEMORY = 1024 * 1024  # bytes of a copy on its way out; larger ones go through a temporary file


@dataclass(frozen=True, slots=True)
class Sent:
    """A file as its sender describes it; `size` in bytes and `sha256` in hexadecimal where they were declared."""

    name: str
    media_type: str
    size: int | None = None
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """A file whose bytes are in the store."""

    name: str
    media_type: str
    size: int
    sha256: str


def take_in(store: FileStore, sent: Sent, source: IO[bytes], *, most_bytes: int) -> Stored:
    """Check a file and put its bytes into the store. What is refused leaves nothing behind.

    Raises Invalid for a name, type, size or digest that is not as it should be, TooLarge, Unavailable.
    """
    name = proper_name(sent.name)
    kind = kind_named(name, sent.media_type)
    with _temporary(store.incoming) as path:
        size, digest = _copy(source, path, kind, most_bytes)
        if sent.size is not None and sent.size != size:
            raise Invalid("size", f"was declared as {sent.size:,} bytes, but {size:,} arrived; send the file again")
        if sent.sha256 is not None and sent.sha256.strip().casefold() != digest:
            raise Invalid("sha256", "is not that of the bytes that arrived; send the file again")
        store.put(path, digest)
    return Stored(name, kind.media_type, size, digest)


def checked(store: FileStore, digest: str) -> IO[bytes]:
    """A copy of stored bytes at its beginning, certain to have this digest; to be closed by the caller.

    What leaves is the very copy that was hashed. Raises FileDamaged, Unavailable.
    """
    copy = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 (the caller reads and closes it)
    try:
        hashed = hashlib.sha256()
        for piece in store.open(digest):
            hashed.update(piece)
            copy.write(piece)
        if hashed.hexdigest() != digest:
            raise FileDamaged("is not what was uploaded")
        copy.seek(0)
    except BaseException:
        copy.close()
        raise
    return copy


def damage(store: FileStore, digest: str) -> str | None:
    """What is wrong with stored bytes, in words; None if they are as they were uploaded."""
    hashed = hashlib.sha256()
    try:
        for piece in store.open(digest):
            hashed.update(piece)
    except FileDamaged as error:
        return error.what
    return None if hashed.hexdigest() == digest else "is not what was uploaded"


def pieces(copy: IO[bytes]) -> Iterator[bytes]:
    """What is left of an open file, piece by piece; closes it at the end."""
    with copy:
        while piece := copy.read(CHUNK):
            yield piece


def _copy(source: IO[bytes], path: Path, kind: Kind, most_bytes: int) -> tuple[int, str]:
    """Size and digest of what was copied. Stops at the first sign that it will be refused."""
    hashed, size, tail, is_inside = hashlib.sha256(), 0, b"", not kind.inside
    try:
        with path.open("wb") as target:
            while piece := source.read(CHUNK):
                if not size and not kind.begins(piece[:HEAD]):
                    raise Invalid(
                        "file", "does not begin as a {kind} file does; send it in its own format", kind=kind.endings[0]
                    )
                size += len(piece)
                if size > most_bytes:
                    raise TooLarge(f"The file is larger than {most_bytes:,} bytes, the most that is taken.")
                hashed.update(piece)
                target.write(piece)
                is_inside = is_inside or kind.inside in tail + piece
                tail = piece[-len(kind.inside) :]  # it may stand across two pieces
    except OSError as error:
        raise Unavailable(f"The file cannot be stored: {error.strerror}. Please try again.") from error
    if not size:
        raise Invalid("file", "is empty")
    if not is_inside:
        raise Invalid("file", "is not a {kind} file inside; send it in its own format", kind=kind.endings[0])
    return size, hashed.hexdigest()


@contextmanager
def _temporary(folder: Path) -> Iterator[Path]:
    """A new file's path; what is still there at the end is removed."""
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix="slamon-", delete=False) as made:
            path = Path(made.name)
    except OSError as error:
        raise Unavailable(f"The file cannot be stored: {error.strerror}. Please try again.") from error
    try:
        yield path
    finally:
        with suppress(FileNotFoundError):
            path.unlink()
