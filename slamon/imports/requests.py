"""The past and open requests of a spreadsheet, brought in with everything that happened to them.

Here lives finding what a row names. What was asked is read by filings, what happened by histories, and past_requests
stores it; whom it concerns and under which terms it stands is decided by services. Whether the result is kept is
decided by whoever opened the transaction.
"""

import unicodedata
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from sqlalchemy import select
from sqlalchemy.orm import Session

from slamon.addresses import address_key
from slamon.db.database import note
from slamon.db.parties import Organization, OrganizationKind, Person, Project, Site
from slamon.db.policies import Policy
from slamon.db.requests import CmoRequest
from slamon.db.shutdowns import Shutdown
from slamon.domain.calendar import CalendarHorizon
from slamon.domain.clocks.ladder import evaluate
from slamon.domain.normal_form import normal_form
from slamon.domain.terms import Terms, TermsError
from slamon.domain.timeline import Actor, Fact, FactKind, Role, Via, stamp
from slamon.errors import SlamonError
from slamon.imports.drafts import BadRows
from slamon.imports.filings import filing_of, needed
from slamon.imports.histories import DatedRow, People, history, read_dates, remarks_of, steps_of
from slamon.imports.mappings import BadCell, ColumnName, Columns, Field
from slamon.imports.names import ByName, Named
from slamon.imports.past_requests import ImportedRequests, Past, store
from slamon.imports.tables import ROW, Row, RowProblem
from slamon.services.access.callers import Caller
from slamon.services.policies.policies import PolicyLine, PolicyQuery, freeze, query_for, resolve, store_terms
from slamon.services.requests.filing import Filing, filed_content
from slamon.services.requests.filing_context import Parties, find_parties
from slamon.services.transaction import Tx

BATCH = 200  # rows checked at once


