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
from slamon.domain.timeline import CMO_ROLES, Fact, FactKind, Role, Via, stamp
from slamon.services.requests.queries import RequestDetail
from slamon.web.staff.deliveries import small_print, way, words_of
from slamon.web.uploads import sent_alone, told_with
from slamon.web.view.fact_details import Telling, corrected_by, particulars, quoted
from slamon.web.view.instants import Moment, civil_day, span
from slamon.wording.language import Language
from slamon.wording.words import Words

# Finding a crossing within this is what the loop promises; only later ones are worth a word.
_PROMPT = timedelta(seconds=2)
_AT_ONCE = timedelta(minutes=1)
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


def history(whole: RequestDetail, about: Telling, channels: Channels) -> list[Entry]:
    words = about.words
    dated: list[tuple[datetime, int, Entry]] = []
    facts = list(whole.case.timeline)
    told = told_with(facts, whole.attachments)
    dated += [(fact.occurred_at, 0, _fact(fact, told[fact.sequence], about)) for fact in facts]
    dated += [(file.created_at, 0, _file(file, about)) for file in sent_alone(whole.attachments, told)]
    moved = [fact.occurred_at for fact in facts if fact.kind == FactKind.TERMS_CHANGED]
    called = {kind: words.clocks[kind].name for kind in whole.case.catalogue.clocks}
    dated += [(alike[0].crossed_at, 1, _crossing(alike, moved, called, about)) for alike in _together(whole.crossings)]
    # Facts are stamped with the next whole second; so are messages here, or a notice would stand before its filing.
    refusing = _refusing(whole, channels, words)
    dated += [
        (stamp(_when(row)), 2, _message(row, name, about, channels, refusing)) for row, name in whole.notifications
    ]
    return list(_folded((entry for _, _, entry in sorted(dated, key=lambda each: each[:2])), about.language))


def _folded(entries: Iterable[Entry], language: Language) -> Iterator[Entry]:
    """Messages one after another as one line; what did not arrive, or may not have, keeps its own."""
    for is_message, group in groupby(entries, key=lambda entry: entry.tone == "message"):
        if not is_message:
            yield from group
            continue
        told = tuple(group)
        count = language.ngettext("{n} message", "{n} messages", len(told))
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
    gettext, language = about.language.gettext, about.language
    notes = [about.words.codes.roles[role] if role is Role.SYSTEM else _who(role, fact.via, about)]
    if remarks.precision == "date":
        notes.append(gettext("only the day is known"))
    if remarks.source_key:
        notes.append(gettext("kept before as {key}", key=remarks.source_key))
    if fact.recorded_by.id != fact.by.id:
        notes.append(gettext("written down by {name}", name=fact.recorded_by.name))
    if fact.recorded_at != fact.occurred_at:
        later = span(fact.recorded_at - fact.occurred_at, language)
        notes.append(gettext("recorded {time} later, {at}", time=later, at=zones.at(fact.recorded_at)))
    if remarks.evidence:
        notes.append(gettext("evidence: {evidence}", evidence=remarks.evidence))
    if remarks.expected_on:
        day = civil_day(remarks.expected_on, language)
        notes.append(gettext("{what} expected on {day}", what=about.type_words.expected, day=day))
    return Entry(
        at=zones.at(fact.occurred_at),
        tone="cmo" if role in CMO_ROLES else "sponsor",
        headline=gettext("{who} {did}", who=fact.by.name, did=about.words.facts[fact.kind].did),
        notes=tuple(notes),
        text=fact.words or None,
        files=tuple(files),
        particulars=particulars(fact, about),
        sequence=fact.sequence,
        corrects=(corrects, quoted(corrects, about)) if corrects else None,
    )


def _who(role: Role, via: Via, about: Telling) -> str:
    codes = about.words.codes
    return about.language.listed((codes.roles[role], codes.vias[via]))


def _file(file: Attachment, about: Telling) -> Entry:
    role = Role(file.uploaded_by_role)
    tone = "cmo" if role in CMO_ROLES else "sponsor"
    headline = about.language.gettext("{name} sent a file", name=file.uploaded_by_name)
    notes = (_who(role, Via(file.via), about),)
    return Entry(about.zones.at(file.created_at), tone, headline, notes, files=(file,))


def _crossing(
    alike: Sequence[CrossingRow], moved: Sequence[datetime], called: Mapping[str, str], about: Telling
) -> Entry:
    """`moved` is when other terms were applied, each of which may put a deadline into the past.

    `called` are the names of the clocks in reading order.
    """
    crossing, notes, gettext = alike[0], [], about.language.gettext
    delay = crossing.detected_at - crossing.crossed_at
    by_new_terms = any(timedelta(0) <= at - crossing.detected_at <= _AT_ONCE for at in moved)
    if delay > _PROMPT and by_new_terms:
        notes.append(gettext("moved into the past by other terms"))
    elif delay > _PROMPT:
        notes.append(gettext("found {time} later", time=span(delay, about.language)))
    if not crossing.notified:
        notes.append(gettext("recorded as passed, nobody told"))
    is_struck = crossing.status == CrossingStatus.RESCINDED
    if is_struck:
        notes.append(gettext("no longer holds: {reason}", reason=crossing.rescinded_reason))
    names = list(dict.fromkeys(name for kind, name in called.items() if kind in {row.clock for row in alike}))
    level = about.words.codes.levels[crossing.level]
    if len(names) == 1:
        headline = gettext("{what_passed} ({clock} clock)", what_passed=level, clock=names[0])
    else:
        headline = gettext("{what_passed} ({clocks} clocks)", what_passed=level, clocks=about.language.both(names))
    return Entry(about.zones.at(crossing.crossed_at), "crossing", headline, tuple(notes), is_struck=is_struck)


def _when(row: Notification) -> datetime:
    return row.sent_at or row.queued_at


def _refusing(whole: RequestDetail, channels: Channels, words: Words) -> dict[UUID, str]:
    """The channel of each message, or digest of messages, in whose place another may have left."""
    rows = [row for row, _ in whole.notifications]
    return {
        message_id: words_of(channels.or_for_links(row.channel), words).name
        for row in rows
        for message_id in (row.id, row.digest_id)
        if message_id
    }


def _message(
    row: Notification, name: str | None, about: Telling, channels: Channels, refusing: Mapping[UUID, str]
) -> Entry:
    state = NotificationState(row.state)
    words, language, gettext = about.words, about.language, about.language.gettext
    is_shown = row.provider_id == "console"
    how_far = words.codes.deliveries[state]
    notes = [gettext("{how_far} (shown on the console only)", how_far=how_far) if is_shown else how_far]
    notes += small_print(row, channels, words)
    if row.attempts > 1:
        notes.append(language.ngettext("{n} attempt", "{n} attempts", row.attempts))
    if row.error and state is not NotificationState.SENT:
        notes.append(row.error)
    if row.fallback_of:
        refused = refusing.get(row.fallback_of) or gettext("another channel")
        notes.append(gettext("because {channel} did not take it", channel=refused))
    return Entry(
        at=about.zones.at(_when(row)),
        tone="failure" if state in _NOT_THERE else "message",
        headline=gettext(
            "{way}: {message}",
            way=way(row, name, channels, words),
            message=language.within(words.codes.messages[row.kind]),
        ),
        notes=tuple(notes),
        is_struck=state is NotificationState.SUPPRESSED,
    )
