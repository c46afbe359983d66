"""The records administrators keep, as the API takes and gives them: to create, to change, to read."""

from datetime import date, datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_serializer, field_validator, model_validator

from slamon.db.parties import SiteKind, Standing
from slamon.domain.kinds import DataKind, InquiryCategory
from slamon.domain.lifecycle import RequestType
from slamon.domain.priority import Priority
from slamon.domain.terms import (
    REPETITIONS,
    STEP_ID,
    Anchor,
    ClockKind,
    DeliveryChannel,
    LadderRole,
    Level,
    Mode,
    is_before_a_day,
    parse_offset,
    repeated_id,
)
from slamon.public_holidays import NATIONWIDE
from slamon.schemas.fields import (
    Answer,
    Because,
    Body,
    ContactRole,
    Country,
    Day,
    Duration,
    Email,
    Flag,
    Instant,
    Line40,
    Line80,
    Name,
    Offset,
    ShortText,
    StaffRole,
    Version,
    Zone,
    unchanged,
)

_A = "01980a4e-8f6b-7c3d-9a51-2f1c7d9e0a01"
_B = "01980a4e-8f6b-7c3d-9a51-2f1c7d9e0a02"
_SlackId = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{2,40}$")]
_SlackChannel = Annotated[str, StringConstraints(pattern=r"^[#A-Za-z0-9_-]{2,80}$")]
_Usable = Literal["active", "disabled"]
_ContactRoles = Annotated[list[ContactRole], Field(min_length=1, max_length=3)]
_StaffRoles = Annotated[
    list[StaffRole], Field(min_length=1, max_length=7, description="An administrator holds no other role.")
]
_Codes = Annotated[list[Line40], Field(max_length=100)]
_ReadCmos = Annotated[
    list[UUID],
    Field(
        max_length=100,
        description="An auditor's scope: CMOs whose requests they read. Without a scope: all that is not restricted.",
    ),
]
_ReadProjects = Annotated[
    list[UUID], Field(max_length=100, description="An auditor's scope: projects they read, restricted ones too.")
]
_Sites = Annotated[
    list[UUID],
    Field(max_length=100, description="The sites that a contact serves; with none, every site of the CMO."),
]
_Cmos = Annotated[list[UUID], Field(max_length=100, description="CMOs that work on it.")]


def _shown(**example: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [example]})


class Change(Because):
    """Fields left out stay as they are."""


class Record(Answer):
    id: UUID
    version: Version
    created_at: datetime
    created_by: str = Field(description="Id of the person, service account or part of the system that made it.")


# --- CMOs, sites, people -----------------------------------------------------------------------------------------


SharesName = Annotated[
    bool,
    Field(
        description="Whether an older record has this name too, but for case, spaces or hidden characters: they were "
        "taken once. Rename one of them."
    ),
]


class NewCmo(Body):
    model_config = _shown(name="Rhein Fill AG", slack_channel="C0123456789", lead_id=_A)

    name: Name
    slack_channel: _SlackChannel | None = Field(
        None,
        description="Where this CMO's escalations go, by name or id. A test message is posted there, and the id that "
        "Slack answers with is kept.",
    )
    lead_id: UUID | None = Field(None, description="The sponsor's lead for this CMO.")


class CmoChange(Change):
    model_config = _shown(lead_id=_B, reason="New alliance lead since March")

    name: Name = unchanged()
    status: Standing = unchanged()
    slack_channel: _SlackChannel | None = None
    lead_id: UUID | None = None


class Cmo(Record):
    name: str
    shares_name: SharesName
    status: Standing
    slack_channel: str | None
    lead_id: UUID | None


class NewSite(Body):
    model_config = _shown(cmo_id=_A, name="Basel", country="CH", time_zone="Europe/Zurich", kind="manufacturing")

    cmo_id: UUID = Field(serialization_alias="organization_id")
    name: Name
    address: ShortText | None = None
    country: Country
    time_zone: Zone
    calendar_id: UUID | None = Field(None, description="Left out, the site counts as open all the time.")
    kind: SiteKind = SiteKind.MANUFACTURING


