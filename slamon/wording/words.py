"""Words: what every kind of the catalogue is called, as one value handed to the runtime beside it.

A kind without words is found by a test, never by a reader: looking one up raises KeyError.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from slamon.wording import types
from slamon.wording.clocks import ENGLISH_CLOCKS, ClockWords
from slamon.wording.types import FieldWords, StateWords, TypeWords


@dataclass(frozen=True, slots=True)
class Words:
    """Words of kinds that grow, by name."""

    clocks: Mapping[str, ClockWords] = field(default_factory=dict)
    types: Mapping[str, TypeWords] = field(default_factory=dict)
    states: Mapping[str, StateWords] = field(default_factory=dict)
    request_fields: Mapping[str, FieldWords] = field(default_factory=dict)
    request_codes: Mapping[str, str] = field(default_factory=dict)


ENGLISH = Words(
    clocks=ENGLISH_CLOCKS,
    types={"shipment": types.SHIPMENT, "data": types.DATA, "inquiry": types.INQUIRY},
    states=types.STATES,
    request_fields=types.REQUEST_FIELDS,
    request_codes=types.REQUEST_CODES,
)
