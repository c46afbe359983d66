"""What an act on a request says: one body for all actions, each taking its own fields of it."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator

from slamon.db.requests import Priority
from slamon.domain.progress import Condition, Disposition, Readout
from slamon.schemas.fields import (
    Body,
    Day,
    Email,
    Instant,
    Line40,
    Line80,
    Line120,
    LongText,
    Name,
    Quantity,
    Temperature,
    Text,
)

_Number = Annotated[int, Field(ge=1, le=200)]
_PERSON = "01980a4e-8f6b-7c3d-9a51-2f1c7d9e0a13"


class LineQuantity(Body):
    line: _Number = Field(description="Place of the line in the order, from 1.")
    quantity: Quantity
    lots_or_kits: Name | None = Field(None, description="The lots or kits of this line.")


class ItemAnswer(Body):
    """What becomes of one data item or one question. Declined, it needs a reason."""

    item: _Number = Field(description="Place of the item or question, from 1.")
    status: Literal["supplied", "declined"] = "supplied"
    text: LongText | None = None
    document_number: Line80 | None = None
    document_version: Line40 | None = None
    reason: Text | None = None


class LineChange(Body):
    number: _Number
    quantity: Quantity | None = None
    lots_or_kits: Name | None = None


class ItemChange(Body):
    number: _Number
    lots: list[Line40] = Field(max_length=100)


class DetailChanges(Body):
    requested_ship_date: Day | None = None
    required_delivery_from: Day | None = None
    required_delivery_to: Day | None = None
    lines: Annotated[list[LineChange], Field(min_length=1, max_length=200)] | None = None
    items: Annotated[list[ItemChange], Field(min_length=1, max_length=50)] | None = None


class Changes(Body):
    """Fields left out stay as they are."""

    due_on: Day | None = None
    priority: Priority | None = None
    cmo_reference: Line80 | None = None
    contact_id: UUID | None = None
    detail: DetailChanges | None = None


class Act(Body):
    """What an act says. Asking, replying, answering and following up need a text; declining, rejecting and cancelling
    a reason; `actions` of a request says what each needs and takes. `on_behalf_of` writes down a contact's call or
    mail: it needs `via` and `evidence`, and may name when."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"expected_on": "2026-03-16"},
                {"text": "Yes, week 20 is free."},
                {
                    "lines": [{"line": 1, "quantity": "12"}],
                    "courier": "World Courier",
                    "tracking_number": "AWB 020-1234 5675",
                    "expected_delivery_on": "2026-03-18",
                },
                {
                    "on_behalf_of": _PERSON,
                    "via": "phone_recorded",
                    "evidence": "Corinne Meier called: received, answer by Friday",
                    "occurred_at": "2026-03-02T16:05:00+01:00",
                },
            ]
        }
    )

    text: LongText | None = None
    reason: Text | None = None
    expected_on: Day | None = Field(None, description="When the CMO expects to answer; not in the past.")
    occurred_at: Instant | None = Field(None, description="Of a recorded call or mail: between filing and now.")
    on_behalf_of: UUID | None = None
    via: Literal["phone_recorded", "email_recorded"] | None = None
    evidence: Text | None = None
    attachments: list[UUID] = Field([], max_length=20, description="Files of this request that belong to what is said.")

    items: Annotated[list[ItemAnswer], Field(min_length=1, max_length=50)] | None = Field(
        None, description="Left out, the answer is to everything still open."
    )
    planned_ship_on: Day | None = Field(
        None, description="After the requested ship date, it is a proposal the sponsor must agree to."
    )
    lines: Annotated[list[LineQuantity], Field(min_length=1, max_length=200)] | None = Field(
        None, description="Left out, all that is left of the order; of a dispatch, what is packed, if anything is."
    )
    lots_or_kits: Name | None = Field(
        None, description="What was packed, where the lines do not name their own: each line needs lots or kits."
    )
    logger_serials: Annotated[list[Line80], Field(max_length=100)] | None = None
    packed_at: Instant | None = None
    dispatched_at: Instant | None = Field(None, description="When it left; left out, now.")
    courier: Name | None = None
    service: Line120 | None = None
    tracking_number: Line80 | None = None
    expected_delivery_on: Day | None = None
    consignment: _Number | None = Field(
        None,
        description="Needed where there are several it could be. Of a dispatch recorded late: the one that was told of "
        "in another way since; left out, it is the one with the same tracking number, or a new one.",
    )
    delivered_at: Instant | None = Field(None, description="When it arrived; left out, now.")
    received_by: Name | None = None
    condition: Condition | None = None
    readout: Readout | None = None
    min_c: Temperature | None = None
    max_c: Temperature | None = None
    minutes_out: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    disposition: Disposition | None = None
    until: Instant | None = Field(None, description="When the wait for a third party ends.")
    corrects: Annotated[int, Field(ge=1)] | None = Field(
        None, description="Sequence of the fact whose text this corrects."
    )
    changes: Changes | None = None
    name: Name | None = None
    email: Email | None = None

    @model_validator(mode="after")
    def _temperatures_in_order(self) -> Self:
        if self.min_c is not None and self.max_c is not None and self.min_c > self.max_c:
            raise ValueError("min_c must not lie above max_c")
        return self

    def particulars(self) -> dict[str, Any]:
        """What its action alone asks for, as plain JSON; fields left out are left out."""
        given = self.model_dump(mode="json", exclude_none=True, exclude=_COMMON)
        for name in ("packed_at", "dispatched_at", "delivered_at", "until"):
            moment: datetime | None = getattr(self, name)
            if moment is not None:
                given[name] = moment.replace(microsecond=0).isoformat()
        return given


_COMMON = {"text", "reason", "expected_on", "occurred_at", "on_behalf_of", "via", "evidence", "attachments"}
