"""The worlds of `tests.installation` as fixtures, known to every test."""

from tests.installation import any_world, postgres_world, world

__all__ = ["any_world", "postgres_world", "world"]
