"""What a row says happened to a request, as facts that obey the life cycle; a row that contradicts it is refused.

Which columns say it is known to mappings, what may follow on what to domain.lifecycle. Nothing is stored here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError

from slamon.domain.lifecycle import Action, RequestTypeDefinition, Rule, State, rule_for
from slamon.domain.progress import Progress, progress_of
from slamon.domain.terms import Terms
from slamon.domain.timeline import CMO_ROLES, Actor, Fact, Role, Timeline, Via
from slamon.domain.validation import Contradiction, validate_and_complete
from slamon.imports.mappings import BadCell, ColumnName, Columns, Field, Moment, is_day
from slamon.schemas.acts import Act

NOT_TOLD = "not told in the imported file"


@dataclass(frozen=True, slots=True)
class _Act:
    """Which action a column dates, and the columns that say more of it, by what they say; texts may be missing."""

    action: Action
    says: Mapping[str, Field]
    or_else: Mapping[str, str]


def _act(action: Action, *, or_else: Mapping[str, str] | None = None, **says: Field) -> _Act:
    return _Act(action, says, or_else or {})


# In the order in which they happen.
_ACTS: Mapping[Field, _Act] = {
    Field.ACKNOWLEDGED_AT: _act(Action.ACKNOWLEDGE),
    Field.ASKED_AT: _act(Action.ASK, text=Field.ASKED_TEXT, or_else={"text": NOT_TOLD}),
    Field.REPLIED_AT: _act(Action.REPLY, text=Field.REPLIED_TEXT, or_else={"text": NOT_TOLD}),
    Field.ORDER_CONFIRMED_AT: _act(Action.CONFIRM_ORDER, planned_ship_on=Field.PLANNED_SHIP_ON),
    Field.DISPATCHED_AT: _act(
        Action.CONFIRM_DISPATCH,
        courier=Field.COURIER,
        tracking_number=Field.TRACKING_NUMBER,
        expected_delivery_on=Field.EXPECTED_DELIVERY_ON,
        or_else={"courier": NOT_TOLD, "tracking_number": NOT_TOLD},
    ),
    Field.DELIVERED_AT: _act(
        Action.CONFIRM_DELIVERY,
        received_by=Field.RECEIVED_BY,
        condition=Field.CONDITION,
        readout=Field.READOUT,
        min_c=Field.MIN_C,
        max_c=Field.MAX_C,
        minutes_out=Field.MINUTES_OUT,
        or_else={"received_by": NOT_TOLD},
    ),
    Field.DECIDED_AT: _act(
        Action.DECIDE, disposition=Field.DISPOSITION, reason=Field.DECIDED_REASON, or_else={"reason": NOT_TOLD}
    ),
    Field.ANSWERED_AT: _act(Action.ANSWER, text=Field.ANSWERED_TEXT),
    Field.DECLINED_AT: _act(Action.DECLINE, reason=Field.DECLINED_REASON, or_else={"reason": NOT_TOLD}),
    Field.CANCELLED_AT: _act(Action.CANCEL, reason=Field.CANCELLED_REASON, or_else={"reason": NOT_TOLD}),
    Field.CLOSED_AT: _act(Action.ACCEPT),
}


@dataclass(frozen=True, slots=True)
class People:
    """In whose name a row's acts are recorded, and by whom."""

    sponsor: Actor
    cmo: Actor
    recorder: Actor

    def behind(self, rule: Rule) -> Actor:
        """Whose act it was. A project's manager has no say in what quality decides, and no row says who had."""
        if rule.who & CMO_ROLES:
            return self.cmo
        return self.sponsor if self.sponsor.role in rule.who else _QUALITY


_QUALITY = Actor("quality", f"quality (name {NOT_TOLD})", Role.QUALITY)


@dataclass(frozen=True, slots=True)
class Told:
    """What a row says, in our words, and its moments in the order in which they happened, the filing first.

    `doubts` say of some moments that they were chosen from two.
    """

    said: Mapping[ColumnName, str]
    mapping: Columns
    moments: Mapping[Field, Moment]
    doubts: Mapping[Field, str]

    @property
    def filed(self) -> Moment:
        return self.moments[Field.FILED_AT]


