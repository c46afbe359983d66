"""Attachments: which file belongs to which request. The bytes are in the store of files, under their SHA-256."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from slamon.db.base import Base, new_id, one_of
from slamon.domain.timeline import Actor, Role, Via


class Attachment(Base):
    """A file of a request; rows are inserted and never changed. `size` is in bytes, `sha256` in hexadecimal."""

    __tablename__ = "attachment"
    __table_args__ = (
        UniqueConstraint("request_id", "sha256", "name"),
        one_of("via", Via),
        CheckConstraint("size > 0", name="size"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=lambda: new_id())
    request_id: Mapped[UUID] = mapped_column(ForeignKey("cmo_request.id"))
    name: Mapped[str] = mapped_column(String(200))
    media_type: Mapped[str] = mapped_column(String(100))
    size: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    uploaded_by_id: Mapped[str] = mapped_column(String(64))
    uploaded_by_name: Mapped[str] = mapped_column(String(200))
    uploaded_by_role: Mapped[str] = mapped_column(String(20))
    via: Mapped[str] = mapped_column(String(20))
    created_at: Mapped[datetime]

    @property
    def uploaded_by(self) -> Actor:
        return Actor(self.uploaded_by_id, self.uploaded_by_name, Role(self.uploaded_by_role))
