"""Requests: the record, its facts, and what evaluating them gave (clocks and crossings)."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    UniqueConstraint,
    and_,
    literal,
)
from sqlalchemy.orm import Mapped, mapped_column

from slamon.db.base import Base, Stamped, one_of, partial_index
from slamon.domain.clocks.ladder import CrossingKey
from slamon.domain.clocks.state import ClockId, Outcome
from slamon.domain.lifecycle import ENDED, SPONSORS_TURN, State
from slamon.domain.priority import Priority
from slamon.domain.terms import Level
from slamon.domain.timeline import Actor, Role, Via


class CrossingStatus(StrEnum):
    OPEN = "open"
    RESCINDED = "rescinded"


_RUNNING = "urgent_at IS NOT NULL"
_OPEN = "state NOT IN ('closed', 'cancelled')"
_NOT_ROUTINE = "priority <> 'routine'"
# As what it is not: for a list of states SQLite would read the index over states, and sort what it finds.
_SPONSORS_TURN = f"state NOT IN ({', '.join(repr(state.value) for state in sorted(set(State) - SPONSORS_TURN))})"


class CmoRequest(Stamped, Base):
    """One request to one CMO. Its timeline is the truth; state and instants here are what the timeline gives.

    `next_check_at` is when evaluating it next can change anything. `wake_at` is when the cycle picks it up: the same
    instant, but pushed on while a worker has it in hand or after a failure.
    """

    __tablename__ = "cmo_request"
    __table_args__ = (
        UniqueConstraint("number"),
        one_of("priority", Priority),
        one_of("state", State),
        partial_index("ix_cmo_request_wake_at", "wake_at", where="wake_at IS NOT NULL"),
        partial_index("ix_cmo_request_standing", "filed_at", "id", where=f"urgent_at IS NULL AND {_OPEN}"),
        partial_index("ix_cmo_request_sponsors_turn", "filed_at", "id", where=_SPONSORS_TURN),
        partial_index("ix_cmo_request_open_of_cmo", "cmo_id", "type", "filed_at", where=_OPEN),
        partial_index("ix_cmo_request_parent_id", "parent_id", where="parent_id IS NOT NULL"),
        # What a list is narrowed by, then what it is ordered by: a filter that fits nothing reads nothing.
        partial_index("ix_cmo_request_urgent_at", "urgent_at", "id", where=_RUNNING),
        partial_index("ix_cmo_request_urgent_of_cmo", "cmo_id", "urgent_at", "id", where=_RUNNING),
        partial_index("ix_cmo_request_urgent_of_site", "site_id", "urgent_at", "id", where=_RUNNING),
        partial_index("ix_cmo_request_urgent_of_project", "project_id", "urgent_at", "id", where=_RUNNING),
        partial_index("ix_cmo_request_urgent_of_state", "state", "urgent_at", "id", where=_RUNNING),
        partial_index("ix_cmo_request_urgent_of_type", "type", "urgent_at", "id", where=_RUNNING),
        partial_index(
            "ix_cmo_request_urgent_of_priority", "priority", "urgent_at", "id", where=f"{_RUNNING} AND {_NOT_ROUTINE}"
        ),
        Index("ix_cmo_request_filed_at", "filed_at", "id"),
        Index("ix_cmo_request_cmo_id", "cmo_id", "filed_at"),
        Index("ix_cmo_request_site_id", "site_id", "filed_at", "id"),
        Index("ix_cmo_request_project_id", "project_id", "filed_at"),
        Index("ix_cmo_request_state", "state", "filed_at", "id"),
        Index("ix_cmo_request_type", "type", "filed_at", "id"),
        partial_index("ix_cmo_request_priority", "priority", "filed_at", "id", where=_NOT_ROUTINE),
        # What goes through open requests one after the other: previews, and the register of what is owed.
        partial_index("ix_cmo_request_open", "id", where=_OPEN),
        partial_index("ix_cmo_request_open_of_site", "site_id", "id", where=_OPEN),
        partial_index("ix_cmo_request_open_of_type", "type", "id", where=_OPEN),
    )

    number: Mapped[str] = mapped_column(String(16))
    type: Mapped[str] = mapped_column(String(16))
    project_id: Mapped[UUID] = mapped_column(ForeignKey("project.id"))
    cmo_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"))
    site_id: Mapped[UUID] = mapped_column(ForeignKey("site.id"))
    contact_id: Mapped[UUID] = mapped_column(ForeignKey("person.id"))
    filed_by_id: Mapped[UUID | None] = mapped_column(ForeignKey("person.id"))
    priority: Mapped[str] = mapped_column(String(16))
    subject: Mapped[str] = mapped_column(String(200))
    description: Mapped[str]
    gxp: Mapped[bool]
    cmo_reference: Mapped[str | None] = mapped_column(String(80))
    due_on: Mapped[date | None] = mapped_column(Date)
    expected_on: Mapped[date | None] = mapped_column(Date)
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("cmo_request.id"))
    detail: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(20))
    filed_at: Mapped[datetime]
    reopen_count: Mapped[int] = mapped_column(default=0)
    terms_digest: Mapped[str] = mapped_column(ForeignKey("frozen_terms.digest"))
    fact_count: Mapped[int]
    head_digest: Mapped[str] = mapped_column(String(64))
    urgent_at: Mapped[datetime | None]
    next_check_at: Mapped[datetime | None]
    wake_at: Mapped[datetime | None]
    failed_checks: Mapped[int] = mapped_column(default=0)


def is_open() -> ColumnElement[bool]:
    """Neither closed nor cancelled; in literals, as the indexes over open requests have it."""
    return _in_none_of((State.CLOSED, State.CANCELLED))


def is_standing() -> ColumnElement[bool]:
    """Open, and no clock of the CMO's runs."""
    return and_(CmoRequest.urgent_at.is_(None), is_open())


