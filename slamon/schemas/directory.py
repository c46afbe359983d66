"""The records administrators keep, as the API takes and gives them: to create, to change, to read."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from types import NoneType
from typing import Annotated, Any, Literal, TypeVar, get_args, get_type_hints
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints, field_serializer, field_validator

from slamon.channels import Channels
from slamon.db import parties
from slamon.db.parties import SiteKind, Standing
from slamon.public_holidays import NATIONWIDE
from slamon.schemas.addresses import known_addresses, new_addresses
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
    shown,
    unchanged,
    with_fields,
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
    list[UUID], Field(max_length=100, description="The sites that a contact serves; with none, every site of the CMO.")
]
_Cmos = Annotated[list[UUID], Field(max_length=100, description="CMOs that work on it.")]


class Change(Because):
    """Fields left out stay as they are."""


_Change = TypeVar("_Change", bound=Change)


def changes(new: type[BaseModel], *fixed: str) -> Callable[[type[_Change]], type[_Change]]:
    """Give a change every field of the new record but those that are `fixed`, as one that may be left out.

    Only what may be null in the new record may be null in its change. What the class says of a field itself holds.
    """
    hints = get_type_hints(new, include_extras=True)
    kept = [name for name in new.model_fields if name not in fixed]
    fields = {name: (hints[name], None if NoneType in get_args(hints[name]) else unchanged()) for name in kept}

    def filled(change: type[_Change]) -> type[_Change]:
        left = {name: field for name, field in fields.items() if name not in change.model_fields}
        return with_fields(change, **left)

    return filled


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
    lead_id: UUID | None = Field(None, description="The sponsor's lead for this CMO.")


class CmoChange(Change):
    model_config = shown(lead_id=_B, reason="New alliance lead since March")

    status: Standing = unchanged()


class _Cmo(Record):
    name: str
    shares_name: SharesName
    status: Standing
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


@changes(NewSite, "cmo_id")
class SiteChange(Change):
    model_config = shown(calendar_id=_B, reason="Works six days a week from now on")

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


@changes(NewContact, "cmo_id")
class ContactChange(_PersonChange):
    model_config = shown(email="corinne.meier@cmo.example", reason="New address, told by phone")


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
    reads_cmo_ids: _ReadCmos = Field([])
    reads_project_ids: _ReadProjects = Field([])


class PersonChange(_PersonChange):
    model_config = shown(roles=["project_manager", "lead"], reason="Took over the alliance")


class _Staff(Record):
    name: str
    email: str
    roles: list[StaffRole]
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
    new_cmo = with_fields(_NewCmo, "NewCmo", **new_addresses(places))
    new_person = with_fields(_NewStaff, "NewPerson", **new_addresses(own))
    return PartyModels(
        new_cmo=new_cmo,
        cmo_change=changes(new_cmo)(CmoChange),
        cmo=with_fields(_Cmo, "Cmo", **known_addresses(places)),
        new_person=new_person,
        person_change=changes(new_person)(PersonChange),
        person=with_fields(_Staff, "Person", **known_addresses(own)),
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


@changes(NewProject)
class ProjectChange(Change):
    model_config = shown(cmo_ids=[_A, _B], reason="Second source added")

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


@changes(NewCalendar)
class CalendarChange(_Stored, Change):
    model_config = shown(
        closed_days=[{"date": "2026-12-24", "name": "Plant closed"}, {"date": "2026-12-31", "name": "Stocktaking"}],
        reason="Stocktaking announced",
    )


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
