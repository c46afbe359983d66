"""Inquiries: one or several questions, answered in words."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

from slamon.domain.lifecycle import Parts, RequestTypeDefinition, Ways, When
from slamon.domain.types.common import (
    ACKNOWLEDGED,
    ANSWERED,
    INFORMATION_CLOCKS,
    UNOPPOSED,
    information,
    information_done,
)


class InquiryCategory(StrEnum):
    SCHEDULE_CAPACITY = "schedule_capacity"
    TECHNICAL = "technical"
    QUALITY = "quality"
    REGULATORY = "regulatory"
    COMMERCIAL = "commercial"
    INVOICE = "invoice"
    LOGISTICS = "logistics"
    OTHER = "other"


def _category(detail: Mapping[str, Any]) -> Iterator[str]:
    if "category" in detail:
        yield str(detail["category"])


_ANSWERING: Ways = ((When.SOMETHING_IS_OWED, ACKNOWLEDGED), (When.OTHERWISE, ANSWERED))

INQUIRY = RequestTypeDefinition(
    name="inquiry",
    prefix="INQ",
    body="slamon.schemas.types.inquiry:InquiryRequest",
    parts=Parts.QUESTIONS,
    rules=information(_ANSWERING, ACKNOWLEDGED),
    already_done=information_done(_ANSWERING),
    by_itself=UNOPPOSED,
    clocks=INFORMATION_CLOCKS,
    kinds=tuple(InquiryCategory),
    kinds_in=_category,
)
