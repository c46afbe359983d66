"""Policy lines, and questions about them and calendars, as the API takes and gives them.

What depends on which clocks there are, `policy_models` makes from a catalogue; the classes here say all the rest.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, ClassVar, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field, field_serializer, field_validator, model_validator

from slamon.domain.clocks.kinds import Clocks, dated
from slamon.domain.priority import Priority
from slamon.domain.terms import (
    REPETITIONS,
    STEP_ID,
    Anchor,
    LadderRole,
    Level,
    Mode,
    is_before_a_day,
    parse_offset,
    repeated_id,
)
from slamon.domain.types.data import DataKind
from slamon.domain.types.inquiry import InquiryCategory
from slamon.schemas.directory import Change, Record, changes
from slamon.schemas.fields import (
    Answer,
    Body,
    Day,
    Duration,
    Flag,
    Instant,
    Name,
    Offset,
    shown,
    unchanged,
    with_fields,
)
from slamon.schemas.open_names import ChannelName, ClockName, TypeName

_SITE_ID = "01980a4e-8f6b-7c3d-9a51-2f1c7d9e0a01"


class PolicyClock(Body):
    target: Duration
    limit: Duration
    mode: Literal[Mode.ELAPSED, Mode.CALENDAR] = Field(
        Mode.ELAPSED, description="`calendar` counts open hours of the site only."
    )
    pause_cap: Duration | None = Field(
        None, description="How long all waits for a third party may last together; left out, they do not pause."
    )


class DatedClock(Body):
    """Its limit is the end of a day that somebody named."""

    mode: Literal[Mode.DATE]


class PolicyClocks(Body):
    """What each kind of clock allows; a kind left out does not run. A request has those that its type can have."""

    @model_validator(mode="after")
    def _at_least_one(self) -> Self:
        if not any(getattr(self, kind) for kind in type(self).model_fields):
            raise ValueError(f"name at least one clock: {', '.join(type(self).model_fields)}")
        return self


class StepRecipient(Body):
    channel: ChannelName
    role: LadderRole | None = None
    person_id: UUID | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.role is None) == (self.person_id is None):
            raise ValueError("name either a role or a person_id")
        return self


class LadderStep(Body):
    """One step: some percent into the clock's own time, or an offset after its start, target or limit.

    The instant must fit the level: a reminder lies before, `target` at the target, `limit` at the limit, the others
    after it.
    """

    dated: ClassVar[Collection[str]] = ()  # the clocks that end on a day

    id: Annotated[str, Field(pattern=f"^{STEP_ID.pattern}$")] | None = Field(
        None, description="Its own name, once for a clock. Left out: the level."
    )
    level: Level
    anchor: Anchor | None = Field(
        None,
        description="Left out: the start with percent_of_target, the target for reminder and target, else the limit.",
    )
    offset: Offset = "PT0S"
    percent_of_target: Annotated[int, Field(ge=1, le=100)] | None = None
    mode: Mode = Mode.ELAPSED
    unless_taken: Flag | None = Field(
        None, description="Only while nobody has taken the escalation. Left out: true for repeat and backup."
    )
    clocks: list[ClockName] = Field(
        [],
        description="Clocks that take this step, and no step that names none; left out, all the CMO owes by the hour.",
    )
    to: list[StepRecipient] = Field(min_length=1, max_length=50)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        """What is left out follows from the level; before a day's end a step reminds, whatever it was called."""
        level = Level(self.level)
        self.id = self.id or level.value
        if self.anchor is None:
            self.anchor = Anchor.START if self.percent_of_target is not None else level.usual_anchor
        if self.unless_taken is None:
            self.unless_taken = level in REPETITIONS
        ahead = is_before_a_day(Anchor(self.anchor), parse_offset("offset", self.offset), self.clocks, self.dated)
        if level is Level.TARGET and ahead:
            self.level = Level.REMINDER
        return self


_Kind = DataKind | InquiryCategory
_LADDER = [
    {"level": "target", "anchor": "target", "to": [{"channel": "slack", "role": "project_manager"}]},
    {"level": "limit", "anchor": "limit", "to": [{"channel": "email", "role": "lead"}]},
]


class _PolicyBody(Body):
    @field_validator("ladder", check_fields=False)
    @classmethod
    def _once(cls, steps: list[LadderStep]) -> list[LadderStep]:
        twice = repeated_id((step.id or "", step.clocks) for step in steps)
        if twice is not None:
            raise ValueError(f"two steps of a clock are called '{twice}'; give each an id of its own")
        return steps

    @field_serializer("clocks", "ladder", check_fields=False)
    def _plain(self, value: Any) -> Any:
        if isinstance(value, BaseModel):
            return value.model_dump(mode="json", exclude_none=True)
        return [step.model_dump(mode="json") for step in value]