class SiteChange(Change):
    model_config = _shown(calendar_id=_B, reason="Works six days a week from now on")

    name: Name = unchanged()
    address: ShortText | None = None
    country: Country = unchanged()
    time_zone: Zone = unchanged()
    calendar_id: UUID | None = None
    kind: SiteKind = unchanged()
    status: Standing = unchanged()


class Site(Record):
    cmo_id: UUID = Field(validation_alias="organization_id")
    name: str
    shares_name: SharesName
    address: str | None
    country: str
    time_zone: str
    calendar_id: UUID | None
    kind: SiteKind
    status: Standing


class _NewPerson(Body):
    name: Name
    email: Email
    time_zone: Zone = "UTC"
    backup_id: UUID | None = Field(
        None, description="Who stands in; somebody of the same organization who may do the same."
    )


class _PersonChange(Change):
    name: Name = unchanged()
    email: Email = unchanged()
    time_zone: Zone = unchanged()
    backup_id: UUID | None = None
    status: _Usable = unchanged()
    handed_to: UUID | None = Field(
        None,
        description="With status `disabled`: who takes everything that the person holds. Without it, disabling "
        "somebody who holds something is refused (409) and lists it in `holds`.",
    )


class NewContact(_NewPerson):
    model_config = _shown(
        cmo_id=_A, name="Corinne Meier", email="c.meier@cmo.example", roles=["cmo_contact"], time_zone="Europe/Zurich"
    )

    cmo_id: UUID = Field(serialization_alias="organization_id")
    site_ids: _Sites = Field([])
    roles: _ContactRoles = Field([ContactRole.CMO_CONTACT])


class ContactChange(_PersonChange):
    model_config = _shown(email="corinne.meier@cmo.example", reason="New address, told by phone")

    site_ids: _Sites = unchanged()
    roles: _ContactRoles = unchanged()


class Contact(Record):
    cmo_id: UUID = Field(validation_alias="organization_id")
    site_ids: _Sites
    name: str
    email: str
    roles: list[ContactRole]
    time_zone: str
    backup_id: UUID | None
    status: str


class NewPerson(_NewPerson):
    model_config = _shown(name="Petra Keller", email="p.keller@sponsor.example", roles=["project_manager"])

    roles: _StaffRoles
    slack_user_id: _SlackId | None = None
    reads_cmo_ids: _ReadCmos = Field([])
    reads_project_ids: _ReadProjects = Field([])


class PersonChange(_PersonChange):
    model_config = _shown(roles=["project_manager", "lead"], reason="Took over the alliance")

    roles: _StaffRoles = unchanged()
    slack_user_id: _SlackId | None = None
    reads_cmo_ids: _ReadCmos = unchanged()
    reads_project_ids: _ReadProjects = unchanged()


class Person(Record):
    name: str
    email: str
    roles: list[StaffRole]
    slack_user_id: str | None
    time_zone: str
    backup_id: UUID | None
    status: str
    reads_cmo_ids: list[UUID] = Field(description="An auditor's scope.")
    reads_project_ids: list[UUID] = Field(description="An auditor's scope, as far as the caller may see it.")


# --- projects ----------------------------------------------------------------------------------------------------


class NewProject(Body):
    model_config = _shown(code="AUR-101", name="Auriga One", product_codes=["AUR-1"], pm_id=_A, cmo_ids=[_B])

    code: Line40
    name: Name
    product_codes: _Codes = Field([])
    protocol_number: Line80 | None = None
    blinded: Flag = False
    restricted: Flag = Field(
        False, description="Only its manager, the leads of its CMOs, head, quality and scoped auditors see it."
    )
    pm_id: UUID
    lead_id: UUID | None = None
    cmo_ids: _Cmos = Field([])


class ProjectChange(Change):
    model_config = _shown(cmo_ids=[_A, _B], reason="Second source added")

    code: Line40 = unchanged()
    name: Name = unchanged()
    product_codes: _Codes = unchanged()
    protocol_number: Line80 | None = None
    blinded: Flag = unchanged()
    restricted: Flag = unchanged()
    pm_id: UUID = unchanged()
    lead_id: UUID | None = None
    cmo_ids: _Cmos = unchanged()
    status: Standing = unchanged()


