"""What somebody wants filed, checked by the API's models, as the use case takes it; pages and imports use it too."""

from collections.abc import Mapping
from dataclasses import fields
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
    content = {each.name: getattr(said, each.name) for each in fields(Filing)}
    content["priority"] = Priority(asked.priority)
    content["detail"] = said.detail.model_dump(mode="json", exclude_none=True)
    return Filing(**content)
