"""What happened to a request elsewhere, as facts that obey the life cycle; a history that contradicts it is refused.

The rows of a spreadsheet and the logs that are replayed are both read into steps, and `history` makes the facts. Which
columns say what is known to mappings, what may follow on what to domain.lifecycle. Nothing is stored here.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from pydantic import ValidationError

from slamon.domain.actions.parts import ActionDefinition, Contradiction, Said, Standing, given
from slamon.domain.actions.parts import Columns as ActColumns
from slamon.domain.actions.talk import UNKNOWN
from slamon.domain.catalogue import Catalogue
from slamon.domain.fold import after, progress_of
from slamon.domain.lifecycle import Action, Rule, State
from slamon.domain.stage import rule_for
from slamon.domain.stored import as_json
from slamon.domain.terms import Terms
from slamon.domain.timeline import SYSTEM, Actor, Fact, Role, Timeline, Via
from slamon.imports.mappings import BadCell, ColumnName, Columns, Field, Moment
from slamon.schemas.acts import read_act


@cache
def _acts(catalogue: Catalogue) -> Mapping[str, ActionDefinition[Any]]:
    """The actions that a row can tell of, by the column that dates them, in the order in which they happen."""
    return {each.columns.at: each for each in catalogue.actions.values() if each.columns is not None}


@dataclass(frozen=True, slots=True)
class People:
    """In whose name a row's acts are recorded, and by whom."""

    sponsor: Actor
    cmo: Actor
    recorder: Actor = SYSTEM

    def behind(self, rule: Rule) -> Actor:
        """Whose act it was. A project's manager has no say in what quality decides, and no row says who had."""
        if Role.CMO_CONTACT in rule.who:
            return self.cmo
        return self.sponsor if self.sponsor.role in rule.who else _QUALITY


_QUALITY = Actor("quality", f"quality (name {UNKNOWN})", Role.QUALITY)


@dataclass(frozen=True, slots=True)
class Step:
    """One act of a history and when it happened; `is_inferred` where nobody says so, but it follows from the rest."""

    said: Said
    moment: Moment
    is_inferred: bool = False


@dataclass(frozen=True, slots=True)
class DatedRow:
    """What a row says, in our words, and its moments in the order in which they happened, the filing first.

    `doubts` say of some moments that they were chosen from two.
    """

    said: Mapping[ColumnName, str]
    mapping: Columns
    moments: Mapping[str, Moment]
    doubts: Mapping[str, str]

    @property
    def filed(self) -> Moment:
        return self.moments[Field.FILED_AT]


def read_dates(said: Mapping[ColumnName, str], mapping: Columns, now: datetime) -> DatedRow:
    """Read the moments of a row. Raises BadCell for one before the filing or after `now`.

    A date without a time lies at noon, unless something of that day that comes before or after it is known to the
    minute: then it counts at the same instant as that. Between two such dates lie whole days of 24 hours. A time in an
    hour that the clocks showed twice is the first that keeps the order of the row.
    """
    if Field.FILED_AT not in said:
        raise BadCell(Field.FILED_AT, "is needed: when was it filed?")
    read = {
        field: mapping.moment(field, said[field])
        for field in (Field.FILED_AT, *_acts(mapping.catalogue))
        if field in said
    }
    read, doubts = _in_order(read, mapping)
    read = _whole_days_apart(read, mapping)
    today = mapping.day_of(now)
    placed: dict[str, Moment] = {}
    for field, moment in read.items():
        placed[field] = _placed(moment, list(read.values())[len(placed) + 1 :], list(placed.values()), now)
        if moment.day > today or placed[field].at > now:
            raise BadCell(field, "lies in the future")
    filed_at = placed[Field.FILED_AT].at
    for field, moment in placed.items():
        if moment.at < filed_at:
            raise BadCell(field, f"lies before the filing ({said[Field.FILED_AT]})")
    return DatedRow(said, mapping, dict(sorted(placed.items(), key=lambda item: item[1].at)), doubts)


def _in_order(read: Mapping[str, Moment], mapping: Columns) -> tuple[dict[str, Moment], dict[str, str]]:
    """Settle for one of two possible instants: the first that lies after everything the row names before it."""
    settled: dict[str, Moment] = {}
    doubts: dict[str, str] = {}
    for field, moment in read.items():
        if moment.or_at is not None:
            before = max((other.at for other in settled.values() if not other.is_date), default=moment.at)
            is_second = moment.at < before <= moment.or_at
            at = moment.or_at if is_second else moment.at
            moment = replace(moment, at=at)
            which = f"the {'second' if is_second else 'first'} ({at:%Y-%m-%d %H:%M} UTC)"
            doubts[field] = f"came twice in {mapping.zone}, as the clocks went back; taken as {which}"
        settled[field] = moment
    return settled, doubts


