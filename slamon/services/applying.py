"""What may be applied to open requests: a policy line, a changed calendar. `new_terms` says what applying means."""

from collections import defaultdict
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from slamon.db.parties import Calendar, Site
from slamon.db.policies import Policy
from slamon.db.requests import CmoRequest
from slamon.db.shutdowns import Shutdown, ShutdownStatus
from slamon.domain.closing import ClosingRule
from slamon.domain.terms import Terms
from slamon.domain.timeline import Fact
from slamon.services import new_terms
from slamon.services.access import Caller, admin_only, staff_only
from slamon.services.calendars import closed_on, days_of
from slamon.services.cases import Case
from slamon.services.directory import find
from slamon.services.filing import wanted_by
from slamon.services.new_terms import Cause, OtherTerms, Preview
from slamon.services.policies import SCOPE, Wanted, plain_calendar, resolve, with_calendar, with_line


def preview_policy(session: Session, policy_id: UUID, *, by: Caller, now: datetime) -> Preview:
    """Which deadlines of open requests would move if this line were applied to those it would win today."""
    staff_only(by)
    policy = find(session, Policy, policy_id)
    return new_terms.preview(session, _scope(policy), _under(session, policy, now), now=now)


def apply_policy(
    session: Session,
    policy_id: UUID,
    *,
    by: Caller,
    reason: str,
    closing: ClosingRule,
    now: datetime,
    real_now: datetime,
) -> int:
    """Put the open requests that this line would win today under its terms; their calendars stay as frozen."""
    actor = admin_only(by)
    policy = find(session, Policy, policy_id)
    cause = Cause("policy", policy.id, {"name": policy.name, "version": policy.version})
    return new_terms.apply(
        session, _scope(policy), _under(session, policy, now),
        by=actor, reason=reason, cause=cause, closing=closing, now=now, real_now=real_now,
    )  # fmt: skip


def _scope(policy: Policy) -> list[ColumnElement[bool]]:
    """The columns of a request that the line names; its kind is looked at in the detail."""
    named = {column: getattr(policy, column) for column in SCOPE if column != "kind"}
    return [getattr(CmoRequest, column) == value for column, value in named.items() if value is not None]


def _under(session: Session, policy: Policy, now: datetime) -> OtherTerms:
    won: dict[Wanted, bool] = {}

    def terms_for(case: Case) -> Terms | None:
        wanted = wanted_by(case.request, case.request.cmo_id)
        if wanted not in won:
            won[wanted] = resolve(session, wanted, now).id == policy.id
        return with_line(case.terms, policy, case.type) if won[wanted] else None

    return terms_for


def under_priority(session: Session, case: Case, amended: Fact, *, now: datetime) -> Case:
    """The case under the line its locked request would fall under now, its priority having been amended."""
    line = resolve(session, wanted_by(case.request, case.request.cmo_id), now)
    terms = with_line(case.terms, line, case.type)
    if terms.digest == case.terms.digest:
        return case
    told = {"priority": case.request.priority}
    return new_terms.under(
        session, case, terms, by=amended.by, reason=amended.reason, told=told, at=amended.recorded_at, via=amended.via
    )


def preview_calendar(session: Session, calendar_id: UUID, *, by: Caller, now: datetime) -> Preview:
    """Which deadlines of open requests would move if they were given this calendar as it is now."""
    staff_only(by)
    sites = _sites_with(session, find(session, Calendar, calendar_id))
    return new_terms.preview(session, _sent_to(sites), _open_when(sites, now), now=now)


def apply_calendar(
    session: Session,
    calendar_id: UUID,
    *,
    by: Caller,
    reason: str,
    closing: ClosingRule,
    now: datetime,
    real_now: datetime,
) -> int:
    """Give the open requests of the sites that have this calendar its days and hours as they are now.

    The shutdowns agreed for a site are part of that, as they are for a request filed now.
    """
    actor = admin_only(by)
    calendar = find(session, Calendar, calendar_id)
    sites = _sites_with(session, calendar)
    return new_terms.apply(
        session, _sent_to(sites), _open_when(sites, now),
        by=actor, reason=reason, cause=Cause("calendar", calendar.id, {"name": calendar.name}),
        closing=closing, now=now, real_now=real_now,
    )  # fmt: skip


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
    def terms_for(case: Case) -> Terms | None:
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
