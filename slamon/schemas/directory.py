"""The records administrators keep, as the API takes and gives them: to create, to change, to read."""

from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_serializer, field_validator

from slamon.channels import Channels
from slamon.db import parties
from slamon.db.parties import SiteKind, Standing
from slamon.public_holidays import NATIONWIDE
from slamon.schemas.addresses import changed_addresses, known_addresses, new_addresses, with_fields
from slamon.schemas.fields import (
    Answer,
    Because,
    Body,
    ContactRole,
    Country,
    Day,
    Email,
    Flag,
    Line40,
    Line80,
    Name,
    ShortText,
    StaffRole,
    Version,
    Zone,
    unchanged,
)
from slamon.services.outbox.addresses import address_kinds

_A = "01980a4e-8f6b-7c3d-9a51-2f1c7d9e0a01"
_B = "01980a4e-8f6b-7c3d-9a51-2f1c7d9e0a02"
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


def shown(**example: Any) -> ConfigDict:
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


class _NewCmo(Body):
    model_config = shown(name="Rhein Fill AG", slack_channel="C0123456789", lead_id=_A)

    name: Name


class _NewLead(BaseModel):
    lead_id: UUID | None = Field(None, description="The sponsor's lead for this CMO.")


class _CmoChange(Change):
    model_config = shown(lead_id=_B, reason="New alliance lead since March")

    name: Name = unchanged()
    status: Standing = unchanged()


class _LeadChange(BaseModel):
    lead_id: UUID | None = None


class _Cmo(Record):
    name: str
    shares_name: SharesName
    status: Standing


class _Lead(BaseModel):
    lead_id: UUID | None


class NewSite(Body):
    model_config = shown(cmo_id=_A, name="Basel", country="CH", time_zone="Europe/Zurich", kind="manufacturing")

    cmo_id: UUID = Field(serialization_alias="organization_id")
    name: Name
    address: ShortText | None = None
    country: Country
    time_zone: Zone
    calendar_id: UUID | None = Field(None, description="Left out, the site counts as open all the time.")
    kind: SiteKind = SiteKind.MANUFACTURING


class SiteChange(Change):
    model_config = shown(calendar_id=_B, reason="Works six days a week from now on")

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
    model_config = shown(
        cmo_id=_A, name="Corinne Meier", email="c.meier@cmo.example", roles=["cmo_contact"], time_zone="Europe/Zurich"
    )

    cmo_id: UUID = Field(serialization_alias="organization_id")
    site_ids: _Sites = Field([])
    roles: _ContactRoles = Field([ContactRole.CMO_CONTACT])


class ContactChange(_PersonChange):
    model_config = shown(email="corinne.meier@cmo.example", reason="New address, told by phone")

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


class _NewStaff(_NewPerson):
    model_config = shown(name="Petra Keller", email="p.keller@sponsor.example", roles=["project_manager"])

    roles: _StaffRoles


class _NewReader(BaseModel):
    reads_cmo_ids: _ReadCmos = Field([])
    reads_project_ids: _ReadProjects = Field([])


class _StaffChange(_PersonChange):
    model_config = shown(roles=["project_manager", "lead"], reason="Took over the alliance")

    roles: _StaffRoles = unchanged()


class _ReaderChange(BaseModel):
    reads_cmo_ids: _ReadCmos = unchanged()
    reads_project_ids: _ReadProjects = unchanged()


class _Staff(Record):
    name: str
    email: str
    roles: list[StaffRole]


class _Reader(BaseModel):
    time_zone: str
    backup_id: UUID | None
    status: str
    reads_cmo_ids: list[UUID] = Field(description="An auditor's scope.")
    reads_project_ids: list[UUID] = Field(description="An auditor's scope, as far as the caller may see it.")


@dataclass(frozen=True, slots=True)
class PartyModels:
    """The models of CMOs and people, whose addresses follow from the registered channels."""

    new_cmo: type[Body]
    cmo_change: type[Change]
    cmo: type[Record]
    new_person: type[Body]
    person_change: type[Change]
    person: type[Record]


@cache
def party_models(channels: Channels) -> PartyModels:
    places, own = address_kinds(parties.Organization, channels), address_kinds(parties.Person, channels)
    return PartyModels(
        new_cmo=with_fields("NewCmo", _NewCmo, new_addresses(places), _NewLead),
        cmo_change=with_fields("CmoChange", _CmoChange, changed_addresses(places), _LeadChange),
        cmo=with_fields("Cmo", _Cmo, known_addresses(places), _Lead),
        new_person=with_fields("NewPerson", _NewStaff, new_addresses(own), _NewReader),
        person_change=with_fields("PersonChange", _StaffChange, changed_addresses(own), _ReaderChange),
        person=with_fields("Person", _Staff, known_addresses(own), _Reader),
    )


# --- projects ----------------------------------------------------------------------------------------------------


class NewProject(Body):
    model_config = shown(code="AUR-101", name="Auriga One", product_codes=["AUR-1"], pm_id=_A, cmo_ids=[_B])

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
    model_config = shown(cmo_ids=[_A, _B], reason="Second source added")

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
    model_config = shown(
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
    model_config = shown(
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
