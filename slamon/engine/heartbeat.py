"""Who is alive: every process beats, and whoever stops beating gives back what it was sending."""

import socket
from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from slamon import __version__
from slamon.db.outbox import Process
from slamon.db.statements import release_from, release_lost, senders
from slamon.runtime import Runtime

log = structlog.get_logger()
SKEW_SHOWN_SECONDS = 1
SKEW_CHECK_EVERY_BEATS = 30


def beat(runtime: Runtime, kind: str, beats: int) -> None:
    """Say that this process lives, and give back what it lost hold of; now and then follow the database's clock."""
    measured = {}
    if beats % SKEW_CHECK_EVERY_BEATS == 0:
        measured = {"state": {"clock_skew_seconds": _follow_database(runtime)}}
    real_now = runtime.clock.real_now()
    with runtime.db.write() as session:
        statement = update(Process).where(Process.id == runtime.process_id)
        release_lost(session, runtime.process_id, runtime.in_flight, real_now=real_now)
        done = session.execute(statement.values(beat_at=real_now, beats=Process.beats + 1, **measured))
        if not getattr(done, "rowcount", 0):  # the first beat, or we were thought dead
            session.add(
                Process(
                    id=runtime.process_id,
                    kind=kind,
                    host=socket.gethostname(),
                    release=__version__,
                    started_at=real_now,
                    beat_at=real_now,
                    beats=1,
                    **{"state": {}, **measured},
                )
            )


def _follow_database(runtime: Runtime) -> float:
    """Seconds by which the database's clock is ahead of ours; 0 on SQLite, which has none."""
    reference = runtime.db.now() or runtime.clock.real_now()
    skew = round(runtime.clock.follow(reference).total_seconds(), 3)
    if abs(skew) > SKEW_SHOWN_SECONDS:
        log.warning("clock_skew", seconds=skew)
    return skew


def beating_here(session: Session, kind: str, *, since: datetime) -> bool:
    """Whether a process of this kind on this host beat after `since` (real time)."""
    here = (Process.kind == kind, Process.host == socket.gethostname(), Process.beat_at > since)
    return session.scalar(select(Process.id).where(*here).limit(1)) is not None


def processes(session: Session, *, real_now: datetime) -> list[dict[str, object]]:
    """Every known process: what, where, how long ago it last beat, and by how much its clock is off."""
    return [
        {
            "kind": row.kind,
            "host": row.host,
            "seconds_since_beat": round((real_now - row.beat_at).total_seconds(), 1),
            **row.state,
        }
        for row in session.scalars(select(Process).order_by(Process.kind, Process.started_at))
    ]


def sign_off(runtime: Runtime) -> None:
    """Leave in good order: what this process was still sending is released at once."""
    with runtime.db.write() as session:
        release_from(session, [runtime.process_id], real_now=runtime.clock.real_now())


class Watch:
    """Judges other processes by whether they still beat, on our own monotonic clock: no clock of theirs is believed."""

    def __init__(self, silence_seconds: float) -> None:
        self._silence_seconds = silence_seconds
        self._seen: dict[UUID, tuple[int | None, float]] = {}
        self._looked_at = float("-inf")

    def start_anew(self) -> None:
        """Forget what was seen: while the database was away nobody could beat."""
        self._seen.clear()

    def release_dead(self, session: Session, *, real_now: datetime, monotonic: float) -> None:
        if monotonic - self._looked_at < self._silence_seconds / 4:
            return
        self._looked_at = monotonic
        beats = senders(session)
        self._seen = {
            process: (count, monotonic) if self._seen.get(process, (None, 0.0))[0] != count or process not in self._seen
            else self._seen[process]
            for process, count in beats.items()
        }  # fmt: skip
        dead = [process for process, (_, since) in self._seen.items() if monotonic - since > self._silence_seconds]
        if dead:
            released = release_from(session, dead, real_now=real_now)
            log.warning("processes_died", processes=len(dead), messages_released=released)
