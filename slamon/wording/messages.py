"""What a message says, for every channel alike: Message in, words out. Pure.

Layout (HTML, Block Kit, a line of JSON) is the channels' own. Staff are told number, type, CMO, clock, times,
contact attempts and a link; a contact also hears who asks, for which site, and his own order
reference. His own entry comes back in his receipt only, and not when that receipt is redirected.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar, assert_never

from slamon.wording.instants import beside, moment, short_moment, span, target
from slamon.wording.language import capital
from slamon.wording.message import BREACH_KINDS, ClockLine, DigestLine, Message, MessageKind

_Known = TypeVar("_Known")
NAME_LENGTH = 120
DETAIL_LENGTH = 500
SUBJECT_LENGTH = 200
CLOCKS_SHOWN = 5
UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})  # Unicode categories without a glyph of their own
JOINERS = "\u200c\u200d"  # of that kind, yet part of how Persian and Indic names are written


PAST_TARGET = frozenset({MessageKind.TARGET})
PAST_LIMIT = BREACH_KINDS
TO_BE_TAKEN = frozenset({MessageKind.LIMIT, MessageKind.REPEAT, MessageKind.BACKUP})


@dataclass(frozen=True, slots=True)
class LabelledValue:
    """One line of the table; `beside` is the same instant in the other party's zone, `link` where the label leads."""

    label: str
    value: str
    beside: str | None = None
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Wording:
    """A message in words, unescaped. `heading` stands small above `headline`: who sends, about which request.

    `notes` go on top: repeat and redirection marks.

    `quoted` is the reader's own entry, in his receipt only. `is_escalation` asks for the primary style.
    """

    subject: str
    heading: str
    headline: str
    sentences: tuple[str, ...]
    facts: tuple[LabelledValue, ...]
    button: str | None
    footer: tuple[str, ...]
    notes: tuple[str, ...] = ()
    quoted: str | None = None
    is_escalation: bool = False


def put_into_words(message: Message) -> Wording:
    """The words of one message; every channel shows these and adds none of its own."""
    gettext = message.language.gettext
    headline, sentences = _opening(message)
    subject, number = headline, clean(message.number)
    says_so_itself = message.kind is MessageKind.REPEAT and not message.to_cmo
    if message.is_repeat and not says_so_itself:
        subject = gettext("Repeat: {headline}", headline=headline)
    return Wording(
        subject=f"[{number}] {subject}" if number else subject,
        heading=" · ".join(filter(None, (clean(message.sponsor_name), number))),
        headline=headline,
        sentences=tuple(sentence for sentence in sentences if sentence),
        facts=tuple(_facts(message)),
        button=_button(message),
        footer=_footer(message),
        notes=tuple(_notes(message)),
        quoted=_quoted(message),
        is_escalation=message.kind in PAST_LIMIT or any(line.kind in PAST_LIMIT for line in message.lines),
    )


def clean(name: str) -> str:
    """A name as one harmless line, of which neither a mail program nor Slack makes a link.

    `St.Gallen` gets an invisible joint (U+2060) after its dot.
    """
    return _unlinked(one_line(name, NAME_LENGTH))


def _detail(message: Message) -> str:
    """What the system itself says, names of people in it."""
    return _unlinked(one_line(message.detail or "", DETAIL_LENGTH))


def _first_sentence(text: str) -> tuple[str, str]:
    """The first sentence and the others; "Dr." ends none."""
    end = re.search(r"(?<=\w{4}\.) (?=[A-Z])", text)
    return (text[: end.start()], text[end.end() :]) if end else (text, "")


def _unlinked(line: str) -> str:
    return _LINKABLE.sub("\\g<0>\u2060", line)


_LINKABLE = re.compile(r"(?<=\w)[.@](?=\w)|:(?=//)")


