"""Every action that slamon ships, by name: what it says, how that is checked, and the fact it makes.

One file a group; what they share is in `parts`. An action of its own is added to a catalogue, not here.
"""

from collections.abc import Mapping
from typing import Any

from slamon.domain.actions.parts import ActionDefinition
from slamon.domain.actions.shipping import SHIPPING
from slamon.domain.actions.talk import CHANGES, TALK

ACTIONS: Mapping[str, ActionDefinition[Any]] = {each.name: each for each in (*TALK, *SHIPPING, *CHANGES)}
