"""Proves the record: re-hashes every chain, replays every request, compares with what is stored."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from slamon.db.attachments import Attachment
from slamon.db.audit import AuditEntry, AuditHead
from slamon.db.paging import after
from slamon.db.requests import ClockRow, CmoRequest, CrossingRow, CrossingStatus, FactRow, by_request
from slamon.domain.actions.talk import Amended, HandedOn
from slamon.domain.clocks.state import ClockState, Outcome
from slamon.domain.progress import amended
from slamon.domain.stored import as_json
from slamon.domain.terms import Terms, terms_digest
from slamon.domain.timeline import GENESIS, Fact, FactKind, Filed, NamedFile, TermsChanged, Timeline
from slamon.services.audit.timelines import fact_of
from slamon.services.audit.trail import entry_digest
from slamon.services.deadlines.coverage import messages_said, passed_steps, silent_steps
from slamon.services.deadlines.loading import LoadedRequest, loaded_requests
from slamon.services.deadlines.reconcile import clock_values
from slamon.services.outbox.retractions import Said
from slamon.services.requests.attachments import ATTACHED, ATTACHMENT, as_trail_has_it, named_file
from slamon.services.transaction import Tx

BATCH = 500


@dataclass(frozen=True, slots=True)
class Difference:
    """The first place at which the record contradicts itself."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def count_requests(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(CmoRequest)) or 0


def verify_requests(tx: Tx) -> Iterator[int | Difference]:
    """Check every request in the order of filing. Yields how many were checked, batch by batch, and any difference.

    Crossings not yet found are no difference: the cycle may be a moment behind.
    """
    last, sound = UUID(int=0), set[str]()
    while True:
        statement = select(CmoRequest).where(CmoRequest.id > last).order_by(CmoRequest.id).limit(BATCH)
        requests = tx.session.scalars(statement).all()
        if not requests:
            return
        last = requests[-1].id
        ids = [request.id for request in requests]
        in_order = select(FactRow).where(FactRow.request_id.in_(ids)).order_by(FactRow.sequence)
        facts = by_request(tx.session.scalars(in_order))
        clocks = by_request(tx.session.scalars(select(ClockRow).where(ClockRow.request_id.in_(ids))))
        crossings, said = passed_steps(tx.session, ids), messages_said(tx.session, ids)
        timelines = {request.id: Timeline(fact_of(row) for row in facts[request.id]) for request in requests}
        cases = {case.request.id: case for case in loaded_requests(tx, requests, timelines)}
        broken = {request.id: _chain_difference(request, facts[request.id]) for request in requests}
        unbroken = {id_: timeline for id_, timeline in timelines.items() if broken[id_] is None}
        files = _files_named(tx.session, unbroken)
        for request in requests:
            what = broken[request.id]
            if what is None and request.id not in cases:
                what = f"its terms {request.terms_digest[:12]} are missing"
            if what is None:
                case = cases[request.id]
                what = _terms_difference(case.terms, request.terms_digest, sound)
                what = what or _replay_difference(case, clocks[request.id], crossings[request.id], tx.business_now)
                what = what or _silence(clocks[request.id], crossings[request.id], said[request.id])
                what = what or _file_difference(case.timeline.as_recorded(), files.get(request.id, {}))
            if what is not None:
                yield Difference(request.number, what)
        tx.session.expunge_all()
        yield len(requests)


def verify_audit(session: Session) -> Difference | None:
    """Re-hash the trail of everything that is not a request, and look for every file it says was uploaded."""
    previous, expected = GENESIS, 1
    entries = session.scalars(select(AuditEntry).order_by(AuditEntry.sequence).execution_options(yield_per=BATCH))
    for batch in entries.partitions():
        for entry in batch:
            if entry.sequence != expected:
                return Difference(f"audit entry {expected}", "is missing")
            if entry.digest != entry_digest(entry, previous):
                return Difference(f"audit entry {entry.sequence}", "does not match its digest")
            previous, expected = entry.digest, expected + 1
        gone = _upload_that_is_gone(session, batch)
        if gone is not None:
            return Difference(f"audit entry {gone.sequence}", f"names file {gone.entity_id}, which is gone")
    head = session.get_one(AuditHead, 1)
    if (head.sequence, head.digest) != (expected - 1, previous):
        return Difference(f"audit entry {expected}", "is missing: the trail ends before its head")
    return None