class Project(Record):
    code: str
    shares_name: SharesName
    name: str
    product_codes: list[str]
    protocol_number: str | None
    blinded: bool
    restricted: bool
    pm_id: UUID
    lead_id: UUID | None
    cmo_ids: list[UUID]
    status: Standing


# --- calendars ---------------------------------------------------------------------------------------------------

_Opens = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
_Closes = Annotated[str, StringConstraints(pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$")]
_Spans = Annotated[
    list[tuple[_Opens, _Closes]],
    Field(
        max_length=24, description="From and to, by the site's own clock; a `to` that is earlier is on the next day."
    ),
]


class Week(Body):
    """Opening hours of each weekday; a day left out is closed."""

    mon: _Spans = Field([])
    tue: _Spans = Field([])
    wed: _Spans = Field([])
    thu: _Spans = Field([])
    fri: _Spans = Field([])
    sat: _Spans = Field([])
    sun: _Spans = Field([])


class ClosedDay(Body):
    date: Day
    name: Name


class OpeningDay(ClosedDay):
    """A make-up workday: open on this date whatever the weekday, holiday or not."""

    hours: Annotated[_Spans, Field(min_length=1)]


_WORK_WEEK = {day: [["08:00", "18:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
_Hours = Literal["24x7"] | Week
_ClosedDays = Annotated[list[ClosedDay], Field(max_length=2000)]
_OpeningDays = Annotated[
    list[OpeningDay], Field(max_length=2000, description="They win over closed days and public holidays.")
]


class _Stored(Body):
    """Hours, closed and opening days as the table holds them."""

    @field_serializer("weekly", check_fields=False)
    def _hours(self, weekly: Any) -> dict[str, Any]:
        if not isinstance(weekly, Week):
            return {"hours": weekly}
        return {"hours": {day: [list(span) for span in spans] for day, spans in weekly if spans}}

    @field_serializer("closed_days", check_fields=False)
    def _days(self, days: list[ClosedDay]) -> list[dict[str, str]]:
        return [{"date": day.date.isoformat(), "name": day.name} for day in days]

    @field_serializer("opening_days", check_fields=False)
    def _openings(self, days: list[OpeningDay]) -> list[dict[str, Any]]:
        plain = [(day.date.isoformat(), day.name, [list(span) for span in day.hours]) for day in days]
        return [{"date": day, "name": name, "hours": hours} for day, name, hours in plain]


Subdivision = Annotated[
    str,
    StringConstraints(pattern=rf"^([A-Z0-9-]{{1,10}}|{NATIONWIDE})$"),
    Field(
        description="The region whose public holidays count as well, as in ISO 3166-2 without the country; "
        f"`{NATIONWIDE}` for those of the whole country alone. Needed where regions keep holidays of their own."
    ),
]


class NewCalendar(_Stored):
    model_config = _shown(
        name="Basel, Monday to Friday",
        weekly=_WORK_WEEK,
        country="CH",
        subdivision="BS",
        closed_days=[{"date": "2026-12-24", "name": "Plant closed"}],
        opening_days=[{"date": "2026-12-19", "name": "Makes up for 24 December", "hours": [["08:00", "18:00"]]}],
    )

    name: Name
    weekly: _Hours
    country: Country | None = Field(None, description="Its public holidays are closed.")
    subdivision: Subdivision | None = None
    closed_days: _ClosedDays = Field([])
    opening_days: _OpeningDays = Field([])


class CalendarChange(_Stored, Change):
    model_config = _shown(
        closed_days=[{"date": "2026-12-24", "name": "Plant closed"}, {"date": "2026-12-31", "name": "Stocktaking"}],
        reason="Stocktaking announced",
    )

    name: Name = unchanged()
    weekly: _Hours = unchanged()
    country: Country | None = None
    subdivision: Subdivision | None = None
    closed_days: _ClosedDays = unchanged()
    opening_days: _OpeningDays = unchanged()


class Calendar(Record):
    name: str
    shares_name: SharesName
    weekly: Literal["24x7"] | dict[str, list[tuple[str, str]]]
    country: str | None
    subdivision: str | None
    closed_days: list[ClosedDay]
    opening_days: list[OpeningDay]

    @field_validator("weekly", mode="before")
    @classmethod
    def _from_store(cls, stored: Any) -> Any:
        return stored["hours"] if isinstance(stored, dict) and "hours" in stored else stored


class Holiday(Answer):
    day: date
    name: str
    is_public: bool = Field(description="A holiday of the country; otherwise the calendar's own closed day.")


class Opening(Answer):
    day: date
    name: str
    hours: list[tuple[str, str]]


class Holidays(Answer):
    year: int
    days: list[Holiday]
    openings: list[Opening] = Field(description="Open on these days, for these hours, even where `days` has them.")


# --- policies ----------------------------------------------------------------------------------------------------


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

    acknowledgement: PolicyClock | None = None
    answer: PolicyClock | None = None
    order_confirmation: PolicyClock | None = None
    reply: PolicyClock | None = None
    dispatch_confirmation: PolicyClock | None = None
    delivery_confirmation: PolicyClock | None = None
    fulfilment: DatedClock | None = None
    promise: DatedClock | None = None
    sponsor: PolicyClock | None = None
    excursion_decision: PolicyClock | None = None

    @model_validator(mode="after")
    def _at_least_one(self) -> Self:
        if not any(getattr(self, kind) for kind in type(self).model_fields):
            raise ValueError(f"name at least one clock: {', '.join(type(self).model_fields)}")
        return self


class StepRecipient(Body):
    channel: DeliveryChannel
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
    clocks: list[ClockKind] = Field(
        [], max_length=len(ClockKind),
        description="Clocks that climb this rung, and no rung that names none; left out, all the CMO owes by the hour.",
    )  # fmt: skip
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
        ahead = is_before_a_day(Anchor(self.anchor), parse_offset("offset", self.offset), self.clocks)
        if level is Level.TARGET and ahead:
            self.level = Level.REMINDER
        return self


_Ladder = Annotated[list[LadderStep], Field(max_length=len(Level) * len(ClockKind))]
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
    model_config = _shown(
        name="Urgent at Basel",
        priority="urgent",
        site_id=_A,
        clocks={
            "acknowledgement": {"target": "PT4H", "limit": "PT8H", "mode": "calendar"},
            "answer": {"target": "PT8H", "limit": "PT24H"},
        },
        ladder=_LADDER,
        agreement_clause="Quality agreement 7.3",
    )

    name: Name
    type: RequestType | None = Field(None, description="Scope: each field left out matches everything.")
    kind: _Kind | None = None
    priority: Priority | None = None
    cmo_id: UUID | None = None
    site_id: UUID | None = None
    project_id: UUID | None = None
    clocks: PolicyClocks
    ladder: _Ladder
    agreement_clause: Name | None = None
    effective_from: Instant | None = Field(None, description="Left out: from now.")
    effective_to: Instant | None = Field(None, description="Left out: until it is ended.")
    review_due_on: Day | None = Field(
        None, description="When to look whether the line still fits: its owner gets a mail that day."
    )
    owner_id: UUID | None = Field(None, description="The administrator who looks after it; left out, the caller.")


class PolicyChange(_PolicyBody, Change):
    """Scope, clocks, ladder and clause count from `effective_from` if that is changed with them, else from now. What a
    line in force said until then stays, as a line that ended then."""

    model_config = _shown(effective_to="2026-12-31T23:59:59Z", reason="Agreement ends")

    name: Name = unchanged()
    type: RequestType | None = None
    kind: _Kind | None = None
    priority: Priority | None = None
    cmo_id: UUID | None = None
    site_id: UUID | None = None
    project_id: UUID | None = None
    clocks: PolicyClocks = unchanged()
    ladder: _Ladder = unchanged()
    agreement_clause: Name | None = None
    effective_from: Instant = unchanged()
    effective_to: Instant | None = None
    review_due_on: Day | None = None
    owner_id: UUID | None = Field(None, description="With null the administrators together look after it.")


class Policy(Record):
    name: str
    type: RequestType | None
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
