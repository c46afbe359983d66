"""The editable rules: policy lines with their scope, dates and ladder; and the frozen terms made from them."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ColumnElement, Date, ForeignKey, String, or_
from sqlalchemy.orm import Mapped, mapped_column

from slamon.db.base import Base, Stamped


class Policy(Stamped, Base):
    """One policy line. Empty scope columns match everything; a change is a new version and touches no open request.

    What a line that was in force decided before a change stays, in the row of a line that has ended: `former_of` names
    the line whose content it was.
    """

    __tablename__ = "policy"
    __table_args__ = (
        CheckConstraint("priority IN ('routine', 'urgent', 'critical')", name="priority"),
        CheckConstraint("effective_to IS NULL OR effective_to > effective_from", name="effective_dates"),
    )

    name: Mapped[str] = mapped_column(String(200))
    type: Mapped[str | None] = mapped_column(String(16))
    kind: Mapped[str | None] = mapped_column(String(32))
    priority: Mapped[str | None] = mapped_column(String(16))
    cmo_id: Mapped[UUID | None] = mapped_column(ForeignKey("organization.id"))
    site_id: Mapped[UUID | None] = mapped_column(ForeignKey("site.id"))
    project_id: Mapped[UUID | None] = mapped_column(ForeignKey("project.id"))
    clocks: Mapped[dict[str, Any]]
    ladder: Mapped[list[Any]]
    agreement_clause: Mapped[str | None] = mapped_column(String(200))
    effective_from: Mapped[datetime]
    effective_to: Mapped[datetime | None]
    review_due_on: Mapped[date | None] = mapped_column(Date)  # when its owner is to look whether the line still fits
    owner_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    former_of: Mapped[UUID | None] = mapped_column(ForeignKey("policy.id"))


def not_ended(at: Any) -> ColumnElement[bool]:
    """The condition for lines in force at this instant or later; `at` is one, or a parameter for one."""
    return or_(Policy.effective_to.is_(None), Policy.effective_to > at)


class FrozenTerms(Base):
    """Terms as frozen at filing, stored once however many requests share them; never changed."""

    __tablename__ = "frozen_terms"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    content: Mapped[dict[str, Any]]
