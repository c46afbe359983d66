"""Alembic migrations; every one runs up and down on SQLite and on PostgreSQL."""