def _upload_that_is_gone(session: Session, entries: Sequence[AuditEntry]) -> AuditEntry | None:
    """The first of `entries` that tells of an upload of which there is no row."""
    uploads = [entry for entry in entries if (entry.entity, entry.action) == (ATTACHMENT, ATTACHED)]
    if not uploads:
        return None
    ids = [UUID(entry.entity_id) for entry in uploads]
    there = {str(file_id) for file_id in session.scalars(select(Attachment.id).where(Attachment.id.in_(ids)))}
    return next((entry for entry in uploads if entry.entity_id not in there), None)


@dataclass(frozen=True, slots=True)
class FileRow:
    """An attachment as stored; `what` says how its row differs from what the trail says came, if it does."""

    id: UUID
    sha256: str
    where: str
    what: str | None


def files_after(session: Session, last: FileRow | None) -> list[FileRow]:
    """The next attachments in the order of their digest, up to a batch. Their bytes are for the caller to compare."""
    statement = select(Attachment, CmoRequest.number).join(CmoRequest, CmoRequest.id == Attachment.request_id)
    if last is not None:
        statement = statement.where(after((Attachment.sha256, Attachment.id), (last.sha256, last.id)))
    rows = session.execute(statement.order_by(Attachment.sha256, Attachment.id).limit(BATCH)).all()
    entries = select(AuditEntry).where(
        AuditEntry.entity == ATTACHMENT,
        AuditEntry.entity_id.in_([str(row.id) for row, _ in rows]),
        AuditEntry.action == ATTACHED,
    )
    came = {entry.entity_id: entry.new for entry in session.scalars(entries)}
    return [
        FileRow(
            row.id,
            row.sha256,
            f"{number}, file {row.id}",
            None if came.get(str(row.id)) == as_trail_has_it(row) else "is not what the trail says was uploaded",
        )
        for row, number in rows
    ]


def _chain_difference(request: CmoRequest, rows: Sequence[FactRow]) -> str | None:
    previous = GENESIS
    for expected, row in enumerate(rows, start=1):
        if row.sequence != expected:
            return f"fact {expected} is missing"
        if row.digest != fact_of(row).digest(str(request.id), previous):
            return f"fact {row.sequence} ({row.kind}) does not match its digest"
        previous = row.digest
    if (request.fact_count, request.head_digest) != (len(rows), previous):
        return f"the timeline ends at fact {len(rows)}, the request says {request.fact_count}"
    return None


def _terms_difference(terms: Terms, digest: str, sound: set[str]) -> str | None:
    """Requests share terms, so each is hashed once; `sound` remembers which were as they should be."""
    if digest not in sound:
        if terms_digest(terms.to_json()) != digest:
            return f"its terms {digest[:12]} do not match their digest"
        sound.add(digest)
    return None


def _replay_difference(
    case: LoadedRequest, clocks: Sequence[ClockRow], crossings: Sequence[CrossingRow], now: datetime
) -> str | None:
    request, timeline = case.request, case.timeline
    what = _column_difference(request, timeline)
    if what is not None:
        return what
    state, _ = case.stage()
    if state != request.state:
        return f"state is stored as {request.state}, the facts give {state}"
    outcome = case.evaluate(now)
    stored_clocks = {row.clock_id: row for row in clocks}
    for clock in outcome.clocks:
        what = _clock_difference(clock, stored_clocks.pop(clock.id, None))
        if what is not None:
            return what
    # One that is stored and does not follow must be cancelled: a fact recorded late says that it never ran.
    left = next((clock_id for clock_id, row in stored_clocks.items() if row.outcome != Outcome.CANCELLED), None)
    if left is not None:
        return f"a clock '{left}' is stored that does not follow from the facts"
    computed = {crossing.key for crossing in outcome.crossings}
    for row in crossings:
        if row.status == CrossingStatus.OPEN and row.key not in computed:
            return f"crossing {row.clock_id} {row.step} at {row.crossed_at.isoformat()} does not follow from the facts"
    return None


