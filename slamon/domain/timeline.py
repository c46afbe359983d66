"""What happened to a request: facts, appended and never changed, and their hash chain.

Whoever reads a timeline reads it in the order in which things happened; the chain follows the order in which they
were recorded. Deliveries and crossings are not facts: they are outputs and live in tables of their own.
"""

import hashlib
import json
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import Annotated, Any, TypeVar
from uuid import UUID

from slamon.domain.stored import Key, read

_SECOND, _DAY = timedelta(seconds=1), timedelta(days=1)


class Role(StrEnum):
    PROJECT_MANAGER = "project_manager"
    LEAD = "lead"
    HEAD = "head"
    QUALITY = "quality"
    STEERING = "steering"
    ADMIN = "admin"
    AUDITOR = "auditor"
    CMO_CONTACT = "cmo_contact"
    CMO_LEAD = "cmo_lead"
    SYSTEM = "system"


CMO_ROLES = frozenset({Role.CMO_CONTACT, Role.CMO_LEAD})


class Via(StrEnum):
    """The channel by which a fact reached us."""

    API = "api"
    STAFF_PAGE = "staff_page"
    WEB_FORM = "web_form"
    PHONE_RECORDED = "phone_recorded"
    EMAIL_RECORDED = "email_recorded"
    REPLAY = "replay"  # a record kept elsewhere: replayed, or imported
    SYSTEM = "system"  # nobody: what comes about by itself


class FactKind(StrEnum):
    """The kinds that slamon ships; an installation may have more, so the kind of a fact is any text."""

    FILED = "filed"
    ACKNOWLEDGED = "acknowledged"
    ASKED = "asked"
    REPLIED = "replied"
    ANSWERED = "answered"
    DECLINED = "declined"
    FOLLOWED_UP = "followed_up"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    TAKEN = "taken"
    RESPONDED = "responded"
    REOPENED = "reopened"
    ORDER_CONFIRMED = "order_confirmed"
    DATE_PROPOSED = "date_proposed"
    DATE_AGREED = "date_agreed"
    DATE_REFUSED = "date_refused"
    PACKED = "packed"
    DISPATCHED = "dispatched"
    DELIVERED = "delivered"
    LOST = "lost"
    DECIDED = "decided"
    WAITING = "waiting"
    RESUMED = "resumed"
    AMENDED = "amended"
    CORRECTED = "corrected"
    HANDED_ON = "handed_on"
    TERMS_CHANGED = "terms_changed"
    ADDRESS_CHANGED = "address_changed"  # of the contact

    __hash__ = str.__hash__  # Enum's own is written in Python, and judging a request asks for it hundreds of times


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acted, as known at that moment; a later rename does not rewrite history."""

    id: str
    name: str
    role: Role

    @property
    def is_cmo(self) -> bool:
        return self.role in CMO_ROLES


@dataclass(frozen=True, slots=True)
class NamedPerson:
    """A person as a fact names them, by the name they had then."""

    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A file as a fact names it."""

    id: UUID
    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Remarks:
    """What a fact of any kind may say. `precision` and what follows are of facts that were kept elsewhere before."""

    text: str = ""
    expected_on: date | None = None
    evidence: str = ""
    attachments: tuple[NamedFile, ...] = ()
    precision: str = ""  # "date" where nobody knows the time, "repeated_hour" where two were possible
    source_key: str = ""  # under which number it was kept
    inferred: bool = False  # not told, but following from what was


@dataclass(frozen=True, slots=True)
class Filed:
    """What the first fact of a request says."""

    type: str = ""
    subject: str = ""
    description: str = ""
    priority: str = ""
    gxp: bool = False
    due_on: date | None = None
    cmo_reference: str | None = None
    parent: UUID | None = None
    contact: NamedPerson | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    due_day: str = ""  # the field of the detail with the day by which it is needed
    terms: str = ""  # their digest


@dataclass(frozen=True, slots=True)
class TermsChanged:
    """Which terms ended, and which apply instead, by their digests."""

    before: Annotated[str, Key("from")]
    terms: str


@dataclass(frozen=True, slots=True)
class AddressChanged:
    """The contact whose address changed, from what to what."""

    contact: NamedPerson
    before: Annotated[str, Key("from")]
    after: Annotated[str, Key("to")]


