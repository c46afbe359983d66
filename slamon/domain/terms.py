"""The rules one request lives under: targets, limits and ladder, frozen from a policy and a site's calendar."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any

from slamon.domain.calendar import WorkingCalendar
from slamon.domain.timeline import chained_digest


class TermsError(ValueError):
    """A policy or its terms break a rule; `field` names where."""

    def __init__(self, where: str, message: str) -> None:
        super().__init__(f"{where}: {message}")
        self.field = where
        self.message = message


class ClockKind(StrEnum):
    """Names of clocks for code that means one of them; which there are says the catalogue."""

    ACKNOWLEDGEMENT = "acknowledgement"
    ANSWER = "answer"
    ORDER_CONFIRMATION = "order_confirmation"
    REPLY = "reply"
    DISPATCH_CONFIRMATION = "dispatch_confirmation"
    DELIVERY_CONFIRMATION = "delivery_confirmation"
    FULFILMENT = "fulfilment"
    PROMISE = "promise"
    SPONSOR = "sponsor"
    EXCURSION_DECISION = "excursion_decision"

    __hash__ = str.__hash__  # as for the kinds of facts


class Mode(StrEnum):
    """Which time counts: every second, or the site's open hours; or none, where a date is the deadline."""

    ELAPSED = "elapsed"
    CALENDAR = "calendar"
    DATE = "date"

    @property
    def unit(self) -> str:
        """What a target of this mode is counted in: an amount is never shown without it."""
        return "working hours" if self is Mode.CALENDAR else "hours"


class Anchor(StrEnum):
    """What a ladder step is counted from."""

    START = "start"
    TARGET = "target"
    LIMIT = "limit"


class LadderRole(StrEnum):
    """Whom a step addresses; resolved to people when the step fires."""

    CMO_CONTACT = "cmo_contact"
    CMO_BACKUP = "cmo_backup"
    CMO_LEAD = "cmo_lead"
    PROJECT_MANAGER = "project_manager"
    LEAD = "lead"
    LEAD_BACKUP = "lead_backup"
    HEAD = "head"
    QUALITY = "quality"
    STEERING = "steering"


class Level(StrEnum):
    """What passing a step means, from the mildest to the gravest. At one instant the gravest speaks."""

    REMINDER = "reminder"
    TARGET = "target"
    LIMIT = "limit"
    REPEAT = "repeat"
    BACKUP = "backup"
    STEP_3 = "step_3"
    STEP_4 = "step_4"

    __hash__ = str.__hash__  # as for the kinds of facts

    @property
    def rank(self) -> int:
        return _RANKS[self]

    @property
    def usual_anchor(self) -> Anchor:
        """What a step of this level is counted from where it does not say."""
        return Anchor.TARGET if self in (Level.REMINDER, Level.TARGET) else Anchor.LIMIT


_RANKS = {level: rank for rank, level in enumerate(Level)}
BREACH_LEVELS = frozenset(level for level in Level if level.rank >= Level.LIMIT.rank)
REPETITIONS = frozenset({Level.REPEAT, Level.BACKUP})  # of a breach that nobody has taken

ALWAYS = WorkingCalendar.from_json({"tz": "UTC", "weekly": "24x7"})
LONGEST = timedelta(days=6 * 366)
STEP_ID = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_SECOND = timedelta(seconds=1)
_HUNDRED_SECONDS = 100 * _SECOND