def _whole_days_apart(read: Mapping[str, Moment], mapping: Columns) -> dict[str, Moment]:
    """Put dates without a time to the noon of the first of them, whatever the clocks did in between."""
    noons = [moment.at for moment in read.values() if moment.is_date]
    if not noons:
        return dict(read)
    first = min(noons)
    return {field: _days_after(first, moment, mapping) if moment.is_date else moment for field, moment in read.items()}


def _days_after(first: datetime, moment: Moment, mapping: Columns) -> Moment:
    at = first + timedelta(days=round((moment.at - first) / timedelta(days=1)))
    return replace(moment, at=at) if mapping.day_of(at) == moment.day else moment


def _placed(moment: Moment, later: list[Moment], earlier: list[Moment], now: datetime) -> Moment:
    """The moment, and where it is a date alone, the time of day it counts at."""
    if not moment.is_date:
        return moment
    at = max([moment.at, *(other.at for other in earlier if other.day == moment.day)])
    at = min([at, now, *(other.at for other in later if other.day == moment.day and not other.is_date)])
    # Of a day to come `now` is no time: the caller refuses it.
    return replace(moment, at=at)


def steps_of(dated: DatedRow) -> Iterator[Step]:
    """The acts of a row after its filing, each checked as one that comes over the API is. Raises BadCell."""
    for field, moment in dated.moments.items():
        if field == Field.FILED_AT:
            continue
        action = _acts(dated.mapping.catalogue)[field]
        columns = given(action.columns)
        try:
            yield Step(read_act(dated.mapping.catalogue, action.name, dict(_fields_of(columns, dated))).said, moment)
        except ValidationError as error:
            first = error.errors()[0]
            where, reason = str(first["loc"][0]), first["msg"].removeprefix("Value error, ")
            raise BadCell(columns.says.get(where, columns.at), reason) from error


def _fields_of(columns: ActColumns, dated: DatedRow) -> Iterator[tuple[str, Any]]:
    for name, field in columns.says.items():
        text = dated.said.get(field)
        if text is not None:
            yield name, dated.mapping.day(field, text) if field in dated.mapping.kinds.days else text
        elif name in columns.or_else:
            yield name, columns.or_else[name]


def history(
    catalogue: Catalogue, request_type: str, filed: Fact, steps: Iterable[Step], terms: Terms, people: People
) -> tuple[Timeline, State]:
    """The facts of a request, the filing first, and the state they lead to. Raises BadCell where they contradict."""
    facts, state, progress = [filed], State.FILED, progress_of([filed])
    for step in steps:
        action = catalogue.actions[step.said.action]
        columns = given(action.columns)
        rule = rule_for(catalogue.types[request_type], state, action.name, progress)
        if rule is None:
            if action.name == Action.ACKNOWLEDGE and any(fact.by.is_cmo for fact in facts):
                continue  # an earlier act has said so already
            raise BadCell(columns.at, _why_not(action.name, state))
        is_cmo = Role.CMO_CONTACT in rule.who
        standing = Standing(progress, progress, Timeline(facts), step.moment.at, terms, is_cmo=is_cmo)
        _refuse_missing(rule, step.said, columns, but_for_choices=True)
        try:
            said: Said = action.check(step.said, standing)
        except Contradiction as error:
            raise BadCell(columns.says.get(error.field, columns.at), error.message) from error
        _refuse_missing(rule, said, columns)
        content = as_json(replace(said, reason="") if said.reason else said)
        fact = Fact(
            sequence=len(facts) + 1,
            kind=action.facts[0],
            occurred_at=step.moment.at,
            recorded_at=max(filed.recorded_at, step.moment.at),
            by=people.behind(rule),
            recorded_by=people.recorder,
            via=Via.REPLAY,
            reason=said.reason or None,
            content=content | remarks_of(step.moment, is_inferred=step.is_inferred),
        )
        facts.append(fact)
        progress = after(progress, fact)
        state = rule.state_after(progress)
    return Timeline(facts), state


def _why_not(action: str, state: State) -> str:
    words = action.replace("_", " ")
    way_out = "; what quality decided goes into decided_at and disposition" if state is State.IN_REVIEW else ""
    return f"contradicts the life cycle: '{words}' is not possible while the request is {state}{way_out}"


def _refuse_missing(rule: Rule, said: Said, columns: ActColumns, *, but_for_choices: bool = False) -> None:
    """Raise BadCell for what the rule needs and the row does not tell; of a choice a check may fill one in."""
    need = rule.missing(said)
    if need is not None and not (but_for_choices and "|" in need):
        raise BadCell(columns.says.get(need, need), f"is needed for {columns.at}; map a column or give a constant")


def remarks_of(moment: Moment, *, is_inferred: bool = False) -> dict[str, Any]:
    """What the content of a fact says of its moment; nothing where it is known to the second."""
    precision = "repeated_hour" if moment.or_at is not None else "date" if moment.is_date else ""
    return ({"precision": precision} if precision else {}) | ({"inferred": True} if is_inferred else {})
