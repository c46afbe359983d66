"""Sends what the outbox holds. Intent first, then the call with no transaction open, then the result.

Dying before the intent: the message waits on. After it: the heart-beat ends, the message turns `unknown`, and whoever
gets it next asks the far side before sending again. Dying after the result: it is sent.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from slamon.channels import Channel, Message, MessageKind, Receipt
from slamon.db.outbox import WAITING, Attempt, Notification, NotificationState, in_state
from slamon.db.parties import Person
from slamon.db.requests import ClockRow, CmoRequest
from slamon.db.statements import waiting_notification
from slamon.domain.terms import DeliveryChannel
from slamon.errors import DeliveryError, Unavailable
from slamon.runtime import Runtime
from slamon.services.compose import compose
from slamon.services.notices import Directory, outbox_row, queue
from slamon.services.outbox import is_stopped, raise_alarm
from slamon.services.settle import LADDER_KINDS

FAILURES_BEFORE_FALLBACK = 3
BROKEN_ATTEMPTS = 5
SLACK_PATIENCE = timedelta(minutes=5)
SLOT_PATIENCE_SECONDS = 0.2  # healthy sends take milliseconds; a thread must not wait for hanging ones
LONGEST_CALL_SECONDS = 20
FINISH_PAUSES_SECONDS = (0.5, 1, 2, 4, 8, 8)
ALWAYS_TOLD = frozenset({MessageKind.CMO_ACTED, MessageKind.NOT_REACHED})

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Intent:
    """One attempt, as committed before the call. `number` fences it: a later attempt makes its result void."""

    notification_id: UUID
    number: int
    channel: Channel
    message: Message
    ask_first_since: datetime | None


def deliver(runtime: Runtime, channel: str, ids: Sequence[UUID], handed_until: datetime) -> None:
    """Send each message that still waits; one failure does not hold up the rest.

    What is not begun in time, because a far side hangs, is left: it comes up again by itself at `handed_until`.
    """
    slot = runtime.slots(channel)
    if not slot.acquire(timeout=SLOT_PATIENCE_SECONDS):
        return
    try:
        began = runtime.clock.monotonic()
        for notification_id in ids:
            if runtime.clock.monotonic() - began > LONGEST_CALL_SECONDS:
                return
            _deliver_one(runtime, notification_id, handed_until)
    finally:
        slot.release()


def _deliver_one(runtime: Runtime, notification_id: UUID, handed_until: datetime) -> None:
    runtime.in_flight.add(notification_id)
    try:
        intent = _begin(runtime, notification_id, handed_until)
        if intent is not None:
            _finish_surely(runtime, intent, *_attempt(intent))
    except Unavailable:
        log.warning("database_away", notification_id=str(notification_id))
    except Exception as error:
        log.exception("delivery_broke", notification_id=str(notification_id))
        _set_aside(runtime, notification_id, error)
    finally:
        runtime.in_flight.discard(notification_id)


def _begin(runtime: Runtime, notification_id: UUID, handed_until: datetime) -> Intent | None:
    """Commit the intent. None where there is nothing to send: taken, postponed, stopped, or no longer true."""
    now, real_now = runtime.clock.now(), runtime.clock.real_now()
    with runtime.db.write() as session:
        row = waiting_notification(session, notification_id)
        if row is None or row.next_attempt_at != handed_until or is_stopped(session):
            return None
        if not _still_true(session, row):
            row.state = NotificationState.SUPPRESSED.value
            return None
        outgoing = compose(session, row, runtime.settings, now=now, real_now=real_now)
        ask_first = row.first_attempt_at if row.state == NotificationState.UNKNOWN else None
        row.state, row.taken_by = NotificationState.SENDING.value, runtime.process_id
        row.attempts += 1
        row.first_attempt_at = row.first_attempt_at or real_now
        session.add(Attempt(notification_id=row.id, number=row.attempts, began_at=real_now))
        return Intent(row.id, row.attempts, runtime.channels[outgoing.channel], outgoing.message, ask_first)


def _still_true(session: Session, row: Notification) -> bool:
    """A rung is worth telling while one of its clocks has not stopped; everything else always is."""
    if row.kind not in LADDER_KINDS:
        return True
    going = select(ClockRow.kind).where(ClockRow.request_id == row.request_id, ClockRow.stopped_at.is_(None))
    return bool(set(session.scalars(going)) & set(row.clocks))


def _finish_surely(runtime: Runtime, intent: Intent, receipt: Receipt | None, error: DeliveryError | None) -> None:
    """Store the result, waiting for a database that is away: a result lost is a message sent twice."""
    for pause in FINISH_PAUSES_SECONDS:
        try:
            return _finish(runtime, intent, receipt, error)
        except Unavailable:
            runtime.clock.wait(pause)
    return _finish(runtime, intent, receipt, error)


def _set_aside(runtime: Runtime, notification_id: UUID, error: Exception) -> None:
    """Count an attempt that could not even begin; after some, the message is a dead letter."""
    real_now = runtime.clock.real_now()
    with runtime.db.write() as session:
        row = waiting_notification(session, notification_id)
        if row is None:
            return
        row.attempts += 1
        row.error = type(error).__name__
        row.next_attempt_at = real_now + _wait(runtime, DeliveryError(row.error), row.attempts)
        if row.attempts >= BROKEN_ATTEMPTS:
            row.state = NotificationState.FAILED.value
        session.add(
            Attempt(
                notification_id=row.id, number=row.attempts, began_at=real_now, ended_at=real_now,
                outcome="failed", error=row.error,
            )
        )  # fmt: skip


def _attempt(intent: Intent) -> tuple[Receipt | None, DeliveryError | None]:
    """The call itself: ask first where an earlier attempt may have arrived, then send."""
    try:
        message = intent.message
        if intent.ask_first_since is not None:
            try:
                found = intent.channel.find(message, intent.ask_first_since)
            except DeliveryError as error:
                if not error.permanent:
                    raise DeliveryError(str(error), ambiguous=True) from error
                message = replace(message, is_repeat=True)  # nobody to ask: a double is better than a loss
            else:
                if found is not None:
                    return found, None
        return intent.channel.send(message), None
    except DeliveryError as error:
        return None, error
    except Exception as error:
        log.exception("channel_broke", channel=intent.channel.name)
        return None, DeliveryError(type(error).__name__, ambiguous=True)


def _finish(runtime: Runtime, intent: Intent, receipt: Receipt | None, error: DeliveryError | None) -> None:
    now, real_now = runtime.clock.now(), runtime.clock.real_now()
    with runtime.db.write() as session:
        row = _still_ours(session, runtime, intent)
        attempt = session.get_one(Attempt, (intent.notification_id, intent.number))
        attempt.ended_at = real_now
        if receipt is not None:
            attempt.outcome = "sent"
        elif error is not None:
            attempt.error = str(error)[:500]
            attempt.outcome = _outcome(error)
        if row is None:  # thought dead and overtaken; the other attempt decides
            log.warning("late_result_void", notification_id=str(intent.notification_id), attempt=intent.number)
            return
        row.taken_by = None
        if receipt is not None:
            row.state, row.sent_at, row.provider_id = NotificationState.SENT.value, now, receipt.provider_id
            row.error = None
        elif error is not None:
            row.error = str(error)[:500]
            session.flush()
            _after_failure(session, runtime, row, error, now=now, real_now=real_now)
        log.info(
            "delivered" if receipt else "not_delivered",
            notification_id=str(row.id), kind=row.kind, channel=row.channel, attempt=intent.number, state=row.state,
        )  # fmt: skip


def _still_ours(session: Session, runtime: Runtime, intent: Intent) -> Notification | None:
    statement = (
        select(Notification)
        .where(
            Notification.id == intent.notification_id,
            Notification.state == NotificationState.SENDING,
            Notification.attempts == intent.number,
            Notification.taken_by == runtime.process_id,
        )
        .with_for_update()
    )
    return session.scalars(statement).one_or_none()


def _outcome(error: DeliveryError) -> str:
    if error.retry_after_seconds is not None:
        return "told_to_wait"
    return "permanent" if error.permanent else "unknown" if error.ambiguous else "failed"


def _after_failure(
    session: Session,
    runtime: Runtime,
    row: Notification,
    error: DeliveryError,
    *,
    now: datetime,
    real_now: datetime,
) -> None:
    """Try again later, or give this route up: then e-mail carries what Slack could not, and people are told."""
    tries = select(func.count()).where(
        Attempt.notification_id == row.id, Attempt.began_at >= row.first_attempt_at,
        Attempt.outcome.in_(("failed", "unknown")),
    )  # fmt: skip
    failures = session.scalar(tries) or 0
    if not error.permanent and not _out_of_patience(runtime, row, error, failures, real_now):
        state = NotificationState.UNKNOWN if error.ambiguous else NotificationState.QUEUED
        row.state = state.value
        row.next_attempt_at = real_now + _wait(runtime, error, failures)
        if error.retry_after_seconds is not None:
            _hold_address(session, row)
        return
    if not _still_true(session, row):
        row.state = NotificationState.SUPPRESSED.value
        return
    row.state = NotificationState.FAILED.value
    if error.route_down:
        detail = f"The {row.channel} route refuses messages: {error}. E-mail carries escalations meanwhile."
        raise_alarm(session, f"{row.channel}/{error}"[:80], detail, now=now, real_now=real_now)
    if row.channel == DeliveryChannel.SLACK:
        _fall_back_to_email(session, row, now=now, real_now=real_now)
    elif error.permanent and not error.route_down and row.request_id is not None:
        _tell_manager(session, row, error, now=now, real_now=real_now)


def _out_of_patience(
    runtime: Runtime, row: Notification, error: DeliveryError, failures: int, real_now: datetime
) -> bool:
    waited = real_now - (row.first_attempt_at or real_now)
    if row.channel == DeliveryChannel.SLACK:
        return failures >= FAILURES_BEFORE_FALLBACK or waited >= SLACK_PATIENCE
    # A mail server that takes the mail and then falls silent may have delivered each copy: bounded copies.
    copies = error.ambiguous and failures >= FAILURES_BEFORE_FALLBACK
    return copies or waited >= timedelta(hours=runtime.settings.give_up_after_hours)


def _wait(runtime: Runtime, error: DeliveryError, failures: int) -> timedelta:
    if error.retry_after_seconds is not None:
        return timedelta(seconds=error.retry_after_seconds)
    settings = runtime.settings
    longest = min(settings.retry_max_seconds, settings.retry_base_seconds * 2 ** min(failures - 1, 20))
    return timedelta(seconds=longest * random.uniform(0.5, 1.0))  # noqa: S311 (spreads retries, guards nothing)


def _hold_address(session: Session, row: Notification) -> None:
    """The far side told this address to wait: everything else for it waits too."""
    session.execute(
        update(Notification)
        .where(
            Notification.channel == row.channel,
            Notification.address == row.address,
            in_state(*WAITING),
            Notification.next_attempt_at < row.next_attempt_at,
        )
        .values(next_attempt_at=row.next_attempt_at)
        .execution_options(synchronize_session=False)
    )


def _fall_back_to_email(session: Session, row: Notification, *, now: datetime, real_now: datetime) -> None:
    """E-mail carries what an escalation or a piece of news could not say in Slack; a closing line is not worth it."""
    if row.kind not in LADDER_KINDS | ALWAYS_TOLD or row.person_id is None:
        return
    person = session.get_one(Person, row.person_id)
    # The key the ladder gives its own e-mail to this person: whoever gets both channels anyway is told once.
    key = f"{row.dedupe_key.rsplit('/slack/', 1)[0]}/email/{person.id}"
    queue(
        session,
        [
            outbox_row(
                key, MessageKind(row.kind), DeliveryChannel.EMAIL, person.email, now=now, real_now=real_now,
                request_id=row.request_id, person_id=person.id, clocks=row.clocks, fact_sequence=row.fact_sequence,
                detail=row.detail, fallback_of=row.id,
            )
        ],
    )  # fmt: skip


def _tell_manager(
    session: Session, row: Notification, error: DeliveryError, *, now: datetime, real_now: datetime
) -> None:
    """A mail the CMO's server refused is 'not reached', never the CMO's silence: the project manager must know."""
    request = session.get_one(CmoRequest, row.request_id)
    person = session.get(Person, row.person_id) if row.person_id else None
    manager = Directory(session, [request]).manager(request)
    if manager is None or person is None or person.organization_id != request.cmo_id:
        return
    queue(
        session,
        [
            outbox_row(
                f"{request.number}/{MessageKind.NOT_REACHED.value}/{person.id}/{manager.id}",
                MessageKind.NOT_REACHED, DeliveryChannel.EMAIL, manager.email, now=now, real_now=real_now,
                request_id=request.id, person_id=manager.id, detail=f"{person.name}: {error}"[:500],
            )
        ],
    )  # fmt: skip
