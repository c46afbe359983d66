"""The worlds of `tests.world` as fixtures, known to every test."""

from tests.world import any_world, postgres_world, world

__all__ = ["any_world", "postgres_world", "world"]