def one_line(text: str, length: int = NAME_LENGTH) -> str:
    """A text as one line: no control or direction-changing characters, at most `length` characters.

    A right-to-left text is wrapped in isolates, so that it cannot turn the words around it.
    """
    if text.isascii() and text.isprintable():  # nearly all texts, and the looks at each letter below take their time
        return _cut(" ".join(text.split()), length)
    spaced = "".join(" " if char.isspace() else char for char in text)
    kept = "".join(char for char in spaced if char in JOINERS or unicodedata.category(char) not in UNSEEN)
    line = _cut(" ".join(kept.split()), length)
    is_right_to_left = any(unicodedata.bidirectional(char) in {"R", "AL", "AN"} for char in line)
    return f"\u2068{line}\u2069" if is_right_to_left else line


def _cut(line: str, length: int) -> str:
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"


def _opening(message: Message) -> tuple[str, tuple[str, ...]]:
    """Headline and sentences: who did what, or what is asked by when."""
    kind, gettext = message.kind, message.language.gettext
    match kind:
        case MessageKind.FILED | MessageKind.REMINDER:
            return _asking(message)
        case (
            MessageKind.TARGET
            | MessageKind.LIMIT
            | MessageKind.REPEAT
            | MessageKind.BACKUP
            | MessageKind.STEP_3
            | MessageKind.STEP_4
        ):
            return _late_to_cmo(message) if message.to_cmo else _late_to_staff(message)
        case MessageKind.DIGEST:
            return _digest(message)
        case MessageKind.TAKEN:
            return _taken(message), (gettext("It is not sent again unless another deadline passes."),)
        case MessageKind.CLOSING:
            headline = gettext("{what_happened}: this escalation is over", what_happened=_ending(message))
            return headline, (gettext("Nothing more is sent about it."),)
        case MessageKind.WITHDRAWN:
            return _withdrawn(message)
        case MessageKind.CLOSING_SOON:
            return _closing_soon(message)
        case MessageKind.RECEIPT:
            receipt = _known(_known(message.act).of_cmo).receipt
            return gettext("We have received your {message}", message=receipt), (
                gettext("It is on record for {sponsor}.", sponsor=clean(message.sponsor_name)),
            )
        case MessageKind.SPONSOR_ACTED:
            return _sponsor_acted(message)
        case MessageKind.CMO_ACTED:
            return _cmo_acted(message)
        case MessageKind.FRESH_LINK:
            sponsor = clean(message.sponsor_name)
            opens = gettext("It opens {request} of {sponsor}.", request=_request(message), sponsor=sponsor)
            return gettext("Here is your new link"), (opens, _detail(message))
        case MessageKind.NOT_REACHED:
            return gettext("A mail to {cmo} was refused", cmo=clean(message.cmo_name)), (
                gettext("The contact may not know of this request."),
                gettext("Please check the address or name another contact."),
            )
        case MessageKind.NOBODY_THERE:
            cmo = clean(message.cmo_name)
            return gettext("Nobody at {cmo} can be told of this request", cmo=cmo), (
                gettext("The contact, their backup and the leads there are disabled or inactive."),
                gettext("Name another contact on the request; until then no message about it reaches {cmo}.", cmo=cmo),
            )
        case MessageKind.INVITATION:
            return gettext("Please set your password"), (
                gettext("You have an account in slamon at {sponsor}.", sponsor=clean(message.sponsor_name)),
                gettext("The link works once, within 24 hours. If you did not expect it, tell your administrator."),
            )
        case MessageKind.REVIEW_DUE:
            return gettext("A policy line is due for review"), (
                _detail(message),
                gettext("Look whether it still fits, and set its next review date or end it."),
            )
        case MessageKind.KEY_MADE:
            return gettext("An API key was made in your name"), (
                _detail(message),
                gettext(
                    "Whoever has it acts as you. If you did not expect it, revoke it at once on the page behind the "
                    "link."
                ),
            )
        case MessageKind.ACCOUNT_LINK:
            return gettext("Your link to a new password"), (
                _detail(message),
                gettext("The link works once, within 24 hours, and lets you in at once."),
                gettext("If you do not need it, leave it: your password stays as it is."),
            )
        case MessageKind.LINK_MADE:
            return gettext("A link to an account was made on the host"), (_detail(message),)
        case MessageKind.ADDRESS_CHANGED:
            return _address_changed(message)
        case MessageKind.ALARM:
            happened, rest = _first_sentence(_detail(message))
            what = happened.rstrip(".") or gettext("look at the page Status")
            return gettext("Alarm: {what_happened}", what_happened=what), (happened, rest)
        case MessageKind.TEST:
            return gettext("Test message: this channel works"), (
                _detail(message),
                gettext("Nothing needs to be done."),
            )
        case _:
            assert_never(kind)


