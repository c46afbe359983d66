"""Words: what every kind of the catalogue is called, as one value handed to the runtime beside it.

A kind without words is found by a test, never by a reader: looking one up raises KeyError.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from slamon.wording.clocks import ENGLISH_CLOCKS, ClockWords


@dataclass(frozen=True, slots=True)
class Words:
    """Words of kinds that grow, by name."""

    clocks: Mapping[str, ClockWords]


ENGLISH = Words(clocks=ENGLISH_CLOCKS)
