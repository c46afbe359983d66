"""Which policy line a request falls under, and the terms frozen from it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, ScalarSelect, bindparam, or_, select
from sqlalchemy.orm import Session

from slamon.db.database import has_stored, note_stored
from slamon.db.json_lists import json_lists
from slamon.db.parties import Calendar, Site
from slamon.db.policies import FrozenTerms, Policy, not_ended
from slamon.db.statements import connection_of, insert_ignoring
from slamon.domain.calendar import WorkingCalendar
from slamon.domain.lifecycle import RequestTypeDefinition
from slamon.domain.terms import (
    Terms,
    clocks_from_json,
    clocks_to_json,
    ladder_from_json,
    ladder_to_json,
    sources_to_json,
    terms_digest,
    together,
)
from slamon.errors import Conflict
from slamon.public_holidays import SOURCE, public_holidays
from slamon.services.policies.zone_data import zone_data

# Compared in this order; the line that names a narrower scope wins.
SCOPE = ("project_id", "site_id", "cmo_id", "kind", "type", "priority")
CALENDAR_COLUMNS = ("weekly", "country", "subdivision", "closed_days", "opening_days")  # what decides when it is open
YEARS_AHEAD = 6  # deadlines are bounded by six years, so holidays further off cannot matter


@dataclass(frozen=True, slots=True)
class PolicyQuery:
    """What a policy must cover: the request about to be filed.

    `kinds` are those of a data request that asks for several; it has no `kind` then.
    """

    type: str
    kind: str | None
    priority: str
    cmo_id: UUID
    site_id: UUID
    project_id: UUID
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class PolicyLine:
    """A policy line as far as requests are judged by it: one that is stored, or a draft. Equal only to itself."""

    id: UUID
    name: str
    version: int
    clocks: dict[str, Any]
    ladder: list[Any]
    agreement_clause: str | None = None
    former_of: UUID | None = None
    project_id: UUID | None = None
    site_id: UUID | None = None
    cmo_id: UUID | None = None
    kind: str | None = None
    type: str | None = None
    priority: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class SiteCalendar:
    """The plain calendar of a site, closed on its shutdowns too. Equal only to itself, so that it can be a key."""

    plain: Mapping[str, Any]


# Built once, and run without the ORM: putting it together and filling records takes longer than reading. Where nothing
# is wanted, only an empty column covers it.
_COLUMNS = [getattr(Policy, column.name) for column in fields(PolicyLine)]
_IN_FORCE = (Policy.effective_from <= bindparam("at"), not_ended(bindparam("at")))


def _covers(column: str, wanted: Any) -> ColumnElement[bool]:
    return or_(getattr(Policy, column).is_(None), getattr(Policy, column) == wanted)


_COVERING = select(*_COLUMNS).where(*_IN_FORCE, *(_covers(column, bindparam(f"wanted_{column}")) for column in SCOPE))


def lines_at_site() -> ScalarSelect[str]:
    """The lines that may cover a request, whatever its kind, as a column beside its `Site`; `lines_in` reads it.

    It takes the parameters `at`, `project`, `type` and `priority`.
    """
    scope: dict[str, Any] = {name: bindparam(name.removesuffix("_id")) for name in ("project_id", "type", "priority")}
    scope |= {"site_id": Site.id, "cmo_id": Site.organization_id}
    own = (_covers(column, wanted) for column, wanted in scope.items())
    return select(json_lists(*_COLUMNS)).where(*_IN_FORCE, *own).correlate(Site).scalar_subquery()


@lru_cache(maxsize=256)
def lines_in(text: str) -> tuple[PolicyLine, ...]:
    """The lines in what `lines_at_site` gave; the same objects for the same text, so that terms are frozen once."""
    return tuple(_line(dict(zip(_NAMES, columns, strict=True))) for columns in json.loads(text))


_NAMES = [column.name for column in fields(PolicyLine)]
_IDS = frozenset({"id", "former_of", "project_id", "site_id", "cmo_id"})


def _line(columns: Mapping[str, Any]) -> PolicyLine:
    ids = {name: UUID(columns[name]) for name in _IDS if columns[name]}
    return PolicyLine(**{**columns, **ids})


def resolve(session: Session, wanted: PolicyQuery, at: datetime) -> PolicyLine:
    """The most specific line in force. Raises Conflict where none applies."""
    return covering(session, wanted, at)[0]


def covering(session: Session, wanted: PolicyQuery, at: datetime) -> list[PolicyLine]:
    """The lines in force that cover a request, the most specific first. Raises Conflict where there is none."""
    scope = {f"wanted_{column}": getattr(wanted, column) for column in SCOPE}
    return _most_specific_first(
        [PolicyLine(*row) for row in session.connection().execute(_COVERING, {**scope, "at": at})]
    )


def resolve_each(session: Session, wanted: PolicyQuery, at: datetime) -> dict[str, PolicyLine]:
    """The line of each of several kinds that are asked for at once."""
    return {kind: resolve(session, each, at) for kind, each in _each_kind(wanted).items()}


def choose(lines: Sequence[PolicyLine], wanted: PolicyQuery) -> PolicyLine:
    """The most specific of these lines that covers a request. Raises Conflict where none does."""
    return _most_specific_first([line for line in lines if covers(line, wanted)])[0]


def choose_each(lines: Sequence[PolicyLine], wanted: PolicyQuery) -> dict[str, PolicyLine]:
    """The same for each of several kinds that are asked for at once."""
    return {kind: choose(lines, each) for kind, each in _each_kind(wanted).items()}


def _most_specific_first(lines: Sequence[PolicyLine]) -> list[PolicyLine]:
    if not lines:
        raise Conflict("No policy covers this request. An administrator can add one under /v1/policies.")
    return sorted(lines, key=specificity, reverse=True)


def _each_kind(wanted: PolicyQuery) -> dict[str, PolicyQuery]:
    return {kind: replace(wanted, kind=kind, kinds=()) for kind in wanted.kinds}


def covers(line: PolicyLine, wanted: PolicyQuery) -> bool:
    """Whether it covers a request, by the same rule as those in force are found; whether it wins is another matter.

    Of several kinds asked for at once, one is enough.
    """
    if line.kind in wanted.kinds:
        wanted = replace(wanted, kind=line.kind)
    return all(getattr(line, column) in (None, getattr(wanted, column)) for column in SCOPE)


def named_scope(line: PolicyLine) -> list[str]:
    """The scope fields a line names, the weightiest first."""
    return [column for column, is_named in zip(SCOPE, specificity(line), strict=True) if is_named]


class AsksForSomething(Protocol):
    """What a policy is found by: a request, or a filing that is to become one."""

    @property
    def type(self) -> str: ...
    @property
    def detail(self) -> Mapping[str, Any]: ...
    @property
    def priority(self) -> str: ...
    @property
    def site_id(self) -> UUID: ...
    @property
    def project_id(self) -> UUID: ...


def query_for(request_type: RequestTypeDefinition, asked: AsksForSomething, cmo_id: UUID) -> PolicyQuery:
    """What a policy must cover for a request of this type, filed or about to be."""
    kind, kinds = request_type.kind_of(asked.detail), request_type.kinds_of(asked.detail)
    several = kinds if len(kinds) > 1 else ()
    return PolicyQuery(asked.type, kind, asked.priority, cmo_id, asked.site_id, asked.project_id, several)


def specificity(line: PolicyLine | Policy) -> tuple[bool, ...]:
    """What a line names, the weightiest first: of those that cover a request the greatest wins."""
    return tuple(getattr(line, column) is not None for column in SCOPE)


def freeze(
    line: PolicyLine, request_type: RequestTypeDefinition, time_zone: str, calendar: SiteCalendar | None, at: datetime
) -> Terms:
    """The terms a request filed at `at` will keep; `store_terms` stores them, once for all that share them.

    Of the line's clocks it keeps those a request of this type can have. `time_zone` and `calendar` are those of its
    site. Raises Conflict where no clock is left.
    """
    terms = _frozen(line, request_type.name, request_type.clocks, time_zone, calendar, at.year)
    terms.refuse_if_never_open(at)
    return terms


def freeze_together(
    lines: Mapping[str, PolicyLine],
    request_type: RequestTypeDefinition,
    time_zone: str,
    calendar: SiteCalendar | None,
    at: datetime,
) -> Terms:
    """The same for a request that asks for several kinds of data, each with its line: see `together`."""
    return together({kind: freeze(line, request_type, time_zone, calendar, at) for kind, line in lines.items()}, at)


def store_terms(writer: Session | Connection, terms: Terms) -> None:
    """Store terms, unless this connection to the database has seen them committed: they never go away."""
    connection = connection_of(writer)
    if not has_stored(connection, terms.digest):
        insert_ignoring(connection, FrozenTerms, [{"digest": terms.digest, "content": terms.to_json()}], ["digest"])
        note_stored(connection, terms.digest)


@lru_cache(maxsize=256)
def _frozen(
    line: PolicyLine, type_name: str, can_have: frozenset[str], time_zone: str, calendar: SiteCalendar | None, year: int
) -> Terms:
    """The terms that follow from these rules; they are the keys as objects, and never spelled out to be looked up."""
    clocks = {kind: clock for kind, clock in line.clocks.items() if kind in can_have}
    if not clocks:
        raise Conflict(f"The policy line '{line.name}' names no clock that a request of type {type_name} has.")
    content = {
        "policy": {
            "id": str(line.former_of or line.id),
            "name": line.name,
            "version": line.version,
            "agreement_clause": line.agreement_clause,
        },
        "clocks": clocks_to_json(clocks_from_json(clocks)),
        "ladder": ladder_to_json(ladder_from_json(line.ladder)),
        **_days(time_zone, calendar.plain if calendar else None, year),
    }
    return parsed_terms(terms_digest(content), content)


def with_calendar(terms: Terms, time_zone: str, calendar: Mapping[str, Any] | None, year: int) -> Terms:
    """The same terms as if a request of `year` were filed now, at a site with this calendar; see `freeze`."""
    rules = ("policy", "clocks", "ladder", "answer_by_kind")
    kept = {name: value for name, value in terms.to_json().items() if name in rules}
    content = {**kept, **_days(time_zone, calendar, year)}
    return parsed_terms(terms_digest(content), content)


def with_line(terms: Terms, line: PolicyLine | Policy, request_type: RequestTypeDefinition) -> Terms:
    """The same terms, calendar and all, under a line; unchanged where it has no clock that the type can have."""
    clocks = {kind: clock for kind, clock in clocks_from_json(line.clocks).items() if kind in request_type.clocks}
    if not clocks:
        return terms
    other = replace(
        terms,
        policy_id=str(line.former_of or line.id),
        policy_name=line.name,
        policy_version=line.version,
        agreement_clause=line.agreement_clause,
        clocks=clocks,
        ladder=ladder_from_json(line.ladder),
        answer_by_kind={},
    )
    return replace(other, digest=terms_digest(other.to_json()))


def _days(time_zone: str, calendar: Mapping[str, Any] | None, year: int) -> dict[str, Any]:
    """What stored terms say of a site's calendar, of its days by name, and who says when all that is."""
    names, source = named_holidays(calendar, _within_reach(year))
    told = sources_to_json(names, source, _named_openings(calendar), zone_data())
    return {"calendar": calendar_json(time_zone, calendar, year), **told}