def _asking(message: Message) -> tuple[str, tuple[str, ...]]:
    gettext = message.language.gettext
    asked = message.clocks[:1] if message.kind is MessageKind.FILED else message.clocks
    duty = _duties(message, asked) or gettext("confirm receipt")
    due = min(filter(None, (_next_deadline(message, clock) for clock in asked)), default=None)
    what = _by(message, duty, due)
    sponsor, cmo = clean(message.sponsor_name), clean(message.cmo_name)
    if message.kind is MessageKind.FILED:
        return gettext("Please {what}", what=what), (
            gettext(
                "{sponsor} has filed {a_request} with {cmo}.",
                sponsor=sponsor,
                a_request=clean(message.a_request) or gettext("a request"),
                cmo=cmo,
            ),
            gettext("The clock runs on {cmo}'s side until you {duty}.", cmo=cmo, duty=duty),
        )
    if message.to_cmo:
        return gettext("Reminder: please {what}", what=what), (_waiting(message),)
    if _is_ours(message):
        waiting = gettext(
            "{cmo} is waiting for {sponsor} on {request}.", cmo=cmo, sponsor=sponsor, request=_request(message)
        )
        return gettext("Reminder: please {what}", what=what), (waiting,)
    told = "" if message.instead_of else gettext("A reminder has gone to the contact.")
    return gettext("{cmo} is asked to {what}", cmo=cmo, what=what), (told,)


def _by(message: Message, duty: str, due: datetime | None) -> str:
    """`confirm receipt by Tue 24 Nov 14:00 (UTC+01:00)`."""
    if due is None:
        return duty
    at = short_moment(due, message.reader_zone, message.language)
    return message.language.gettext("{duty} by {time}", duty=duty, time=at)


def _waiting(message: Message) -> str:
    sponsor, cmo = clean(message.sponsor_name), clean(message.cmo_name)
    return message.language.gettext(
        "{sponsor} is waiting for {cmo} on {request}.", sponsor=sponsor, cmo=cmo, request=_request(message)
    )


def _next_deadline(message: Message, clock: ClockLine) -> datetime | None:
    """The target, or the limit once the target has passed: a reminder names what still lies ahead."""
    is_past = clock.target_at is not None and clock.target_at < message.at
    return clock.limit_at if is_past and clock.limit_at is not None else clock.target_at


def _late_to_cmo(message: Message) -> tuple[str, tuple[str, ...]]:
    gettext = message.language.gettext
    duty = _duties(message, message.clocks) or gettext("answer")
    if message.kind in PAST_LIMIT:
        told = gettext("The people responsible on both sides have been told.")
        return _past(message, duty), (_waiting(message), told)
    return _past(message, duty), (_waiting(message),)


def _past(message: Message, duty: str) -> str:
    if message.kind in PAST_TARGET:
        return message.language.gettext("Target passed: please {duty}", duty=duty)
    return message.language.gettext("Limit passed: please {duty}", duty=duty)


def _late_to_staff(message: Message) -> tuple[str, tuple[str, ...]]:
    gettext, late = message.language.gettext, _late(message)
    match message.kind:
        case MessageKind.LIMIT:
            return late, (_after_one_another(_to_be_taken(message), gettext("The clock keeps running.")),)
        case MessageKind.REPEAT:
            return gettext("Repeat: {headline}", headline=late), (
                gettext("Nobody has taken this escalation so far."),
                _to_be_taken(message),
            )
        case MessageKind.BACKUP if message.instead_of or not message.may_take:
            return gettext("Still not taken: {headline}", headline=late), (
                gettext("Nobody has taken this escalation."),
                _to_be_taken(message),
            )
        case MessageKind.BACKUP:
            return gettext("You are the backup: {headline}", headline=late), (
                gettext("Nobody has taken this escalation, so it comes to you."),
            )
        case MessageKind.STEP_3:
            return gettext("Escalation step 3: {headline}", headline=late), (_taken_already(message),)
        case MessageKind.STEP_4:
            return gettext("Escalation step 4: {headline}", headline=late), (_taken_already(message),)
        case _:
            return late, ()


