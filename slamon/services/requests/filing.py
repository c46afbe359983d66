"""Filing a request: the terms frozen, the first fact, the clocks and the notice to the contact."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select
from sqlalchemy.orm import Session

from slamon.db.base import new_id
from slamon.db.database import note
from slamon.db.filing import AnswerToKeep, FiledRows, store_filing
from slamon.db.requests import CmoRequest
from slamon.db.statements import connection_of, next_number
from slamon.domain.actions.parts import Contradiction, refuse_past_days
from slamon.domain.clocks.state import ClockState, item_clocks
from slamon.domain.fold import progress_of
from slamon.domain.lifecycle import RequestTypeDefinition, State
from slamon.domain.priority import Priority
from slamon.domain.progress import Progress
from slamon.domain.terms import Terms
from slamon.domain.timeline import GENESIS, Fact, FactKind, Timeline, Via, stamp
from slamon.errors import Invalid, TermsDiffer
from slamon.services.access.callers import Caller
from slamon.services.access.rights import Deed, allow
from slamon.services.access.visibility import is_seen
from slamon.services.audit.timelines import fact_values
from slamon.services.deadlines.reconcile import at_filing
from slamon.services.directory.notifications import filed_row
from slamon.services.policies.policies import choose, choose_each, freeze, freeze_together, query_for, store_terms
from slamon.services.requests.duplicates import refuse_duplicates
from slamon.services.requests.filing_context import Contact, FilingContext, Parties, filing_context, fit_parties
from slamon.services.transaction import Moment, Tx


@dataclass(frozen=True, slots=True)
class Filing:
    """What a sponsor asks of a CMO's site. `detail` is the typed part, already checked at the border."""

    type: str
    project_id: UUID
    site_id: UUID
    subject: str
    description: str = ""
    priority: Priority = Priority.ROUTINE
    contact_id: UUID | None = None
    gxp: bool = False
    due_on: date | None = None
    cmo_reference: str | None = None
    parent_id: UUID | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReadyFiling:
    """A checked request about to be stored: its rows, complete except for the number, and whom it concerns."""

    id: UUID
    type: RequestTypeDefinition
    rows: FiledRows
    terms: Terms
    parties: Parties
    progress: Progress
    items: Mapping[int, ClockState]  # the answer clock of each, where the kinds asked for have different terms


@dataclass(frozen=True, slots=True)
class Filed:
    """A request just filed, under its number."""

    number: str
    ready: ReadyFiling

    @property
    def id(self) -> UUID:
        return self.ready.id

    @property
    def clocks(self) -> Sequence[Mapping[str, Any]]:
        """Its clocks as they were stored."""
        return self.ready.rows.clocks


def log_request(tx: Tx, filing: Filing, *, by: Caller, via: Via = Via.API, file_anyway: bool = False) -> Filed:
    """File a request: freeze its terms, start its clocks, queue the notice to the CMO's contact.

    `now` is business time. Raises NotFound or Invalid for parties that do not fit, Forbidden, Conflict where no policy
    applies, and LikelyDuplicate where open requests look like it, unless `file_anyway`.
    """
    context = filing_context(tx.session.connection(), filing, stamp(tx.business_now))
    ready = prepare(tx, tx.session, filing, context, by=by, via=via, file_anyway=file_anyway)
    return _stored(tx.session, ready)


