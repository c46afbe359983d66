"""Looks after the installation from beside it: sees what stands still and what was forgotten, and says so by a way that
does not need the cycle. Several may run; each alarm has one key and goes out once."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import structlog
from sqlalchemy import Uuid, func, literal, select, tuple_
from sqlalchemy.orm import Session

from slamon.db.base import UtcDateTime
from slamon.db.outbox import WAITING, Attempt, Notification, NotificationState, in_state
from slamon.db.requests import ClockRow, CmoRequest
from slamon.domain.clocks.ladder import CrossingKey
from slamon.domain.terms import Anchor, Step
from slamon.engine import health
from slamon.engine.deliver import deliver
from slamon.engine.health import Health, Trouble
from slamon.runtime import Runtime
from slamon.services.deadlines.coverage import messages_said, passed_steps, silent_steps
from slamon.services.outbox.outbox import raise_alarm
from slamon.services.policies.policies import load_terms
from slamon.wording.instants import span

SWEPT = 500  # requests past their target whose deadlines are compared with what was told, in one look
GRACE = timedelta(minutes=5)  # after which a step that was not found, or a call that has not ended, is missed
OUTSIDE_TIMEOUT_SECONDS = 5

log = structlog.get_logger()


class Overdue(NamedTuple):
    """A request past its target, with clocks still running."""

    id: UUID
    number: str
    terms_digest: str
    urgent_at: datetime


class Watchdog:
    """One process's watchdog; `look` is called every `standstill_seconds`.

    With each look it sweeps on through the requests past their target, the newest first, and then begins again.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._seen: set[str] = set()
        self._swept: Overdue | None = None

    def look(self) -> None:
        """Compare what is with what should be; alarm the administrators, or tell the outside that all is well.

        What stands still is alarmed at the second look that finds it: a start or a restart is no standstill.
        """
        runtime = self._runtime
        with runtime.db.read() as session:
            standing, forgotten = self.compare(session)
        lasting = [trouble for trouble in standing if trouble.topic in self._seen]
        self._seen = {trouble.topic for trouble in standing}
        if standing or forgotten:
            log.error("trouble", topics=[trouble.topic for trouble in (*standing, *forgotten)])
        else:
            self._tell_outside()
        hour = f"{runtime.clock.real_now():%H}h"  # an alarm has its key for a day; these are repeated every hour
        self._alarm([*(Trouble(f"{trouble.topic}/{hour}", trouble.words) for trouble in lasting), *forgotten])

    def compare(self, session: Session) -> tuple[list[Trouble], list[Trouble]]:
        """What stands still or lasts too long at this moment, and what was forgotten among the next requests."""
        found = health.look(session, self._runtime)
        return [*found.troubles, *_overlong(session, self._runtime, found)], list(self._forgotten(session))

    def _alarm(self, troubles: Sequence[Trouble]) -> None:
        """Put alarms into the outbox and send them from here; what does not leave is tried again at the next look."""
        if not troubles:
            return
        with self._runtime.write() as tx:
            keys: list[str] = []
            for trouble in troubles:
                keys += raise_alarm(tx, trouble.topic, trouble.words)
            columns = (Notification.id, Notification.next_attempt_at)
            waiting = tx.session.execute(select(*columns).where(Notification.dedupe_key.in_(keys), in_state(*WAITING)))
            alarms = waiting.all()
        for alarm, lease_until in alarms:
            deliver(self._runtime, [alarm], lease_until)

    def _tell_outside(self) -> None:
        url = self._runtime.settings.heartbeat_url
        if url is None:
            return
        import httpx  # where nobody outside is told, its 9 MB are not loaded

        try:
            httpx.get(url.get_secret_value(), timeout=OUTSIDE_TIMEOUT_SECONDS).raise_for_status()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            log.warning("outside_not_told", error=type(error).__name__)  # its address may be a secret

    def _forgotten(self, session: Session) -> Iterator[Trouble]:
        """Deadlines that passed without a crossing, and crossings of which their readers have no message."""
        before = self._runtime.clock.now() - self._runtime.clock.business_span(GRACE.total_seconds())
        requests = _overdue(session, before, self._swept)
        self._swept = requests[-1] if len(requests) == SWEPT else None
        ids = [request.id for request in requests]
        terms = load_terms(session, [request.terms_digest for request in requests])
        running, crossed = _running_clocks(session, ids), passed_steps(session, ids)
        said = messages_said(session, ids)
        missed, untold = [], []

        def steps_of(request: Overdue, clock: ClockRow) -> Sequence[Step]:
            definition = self._runtime.catalogue.clocks[clock.kind]
            return terms[request.terms_digest].ladder_of(clock.kind, takes_general=definition.takes_general_steps)

        for request in requests:
            found = {row.key for row in crossed[request.id]}
            due = {key for clock in running[request.id] for key in _due(steps_of(request, clock), clock, before)}
            missed += [request.number] * len(due - found)
            going = {clock.clock_id for clock in running[request.id]}
            silent = silent_steps(going, crossed[request.id], said[request.id])
            untold += [request.number for row in silent if row.detected_at < before]
        if missed:
            words = f"{len(missed)} deadlines passed unnoticed, the first of request {missed[0]}."
            yield Trouble("deadlines", f"{words} The log names requests that were set aside; run 'slamon verify'.")
        if untold:
            words = f"{len(untold)} escalations have no message, the first of request {untold[0]}."
            yield Trouble("untold", f"{words} Somebody must be told by hand; run 'slamon verify'.")


