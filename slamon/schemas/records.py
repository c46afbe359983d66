"""What lists of administrators' records may be asked for."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from slamon.db import paging, parties
from slamon.db.parties import PersonStatus
from slamon.schemas.fields import Body


class ListQuery(Body):
    """What every list takes."""

    cursor: Annotated[str | None, Field(max_length=200, description="`next_cursor` of the page before.")] = None
    limit: Annotated[int, Field(ge=1, le=paging.MOST_A_PAGE)] = 50


class CmoQuery(ListQuery):
    status: parties.Standing | None = None


class SiteQuery(CmoQuery):
    cmo_id: Annotated[UUID | None, Field(serialization_alias="organization_id")] = None


class PersonQuery(ListQuery):
    status: PersonStatus | None = None


class ContactQuery(PersonQuery):
    cmo_id: Annotated[UUID | None, Field(serialization_alias="organization_id")] = None
    site_id: UUID | None = None


class PolicyQuery(ListQuery):
    former_of: UUID | None = Field(None, description="What this line said before it was changed.")
