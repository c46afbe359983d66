"""A request's past as its page tells it: what people did, what clocks passed, which messages left, in order."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from uuid import UUID

from slamon.channels import Channels
from slamon.db.attachments import Attachment
from slamon.db.outbox import Notification, NotificationState
from slamon.db.requests import CrossingRow, CrossingStatus
from slamon.domain.terms import Level
from slamon.domain.timeline import CMO_ROLES, Fact, FactKind, Role, Via, stamp
from slamon.services.requests.queries import RequestDetail
from slamon.web.staff.deliveries import small_print, way
from slamon.web.uploads import sent_alone, told_with
from slamon.web.view.fact_details import Telling, corrected_by, particulars, quoted
from slamon.web.view.instants import Moment, Zones, civil_day, span
from slamon.web.view.words import LEVELS, MESSAGES, ROLES, VIAS
from slamon.wording.clocks import ClockWords
from slamon.wording.message import MessageKind

# Finding a crossing within this is what the loop promises; only later ones are worth a word.
_PROMPT = timedelta(seconds=2)
_AT_ONCE = timedelta(minutes=1)
_SENDING = {
    NotificationState.QUEUED: "waiting to be sent",
    NotificationState.SENDING: "being sent",
    NotificationState.UNKNOWN: "nobody can say yet whether it arrived",
    NotificationState.FOLDED: "part of a digest that is about to leave",
    NotificationState.SENT: "sent",
    NotificationState.FAILED: "not reached",
    NotificationState.SUPPRESSED: "not sent: no longer needed, or dismissed",
}

_NOT_THERE = (NotificationState.FAILED, NotificationState.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the history. `tone` is cmo, sponsor, crossing, message or failure; `notes` are small print.

    `folded` are the messages a line stands for that only counts them.
    """

    at: Moment
    tone: str
    headline: str
    notes: tuple[str, ...] = ()
    text: str | None = None
    is_struck: bool = False
    folded: tuple["Entry", ...] = ()
    files: tuple[Attachment, ...] = ()
    particulars: tuple[str, ...] = ()
    sequence: int | None = None  # of the fact, for links to it
    corrects: tuple[int, str] | None = None  # the sequence of another fact, and what that was


def history(whole: RequestDetail, about: Telling, words: Mapping[str, ClockWords], channels: Channels) -> list[Entry]:
    zones = about.zones
    dated: list[tuple[datetime, int, Entry]] = []
    facts = list(whole.case.timeline)
    told = told_with(facts, whole.attachments)
    dated += [(fact.occurred_at, 0, _fact(fact, told[fact.sequence], about)) for fact in facts]
    dated += [(file.created_at, 0, _file(file, zones)) for file in sent_alone(whole.attachments, told)]
    moved = [fact.occurred_at for fact in facts if fact.kind == FactKind.TERMS_CHANGED]
    called = {kind: words[kind].name for kind in whole.case.catalogue.clocks}
    dated += [(alike[0].crossed_at, 1, _crossing(alike, moved, called, zones)) for alike in _together(whole.crossings)]
    # Facts are stamped with the next whole second; so are messages here, or a notice would stand before its filing.
    refusing = _refusing(whole, channels)
    dated += [
        (stamp(_when(row)), 2, _message(row, name, zones, channels, refusing)) for row, name in whole.notifications
    ]
    return list(_folded(entry for _, _, entry in sorted(dated, key=lambda each: each[:2])))