def import_requests(
    tx: Tx,
    rows: Sequence[Row],
    mapping: Columns,
    *,
    by: Actor,
    notify: bool = False,
    skip_bad: bool = False,
    progress: Callable[[int], None] = lambda _: None,
) -> ImportedRequests:
    """Store the requests of the rows with all their facts, as of when they happened; terms are those of the filing.

    Steps crossed so far are recorded as passed, without messages unless `notify`: then they leave for what is due now.
    All or nothing: raises BadRows with every bad row, unless `skip_bad`. A row that was imported before is a bad row.
    """
    run = _Run(tx, mapping, by)
    good: list[Past] = []
    for start in range(0, len(rows), BATCH):  # PostgreSQL ends a transaction that asks nothing for ten seconds
        progress(60 * start // len(rows))
        good += run.check(rows[start : start + BATCH])
    if run.problems and not skip_bad:
        raise BadRows(run.problems)
    left_out = tuple(sorted(run.problems, key=lambda problem: problem.row))
    flags = (*(rows[0].sheet.notes if rows else ()), *run.flags)
    imported = ImportedRequests(Counter(past.state for past in good), left_out, flags)
    store(tx, good, imported, by=by, notify=notify, progress=progress)
    note(tx.session, "imported", requests=imported.requests, left_out=len(left_out))
    return imported


_PartiesKey = tuple[UUID, UUID, UUID | None, int]


# --- checking -------------------------------------------------------------------------------------------------------


class _Run:
    """One import: what the names in it mean, which rules applied when, and what is wrong."""

    def __init__(self, tx: Tx, mapping: Columns, by: Actor) -> None:
        session = tx.session
        self.session, self.mapping, self.by, self.at = session, mapping, by, stamp(tx.business_now)
        self.catalogue = tx.rules.catalogue
        self.problems: list[RowProblem] = []
        self.flags: list[RowProblem] = []
        self._seen: dict[UUID, str] = {}
        self._names = _Names(session)
        self._caller = Caller(by.id, by.name, frozenset({Role.QUALITY}))  # files for any project
        # Between two of these instants, and of these days, the same rules and shutdowns are in force.
        in_force = session.execute(select(Policy.effective_from, Policy.effective_to)).all()
        self._rules_change = sorted({at for since_to in in_force for at in since_to if at})
        self._shutdowns_end = sorted(session.scalars(select(Shutdown.last_day).distinct()))
        self._parties: dict[_PartiesKey, Parties] = {}
        self._lines: dict[tuple[PolicyQuery, int], PolicyLine] = {}
        self._terms: dict[tuple[UUID, str, _PartiesKey, int], Terms] = {}

    def check(self, rows: Iterable[Row]) -> list[Past]:
        """What the rows say, those that can be stored; of the others it is noted why not."""
        good = []
        for row in rows:
            try:
                good.append(self._past(row))
            except BadCell as fault:
                self.problems.append(self.mapping.problem(row, fault))
        ids = [known for past in good for known in (past.id, *past.former_ids)]
        stored = select(CmoRequest.id, CmoRequest.number).where(CmoRequest.id.in_(ids))
        before = {
            request_id: f"was imported before, as {number}" for request_id, number in self.session.execute(stored)
        }
        return [past for past in good if self._is_new(past, before)]

    def _is_new(self, past: Past, before: Mapping[UUID, str]) -> bool:
        known = (before.get(own) for own in (past.id, *past.former_ids))
        same = next(filter(None, known), None) or self._seen.get(past.id)
        if same is not None:
            fault = BadCell(past.key_field, f"{same}; map source_key if it is another request")
            self.problems.append(self.mapping.problem(past.row, fault))
            return False
        self._seen[past.id] = f"is the same as row {past.row.number}"
        return True

    def _past(self, row: Row) -> Past:
        said = self.mapping.said(row)
        if any(name.startswith("(column ") for name in row.cells):
            raise BadCell(ROW, "has more cells than row 1 has names")
        dated = read_dates(said, self.mapping, self.at)
        project, site, contact = self._names.of(said)
        contact_id = contact.id if contact else None
        filing = filing_of(
            self.catalogue, said, self.mapping, project_id=project.id, site_id=site.id, contact_id=contact_id
        )
        parties = self._find(filing, dated.filed.at)
        terms = self._freeze(filing, parties, dated.filed.at)
        people = self._people(project, parties)
        filed = Fact(
            sequence=1,
            kind=FactKind.FILED,
            occurred_at=dated.filed.at,
            recorded_at=self.at,
            by=people.sponsor,
            recorded_by=self.by,
            via=Via.REPLAY,
            content=filed_content(self.catalogue.types[filing.type], filing, parties.contact, terms)
            | remarks_of(dated.filed)
            | _kept_as(said),
        )
        timeline, state = history(self.catalogue, filing.type, filed, steps_of(dated), terms, people)
        try:
            evaluate(terms, timeline, self.at, clocks=self.catalogue.clocks)
        except CalendarHorizon as error:
            raise BadCell(Field.FILED_AT, str(error)) from error
        self.flags += [self.mapping.problem(row, BadCell(field, doubt)) for field, doubt in dated.doubts.items()]
        key_field, own, key = _key(said, site.id, filing, dated)
        ids = [uuid5(parties.cmo_id, f"{key}{form(own)}") for form in (normal_form, _former_form, str)]
        return Past(ids[0], frozenset(ids[1:]), row, key_field, filing, parties, terms, timeline, state, project.pm_id)

    def _parties_key(self, filing: Filing, at: datetime) -> _PartiesKey:
        over = bisect_left(self._shutdowns_end, at.date() - timedelta(days=1))
        return filing.project_id, filing.site_id, filing.contact_id, over

    def _find(self, filing: Filing, at: datetime) -> Parties:
        key = self._parties_key(filing, at)
        if key not in self._parties:
            try:
                self._parties[key] = find_parties(self.session, filing, by=self._caller, at=at)
            except SlamonError as error:
                field = _OF_PARTY.get(getattr(error, "field", ""), Field.SITE)
                reason = getattr(error, "message", str(error))
                # That names a key of ours, which whoever wrote the file has never seen.
                raise BadCell(field, "is not active here" if reason.startswith("no active") else reason) from error
        return self._parties[key]

    def _freeze(self, filing: Filing, parties: Parties, at: datetime) -> Terms:
        request_type = self.catalogue.types[filing.type]
        wanted = query_for(request_type, filing, parties.cmo_id)
        rules = wanted, bisect_right(self._rules_change, at)
        try:
            line = self._lines.get(rules) or self._lines.setdefault(rules, resolve(self.session, wanted, at))
            key = line.id, filing.type, self._parties_key(filing, at), at.year
            if key not in self._terms:
                terms = freeze(line, request_type, parties.time_zone, parties.calendar, at)
                store_terms(self.session, terms)
                self._terms[key] = terms
            self._terms[key].refuse_if_never_open(at)
        except (SlamonError, TermsError) as error:
            raise BadCell(Field.FILED_AT, f"no terms as of then: {error}") from error
        return self._terms[key]

    def _people(self, project: Project, parties: Parties) -> People:
        manager, contact = self._names.person(project.pm_id), self._names.person(parties.contact.id)
        role = Role.CMO_CONTACT if Role.CMO_CONTACT.value in contact.roles else Role.CMO_LEAD
        return People(
            sponsor=Actor(str(manager.id), manager.name, Role.PROJECT_MANAGER),
            cmo=Actor(str(contact.id), contact.name, role),
            recorder=self.by,
        )


_OF_PARTY = {"project_id": Field.PROJECT, "site_id": Field.SITE, "contact_id": Field.CONTACT_EMAIL}


class _Names:
    """Projects by code, CMOs and sites by name, by their normal forms; people by address, whatever its case."""

    def __init__(self, session: Session) -> None:
        self._projects = ByName((project.code, project) for project in session.scalars(select(Project)))
        cmos = select(Organization).where(Organization.kind == OrganizationKind.CMO)
        self._cmos = ByName((cmo.name, cmo) for cmo in session.scalars(cmos))
        self._sites = ByName((site.name, site) for site in session.scalars(select(Site)))
        people = list(session.scalars(select(Person)))
        self._people = {person.id: person for person in people}
        self._addresses = {person.email_key: person for person in people}

    def person(self, person_id: UUID) -> Person:
        return self._people[person_id]

    def of(self, said: Mapping[ColumnName, str]) -> tuple[Project, Site, Person | None]:
        """Raises BadCell for a name nobody has, or several."""
        project = _one(self._projects, Field.PROJECT, needed(said, Field.PROJECT), "no project has this code")
        sites = self._sites.find(needed(said, Field.SITE))
        if Field.CMO in said:
            cmo = _one(self._cmos, Field.CMO, said[Field.CMO], "no CMO has this name")
            sites = [site for site in sites if site.organization_id == cmo.id]
        if len(sites) != 1:
            several = "several sites have this name; map the column with the CMO's name, or rename one"
            raise BadCell(Field.SITE, several if sites else "no site has this name")
        contact = self._addresses.get(address_key(said.get(Field.CONTACT_EMAIL, "")))
        if contact is None and Field.CONTACT_EMAIL in said:
            raise BadCell(Field.CONTACT_EMAIL, "nobody has this address")
        return project, sites[0], contact


def _one(records: ByName[Named], field: Field, name: str, nobody: str) -> Named:
    found = records.find(name)
    if len(found) == 1:
        return found[0]
    raise BadCell(field, "several have this name, told apart by what cannot be seen" if found else nobody)


def _kept_as(said: Mapping[ColumnName, str]) -> dict[str, str]:
    """Under which number it was kept before, for whoever looks for it there. Raises BadCell."""
    key = said.get(Field.SOURCE_KEY)
    if key is None:
        return {}
    if len(key) > 200 or any(unicodedata.category(letter) == "Cc" for letter in key):
        raise BadCell(Field.SOURCE_KEY, "must be one line of 200 characters at most")
    return {"source_key": key}


def _key(said: Mapping[ColumnName, str], site_id: UUID, filing: Filing, dated: DatedRow) -> tuple[Field, str, str]:
    """By what a row is known again: its own key, else the CMO's reference, else what was asked of whom and when.

    The field it lies in, its text as typed, and what stands before that.
    """
    for own in (Field.SOURCE_KEY, Field.CMO_REFERENCE):
        if own in said:
            return own, said[own], f"{own}:"
    return Field.SUBJECT, filing.subject, f"{site_id}|{filing.type}|{dated.filed.at.isoformat()}|"


def _former_form(text: str) -> str:
    """How keys were compared by releases up to 0.9: what they imported is still known by it."""
    return unicodedata.normalize("NFC", text).casefold()