def is_sponsors_turn() -> ColumnElement[bool]:
    """The sponsor must move; in literals, as `ix_cmo_request_sponsors_turn` has it."""
    return _in_none_of(sorted(set(State) - SPONSORS_TURN))


def is_cmos_turn() -> ColumnElement[bool]:
    """Open, and the CMO must move."""
    return _in_none_of(sorted(ENDED | SPONSORS_TURN))


def _in_none_of(states: Iterable[State]) -> ColumnElement[bool]:
    """Literals in this order: SQLite uses a partial index only where the query repeats its words."""
    return CmoRequest.state.not_in([literal(state.value, literal_execute=True) for state in states])


def has_priority(priority: str) -> ColumnElement[bool]:
    """Of this priority; where it is not the usual one, in the words that the indexes over the others have."""
    wanted = CmoRequest.priority == priority
    if priority == Priority.ROUTINE:
        return wanted
    return and_(wanted, CmoRequest.priority != literal(Priority.ROUTINE.value, literal_execute=True))


class FactRow(Base):
    """One stored fact; rows are inserted and never changed. See `slamon.domain.timeline.Fact`."""

    __tablename__ = "fact"
    __table_args__ = (one_of("via", Via), CheckConstraint("occurred_at <= recorded_at", name="told_after_it_happened"))

    request_id: Mapped[UUID] = mapped_column(ForeignKey("cmo_request.id"), primary_key=True)
    sequence: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    occurred_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    by_id: Mapped[str] = mapped_column(String(64))
    by_name: Mapped[str] = mapped_column(String(200))
    by_role: Mapped[str] = mapped_column(String(20))
    recorded_by_id: Mapped[str] = mapped_column(String(64))
    recorded_by_name: Mapped[str] = mapped_column(String(200))
    recorded_by_role: Mapped[str] = mapped_column(String(20))
    via: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str | None]
    content: Mapped[dict[str, Any]]
    digest: Mapped[str] = mapped_column(String(64))

    @property
    def by(self) -> Actor:
        return Actor(self.by_id, self.by_name, Role(self.by_role))

    @property
    def recorded_by(self) -> Actor:
        return Actor(self.recorded_by_id, self.recorded_by_name, Role(self.recorded_by_role))


class ClockRow(Base):
    """A clock as last evaluated: a copy for lists and reports, which replaying the timeline must give again."""

    __tablename__ = "clock"
    __table_args__ = (one_of("outcome", Outcome),)

    request_id: Mapped[UUID] = mapped_column(ForeignKey("cmo_request.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(24), primary_key=True)
    generation: Mapped[int] = mapped_column(primary_key=True)
    started_at: Mapped[datetime]
    target_at: Mapped[datetime | None]
    limit_at: Mapped[datetime | None]
    paused_since: Mapped[datetime | None]
    stopped_at: Mapped[datetime | None]
    outcome: Mapped[str] = mapped_column(String(16))

    @property
    def clock_id(self) -> ClockId:
        return ClockId(self.kind, self.generation)


class CrossingRow(Base):
    """A step passed, found once. `crossed_at` is computed, `detected_at` shows how late anybody looked.

    `step` is the id in the ladder, `level` what passing it meant. `notified`: its readers were told, at least once.
    `untold`: they have not been, or what they were told was withdrawn, and they are as soon as it is the last step of a
    running clock. Neither holds for what was recorded as history.
    """

    __tablename__ = "crossing"
    __table_args__ = (
        one_of("level", Level),
        one_of("status", CrossingStatus),
        ForeignKeyConstraint(
            ["request_id", "clock", "generation"], ["clock.request_id", "clock.kind", "clock.generation"]
        ),
    )

    request_id: Mapped[UUID] = mapped_column(primary_key=True)
    clock: Mapped[str] = mapped_column(String(24), primary_key=True)
    generation: Mapped[int] = mapped_column(primary_key=True)
    step: Mapped[str] = mapped_column(String(40), primary_key=True)
    crossed_at: Mapped[datetime] = mapped_column(primary_key=True)
    level: Mapped[str] = mapped_column(String(16))
    detected_at: Mapped[datetime]
    notified: Mapped[bool]
    untold: Mapped[bool] = mapped_column(default=False)
    status: Mapped[str] = mapped_column(String(16), default=CrossingStatus.OPEN.value)
    rescinded_reason: Mapped[str | None] = mapped_column(String(200))

    @property
    def clock_id(self) -> ClockId:
        return ClockId(self.clock, self.generation)

    @property
    def key(self) -> CrossingKey:
        return CrossingKey(self.clock_id, self.step, self.crossed_at)


class NumberCounter(Base):
    """The last number given to requests of one type in one year."""

    __tablename__ = "number_counter"

    type: Mapped[str] = mapped_column(String(16), primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True)
    last: Mapped[int]


_OfRequest = TypeVar("_OfRequest", FactRow, ClockRow, CrossingRow)


def by_request(rows: Iterable[_OfRequest]) -> defaultdict[UUID, list[_OfRequest]]:
    """Rows of many requests, each request's by itself and in the order they came."""
    grouped: defaultdict[UUID, list[_OfRequest]] = defaultdict(list)
    for row in rows:
        grouped[row.request_id].append(row)
    return grouped
