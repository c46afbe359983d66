"""Deadlines that other terms would move, as the API gives them."""

from typing import Annotated

from pydantic import Field

from slamon.schemas.fields import Answer, Body
from slamon.schemas.jobs import MovedDeadline
from slamon.services.deadlines.previews import MOST_COUNTED


class Preview(Answer):
    """What would move among some of the open requests; nothing is changed."""

    in_scope: int = Field(
        description=f"Open requests that all pages together look through; {MOST_COUNTED:,} may mean more."
    )
    looked_at: int = Field(description="Open requests of this page that were judged again.")
    moved: list[MovedDeadline]
    next_cursor: str | None = Field(description="There may be more behind it, also where this page holds nothing.")


class Applied(Answer):
    requests: int = Field(description="Open requests that got other terms now.")


class PreviewQuery(Body):
    cursor: Annotated[str | None, Field(max_length=200, description="`next_cursor` of the page before.")] = None
