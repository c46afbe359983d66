"""What somebody wants filed, checked by the API's models, as the use case takes it; pages and imports use it too."""

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from slamon.domain.lifecycle import RequestType
from slamon.domain.priority import Priority
from slamon.schemas.new_requests import DataRequest, InquiryRequest, NewRequest, ShipmentRequest
from slamon.services.requests.filing import Filing

AnyRequest = ShipmentRequest | DataRequest | InquiryRequest
_CHECKS: TypeAdapter[AnyRequest] = TypeAdapter(NewRequest)


def read_filing(content: Mapping[str, Any]) -> Filing:
    """What plain content says. Raises pydantic's ValidationError."""
    return filing_of(_CHECKS.validate_python(dict(content)))


def filing_of(asked: AnyRequest) -> Filing:
    return Filing(
        type=RequestType(asked.type),
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
        detail=asked.detail.model_dump(mode="json", exclude_none=True),
    )
