"""The CMOs, sites and contacts of a spreadsheet, added to the directory: all of them or, where a row is bad, none.

Here lives the comparison of what the rows say with what is there. What a record must be is decided by
services.directory.create alone; whether the result is kept is decided by whoever opened the transaction.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import select

from slamon.addresses import address_key
from slamon.db.parties import Calendar, Organization, OrganizationKind, Person, PersonStatus, Site, SiteKind
from slamon.domain.calendar_format import ALWAYS
from slamon.domain.normal_form import normal_form
from slamon.domain.timeline import Actor, Role
from slamon.errors import Invalid
from slamon.imports.drafts import BadRows, RecordDraft, RecordDrafts, normal_hours
from slamon.imports.names import ByName
from slamon.imports.tables import PLACES, Row, RowProblem
from slamon.services.directory.records import create
from slamon.services.outbox.addresses import Addresses
from slamon.services.transaction import Tx

REASON = "spreadsheet import"  # as the trail tells it
# Where a field is told.
_COLUMNS: Mapping[type, Mapping[str, str]] = {
    Organization: {"name": "cmo", **{field: field for field in PLACES}, "lead_id": "lead_email"},
    Site: {"name": "site", "address": "address", "country": "country", "time_zone": "time_zone", "kind": "site_kind"},
    Person: {
        "name": "contact_name",
        "email": "contact_email",
        "roles": "contact_role",
        "time_zone": "contact_time_zone",
    },
    Calendar: {"country": "country", "subdivision": "subdivision"},
}
_NEEDED = {(Site, "country"), (Site, "time_zone"), (Person, "name"), (Person, "time_zone")}
# Stand in for a missing or refused value, so that all the rest is checked too; a run that needs one is undone.
_STAND_INS = {"country": "NL", "time_zone": "UTC", "name": "?", "lead_id": None}

_SEVERAL = "several records have this name, told apart by what cannot be seen; rename one of them"

Kept = TypeVar("Kept", Organization, Site, Person, Calendar)


@dataclass(frozen=True, slots=True)
class ImportResult:
    """How many records of each kind were added or found, and where the file differs from what was found and stays.

    `notes` tell how the file was read where a reader might think otherwise.
    """

    created: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("cmos", "sites", "contacts", "calendars"), 0)
    )
    unchanged: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("cmos", "sites", "contacts"), 0))
    differing: list[RowProblem] = field(default_factory=list)
    notes: list[RowProblem] = field(default_factory=list)


def import_directory(tx: Tx, rows: Iterable[Row], *, by: Actor) -> ImportResult:
    """Add every CMO, site and contact of the rows that is not there yet; those that are stay as they are.

    CMOs are known by name, sites by name in their CMO, contacts by address, case not minded. All or nothing:
    raises BadRows with every problem found, having added nothing. Doing it again is harmless.
    """
    drafts, notes = RecordDrafts(), tuple[RowProblem, ...]()
    for row in rows:
        drafts.add(row)
        notes = row.sheet.notes
    with tx.session.begin_nested():
        run = _Run(tx, drafts.problems, by)
        run.add_all(drafts)
        if drafts.problems:
            raise BadRows(drafts.problems)
    run.result.notes.extend(notes)
    return run.result


class _Run:
    """One import: what was there before, what has been added, what is wrong."""

    def __init__(self, tx: Tx, problems: list[RowProblem], by: Actor) -> None:
        self.tx, self.session, self.problems, self.by = tx, tx.session, problems, by
        session = tx.session
        self.result = ImportResult()
        self._cmos = ByName((cmo.name, cmo) for cmo in session.scalars(select(Organization)))
        self._sites: defaultdict[UUID, ByName[Site]] = defaultdict(lambda: ByName(()))
        for site in session.scalars(select(Site)):
            self._sites[site.organization_id].add(site.name, site)
        self._people = {person.email_key: person for person in session.scalars(select(Person))}
        self._calendars = list(session.scalars(select(Calendar).order_by(Calendar.created_at, Calendar.id)))

    def add_all(self, drafts: RecordDrafts) -> None:
        cmos = {key: self._cmo(draft) for key, draft in drafts.cmos.items()}
        sites: dict[tuple[str, str], Site | None] = {}
        for place, draft in drafts.sites.items():
            if cmo := cmos[place[0]]:
                sites[place] = self._site(cmo, draft)
        for address, draft in drafts.contacts.items():
            cmo_key, keys = draft.value("site")
            if cmo := cmos[cmo_key]:
                found = [site for key in keys if (site := sites.get((cmo_key, key)))]
                self._contact(cmo, found, address, draft)

    def _cmo(self, draft: RecordDraft) -> Organization | None:
        lead_email = draft.value("lead_email")
        found = self._cmos.find(draft.value("cmo"))
        if len(found) > 1:
            self._note(draft, "cmo", _SEVERAL)
            return None
        for known in found:
            if known.kind != OrganizationKind.CMO:
                self._note(draft, "cmo", f"is the {known.kind}, not a CMO")
                return None
            lead = self.session.get(Person, known.lead_id) if known.lead_id else None
            self._leave("cmos", known, draft, lead_email=lead.email if lead else None)
            return known
        lead = self._people.get(address_key(lead_email)) if lead_email else None
        if lead_email and lead is None:
            self._note(draft, "lead_email", "nobody has this address; add the lead first")
        own = {"kind": OrganizationKind.CMO.value, "lead_id": lead.id if lead else None}
        return self._create("cmos", Organization, draft, own)

    def _site(self, cmo: Organization, draft: RecordDraft) -> Site | None:
        found = self._sites[cmo.id].find(draft.value("site"))
        if len(found) > 1:
            self._note(draft, "site", _SEVERAL)
            return None
        for known in found:
            calendar = self.session.get(Calendar, known.calendar_id) if known.calendar_id else None
            stored = {"opening_hours": normal_hours(calendar.weekly["hours"]) if calendar else ALWAYS}
            if calendar and calendar.country:
                stored["subdivision"] = calendar.subdivision
            self._leave("sites", known, draft, **stored)
            return known
        kind = draft.value("site_kind") or SiteKind.MANUFACTURING.value
        own = {"organization_id": cmo.id, "kind": kind, "calendar_id": self._calendar_id(draft)}
        return self._create("sites", Site, draft, own)

    def _calendar_id(self, draft: RecordDraft) -> UUID | None:
        """A calendar with the site's hours and public holidays; one without days of its own serves all."""
        hours, country, subdivision = (draft.value(name) for name in ("opening_hours", "country", "subdivision"))
        if hours is None:
            if subdivision and "opening_hours" not in draft.cells:
                self._note(draft, "subdivision", "matters with opening_hours only; without them the site never closes")
            return None
        if hours == ALWAYS:
            country = subdivision = None  # open on holidays too
        elif country is None:
            return None  # said already
        for one in self._calendars:
            is_plain = not (one.closed_days or one.opening_days) and (one.country, one.subdivision) == (
                country,
                subdivision,
            )
            if is_plain and normal_hours(one.weekly["hours"]) == hours:
                return one.id
        name = " ".join(filter(None, (country, subdivision, draft.cells["opening_hours"].text)))[:180]
        if any(normal_form(one.name) == normal_form(name) for one in self._calendars):
            name += f" ({len(self._calendars) + 1})"
        own = {"name": name, "weekly": {"hours": hours}, "closed_days": []}
        made = self._create("calendars", Calendar, draft, {**own, "country": country, "subdivision": subdivision})
        if made is None:
            return None
        self._calendars.append(made)
        return made.id

    def _contact(self, cmo: Organization, sites: Sequence[Site], key: str, draft: RecordDraft) -> None:
        if known := self._people.get(key):
            if known.organization_id == cmo.id:
                self._leave("contacts", known, draft)
                self._tell_other_sites(known, sites, draft)
            else:
                self._note(draft, "contact_email", "belongs to somebody of another organization")
            return
        own = {
            "organization_id": cmo.id,
            "site_ids": [site.id for site in sites],
            "roles": draft.value("contact_role") or [Role.CMO_CONTACT.value],
            "status": PersonStatus.ACTIVE.value,  # has no account to be invited to
        }
        if draft.value("contact_time_zone") is None and draft.value("site")[1]:
            zones = {site.time_zone for site in sites} or {"UTC"}
            own["time_zone"] = min(zones)
            if len(zones) > 1:
                reason = f"is needed: the sites lie in the zones {' and '.join(sorted(zones))}"
                self._note(draft, "contact_time_zone", reason)
        self._create("contacts", Person, draft, own)

    def _tell_other_sites(self, known: Person, sites: Sequence[Site], draft: RecordDraft) -> None:
        cell = draft.cells["site"]
        if sites and {site.id for site in sites} != set(known.site_ids):
            kept = " and ".join(self.session.get_one(Site, site_id).name for site_id in known.site_ids)
            self.result.differing.append(cell.row.problem("site", f"stays {kept or 'all sites'}"))

    def _create(self, what: str, kept: type[Kept], draft: RecordDraft, own: Mapping[str, Any]) -> Kept | None:
        """Add a record of what the draft tells and of values of our own; every field missing or refused is noted."""
        values = {name: draft.value(column) for name, column in _COLUMNS[kept].items()} | dict(own)
        for name, column in _COLUMNS[kept].items():
            if values[name] is None and (kept, name) in _NEEDED:
                if column not in draft.cells:
                    self._note(draft, column, "is needed for a new record; fill it in at least once")
                values[name] = _STAND_INS[name]
        for _ in values:
            try:
                made = create(self.tx, kept, values, by=self.by, reason=REASON)
            except Invalid as refused:
                name = refused.field
                self._note(draft, _COLUMNS[kept].get(name, name), refused.message)
                if name not in _STAND_INS or values[name] == _STAND_INS[name]:
                    return None
                values[name] = _STAND_INS[name]
            else:
                self.result.created[what] += 1
                return made
        return None

    def _leave(self, what: str, known: Organization | Site | Person, draft: RecordDraft, **more: object) -> None:
        """Count a record that is there already, and tell where the draft differs; `more` is stored elsewhere."""
        self.result.unchanged[what] += 1
        own: dict[str, Any] = {}
        if isinstance(known, Organization):
            own = dict(Addresses.of(self.session, [known.id]).fields(known, self.tx.rules.channels))
        columns = _COLUMNS[type(known)].items()
        stored = {column: own[name] if name in own else getattr(known, name) for name, column in columns} | more
        for column, kept in stored.items():
            cell = draft.cells.get(column)
            if cell and cell.value is not None and normal_form(str(cell.value)) != normal_form(str(kept)):
                reason = f"stays {kept}" if isinstance(kept, str) else "stays as it is"
                self.result.differing.append(cell.row.problem(column, reason))

    def _note(self, draft: RecordDraft, column: str, reason: str) -> None:
        cell = draft.cells.get(column)
        self.problems.append((cell.row if cell else draft.row).problem(column, reason))
