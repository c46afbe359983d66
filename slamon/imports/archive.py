"""The XML parts of a packed document, parsed while they are unpacked.

What is parsed is bounded in bytes, elements and depth, wherever in the archive it lies and whatever it is called. What
a part means is not known here.
"""

import posixpath
from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias
from xml.parsers.expat import ParserCreate
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from slamon.errors import Invalid

MAX_UNPACKED_BYTES = 30_000_000
MOST_ELEMENTS = 1_000_000  # 20,000 rows of 25 cells
_DEEPEST = 40
_CHUNK = 65_536

Attributes: TypeAlias = Mapping[str, str]


class Parts:
    """The XML parts of a workbook by name, parsed within bounds that all of them share."""

    def __init__(self, archive: ZipFile) -> None:
        self._archive = archive
        self._members: dict[str, ZipInfo] = {}
        for member in archive.infolist():
            name = member.filename.replace("\\", "/").lstrip("/").casefold()
            if name in self._members:
                raise BadZipFile(f"two parts are called {name}")
            self._members[name] = member
        self._bytes = self._elements = 0

    def parse(
        self,
        part: str,
        begin: Callable[[str, Attributes], None],
        end: Callable[[str], None] = lambda _: None,
        text: Callable[[str], None] | None = None,
    ) -> None:
        """Call back for each element by its name without namespace. Raises KeyError where there is no such part."""
        member = self._members[part.casefold()]
        if member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
            raise BadZipFile("packed in a way that workbooks are not")
        if member.file_size > MAX_UNPACKED_BYTES:
            raise _too_long()
        parser = ParserCreate(namespace_separator=" ")

        depth, names = 0, dict[str, str]()

        def opened(name: str, attributes: Attributes) -> None:
            nonlocal depth
            self._elements += 1
            depth += 1
            if self._elements > MOST_ELEMENTS or depth > _DEEPEST:
                raise too_much()
            begin(names.get(name) or names.setdefault(name, name.rpartition(" ")[2]), attributes)

        def closed(name: str) -> None:
            nonlocal depth
            depth -= 1
            end(names[name])

        def declared(*_: object) -> None:
            raise BadZipFile("declares entities, which no workbook does")

        parser.StartElementHandler, parser.EndElementHandler = opened, closed
        parser.StartDoctypeDeclHandler = declared
        parser.buffer_text = True
        parser.CharacterDataHandler = text
        with self._archive.open(member) as stream:
            while chunk := stream.read(_CHUNK):
                self._bytes += len(chunk)
                if self._bytes > MAX_UNPACKED_BYTES:  # whatever was declared
                    raise _too_long()
                parser.Parse(chunk, False)
        parser.Parse(b"", True)

    def relations(self, part: str) -> Iterator[tuple[str, str, str]]:
        """Id, kind and part of everything a part points at within the workbook."""
        folder, name = posixpath.split(part)
        found: list[Attributes] = []
        self.parse(f"{folder}/_rels/{name}.rels".lstrip("/"), lambda _, attributes: found.append(attributes))
        for one in found:
            if "Target" in one and one.get("TargetMode") != "External":
                target = posixpath.normpath(posixpath.join("/", folder, one["Target"])).lstrip("/")
                yield one.get("Id", ""), one.get("Type", "").rpartition("/")[2], target


def _too_long() -> Invalid:
    return Invalid("file", f"unpacks to more than {MAX_UNPACKED_BYTES:,} bytes. Split it, or save it as CSV")


def too_much() -> Invalid:
    return Invalid("file", "holds far more cells or formats than such a list needs; split it, or save it as CSV")
