"""Filing a request: the terms frozen, the first fact, the clocks and the notice to the contact."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.orm import Session

from slamon.db.base import new_id
from slamon.db.database import note
from slamon.db.requests import ClockRow, CmoRequest, FactRow
from slamon.db.statements import in_one_trip, next_number
from slamon.domain.actions.parts import Contradiction, refuse_past_days
from slamon.domain.clocks.state import ClockState, item_clocks
from slamon.domain.fold import progress_of
from slamon.domain.lifecycle import RequestType, State
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
from slamon.services.outbox.outbox import queue
from slamon.services.policies.policies import (
    freeze,
    freeze_together,
    kinds_of,
    query_for,
    resolve,
    resolve_each,
)
from slamon.services.requests.duplicates import refuse_duplicates
from slamon.services.requests.filing_context import Contact, FilingContext, filing_context
from slamon.services.transaction import Tx

PREFIX = {RequestType.SHIPMENT: "SHP", RequestType.DATA: "DAT", RequestType.INQUIRY: "INQ"}


@dataclass(frozen=True, slots=True)
class Filing:
    """What a sponsor asks of a CMO's site. `detail` is the typed part, already checked at the border."""

    type: RequestType
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
class Filed:
    """A request just filed: its columns and its clocks' as they were stored, and whom it concerns."""

    id: UUID
    number: str
    columns: Mapping[str, Any]
    clocks: list[dict[str, Any]]
    parties: FilingContext
    progress: Progress
    items: Mapping[int, ClockState]  # the answer clock of each, where the kinds asked for have different terms


_REQUEST, _FACT, _CLOCKS = insert(CmoRequest), insert(FactRow), insert(ClockRow)  # built once


def log_request(tx: Tx, filing: Filing, *, by: Caller, via: Via = Via.API, file_anyway: bool = False) -> Filed:
    """File a request: freeze its terms, start its clocks, queue the notice to the CMO's contact.

    `now` is business time. Raises NotFound or Invalid for parties that do not fit, Forbidden, Conflict where no policy
    applies, and LikelyDuplicate where open requests look like it, unless `file_anyway`.
    """
    allow(by, Deed.FILE)
    at = stamp(tx.business_now)
    parties = filing_context(
        tx.session, project_id=filing.project_id, site_id=filing.site_id, contact_id=filing.contact_id, by=by, at=at
    )
    actor = parties.filer
    _refuse_past_due(filing, at)
    if not file_anyway:
        refuse_duplicates(tx.session, filing.type, parties.cmo_id, filing.detail, filing.cmo_reference, by=by)
    if filing.parent_id is not None:
        _refuse_foreign_parent(tx.session, filing.parent_id, parties.cmo_id, by)
    terms = _terms_for(tx.session, filing, parties, at)
    filed = Fact(
        sequence=1,
        kind=FactKind.FILED,
        occurred_at=at,
        recorded_at=at,
        by=actor,
        recorded_by=actor,
        via=via,
        content=filed_content(filing, parties.contact, terms),
    )
    request_id = new_id()
    head_digest = filed.digest(str(request_id), GENESIS)
    evaluated, clocks = at_filing(request_id, terms, Timeline([filed]), tx.business_now)
    # As late as can be: whoever files the same type waits for this number's transaction.
    (number,) = take_numbers(tx.session, filing.type, at.year)
    columns = {
        "id": request_id,
        "number": number,
        "type": filing.type.value,
        "project_id": parties.project_id,
        "cmo_id": parties.cmo_id,
        "site_id": parties.site_id,
        "contact_id": parties.contact.id,
        "filed_by_id": by.person_id,
        "priority": filing.priority.value,
        "subject": filing.subject,
        "description": filing.description,
        "gxp": filing.gxp,
        "due_on": filing.due_on,
        "cmo_reference": filing.cmo_reference,
        "parent_id": filing.parent_id,
        "detail": dict(filing.detail),
        "state": State.FILED.value,
        "filed_at": at,
        "reopen_count": 0,
        "version": 1,
        "terms_digest": terms.digest,
        "fact_count": 1,
        "head_digest": head_digest,
        "created_at": at,
        "created_by": actor.id,
        **evaluated,
    }
    notice = filed_row(tx, request_id, number, parties.contact.id, parties.contact.email)
    with in_one_trip(tx.session) as connection:
        connection.execute(_REQUEST, columns)
        connection.execute(_FACT, fact_values(request_id, filed, head_digest))
        connection.execute(_CLOCKS, clocks)
        queue(tx.session, [notice])
    note(tx.session, "filed", number=number)
    own = item_clocks(terms, Timeline([filed]))
    return Filed(request_id, number, columns, clocks, parties, progress_of([filed]), own)


