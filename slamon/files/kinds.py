"""Which files may come in, and what they must be called. Pure.

A file is of a kind only where three things agree: the end of its name, the media type its sender declares, and its
first bytes. No kind here runs as a program; archives are not taken, since nobody sees what is in them.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from slamon.domain.normal_form import is_blank
from slamon.errors import Invalid

LONGEST_NAME = 200
HEAD = 512  # bytes by which a kind is known
# What senders say who do not know; browsers do for kinds that their system has no program for.
UNDECLARED = frozenset({"", "application/octet-stream"})
_OFFICE = "application/vnd.openxmlformats-officedocument."
_DRIVE = re.compile(r"[A-Za-z]:")
_TURNS_TEXT = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")  # would show fdp.exe as exe.pdf


@dataclass(frozen=True, slots=True)
class Kind:
    """`also` are other media types in use for it; `inside` stands somewhere in every file of this kind."""

    media_type: str
    endings: tuple[str, ...]
    begins: Callable[[bytes], bool]
    also: frozenset[str] = frozenset()
    inside: bytes = b""


def _with(*magic: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(magic)


def _as_text(head: bytes) -> bool:
    """Plain text has no magic: it is not any of the others, and holds no NUL unless it is UTF-16 and says so."""
    is_other = any(kind.begins(head) for kind in _WITH_MAGIC)
    return not is_other and (b"\x00" not in head or head.startswith((b"\xff\xfe", b"\xfe\xff")))


_ZIP = _with(b"PK\x03\x04")
_WITH_MAGIC = (
    Kind("application/pdf", ("pdf",), _with(b"%PDF-")),
    Kind(f"{_OFFICE}spreadsheetml.sheet", ("xlsx",), _ZIP, inside=b"xl/workbook.xml"),
    Kind(f"{_OFFICE}wordprocessingml.document", ("docx",), _ZIP, inside=b"word/document.xml"),
    Kind("image/png", ("png",), _with(b"\x89PNG\r\n\x1a\n")),
    Kind("image/jpeg", ("jpg", "jpeg"), _with(b"\xff\xd8\xff"), frozenset({"image/jpg", "image/pjpeg"})),
)
KINDS = (
    *_WITH_MAGIC,
    # Windows calls every CSV file Excel's.
    Kind("text/csv", ("csv",), _as_text, frozenset({"application/csv", "application/vnd.ms-excel", "text/plain"})),
    Kind("text/plain", ("txt",), _as_text),
)
TAKEN = ", ".join(kind.endings[0] for kind in KINDS)
ACCEPT = ",".join(f".{ending}" for kind in KINDS for ending in kind.endings)  # for a form's file field


def proper_name(name: str) -> str:
    """The name, composed as Unicode has it (NFC). Raises Invalid for what could be a path or could not be shown."""
    name = unicodedata.normalize("NFC", name.strip())
    if is_blank(name.rpartition(".")[0] or name):
        raise Invalid("file", "needs a name")
    if len(name) > LONGEST_NAME:
        raise Invalid(
            "file", "has a name of {length} characters; {most} are the most", length=len(name), most=LONGEST_NAME
        )
    if "/" in name or "\\" in name or name.startswith(".") or _DRIVE.match(name):
        raise Invalid("file", "has a name that looks like a path; send a plain name such as report.pdf")
    if _TURNS_TEXT & set(name) or any(unicodedata.category(each) in ("Cc", "Cs") for each in name):
        raise Invalid("file", "has a name with characters that cannot be shown")
    return name


def kind_named(name: str, declared: str) -> Kind:
    """The kind a name and its sender's media type agree on. Raises Invalid."""
    ending = name.rpartition(".")[2].casefold() if "." in name else ""
    kind = next((kind for kind in KINDS if ending in kind.endings), None)
    if kind is None:
        raise Invalid("file", "is of a type that is not taken; send one of {kinds}", kinds=TAKEN)
    said = declared.partition(";")[0].strip().casefold()
    if said not in UNDECLARED | kind.also | {kind.media_type}:
        raise Invalid(
            "file",
            "ends in .{ending} but was sent as another media type; {expected} is expected",
            ending=ending,
            expected=kind.media_type,
        )
    return kind