class NewPolicy(_PolicyBody):
    model_config = shown(
        name="Urgent at Basel",
        priority="urgent",
        site_id=_SITE_ID,
        clocks={
            "acknowledgement": {"target": "PT4H", "limit": "PT8H", "mode": "calendar"},
            "answer": {"target": "PT8H", "limit": "PT24H"},
        },
        ladder=_LADDER,
        agreement_clause="Quality agreement 7.3",
    )

    name: Name
    type: TypeName | None = Field(None, description="Scope: each field left out matches everything.")
    kind: _Kind | None = None
    priority: Priority | None = None
    cmo_id: UUID | None = None
    site_id: UUID | None = None
    project_id: UUID | None = None
    clocks: PolicyClocks
    ladder: list[LadderStep]
    agreement_clause: Name | None = None
    effective_from: Instant | None = Field(None, description="Left out: from now.")
    effective_to: Instant | None = Field(None, description="Left out: until it is ended.")
    review_due_on: Day | None = Field(
        None, description="When to look whether the line still fits: its owner gets a mail that day."
    )
    owner_id: UUID | None = Field(None, description="The administrator who looks after it; left out, the caller.")


@changes(NewPolicy)
class PolicyChange(_PolicyBody, Change):
    """Scope, clocks, ladder and clause count from `effective_from` if that is changed with them, else from now. What a
    line in force said until then stays, as a line that ended then."""

    model_config = shown(effective_to="2026-12-31T23:59:59Z", reason="Agreement ends")

    effective_from: Instant = unchanged()
    owner_id: UUID | None = Field(None, description="With null the administrators together look after it.")


class Policy(Record):
    name: str
    type: TypeName | None
    kind: str | None
    priority: Priority | None
    cmo_id: UUID | None
    site_id: UUID | None
    project_id: UUID | None
    clocks: PolicyClocks
    ladder: list[LadderStep]
    agreement_clause: str | None
    effective_from: datetime
    effective_to: datetime | None
    review_due_on: date | None
    owner_id: UUID | None
    former_of: UUID | None = Field(description="The line that said this before it was changed.")


class CoveringLine(Answer):
    id: UUID
    name: str
    names: list[str]


class ResolvedPolicy(Answer):
    """The line a request filed now would be frozen under."""

    policy: Policy
    matched_by: list[str] = Field(description="The scope fields the line names, the weightiest first.")
    why: str = Field(description="Why it wins, in words.")
    also_cover: list[CoveringLine] = Field(description="Lines that cover the request too and lose, the nearest first.")


class HolidaysQuery(Body):
    year: Annotated[int, Field(ge=1950, le=2150)]


class ResolveQuery(Body):
    """The request about to be filed."""

    project_id: UUID
    site_id: UUID
    type: TypeName
    kind: DataKind | InquiryCategory | None = None
    priority: Priority = Priority.ROUTINE


class WhatIfQuestion(Body):
    """A draft policy line, and which requests to judge again under it."""

    policy: NewPolicy
    filed_from: Instant
    filed_to: Instant


@dataclass(frozen=True, slots=True)
class PolicyModels:
    """The models of one catalogue, each a subclass of the class of its name."""

    new: type[NewPolicy]
    change: type[PolicyChange]
    read: type[Policy]
    resolved: type[ResolvedPolicy]
    question: type[WhatIfQuestion]


def policy_models(clocks: Clocks) -> PolicyModels:
    """The models in which a policy line has a field for each of these clocks, and its steps name no others."""
    each: dict[str, Any] = {
        name: ((DatedClock if clock.is_dated else PolicyClock) | None, None) for name, clock in clocks.items()
    }
    allowed, step = with_fields(PolicyClocks, **each), _step(clocks)
    steps: Any = list[step]  # type: ignore[valid-type]
    ladder: Any = Annotated[steps, Field(max_length=len(Level) * len(clocks))]
    new = with_fields(NewPolicy, clocks=(allowed, ...), ladder=(ladder, ...))
    read = with_fields(Policy, clocks=(allowed, ...), ladder=(steps, ...))
    return PolicyModels(
        new=new,
        change=with_fields(PolicyChange, clocks=(allowed, unchanged()), ladder=(ladder, unchanged())),
        read=read,
        resolved=with_fields(ResolvedPolicy, policy=(read, ...)),
        question=with_fields(WhatIfQuestion, policy=(new, ...)),
    )


def _step(clocks: Clocks) -> Any:
    def known(name: str) -> str:
        if name not in clocks:
            raise ValueError(f"must be one of {', '.join(clocks)}")
        return name

    names: Any = list[Annotated[ClockName, AfterValidator(known)]]
    description = LadderStep.model_fields["clocks"].description
    step = with_fields(LadderStep, clocks=(names, Field([], max_length=len(clocks), description=description)))
    step.dated = dated(clocks)
    return step
