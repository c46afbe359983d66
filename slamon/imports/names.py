"""Records found by the names that a spreadsheet gives them. Which records there are is known to whoever asks."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Generic, TypeVar

from slamon.domain.normal_form import normal_form

Named = TypeVar("Named")


class ByName(Generic[Named]):
    """Records by the normal form of their name; several may have had the same before such names were refused."""

    def __init__(self, records: Iterable[tuple[str, Named]]) -> None:
        self._found: defaultdict[str, list[tuple[str, Named]]] = defaultdict(list)
        for name, record in records:
            self.add(name, record)

    def add(self, name: str, record: Named) -> None:
        self._found[normal_form(name)].append((name, record))

    def find(self, name: str) -> list[Named]:
        """Those of exactly this name, else all whose name is the same for a reader."""
        alike = self._found.get(normal_form(name), [])
        exact = [record for own, record in alike if own == name]
        return exact or [record for _, record in alike]