def prepare(
    moment: Moment,
    reader: Session | Connection,
    filing: Filing,
    context: FilingContext,
    *,
    by: Caller,
    via: Via = Via.API,
    file_anyway: bool = False,
) -> ReadyFiling:
    """Check a filing and make its rows, storing nothing; raises as `log_request`."""
    allow(by, Deed.FILE)
    catalogue, at = moment.rules.catalogue, stamp(moment.business_now)
    request_type = catalogue.types[filing.type]
    parties = fit_parties(reader, context, filing, by=by)
    _refuse_past_due(request_type, filing, at)
    if not file_anyway:
        refuse_duplicates(reader, request_type, parties.cmo_id, filing.detail, filing.cmo_reference, by=by)
    if filing.parent_id is not None:
        _refuse_foreign_parent(reader, filing.parent_id, parties.cmo_id, by)
    terms = _terms_for(request_type, filing, context, parties, at)
    filed = Fact(
        sequence=1,
        kind=FactKind.FILED,
        occurred_at=at,
        recorded_at=at,
        by=parties.filer,
        recorded_by=parties.filer,
        via=via,
        content=filed_content(request_type, filing, parties.contact, terms),
    )
    request_id, timeline = new_id(), Timeline([filed])
    head_digest = filed.digest(str(request_id), GENESIS)
    evaluated, clocks = at_filing(request_id, terms, timeline, moment.business_now, clocks=catalogue.clocks)
    request = request_values(filing, parties, terms, filed_by_id=by.person_id, state=State.FILED, filed_at=at) | {
        "id": request_id,
        "fact_count": 1,
        "head_digest": head_digest,
        "created_at": at,
        "created_by": parties.filer.id,
        **evaluated,
    }
    rows = FiledRows(
        prefix=number_prefix(request_type, at.year),
        year=at.year,
        request=request,
        fact=fact_values(request_id, filed, head_digest),
        clocks=clocks,
        # The number is empty here; the statement that assigns it puts it in front of the key.
        notice=filed_row(moment, request_id, "", parties.contact.id, parties.contact.email),
    )
    items = item_clocks(terms, timeline, clocks=catalogue.clocks)
    return ReadyFiling(request_id, request_type, rows, terms, parties, progress_of(timeline), items)


def file_by_terms(
    tx: Tx, filing: Filing, *, split: bool | None, by: Caller, via: Via = Via.API, file_anyway: bool = False
) -> list[Filed]:
    """File it; with `split` as one request for each of the terms that the kinds of data asked for have.

    The first is the parent of the others. None asks first: it raises TermsDiffer where that would make several. Raises
    as `log_request` otherwise; either all are filed or, the caller's transaction being undone, none.
    """
    request_type = tx.rules.catalogue.types[filing.type]
    context = filing_context(tx.session.connection(), filing, stamp(tx.business_now))
    groups = [filing] if split is False else _by_terms(tx.session, request_type, filing, context, by=by)
    if split is None and len(groups) > 1:
        raise TermsDiffer([request_type.kinds_of(group.detail) for group in groups])
    if len(groups) > 1 and not file_anyway:
        cmo_id = fit_parties(tx.session, context, filing, by=by).cmo_id
        refuse_duplicates(tx.session, request_type, cmo_id, filing.detail, filing.cmo_reference, by=by)
        file_anyway = True  # asked now, for all of them at once
    filed: list[Filed] = []
    for group in groups:
        one = replace(group, parent_id=filed[0].id) if filed else group
        ready = prepare(tx, tx.session, one, context, by=by, via=via, file_anyway=file_anyway)
        filed.append(_stored(tx.session, ready))
    return filed


def store(writer: Session | Connection, ready: ReadyFiling, answer: AnswerToKeep | None = None) -> str | None:
    """Store a request that is ready, and its terms; its number, or None as `store_filing` says."""
    store_terms(writer, ready.terms)
    number = store_filing(connection_of(writer), ready.rows, answer)
    if number is not None:
        note(writer, "filed", number=number)
    return number


def _stored(session: Session, ready: ReadyFiling) -> Filed:
    number = store(session, ready)
    if number is None:
        raise LookupError("A filing without an answer to keep is always stored.")
    return Filed(number, ready)


def _by_terms(
    session: Session, request_type: RequestTypeDefinition, filing: Filing, context: FilingContext, *, by: Caller
) -> list[Filing]:
    """The filing cut by the terms its kinds of data have, in the order of their first items."""
    if len(request_type.kinds_of(filing.detail)) < 2:
        return [filing]
    parties = fit_parties(session, context, filing, by=by)
    lines = choose_each(context.lines, query_for(request_type, filing, parties.cmo_id))
    groups: dict[str, list[Any]] = {}
    for item in filing.detail["items"]:
        line = lines[item["kind"]]
        groups.setdefault(json.dumps([line.clocks, line.ladder], sort_keys=True), []).append(item)
    return [replace(filing, detail={**filing.detail, "items": items}) for items in groups.values()]