def _late(message: Message) -> str:
    """`Halden Pharma has not confirmed receipt within 24 hours`."""
    gettext, cmo = message.language.gettext, clean(message.cmo_name)
    done = message.language.either(_once(clock.words.undone for clock in message.clocks)) or gettext("answered")
    allowed = _allowed(message)
    if not allowed:
        if _is_ours(message):
            return gettext("We have not {done}", done=done)
        return gettext("{cmo} has not {done}", cmo=cmo, done=done)
    if len(allowed) > 1:
        if _is_ours(message):
            return gettext("We have not {done} in time", done=done)
        return gettext("{cmo} has not {done} in time", cmo=cmo, done=done)
    if _is_ours(message):
        return gettext("We have not {done} within {time}", done=done, time=allowed.pop())
    return gettext("{cmo} has not {done} within {time}", cmo=cmo, done=done, time=allowed.pop())


def _to_be_taken(message: Message) -> str:
    gettext = message.language.gettext
    if message.taken_by:
        return _taken_already(message)
    if message.may_take:
        return gettext("Take it, so that others know somebody is on it.")
    return gettext("It waits for a lead to take it.")


def _taken_already(message: Message) -> str:
    return f"{_taken(message)}." if message.taken_by else ""


def _taken(message: Message) -> str:
    gettext = message.language.gettext
    who = clean(message.taken_by) if message.taken_by else gettext("Somebody")
    if message.taken_at is None:
        return gettext("{who} took this escalation", who=who)
    at = short_moment(message.taken_at, message.reader_zone, message.language)
    return gettext("{who} took this escalation on {time}", who=who, time=at)


def _digest(message: Message) -> tuple[str, tuple[str, ...]]:
    gettext, ngettext = message.language.gettext, message.language.ngettext
    cmo, count = clean(message.cmo_name), len(message.lines) + message.more_lines
    if message.to_cmo:
        waiting = gettext("{sponsor} is waiting for {cmo}.", sponsor=clean(message.sponsor_name), cmo=cmo)
        has_links = any(line.link for line in message.lines)
        links = gettext("Each number below is the link to its form.") if has_links else ""
        return ngettext("{n} request waits for you", "{n} requests wait for you", count), (waiting, links)
    unanswered = ngettext(
        "{cmo}: {n} request without an answer", "{cmo}: {n} requests without an answer", count, cmo=cmo
    )
    many = gettext("Many steps fell due within a few minutes, so they come as one message.")
    late = sum(line.kind in PAST_LIMIT for line in message.lines)
    if not late:
        return unanswered, (many,)
    if late == len(message.lines) < count:  # the late ones are listed first
        past = ngettext("at least {n} past the limit", "at least {n} past the limit", late)
    else:
        past = ngettext("{n} past the limit", "{n} past the limit", late)
    return message.language.listed((unanswered, past)), (many,)


def _line_facts(message: Message) -> list[LabelledValue]:
    gettext, ngettext = message.language.gettext, message.language.ngettext
    facts = [
        LabelledValue(
            clean(line.number),
            gettext("{type}: {what}", type=capital(clean(line.request_type)), what=_line_state(message, line)),
            link=line.link,
        )
        for line in message.lines
    ]
    if message.more_lines:
        facts.append(LabelledValue(gettext("And"), ngettext("{n} more", "{n} more", message.more_lines)))
    return facts


