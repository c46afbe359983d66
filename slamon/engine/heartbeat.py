"""Who is alive: every process beats, and whoever stops beating gives back what it was sending."""

import socket
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from slamon import __version__
from slamon.db.outbox import Process
from slamon.db.sending import release_from, release_lost, senders
from slamon.db.statements import change_rows
from slamon.engine.retention import sweep
from slamon.runtime import Runtime
from slamon.services.policies.reviews import queue_due_reviews
from slamon.services.policies.zone_data import newer_on_host, zone_data

log = structlog.get_logger()
SKEW_SHOWN_SECONDS = 1
NOW_AND_THEN_BEATS = 30


def beat(runtime: Runtime, kind: str, beats: int) -> None:
    """Say that this process lives and how it fares, and give back what it lost hold of; now and then follow the
    database's clock and sweep up what has had its time.
    """
    if beats % NOW_AND_THEN_BEATS == 0:
        follow_database(runtime)
        with runtime.db.write() as session:
            sweep(session, real_now=runtime.clock.real_now())
        remind_of_reviews(runtime)
    state = _state(runtime)
    real_now = runtime.clock.real_now()
    with runtime.db.write() as session:
        release_lost(session, runtime.process_id, runtime.in_flight, real_now=real_now)
        values = {"beat_at": real_now, "beats": Process.beats + 1, "state": state}
        if not change_rows(session, update(Process).where(Process.id == runtime.process_id).values(values)):
            # The first beat, or we were thought dead.
            began = {"kind": kind, "host": socket.gethostname(), "release": __version__, "started_at": real_now}
            session.add(Process(id=runtime.process_id, **began, beat_at=real_now, beats=1, state=state))


def remind_of_reviews(runtime: Runtime) -> None:
    """Queue a mail for each policy line whose review date has come, by the sponsor's calendar day."""
    now = runtime.clock.now()
    today = now.astimezone(ZoneInfo(runtime.settings.sponsor_time_zone)).date()
    with runtime.write() as tx:
        queue_due_reviews(tx, today=today)


def _state(runtime: Runtime) -> dict[str, Any]:
    """What this process reports of itself."""
    vitals = runtime.vitals
    state = {
        "clock_skew_seconds": vitals.clock_skew_seconds,
        "counted": dict(runtime.db.counted),
        "zone_data": zone_data(),
        "newer_zone_data": newer_on_host(),
    }
    if vitals.passed_at is None:
        return state
    since = runtime.clock.monotonic() - vitals.passed_at
    return {**state, "seconds_since_pass": round(since, 3), "pass_seconds": round(vitals.pass_seconds, 4)}


def follow_database(runtime: Runtime) -> None:
    """Set our time by the database's clock and note how far it is ahead of the host's; SQLite has none of its own."""
    reference = runtime.db.now() or runtime.clock.host_now()
    skew = round(runtime.clock.follow(reference).total_seconds(), 3) or 0.0
    if abs(skew) > SKEW_SHOWN_SECONDS:
        log.warning("clock_skew", seconds=skew)
    runtime.vitals.clock_skew_seconds = skew


def beating_here(session: Session, kind: str, *, since: datetime) -> bool:
    """Whether a process of this kind on this host beat after `since` (real time)."""
    here = (Process.kind == kind, Process.host == socket.gethostname(), Process.beat_at > since)
    return session.scalar(select(Process.id).where(*here).limit(1)) is not None


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """A process as its last heart-beat tells it, `is_alive` while that is recent. Ages are real time.

    `since_pass` is the age of its loop's last finished pass; None where no loop has finished one. `zone_data` is the
    release of the time-zone data it computes with, `newer_zone_data` that of its host where that is newer.
    """

    id: UUID
    kind: str
    host: str
    release: str
    is_alive: bool
    since_beat: timedelta
    since_start: timedelta
    since_pass: timedelta | None
    pass_seconds: float
    clock_skew_seconds: float
    counted: dict[str, int]
    zone_data: str | None
    newer_zone_data: str | None


def pulses(session: Session, runtime: Runtime) -> list[ProcessStatus]:
    """Every known process. Ages can be told because all of them follow the database's clock."""
    settings = runtime.settings
    silence = timedelta(seconds=settings.heartbeat_seconds * settings.dead_after_beats)
    now = runtime.clock.real_now()
    found = []
    for row in session.scalars(select(Process).order_by(Process.kind, Process.started_at)):
        since_beat, since_pass = now - row.beat_at, row.state.get("seconds_since_pass")
        found.append(
            ProcessStatus(
                id=row.id,
                kind=row.kind,
                host=row.host,
                release=row.release,
                is_alive=since_beat <= silence,
                since_beat=since_beat,
                since_start=now - row.started_at,
                since_pass=None if since_pass is None else since_beat + timedelta(seconds=since_pass),
                pass_seconds=row.state.get("pass_seconds", 0.0),
                clock_skew_seconds=row.state.get("clock_skew_seconds", 0.0),
                counted=row.state.get("counted", {}),
                zone_data=row.state.get("zone_data"),
                newer_zone_data=row.state.get("newer_zone_data"),
            )
        )
    return found


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

    def release_dead(self, runtime: Runtime) -> None:
        """Now and then: what the dead were sending waits again, and they are forgotten.

        This process lives. And who had to wait for the database cannot tell: those who beat may be waiting as well.
        """
        monotonic = runtime.clock.monotonic()
        if monotonic - self._looked_at < self._silence_seconds / 4:
            return
        self._looked_at = monotonic
        with runtime.db.read() as session:
            beats = senders(session)
        self._seen = {
            process: (count, monotonic) if self._seen.get(process, (None, 0.0))[0] != count or process not in self._seen
            else self._seen[process]
            for process, count in beats.items()
        }  # fmt: skip
        silent = {process for process, (_, since) in self._seen.items() if monotonic - since > self._silence_seconds}
        dead = list(silent - {runtime.process_id})
        if not dead:
            return
        with runtime.db.write() as session:
            session.connection()
            if runtime.clock.monotonic() - monotonic > self._silence_seconds / 4:
                self.start_anew()
                return
            released = release_from(session, dead, real_now=runtime.clock.real_now())
        log.warning("processes_died", processes=len(dead), messages_released=released)