@dataclass(frozen=True, slots=True)
class ClockTerms:
    """What one kind of clock allows. `pause_cap` bounds the waits for third parties, in real time: the tightest of
    a request's clocks bounds all its waits together.

    Where a date is the deadline, target and limit are zero: both lie at the end of that day.
    """

    target: timedelta
    limit: timedelta
    mode: Mode = Mode.ELAPSED
    pause_cap: timedelta | None = None

    def __post_init__(self) -> None:
        _whole("target", self.target)
        _whole("limit", self.limit)
        if self.pause_cap is not None:
            _whole("pause_cap", self.pause_cap)
            if not timedelta(0) < self.pause_cap <= LONGEST:
                raise TermsError("pause_cap", "must lie between zero and six years, for example PT120H")
        if self.mode is Mode.DATE:
            if (self.target, self.limit) != (timedelta(0), timedelta(0)):
                raise TermsError("target", "and limit are left out where the mode is date: the day itself is the limit")
            return
        if self.target <= timedelta(0):
            raise TermsError("target", "must be longer than zero, for example PT24H")
        if self.limit < self.target:
            raise TermsError("limit", "must not be shorter than the target")
        if self.limit > LONGEST:
            raise TermsError("limit", "must not be longer than six years")

    def share(self, percent: int) -> timedelta:
        """So much of the target, in whole seconds."""
        return self.target * percent // _HUNDRED_SECONDS * _SECOND


@dataclass(frozen=True, slots=True)
class Recipient:
    """A role, or one person by id, and the name of the channel that reaches them."""

    channel: str
    role: LadderRole | None = None
    person_id: str | None = None

    def __post_init__(self) -> None:
        if (self.role is None) == (self.person_id is None):
            raise TermsError("ladder.to", "name either a role or a person")


@dataclass(frozen=True, slots=True)
class Step:
    """One step. It lies `percent_of_target` into the clock's own time, or `offset` after its anchor.

    Offsets from the start run on the clock's own time, later ones on real time unless `mode` says calendar; from
    target or limit they may be negative, before it. `unless_taken` marks the steps that only repeat an escalation
    nobody has taken. `clocks` narrows the step to these kinds, which then climb no other; see `Terms.ladder_of`.

    `id` tells it apart from the other steps of a clock; left empty, it is the name of the level. `level` is what it is
    meant to say; what it does say follows from the instant at which a clock passes it, see `ladder.meaning`.
    """

    level: Level
    to: tuple[Recipient, ...]
    anchor: Anchor = Anchor.LIMIT
    offset: timedelta = timedelta(0)
    percent_of_target: int | None = None
    mode: Mode = Mode.ELAPSED
    unless_taken: bool = False
    clocks: tuple[str, ...] = ()
    id: str = ""

    def __post_init__(self) -> None:
        if not self.id:
            object.__setattr__(self, "id", self.level.value)
        if not STEP_ID.fullmatch(self.id):
            raise TermsError("ladder.id", f"'{self.id}' must be 1 to 40 of a-z, 0-9, '_' and '-', a letter first")
        _whole("ladder.offset", self.offset)
        if abs(self.offset) > LONGEST:
            raise TermsError("ladder.offset", "must not be longer than six years")
        if self.offset < timedelta(0) and (self.anchor is Anchor.START or self.mode is not Mode.ELAPSED):
            raise TermsError("ladder.offset", "before a target or limit is counted in elapsed time")
        if self.percent_of_target is not None and not 0 < self.percent_of_target <= 100:
            raise TermsError("ladder.percent_of_target", "must lie between 1 and 100")

    @property
    def minds_taking(self) -> bool:
        """Whether taking the escalation drops it: it repeats, and is counted from what may have been taken."""
        return self.unless_taken and self.percent_of_target is None and self.anchor is not Anchor.START


