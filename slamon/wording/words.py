"""Words: what every kind of the catalogue is called, as one value handed to the runtime beside it.

A kind without words is found by a test, never by a reader: looking one up raises KeyError.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from slamon.wording.actions import ACTIONS, ActionWords
from slamon.wording.facts import FACTS, FactWords


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """Words of kinds that grow, by name: of each action, and of each kind of fact."""

    actions: Mapping[str, ActionWords]
    facts: Mapping[str, FactWords]


ENGLISH = Words(actions=ACTIONS, facts=FACTS)