def _line_state(message: Message, line: DigestLine) -> str:
    duty = _duties(message, line.clocks) or message.language.gettext("answer")
    is_late, past_limit = line.kind in PAST_TARGET | PAST_LIMIT, line.kind in PAST_LIMIT
    if not is_late:
        ahead = min(filter(None, (_next_deadline(message, clock) for clock in line.clocks)), default=None)
        return _by(message, duty, ahead)
    edges = [at for at in ((c.limit_at if past_limit else c.target_at) for c in line.clocks) if at is not None]
    if not edges:
        return duty
    late = _late_by(message, message.at - min(edges), is_past_target=not past_limit)
    return message.language.listed((duty, late))


def _late_by(message: Message, length: timedelta, *, is_past_target: bool) -> str:
    """`1 h past the limit`."""
    late = span(length, message.language)
    if is_past_target:
        return message.language.gettext("{time} past the target", time=late)
    return message.language.gettext("{time} past the limit", time=late)


def _closing_soon(message: Message) -> tuple[str, tuple[str, ...]]:
    gettext = message.language.gettext
    answered = gettext(
        "{cmo} has answered {request}, and nobody has accepted the answer.",
        cmo=clean(message.cmo_name),
        request=_request(message),
    )
    if message.closes_at is None:
        return gettext("Answered, and nobody who may accept it can be told"), (
            answered,
            gettext("Name a project manager or a lead who can; until then it does not close by itself."),
        )
    at = short_moment(message.closes_at, message.reader_zone, message.language)
    return gettext("Closes by itself on {time}, unless somebody objects", time=at), (
        answered,
        gettext("If anything is missing, send it back or follow up; otherwise nothing needs to be done."),
    )


def _withdrawn(message: Message) -> tuple[str, tuple[str, ...]]:
    gettext, request = message.language.gettext, _request(message)
    names = _once(clean(clock.words.label) for clock in message.clocks)
    why = f"{capital(clean(message.detail))}." if message.detail else ""
    on_page = gettext("Whatever is still due is on the request's page.")
    if not names:
        told = gettext("We told you that the limit had passed on {request}.", request=request)
        return gettext("Withdrawn: the breach we reported no longer counts"), (_after_one_another(told, why), on_page)
    clock = _of_the_clocks(message, names)
    told = gettext(
        "We told you that the limit {of_the_clock} had passed on {request}.", of_the_clock=clock, request=request
    )
    headline = gettext("Withdrawn: the breach we reported {of_the_clock} no longer counts", of_the_clock=clock)
    return headline, (_after_one_another(told, why), on_page)


def _of_the_clocks(message: Message, names: Sequence[str]) -> str:
    language = message.language
    if len(names) == 1:
        return language.gettext("of the {name} clock", name=names[0])
    return language.gettext("of the {names} clocks", names=language.both(names))


def _sponsor_acted(message: Message) -> tuple[str, tuple[str, ...]]:
    gettext, act = message.language.gettext, _known(_known(message.act).of_sponsor)
    by = ""
    if message.to_cmo and message.actor_name:
        by = gettext("Written by {name}.", name=clean(message.actor_name))
    about = _after_one_another(gettext("This is about {request}.", request=_request(message)), by)
    return gettext("{who} {did}", who=clean(message.sponsor_name), did=act.news), (about, act.then)


def _cmo_acted(message: Message) -> tuple[str, tuple[str, ...]]:
    gettext, act = message.language.gettext, _known(_known(message.act).of_cmo)
    then = act.then
    if message.tells_of_damage:
        then = gettext("Not all is well with the goods: quality must decide.")
        if message.is_closed:
            then = gettext(
                "Not all is well with the goods, and the request is closed: take it up with the CMO in an inquiry."
            )
    return gettext("{who} {did}", who=clean(message.cmo_name), did=act.news), (then,)


def _address_changed(message: Message) -> tuple[str, tuple[str, ...]]:
    gettext, sponsor = message.language.gettext, clean(message.sponsor_name)
    return gettext("Your address in slamon was changed"), (
        gettext(
            "{who} changed the address that {sponsor} uses for {name}.",
            who=clean(message.detail or ""),
            sponsor=sponsor,
            name=clean(message.recipient_name),
        ),
        gettext("Messages are no longer sent here, and links that were sent here have ended."),
        gettext("If you did not expect this, tell {sponsor} at once.", sponsor=sponsor),
    )