def _terms_for(
    request_type: RequestTypeDefinition, filing: Filing, context: FilingContext, parties: Parties, at: datetime
) -> Terms:
    wanted = query_for(request_type, filing, parties.cmo_id)
    own = request_type, parties.time_zone, parties.calendar, at
    if wanted.kinds:
        return freeze_together(choose_each(context.lines, wanted), *own)
    return freeze(choose(context.lines, wanted), *own)


def _refuse_past_due(request_type: RequestTypeDefinition, filing: Filing, at: datetime) -> None:
    due = {"due_on": filing.due_on}
    if request_type.due_day:
        needed = filing.detail.get(request_type.due_day)
        due[f"detail.{request_type.due_day}"] = date.fromisoformat(needed) if needed else None
    try:
        refuse_past_days(due, at, Progress(detail=filing.detail).destination_zone)
    except Contradiction as error:
        raise Invalid(error.field, error.sentence, **error.values) from error


def _refuse_foreign_parent(reader: Session | Connection, parent_id: UUID, cmo_id: UUID, by: Caller) -> None:
    its_cmo = reader.scalar(select(CmoRequest.cmo_id).where(CmoRequest.id == parent_id))
    if its_cmo != cmo_id or not is_seen(reader, CmoRequest, parent_id, by=by):
        raise Invalid("parent_id", f"no request {parent_id} to this CMO")


def take_numbers(session: Session, request_type: RequestTypeDefinition, year: int, count: int) -> list[str]:
    """The next numbers of a type and year; whoever takes one of the same waits for this transaction's end."""
    last, prefix = next_number(session, request_type.name, year, count), number_prefix(request_type, year)
    return [f"{prefix}{number:06d}" for number in range(last - count + 1, last + 1)]


def number_prefix(request_type: RequestTypeDefinition, year: int) -> str:
    """What the numbers of a type and year begin with."""
    return f"{request_type.prefix}-{year}-"


def request_values(
    filing: Filing, parties: Parties, terms: Terms, *, filed_by_id: UUID | None, state: State, filed_at: datetime
) -> dict[str, Any]:
    """A request's row as far as it follows from what was filed; not its number, its facts' chain, its next check."""
    return {
        "type": filing.type,
        "project_id": parties.project_id,
        "cmo_id": parties.cmo_id,
        "site_id": parties.site_id,
        "contact_id": parties.contact.id,
        "filed_by_id": filed_by_id,
        "priority": filing.priority.value,
        "subject": filing.subject,
        "description": filing.description,
        "gxp": filing.gxp,
        "due_on": filing.due_on,
        "cmo_reference": filing.cmo_reference,
        "parent_id": filing.parent_id,
        "detail": dict(filing.detail),
        "state": state.value,
        "filed_at": filed_at,
        "reopen_count": 0,
        "version": 1,
        "terms_digest": terms.digest,
    }


def filed_content(
    request_type: RequestTypeDefinition, filing: Filing, contact: Contact, terms: Terms
) -> dict[str, Any]:
    """What the first fact of a request says."""
    return {
        "type": filing.type,
        "subject": filing.subject,
        "description": filing.description,
        "priority": filing.priority.value,
        "gxp": filing.gxp,
        "due_on": filing.due_on.isoformat() if filing.due_on else None,
        "cmo_reference": filing.cmo_reference,
        **({"parent": str(filing.parent_id)} if filing.parent_id else {}),
        "contact": {"id": str(contact.id), "name": contact.name},
        "detail": dict(filing.detail),
        **({"due_day": request_type.due_day} if request_type.due_day else {}),
        "terms": terms.digest,
    }
