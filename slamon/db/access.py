"""Keys to the house: signed-in sessions, API keys, one-time links, answers kept for repeated calls."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from slamon.db.base import Base, Stamped, new_id, one_of


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


class TryKind(StrEnum):
    """What somebody who is not signed in did with an address: failed to sign in, asked for a link."""

    FAILED = "failed"
    LINK_ASKED = "link_asked"


class SignInTry(Base):
    """One try at the door, counted by the address that was typed, whether somebody has it or not. Kept a day."""

    __tablename__ = "sign_in_try"
    __table_args__ = (one_of("kind", TryKind), Index("ix_sign_in_try_address_digest", "address_digest", "tried_at"))

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    address_digest: Mapped[str] = mapped_column(String(64))
    network: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(16))
    tried_at: Mapped[datetime]


class FormerPassword(Base):
    """The hash of a password that was replaced, so that it is not taken again too soon."""

    __tablename__ = "former_password"
    __table_args__ = (Index("ix_former_password_person_id", "person_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    password_hash: Mapped[str] = mapped_column(String(200))
    replaced_at: Mapped[datetime]


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
    """Sets a password once. `shown_to` says who else saw it; None where it went by mail to its owner alone."""

    __tablename__ = "one_time_link"

    token_digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    shown_to: Mapped[str | None] = mapped_column(String(250))
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