def _ending(message: Message) -> str:
    gettext = message.language.gettext
    if message.act is None:  # it stopped because other terms know it no more
        return gettext("The clock has stopped")
    if message.act.of_cmo is not None:
        return gettext("{who} {did}", who=clean(message.cmo_name), did=message.act.of_cmo.news)
    return capital(message.act.ending)


def _known(words: _Known | None) -> _Known:
    """The words that the kind of the message needs. Raises LookupError for a fact of which nobody has them."""
    if words is None:
        raise LookupError("the message tells of a fact that has no words for its reader")
    return words


def _after_one_another(*sentences: str) -> str:
    return " ".join(filter(None, sentences))


def _once(names: Iterable[str]) -> list[str]:
    """Each name once, in their order."""
    return list(dict.fromkeys(names))


def _duties(message: Message, clocks: Sequence[ClockLine]) -> str:
    """`confirm receipt and answer`; nothing for no clocks."""
    return message.language.both(_once(clock.words.duty for clock in clocks))


def _allowed(message: Message) -> set[str]:
    """How much time its clocks allow; nothing where each ends on a day."""
    if all(clock.is_dated for clock in message.clocks):
        return set()
    past_target, language = message.kind in PAST_TARGET, message.language
    return {target(c.target_seconds if past_target else c.limit_seconds, c.unit, language) for c in message.clocks}


def _is_ours(message: Message) -> bool:
    """Whether it is the sponsor who is timed."""
    return bool(message.clocks) and all(clock.is_the_sponsors for clock in message.clocks)


def _request(message: Message) -> str:
    if not message.number:
        return message.language.gettext("a request")
    return message.language.gettext("request {number}", number=clean(message.number))


def _facts(message: Message) -> list[LabelledValue]:
    if message.lines:
        return _line_facts(message)
    gettext = message.language.gettext
    facts = [
        LabelledValue(gettext("Request"), clean(message.number)),
        LabelledValue(gettext("Type"), capital(clean(message.request_type))),
        LabelledValue(gettext("Subject"), one_line(message.topic or "", SUBJECT_LENGTH)),
    ]
    if message.to_cmo:
        place = " – ".join(filter(None, (clean(message.cmo_name), clean(message.site_name))))
        facts += [
            LabelledValue(gettext("Priority"), capital(clean(message.priority))),
            LabelledValue(gettext("For"), place),
            LabelledValue(gettext("Your order reference"), clean(message.order_reference or "")),
        ]
    else:
        facts.append(LabelledValue(gettext("CMO"), clean(message.cmo_name)))
    for alike in _alike(message.clocks[:CLOCKS_SHOWN]):
        facts += _clock_facts(message, alike)
    if len(message.clocks) > CLOCKS_SHOWN:
        facts.append(LabelledValue(gettext("More clocks"), str(len(message.clocks) - CLOCKS_SHOWN)))
    if message.closes_at:
        facts.append(_instant_fact(message, gettext("Closes"), message.closes_at))
    if message.filed_at:
        facts.append(_instant_fact(message, gettext("Filed"), message.filed_at))
    if message.number and not message.to_cmo:
        facts.append(LabelledValue(gettext("Contact attempts so far"), str(message.contact_attempts)))
    if message.kind is MessageKind.NOT_REACHED:
        facts.append(LabelledValue(gettext("Reason"), _detail(message)))
    return [fact for fact in facts if fact.value]


def _alike(clocks: tuple[ClockLine, ...]) -> list[tuple[ClockLine, ...]]:
    """Clocks with the same target and limit together: one table of times tells them all."""
    groups: dict[tuple[object, ...], list[ClockLine]] = {}
    for clock in clocks:
        times = clock.target_at, clock.limit_at, clock.target_seconds, clock.limit_seconds, clock.unit, clock.is_dated
        groups.setdefault(times, []).append(clock)
    return [tuple(group) for group in groups.values()]


