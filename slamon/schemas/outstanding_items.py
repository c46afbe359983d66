"""The register of what each CMO still owes, as the API takes and gives it."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from slamon.domain.lifecycle import State
from slamon.domain.types.data import DataKind
from slamon.schemas.fields import Answer, Body, Line40


class OwedQuery(Body):
    cmo_id: UUID | None = None
    lot: Line40 | None = None
    cursor: Annotated[str | None, Field(max_length=200, description="`next_cursor` of the page before.")] = None


class OwedItem(Answer):
    cmo_id: UUID
    cmo_name: str
    request_id: UUID
    number: str
    state: State
    item: int = Field(description="Its place in the request, from 1.")
    kind: DataKind
    lots: list[str]
    filed_at: datetime
    due_on: date | None
    target_at: datetime | None = Field(description="As `limit_at`.")
    limit_at: datetime | None = Field(
        description="Of the answer clock, or the item's own where one request asks for kinds with different terms; "
        "null while the sponsor owes a reply."
    )


class Register(Answer):
    items: list[OwedItem]
    next_cursor: str | None = Field(description="There may be more behind it, also where this page holds nothing.")
