"""Whose turn it was: the open time of a request divided between CMO, sponsor, third parties and closed hours."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from slamon.domain.catalogue import Catalogue
from slamon.domain.clocks.spells import Pause, third_party_waits
from slamon.domain.lifecycle import ENDED, SPONSORS_TURN, RequestTypeDefinition
from slamon.domain.stage import states_along
from slamon.domain.terms import Mode, Terms
from slamon.domain.timeline import Timeline


class Owner(StrEnum):
    """Who had to move; in closed hours nobody had."""

    CMO = "cmo"
    SPONSOR = "sponsor"
    THIRD_PARTY = "third_party"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class OwnershipPeriod:
    """Time in which one had to move, [since, until)."""

    since: datetime
    until: datetime
    owner: Owner


def ownership_periods(
    catalogue: Catalogue, terms: Terms, request_type: RequestTypeDefinition, timeline: Timeline, now: datetime
) -> tuple[OwnershipPeriod, ...]:
    """The time the request was open, up to `now`, without gap or overlap.

    Closed hours count as such where the CMO is timed by the site's calendar. Third parties are waited for in the
    CMO's turn only. The lengths add up to the time the request was open.
    """
    waits = third_party_waits(timeline)
    return tuple(
        period
        for since, until, owner in _turns(catalogue, request_type, timeline, now)
        for period in _divided(terms, since, until, owner, waits)
    )


def time_by_owner(periods: Sequence[OwnershipPeriod]) -> dict[Owner, timedelta]:
    """How long each had to move, in all."""
    lengths = {owner: timedelta(0) for owner in Owner}
    for period in periods:
        lengths[period.owner] += period.until - period.since
    return lengths


def _turns(
    catalogue: Catalogue, request_type: RequestTypeDefinition, timeline: Timeline, now: datetime
) -> Iterator[tuple[datetime, datetime, Owner]]:
    """Stretches in one state, and whose turn it is in it; a request that has ended is nobody's."""
    steps = [(fact.occurred_at, state) for fact, state in states_along(catalogue, request_type, timeline)]
    ends = [at for at, _ in steps[1:]] + [now]
    for (since, state), until in zip(steps, ends, strict=True):
        if since < until and state not in ENDED:
            yield since, until, Owner.SPONSOR if state in SPONSORS_TURN else Owner.CMO


def _divided(
    terms: Terms, since: datetime, until: datetime, owner: Owner, waits: Sequence[Pause]
) -> Iterator[OwnershipPeriod]:
    is_open = terms.running_calendar(Mode.CALENDAR if terms.uses_calendar else Mode.ELAPSED).open_spans(since, until)
    waited = [(wait.since, wait.to or until) for wait in waits]
    edges = {edge for span in (*is_open, *waited) for edge in span if since < edge < until}
    for start, end in pairwise(sorted({since, until, *edges})):
        if not _within(start, is_open):
            yield OwnershipPeriod(start, end, Owner.CLOSED)
        elif owner is Owner.CMO and _within(start, waited):
            yield OwnershipPeriod(start, end, Owner.THIRD_PARTY)
        else:
            yield OwnershipPeriod(start, end, owner)


def _within(instant: datetime, spans: Sequence[tuple[datetime, datetime]]) -> bool:
    return any(since <= instant < until for since, until in spans)
