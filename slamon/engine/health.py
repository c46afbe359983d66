"""How the installation stands: the one answer behind the probes, the metrics, the Status page, `slamon status` and the
auditor. A look costs a few indexed statements over a bounded number of rows, however much is stored."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ScalarSelect, Subquery, func, or_, select, union_all
from sqlalchemy.orm import Session

from slamon.config import Settings
from slamon.db.outbox import WAITING, Notification, NotificationState, in_state
from slamon.db.requests import CmoRequest
from slamon.engine.heartbeat import ProcessStatus, pulses
from slamon.runtime import Runtime
from slamon.services.outbox import outbox
from slamon.wording.instants import span

LOOKED_AT = 1000  # due requests, and waiting messages of a channel, of which the oldest is sought
LONGEST_HOLD = timedelta(minutes=16)  # an address told of late: its next steps may wait for a digest
LOOKED_BACK = timedelta(days=1)  # for what an address was told
BROKER_TIMEOUT_SECONDS = 1
_UPDATE_ZONE_DATA = "Run 'python -m pip install --upgrade tzdata' where slamon is installed, and restart every process."
BROKER_AWAY = "Redis is away; the ticker does the work itself."
_SENDING_KINDS = frozenset({"worker", "embedded"})
_TRIED = frozenset(NotificationState) - {NotificationState.FOLDED, NotificationState.SUPPRESSED}
_NOTHING = timedelta(0)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something stands still: `topic` (cycle, requests, messages) for programs, `words` for people."""

    topic: str
    words: str


@dataclass(frozen=True, slots=True)
class Health:
    """One look. All lengths are real time.

    `since_pass` is how long ago any loop finished a pass; None where none ever has. `due_lag` is how late the oldest
    due request is, `oldest_waiting` the age of the oldest message that waits. `warnings` do not stop any work.
    """

    troubles: tuple[Trouble, ...]
    warnings: tuple[str, ...]
    pulses: tuple[ProcessStatus, ...]
    since_pass: timedelta | None
    due_lag: timedelta
    oldest_waiting: timedelta
    messages: dict[str, int]
    is_stopped: bool


def look(session: Session, runtime: Runtime) -> Health:
    """How the installation stands now."""
    living = pulses(session, runtime)
    since_pass = min((pulse.since_pass for pulse in living if pulse.since_pass is not None), default=None)
    is_stopped = outbox.is_stopped(session)
    due_lag = _due_lag(session, runtime)
    untried = _NOTHING if is_stopped else _untried(session, runtime, living)
    longest = timedelta(seconds=runtime.settings.standstill_seconds)
    found = [
        Trouble("cycle", words) if (words := _standing_cycle(living, since_pass, longest)) else None,
        Trouble("requests", f"Due requests are not decided: the oldest has waited for {span(due_lag)}.")
        if due_lag > longest else None,
        Trouble("messages", f"Messages are not sent: one has waited untried for {span(untried)}.")
        if untried > longest else None,
    ]  # fmt: skip
    return Health(
        troubles=tuple(trouble for trouble in found if trouble),
        warnings=tuple(_zone_data_warnings(living)),
        pulses=tuple(living),
        since_pass=since_pass,
        due_lag=due_lag,
        oldest_waiting=_age(runtime, session.scalar(select(func.min(_first_waiting(runtime).c.queued_at)))),
        messages=outbox.counts(session),
        is_stopped=is_stopped,
    )


def broker_answers(settings: Settings) -> bool | None:
    """Whether Redis can be reached, within a second or two; None where none is named."""
    if settings.redis_url is None:
        return None
    import redis  # one process without Redis need not load it

    try:
        with redis.Redis.from_url(
            settings.redis_url, socket_connect_timeout=BROKER_TIMEOUT_SECONDS, socket_timeout=BROKER_TIMEOUT_SECONDS
        ) as client:
            return bool(client.ping())
    except (redis.RedisError, OSError):
        return False


def _standing_cycle(living: Sequence[ProcessStatus], since_pass: timedelta | None, longest: timedelta) -> str | None:
    """What to say of a loop that stands still; one that has never run is waited for as long."""
    if not living:
        return "The cycle stands still: no process reports; deadlines are not being watched."
    if since_pass is None and max(pulse.since_start for pulse in living) > longest:
        return "The cycle stands still: no ticker was started; deadlines are not being watched."
    if since_pass is not None and since_pass > longest:
        return (
            f"The cycle stands still: no ticker has finished a pass for {span(since_pass)}; "
            "deadlines are not being watched."
        )
    return None


