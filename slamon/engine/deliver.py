"""Sends what the outbox holds. Intent first, then the call with no transaction open, then the result.

One transaction stores the result of a message and the intent of the next. Dying before the intent: the message waits
on. After it: the heart-beat ends, the message turns `unknown`, and whoever gets it next asks the far side before
sending again. Dying after the result: it is sent.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from slamon.channels import Channel, Receipt
from slamon.db.database import count, note
from slamon.db.outbox import WAITING, Attempt, Notification, NotificationState, in_state
from slamon.db.parties import Person
from slamon.db.requests import CmoRequest
from slamon.db.sending import Delivered, advance, end_attempt, leased_notifications, waiting_notification
from slamon.db.statements import change_rows
from slamon.engine.compose import Composer
from slamon.errors import DeliveryError, Unavailable
from slamon.runtime import Runtime
from slamon.services.directory.notifications import not_reached_rows, stand_in_rows
from slamon.services.outbox import digests
from slamon.services.outbox.addresses import Addresses, to_account
from slamon.services.outbox.message_keys import MessageKey, reader_key
from slamon.services.outbox.outbox import outbox_row, queue, raise_alarm
from slamon.services.transaction import Tx
from slamon.wording.message import LADDER_KINDS, Message, MessageKind

FAILURES_BEFORE_FALLBACK = 3
BROKEN_ATTEMPTS = 5
EARLY_PAUSE = timedelta(seconds=5)  # until a message is looked at again that another one has to leave before
FINISH_PAUSES_SECONDS = (0.5, 1, 2, 4, 8, 8)
ALWAYS_TOLD = frozenset(
    {
        MessageKind.CMO_ACTED,
        MessageKind.NOT_REACHED,
        MessageKind.NOBODY_THERE,
        MessageKind.CLOSING_SOON,
        MessageKind.WITHDRAWN,
    }
)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ComposedMessage:
    """A message in words, ready to be sent. `ask_first_since` where an earlier attempt may have arrived."""

    notification_id: UUID
    kind: str
    channel: Channel
    message: Message
    ask_first_since: datetime | None
    trace_id: str | None

    @property
    def redirected_to(self) -> str | None:
        """The address it goes to instead of its own."""
        return self.message.address if self.message.redirected_from else None


@dataclass(frozen=True, slots=True)
class Sent:
    """An attempt that was made. `number` fences it: a later attempt makes its result void."""

    draft: ComposedMessage
    number: int
    result: Receipt | DeliveryError


def deliver(runtime: Runtime, ids: Sequence[UUID], lease_until: datetime) -> float | None:
    """Send each message that still waits; one failure does not hold up the rest.

    What is not begun by `lease_until` (real time) comes up again by itself, and is left to whoever gets it then.
    Returns how many seconds the quickest call of the far side took; None where there was none.
    """
    try:
        return _send_all(runtime, _drafts(runtime, ids, lease_until), lease_until)
    except Unavailable:
        log.warning("database_away", messages=len(ids))
        return None


def _drafts(runtime: Runtime, ids: Sequence[UUID], lease_until: datetime) -> list[ComposedMessage]:
    """Put the messages into words; one that cannot be is counted and put off, and the rest go on."""
    try:
        return _compose(runtime, ids, lease_until)
    except Unavailable:
        raise
    except Exception as error:
        if len(ids) > 1:
            return [draft for one in ids for draft in _drafts(runtime, [one], lease_until)]
        log.exception("message_broke", notification_id=str(ids[0]))
        _set_aside(runtime, ids[0], error)
        return []


def _compose(runtime: Runtime, ids: Sequence[UUID], lease_until: datetime) -> list[ComposedMessage]:
    real_now = runtime.clock.real_now()
    with runtime.write() as tx:
        rows = leased_notifications(tx.session, ids, lease_until)
        composer = Composer(tx, rows, runtime.settings, runtime.words)
        drafts = []
        for row in rows:
            if composer.is_early(row):
                row.next_attempt_at = real_now + EARLY_PAUSE
                continue
            if not composer.still_true(row):
                row.state = NotificationState.SUPPRESSED.value
                continue
            if composer.is_left(row):
                for told in digests.members(tx.session, row.id) if row.kind == MessageKind.DIGEST else (row,):
                    told.state, told.error = (
                        NotificationState.SUPPRESSED.value,
                        "The account was disabled before it left.",
                    )
                    queue(tx.session, stand_in_rows(tx, told))
                row.state = NotificationState.SUPPRESSED.value
                continue
            if not composer.readdress(row):
                row.state, row.error = NotificationState.SUPPRESSED.value, "Its reader has no such address any more."
                _fall_back(tx, row, runtime)
                continue
            if _kills(tx.session, row):
                row.state, row.error = NotificationState.FAILED.value, "Sending it crashed the worker five times."
                continue
            outgoing = composer.outgoing(row)
            ask_first = row.first_attempt_at if row.state == NotificationState.UNKNOWN else None
            channel = runtime.channels[outgoing.channel]
            drafts.append(ComposedMessage(row.id, row.kind, channel, outgoing.message, ask_first, row.trace_id))
        composer.store_links()
    return drafts


def _kills(session: Session, row: Notification) -> bool:
    """Whether this message ended the process of several attempts: then it waits for a person."""
    if row.attempts < BROKEN_ATTEMPTS or row.state != NotificationState.UNKNOWN:
        return False
    without_result = select(func.count()).where(Attempt.notification_id == row.id, Attempt.outcome.is_(None))
    return (session.scalar(without_result) or 0) >= BROKEN_ATTEMPTS


def _send_all(runtime: Runtime, drafts: Sequence[ComposedMessage], lease_until: datetime) -> float | None:
    last: Sent | None = None
    quickest: float | None = None
    with runtime.in_flight.holding(draft.notification_id for draft in drafts):
        for draft in drafts:
            number = _store(runtime, last, draft, lease_until)
            last = None
            if number is not None:
                runtime.reach("after_intent", draft.message.key)
                began = runtime.clock.monotonic()
                last = Sent(draft, number, _call(draft))
                seconds = runtime.clock.monotonic() - began
                quickest = seconds if quickest is None else min(quickest, seconds)
                runtime.reach("after_send", draft.message.key)
        if last is not None:
            _store(runtime, last, None, lease_until)
    return quickest


def _store(runtime: Runtime, last: Sent | None, draft: ComposedMessage | None, lease_until: datetime) -> int | None:
    """Commit what became of the last message and the intent to send the next; the number of its attempt.

    None where there is nothing to send: taken, postponed, stopped. A database that is away is waited for while there is
    a result to store: a result lost is a message sent twice.
    """
    for pause in FINISH_PAUSES_SECONDS if last is not None else ():
        try:
            return _commit(runtime, last, draft, lease_until)
        except Unavailable:
            runtime.clock.wait(pause)
    return _commit(runtime, last, draft, lease_until)


def _commit(runtime: Runtime, last: Sent | None, draft: ComposedMessage | None, lease_until: datetime) -> int | None:
    take = draft.notification_id if draft is not None else None
    if last is not None and isinstance(last.result, DeliveryError):
        with runtime.write() as tx:
            _store_failure(tx, runtime, last, last.result)
            begun = advance(
                tx.session.connection(), runtime.process_id, take=take, lease_until=lease_until,
                real_now=runtime.clock.real_now(),
            )  # fmt: skip
        return begun.number
    delivered = _delivered(last, runtime.clock.now()) if last is not None else None
    with runtime.db.write_bare() as connection:
        done = advance(
            connection, runtime.process_id, delivered=delivered, take=take, lease_until=lease_until,
            real_now=runtime.clock.real_now(),
        )  # fmt: skip
    if last is not None:
        runtime.db.tally(f"attempts.{last.draft.channel.name}.sent")
        log.info("delivered" if done.is_stored else "late_result_void", **_named(last))
    return done.number


def _delivered(sent: Sent, now: datetime) -> Delivered | None:
    if isinstance(sent.result, DeliveryError):
        return None
    draft = sent.draft
    return Delivered(
        draft.notification_id, sent.number, now, sent.result.provider_id, draft.redirected_to,
        is_digest=draft.kind == MessageKind.DIGEST,
    )  # fmt: skip


def _call(draft: ComposedMessage) -> Receipt | DeliveryError:
    """The call itself: ask first where an earlier attempt may have arrived, then send."""
    try:
        message = draft.message
        if draft.ask_first_since is not None:
            try:
                found = draft.channel.find(message, draft.ask_first_since)
            except DeliveryError as error:
                if not error.permanent:  # still nobody knows: asked again before the next attempt
                    raise DeliveryError(str(error), retry_after_seconds=error.retry_after_seconds) from error
                message = replace(message, is_repeat=True)  # nobody to ask: a double is better than a loss
            else:
                if found is not None:
                    return found
        return draft.channel.send(message)
    except DeliveryError as error:
        return error
    except Exception as error:
        log.exception("channel_broke", channel=draft.channel.name)
        return DeliveryError(type(error).__name__, ambiguous=True)


def _store_failure(tx: Tx, runtime: Runtime, sent: Sent, error: DeliveryError) -> None:
    outcome, words = _outcome(error), str(error)[:500]
    end_attempt(
        tx.session.connection(), sent.draft.notification_id, sent.number, outcome=outcome, error=words,
        real_now=tx.real_now,
    )  # fmt: skip
    row = _still_ours(tx.session, runtime, sent)
    if row is not None:
        row.taken_by, row.error = None, words
        tx.session.flush()
        _after_failure(tx, runtime, row, sent, error)
    count(tx.session, f"attempts.{sent.draft.channel.name}.{outcome}")
    note(tx.session, "late_result_void" if row is None else "not_delivered", **_named(sent))


def _named(sent: Sent) -> dict[str, object]:
    """The message and its attempt, for the log."""
    draft = sent.draft
    return {
        "notification_id": str(draft.notification_id), "number": draft.message.number, "kind": draft.kind,
        "channel": draft.channel.name, "attempt": sent.number, "trace_id": draft.trace_id,
    }  # fmt: skip


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


def _still_ours(session: Session, runtime: Runtime, sent: Sent) -> Notification | None:
    statement = (
        select(Notification)
        .where(
            Notification.id == sent.draft.notification_id,
            Notification.state == NotificationState.SENDING,
            Notification.attempts == sent.number,
            Notification.taken_by == runtime.process_id,
        )
        .with_for_update()
    )
    return session.scalars(statement).one_or_none()


def _outcome(error: DeliveryError) -> str:
    if error.retry_after_seconds is not None:
        return "told_to_wait"
    return "permanent" if error.permanent else "unknown" if error.ambiguous else "failed"


def _after_failure(tx: Tx, runtime: Runtime, row: Notification, sent: Sent, error: DeliveryError) -> None:
    """Try again later, or give this route up: then another channel carries what this one could not, or people are told.

    What may have arrived once stays unclear until an attempt arrives, however the later ones fail.
    """
    tries = select(func.count()).where(
        Attempt.notification_id == row.id, Attempt.began_at >= row.first_attempt_at,
        Attempt.outcome.in_(("failed", "unknown")),
    )  # fmt: skip
    failures = tx.session.scalar(tries) or 0
    channel = tx.rules.channels[row.channel]
    if not error.permanent and not _out_of_patience(runtime, row, error, failures, tx.real_now):
        is_unclear = error.ambiguous or sent.draft.ask_first_since is not None
        row.state = (NotificationState.UNKNOWN if is_unclear else NotificationState.QUEUED).value
        row.next_attempt_at = tx.real_now + _wait(runtime, error, failures)
        if error.retry_after_seconds is not None:
            _hold_address(tx.session, row)
        return
    if not Composer(tx, [row], runtime.settings, runtime.words).still_true(row):
        row.state = NotificationState.SUPPRESSED.value
        return
    row.state = NotificationState.FAILED.value
    if error.route_down:
        stand_in = tx.rules.channels.or_for_links(channel.falls_back_to or "").words.name
        detail = f"The {row.channel} route refuses messages: {error}. {stand_in} carries escalations meanwhile."
        raise_alarm(tx, f"{row.channel}/{error}"[:80], detail)
    if channel.falls_back_to is not None:
        _fall_back(tx, row, runtime)
    elif error.permanent and not error.route_down and row.request_id is not None:
        _tell_others(tx, row, error)


def _out_of_patience(
    runtime: Runtime, row: Notification, error: DeliveryError, failures: int, real_now: datetime
) -> bool:
    waited = real_now - (row.first_attempt_at or real_now)
    channel = runtime.registered[row.channel]
    if channel.falls_back_to is not None:
        return failures >= FAILURES_BEFORE_FALLBACK or waited >= channel.patience
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
    same = (Notification.channel == row.channel, Notification.address == row.address, in_state(*WAITING))
    earlier = update(Notification).where(*same, Notification.next_attempt_at < row.next_attempt_at)
    change_rows(session, earlier.values(next_attempt_at=row.next_attempt_at))


def _fall_back(tx: Tx, row: Notification, runtime: Runtime) -> None:
    """Another channel carries an escalation or a piece of news that this one could not; a closing line is not worth it.

    Of a digest it carries each step, as if they had been refused one by one; they may meet in a digest again.
    """
    falls_back_to = tx.rules.channels[row.channel].falls_back_to
    if falls_back_to is None:
        return
    if row.kind == MessageKind.DIGEST:
        members = digests.members(tx.session, row.id)
        composer = Composer(tx, members, runtime.settings, runtime.words)
        refused = [member for member in members if composer.still_true(member)]
    else:
        refused = [row] if row.kind in LADDER_KINDS | ALWAYS_TOLD else []
    person = tx.session.get(Person, row.person_id) if row.person_id else None
    if person is None:
        return
    own = Addresses.of(tx.session, [person.id]).own(person, tx.rules.channels[falls_back_to])
    channel, address = (falls_back_to, own) if own else to_account(tx, person)
    reader = reader_key(tx.rules.channels[channel], address, person.id)
    messages = [
        outbox_row(
            # The key the ladder gives its own message to this person: whoever gets both channels anyway is told once.
            tx, str(replace(key, channel=channel, reader=reader)), key.kind,
            channel, address, request_id=told.request_id,
            person_id=person.id, clocks=told.clocks, crossed_at=told.crossed_at, fact_sequence=told.fact_sequence,
            detail=told.detail, fallback_of=row.id, closes_at=told.closes_at, told_as=told.told_as,
            instead_of=told.instead_of)
        for told in refused if (key := MessageKey.parse(told.dedupe_key))
    ]  # fmt: skip
    queue(tx.session, messages)


def _tell_others(tx: Tx, row: Notification, error: DeliveryError) -> None:
    """A mail that a server refused reaches somebody else.

    One to the CMO is 'not reached', never the CMO's silence: the project manager must know. One to staff goes to who
    stands in; where that was refused too, the administrators must find out.
    """
    request = tx.session.get_one(CmoRequest, row.request_id)
    person = tx.session.get(Person, row.person_id) if row.person_id else None
    if person is None:
        return
    if person.organization_id == request.cmo_id:
        detail = f"{person.name}: {error}"
        queue(tx.session, not_reached_rows(tx, request, person, detail))
    elif row.instead_of is None:
        queue(tx.session, stand_in_rows(tx, row))
    else:
        detail = f"Mails about {request.number} are refused for {row.instead_of} and for {person.name}; see Status."
        raise_alarm(tx, f"refused/{request.number}", detail)
