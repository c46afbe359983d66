"""Long answers that are worked out in the background, step by step, and what has been found so far."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from slamon.db.base import Base, new_id, one_of, partial_index


class JobKind(StrEnum):
    """What a job works out; what each kind does stands in `slamon.engine.jobs`."""

    PREVIEW_POLICY = "preview_policy"
    PREVIEW_CALENDAR = "preview_calendar"
    PREVIEW_SHUTDOWN = "preview_shutdown"
    WHAT_IF = "what_if"
    OWED = "owed"


class JobState(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Job(Base):
    """One question whose answer takes long. Instants are real time.

    Each step is stored together with the place where the next one starts (`found`), under the number of `steps` it
    began from: a step made twice is stored once. `wake_at` is when somebody may take it up; None once it has ended.
    `tries` counts how often it was taken up since a step was last stored.
    """

    __tablename__ = "job"
    __table_args__ = (
        one_of("state", JobState),
        partial_index("ix_job_wake_at", "wake_at", where="wake_at IS NOT NULL"),
        Index("ix_job_asked_by", "asked_by", "id"),
        Index("ix_job_expires_at", "expires_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[str] = mapped_column(String(32))
    subject_id: Mapped[UUID | None]
    asked_by: Mapped[str] = mapped_column(String(64))
    question: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(16), default=JobState.WAITING.value)
    total: Mapped[int | None]
    done: Mapped[int] = mapped_column(default=0)
    steps: Mapped[int] = mapped_column(default=0)
    tries: Mapped[int] = mapped_column(default=0)
    found: Mapped[dict[str, Any]] = mapped_column(default=dict)
    line_count: Mapped[int] = mapped_column(default=0)
    failure: Mapped[str | None]
    asked_at: Mapped[datetime]
    wake_at: Mapped[datetime | None]
    expires_at: Mapped[datetime]

    @property
    def is_done(self) -> bool:
        return self.state == JobState.DONE

    @property
    def has_ended(self) -> bool:
        return self.state in (JobState.DONE, JobState.FAILED)


class JobLine(Base):
    """One line of an answer too long for one row, in the order of `number` from 1."""

    __tablename__ = "job_line"

    job_id: Mapped[UUID] = mapped_column(ForeignKey("job.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    content: Mapped[Any] = mapped_column(JSON)
