"""Words: what every kind of the catalogue is called, as one value handed to the runtime beside it.

A kind without words is found by a test, never by a reader: looking one up raises KeyError.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from slamon.wording import types
from slamon.wording.actions import ACTIONS, ActionWords
from slamon.wording.clocks import ENGLISH_CLOCKS, ClockWords
from slamon.wording.facts import FACTS, FactWords
from slamon.wording.types import FieldWords, StateWords, TypeWords


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """Words of kinds that grow, by name."""

    types: Mapping[str, TypeWords]
    states: Mapping[str, StateWords]
    actions: Mapping[str, ActionWords]
    facts: Mapping[str, FactWords]
    clocks: Mapping[str, ClockWords]
    request_fields: Mapping[str, FieldWords]
    request_codes: Mapping[str, str]


ENGLISH = Words(
    actions=ACTIONS,
    facts=FACTS,
    clocks=ENGLISH_CLOCKS,
    types={"shipment": types.SHIPMENT, "data": types.DATA, "inquiry": types.INQUIRY},
    states=types.STATES,
    request_fields=types.REQUEST_FIELDS,
    request_codes=types.REQUEST_CODES,
)
