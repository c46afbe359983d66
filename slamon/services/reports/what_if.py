"""What would have been: the requests of a past period judged again under a draft policy line. Changes nothing."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session

from slamon.db.parties import Organization, Person
from slamon.db.policies import Policy
from slamon.db.requests import CmoRequest
from slamon.domain.clocks.ladder import Evaluation, evaluate
from slamon.domain.lifecycle import RequestType
from slamon.domain.terms import LadderRole, Terms, together
from slamon.errors import Invalid
from slamon.services.access.callers import Caller
from slamon.services.access.rights import Deed, allow
from slamon.services.access.visibility import sees
from slamon.services.deadlines.loading import LoadedRequest, load_requests
from slamon.services.directory.recipients import Recipients
from slamon.services.policies.policies import (
    PolicyLine,
    covers,
    kinds_of,
    load_terms,
    query_for,
    specificity,
    with_line,
)
from slamon.services.policies.reachability import refuse_unreachable
from slamon.services.transaction import Tx

MOST = 100_000  # requests looked at; more take minutes
BATCH = 1000


@dataclass(slots=True)
class Change:
    """One CMO's clocks past their limit: as it was, under the draft, and the difference either way."""

    name: str
    requests: int = 0
    breaches: int = 0
    breaches_under_draft: int = 0
    appeared: int = 0
    vanished: int = 0


@dataclass(slots=True)
class WhatIf:
    """`looked_at` requests were filed in the period; `covered` of them would have come under the draft.

    `escalations` are rungs addressed to the lead, by person: as it was, and under the draft.
    """

    looked_at: int = 0
    covered: int = 0
    cmos: dict[UUID, Change] = field(default_factory=dict)
    escalations: Counter[UUID] = field(default_factory=Counter)
    escalations_under_draft: Counter[UUID] = field(default_factory=Counter)
    leads: dict[UUID, str] = field(default_factory=dict)


def what_if(
    tx: Tx,
    draft: PolicyLine,
    *,
    filed_from: datetime,
    filed_to: datetime,
    by: Caller,
    progress: Callable[[int, int], None] | None = None,
) -> WhatIf:
    """Judge the requests filed in [filed_from, filed_to) as if the draft had been in force when they were filed.

    Of those that `by` may read; everything is judged as of `now`. Raises Forbidden, TermsError for a draft that no
    request could be filed under, and Invalid for a period that is empty or holds too many.
    """
    allow(by, Deed.READ_RECORDS)
    refuse_unreachable(draft, tx.session, tx.business_now)
    if filed_to <= filed_from:
        raise Invalid("filed_to", "must lie after filed_from")
    period = (CmoRequest.filed_at >= filed_from, CmoRequest.filed_at < filed_to, sees(by, CmoRequest))
    total = tx.session.scalar(select(func.count()).select_from(CmoRequest).where(*period)) or 0
    if total > MOST:
        raise Invalid("filed_to", f"{total:,} requests were filed in that period; choose one with at most {MOST:,}")
    lines = defaultdict(list)
    for line in tx.session.scalars(select(Policy).order_by(Policy.effective_from)):
        lines[str(line.former_of or line.id)].append(line)
    found = WhatIf()
    for requests in _batches(tx.session, period):
        found.looked_at += len(requests)
        _judge(tx, requests, draft, lines, found)
        tx.session.expunge_all()
        if progress:
            progress(found.looked_at, total)
    found.leads = _names(tx.session, Person, {*found.escalations, *found.escalations_under_draft})
    for cmo_id, name in _names(tx.session, Organization, set(found.cmos)).items():
        found.cmos[cmo_id].name = name
    return found


def _batches(session: Session, period: Sequence[Any]) -> Iterator[Sequence[CmoRequest]]:
    place = tuple_(CmoRequest.filed_at, CmoRequest.id)
    statement = select(CmoRequest).where(*period).order_by(CmoRequest.filed_at, CmoRequest.id).limit(BATCH)
    after: tuple[datetime, UUID] | None = None
    while requests := session.scalars(statement if after is None else statement.where(place > after)).all():
        after = requests[-1].filed_at, requests[-1].id
        yield requests


def _judge(
    tx: Tx, requests: Sequence[CmoRequest], draft: PolicyLine, lines: Mapping[str, Sequence[Policy]], found: WhatIf
) -> None:
    terms = load_terms(tx.session, [request.terms_digest for request in requests])

    def comes_under_draft(request: CmoRequest) -> bool:
        own = terms.get(request.terms_digest)
        if own is None or not covers(draft, query_for(request, request.cmo_id)):
            return False
        line = _then(lines.get(own.policy_id, ()), request.filed_at)
        return line is None or specificity(draft) >= specificity(line)

    covered = [request for request in requests if comes_under_draft(request)]
    recipients = Recipients(tx.session, covered)
    other: dict[tuple[str, RequestType], Terms] = {}  # many requests share their terms
    for case in load_requests(tx.session, tx.rules.catalogue, covered):
        request = case.request
        shared = case.terms.digest, case.type
        drafted = other.get(shared) or _drafted(case, draft)
        if len(kinds_of(case.type, request.detail)) < 2:
            other[shared] = drafted
        before, after = case.evaluate(tx.business_now), evaluate(drafted, case.timeline, tx.business_now)
        was, would_be = before.breached(tx.business_now), after.breached(tx.business_now)
        change = found.cmos.setdefault(request.cmo_id, Change(""))
        change.requests += 1
        change.breaches += len(was)
        change.breaches_under_draft += len(would_be)
        change.appeared += len(would_be - was)
        change.vanished += len(was - would_be)
        found.escalations.update(_leads_told(request, before, recipients))
        found.escalations_under_draft.update(_leads_told(request, after, recipients))
    found.covered += len(covered)


def _drafted(case: LoadedRequest, draft: PolicyLine) -> Terms:
    """The case's terms with the draft in place of its line; of several kinds asked for, of those it covers."""
    terms = with_line(case.terms, draft, case.type)
    kinds = kinds_of(case.type, case.request.detail)
    if draft.kind is None or len(kinds) < 2:
        return terms
    return together(
        {kind: terms if kind == draft.kind else case.terms.alone(kind) for kind in kinds}, case.request.filed_at
    )


def _then(said: Sequence[Policy], at: datetime) -> Policy | None:
    """Of what a line has said, in order, what it said at `at`; the first where it was applied to an older request."""
    return next((line for line in reversed(said) if line.effective_from <= at), said[0] if said else None)


def _leads_told(request: CmoRequest, outcome: Evaluation, recipients: Recipients) -> Iterator[UUID]:
    """Who leads, once for each rung that tells the lead; clocks that pass one at the same instant share it."""
    for step, _ in dict.fromkeys((crossing.step, crossing.crossed_at) for crossing in outcome.crossings):
        to_leads = (to for to in step.to if to.role is LadderRole.LEAD)
        yield from {reader.person.id for to in to_leads for reader in recipients.readers(request, to)}


def _names(session: Session, table: type[Person] | type[Organization], ids: set[UUID]) -> dict[UUID, str]:
    return dict(session.execute(select(table.id, table.name).where(table.id.in_(ids)).order_by(table.name)).all())