def _clock_facts(message: Message, alike: tuple[ClockLine, ...]) -> list[LabelledValue]:
    clock, language, gettext = alike[0], message.language, message.language.gettext
    names = _once(clean(each.words.label) for each in alike)
    if clock.is_dated:
        return [_instant_fact(message, capital(names[0]), clock.limit_at)] if clock.limit_at else []
    allowed = target(clock.target_seconds, clock.unit, language)
    limit = target(clock.limit_seconds, clock.unit, language)
    facts = []
    if message.to_cmo:
        duty = capital(_duties(message, alike))
        of_target = gettext("{duty}: your target, {time}", duty=duty, time=allowed)
        of_limit = gettext("{duty}: your limit, {time}", duty=duty, time=limit)
    else:
        of_target, of_limit = gettext("Target"), gettext("Limit")
        label = gettext("Clock") if len(names) == 1 else gettext("Clocks")
        both = gettext(
            "{clocks} (target {target}, limit {limit})", clocks=language.both(names), target=allowed, limit=limit
        )
        facts = [LabelledValue(label, both)]
    facts += _lateness(message, clock)
    if clock.target_at is None and clock.limit_at is None:
        return [*facts, LabelledValue(of_target, gettext("not known while the clock is paused"))]
    if clock.target_at and message.kind not in PAST_LIMIT:
        facts.append(_instant_fact(message, of_target, clock.target_at))
    if clock.limit_at:
        facts.append(_instant_fact(message, of_limit, clock.limit_at))
    return facts


def _lateness(message: Message, clock: ClockLine) -> list[LabelledValue]:
    past_target, gettext = message.kind in PAST_TARGET, message.language.gettext
    crossed = clock.target_at if past_target else clock.limit_at
    if crossed is None or message.kind not in PAST_TARGET | PAST_LIMIT:
        return []
    length = message.at - crossed
    if clock.unit == "hours":
        late = _late_by(message, length, is_past_target=past_target)
    # The wall clock tells the lateness; where the target counts working time, say so.
    elif past_target:
        late = gettext("{time} of real time past the target", time=span(length, message.language))
    else:
        late = gettext("{time} of real time past the limit", time=span(length, message.language))
    return [LabelledValue(gettext("Late by"), late)]


def _instant_fact(message: Message, label: str, instant: datetime) -> LabelledValue:
    other = beside(instant, message.other_zone, message.reader_zone, message.language)
    return LabelledValue(label, moment(instant, message.reader_zone, message.language), other)


def _button(message: Message) -> str | None:
    gettext = message.language.gettext
    if not message.link:
        return None
    if message.to_cmo:
        return gettext("Open the request")
    if message.kind is MessageKind.DIGEST:
        return gettext("Open the list")
    if not message.number:
        return gettext("Open slamon")
    is_to_be_taken = message.kind in TO_BE_TAKEN and message.may_take and not message.taken_by
    return gettext("Take it") if is_to_be_taken else gettext("Open request")


def _footer(message: Message) -> tuple[str, ...]:
    gettext = message.language.gettext
    if message.to_cmo and message.link:
        return (
            gettext("Opening the link changes nothing; only what you send from that page does."),
            gettext(
                "You need no account. The link is personal to {name}: please do not forward it.",
                name=clean(message.recipient_name) or gettext("you"),
            ),
        )
    if message.number and not message.to_cmo:
        return (gettext("Messages carry no product details on purpose: they are on the request's page."),)
    return ()


def _notes(message: Message) -> list[str]:
    gettext, notes = message.language.gettext, []
    if message.kind is MessageKind.REPEAT:
        notes.append(gettext("Repeat of an earlier message."))
    if message.is_repeat:
        notes.append(gettext("Repeat of an earlier message, which may have reached you already."))
    if message.instead_of:
        who = one_line(message.instead_of, 2 * NAME_LENGTH)
        notes.append(gettext("Sent in place of {who}, who cannot be told.", who=who))
    if message.redirected_from:
        address = one_line(message.redirected_from, DETAIL_LENGTH)
        notes.append(gettext("Redirected by a setting; meant for {address}.", address=address))
    return notes


def _quoted(message: Message) -> str | None:
    is_his_own = message.kind is MessageKind.RECEIPT and message.to_cmo and not message.redirected_from
    return message.submitted if is_his_own else None
