"""Shutdowns of sites, as the API takes them."""

from datetime import date, datetime
from uuid import UUID

from pydantic import Field

from slamon.db.shutdowns import ShutdownStatus
from slamon.schemas.fields import Answer, Body, Day, Instant, Name, shown
from slamon.schemas.term_changes import Preview
from slamon.services.deadlines import shutdowns


class NewShutdown(Body):
    model_config = shown(
        first_day="2026-07-27", last_day="2026-08-09", name="Summer shutdown", announced_by="Corinne Meier, by phone"
    )

    first_day: Day = Field(description="By the site's own calendar; closed from its midnight on.")
    last_day: Day = Field(description=f"Closed too. At most {shutdowns.LONGEST_DAYS} days in all.")
    name: Name
    announced_by: Name = Field(description="Who at the CMO said so.")
    announced_at: Instant | None = Field(None, description="Left out: now.")


class Shutdown(Answer):
    id: UUID
    version: int
    site_id: UUID
    first_day: date
    last_day: date
    name: str
    status: ShutdownStatus = Field(description="Only an agreed one closes days, for requests filed from then on.")
    announced_by: str
    announced_at: datetime
    decided_by: str | None = Field(description="Id of the lead.")
    decided_at: datetime | None
    reason: str | None = Field(description="Of the decision.")
    created_at: datetime
    created_by: str = Field(description="Id of whoever wrote it down.")


class Announced(Shutdown):
    preview: Preview


class ShutdownPage(Answer):
    items: list[Shutdown]
    next_cursor: str | None