Content = TypeVar("Content")
INTERNAL = frozenset({FactKind.TAKEN})  # steps inside the sponsor's house: no CMO is shown them
SYSTEM = Actor(id="system", name="slamon", role=Role.SYSTEM)
GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that happened. `occurred_at` is when, `recorded_at` when we were told; both whole UTC seconds.

    `recorded_by` differs from `by` where staff wrote down a call or a mail on the CMO's behalf.
    """

    sequence: int
    kind: str
    occurred_at: datetime
    recorded_at: datetime
    by: Actor
    recorded_by: Actor
    via: Via
    reason: str | None = None
    content: Mapping[str, Any] = field(default_factory=dict)  # as stored
    _read: dict[type, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def said(self, as_: type[Content]) -> Content:
        """What the fact says, as an instance of `as_`; read once, from whatever shape an older release wrote."""
        if as_ not in self._read:
            self._read[as_] = read(as_, self.content)
        said: Content = self._read[as_]
        return said

    @property
    def remarks(self) -> Remarks:
        return self.said(Remarks)

    @property
    def words(self) -> str:
        """The message in it: its text, or else its reason; empty for none."""
        return self.remarks.text or self.reason or ""

    def digest(self, request_id: str, previous: str) -> str:
        """SHA-256 over the request, this fact's whole content and the previous fact's digest, in hex."""
        return chained_digest(
            previous,
            {
                "request": request_id,
                "sequence": self.sequence,
                "kind": self.kind,
                "occurred_at": instant_text(self.occurred_at),
                "recorded_at": instant_text(self.recorded_at),
                "by": [self.by.id, self.by.name, self.by.role],
                "recorded_by": [self.recorded_by.id, self.recorded_by.name, self.recorded_by.role],
                "via": self.via,
                "reason": self.reason,
                "content": self.content,
            },
        )


class Timeline:
    """The facts of one request, iterated by (occurred_at, recorded_at, sequence)."""

    __slots__ = ("_facts",)

    def __init__(self, facts: Iterable[Fact]) -> None:
        self._facts = tuple(sorted(facts, key=_in_order))

    def __iter__(self) -> Iterator[Fact]:
        return iter(self._facts)

    def __len__(self) -> int:
        return len(self._facts)

    def second_after(self, at: datetime) -> datetime:
        """`at`, or the second after the last thing that happened where that is not before it."""
        return max(at, self.latest.occurred_at + _SECOND)

    @property
    def latest(self) -> Fact:
        """The last thing that happened."""
        return self._facts[-1]

    def as_recorded(self) -> list[Fact]:
        return sorted(self._facts, key=lambda fact: fact.sequence)

    def with_fact(self, fact: Fact) -> "Timeline":
        return Timeline((*self._facts, fact))

    def up_to(self, at: datetime) -> "Timeline":
        """The facts known to precede one that happened at `at` and is recorded last."""
        return Timeline(fact for fact in self._facts if fact.occurred_at <= at)

    def without(self, kinds: Container[str]) -> "Timeline":
        return Timeline(fact for fact in self._facts if fact.kind not in kinds)

    def of(self, *kinds: str) -> list[Fact]:
        """The facts of these kinds, in order."""
        return [fact for fact in self._facts if fact.kind in kinds]

    def first(self, *kinds: str) -> Fact | None:
        return next((fact for fact in self._facts if fact.kind in kinds), None)

    def last(self, kind: str) -> Fact | None:
        return next((fact for fact in reversed(self._facts) if fact.kind == kind), None)


def _in_order(fact: Fact) -> tuple[datetime, datetime, int]:
    return (fact.occurred_at, fact.recorded_at, fact.sequence)


def stamp(moment: datetime) -> datetime:
    """The whole second at which a fact recorded at `moment` counts: the next one, never the last.

    A deadline is a whole second and meeting it exactly is punctual. Rounding down would forgive an act made up to a
    second after a crossing that was already found and told.
    """
    utc = moment.astimezone(UTC)
    return utc if utc.microsecond == 0 else utc.replace(microsecond=0) + _SECOND


def end_of_day(day: date, zone: tzinfo) -> datetime:
    """The last second of a civil day in a zone, in UTC: whatever happens on that day happens by then."""
    return datetime.combine(day + _DAY, time(), zone).astimezone(UTC) - _SECOND


def instant_text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def chained_digest(previous: str, content: Mapping[str, Any]) -> str:
    """SHA-256 in hex over the previous digest and the canonical JSON of `content`."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(f"{previous}\n{canonical}".encode()).hexdigest()
