"""Requests not filed yet."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlalchemy.orm import Mapped

from slamon.db.base import Base, Stamped


class Draft(Stamped, Base):
    """As far as its author has written it: any part of what files a request. Gone once it is filed or discarded."""

    __tablename__ = "draft"
    __table_args__ = (Index("ix_draft_created_by", "created_by"),)

    content: Mapped[dict[str, Any]]
    changed_at: Mapped[datetime]
