"""Shutdowns a CMO announces: written down, agreed to or refused by its lead, and what one would move."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session, load_only

from slamon.db.parties import Calendar, Organization, Person, Site
from slamon.db.requests import CmoRequest
from slamon.db.shutdowns import Shutdown, ShutdownStatus
from slamon.domain.calendar_document import ALWAYS
from slamon.domain.clocks import ClockState
from slamon.domain.ladder import evaluate
from slamon.domain.lifecycle import OPEN_STATES
from slamon.domain.terms import ClockKind, Mode, Terms
from slamon.domain.timeline import Actor, Role, Timeline, stamp
from slamon.errors import Conflict, Forbidden, Invalid, NotFound, StaleVersion
from slamon.services.access import Caller, Owners, Scope, staff_roles
from slamon.services.audit import record
from slamon.services.calendars import closed_on, days_of, opens
from slamon.services.directory import fields_of
from slamon.services.policies import load_terms, plain_calendar
from slamon.services.timelines import load_timelines

LONGEST_DAYS = 62
ANNOUNCERS = frozenset({Role.LEAD, Role.ADMIN, Role.PROJECT_MANAGER})
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Announcement:
    """What a CMO says of one of its sites. `announced_by` is who said it, `announced_at` when; None for now."""

    first_day: date
    last_day: date
    name: str
    announced_by: str
    announced_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class MovedDeadline:
    """A running or paused clock as it is and as it would be; None where a pause or the terms leave no deadline.

    `breaches_at_once`: it would be past its limit now, and is not.
    """

    request_id: UUID
    number: str
    clock: ClockKind
    target_before: datetime | None
    target_after: datetime | None
    limit_before: datetime | None
    limit_after: datetime | None
    breaches_at_once: bool


@dataclass(frozen=True, slots=True)
class Preview:
    """`looked_at` open requests were judged again: those whose terms count the site's open hours."""

    looked_at: int
    moved: tuple[MovedDeadline, ...]


def announce(session: Session, site_id: UUID, said: Announcement, *, by: Caller, now: datetime) -> Shutdown:
    """Write down that a site will be closed. Closes nothing until the CMO's lead agrees.

    Raises NotFound, Forbidden, Invalid for days that cannot be, and Conflict for a site that never closes.
    """
    by.needs(Scope.ACT)
    actor = by.as_actor(ANNOUNCERS)
    site = session.get(Site, site_id)
    if site is None:
        raise NotFound("site", site_id)
    _refuse_impossible(said, today=now.astimezone(ZoneInfo(site.time_zone)).date(), now=now)
    calendar = _calendar_of(session, site)
    if calendar is None or calendar.weekly["hours"] == ALWAYS:
        raise Conflict(
            f"{site.name} counts as open all the time, so a shutdown would move nothing; give it a calendar with hours."
        )
    shutdown = Shutdown(
        site_id=site_id,
        first_day=said.first_day,
        last_day=said.last_day,
        name=said.name,
        announced_by=said.announced_by,
        announced_at=stamp(said.announced_at or now),
        created_at=now,
        created_by=actor.id,
    )
    session.add(shutdown)
    session.flush()
    record(
        session, by=actor, action="announce", entity="shutdown", entity_id=shutdown.id, now=now,
        new=fields_of(session, shutdown),
    )  # fmt: skip
    return shutdown


def decide(
    session: Session,
    shutdown_id: UUID,
    status: ShutdownStatus,
    *,
    by: Caller,
    reason: str,
    now: datetime,
    expected_version: int | None = None,
) -> Shutdown:
    """Agree to a shutdown or refuse it, for requests filed from now on; those already filed keep their terms.

    Saying again what was said keeps the first; the opposite may be said later, and then holds. Raises NotFound,
    Forbidden for anybody but the CMO's lead, StaleVersion, and Conflict where nothing open would be left for a year.
    """
    by.needs(Scope.ACT)
    shutdown = session.get(Shutdown, shutdown_id, with_for_update=True)
    if shutdown is None:
        raise NotFound("shutdown", shutdown_id)
    site = session.get_one(Site, shutdown.site_id)
    actor = _lead(session, site.organization_id, by)
    if expected_version is not None and expected_version != shutdown.version:
        raise StaleVersion(shutdown.version)
    if shutdown.status == status:
        return shutdown
    old = {"status": shutdown.status, "decided_by": shutdown.decided_by, "reason": shutdown.reason}
    shutdown.status, shutdown.decided_by, shutdown.reason = status.value, actor.id, reason
    shutdown.decided_at = stamp(now)
    shutdown.version += 1
    session.flush()
    if status is ShutdownStatus.AGREED:
        _refuse_shut_for_good(session, site, now)
    record(
        session, by=actor, action="agree" if status is ShutdownStatus.AGREED else "refuse", entity="shutdown",
        entity_id=shutdown_id, now=now, old=old, new={name: getattr(shutdown, name) for name in old}, reason=reason,
    )  # fmt: skip
    return shutdown


def find(session: Session, shutdown_id: UUID) -> Shutdown:
    """Raises NotFound."""
    shutdown = session.get(Shutdown, shutdown_id)
    if shutdown is None:
        raise NotFound("shutdown", shutdown_id)
    return shutdown