def _overlong(session: Session, runtime: Runtime, found: Health) -> Iterator[Trouble]:
    """Calls that were begun and not ended, and messages that wait although they should have been given up."""
    of_now = (Attempt.notification_id == Notification.id) & (Attempt.number == Notification.attempts)
    began = select(func.min(Attempt.began_at)).join(Notification, of_now)
    since = session.scalar(began.where(in_state(NotificationState.SENDING)))
    if since is not None and (lasts := runtime.clock.real_now() - since) > GRACE:
        yield Trouble("sending", f"A message has been in sending for {span(lasts)}; restart the workers.")
    longest = timedelta(hours=runtime.settings.give_up_after_hours) + GRACE
    if found.oldest_waiting > longest and not found.is_stopped:
        yield Trouble("waiting", f"A message has waited for {span(found.oldest_waiting)}; see the page Status.")


def _overdue(session: Session, before: datetime, after: Overdue | None) -> list[Overdue]:
    place = (CmoRequest.urgent_at, CmoRequest.id)
    statement = select(CmoRequest.id, CmoRequest.number, CmoRequest.terms_digest, CmoRequest.urgent_at)
    statement = statement.where(CmoRequest.urgent_at < before)
    if after is not None:
        last = tuple_(literal(after.urgent_at, UtcDateTime()), literal(after.id, Uuid()))
        statement = statement.where(tuple_(*place) < last)
    rows = session.execute(statement.order_by(*(column.desc() for column in place)).limit(SWEPT))
    return [Overdue(request_id, number, digest, at) for request_id, number, digest, at in rows if at]


def _due(steps: Sequence[Step], clock: ClockRow, before: datetime) -> Iterator[CrossingKey]:
    """Of a clock's steps those at its target and limit that lie before an instant."""
    instants = {Anchor.TARGET: clock.target_at, Anchor.LIMIT: clock.limit_at}
    for step in steps:
        at = instants.get(step.anchor)
        is_apart = step.offset or step.percent_of_target is not None or step.unless_taken
        if at is not None and at < before and not is_apart:
            yield CrossingKey(clock.clock_id, step.id, max(at, clock.started_at))


def _running_clocks(session: Session, ids: Sequence[UUID]) -> defaultdict[UUID, list[ClockRow]]:
    going = (ClockRow.stopped_at.is_(None), ClockRow.paused_since.is_(None))
    found: defaultdict[UUID, list[ClockRow]] = defaultdict(list)
    for clock in session.scalars(select(ClockRow).where(ClockRow.request_id.in_(ids), *going)):
        found[clock.request_id].append(clock)
    return found
