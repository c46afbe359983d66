"""Files of a request, as the API lists them."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from slamon.domain.timeline import Via
from slamon.schemas.fields import Answer
from slamon.schemas.requests import Author


class Attachment(Answer):
    """A file of a request. It is never replaced."""

    id: UUID
    request_id: UUID
    name: str = Field(examples=["CoA A17.pdf"])
    media_type: str = Field(examples=["application/pdf"])
    size: int = Field(description="In bytes.")
    sha256: str
    uploaded_by: Author
    via: Via
    created_at: datetime


class Attachments(Answer):
    items: list[Attachment] = Field(description="In the order in which they came.")
