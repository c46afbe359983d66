"""What would have been: the requests of a past period judged again under a draft policy line. Changes nothing."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, tuple_
from sqlalchemy.orm import Session

from slamon.db.jobs import Job, JobKind
from slamon.db.parties import Organization, Person
from slamon.db.policies import Policy
from slamon.db.requests import CmoRequest
from slamon.domain.clocks.ladder import Evaluation, evaluate
from slamon.domain.stored import as_json, read
from slamon.domain.terms import LadderRole, Terms, together
from slamon.errors import Invalid
from slamon.services.access import jobs
from slamon.services.access.callers import Caller
from slamon.services.access.jobs import AT_ONCE, Step
from slamon.services.access.rights import Deed, allow
from slamon.services.access.visibility import sees
from slamon.services.deadlines.loading import LoadedRequest, load_requests
from slamon.services.directory.recipients import Recipients
from slamon.services.policies.lines import refuse_unknown_channels
from slamon.services.policies.policies import PolicyLine, covers, load_terms, query_for, specificity, with_line
from slamon.services.policies.reachability import refuse_unreachable
from slamon.services.transaction import Tx

MOST = 1_000_000  # requests looked at; more take most of an hour
BATCH = 1000
A_STEP = 200  # requests looked at in one step of a job: about an eighth of a second


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

    `escalations` are steps addressed to the lead, by person: as it was, and under the draft.
    """

    looked_at: int = 0
    covered: int = 0
    cmos: dict[UUID, Change] = field(default_factory=dict)
    escalations: Counter[UUID] = field(default_factory=Counter)
    escalations_under_draft: Counter[UUID] = field(default_factory=Counter)
    leads: dict[UUID, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {
            "looked_at": self.looked_at,
            "covered": self.covered,
            "cmos": {str(cmo_id): asdict(change) for cmo_id, change in self.cmos.items()},
            "escalations": {str(person): count for person, count in self.escalations.items()},
            "escalations_under_draft": {str(person): count for person, count in self.escalations_under_draft.items()},
            "leads": {str(person): name for person, name in self.leads.items()},
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "WhatIf":
        return cls(
            looked_at=content["looked_at"],
            covered=content["covered"],
            cmos={UUID(cmo_id): Change(**change) for cmo_id, change in content["cmos"].items()},
            escalations=Counter(_by_id(content["escalations"])),
            escalations_under_draft=Counter(_by_id(content["escalations_under_draft"])),
            leads=_by_id(content["leads"]),
        )


@dataclass(frozen=True, slots=True)
class Question:
    """A draft, and the period in [filed_from, filed_to) whose requests are judged as if it had been in force then."""

    draft: PolicyLine
    filed_from: datetime
    filed_to: datetime

    def to_json(self) -> dict[str, Any]:
        content: dict[str, Any] = as_json(self)
        del content["draft"]["id"]  # of a draft it says nothing, and the same question asked again is the same
        return content

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Question":
        return read(cls, {**content, "draft": {**content["draft"], "id": _NOBODYS}})


_NOBODYS = str(UUID(int=0))
_Place = tuple[datetime, UUID]  # of the last request looked at


def what_if(tx: Tx, question: Question, *, by: Caller, progress: Callable[[int, int], None] | None = None) -> WhatIf:
    """The whole answer at once, of the requests that `by` may read; everything is judged as of `now`.

    Raises Forbidden, TermsError for a draft that no request could be filed under, and Invalid for a period that is
    empty or holds too many.
    """
    refuse_impossible(tx, question, by=by)
    found, total = WhatIf(), _count(tx.session, question, by)
    place: _Place | None = None
    while True:
        place = _look_further(tx, question, place, found, most=BATCH, by=by)
        tx.session.expunge_all()
        if progress and total:
            progress(found.looked_at, total)
        if place is None:
            break
    _add_names(tx.session, found)
    return found


def refuse_impossible(tx: Tx, question: Question, *, by: Caller) -> None:
    """Raises Forbidden, TermsError for a draft that no request could be filed under, Invalid for an empty period."""
    allow(by, Deed.READ_RECORDS)
    refuse_unknown_channels(question.draft.ladder, tx.rules.channels)
    refuse_unreachable(question.draft, tx, tx.business_now)
    if question.filed_to <= question.filed_from:
        raise Invalid("filed_to", "must lie after filed_from")


def is_long(session: Session, question: Question, *, by: Caller) -> bool:
    """Whether the answer takes so long that it should be worked out in the background."""
    one_more = select(CmoRequest.id).where(*_period(question, by)).order_by(CmoRequest.filed_at).offset(AT_ONCE)
    return session.scalar(one_more.limit(1)) is not None


def ask(tx: Tx, question: Question, *, by: Caller) -> Job:
    """A job that works it out. Raises as `refuse_impossible`, and Conflict for too many jobs at once."""
    refuse_impossible(tx, question, by=by)
    return jobs.ask(tx, JobKind.WHAT_IF, question.to_json(), by=by)


def count(tx: Tx, job: Job, by: Caller) -> int:
    """How many requests the job has to look at. Raises Invalid for too many."""
    return _count(tx.session, Question.from_json(job.question), by)


def step(tx: Tx, job: Job, by: Caller) -> Step:
    """Judge the next requests of the job under its draft."""
    allow(by, Deed.READ_RECORDS)
    found = WhatIf.from_json(job.found["answer"]) if job.found else WhatIf()
    at, request_id = job.found.get("after", (None, None))
    place = (datetime.fromisoformat(at), UUID(request_id)) if at else None
    before = found.looked_at
    place = _look_further(tx, Question.from_json(job.question), place, found, most=A_STEP, by=by)
    carried: dict[str, Any] = {}
    if place is None:
        _add_names(tx.session, found)
    else:
        carried["after"] = [place[0].isoformat(), str(place[1])]
    return Step({"answer": found.to_json(), **carried}, found.looked_at - before, is_last=place is None)


def answer_of(job: Job) -> WhatIf:
    """What the job has found so far; names are there once it is done."""
    return WhatIf.from_json(job.found["answer"]) if job.found else WhatIf()


def _look_further(
    tx: Tx, question: Question, after: _Place | None, found: WhatIf, *, most: int, by: Caller
) -> _Place | None:
    """Add the next requests to what was found; where to go on, None behind the last one."""
    place = tuple_(CmoRequest.filed_at, CmoRequest.id)
    statement = select(CmoRequest).where(*_period(question, by)).order_by(CmoRequest.filed_at, CmoRequest.id)
    if after is not None:
        statement = statement.where(place > after)
    requests = tx.session.scalars(statement.limit(most)).all()
    found.looked_at += len(requests)
    _judge(tx, requests, question.draft, found)
    return (requests[-1].filed_at, requests[-1].id) if len(requests) == most else None


def _count(session: Session, question: Question, by: Caller) -> int:
    found = select(CmoRequest.id).where(*_period(question, by)).limit(MOST + 1).subquery()
    total = session.scalar(select(func.count()).select_from(found)) or 0
    if total > MOST:
        raise Invalid("filed_to", f"more than {MOST:,} requests were filed in that period; choose a shorter one")
    return total


def _period(question: Question, by: Caller) -> list[ColumnElement[bool]]:
    return [CmoRequest.filed_at >= question.filed_from, CmoRequest.filed_at < question.filed_to, sees(by, CmoRequest)]


def _judge(tx: Tx, requests: Sequence[CmoRequest], draft: PolicyLine, found: WhatIf) -> None:
    lines = defaultdict(list)
    for line in tx.session.scalars(select(Policy).order_by(Policy.effective_from)):
        lines[str(line.former_of or line.id)].append(line)
    types = tx.rules.catalogue.types
    terms = load_terms(tx.session, [request.terms_digest for request in requests])

    def comes_under_draft(request: CmoRequest) -> bool:
        own = terms.get(request.terms_digest)
        if own is None or not covers(draft, query_for(types[request.type], request, request.cmo_id)):
            return False
        line = _then(lines.get(own.policy_id, ()), request.filed_at)
        return line is None or specificity(draft) >= specificity(line)

    covered = [request for request in requests if comes_under_draft(request)]
    recipients = Recipients(tx, covered)
    other: dict[tuple[str, str], Terms] = {}  # many requests share their terms
    for case in load_requests(tx, covered):
        request = case.request
        shared = case.terms.digest, request.type
        drafted = other.get(shared) or _drafted(case, draft)
        if len(case.type.kinds_of(request.detail)) < 2:
            other[shared] = drafted
        before = case.evaluate(tx.business_now)
        after = evaluate(drafted, case.timeline, tx.business_now, clocks=case.catalogue.clocks)
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
    kinds = case.type.kinds_of(case.request.detail)
    if draft.kind is None or len(kinds) < 2:
        return terms
    return together(
        {kind: terms if kind == draft.kind else case.terms.alone(kind) for kind in kinds}, case.request.filed_at
    )


def _then(said: Sequence[Policy], at: datetime) -> Policy | None:
    """Of what a line has said, in order, what it said at `at`; the first where it was applied to an older request."""
    return next((line for line in reversed(said) if line.effective_from <= at), said[0] if said else None)


def _leads_told(request: CmoRequest, outcome: Evaluation, recipients: Recipients) -> Iterator[UUID]:
    """Who leads, once for each step that notifies the lead; clocks that pass one at the same instant share it."""
    for step, _ in dict.fromkeys((crossing.step, crossing.crossed_at) for crossing in outcome.crossings):
        to_leads = (to for to in step.to if to.role is LadderRole.LEAD)
        yield from {reader.person.id for to in to_leads for reader in recipients.readers(request, to)}


def _add_names(session: Session, found: WhatIf) -> None:
    found.leads = _names(session, Person, {*found.escalations, *found.escalations_under_draft})
    for cmo_id, name in _names(session, Organization, set(found.cmos)).items():
        found.cmos[cmo_id].name = name


def _by_id(content: Mapping[str, Any]) -> dict[UUID, Any]:
    return {UUID(key): value for key, value in content.items()}


def _names(session: Session, table: type[Person] | type[Organization], ids: set[UUID]) -> dict[UUID, str]:
    return dict(session.execute(select(table.id, table.name).where(table.id.in_(ids)).order_by(table.name)).all())
