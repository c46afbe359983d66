"""Outgoing messages and the switch that holds them back, as the API takes and gives them."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from slamon.schemas.fields import Answer, Body, Flag, Reason, shown


class Message(Answer):
    """A message as the outbox knows it; what it said is never shown here."""

    id: UUID
    request_id: UUID | None
    kind: str
    channel: str
    address: str = Field(description="The Slack channel or user, or the mail address, that it is for.")
    redirected_to: str | None = Field(description="The mail address it went to instead, where a redirect was on.")
    recipient: str | None = Field(None, description="Who it is meant for; they may read it in a shared channel.")
    told_as: str | None = Field(description="The part in which they are told, such as lead or cmo_contact.")
    instead_of: str | None = Field(description="Who should have been told and cannot be.")
    state: str
    attempts: int
    queued_at: datetime
    error: str | None


class DeadLetter(Message):
    request_number: str | None


class DeadLetterPage(Answer):
    items: list[DeadLetter]
    next_cursor: str | None


class Outgoing(Answer):
    stopped: bool
    redirected_to: str | None = Field(description="Staging: every message goes to this one address.")
    counts: dict[str, int] = Field(description="Messages not yet done with, by state.")


class OutgoingSwitch(Body):
    model_config = shown(stopped=True, reason="Restoring a backup")

    stopped: Flag
    reason: Reason
