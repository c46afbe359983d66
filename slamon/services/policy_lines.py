"""What a policy line must be, and what is kept of it when it changes. Which line wins a request stands in policies."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from slamon.db.parties import Organization, Person, Project, Site
from slamon.db.policies import Policy
from slamon.domain.terms import clocks_from_json, ladder_from_json
from slamon.domain.timeline import stamp
from slamon.errors import Conflict, Invalid
from slamon.services.audit import hold_head
from slamon.services.policies import SCOPE

_DECIDING = (*SCOPE, "agreement_clause", "clocks", "ladder")


def start_of_change(line: Policy, changes: Mapping[str, Any], now: datetime) -> datetime | None:
    """From when a line decides otherwise, where what it decided until then must be kept; None where nothing must.

    That is the `effective_from` among the changes, else now. Nothing must be kept where the line decides the same, or
    has not been in force for a whole second then. Raises Invalid for a line that has ended.
    """
    if _decided(line, changes) == _decided(line, {}):
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
        **{column: getattr(line, column) for column in (*_DECIDING, "name", "version")},
        effective_from=line.effective_from,
        effective_to=min(until, line.effective_to or until),
        former_of=line.former_of or line.id,
        created_at=now,
        created_by=by_id,
    )


def _decided(line: Policy, changes: Mapping[str, Any]) -> tuple[object, ...]:
    """All by which a line, so changed, decides, however it is written."""
    *plain, clocks, ladder = (changes.get(column, getattr(line, column)) for column in _DECIDING)
    return *plain, clocks_from_json(clocks), ladder_from_json(ladder)


def refuse_faulty(session: Session, line: Policy) -> None:
    """Raise Invalid or TermsError for a line that could not work."""
    clocks_from_json(line.clocks)
    for step in ladder_from_json(line.ladder):
        for to in step.to:
            if to.person_id is not None and session.get(Person, _uuid("ladder.to.person_id", to.person_id)) is None:
                raise Invalid("ladder.to.person_id", f"no person {to.person_id}")
    for column, kept in (("cmo_id", Organization), ("site_id", Site), ("project_id", Project)):
        scope_id = getattr(line, column)
        if scope_id is not None and session.get(kept, scope_id) is None:
            raise Invalid(column, f"no {kept.__tablename__} {scope_id}")
    if line.effective_to is not None and line.effective_to <= line.effective_from:
        raise Invalid("effective_to", "must lie after effective_from")


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
