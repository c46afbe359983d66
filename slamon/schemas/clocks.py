"""A request's clocks and the explanation of each, as the API gives them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from pydantic import BeforeValidator, Field, JsonValue

from slamon.db.requests import ClockRow
from slamon.domain.clocks import kinds
from slamon.domain.clocks.explain import Counts
from slamon.domain.clocks.state import ClockId, Outcome
from slamon.domain.terms import Mode
from slamon.schemas.fields import Answer
from slamon.schemas.open_names import ClockName

_READ_ONLY: dict[str, JsonValue] = {"readOnly": True}


class Clock(Answer):
    """A clock as it stands. Its due instants are unknown, null, while it is paused."""

    kind: ClockName
    generation: int = Field(description="The consignment, or the fact that started it, where there can be several.")
    started_at: datetime
    target_at: datetime | None
    limit_at: datetime | None
    paused_since: datetime | None
    stopped_at: datetime | None
    outcome: Outcome

    clock: str = Field(description="Its name in addresses.", json_schema_extra=_READ_ONLY)
    is_the_sponsors: bool = Field(description="Whether it is the sponsor who is timed.", json_schema_extra=_READ_ONLY)


def clock_of(stored: ClockRow | Mapping[str, Any], clocks: kinds.Clocks) -> Clock:
    """A clock from its row, or from the values of one about to be."""
    values = stored if isinstance(stored, Mapping) else {name: getattr(stored, name) for name in _COLUMNS}
    kind = values["kind"]
    name = str(ClockId(kind, values["generation"]))
    return Clock.model_validate({**values, "clock": name, "is_the_sponsors": clocks[kind].is_the_sponsors})


_COLUMNS = tuple(Clock.model_fields.keys() - {"clock", "is_the_sponsors"})


def _whole_seconds(length: timedelta) -> int:
    return int(length.total_seconds())


Seconds = Annotated[int, BeforeValidator(_whole_seconds)]  # of a length of time


class TimeByOwner(Answer):
    """Seconds in which each had to move; they add up to the time the request has been open."""

    cmo: Seconds
    sponsor: Seconds
    third_party: Seconds
    closed: Seconds = Field(description="Outside the site's hours, where its calendar counts.")


class Clocks(Answer):
    request_id: UUID
    seconds_by_owner: TimeByOwner
    clocks: list[Clock]


class Part(Answer):
    """Time of one kind, from `since` up to `until`."""

    since: datetime
    until: datetime
    seconds: Seconds = Field(validation_alias="length")
    kind: Counts
    name: str | None = Field(description="Why it was paused, or what the holiday is called.")


class Rule(Answer):
    """The policy line that was frozen into the request when it was filed."""

    policy_id: str
    name: str = Field(validation_alias="policy_name")
    version: int = Field(validation_alias="policy_version")
    agreement_clause: str | None


class Explanation(Answer):
    """A clock's deadlines taken apart. The counted seconds of `parts` up to `target_at` add up to `target_seconds`,
    those up to `limit_at` to `limit_seconds`; no part reaches across the target."""

    request_id: UUID
    clock: str
    kind: ClockName
    rule: Rule
    mode: Mode
    time_zone: str = Field(description="The zone of the site's calendar.")
    holiday_source: str | None = Field(description="Library and version that named the public holidays.")
    zone_data: str | None = Field(description="Release of the time-zone data by which the terms were made.")
    target_seconds: Seconds = Field(validation_alias="target")
    limit_seconds: Seconds = Field(validation_alias="limit")
    started_at: datetime
    target_at: datetime | None
    limit_at: datetime | None
    stopped_at: datetime | None
    outcome: Outcome
    parts: list[Part]
    sentences: list[str] = Field(description="The same in words, for people.")
