"""What every request says, whatever its type."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from slamon.domain.priority import Priority
from slamon.schemas.fields import Body, Day, Flag, Line80, LongText, Name
from slamon.schemas.shapes import Shown


class NewRequest(Body):
    """A request to be filed. Each type adds its name as `type: Literal[...]` and what it asks for as `detail`."""

    project_id: UUID
    site_id: UUID
    contact_id: UUID | None = Field(None, description="Left out, the site's own contact is chosen.")
    subject: Name
    description: LongText = ""
    priority: Annotated[Priority, Shown(start="routine")] = Priority.ROUTINE
    gxp: Flag = False
    due_on: Day | None = None
    cmo_reference: Line80 | None = Field(None, description="The CMO's own order reference.")
    parent_id: UUID | None = Field(None, description="The request this one follows: a replacement for what was lost.")
    file_anyway: Flag = Field(
        False, description="File it although open requests to this CMO name the same lot or order number."
    )


EXAMPLE_PARTIES: dict[str, Any] = {
    "project_id": "01980a4e-8f6b-7c3d-9a51-2f1c7d9e0a11",
    "site_id": "01980a4e-8f6b-7c3d-9a51-2f1c7d9e0a12",
}
