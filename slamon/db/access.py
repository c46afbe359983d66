"""Keys to the house: signed-in sessions, API keys, one-time links, answers kept for repeated calls."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from slamon.db.base import Base, Stamped


class SignIn(Base):
    """One signed-in browser; revoked by signing out, by time (real time), and by a newer generation of its person."""

    __tablename__ = "sign_in"
    __table_args__ = (Index("ix_sign_in_person_id", "person_id"),)

    token_digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    began_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    access_generation: Mapped[int] = mapped_column(default=0, server_default=text("0"))  # the person's at that time


class ApiKey(Stamped, Base):
    """A key of one person or one named service account; its rights are the roles cut by its scopes."""

    __tablename__ = "api_key"
    __table_args__ = (
        UniqueConstraint("secret_digest"),
        CheckConstraint("(person_id IS NULL) <> (service_name IS NULL)", name="one_owner"),
    )

    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    service_name: Mapped[str | None] = mapped_column(String(80))
    service_roles: Mapped[list[Any]]
    prefix: Mapped[str] = mapped_column(String(12))
    secret_digest: Mapped[str] = mapped_column(String(64))
    scopes: Mapped[list[Any]]
    revoked_at: Mapped[datetime | None]


class OneTimeLink(Base):
    """Sets a password once: the first administrator's, an invited person's."""

    __tablename__ = "one_time_link"

    token_digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    access_generation: Mapped[int] = mapped_column(default=0, server_default=text("0"))  # the person's when it was made


class IdempotencyKey(Base):
    """The answer a POST got, kept a day, so that the same call made again gets the same answer."""

    __tablename__ = "idempotency_key"
    __table_args__ = (Index("ix_idempotency_key_made_at", "made_at"),)

    caller: Mapped[str] = mapped_column(String(80), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    status: Mapped[int]
    headers: Mapped[dict[str, Any]]
    body: Mapped[str]
    made_at: Mapped[datetime]
