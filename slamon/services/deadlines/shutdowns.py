"""Shutdowns a CMO announces: written down, agreed to or refused by its lead, and what one would move."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from slamon.db.paging import Page, newest_first
from slamon.db.parties import Calendar, Organization, Site
from slamon.db.requests import CmoRequest
from slamon.db.shutdowns import Shutdown, ShutdownStatus
from slamon.domain.calendar_format import ALWAYS
from slamon.domain.terms import Terms
from slamon.domain.timeline import Actor, Via, stamp
from slamon.errors import Conflict, Invalid
from slamon.services.access.callers import Caller
from slamon.services.access.rights import Deed, admit, allow, allow_on, is_allowed_on, owners_of_cmo
from slamon.services.access.visibility import find_seen, sees
from slamon.services.audit.trail import record
from slamon.services.deadlines import term_changes
from slamon.services.deadlines.loading import LoadedRequest
from slamon.services.deadlines.term_changes import Cause, NewTerms, OtherTerms
from slamon.services.directory.records import fields_of
from slamon.services.policies.calendars import closed_on, days_of, opens
from slamon.services.policies.policies import plain_calendar
from slamon.services.transaction import Tx

LONGEST_DAYS = 62


@dataclass(frozen=True, slots=True)
class Announcement:
    """What a CMO says of one of its sites. `announced_by` is who said it, `announced_at` when; None for now."""

    first_day: date
    last_day: date
    name: str
    announced_by: str
    announced_at: datetime | None = None


def announce(tx: Tx, site_id: UUID, said: Announcement, *, by: Caller) -> Shutdown:
    """Write down that a site will be closed. Closes nothing until the CMO's lead agrees.

    Raises NotFound, Forbidden, Invalid for days that cannot be, and Conflict for a site that never closes.
    """
    admit(by, Deed.ANNOUNCE_SHUTDOWNS)
    site = find_seen(tx.session, Site, site_id, by=by, called="site")
    actor = allow_on(by, Deed.ANNOUNCE_SHUTDOWNS, owners_of_cmo(tx.session, site.organization_id))
    _refuse_impossible(said, today=tx.business_now.astimezone(ZoneInfo(site.time_zone)).date(), now=tx.business_now)
    calendar = _calendar_of(tx.session, site)
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
        announced_at=stamp(said.announced_at or tx.business_now),
        created_at=tx.business_now,
        created_by=actor.id,
    )
    tx.session.add(shutdown)
    tx.session.flush()
    record(tx, by=actor, action="announce", entity="shutdown", entity_id=shutdown.id, new=fields_of(tx, shutdown))
    return shutdown


def decide(
    tx: Tx, shutdown_id: UUID, status: ShutdownStatus, *, by: Caller, reason: str, expected_version: int | None = None
) -> Shutdown:
    """Agree to a shutdown or refuse it, for requests filed from now on; those already filed keep their terms.

    Saying again what was said keeps the first; the opposite may be said later, and then holds. Raises NotFound,
    Forbidden for anybody but the CMO's lead, StaleVersion, and Conflict where nothing open would be left for a year.
    """
    shutdown, site, actor = _to_decide(tx.session, shutdown_id, by)
    shutdown.refuse_stale(expected_version)
    if shutdown.status == status:
        return shutdown
    old = {"status": shutdown.status, "decided_by": shutdown.decided_by, "reason": shutdown.reason}
    shutdown.status, shutdown.decided_by, shutdown.reason = status.value, actor.id, reason
    shutdown.decided_at = stamp(tx.business_now)
    shutdown.version += 1
    tx.session.flush()
    if status is ShutdownStatus.AGREED:
        _refuse_shut_for_good(tx, site)
    record(
        tx,
        by=actor,
        action="agree" if status is ShutdownStatus.AGREED else "refuse",
        entity="shutdown",
        entity_id=shutdown_id,
        old=old,
        new={name: getattr(shutdown, name) for name in old},
        reason=reason,
    )
    return shutdown


def may_decide(session: Session, shutdown: Shutdown, *, by: Caller) -> bool:
    """Whether `decide` and `apply_to_open` take it from this caller."""
    site = session.get_one(Site, shutdown.site_id)
    return is_allowed_on(by, Deed.DECIDE_SHUTDOWNS, owners_of_cmo(session, site.organization_id))


def listed(tx: Tx, *, by: Caller, are_over: bool, cursor: str | None = None) -> Page[tuple[Shutdown, Site, str]]:
    """Shutdowns of all sites, each with its site and the CMO's name, the last announced first.

    One is over when its last day has ended everywhere on earth.
    """
    allow(by, Deed.READ_RECORDS)
    today = (tx.business_now - timedelta(hours=12)).date()
    statement = (
        select(Shutdown, Site, Organization.name)
        .join(Site, Site.id == Shutdown.site_id)
        .join(Organization, Organization.id == Site.organization_id)
        .where(sees(by, Shutdown), Shutdown.last_day < today if are_over else Shutdown.last_day >= today)
    )
    return newest_first(tx.session, statement, Shutdown.id, cursor=cursor)


def find(session: Session, shutdown_id: UUID, *, by: Caller) -> Shutdown:
    """Raises Forbidden, NotFound."""
    allow(by, Deed.READ_RECORDS)
    return find_seen(session, Shutdown, shutdown_id, by=by, called="shutdown")


def of_shutdown(tx: Tx, shutdown_id: UUID, by: Caller) -> NewTerms:
    """Terms with these days closed, whatever was decided, for the site's open requests. Raises NotFound.

    Requests filed after it was agreed have it in their terms already, so nothing moves there.
    """
    return _new_terms(tx.session, find_seen(tx.session, Shutdown, shutdown_id, by=by, called="shutdown"))


def apply_to_open(tx: Tx, shutdown_id: UUID, *, by: Caller, reason: str, via: Via = Via.API) -> int:
    """Close an agreed shutdown's days for the site's open requests too; returns how many requests that changed.

    Raises NotFound, Forbidden for anybody but the CMO's lead, and Conflict for one that is not agreed.
    """
    shutdown, _, actor = _to_decide(tx.session, shutdown_id, by)
    if shutdown.status != ShutdownStatus.AGREED:
        raise Conflict(f"This shutdown is {shutdown.status}; agree to it first.")
    new = _new_terms(tx.session, shutdown)
    applied = term_changes.apply(tx, new, by=actor, reason=reason, via=via)
    return len(applied)


def _new_terms(session: Session, shutdown: Shutdown) -> NewTerms:
    site = session.get_one(Site, shutdown.site_id)
    # There is an index by CMO, and none by site.
    at_site = [CmoRequest.cmo_id == site.organization_id, CmoRequest.site_id == site.id]
    return NewTerms(at_site, _closed(shutdown), Cause("shutdown", shutdown.id, {"name": shutdown.name}))


def _closed(shutdown: Shutdown) -> OtherTerms:
    days = days_of(shutdown.first_day, shutdown.last_day, shutdown.name)
    closed: dict[str, Terms] = {}

    def terms_for(case: LoadedRequest) -> Terms | None:
        own = case.terms
        if not own.opening_hours_matter:
            return None
        if own.digest not in closed:
            closed[own.digest] = own.closed_on(days)
        return closed[own.digest]

    return terms_for


def _refuse_impossible(said: Announcement, *, today: date, now: datetime) -> None:
    if said.last_day < said.first_day:
        raise Invalid("last_day", f"{said.last_day} lies before the first day, {said.first_day}")
    if (length := (said.last_day - said.first_day).days + 1) > LONGEST_DAYS:
        raise Invalid("last_day", f"{length} days are too long; announce at most {LONGEST_DAYS} at a time")
    if said.last_day < today:
        raise Invalid("last_day", f"{said.last_day} is over; a shutdown closes days for requests filed from now on")
    if said.announced_at is not None and said.announced_at > now:
        raise Invalid("announced_at", "lies in the future")


def _calendar_of(session: Session, site: Site) -> Calendar | None:
    return session.get(Calendar, site.calendar_id) if site.calendar_id else None


def _refuse_shut_for_good(tx: Tx, site: Site) -> None:
    """Raise Conflict where all agreed shutdowns together leave no open second in the year after `now`."""
    calendar = _calendar_of(tx.session, site)
    agreed = select(Shutdown).where(Shutdown.site_id == site.id, Shutdown.status == ShutdownStatus.AGREED)
    days = {
        day: shutdown.name
        for shutdown in tx.session.scalars(agreed)
        for day in days_of(shutdown.first_day, shutdown.last_day, shutdown.name)
    }
    if calendar is not None and not opens(closed_on(plain_calendar(calendar), days), tx.business_now):
        raise Conflict(f"With this {site.name} would have no open hour in the next 366 days; refuse another one first.")


def _to_decide(session: Session, shutdown_id: UUID, by: Caller) -> tuple[Shutdown, Site, Actor]:
    """The shutdown, locked, its site, and the caller as the CMO's lead, or the one who backs that lead up.

    Raises NotFound, Forbidden.
    """
    admit(by, Deed.DECIDE_SHUTDOWNS)
    seen = find_seen(session, Shutdown, shutdown_id, by=by, called="shutdown")
    site = session.get_one(Site, seen.site_id)
    actor = allow_on(by, Deed.DECIDE_SHUTDOWNS, owners_of_cmo(session, site.organization_id))
    return session.get_one(Shutdown, shutdown_id, with_for_update=True, populate_existing=True), site, actor