def _folded(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Messages one after another as one line; what did not arrive, or may not have, keeps its own."""
    for is_message, group in groupby(entries, key=lambda entry: entry.tone == "message"):
        if not is_message:
            yield from group
            continue
        told = tuple(group)
        count = "1 message" if len(told) == 1 else f"{len(told)} messages"
        yield Entry(told[0].at, "message", count, folded=told)


def _together(crossings: Sequence[CrossingRow]) -> Iterator[list[CrossingRow]]:
    """Crossings that differ in nothing but the clock, which happens where both have the same target or limit."""
    groups: dict[tuple[object, ...], list[CrossingRow]] = {}
    for row in crossings:
        at = row.crossed_at.replace(microsecond=0)
        same = at, row.level, row.detected_at, row.notified, row.status, row.rescinded_reason
        groups.setdefault(same, []).append(row)
    yield from groups.values()


def not_reached(notifications: Sequence[tuple[Notification, str | None]], person_id: UUID) -> Notification | None:
    """The last message to this person, if it certainly did not get there."""
    ended = (NotificationState.SENT, NotificationState.FAILED)
    told = [row for row, _ in notifications if row.person_id == person_id and row.state in ended]
    return told[-1] if told and told[-1].state == NotificationState.FAILED else None


def _fact(fact: Fact, files: Sequence[Attachment], about: Telling) -> Entry:
    zones, corrects = about.zones, corrected_by(fact)
    role, remarks = fact.by.role, fact.remarks
    notes = [ROLES[role] if role is Role.SYSTEM else f"{ROLES[role]}, {VIAS[fact.via]}"]
    if remarks.precision == "date":
        notes.append("only the day is known")
    if remarks.source_key:
        notes.append(f"kept before as {remarks.source_key}")
    if fact.recorded_by.id != fact.by.id:
        notes.append(f"written down by {fact.recorded_by.name}")
    if fact.recorded_at != fact.occurred_at:
        notes.append(f"recorded {span(fact.recorded_at - fact.occurred_at)} later, {zones.at(fact.recorded_at)}")
    if remarks.evidence:
        notes.append(f"evidence: {remarks.evidence}")
    if remarks.expected_on:
        notes.append(f"{about.type_words.expected} expected on {civil_day(remarks.expected_on)}")
    return Entry(
        at=zones.at(fact.occurred_at),
        tone="cmo" if role in CMO_ROLES else "sponsor",
        headline=f"{fact.by.name} {about.words.facts[fact.kind].did}",
        notes=tuple(notes),
        text=fact.words or None,
        files=tuple(files),
        particulars=particulars(fact, about),
        sequence=fact.sequence,
        corrects=(corrects, quoted(corrects, about)) if corrects else None,
    )


def _file(file: Attachment, zones: Zones) -> Entry:
    role = Role(file.uploaded_by_role)
    tone = "cmo" if role in CMO_ROLES else "sponsor"
    notes = (f"{ROLES[role]}, {VIAS[Via(file.via)]}",)
    return Entry(zones.at(file.created_at), tone, f"{file.uploaded_by_name} sent a file", notes, files=(file,))


def _crossing(
    alike: Sequence[CrossingRow], moved: Sequence[datetime], called: Mapping[str, str], zones: Zones
) -> Entry:
    """`moved` is when other terms were applied, each of which may put a deadline into the past.

    `called` are the names of the clocks in reading order.
    """
    crossing, notes = alike[0], []
    delay = crossing.detected_at - crossing.crossed_at
    by_new_terms = any(timedelta(0) <= at - crossing.detected_at <= _AT_ONCE for at in moved)
    if delay > _PROMPT and by_new_terms:
        notes.append("moved into the past by other terms")
    elif delay > _PROMPT:
        notes.append(f"found {span(delay)} later")
    if not crossing.notified:
        notes.append("recorded as passed, nobody told")
    is_struck = crossing.status == CrossingStatus.RESCINDED
    if is_struck:
        notes.append(f"no longer holds: {crossing.rescinded_reason}")
    names = list(dict.fromkeys(name for kind, name in called.items() if kind in {row.clock for row in alike}))
    clocks = f"{' and '.join(names)} {'clock' if len(names) == 1 else 'clocks'}"
    headline = f"{LEVELS[Level(crossing.level)]} ({clocks})"
    return Entry(zones.at(crossing.crossed_at), "crossing", headline, tuple(notes), is_struck=is_struck)


def _when(row: Notification) -> datetime:
    return row.sent_at or row.queued_at


def _refusing(whole: RequestDetail, channels: Channels) -> dict[UUID, str]:
    """The channel of each message, or digest of messages, in whose place another may have left."""
    rows = [row for row, _ in whole.notifications]
    return {
        message_id: channels.or_for_links(row.channel).words.name
        for row in rows
        for message_id in (row.id, row.digest_id)
        if message_id
    }


def _message(
    row: Notification, name: str | None, zones: Zones, channels: Channels, refusing: Mapping[UUID, str]
) -> Entry:
    state = NotificationState(row.state)
    what = MESSAGES[MessageKind(row.kind)]
    notes = [_SENDING[state] + (" (shown on the console only)" if row.provider_id == "console" else "")]
    notes += small_print(row, channels)
    if row.attempts > 1:
        notes.append(f"{row.attempts} attempts")
    if row.error and state is not NotificationState.SENT:
        notes.append(row.error)
    if row.fallback_of:
        notes.append(f"because {refusing.get(row.fallback_of, 'another channel')} did not take it")
    return Entry(
        at=zones.at(_when(row)),
        tone="failure" if state in _NOT_THERE else "message",
        headline=f"{way(row, name, channels)}: {what[:1].lower()}{what[1:]}",
        notes=tuple(notes),
        is_struck=state is NotificationState.SUPPRESSED,
    )
