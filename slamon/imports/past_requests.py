"""Past requests, checked, as rows: the requests, their facts, and what evaluating them gives."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import insert

from slamon.db.requests import CmoRequest, FactRow
from slamon.domain.clocks.auto_close import NEVER
from slamon.domain.lifecycle import State
from slamon.domain.terms import Terms
from slamon.domain.timeline import GENESIS, Actor, Fact, Timeline, stamp
from slamon.imports.mappings import Field
from slamon.imports.tables import Row, RowProblem
from slamon.services.audit.timelines import fact_values
from slamon.services.deadlines.loading import LoadedRequest
from slamon.services.deadlines.reconcile import reconcile
from slamon.services.directory.recipients import Recipients
from slamon.services.requests.filing import Filing, request_values, take_numbers
from slamon.services.requests.filing_context import Parties
from slamon.services.transaction import Tx

BATCH = 200  # requests stored at once


@dataclass(frozen=True, slots=True)
class Past:
    """One request, checked and ready to be stored. Its id follows from the CMO and the row's own key.

    `former_ids` are those that releases before gave it.
    """

    id: UUID
    former_ids: frozenset[UUID]
    row: Row
    key_field: Field
    filing: Filing
    parties: Parties
    terms: Terms
    timeline: Timeline
    state: State
    project_manager: UUID

    @property
    def filed(self) -> Fact:
        return self.timeline.as_recorded()[0]

    @property
    def numbered(self) -> tuple[str, int]:
        """What its number counts on from."""
        return self.filing.type, self.filed.occurred_at.year


@dataclass(slots=True)
class ImportedRequests:
    """What was stored: how many requests in each state, their numbers from first to last, and rows left out.

    `flags` tell how the file was read where a reader might think otherwise.
    """

    states: Mapping[State, int]
    left_out: tuple[RowProblem, ...]
    flags: tuple[RowProblem, ...]
    requests: int = 0
    facts: int = 0
    crossings: int = 0
    numbers: tuple[str, ...] = ()


def store(
    tx: Tx, good: Sequence[Past], stored: ImportedRequests, *, by: Actor, notify: bool, progress: Callable[[int], None]
) -> None:
    """Store the requests in the order of filing, so that their numbers tell it; `stored` counts them."""
    never_closing = replace(tx, rules=replace(tx.rules, closing=NEVER))
    in_order = sorted(good, key=lambda past: (*past.numbered, past.filed.occurred_at))
    for batch in (in_order[start : start + BATCH] for start in range(0, len(good), BATCH)):
        numbers = tuple(_numbers(tx, batch))
        cases = [
            LoadedRequest(
                _request(past, number, by, stamp(tx.business_now)),
                tx.rules.catalogue.types[past.filing.type],
                past.terms,
                past.timeline,
                tx.rules.catalogue,
            )
            for past, number in zip(batch, numbers, strict=True)
        ]
        facts = [row for case in cases for row in _chained(case)]
        recipients = Recipients(tx, [case.request for case in cases])
        with tx.session.no_autoflush:  # whole rows at once: settle fills in the rest of each before it stores them
            tx.session.add_all(case.request for case in cases)
            stored.crossings += reconcile(never_closing, cases, recipients, quietly=not notify)
        tx.session.flush()
        tx.session.execute(insert(FactRow), facts)
        stored.facts += len(facts)
        stored.requests += len(cases)
        stored.numbers += numbers
        for case in cases:
            tx.session.expunge(case.request)
        progress(60 + 40 * stored.requests // len(good))


def _numbers(tx: Tx, batch: Sequence[Past]) -> Iterator[str]:
    for (request_type, year), group in groupby(batch, key=lambda past: past.numbered):
        yield from take_numbers(tx.session, tx.rules.catalogue.types[request_type], year, len(list(group)))


def _request(past: Past, number: str, by: Actor, at: datetime) -> CmoRequest:
    values = request_values(
        past.filing, past.parties, past.terms,
        filed_by_id=past.project_manager, state=past.state, filed_at=past.filed.occurred_at,
    )  # fmt: skip
    return CmoRequest(
        **values,
        id=past.id,
        number=number,
        fact_count=0,
        head_digest=GENESIS,
        failed_checks=0,
        created_at=at,
        created_by=by.id,
    )


def _chained(case: LoadedRequest) -> Iterator[dict[str, Any]]:
    """The request's facts as rows, its head moved on with each."""
    for fact in case.timeline.as_recorded():
        digest = fact.digest(str(case.request.id), case.request.head_digest)
        case.request.head_digest, case.request.fact_count = digest, fact.sequence
        yield fact_values(case.request.id, fact, digest)