def _silence(clocks: Iterable[ClockRow], crossings: Sequence[CrossingRow], said: Collection[Said]) -> str | None:
    running = [clock.clock_id for clock in clocks if clock.stopped_at is None and clock.paused_since is None]
    row = next(silent_steps(running, crossings, said), None)
    if row is None:
        return None
    return f"nobody was told of crossing {row.clock_id} {row.step} at {row.crossed_at.isoformat()}"


def _column_difference(request: CmoRequest, timeline: Timeline) -> str | None:
    """The request's own columns must say what was filed, and what has been changed since."""
    filed = timeline.first(FactKind.FILED)
    if filed is None:
        return "was never filed"
    said = _columns_after(filed, timeline)
    stored = {name: getattr(request, name) for name in _FROM_FACTS} | {"terms": request.terms_digest}
    differing = (name for name, value in stored.items() if as_json(value) != as_json(said.get(name)))
    return next((f"{name} is not what the facts say" for name in differing), None)


# The columns of a request that facts give, under the names that these have for them.
_FROM_FACTS = (
    "type", "subject", "description", "priority", "gxp", "due_on", "cmo_reference", "detail", "filed_at", "contact_id",
    "parent_id", "expected_on", "reopen_count",
)  # fmt: skip


def _columns_after(filed: Fact, facts: Iterable[Fact]) -> dict[str, Any]:
    """What `facts`, in the order in which they happened, make of what was filed."""
    first = filed.said(Filed)
    said: dict[str, Any] = {
        **{each.name: getattr(first, each.name) for each in fields(first)},
        "filed_at": filed.occurred_at,
        "contact_id": first.contact and first.contact.id,
        "parent_id": first.parent,
        "reopen_count": 0,
    }
    for fact in facts:
        if fact.kind == FactKind.TERMS_CHANGED:
            said["terms"] = fact.said(TermsChanged).terms
        elif fact.kind == FactKind.HANDED_ON:
            said["contact_id"] = fact.said(HandedOn).contact.id
        elif fact.kind in (FactKind.REJECTED, FactKind.REOPENED):
            said["reopen_count"] += 1
        elif fact.kind == FactKind.AMENDED:
            for name, change in fact.said(Amended).changes.items():
                said[name] = amended(said["detail"], change.after) if name == "detail" else change.after
        if (expected_on := fact.remarks.expected_on) is not None:
            said["expected_on"] = expected_on
    return said


def _clock_difference(clock: ClockState, row: ClockRow | None) -> str | None:
    if row is None:
        return f"clock {clock.id} is not stored"
    for column, value in clock_values(clock).items():
        stored = getattr(row, column)
        if stored != value:
            return f"clock {clock.id}: {column} is stored as {stored}, the facts give {value}"
    return None


def _files_named(session: Session, facts: Mapping[UUID, Timeline]) -> dict[UUID, dict[UUID, NamedFile]]:
    """The stored files, by id, of those requests whose facts name any."""
    naming = [request_id for request_id, told in facts.items() if any(fact.remarks.attachments for fact in told)]
    found: dict[UUID, dict[UUID, NamedFile]] = {request_id: {} for request_id in naming}
    if naming:
        for row in session.scalars(select(Attachment).where(Attachment.request_id.in_(naming))):
            found[row.request_id][row.id] = named_file(row)
    return found


def _file_difference(facts: Iterable[Fact], files: Mapping[UUID, NamedFile]) -> str | None:
    for fact in facts:
        for named in fact.remarks.attachments:
            stored = files.get(named.id)
            if stored != named:
                how = "is gone" if stored is None else "is stored as another"
                return f"fact {fact.sequence} ({fact.kind}) names file {named.id}, which {how}"
    return None
