"""What API keys may be used for."""

from enum import StrEnum


class Scope(StrEnum):
    """A key's rights are its owner's roles cut by these."""

    READ = "read"
    FILE = "file"
    ACT = "act"
    ADMIN = "admin"


ALL_SCOPES = frozenset(Scope)
