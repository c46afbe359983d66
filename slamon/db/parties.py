"""Who works with whom: organizations, their sites and people, projects, working calendars."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from slamon.db.base import Base, NamedOnce, Stamped, one_of
from slamon.domain.timeline import Role


class OrganizationKind(StrEnum):
    SPONSOR = "sponsor"
    CMO = "cmo"


class Standing(StrEnum):
    ACTIVE = "active"
    INACTIVE = "inactive"


class SiteKind(StrEnum):
    MANUFACTURING = "manufacturing"
    PACKAGING = "packaging"
    DEPOT = "depot"
    LABORATORY = "laboratory"


class PersonStatus(StrEnum):
    INVITED = "invited"
    ACTIVE = "active"
    LOCKED = "locked"
    DISABLED = "disabled"


class Organization(NamedOnce, Stamped, Base):
    """The sponsor, or one CMO. `slack_channel` is where this CMO's escalations go; `lead_id` answers for it."""

    __tablename__ = "organization"
    __table_args__ = (
        UniqueConstraint("name"),
        Index("uq_organization_name_key", "name_key", "name_rank", unique=True),
        one_of("kind", OrganizationKind),
        one_of("status", Standing),
    )

    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(16))
    status: Mapped[str] = mapped_column(String(16), default=Standing.ACTIVE.value)
    slack_channel: Mapped[str | None] = mapped_column(String(80))
    lead_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id", use_alter=True))


class Calendar(NamedOnce, Stamped, Base):
    """A working week with its closed days. Public holidays come from the country, closed days are its own.

    Opening days are open whatever the weekday, and win over both.
    """

    __tablename__ = "calendar"
    __table_args__ = (UniqueConstraint("name"), Index("uq_calendar_name_key", "name_key", "name_rank", unique=True))

    name: Mapped[str] = mapped_column(String(200))
    weekly: Mapped[dict[str, Any]]  # {"hours": "24x7"} or {"hours": {"mon": [["08:00", "18:00"]], ...}}
    country: Mapped[str | None] = mapped_column(String(2))
    subdivision: Mapped[str | None] = mapped_column(String(10))
    closed_days: Mapped[list[Any]]  # [{"date": "2026-12-24", "name": "Plant closed"}, ...]
    # The same with "hours": [["08:00", "18:00"], ...]. A process of the release before knows no such column.
    opening_days: Mapped[list[Any]] = mapped_column(default=list, server_default=text("'[]'"))


class Site(NamedOnce, Stamped, Base):
    __tablename__ = "site"
    __table_args__ = (
        UniqueConstraint("organization_id", "name"),
        Index("uq_site_name_key", "organization_id", "name_key", "name_rank", unique=True),
        one_of("kind", SiteKind),
        one_of("status", Standing),
    )

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"))
    name: Mapped[str] = mapped_column(String(200))
    address: Mapped[str | None] = mapped_column(String(500))
    country: Mapped[str] = mapped_column(String(2))
    time_zone: Mapped[str] = mapped_column(String(64))
    calendar_id: Mapped[UUID | None] = mapped_column(ForeignKey("calendar.id"))
    kind: Mapped[str] = mapped_column(String(16), default=SiteKind.MANUFACTURING.value)
    status: Mapped[str] = mapped_column(String(16), default=Standing.ACTIVE.value)


class Person(Stamped, Base):
    """Somebody at the sponsor, or a contact at a CMO. Disabled, never deleted; an address is used once.

    `email_key` is the address as compared: case-folded. A contact with a `site_id` serves that site alone.
    """

    __tablename__ = "person"
    __table_args__ = (
        UniqueConstraint("email_key"),
        one_of("status", PersonStatus),
        Index("ix_person_organization_id", "organization_id"),
    )

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"))
    site_id: Mapped[UUID | None] = mapped_column(ForeignKey("site.id"))
    name: Mapped[str] = mapped_column(String(200))
    email: Mapped[str] = mapped_column(String(254))
    email_key: Mapped[str] = mapped_column(String(254))
    roles: Mapped[list[Any]]
    slack_user_id: Mapped[str | None] = mapped_column(String(40))
    time_zone: Mapped[str] = mapped_column(String(64), default="UTC")
    status: Mapped[str] = mapped_column(String(16), default=PersonStatus.INVITED.value)
    backup_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    password_hash: Mapped[str | None] = mapped_column(String(200))
    failed_sign_ins: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]

    def serves(self, cmo_id: UUID, site_id: UUID) -> bool:
        """Whether this is somebody of that CMO whose business the site is: its own people's, and the CMO's leads'."""
        return self.organization_id == cmo_id and (self.site_id in (None, site_id) or Role.CMO_LEAD.value in self.roles)


class Project(NamedOnce, Stamped, Base):
    """What requests are about. Its code names it once."""

    NAMED_BY = "code"

    __tablename__ = "project"
    __table_args__ = (
        UniqueConstraint("code"),
        Index("uq_project_name_key", "name_key", "name_rank", unique=True),
        one_of("status", Standing),
    )

    code: Mapped[str] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(String(200))
    product_codes: Mapped[list[Any]]
    protocol_number: Mapped[str | None] = mapped_column(String(80))
    blinded: Mapped[bool] = mapped_column(default=False)
    pm_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    lead_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    status: Mapped[str] = mapped_column(String(16), default=Standing.ACTIVE.value)


class ProjectCmo(Base):
    __tablename__ = "project_cmo"

    project_id: Mapped[UUID] = mapped_column(ForeignKey("project.id"), primary_key=True)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), primary_key=True)
