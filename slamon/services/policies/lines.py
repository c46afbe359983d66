"""What a policy line must be, and what is kept of it when it changes. Which line wins a request stands in policies."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import inspect, select
from sqlalchemy.orm import Session

from slamon.channels import Channels
from slamon.db.parties import Organization, OrganizationKind, Person, Project, Site
from slamon.db.policies import Policy
from slamon.domain.catalogue import Catalogue
from slamon.domain.clocks.kinds import Clocks, dated, refuse_unknown
from slamon.domain.clocks.ladder import refuse_contradictions
from slamon.domain.lifecycle import RequestTypeDefinition
from slamon.domain.terms import as_meant, clocks_from_json, ladder_from_json
from slamon.domain.timeline import stamp
from slamon.errors import Conflict, Invalid
from slamon.services.audit.trail import hold_head
from slamon.services.policies.policies import SCOPE, PolicyLine
from slamon.services.transaction import Tx

_Record = TypeVar("_Record", Organization, Site, Project)

_DECIDING = (*SCOPE, "agreement_clause", "clocks", "ladder")


def start_of_change(line: Policy, changes: Mapping[str, Any], tx: Tx) -> datetime | None:
    """Effective date of an edit that supersedes what the line says; None if no history row is needed.

    That is the `effective_from` among the changes, else now. No row is needed where the line decides the same, or has
    not been in force for a whole second then. Raises Invalid for a line that has ended.
    """
    now, clocks = tx.business_now, tx.rules.catalogue.clocks
    if _decided(line, changes, clocks) == _decided(line, {}, clocks):
        return None
    named = changes.get("effective_from", line.effective_from)
    since = now if named == line.effective_from else named
    if stamp(line.effective_from) >= since:
        return None
    end = changes.get("effective_to", line.effective_to)
    if end is not None and end <= since:
        raise Invalid(
            "effective_to",
            f"'{line.name}' ends at {end.isoformat()}, before the change begins to count; give it a later end, name an "
            "earlier effective_from, or add a line of its own",
        )
    return since


def former_line(line: Policy, until: datetime, *, by_id: str, now: datetime) -> Policy:
    """What a line says now, as a line of its own that ends at `until`, or when the line does."""
    return Policy(
        **{column: getattr(line, column) for column in (*_DECIDING, "name", "version", "owner_id")},
        effective_from=line.effective_from,
        effective_to=min(until, line.effective_to or until),
        former_of=line.former_of or line.id,
        created_at=now,
        created_by=by_id,
    )


def _decided(line: Policy, changes: Mapping[str, Any], known: Clocks) -> tuple[object, ...]:
    """All by which a line, so changed, decides, however it is written."""
    *plain, clocks, ladder = (changes.get(column, getattr(line, column)) for column in _DECIDING)
    on_a_day = dated(known)
    return *plain, clocks_from_json(clocks), tuple(as_meant(step, on_a_day) for step in ladder_from_json(ladder))


def refuse_faulty(tx: Tx, line: Policy) -> None:
    """Raise Invalid or TermsError for a line that could not work.

    For one that is not flushed: what it decides is judged where that is new, so that a line that has long been stored
    can be ended or renamed whatever it says.
    """
    session, catalogue = tx.session, tx.rules.catalogue
    clocks_from_json(line.clocks)
    is_new = inspect(line).attrs["ladder"].history.has_changes()
    for to in (to for step in ladder_from_json(line.ladder) for to in step.to):
        if to.person_id is not None:
            _refuse_stranger(session, line, to.person_id, is_new=is_new)
    cmo, site = _named(session, Organization, line.cmo_id, "cmo_id"), _named(session, Site, line.site_id, "site_id")
    _named(session, Project, line.project_id, "project_id")
    if line.effective_to is not None and line.effective_to <= line.effective_from:
        raise Invalid("effective_to", "must lie after effective_from")
    if any(inspect(line).attrs[column].history.has_changes() for column in _DECIDING):
        refuse_unworkable(line, catalogue)
        if inspect(line).attrs["ladder"].history.has_changes():
            refuse_contradictions(ladder_from_json(line.ladder), clocks_from_json(line.clocks), catalogue.clocks)
        if cmo is not None and cmo.kind != OrganizationKind.CMO:
            raise Invalid("cmo_id", f"{cmo.name} is no CMO")
        if cmo is not None and site is not None and site.organization_id != cmo.id:
            raise Invalid("site_id", f"{site.name} does not belong to {cmo.name}; leave cmo_id out, or name its CMO")


def refuse_unknown_channels(
    ladder: Sequence[Mapping[str, Any]], channels: Channels, former: Sequence[Mapping[str, Any]] = ()
) -> None:
    """Raise Invalid where a step names a channel that there is not, unless the `former` ladder named it before."""
    known = {*channels.names, *(to["channel"] for step in former for to in step["to"])}
    for place, step in enumerate(ladder):
        for number, to in enumerate(step["to"]):
            if to["channel"] not in known:
                told = f"there is no channel '{to['channel']}'; name one of {', '.join(channels.names)}"
                raise Invalid(f"ladder.{place}.to.{number}.channel", told)


def refuse_unworkable(line: PolicyLine | Policy, catalogue: Catalogue) -> None:
    """Raise Invalid or TermsError for what no request could be filed under, and for a reminder that leaves at once."""
    clocks, ladder = clocks_from_json(line.clocks), ladder_from_json(line.ladder)
    refuse_unknown(clocks, ladder, catalogue.clocks)
    if line.type is not None and line.type not in catalogue.types:
        raise Invalid("type", f"must be one of {', '.join(catalogue.types)}")
    named = [catalogue.types[line.type]] if line.type else list(catalogue.types.values())
    types = [each for each in named if line.kind is None or line.kind in each.kinds]
    if not types:
        kinds = ", ".join(kind for each in named for kind in each.kinds)
        way_out = f"name one of {kinds}" if kinds else "leave it out"
        raise Invalid("kind", f"'{line.kind}' is none of a request of type {_names(named)}; {way_out}")
    can_run = frozenset[str]().union(*(each.clocks for each in types))
    if not can_run & clocks.keys():
        never, one_of = ", ".join(clocks), ", ".join(sorted(can_run))
        raise Invalid("clocks", f"{never} never runs for a request of type {_names(types)}; name one of {one_of}")
    on_a_day = dated(catalogue.clocks)
    if any(step.percent_of_target is not None and on_a_day.intersection(step.clocks) for step in ladder):
        why = f"is not for {' and '.join(sorted(on_a_day))}, whose deadline is a day; use an offset such as -PT24H"
        raise Invalid("ladder.percent_of_target", why)


def _names(types: Sequence[RequestTypeDefinition]) -> str:
    return ", ".join(each.name for each in types)


def _refuse_stranger(session: Session, line: Policy, person_id: str, *, is_new: bool) -> None:
    """Raise Invalid for a reader who is not there; in a new ladder also for one who could never be told."""
    field = "ladder.to.person_id"
    person = session.get(Person, _uuid(field, person_id))
    if person is None:
        raise Invalid(field, f"no person {person_id}")
    if is_new and not person.is_enabled:
        raise Invalid(field, f"the account of {person.name} is disabled; name somebody else, or a role")
    if is_new and person.is_of_cmo and line.cmo_id not in (None, person.organization_id):
        raise Invalid(
            field, f"{person.name} works for another CMO and may not know of these requests; name somebody else"
        )


def _named(session: Session, kept: type[_Record], record_id: UUID | None, field: str) -> _Record | None:
    """The record that a line names. Raises Invalid where it is not there."""
    found = None if record_id is None else session.get(kept, record_id)
    if record_id is not None and found is None:
        raise Invalid(field, f"no {kept.__tablename__} {record_id}")
    return found


def _uuid(field: str, text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Invalid(field, f"'{text}' is not an id") from None


def refuse_tie(session: Session, policy: Policy) -> None:
    """Raise Conflict where another line has the same scope and overlapping dates: neither would win.

    For a line that is flushed: whoever stores one of the same scope at the same time sees the other here.
    """
    hold_head(session)
    statement = select(Policy).where(
        Policy.id != policy.id,
        *(getattr(Policy, column).is_not_distinct_from(getattr(policy, column)) for column in SCOPE),
    )
    for other in session.scalars(statement):
        starts_before_end = other.effective_to is None or policy.effective_from < other.effective_to
        ends_after_start = policy.effective_to is None or other.effective_from < policy.effective_to
        if starts_before_end and ends_after_start:
            raise Conflict(
                f"Policy '{other.name}' has the same scope and overlapping dates, so neither would win. "
                "End it first (effective_to), or make this scope narrower."
            )
