"""A request with all that judging it needs: its timeline, its terms, those it had before, and the catalogue."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from slamon.db.requests import CmoRequest
from slamon.domain.catalogue import Catalogue
from slamon.domain.clocks.ladder import Evaluation, evaluate
from slamon.domain.clocks.state import ClockState, Former, clock_states, in_force, item_clocks
from slamon.domain.lifecycle import RequestTypeDefinition, State
from slamon.domain.progress import Progress
from slamon.domain.stage import stage_of
from slamon.domain.terms import Terms
from slamon.domain.timeline import Fact, FactKind, TermsChanged, Timeline
from slamon.services.access.rights import Owners, owners_of
from slamon.services.audit.timelines import load_timelines
from slamon.services.policies.policies import load_terms
from slamon.services.transaction import Tx


@dataclass(frozen=True, slots=True)
class LoadedRequest:
    """A request as it is judged, by the rules of the installation's catalogue."""

    request: CmoRequest
    type: RequestTypeDefinition
    terms: Terms
    timeline: Timeline
    catalogue: Catalogue
    former: tuple[Former, ...] = ()
    _known: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)  # looked at once

    @property
    def is_just_changed(self) -> bool:
        """Whether the last thing that happened to it is that other terms were applied."""
        return self.timeline.as_recorded()[-1].kind == FactKind.TERMS_CHANGED

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
        return self.stage()[1]

    def stage(self) -> tuple[State, Progress]:
        """The state to which its facts lead, and the progress they make."""
        if "stage" not in self._known:
            self._known["stage"] = stage_of(self.catalogue, self.type, self.timeline)
        stage: tuple[State, Progress] = self._known["stage"]
        return stage

    def owners(self, session: Session) -> Owners:
        """Who answers for it on the sponsor's side."""
        if "owners" not in self._known:
            self._known["owners"] = owners_of(session, self.request)
        owners: Owners = self._known["owners"]
        return owners

    def with_fact(self, fact: Fact) -> "LoadedRequest":
        """The same once `fact` has happened; it is the same people's."""
        then = replace(self, timeline=self.timeline.with_fact(fact))
        then._known.update({name: known for name, known in self._known.items() if name != "stage"})
        return then

    def as_of(self, at: datetime) -> "LoadedRequest":
        """The same as it stood then, by all that is known now."""
        return self if self.timeline.latest.occurred_at <= at else replace(self, timeline=self.timeline.up_to(at))


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
    changed = (fact for fact in timeline if fact.kind == FactKind.TERMS_CHANGED)
    return [(fact.occurred_at, fact.said(TermsChanged).before) for fact in changed]
