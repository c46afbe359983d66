"""Drafts of requests, as the API takes and gives them."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from slamon.domain.priority import Priority
from slamon.schemas.fields import Answer, Flag, shown
from slamon.schemas.fields import Body as Said
from slamon.schemas.open_names import TypeName


class DraftContent(Said):
    """Any part of what files a request. What is missing or does not fit is told when it is filed."""

    model_config = shown(type="data", subject="Certificates, lots A17 and …", detail={"purpose": "release"})

    type: TypeName
    project_id: UUID | None = None
    site_id: UUID | None = None
    contact_id: UUID | None = None
    subject: str | None = None
    description: str | None = None
    priority: Priority | None = None
    gxp: Flag | None = None
    due_on: date | None = None
    cmo_reference: str | None = None
    parent_id: UUID | None = None
    detail: dict[str, Any] = Field({}, description="As in filing a request of this type, as far as it is known.")


class Draft(Answer):
    id: UUID
    version: int
    content: dict[str, Any] = Field(description="As it was saved.")
    created_at: datetime
    changed_at: datetime


class Drafts(Answer):
    items: list[Draft] = Field(description="The caller's own, the last changed first.")


class DraftFiling(Said):
    file_anyway: Flag = Field(False, description="As in filing a request.")
    split: Flag = Field(False, description="As in filing a data request.")
