"""How urgent a request is: its policy and its terms depend on it."""

from enum import StrEnum


class Priority(StrEnum):
    ROUTINE = "routine"
    URGENT = "urgent"
    CRITICAL = "critical"
