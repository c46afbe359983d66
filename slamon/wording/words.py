"""Words: what every kind of the catalogue is called, as one value handed to the runtime beside it.

A kind without words is found by a test, never by a reader: looking one up raises KeyError.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """Words of kinds that grow, by name."""


ENGLISH = Words()
