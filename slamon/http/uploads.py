"""Files over HTTP, both ways, for the API and the pages: a multipart form in, a checked download out."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import IO
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import StreamingResponse
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from slamon.db.attachments import Attachment
from slamon.errors import FileDamaged, Invalid
from slamon.files.intake import Sent, Stored, checked, pieces, take_in
from slamon.http.form_data import read_form
from slamon.runtime import Runtime
from slamon.services.requests.attachments import record_damage

_AROUND = 200_000  # bytes of a form beside its file
_PLAIN = re.compile(r"[^A-Za-z0-9._ -]")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it arrived, not yet looked at. `source` is closed with the form it came in."""

    sent: Sent
    source: IO[bytes]

    def store(self, runtime: Runtime) -> Stored:
        """Check it and put its bytes into the store. Raises what `take_in` does."""
        return take_in(runtime.files, self.sent, self.source, most_bytes=runtime.settings.attachment_max_bytes)


@asynccontextmanager
async def form_with_file(request: Request, runtime: Runtime, *, takes_file: bool = True) -> AsyncIterator[FormData]:
    """The form in the body. A multipart one may be as large as a file may be; reading stops where it is larger.

    Other forms stay in memory, so they stay small. Say `takes_file=False` where the sender may not send one. Raises
    Invalid.
    """
    if takes_file and request.headers.get("content-type", "").casefold().startswith("multipart/form-data"):
        request.state.body_limit = runtime.settings.attachment_max_bytes + _AROUND
    try:
        form = await read_form(request, max_files=1)
    except HTTPException as error:
        if error.status_code != 400:
            raise
        raise Invalid("file", "cannot be read; send one file in a multipart form") from error
    try:
        yield form
    finally:
        await form.close()


def file_in(form: FormData, *, size: int | None = None, sha256: str | None = None) -> Upload | None:
    """The file in the field `file`; None where none was chosen. Raises Invalid for a path as its name."""
    value = form.get("file")
    if not isinstance(value, UploadFile) or not value.filename:
        return None
    if "\\" in value.headers.get("content-disposition", ""):  # of `C:\\x.pdf` the parser leaves only the last part
        raise Invalid("file", "has a name that looks like a path; send a plain name such as report.pdf")
    return Upload(Sent(value.filename, value.content_type or "", size, sha256), value.file)


def download(runtime: Runtime, row: Attachment, *, asked_by: str) -> StreamingResponse:
    """The file, if it is what was uploaded. Otherwise the trail gets an entry, and FileDamaged is raised.

    To be called with no transaction open.
    """
    try:
        copy = checked(runtime.files, row.sha256)
    except FileDamaged as error:
        with runtime.write() as tx:
            record_damage(tx, row, error.what, asked_by=asked_by)
        raise
    headers = {
        "Content-Type": row.media_type,
        "Content-Length": str(row.size),
        "Content-Disposition": disposition(row.name),
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Robots-Tag": "noindex",
    }
    return StreamingResponse(pieces(copy), headers=headers)


def disposition(name: str) -> str:
    """To be saved, never shown in place; after RFC 6266, with a plain name for old readers."""
    return f"attachment; filename=\"{_PLAIN.sub('_', name)}\"; filename*=UTF-8''{quote(name, safe='')}"