def preview(session: Session, shutdown: Shutdown, *, now: datetime) -> Preview:
    """What would move if the site's open requests were under terms with these days closed, whatever was decided.

    Changes nothing. Requests filed after it was agreed have it in their terms already, so nothing moves there.
    """
    days = days_of(shutdown.first_day, shutdown.last_day, shutdown.name)
    closed: dict[str, Terms] = {}
    looked_at, moved = 0, []
    site = session.get_one(Site, shutdown.site_id)
    for request, own, timeline in _counting_open_hours(session, site):
        if own.digest not in closed:
            closed[own.digest] = own.closed_on(days)
        looked_at += 1
        moved += moved_deadlines(request, own, closed[own.digest], timeline, now=now)
    return Preview(looked_at, tuple(moved))


def moved_deadlines(
    request: CmoRequest, own: Terms, other: Terms, timeline: Timeline, *, now: datetime
) -> list[MovedDeadline]:
    """The deadlines of one request that would move if it lived under `other` terms from its filing on.

    Clocks that have stopped keep what they were given, so they are left out. A clock that only one of the terms has
    is told with None for the other.
    """
    before, after = (_by_start(evaluate(terms, timeline, now).clocks) for terms in (own, other))
    pairs = {key: (before.get(key), after.get(key)) for key in (*before, *after)}
    return [_moved(request, key[0], *pair, now=now) for key, pair in pairs.items() if _dues(pair[0]) != _dues(pair[1])]


def _moved(
    request: CmoRequest, kind: ClockKind, was: ClockState | None, would_be: ClockState | None, *, now: datetime
) -> MovedDeadline:
    (target_before, limit_before), (target_after, limit_after) = _dues(was), _dues(would_be)
    return MovedDeadline(
        request_id=request.id,
        number=request.number,
        clock=kind,
        target_before=target_before,
        target_after=target_after,
        limit_before=limit_before,
        limit_after=limit_after,
        breaches_at_once=bool(would_be and would_be.is_breached(now) and not (was and was.is_breached(now))),
    )


def _by_start(clocks: tuple[ClockState, ...]) -> dict[tuple[ClockKind, datetime], ClockState]:
    return {(clock.kind, clock.started_at): clock for clock in clocks if clock.stopped_at is None}


def _dues(clock: ClockState | None) -> tuple[datetime | None, datetime | None]:
    return (clock.target_at, clock.limit_at) if clock else (None, None)


def _counting_open_hours(session: Session, site: Site) -> Iterator[tuple[CmoRequest, Terms, Timeline]]:
    """The site's open requests with a clock that counts open hours, in the order of their filing."""
    statement = (
        select(CmoRequest)
        .where(
            CmoRequest.cmo_id == site.organization_id,  # there is an index by CMO, and none by site
            CmoRequest.site_id == site.id,
            CmoRequest.state.in_(sorted(OPEN_STATES)),
        )
        .options(load_only(CmoRequest.number, CmoRequest.terms_digest))
        .order_by(CmoRequest.filed_at, CmoRequest.id)
    )
    requests = session.scalars(statement).all()
    terms = load_terms(session, [request.terms_digest for request in requests])
    counting = {
        digest for digest, own in terms.items() if any(clock.mode is Mode.CALENDAR for clock in own.clocks.values())
    }
    wanted = [request for request in requests if request.terms_digest in counting]
    for start in range(0, len(wanted), _BATCH):
        batch = wanted[start : start + _BATCH]
        timelines = load_timelines(session, [request.id for request in batch])
        for request in batch:
            yield request, terms[request.terms_digest], timelines[request.id]


def _refuse_impossible(said: Announcement, *, today: date, now: datetime) -> None:
    if said.last_day < said.first_day:
        raise Invalid("last_day", f"{said.last_day} lies before first_day, {said.first_day}")
    if (length := (said.last_day - said.first_day).days + 1) > LONGEST_DAYS:
        raise Invalid("last_day", f"{length} days are too long; announce at most {LONGEST_DAYS} at a time")
    if said.last_day < today:
        raise Invalid("last_day", f"{said.last_day} is over; a shutdown closes days for requests filed from now on")
    if said.announced_at is not None and said.announced_at > now:
        raise Invalid("announced_at", "lies in the future")


def _calendar_of(session: Session, site: Site) -> Calendar | None:
    return session.get(Calendar, site.calendar_id) if site.calendar_id else None


def _refuse_shut_for_good(session: Session, site: Site, now: datetime) -> None:
    """Raise Conflict where all agreed shutdowns together leave no open second in the year after `now`."""
    calendar = _calendar_of(session, site)
    agreed = select(Shutdown).where(Shutdown.site_id == site.id, Shutdown.status == ShutdownStatus.AGREED)
    days = {
        day: shutdown.name
        for shutdown in session.scalars(agreed)
        for day in days_of(shutdown.first_day, shutdown.last_day, shutdown.name)
    }
    if calendar is not None and not opens(closed_on(plain_calendar(calendar), days), now):
        raise Conflict(f"With this {site.name} would have no open hour in the next 366 days; refuse another one first.")


def _lead(session: Session, cmo_id: UUID, by: Caller) -> Actor:
    """The caller as the CMO's lead, or the one who backs that lead up. Raises Forbidden."""
    cmo = session.get_one(Organization, cmo_id)
    lead = session.get(Person, cmo.lead_id) if cmo.lead_id else None
    lead_ids = frozenset({lead.id, lead.backup_id or lead.id}) if lead else frozenset()
    if Role.LEAD not in staff_roles(by, None, Owners(manager_ids=frozenset(), lead_ids=lead_ids)):
        raise Forbidden(f"Only the lead of {cmo.name} may decide on its shutdowns.")
    return by.as_actor({Role.LEAD})
