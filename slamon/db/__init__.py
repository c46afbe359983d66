"""Tables (models by noun), the engine set-up for SQLite and PostgreSQL, the few statements that need thought."""

from slamon.db import access, attachments, audit, drafts, jobs, outbox, parties, policies, requests, shutdowns
from slamon.db.base import Base

__all__ = [
    "Base", "access", "attachments", "audit", "drafts", "jobs", "outbox", "parties", "policies", "requests",
    "shutdowns",
]  # fmt: skip
