"""How a CSV file separates its fields, and which encodings are none we read. What a field means is not known here."""

import re
from collections.abc import Iterator
from typing import TextIO

from slamon.errors import Invalid

MOST_OF_A_LINE = 1_000_000  # characters
_QUOTED = re.compile(r'"(?:[^"]|"")*"')
_SEP = re.compile(r'"?sep=(.)"?[,;\t]*', re.IGNORECASE)


def delimiter_of(header: str) -> str:
    """Comma, semicolon or tab: whichever the header has most of outside quotation marks."""
    plain = _QUOTED.sub("", header).partition("\n")[0]
    return max(",;\t", key=plain.count)


def told_delimiter(line: str) -> str | None:
    """What a first line `sep=;`, as Excel reads and writes it, says of all that follow; None if it is no such line."""
    said = _SEP.fullmatch(line.strip("\ufeff\r\n "))
    return said[1] if said else None


def lines_of(text: TextIO) -> Iterator[str]:
    """Line by line, as they end. Raises Invalid for one that no spreadsheet has."""
    number = 0
    while line := text.readline(MOST_OF_A_LINE):
        number += 1
        if len(line) >= MOST_OF_A_LINE:
            raise Invalid("file", f"line {number} has more than {MOST_OF_A_LINE:,} characters; is it CSV?")
        yield line


def refuse_other_encoding(start: bytes, name: str) -> None:
    """Raise Invalid for a file that is no text in UTF-8 from its first bytes on; `name` is that of the file."""
    if start.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in start[:4]:
        raise Invalid("file", f"{name} is UTF-16 or no text at all; in Excel, save as 'CSV UTF-8'")
    if start.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise Invalid("file", f"{name} is a workbook by its content; give it its own ending, or save it as 'CSV UTF-8'")