@dataclass(frozen=True, slots=True)
class Terms:
    """Frozen terms. `digest` identifies them: requests under the same terms share one stored copy.

    `answer_by_kind` is what an answer may take for each kind of data, where one request asks for kinds of which that
    differs; its own answer clock is the longest of them. `holiday_names` says what the calendar's holidays are called,
    and `holiday_source` who says when they are; `opening_names` what its opening days are for. `zone_data` is the
    release of the time-zone data they were made with.
    """

    policy_id: str
    policy_name: str
    policy_version: int
    agreement_clause: str | None
    calendar: WorkingCalendar
    clocks: Mapping[str, ClockTerms]
    ladder: tuple[Step, ...]
    holiday_names: Mapping[date, str] = field(default_factory=dict)
    holiday_source: str | None = None
    opening_names: Mapping[date, str] = field(default_factory=dict)
    zone_data: str | None = None
    answer_by_kind: Mapping[str, ClockTerms] = field(default_factory=dict)
    digest: str = field(default="", compare=False)
    _ladders: dict[tuple[str, bool], tuple[Step, ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        if not self.clocks:
            raise TermsError("clocks", "name at least one clock")
        twice = repeated_id((step.id, step.clocks) for step in self.ladder)
        if twice is not None:
            raise TermsError("ladder", f"two steps of a clock are called '{twice}'; give each an id of its own")

    def ladder_of(self, kind: str, *, takes_general: bool) -> tuple[Step, ...]:
        """The steps of a clock: those that name it; if there are none and it takes general ones, those naming none."""
        found = self._ladders.get((kind, takes_general))
        if found is None:
            own = tuple(step for step in self.ladder if kind in step.clocks)
            general = tuple(step for step in self.ladder if not step.clocks) if takes_general else ()
            found = self._ladders[kind, takes_general] = own or general
        return found

    def alone(self, kind: str) -> "Terms":
        """The same for a request that asked for this kind alone."""
        own = self.answer_by_kind.get(kind)
        clocks = {**self.clocks, ClockKind.ANSWER: own} if own else self.clocks
        return replace(self, clocks=clocks, answer_by_kind={})

    @property
    def uses_calendar(self) -> bool:
        """Whether any clock counts the site's open hours alone."""
        return any(clock.mode is Mode.CALENDAR for clock in self.clocks.values())

    def running_calendar(self, mode: Mode) -> WorkingCalendar:
        return self.calendar if mode is Mode.CALENDAR else ALWAYS

    @property
    def opening_hours_matter(self) -> bool:
        """Whether it matters to any clock or step when the site is open."""
        modes = {clock.mode for clock in self.clocks.values()} | {step.mode for step in self.ladder}
        return Mode.CALENDAR in modes

    def refuse_if_never_open(self, at: datetime) -> None:
        """Raise TermsError where a calendar clock could never run: no open second in the year after `at`."""
        if self.opening_hours_matter and not self.calendar.opens_within(at):
            raise TermsError("calendar", "has no open hour in the next 366 days, so its clocks would never run")

    def closed_on(self, days: Mapping[date, str]) -> "Terms":
        """The same terms with these days closed too, by date and name, opening days or not."""
        kept = {day: name for day, name in self.opening_names.items() if day not in days}
        names = {**days, **self.holiday_names}
        closed = replace(self, calendar=self.calendar.closed_on(days), holiday_names=names, opening_names=kept)
        return replace(closed, digest=terms_digest(closed.to_json()))

    def to_json(self) -> dict[str, Any]:
        by_kind = {kind: _clock_to_json(clock) for kind, clock in sorted(self.answer_by_kind.items())}
        return {
            "policy": {
                "id": self.policy_id,
                "name": self.policy_name,
                "version": self.policy_version,
                "agreement_clause": self.agreement_clause,
            },
            "calendar": self.calendar.to_json(),
            "clocks": clocks_to_json(self.clocks),
            "ladder": ladder_to_json(self.ladder),
            **({"answer_by_kind": by_kind} if by_kind else {}),
            **sources_to_json(self.holiday_names, self.holiday_source, self.opening_names, self.zone_data),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Terms":
        policy = stored["policy"]
        return cls(
            policy_id=policy["id"],
            policy_name=policy["name"],
            policy_version=policy["version"],
            agreement_clause=policy["agreement_clause"],
            calendar=WorkingCalendar.from_json(stored["calendar"]),
            clocks=clocks_from_json(stored["clocks"]),
            ladder=ladder_from_json(stored["ladder"]),
            answer_by_kind={kind: _clock_from_json(clock) for kind, clock in stored.get("answer_by_kind", {}).items()},
            holiday_names=_by_date(stored.get("holiday_names", {})),
            holiday_source=stored.get("holiday_source"),
            opening_names=_by_date(stored.get("opening_names", {})),
            zone_data=stored.get("zone_data"),
            digest=terms_digest(stored),
        )


def together(by_kind: Mapping[str, Terms], filed_at: datetime) -> Terms:
    """The terms of one request for several kinds of data: those under which the answer is due last.

    Where the kinds differ in what an answer may take, each keeps that beside (`answer_by_kind`).
    """
    longest = max(by_kind.values(), key=lambda terms: _answer_due(terms, filed_at))
    answers = {kind: terms.clocks[ClockKind.ANSWER] for kind, terms in by_kind.items() if _has_answer(terms)}
    differ = len(set(answers.values())) > 1 or 0 < len(answers) < len(by_kind)
    found = replace(longest, answer_by_kind=answers if differ else {})
    return replace(found, digest=terms_digest(found.to_json()))


def _has_answer(terms: Terms) -> bool:
    return ClockKind.ANSWER in terms.clocks


def _answer_due(terms: Terms, filed_at: datetime) -> tuple[datetime, ...]:
    """Limit and target as instants, by which hours and working hours compare; nothing where there is no such clock."""
    if not _has_answer(terms):
        return ()
    clock = terms.clocks[ClockKind.ANSWER]
    calendar = terms.running_calendar(clock.mode)
    return calendar.due(filed_at, clock.limit), calendar.due(filed_at, clock.target)


def sources_to_json(
    names: Mapping[date, str], source: str | None, openings: Mapping[date, str], zone_data: str | None
) -> dict[str, Any]:
    """As part of stored terms; nothing where there is nothing to say, as in terms stored before these were kept."""
    told = {
        "holiday_names": {day.isoformat(): name for day, name in sorted(names.items())},
        "holiday_source": source,
        "opening_names": {day.isoformat(): name for day, name in sorted(openings.items())},
        "zone_data": zone_data,
    }
    return {key: value for key, value in told.items() if value}


def _by_date(names: Mapping[str, str]) -> dict[date, str]:
    return {date.fromisoformat(day): name for day, name in names.items()}


def terms_digest(stored: Mapping[str, Any]) -> str:
    return chained_digest("terms", stored)


def clocks_to_json(clocks: Mapping[str, ClockTerms]) -> dict[str, Any]:
    return {str(kind): _clock_to_json(clock) for kind, clock in clocks.items()}


def _clock_to_json(clock: ClockTerms) -> dict[str, Any]:
    if clock.mode is Mode.DATE:
        return {"mode": clock.mode.value}
    cap = {} if clock.pause_cap is None else {"pause_cap": duration_text(clock.pause_cap)}
    allowed = {"target": duration_text(clock.target), "limit": duration_text(clock.limit)}
    return {**allowed, "mode": clock.mode.value, **cap}


def clocks_from_json(stored: Mapping[str, Any]) -> dict[str, ClockTerms]:
    return {kind: _clock_from_json(clock) for kind, clock in stored.items()}


def _clock_from_json(clock: Mapping[str, Any]) -> ClockTerms:
    return ClockTerms(
        parse_duration("target", clock.get("target", "PT0S")),
        parse_duration("limit", clock.get("limit", "PT0S")),
        Mode(clock.get("mode", Mode.ELAPSED)),
        parse_duration("pause_cap", clock["pause_cap"]) if clock.get("pause_cap") else None,
    )


def is_before_a_day(anchor: Anchor, offset: timedelta, clocks: Sequence[str], dated: Collection[str]) -> bool:
    """Whether a step of these clocks lies before the day on which they end: then it reminds, whatever its level."""
    is_before = anchor is Anchor.LIMIT and offset < timedelta(0)
    return is_before and bool(clocks) and all(kind in dated for kind in clocks)


def as_meant(step: Step, dated: Collection[str]) -> Step:
    """The step with the level it can only have: lines of earlier releases call a reminder before a day `target`.

    `dated` are the clocks that end on a day.
    """
    is_ahead = is_before_a_day(step.anchor, step.offset, step.clocks, dated)
    return replace(step, level=Level.REMINDER) if is_ahead else step


def repeated_id(steps: Iterable[tuple[str, Sequence[str]]]) -> str | None:
    """The first id that stands twice for a clock, or twice among the steps that name no clock.

    `steps` are the id of each and the clocks it names.
    """
    seen = set[tuple[str, str | None]]()
    for step_id, clocks in steps:
        for kind in clocks or (None,):
            if (step_id, kind) in seen:
                return step_id
            seen.add((step_id, kind))
    return None


def ladder_to_json(ladder: tuple[Step, ...]) -> list[dict[str, Any]]:
    """As part of stored terms. An id is written where it is not the level's name, as in terms older than ids."""
    return [
        {
            **({"id": step.id} if step.id != step.level else {}),
            "level": step.level.value,
            "anchor": step.anchor.value,
            "offset": duration_text(step.offset),
            "percent_of_target": step.percent_of_target,
            "mode": step.mode.value,
            "unless_taken": step.unless_taken,
            **({"clocks": [str(kind) for kind in step.clocks]} if step.clocks else {}),
            "to": [
                {
                    "channel": to.channel,
                    "role": to.role.value if to.role else None,
                    "person_id": to.person_id,
                }
                for to in step.to
            ],
        }
        for step in ladder
    ]


def ladder_from_json(stored: list[Mapping[str, Any]]) -> tuple[Step, ...]:
    """The steps, from JSON of any release; what is left out follows from the level."""
    return tuple(
        Step(
            id=step.get("id") or "",
            level=Level(step["level"]),
            anchor=Anchor(step.get("anchor") or _anchor_left_out(step)),
            offset=parse_offset("ladder.offset", step.get("offset", "PT0S")),
            percent_of_target=step.get("percent_of_target"),
            mode=Mode(step.get("mode", Mode.ELAPSED)),
            unless_taken=step.get("unless_taken", step["level"] in REPETITIONS),
            clocks=tuple(step.get("clocks") or ()),
            to=tuple(
                Recipient(
                    to["channel"],
                    LadderRole(to["role"]) if to.get("role") else None,
                    to.get("person_id"),
                )
                for to in step["to"]
            ),
        )
        for step in stored
    )


def _anchor_left_out(step: Mapping[str, Any]) -> Anchor:
    return Anchor.START if step.get("percent_of_target") is not None else Level(step["level"]).usual_anchor


_DURATION = re.compile(r"P(?:(\d+)W)?(?:(\d+)D)?(?:T(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")


@lru_cache(maxsize=512)
def parse_duration(where: str, text: str) -> timedelta:
    """A timedelta from ISO 8601 (`PT24H`, `P3D`, `PT30S`); months and years have no fixed length and are refused."""
    match = _DURATION.fullmatch(text) if len(text) <= 40 and text != "P" else None
    if match is None:
        raise TermsError(where, f"'{text}' is not an ISO 8601 duration in weeks, days, hours, minutes, seconds (PT24H)")
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    try:
        return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError:
        raise TermsError(where, f"'{text}' is too long") from None


def parse_offset(where: str, text: str) -> timedelta:
    """A duration that may carry a minus sign (`-PT24H`: a day before)."""
    return -parse_duration(where, text[1:]) if text.startswith("-") else parse_duration(where, text)


def duration_text(duration: timedelta) -> str:
    """ISO 8601 in hours, minutes and seconds: a day that is not 24 hours long is never meant."""
    if duration < timedelta(0):
        return "-" + duration_text(-duration)
    hours, rest = divmod(int(duration.total_seconds()), 3600)
    minutes, seconds = divmod(rest, 60)
    parts = [f"{amount}{unit}" for amount, unit in ((hours, "H"), (minutes, "M"), (seconds, "S")) if amount]
    return "PT" + ("".join(parts) or "0S")


def _whole(where: str, duration: timedelta) -> None:
    if duration.microseconds:
        raise TermsError(where, "must be whole seconds")
