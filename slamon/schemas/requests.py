"""Requests, their lists and timelines, as the API gives them."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from slamon.domain.lifecycle import State
from slamon.domain.priority import Priority
from slamon.domain.timeline import Role, Via
from slamon.domain.types.data import DataKind
from slamon.schemas.clocks import Clock
from slamon.schemas.fields import Answer, Reason, shown
from slamon.schemas.fields import Body as Said
from slamon.schemas.open_names import TypeName
from slamon.services.requests import queries


class Line(Answer):
    """One request in a list."""

    id: UUID
    number: str = Field(examples=["SHP-2026-000042"])
    version: int
    type: TypeName
    state: State
    priority: Priority
    subject: str
    gxp: bool
    project_id: UUID
    project_code: str
    cmo_id: UUID
    cmo_name: str
    site_id: UUID
    site_name: str
    contact_id: UUID
    cmo_reference: str | None
    due_on: date | None
    expected_on: date | None = Field(description="When the CMO expects to answer.")
    filed_at: datetime
    reopen_count: int
    clocks: list[Clock]


class OpenAction(Answer):
    action: str
    needs: list[str] = Field(description="The fields this action cannot do without; `a|b`: one of them.")
    takes: list[str] = Field(description="The fields that are this action's alone.")


class ItemTerms(Answer):
    """By when the answer to one item is expected; null while the sponsor owes a reply."""

    item: int = Field(description="Its place in the request, from 1.")
    kind: DataKind
    target_at: datetime | None
    limit_at: datetime | None


class Request(Line):
    """One request."""

    description: str
    parent_id: UUID | None = Field(description="The request this one follows.")
    detail: dict[str, Any] = Field(description="As it was filed, with every amendment.")
    actions: list[OpenAction] = Field(description="What the caller may do now.")
    terms_differ: bool = Field(description="Whether it asks for kinds of data that have different terms.")
    item_terms: list[ItemTerms] = Field(
        description="Each item's own dates, where the terms differ. The request's answer clock is the longest of them."
    )


class FiledApart(Answer):
    """One request for each of the terms that the kinds of data asked for have; the first is the others' parent."""

    items: list[Request]


class Page(Answer):
    items: list[Line]
    next_cursor: str | None


class Author(Answer):
    id: str
    name: str
    role: Role


class Fact(Answer):
    """One thing that happened, and when we were told."""

    sequence: int
    kind: str
    occurred_at: datetime
    recorded_at: datetime
    by: Author
    recorded_by: Author = Field(description="Differs from `by` where staff wrote down a call or a mail.")
    via: Via
    reason: str | None
    content: dict[str, Any]
    digest: str = Field(description="SHA-256 over this fact and the digest of the one recorded before it.")


class Timeline(Answer):
    request_id: UUID
    facts: list[Fact] = Field(description="In the order in which they happened.")


class ListQuery(Said):
    state: State | None = None
    type: TypeName | None = None
    cmo_id: UUID | None = None
    site_id: UUID | None = None
    project_id: UUID | None = None
    priority: Priority | None = None
    overdue: bool | None = Field(None, description="Whether a running clock is past its target.")
    sort: queries.Order = Field(
        queries.Order.URGENCY, description="`urgency`: running clocks only, the next due first. `filed`: newest first."
    )
    cursor: Annotated[str | None, Field(max_length=300, description="`next_cursor` of the page before.")] = None
    limit: Annotated[int, Field(ge=1, le=queries.MOST_A_PAGE)] = 50


class LinkRevocation(Said):
    model_config = shown(
        person_id="01980a4e-8f6b-7c3d-9a51-2f1c7d9e0a13", reason="The mail was forwarded outside the CMO"
    )

    person_id: UUID = Field(description="The contact whose links end.")
    reason: Reason


class RevokedLinks(Answer):
    revoked: int = Field(description="How many links ended now.")
