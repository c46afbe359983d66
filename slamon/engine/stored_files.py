"""Proves that every attachment is still there and what was uploaded, without holding a transaction while it reads."""

from collections.abc import Iterator

from slamon.files.intake import damage
from slamon.runtime import Runtime
from slamon.services.reports.verify import Difference, FileRow, files_after


def verify_files(runtime: Runtime) -> Iterator[int | Difference]:
    """Compare every attachment's row with the trail and its bytes with their hash.

    Yields how many were checked, batch by batch, and any difference. Bytes that several share are read once.
    """
    last: FileRow | None = None
    while True:
        with runtime.db.read() as session:
            rows = files_after(session, last)
        if not rows:
            return
        for row in rows:
            is_read = last is not None and last.sha256 == row.sha256
            what = row.what or (None if is_read else damage(runtime.files, row.sha256))
            if what is not None:
                yield Difference(row.where, what)
            last = row
        yield len(rows)
