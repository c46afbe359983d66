"""Announced shutdowns: days on which a site says it will be closed."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from slamon.db.base import Base, Stamped, one_of


class ShutdownStatus(StrEnum):
    ANNOUNCED = "announced"
    AGREED = "agreed"
    REFUSED = "refused"


class Shutdown(Stamped, Base):
    """A CMO's word that a site closes from `first_day` to `last_day`, both included, by the site's own calendar.

    `announced_by` is who at the CMO said so, `created_by` who wrote it down. Only an agreed one closes anything.
    """

    __tablename__ = "shutdown"
    __table_args__ = (
        one_of("status", ShutdownStatus),
        CheckConstraint("first_day <= last_day", name="days_in_order"),
        Index("ix_shutdown_site_id", "site_id", "last_day"),
    )

    site_id: Mapped[UUID] = mapped_column(ForeignKey("site.id"))
    first_day: Mapped[date] = mapped_column(Date)
    last_day: Mapped[date] = mapped_column(Date)
    name: Mapped[str] = mapped_column(String(200))
    announced_by: Mapped[str] = mapped_column(String(200))
    announced_at: Mapped[datetime]
    status: Mapped[str] = mapped_column(String(16), default=ShutdownStatus.ANNOUNCED.value)
    decided_by: Mapped[str | None] = mapped_column(String(64))
    decided_at: Mapped[datetime | None]
    reason: Mapped[str | None]
