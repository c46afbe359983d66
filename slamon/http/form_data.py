"""Reading a form. Only UTF-8 is text: the framework would take other bytes for letters that nobody wrote."""

from urllib.parse import unquote_to_bytes

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from slamon.errors import Invalid


async def read_form(request: Request, *, max_files: int, max_fields: int = 1000) -> FormData:
    """The form in the body, in either of its two encodings. Raises Invalid for text that is not UTF-8, and
    HTTPException 400 for what is no form.

    To be closed by the caller where it may hold files.
    """
    if request.headers.get("content-type", "").casefold().startswith("multipart/form-data"):
        parser = _StrictParser(request.headers, request.stream(), max_files=max_files, max_fields=max_fields)
        try:
            return await parser.parse()
        except MultiPartException as error:
            raise HTTPException(400, error.message) from error
    if not _is_utf_8(unquote_to_bytes(await request.body())):
        raise _not_utf_8()
    return await request.form(max_files=max_files, max_fields=max_fields)


class _StrictParser(MultiPartParser):
    """The framework's, without its habit of reading as Latin-1 what is not UTF-8."""

    def on_part_end(self) -> None:
        if self._current_part.file is None and not _is_utf_8(bytes(self._current_part.data)):
            raise _not_utf_8()
        super().on_part_end()


def _not_utf_8() -> Invalid:
    return Invalid("form", "holds text that is not UTF-8; send it as UTF-8")


def _is_utf_8(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
