"""What may be applied to open requests: a policy line, a changed calendar. `new_terms` says what applying means."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from slamon.db.parties import Calendar, Site
from slamon.db.policies import Policy
from slamon.db.requests import CmoRequest
from slamon.db.shutdowns import Shutdown, ShutdownStatus
from slamon.domain.terms import Terms, together
from slamon.domain.timeline import Fact
from slamon.services.access.callers import Caller
from slamon.services.access.rights import Deed, admit, allow
from slamon.services.access.visibility import find_seen, seen_among
from slamon.services.deadlines import term_changes
from slamon.services.deadlines.loading import LoadedRequest
from slamon.services.deadlines.term_changes import Cause, NewTerms, OtherTerms
from slamon.services.policies.calendars import closed_on, days_of
from slamon.services.policies.policies import (
    SCOPE,
    PolicyLine,
    PolicyQuery,
    plain_calendar,
    query_for,
    resolve,
    resolve_each,
    with_calendar,
    with_line,
)
from slamon.services.transaction import Tx

Finder = Callable[[Tx, UUID, Caller], NewTerms]


def apply(tx: Tx, find_new: Finder, record_id: UUID, *, by: Caller, reason: str) -> int:
    """Apply the record to all of them; returns how many that the caller may read it changed. For administrators."""
    admit(by, Deed.APPLY_TERMS)
    new = find_new(tx, record_id, by)
    actor = allow(by, Deed.APPLY_TERMS)
    applied = term_changes.apply(tx, new, by=actor, reason=reason)
    return len(seen_among(tx.session, CmoRequest, applied, by=by))


def of_policy(tx: Tx, policy_id: UUID, by: Caller) -> NewTerms:
    """The terms of this line for the open requests it would win today; their calendars stay as frozen."""
    policy = find_seen(tx.session, Policy, policy_id, by=by, called="policy")
    cause = Cause("policy", policy.id, {"name": policy.name, "version": policy.version})
    return NewTerms(_scope(policy), _under(tx, policy), cause)


def of_calendar(tx: Tx, calendar_id: UUID, by: Caller) -> NewTerms:
    """The days and hours of this calendar as they are now, for the open requests of the sites that have it.

    The shutdowns agreed for a site are part of that, as they are for a request filed now.
    """
    calendar = find_seen(tx.session, Calendar, calendar_id, by=by, called="calendar")
    sites = _sites_with(tx.session, calendar)
    return NewTerms(
        _sent_to(sites), _open_when(sites, tx.business_now), Cause("calendar", calendar.id, {"name": calendar.name})
    )


def _scope(policy: Policy) -> list[ColumnElement[bool]]:
    """The columns of a request that the line names; its kind is looked at in the detail."""
    named = {column: getattr(policy, column) for column in SCOPE if column != "kind"}
    return [getattr(CmoRequest, column) == value for column, value in named.items() if value is not None]


def _under(tx: Tx, policy: Policy) -> OtherTerms:
    won: dict[PolicyQuery, bool] = {}

    def terms_for(case: LoadedRequest) -> Terms | None:
        wanted = query_for(case.type, case.request, case.request.cmo_id)
        if wanted.kinds:
            lines = resolve_each(tx.session, wanted, tx.business_now)
            return _together(case, lines) if policy.id in {line.id for line in lines.values()} else None
        if wanted not in won:
            won[wanted] = resolve(tx.session, wanted, tx.business_now).id == policy.id
        return with_line(case.terms, policy, case.type) if won[wanted] else None

    return terms_for


def _together(case: LoadedRequest, lines: Mapping[str, PolicyLine]) -> Terms:
    """The terms of a request for several kinds of data, each under its line."""
    by_kind = {kind: with_line(case.terms, line, case.type) for kind, line in lines.items()}
    return together(by_kind, case.request.filed_at)


def under_priority(tx: Tx, case: LoadedRequest, amended: Fact) -> LoadedRequest:
    """The case under the line its locked request would fall under now, its priority having been amended."""
    wanted = query_for(case.type, case.request, case.request.cmo_id)
    if wanted.kinds:
        terms = _together(case, resolve_each(tx.session, wanted, tx.business_now))
    else:
        line = resolve(tx.session, wanted, tx.business_now)
        terms = with_line(case.terms, line, case.type)
    if terms.digest == case.terms.digest:
        return case
    told = {"priority": case.request.priority}
    return term_changes.under(
        tx.session,
        case,
        terms,
        by=amended.by,
        reason=amended.reason,
        told=told,
        at=amended.recorded_at,
        via=amended.via,
    )


_SiteWithCalendar = tuple[UUID, Calendar, list[Shutdown]]


def _sites_with(session: Session, calendar: Calendar) -> dict[UUID, _SiteWithCalendar]:
    """The sites that have it by their id, each with its CMO's id and the shutdowns agreed for it."""
    agreed = defaultdict(list)
    for shutdown in session.scalars(select(Shutdown).where(Shutdown.status == ShutdownStatus.AGREED)):
        agreed[shutdown.site_id].append(shutdown)
    sites = session.scalars(select(Site).where(Site.calendar_id == calendar.id))
    return {site.id: (site.organization_id, calendar, agreed[site.id]) for site in sites}


def _sent_to(sites: dict[UUID, _SiteWithCalendar]) -> list[ColumnElement[bool]]:
    # There is an index by CMO, and none by site.
    cmos = {cmo_id for cmo_id, _, _ in sites.values()}
    return [CmoRequest.cmo_id.in_(cmos), CmoRequest.site_id.in_(sites)]


def _open_when(sites: dict[UUID, _SiteWithCalendar], now: datetime) -> OtherTerms:
    def terms_for(case: LoadedRequest) -> Terms | None:
        if not case.terms.opening_hours_matter:
            return None
        _, calendar, agreed = sites[case.request.site_id]
        filed_on = case.request.filed_at.date()
        # As at filing: the day before, in UTC, is as early as that day can be anywhere.
        shutdowns = [each for each in agreed if each.last_day >= filed_on - timedelta(days=1)]
        closed = {day: each.name for each in shutdowns for day in days_of(each.first_day, each.last_day, each.name)}
        plain = closed_on(plain_calendar(calendar), closed)
        # The zone stays as it was: in another, days that have ended would end anew.
        terms = with_calendar(case.terms, case.terms.calendar.tz, plain, filed_on.year)
        terms.refuse_if_never_open(now)
        return terms

    return terms_for
