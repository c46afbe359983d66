"""How a CSV file is told apart and taken apart. What a field means is not known here."""

import csv
import re
from collections.abc import Iterator
from itertools import chain
from typing import TextIO

from slamon.errors import Invalid

MOST_OF_A_LINE = 1_000_000  # characters
_QUOTED = re.compile(r'"(?:[^"]|"")*"')
_SEP = re.compile(r'"?sep=(.)"?[,;\t]*', re.IGNORECASE)


def read_csv(text: TextIO, *, where: str = "", strict: bool = True) -> Iterator[tuple[int, list[str]]]:
    """The fields of every record, the header first, each with the line of the text on which it ends.

    Fields stand between commas, semicolons or tabs, whichever the header has most of outside quotation marks, or as a
    first line `sep=;`, as Excel reads and writes it, says of all that follow. Raises Invalid; `where` begins its words.
    """
    lines = _lines_of(text, where)
    head = [next(lines, "")]
    named = _SEP.fullmatch(head[0].strip("\ufeff\r\n "))
    if named:
        head = [next(lines, "")]
    while "".join(head).count('"') % 2 and sum(map(len, head)) < MOST_OF_A_LINE and (more := next(lines, "")):
        head.append(more)  # a quoted name of several lines
    plain = _QUOTED.sub("", "".join(head)).partition("\n")[0]
    reader = csv.reader(
        chain(head, lines), delimiter=named[1] if named else max(",;\t", key=plain.count), strict=strict
    )
    before = 1 if named else 0
    try:
        for fields in reader:
            yield reader.line_num + before, fields
    except csv.Error as err:
        line = reader.line_num + before
        raise Invalid("file", f"{where}is not CSV: line {line}, {err}. Is a quotation mark missing?") from err


def _lines_of(text: TextIO, where: str) -> Iterator[str]:
    number = 0
    while line := text.readline(MOST_OF_A_LINE):
        number += 1
        if len(line) >= MOST_OF_A_LINE:
            raise Invalid("file", f"{where}line {number} has more than {MOST_OF_A_LINE:,} characters; is it CSV?")
        yield line


def refuse_other_encoding(start: bytes, name: str) -> None:
    """Raise Invalid for a file that is no text in UTF-8 from its first bytes on; `name` is that of the file."""
    if start.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in start[:4]:
        raise Invalid("file", f"{name} is UTF-16 or no text at all; in Excel, save as 'CSV UTF-8'")
    if start.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise Invalid("file", f"{name} is a workbook by its content; give it its own ending, or save it as 'CSV UTF-8'")
