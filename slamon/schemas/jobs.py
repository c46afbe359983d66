"""Long questions worked out in the background, as the API gives them."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from slamon.db.jobs import JobKind, JobState
from slamon.schemas.fields import Answer


class MovedDeadline(Answer):
    """A deadline of an open request as it is and as it would be; null while a pause leaves it open."""

    request_id: UUID
    number: str
    clock: str
    target_before: datetime | None
    target_after: datetime | None
    limit_before: datetime | None
    limit_after: datetime | None
    breaches_at_once: bool


class PreviewTotals(Answer):
    """What a preview has found so far."""

    looked_at: int = Field(description="Open requests that were judged again.")
    moved: int = Field(description="Deadlines that would move; `/moved` lists them.")
    breaches_at_once: int = Field(description="Of those, deadlines that would be past their limit at once.")


class CmoChange(Answer):
    """Clocks past their limit at one CMO, of the requests that would come under the draft."""

    cmo_id: UUID
    name: str
    requests: int
    breaches: int
    breaches_under_draft: int
    appeared: int
    vanished: int


class LeadChange(Answer):
    """Escalations addressed to one lead."""

    person_id: UUID
    name: str
    escalations: int
    escalations_under_draft: int


class WhatIfAnswer(Answer):
    looked_at: int = Field(description="Requests filed in the period.")
    covered: int = Field(
        description="Those of them that would come under the draft: it covers them, and no line they lived under names "
        "a narrower scope."
    )
    cmos: list[CmoChange]
    leads: list[LeadChange]


class Job(Answer):
    """A question that takes long, and how far its answer is."""

    id: UUID
    kind: JobKind
    subject_id: UUID | None = Field(description="The record it is about.")
    state: JobState
    done: int = Field(description="Requests looked at so far.")
    total: int | None = Field(description="Requests to look at; null until they were counted.")
    failure: str | None = Field(description="Why it failed.")
    asked_at: datetime
    expires_at: datetime = Field(description="Until when the answer is kept.")
    preview: PreviewTotals | None = Field(description="Of a preview.")
    what_if: WhatIfAnswer | None = Field(description="Of a what-if, once it is done.")


class JobPage(Answer):
    items: list[Job]
    next_cursor: str | None


class MovedPage(Answer):
    items: list[MovedDeadline]
    next_cursor: str | None = Field(description="While the job runs there may be more later, also where it is null.")
