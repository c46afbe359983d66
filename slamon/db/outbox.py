"""Outgoing messages: what must be told to whom, every attempt to tell it, the links sent along, who is sending."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ColumnElement, ForeignKey, Index, String, UniqueConstraint, literal_column, text
from sqlalchemy.orm import Mapped, mapped_column

from slamon.db.base import Base, new_id, one_of, partial_index


class NotificationState(StrEnum):
    """queued: waiting for its time. sending: somebody has it. unknown: nobody can say whether it left.

    folded: told by the digest it names, and sent once that is. failed: a dead letter, waiting for a person.
    suppressed: no longer true, or dismissed.
    """

    QUEUED = "queued"
    SENDING = "sending"
    UNKNOWN = "unknown"
    FOLDED = "folded"
    SENT = "sent"
    FAILED = "failed"
    SUPPRESSED = "suppressed"


WAITING = (NotificationState.QUEUED, NotificationState.UNKNOWN)
OUTGOING_STOPPED = "outgoing_stopped"  # the name of a setting


class Notification(Base):
    """One message owed to one reader over one channel. `dedupe_key` makes it one: the same step, reader and channel.

    Instants of the story (`queued_at`, `sent_at`) are business time; those of the machinery (`next_attempt_at`,
    `first_attempt_at`) are real time. `trace_id` names the HTTP request that caused it, for following it through logs.
    """

    __tablename__ = "notification"
    __table_args__ = (
        UniqueConstraint("dedupe_key"),
        one_of("state", NotificationState),
        CheckConstraint("attempts >= 0", name="attempts"),
        partial_index("ix_notification_waiting", "channel", "next_attempt_at", where="state IN ('queued', 'unknown')"),
        # `state` so that SQLite counts here, and not in the larger index by address
        partial_index("ix_notification_sending", "taken_by", "state", where="state = 'sending'"),
        partial_index("ix_notification_failed", "queued_at", where="state = 'failed'"),
        Index("ix_notification_request_id", "request_id"),
        Index("ix_notification_address", "address", "state", "queued_at"),
        partial_index("ix_notification_digest_id", "digest_id", where="digest_id IS NOT NULL"),
        # Who removes a message looks for those that stand in for it
        partial_index("ix_notification_fallback_of", "fallback_of", where="fallback_of IS NOT NULL"),
        partial_index("ix_notification_withdrawn_by", "withdrawn_by", where="withdrawn_by IS NOT NULL"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    dedupe_key: Mapped[str] = mapped_column(String(255))
    request_id: Mapped[UUID | None] = mapped_column(ForeignKey("cmo_request.id"))
    person_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    kind: Mapped[str] = mapped_column(String(16))
    clocks: Mapped[list[Any]]  # names of the clocks it tells about, most often one
    crossed_at: Mapped[datetime | None]  # when those clocks passed the step it tells of
    fact_sequence: Mapped[int | None]  # the fact it reports, for receipts and news
    channel: Mapped[str] = mapped_column(String(16))
    address: Mapped[str] = mapped_column(String(254))
    detail: Mapped[str | None] = mapped_column(String(500))
    closes_at: Mapped[datetime | None]  # what a notice promised: the request closes then, and not before
    told_as: Mapped[str | None] = mapped_column(String(40))  # the part of whoever a shared channel or stand-in tells
    instead_of: Mapped[str | None] = mapped_column(String(300))  # who should have been told and cannot be
    redirected_to: Mapped[str | None] = mapped_column(String(254))  # where a redirect took it instead of `address`
    state: Mapped[str] = mapped_column(String(12), default=NotificationState.QUEUED.value)
    attempts: Mapped[int] = mapped_column(default=0)
    queued_at: Mapped[datetime]
    next_attempt_at: Mapped[datetime]
    first_attempt_at: Mapped[datetime | None]  # real time of the first intent, from which a look-up searches
    taken_by: Mapped[UUID | None]
    sent_at: Mapped[datetime | None]
    provider_id: Mapped[str | None] = mapped_column(String(255))
    error: Mapped[str | None] = mapped_column(String(500))
    fallback_of: Mapped[UUID | None] = mapped_column(ForeignKey("notification.id"))
    digest_id: Mapped[UUID | None] = mapped_column(ForeignKey("notification.id"))
    withdrawn_by: Mapped[UUID | None] = mapped_column(ForeignKey("notification.id"))  # says that it no longer holds
    trace_id: Mapped[str | None] = mapped_column(String(64))


def in_state(*states: NotificationState) -> ColumnElement[bool]:
    """A test for states, written as the partial indexes have it: with parameters neither planner may use them."""
    listed = ", ".join(f"'{state.value}'" for state in states)
    is_one = len(states) == 1
    return literal_column(f"notification.state {f'= {listed}' if is_one else f'IN ({listed})'}")


class Attempt(Base):
    """One try to send one notification; written when it begins and completed when it ends."""

    __tablename__ = "attempt"

    notification_id: Mapped[UUID] = mapped_column(ForeignKey("notification.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    began_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    outcome: Mapped[str | None] = mapped_column(String(20))
    error: Mapped[str | None] = mapped_column(String(500))


class FormLink(Base):
    """A contact's way to his form: the token is only stored hashed, opens one request, and expires in real time."""

    __tablename__ = "form_link"
    __table_args__ = (Index("ix_form_link_request_id", "request_id"), Index("ix_form_link_expires_at", "expires_at"))

    token_digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    request_id: Mapped[UUID] = mapped_column(ForeignKey("cmo_request.id"))
    person_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    minted_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    access_generation: Mapped[int] = mapped_column(default=0, server_default=text("0"))  # the person's when it was made


class Process(Base):
    """A running process. Others judge it by whether `beats` still grows, on their own monotonic clocks."""

    __tablename__ = "process"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    host: Mapped[str] = mapped_column(String(255))
    release: Mapped[str] = mapped_column(String(32))
    started_at: Mapped[datetime]
    beat_at: Mapped[datetime]
    beats: Mapped[int]
    state: Mapped[dict[str, Any]]  # what it reports of itself: last pass, clock skew


class Setting(Base):
    """A switch staff can turn while running: outgoing messages stopped, or all redirected to one address."""

    __tablename__ = "setting"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[dict[str, Any]]