def plain_calendar(calendar: Calendar) -> dict[str, Any]:
    return {column: getattr(calendar, column) for column in CALENDAR_COLUMNS}


def calendar_json(time_zone: str, calendar: Mapping[str, Any] | None, year: int) -> dict[str, Any]:
    """A site's working calendar with its holidays by date, for the years a request filed in `year` can reach."""
    if calendar is None:
        return WorkingCalendar.from_json({"tz": time_zone, "weekly": "24x7"}).to_json()
    names, _ = named_holidays(calendar, _within_reach(year))
    closed = [day.isoformat() for day in sorted(names)]
    openings = {day["date"]: day["hours"] for day in calendar["opening_days"]}
    return WorkingCalendar.from_json(
        {"tz": time_zone, "weekly": calendar["weekly"]["hours"], "holidays": closed, "openings": openings}
    ).to_json()


def _named_openings(calendar: Mapping[str, Any] | None) -> dict[date, str]:
    return {date.fromisoformat(day["date"]): day["name"] for day in calendar["opening_days"]} if calendar else {}


def named_holidays(calendar: Mapping[str, Any] | None, years: tuple[int, ...]) -> tuple[dict[date, str], str | None]:
    """All closed days of the calendar's own and the public holidays of these years, by date, and who says so.

    On a public holiday that is also a day of its own the public name stands. Raises Invalid as `public_holidays`.
    """
    if calendar is None:
        return {}, None
    names = {date.fromisoformat(day["date"]): day["name"] for day in calendar["closed_days"]}
    if not calendar["country"]:
        return names, None
    return names | public_holidays(calendar["country"], calendar["subdivision"], years), SOURCE


def _within_reach(year: int) -> tuple[int, ...]:
    return tuple(range(year, year + YEARS_AHEAD + 1))


def load_terms(session: Session, digests: Sequence[str]) -> dict[str, Terms]:
    """Frozen terms by digest; parsed once per process, because they never change."""
    wanted = set(digests)
    known = {digest: _PARSED[digest] for digest in wanted if digest in _PARSED}
    missing = wanted - known.keys()
    if missing:
        for row in session.scalars(select(FrozenTerms).where(FrozenTerms.digest.in_(missing))):
            known[row.digest] = parsed_terms(row.digest, row.content)
    return known


_PARSED: dict[str, Terms] = {}
_MOST_PARSED = 2000


def parsed_terms(digest: str, content: dict[str, Any]) -> Terms:
    if digest not in _PARSED:
        if len(_PARSED) >= _MOST_PARSED:
            _PARSED.clear()
        _PARSED[digest] = Terms.from_json(content)
    return _PARSED[digest]
