"""Whether every deadline of a policy line can be reached in the opening hours of the sites it covers."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import singledispatch
from typing import Any, NamedTuple

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from slamon.db.parties import Calendar, Project, ProjectCmo, Site, Standing
from slamon.db.policies import Policy, not_ended
from slamon.domain.calendar import CalendarHorizon, WorkingCalendar
from slamon.domain.clocks.kinds import ClockDefinition, Clocks
from slamon.domain.terms import (
    ALWAYS,
    Anchor,
    ClockTerms,
    Mode,
    Step,
    Terms,
    TermsError,
    clocks_from_json,
    ladder_from_json,
)
from slamon.domain.timeline import stamp
from slamon.errors import Invalid
from slamon.services.policies.calendars import opens
from slamon.services.policies.policies import CALENDAR_COLUMNS, PolicyLine, calendar_json, plain_calendar
from slamon.services.transaction import Tx

LONGEST_REACH = timedelta(days=5 * 366)  # arithmetic ends after six years: a year is left for what stops a clock
# What decides whether deadlines can be reached; a change of anything else is not judged.
DECIDING: dict[type, tuple[str, ...]] = {
    Policy: ("clocks", "ladder", "site_id", "cmo_id", "project_id", "effective_from", "effective_to"),
    Calendar: CALENDAR_COLUMNS,
    Site: ("calendar_id", "time_zone", "status"),
    Project: ("cmo_ids",),
}


class _Hours(NamedTuple):
    """A working calendar, and where it holds, for people."""

    calendar: WorkingCalendar
    place: str


@singledispatch
def refuse_unreachable(row: Any, tx: Tx, at: datetime) -> None:
    """Raise TermsError or Invalid where a deadline counted from `at` would lie more than five years ahead.

    For a policy line or a draft: at any active site it covers. For a calendar or a site: under any line in force. For a
    project: under the lines that name it.
    """
    raise TypeError(f"{type(row).__name__} in {tx} at {at}")


@refuse_unreachable.register(Policy)
@refuse_unreachable.register(PolicyLine)
def _(row: Policy | PolicyLine, tx: Tx, at: datetime) -> None:
    hours = [_Hours(ALWAYS, "a site that never closes"), *_hours_under(tx.session, row, at)]
    _refuse_too_far(row, hours, at, tx.rules.catalogue.clocks)


@refuse_unreachable.register
def _(row: Calendar, tx: Tx, at: datetime) -> None:
    if not opens(plain_calendar(row), at):
        raise Invalid("weekly", "the calendar has no open hour in the next 366 days")
    for site in tx.session.scalars(select(Site).where(Site.calendar_id == row.id)):
        try:
            refuse_unreachable(site, tx, at)
        except Invalid as error:
            raise Invalid("weekly", error.message) from error


@refuse_unreachable.register
def _(row: Site, tx: Tx, at: datetime) -> None:
    calendar = tx.session.get(Calendar, row.calendar_id) if row.calendar_id else None
    if calendar is None or row.status != Standing.ACTIVE:
        return
    of_this_cmo = select(ProjectCmo.project_id).where(ProjectCmo.organization_id == row.organization_id)
    lines = tx.session.scalars(
        select(Policy).where(
            not_ended(at),
            or_(Policy.site_id.is_(None), Policy.site_id == row.id),
            or_(Policy.cmo_id.is_(None), Policy.cmo_id == row.organization_id),
            or_(Policy.project_id.is_(None), Policy.project_id.in_(of_this_cmo)),
        )
    )
    for line in lines:
        try:
            _refuse_too_far(line, [_hours(row, calendar, at)], at, tx.rules.catalogue.clocks)
        except TermsError as error:
            raise Invalid("calendar_id", f"under the policy line '{line.name}', {error}") from error


@refuse_unreachable.register
def _(row: Project, tx: Tx, at: datetime) -> None:
    for line in tx.session.scalars(select(Policy).where(not_ended(at), Policy.project_id == row.id)):
        try:
            refuse_unreachable(line, tx, at)
        except TermsError as error:
            raise Invalid("cmo_ids", f"under the policy line '{line.name}', {error}") from error


def _hours_under(session: Session, line: Policy | PolicyLine, at: datetime) -> Iterator[_Hours]:
    """The opening hours of the active sites that a line covers; sites of one zone and calendar stand once."""
    covered = select(Site, Calendar).join(Calendar, Calendar.id == Site.calendar_id)
    covered = covered.where(Site.status == Standing.ACTIVE).order_by(Site.name)
    if line.site_id is not None:
        covered = covered.where(Site.id == line.site_id)
    if line.cmo_id is not None:
        covered = covered.where(Site.organization_id == line.cmo_id)
    if line.project_id is not None:
        cmos = select(ProjectCmo.organization_id).where(ProjectCmo.project_id == line.project_id)
        covered = covered.where(Site.organization_id.in_(cmos))
    seen = set()
    for site, calendar in session.execute(covered):
        if (site.time_zone, calendar.id) not in seen:
            seen.add((site.time_zone, calendar.id))
            yield _hours(site, calendar, at)


def _hours(site: Site, calendar: Calendar, at: datetime) -> _Hours:
    plain = calendar_json(site.time_zone, plain_calendar(calendar), at.year)
    return _Hours(WorkingCalendar.from_json(plain), site.name)


def _refuse_too_far(line: Policy | PolicyLine, hours: list[_Hours], at: datetime, clocks: Clocks) -> None:
    allowed, ladder = clocks_from_json(line.clocks), ladder_from_json(line.ladder)
    for calendar, place in hours:
        terms = Terms(str(line.id), line.name, line.version, line.agreement_clause, calendar, allowed, ladder)
        for kind in allowed:
            _refuse_far_clock(terms, clocks[kind], place, stamp(at))


def _refuse_far_clock(terms: Terms, definition: ClockDefinition, place: str, at: datetime) -> None:
    kind, clock = definition.name, terms.clocks[definition.name]
    target_at = limit_at = at
    if not definition.is_dated:
        counted = terms.running_calendar(clock.mode)
        target_at = _reached(f"clocks.{kind}.target", counted, at, clock.target, place, since=at)
        limit_at = _reached(f"clocks.{kind}.limit", counted, at, clock.limit, place, since=at)
    bases = {Anchor.START: at, Anchor.TARGET: target_at, Anchor.LIMIT: limit_at}
    for step in terms.ladder_of(kind, takes_general=definition.takes_general_steps):
        if step.percent_of_target is None and step.offset > timedelta(0):
            counted = terms.running_calendar(_counted_by(step, clock))
            _reached("ladder.offset", counted, bases[step.anchor], step.offset, place, since=at)


def _counted_by(step: Step, clock: ClockTerms) -> Mode:
    """The mode an offset counts in: from the start the clock's own, later the step's."""
    return clock.mode if step.anchor is Anchor.START else step.mode


def _reached(
    where: str, calendar: WorkingCalendar, base: datetime, amount: timedelta, place: str, *, since: datetime
) -> datetime:
    try:
        reached = calendar.due(base, amount)
    except CalendarHorizon:
        reached = None
    if reached is None or reached - since > LONGEST_REACH:
        raise TermsError(
            where,
            f"would not be reached within five years in the opening hours of {place}; make it shorter, or count every "
            "hour (mode elapsed)",
        )
    return reached