def _zone_data_warnings(living: Sequence[ProcessStatus]) -> Iterator[str]:
    """Where processes compute deadlines with different time-zone data, or a host has newer data than they use."""
    alive = [pulse for pulse in living if pulse.is_alive]
    users: dict[str, set[str]] = {}
    for pulse in alive:
        if pulse.zone_data:
            users.setdefault(pulse.zone_data, set()).add(f"{pulse.kind} on {pulse.host}")
    if len(users) > 1:
        named = "; ".join(f"{release}: {', '.join(sorted(users[release]))}" for release in sorted(users))
        yield f"Processes compute deadlines with different time-zone data ({named}). {_UPDATE_ZONE_DATA}"
    for host, newer in sorted({(pulse.host, pulse.newer_zone_data) for pulse in alive if pulse.newer_zone_data}):
        yield f"{host} has newer time-zone data (tzdata {newer}) than slamon uses there. {_UPDATE_ZONE_DATA}"


def _due_lag(session: Session, runtime: Runtime) -> timedelta:
    """How late the oldest due request is. One in hand comes up again within the hand-over time, so it is seen too."""
    clock, settings = runtime.clock, runtime.settings
    soon = clock.now() + clock.business_span(settings.hand_over_seconds)
    first = (
        select(CmoRequest.next_check_at, CmoRequest.failed_checks)
        .where(CmoRequest.wake_at <= soon)
        .order_by(CmoRequest.wake_at)
        .limit(LOOKED_AT)
        .subquery()
    )
    # What failed before is set aside or checked alone: the log and the auditor tell of it, the others go on.
    oldest = session.scalar(select(func.min(first.c.next_check_at)).where(first.c.failed_checks == 0))
    return _age(runtime, oldest)


def _untried(session: Session, runtime: Runtime, living: Sequence[ProcessStatus]) -> timedelta:
    """The age of the oldest message that nobody has tried to send, though its time has come.

    One in hand comes up again within the hand-over time. An address told of late may be held: its far side said wait,
    or its next steps become a digest. That excuses nothing while no process is there that sends.
    """
    clock, settings = runtime.clock, runtime.settings
    real_now = clock.real_now()
    soon = real_now + timedelta(seconds=settings.hand_over_seconds)
    first = _first_waiting(runtime)
    due = (first.c.attempts == 0, first.c.next_attempt_at <= soon)
    statement = select(func.min(first.c.queued_at)).where(*due)
    if any(pulse.is_alive and pulse.kind in _SENDING_KINDS for pulse in living):
        oldest = func.min(first.c.queued_at).label("oldest")
        each = select(first.c.address, oldest).where(*due).group_by(first.c.address).subquery()
        told = _last_told(each, since=clock.now() - clock.business_span(LOOKED_BACK.total_seconds()))
        statement = select(func.min(each.c.oldest)).where(or_(told.is_(None), told <= real_now - LONGEST_HOLD))
    return _age(runtime, session.scalar(statement))


def _first_waiting(runtime: Runtime) -> Subquery:
    """Of each channel the messages that wait and come up next."""
    columns = (Notification.queued_at, Notification.next_attempt_at, Notification.attempts, Notification.address)
    firsts = [
        select(*columns)
        .where(Notification.channel == channel, in_state(*WAITING))
        .order_by(Notification.next_attempt_at)
        .limit(LOOKED_AT)
        .subquery()
        for channel in runtime.registered.names
    ]
    return union_all(*(select(first) for first in firsts)).subquery()


def _last_told(each: Subquery, *, since: datetime) -> ScalarSelect[datetime | None]:
    """When a message to the address was last begun, of those queued `since`. A look-up for every address: as a join,
    PostgreSQL may read the whole table for it."""
    to_it = (Notification.address == each.c.address, Notification.state.in_(_TRIED), Notification.queued_at > since)
    return select(func.max(Notification.first_attempt_at)).where(*to_it).scalar_subquery()


def _age(runtime: Runtime, since: datetime | None) -> timedelta:
    """The real time since a business instant; nothing for none, or one still to come."""
    return max(_NOTHING, timedelta(seconds=-runtime.clock.real_seconds_until(since))) if since else _NOTHING