def told_by(said: Mapping[ColumnName, str], mapping: Columns, now: datetime) -> Told:
    """Read the moments of a row. Raises BadCell for one before the filing or after `now`.

    A date without a time lies at noon, unless something of that day that comes before or after it is known to the
    minute: then it counts at the same instant as that. Between two such dates lie whole days of 24 hours. A time in an
    hour that the clocks showed twice is the first that keeps the order of the row.
    """
    if Field.FILED_AT not in said:
        raise BadCell(Field.FILED_AT, "is needed: when was it filed?")
    read = {field: mapping.moment(field, said[field]) for field in (Field.FILED_AT, *_ACTS) if field in said}
    read, doubts = _in_order(read, mapping)
    read = _whole_days_apart(read, mapping)
    today = mapping.day_of(now)
    placed: dict[Field, Moment] = {}
    for field, moment in read.items():
        placed[field] = _placed(moment, list(read.values())[len(placed) + 1 :], list(placed.values()), now)
        if moment.day > today or placed[field].at > now:
            raise BadCell(field, "lies in the future")
    filed_at = placed[Field.FILED_AT].at
    for field, moment in placed.items():
        if moment.at < filed_at:
            raise BadCell(field, f"lies before the filing ({said[Field.FILED_AT]})")
    return Told(said, mapping, dict(sorted(placed.items(), key=lambda item: item[1].at)), doubts)


def _in_order(read: Mapping[Field, Moment], mapping: Columns) -> tuple[dict[Field, Moment], dict[Field, str]]:
    """Settle for one of two possible instants: the first that lies after everything the row names before it."""
    settled: dict[Field, Moment] = {}
    doubts: dict[Field, str] = {}
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


def _whole_days_apart(read: Mapping[Field, Moment], mapping: Columns) -> dict[Field, Moment]:
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


def history(
    request_type: RequestTypeDefinition, filed: Fact, told: Told, terms: Terms, people: People
) -> tuple[Timeline, State]:
    """The facts of a request, the filing first, and the state they lead to. Raises BadCell where they contradict."""
    facts, state, progress = [filed], State.FILED, progress_of([filed])
    for field, moment in told.moments.items():
        if field is Field.FILED_AT:
            continue
        action = _ACTS[field].action
        rule = rule_for(request_type, state, action, progress)
        if rule is None:
            if action is Action.ACKNOWLEDGE and any(fact.by.is_cmo for fact in facts):
                continue  # said by an earlier act already
            raise BadCell(field, _why_not(action, state))
        content = _fitted(field, moment, told, rule, progress, terms)
        reason = content.pop("reason", None)
        fact = Fact(
            sequence=len(facts) + 1,
            kind=action.fact,
            occurred_at=moment.at,
            recorded_at=filed.recorded_at,
            by=people.behind(rule),
            recorded_by=people.recorder,
            via=Via.REPLAY,
            reason=reason,
            content=content | precision_of(moment),
        )
        facts.append(fact)
        progress = progress.after(fact)
        state = rule.state_after(progress)
    return Timeline(facts), state


def _why_not(action: Action, state: State) -> str:
    words = action.value.replace("_", " ")
    way_out = "; what quality decided goes into decided_at and disposition" if state is State.IN_REVIEW else ""
    return f"contradicts the life cycle: '{words}' is not possible while the request is {state}{way_out}"


def precision_of(moment: Moment) -> dict[str, str]:
    """What the content of a fact says of its moment; nothing where it is known to the second."""
    if moment.or_at is not None:
        return {"precision": "repeated_hour"}
    return {"precision": "date"} if moment.is_date else {}


def _fitted(field: Field, moment: Moment, told: Told, rule: Rule, progress: Progress, terms: Terms) -> dict[str, Any]:
    """What the act says, checked as one that comes over the API is."""
    act = _ACTS[field]
    try:
        said = Act.model_validate(dict(_particulars(act, told)))
        spoken = {name: text for name, text in (("text", said.text), ("reason", said.reason)) if text}
        content = validate_and_complete(act.action.fact, spoken | said.particulars(), progress, moment.at, terms)
    except ValidationError as error:
        first = error.errors()[0]
        place = first["loc"] or ("min_c",)  # the one rule for an act as a whole compares its two temperatures
        raise BadCell(act.says.get(str(place[0]), field), first["msg"].removeprefix("Value error, ")) from error
    except Contradiction as error:
        raise BadCell(act.says.get(error.field, field), error.message) from error
    need = rule.missing(content)
    if need is not None:
        raise BadCell(act.says.get(need, need), f"is needed for {field}; map a column or give a constant")
    return content


def _particulars(act: _Act, told: Told) -> Iterator[tuple[str, Any]]:
    for name, field in act.says.items():
        text = told.said.get(field)
        if text is None:
            if name in act.or_else:
                yield name, act.or_else[name]
        else:
            yield name, told.mapping.day(field, text) if is_day(field) else text