def file_by_terms(
    tx: Tx, filing: Filing, *, split: bool | None, by: Caller, via: Via = Via.API, file_anyway: bool = False
) -> list[Filed]:
    """File it; with `split` as one request for each of the terms that the kinds of data asked for have.

    The first is the parent of the others. None asks first: it raises TermsDiffer where that would make several. Raises
    as `log_request` otherwise; either all are filed or, the caller's transaction being undone, none.
    """
    groups = _by_terms(tx.session, filing, by=by, at=stamp(tx.business_now)) if split is not False else [filing]
    if split is None and len(groups) > 1:
        raise TermsDiffer([kinds_of(group.type, group.detail) for group in groups])
    if len(groups) > 1 and not file_anyway:
        parties = filing_context(
            tx.session, project_id=filing.project_id, site_id=filing.site_id, contact_id=filing.contact_id,
            by=by, at=stamp(tx.business_now),
        )  # fmt: skip
        refuse_duplicates(tx.session, filing.type, parties.cmo_id, filing.detail, filing.cmo_reference, by=by)
    filed: list[Filed] = []
    for group in groups:
        one = replace(group, parent_id=filed[0].id) if filed else group
        anyway = file_anyway or len(groups) > 1  # asked above, for all of them at once
        filed.append(log_request(tx, one, by=by, via=via, file_anyway=anyway))
    return filed


def _by_terms(session: Session, filing: Filing, *, by: Caller, at: datetime) -> list[Filing]:
    """The filing cut by the terms its kinds of data have, in the order of their first items."""
    if len(kinds_of(filing.type, filing.detail)) < 2:
        return [filing]
    parties = filing_context(
        session, project_id=filing.project_id, site_id=filing.site_id, contact_id=filing.contact_id, by=by, at=at
    )
    lines = resolve_each(session, query_for(filing, parties.cmo_id), at)
    groups: dict[str, list[Any]] = {}
    for item in filing.detail["items"]:
        line = lines[item["kind"]]
        groups.setdefault(json.dumps([line.clocks, line.ladder], sort_keys=True), []).append(item)
    return [replace(filing, detail={**filing.detail, "items": items}) for items in groups.values()]


def _terms_for(session: Session, filing: Filing, parties: FilingContext, at: datetime) -> Terms:
    wanted, own = query_for(filing, parties.cmo_id), (filing.type, parties.time_zone, parties.calendar, at)
    if wanted.kinds:
        return freeze_together(session, resolve_each(session, wanted, at), *own)
    return freeze(session, resolve(session, wanted, at), *own)


def _refuse_past_due(filing: Filing, at: datetime) -> None:
    needed = filing.detail.get("required_delivery_to")
    due = {
        "due_on": filing.due_on,
        "detail.required_delivery_to": date.fromisoformat(needed) if needed else None,
    }
    try:
        refuse_past_days(due, at, Progress(detail=filing.detail).destination_zone)
    except Contradiction as error:
        raise Invalid(error.field, error.message) from error


def _refuse_foreign_parent(session: Session, parent_id: UUID, cmo_id: UUID, by: Caller) -> None:
    parent = session.get(CmoRequest, parent_id)
    if parent is None or parent.cmo_id != cmo_id or not is_seen(session, CmoRequest, parent_id, by=by):
        raise Invalid("parent_id", f"no request {parent_id} to this CMO")


def take_numbers(session: Session, request_type: RequestType, year: int, count: int = 1) -> list[str]:
    """The next numbers of a type and year; whoever takes one of the same waits for this transaction's end."""
    last = next_number(session, request_type.value, year, count)
    return [f"{PREFIX[request_type]}-{year}-{number:06d}" for number in range(last - count + 1, last + 1)]


def filed_content(filing: Filing, contact: Contact, terms: Terms) -> dict[str, Any]:
    """What the first fact of a request says."""
    return {
        "type": filing.type.value,
        "subject": filing.subject,
        "description": filing.description,
        "priority": filing.priority.value,
        "gxp": filing.gxp,
        "due_on": filing.due_on.isoformat() if filing.due_on else None,
        "cmo_reference": filing.cmo_reference,
        **({"parent": str(filing.parent_id)} if filing.parent_id else {}),
        "contact": {"id": str(contact.id), "name": contact.name},
        "detail": dict(filing.detail),
        "terms": terms.digest,
    }
