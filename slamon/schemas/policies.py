"""Questions about calendars and policies, as the API takes them."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from slamon.domain.kinds import DataKind, InquiryCategory
from slamon.domain.lifecycle import RequestType
from slamon.domain.priority import Priority
from slamon.schemas import directory
from slamon.schemas.fields import Body, Instant


class HolidaysQuery(Body):
    year: Annotated[int, Field(ge=1950, le=2150)]


class ResolveQuery(Body):
    """The request about to be filed."""

    project_id: UUID
    site_id: UUID
    type: RequestType
    kind: DataKind | InquiryCategory | None = None
    priority: Priority = Priority.ROUTINE


class WhatIfQuestion(Body):
    """A draft policy line, and which requests to judge again under it."""

    policy: directory.NewPolicy
    filed_from: Instant
    filed_to: Instant
