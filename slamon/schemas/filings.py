"""What somebody wants filed, checked by the API's models, as the use case takes it; pages and imports use it too."""

from collections.abc import Mapping
from typing import Any

from slamon.domain.catalogue import Catalogue
from slamon.domain.priority import Priority
from slamon.schemas.new_requests import read_request
from slamon.schemas.types.base import NewRequest
from slamon.services.requests.filing import Filing


def read_filing(catalogue: Catalogue, content: Mapping[str, Any]) -> Filing:
    """What plain content says. Raises pydantic's ValidationError."""
    return filing_of(read_request(catalogue, dict(content)))


def filing_of(asked: NewRequest) -> Filing:
    said: Any = asked  # each type's own model has its name and its detail
    return Filing(
        type=said.type,
        project_id=asked.project_id,
        site_id=asked.site_id,
        subject=asked.subject,
        description=asked.description,
        priority=Priority(asked.priority),
        contact_id=asked.contact_id,
        gxp=asked.gxp,
        due_on=asked.due_on,
        cmo_reference=asked.cmo_reference,
        parent_id=asked.parent_id,
        detail=said.detail.model_dump(mode="json", exclude_none=True),
    )
