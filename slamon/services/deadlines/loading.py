"""A request with all that judging it needs: its timeline, its terms, those it had before, and the catalogue."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from slamon.db.requests import CmoRequest
from slamon.domain.catalogue import Catalogue
from slamon.domain.clocks.ladder import Evaluation, evaluate
from slamon.domain.clocks.state import ClockState, Former, clock_states, in_force, item_clocks
from slamon.domain.lifecycle import RequestTypeDefinition
from slamon.domain.progress import Progress, progress_of
from slamon.domain.terms import Terms
from slamon.domain.timeline import FactKind, Timeline
from slamon.services.audit.timelines import load_timelines
from slamon.services.policies.policies import load_terms
from slamon.services.transaction import Tx


@dataclass(frozen=True, slots=True)
class LoadedRequest:
    request: CmoRequest
    type: RequestTypeDefinition
    terms: Terms
    timeline: Timeline
    catalogue: Catalogue
    former: tuple[Former, ...] = ()

    @property
    def is_just_changed(self) -> bool:
        """Whether the last thing that happened to it is that other terms were applied."""
        return self.timeline.as_recorded()[-1].kind is FactKind.TERMS_CHANGED

    def evaluate(self, now: datetime) -> Evaluation:
        return evaluate(self.terms, self.timeline, now, self.former, clocks=self.catalogue.clocks)

    def clocks(self) -> tuple[ClockState, ...]:
        return clock_states(self.terms, self.timeline, self.former, clocks=self.catalogue.clocks)

    def item_clocks(self) -> dict[int, ClockState]:
        """The answer clock as each item has it, where the kinds of data asked for have different terms."""
        return item_clocks(self.terms, self.timeline, self.former, clocks=self.catalogue.clocks)

    def terms_of(self, clock: ClockState) -> Terms:
        """The terms that judge this clock."""
        return in_force(self.terms, self.former, clock.stopped_at)

    def progress(self) -> Progress:
        return progress_of(self.timeline)

    def as_of(self, at: datetime) -> "LoadedRequest":
        """The same as it stood then, by all that is known now."""
        return replace(self, timeline=self.timeline.up_to(at))


def load_request(tx: Tx, request: CmoRequest) -> LoadedRequest:
    return load_requests(tx, [request])[0]


def load_requests(tx: Tx, requests: Sequence[CmoRequest]) -> list[LoadedRequest]:
    """The requests with their timelines and terms, in the order given."""
    timelines = load_timelines(tx.session, [request.id for request in requests])
    return loaded_requests(tx, requests, timelines)


def loaded_requests(tx: Tx, requests: Sequence[CmoRequest], timelines: Mapping[UUID, Timeline]) -> list[LoadedRequest]:
    """The same, where the timelines are at hand; a request whose terms are missing is left out."""
    changes = {request.id: _changes(timelines[request.id]) for request in requests}
    digests = {request.terms_digest for request in requests}
    terms = load_terms(tx.session, [*digests, *(digest for made in changes.values() for _, digest in made)])
    return [
        LoadedRequest(
            request,
            tx.rules.catalogue.types[request.type],
            terms[request.terms_digest],
            timelines[request.id],
            tx.rules.catalogue,
            tuple(Former(at, terms[digest]) for at, digest in changes[request.id]),
        )
        for request in requests
        if request.terms_digest in terms
    ]


def _changes(timeline: Timeline) -> list[tuple[datetime, str]]:
    """When other terms were applied, and the digest of those that ended then."""
    changed = (fact for fact in timeline if fact.kind is FactKind.TERMS_CHANGED)
    return [(fact.occurred_at, str(fact.content["from"])) for fact in changed]
