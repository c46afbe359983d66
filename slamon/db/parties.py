"""Who works with whom: organizations, their sites and people, projects, working calendars."""

from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from slamon.db.base import Base, NamedOnce, Stamped, one_of
from slamon.domain.timeline import CMO_ROLES, Role


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
    """The sponsor, or one CMO; `lead_id` answers for it."""

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

    `email_key` is the address as compared: case-folded. A contact with `site_ids` serves those sites alone, one without
    any all sites of the CMO. `access_generation` grows with each change of address and each disabling or enabling:
    links and sessions stamped with an earlier one open nothing.
    """

    __tablename__ = "person"
    __table_args__ = (
        UniqueConstraint("email_key"),
        one_of("status", PersonStatus),
        Index("ix_person_organization_id", "organization_id"),
    )

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"))
    name: Mapped[str] = mapped_column(String(200))
    email: Mapped[str] = mapped_column(String(254))
    email_key: Mapped[str] = mapped_column(String(254))
    roles: Mapped[list[Any]]
    time_zone: Mapped[str] = mapped_column(String(64), default="UTC")
    status: Mapped[str] = mapped_column(String(16), default=PersonStatus.INVITED.value)
    backup_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    password_hash: Mapped[str | None] = mapped_column(String(200))
    # A process of the release before knows no such column.
    access_generation: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    _sites: Mapped[list["PersonSite"]] = relationship(viewonly=True, lazy="selectin", order_by="PersonSite.site_id")

    @property
    def site_ids(self) -> tuple[UUID, ...]:
        return tuple(row.site_id for row in self._sites)

    @property
    def is_enabled(self) -> bool:
        return self.status != PersonStatus.DISABLED

    @property
    def is_of_cmo(self) -> bool:
        return not CMO_ROLES.isdisjoint(self.roles)

    def serves(self, cmo_id: UUID, site_id: UUID) -> bool:
        """Whether this is somebody of that CMO whose business the site is: its own people's, and the CMO's leads'.

        An auditor of the CMO serves nothing: they read.
        """
        if self.organization_id != cmo_id or not CMO_ROLES.intersection(self.roles):
            return False
        return self.serves_every_site or site_id in self.site_ids

    @property
    def serves_every_site(self) -> bool:
        """Whether they serve all sites of their CMO, if they serve any."""
        return not self._sites or Role.CMO_LEAD.value in self.roles


class Address(Base):
    """Where a channel reaches a person, or the place in it where a CMO's escalations go; one for each channel.

    `owner` is the table of the record whose id is `owner_id`. A person's e-mail address is not here: it is their
    account's.
    """

    __tablename__ = "address"

    owner_id: Mapped[UUID] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(String(16), primary_key=True)
    owner: Mapped[str] = mapped_column(String(16))
    value: Mapped[str] = mapped_column(String(254))


class PersonSite(Base):
    """A site that a contact serves."""

    __tablename__ = "person_site"

    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), primary_key=True)
    site_id: Mapped[UUID] = mapped_column(ForeignKey("site.id"), primary_key=True)


class Project(NamedOnce, Stamped, Base):
    """What requests are about; its code names it once.

    A `restricted` one is for its manager, the leads of its CMOs, head, quality and scoped auditors.
    """

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
    # A process of the release before knows no such column.
    restricted: Mapped[bool] = mapped_column(default=False, server_default=false())
    pm_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    lead_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    status: Mapped[str] = mapped_column(String(16), default=Standing.ACTIVE.value)


class ProjectCmo(Base):
    __tablename__ = "project_cmo"

    project_id: Mapped[UUID] = mapped_column(ForeignKey("project.id"), primary_key=True)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), primary_key=True)


class AuditedCmo(Base):
    """A CMO whose requests an auditor may read; one with neither CMOs nor projects reads all that is not restricted."""

    __tablename__ = "audited_cmo"

    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), primary_key=True)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), primary_key=True)


class AuditedProject(Base):
    """A project that an auditor may read, restricted or not."""

    __tablename__ = "audited_project"

    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"), primary_key=True)
    project_id: Mapped[UUID] = mapped_column(ForeignKey("project.id"), primary_key=True)
