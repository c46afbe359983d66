"""What a message says, for every channel alike: Message in, words out. Pure.

Layout (HTML, Block Kit, a line of JSON) is the channels' own. Staff are told number, type, CMO, clock, times,
contact attempts and a link; a contact also hears who asks, for which site, and his own order
reference. His own entry comes back in his receipt only, and not when that receipt is redirected.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar, assert_never

from slamon.wording.instants import beside, moment, short_moment, span, target
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

OPENING_CHANGES_NOTHING = "Opening the link changes nothing; only what you send from that page does."
NO_ACCOUNT = "You need no account. The link is personal to {name}: please do not forward it."
NO_DETAILS_HERE = "Messages carry no product details on purpose: they are on the request's page."


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
    headline, sentences = _opening(message)
    repeat = "Repeat: " if message.is_repeat and not headline.startswith("Repeat: ") else ""
    number = f"[{clean(message.number)}] " if message.number else ""
    return Wording(
        subject=f"{number}{repeat}{headline}",
        heading=" · ".join(filter(None, (clean(message.sponsor_name), clean(message.number)))),
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
    kind = message.kind
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
            return _taken(message), ("It is not sent again unless another deadline passes.",)
        case MessageKind.CLOSING:
            return f"{_ending(message)}: this escalation is over", ("Nothing more is sent about it.",)
        case MessageKind.WITHDRAWN:
            return _withdrawn(message)
        case MessageKind.CLOSING_SOON:
            return _closing_soon(message)
        case MessageKind.RECEIPT:
            return f"We have received your {_known(_known(message.act).of_cmo).receipt}", (
                f"It is on record for {clean(message.sponsor_name)}.",
            )
        case MessageKind.SPONSOR_ACTED:
            return _sponsor_acted(message)
        case MessageKind.CMO_ACTED:
            return _cmo_acted(message)
        case MessageKind.FRESH_LINK:
            opens = f"It opens {_request(message)} of {clean(message.sponsor_name)}."
            return "Here is your new link", (opens, _detail(message))
        case MessageKind.NOT_REACHED:
            return f"A mail to {clean(message.cmo_name)} was refused", (
                "The contact may not know of this request.",
                "Please check the address or name another contact.",
            )
        case MessageKind.NOBODY_THERE:
            cmo = clean(message.cmo_name)
            return f"Nobody at {cmo} can be told of this request", (
                "The contact, their backup and the leads there are disabled or inactive.",
                f"Name another contact on the request; until then no message about it reaches {cmo}.",
            )
        case MessageKind.INVITATION:
            return "Please set your password", (
                f"You have an account in slamon at {clean(message.sponsor_name)}.",
                "The link works once, within 24 hours. If you did not expect it, tell your administrator.",
            )
        case MessageKind.REVIEW_DUE:
            return "A policy line is due for review", (
                _detail(message),
                "Look whether it still fits, and set its next review date or end it.",
            )
        case MessageKind.KEY_MADE:
            return "An API key was made in your name", (
                _detail(message),
                "Whoever has it acts as you. If you did not expect it, revoke it at once on the page behind the link.",
            )
        case MessageKind.ACCOUNT_LINK:
            return "Your link to a new password", (
                _detail(message),
                "The link works once, within 24 hours, and lets you in at once.",
                "If you do not need it, leave it: your password stays as it is.",
            )
        case MessageKind.LINK_MADE:
            return "A link to an account was made on the host", (_detail(message),)
        case MessageKind.ADDRESS_CHANGED:
            return _address_changed(message)
        case MessageKind.ALARM:
            happened, rest = _first_sentence(_detail(message))
            return f"Alarm: {happened.rstrip('.') or 'look at the page Status'}", (happened, rest)
        case MessageKind.TEST:
            return "Test message: this channel works", (
                _detail(message),
                "Nothing needs to be done.",
            )
        case _:
            assert_never(kind)


def _asking(message: Message) -> tuple[str, tuple[str, ...]]:
    asked = message.clocks[:1] if message.kind is MessageKind.FILED else message.clocks
    duty = _duties(asked, "confirm receipt")
    due = min(filter(None, (_next_deadline(message, clock) for clock in asked)), default=None)
    by = f" by {short_moment(due, message.reader_zone)}" if due else ""
    sponsor, cmo = clean(message.sponsor_name), clean(message.cmo_name)
    if message.kind is MessageKind.FILED:
        return f"Please {duty}{by}", (
            f"{sponsor} has filed {_a_request(message)} with {cmo}.",
            f"The clock runs on {cmo}'s side until you {duty}.",
        )
    if message.to_cmo:
        return f"Reminder: please {duty}{by}", (f"{sponsor} is waiting for {cmo} on {_request(message)}.",)
    if _is_ours(message):
        return f"Reminder: please {duty}{by}", (f"{cmo} is waiting for {sponsor} on {_request(message)}.",)
    told = "" if message.instead_of else "A reminder has gone to the contact."
    return f"{cmo} is asked to {duty}{by}", (told,)


def _next_deadline(message: Message, clock: ClockLine) -> datetime | None:
    """The target, or the limit once the target has passed: a reminder names what still lies ahead."""
    is_past = clock.target_at is not None and clock.target_at < message.at
    return clock.limit_at if is_past and clock.limit_at is not None else clock.target_at


def _late_to_cmo(message: Message) -> tuple[str, tuple[str, ...]]:
    passed = "Target" if message.kind in PAST_TARGET else "Limit"
    duty = _duties(message.clocks, "answer")
    sentences = [f"{clean(message.sponsor_name)} is waiting for {clean(message.cmo_name)} on {_request(message)}."]
    if message.kind in PAST_LIMIT:
        sentences.append("The people responsible on both sides have been told.")
    return f"{passed} passed: please {duty}", tuple(sentences)


def _late_to_staff(message: Message) -> tuple[str, tuple[str, ...]]:
    who = "We have" if _is_ours(message) else f"{clean(message.cmo_name)} has"
    late = f"{who} not {_undone(message.clocks)} {_within(message)}".rstrip()
    match message.kind:
        case MessageKind.LIMIT:
            return late, (f"{_to_be_taken(message)} The clock keeps running.",)
        case MessageKind.REPEAT:
            return f"Repeat: {late}", ("Nobody has taken this escalation so far.", _to_be_taken(message))
        case MessageKind.BACKUP if message.instead_of or not message.may_take:
            return f"Still not taken: {late}", ("Nobody has taken this escalation.", _to_be_taken(message))
        case MessageKind.BACKUP:
            return f"You are the backup: {late}", ("Nobody has taken this escalation, so it comes to you.",)
        case MessageKind.STEP_3:
            return f"Escalation step 3: {late}", (_taken_already(message),)
        case MessageKind.STEP_4:
            return f"Escalation step 4: {late}", (_taken_already(message),)
        case _:
            return late, ()


def _to_be_taken(message: Message) -> str:
    if message.taken_by:
        return _taken_already(message)
    return "Take it, so that others know somebody is on it." if message.may_take else "It waits for a lead to take it."


def _taken_already(message: Message) -> str:
    return f"{_taken(message)}." if message.taken_by else ""


def _taken(message: Message) -> str:
    at = f" on {short_moment(message.taken_at, message.reader_zone)}" if message.taken_at else ""
    return f"{clean(message.taken_by or 'Somebody')} took this escalation{at}"


def _digest(message: Message) -> tuple[str, tuple[str, ...]]:
    cmo, count = clean(message.cmo_name), len(message.lines) + message.more_lines
    if message.to_cmo:
        waiting = f"{clean(message.sponsor_name)} is waiting for {cmo}."
        links = "Each number below is the link to its form." if any(line.link for line in message.lines) else ""
        return f"{_requests(count)} wait for you", (waiting, links)
    late = sum(line.kind in PAST_LIMIT for line in message.lines)
    at_least = "at least " if late == len(message.lines) < count else ""  # the late ones are listed first
    past = f", {at_least}{late} past the limit" if late else ""
    return f"{cmo}: {_requests(count)} without an answer{past}", (
        "Many steps fell due within a few minutes, so they come as one message.",
    )


def _requests(count: int) -> str:
    return "1 request" if count == 1 else f"{count:,} requests"


def _line_facts(message: Message) -> list[LabelledValue]:
    facts = [
        LabelledValue(
            clean(line.number), f"{clean(line.request_type).capitalize()}: {_line_state(message, line)}", link=line.link
        )
        for line in message.lines
    ]
    if message.more_lines:
        facts.append(LabelledValue("And", f"{message.more_lines:,} more"))
    return facts


def _line_state(message: Message, line: DigestLine) -> str:
    duty = _duties(line.clocks, "answer")
    is_late, past_limit = line.kind in PAST_TARGET | PAST_LIMIT, line.kind in PAST_LIMIT
    if not is_late:
        ahead = min(filter(None, (_next_deadline(message, clock) for clock in line.clocks)), default=None)
        return f"{duty} by {short_moment(ahead, message.reader_zone)}" if ahead else duty
    edges = [at for at in ((c.limit_at if past_limit else c.target_at) for c in line.clocks) if at is not None]
    if not edges:
        return duty
    return f"{duty}, {span(message.at - min(edges))} past the {'limit' if past_limit else 'target'}"


def _closing_soon(message: Message) -> tuple[str, tuple[str, ...]]:
    answered = f"{clean(message.cmo_name)} has answered {_request(message)}, and nobody has accepted the answer."
    if message.closes_at is None:
        return "Answered, and nobody who may accept it can be told", (
            answered,
            "Name a project manager or a lead who can; until then it does not close by itself.",
        )
    at = short_moment(message.closes_at, message.reader_zone)
    return f"Closes by itself on {at}, unless somebody objects", (
        answered,
        "If anything is missing, send it back or follow up; otherwise nothing needs to be done.",
    )


def _withdrawn(message: Message) -> tuple[str, tuple[str, ...]]:
    names = " and ".join(dict.fromkeys(clean(clock.words.label) for clock in message.clocks))
    of = f" of the {names} {'clocks' if ' and ' in names else 'clock'}" if names else ""
    why = f" {clean(message.detail)[:1].upper()}{clean(message.detail)[1:]}." if message.detail else ""
    return f"Withdrawn: the breach we reported{of} no longer counts", (
        f"We told you that the limit{of} had passed on {_request(message)}.{why}",
        "Whatever is still due is on the request's page.",
    )


def _sponsor_acted(message: Message) -> tuple[str, tuple[str, ...]]:
    act = _known(_known(message.act).of_sponsor)
    is_named = message.to_cmo and message.actor_name
    by = f" Written by {clean(message.actor_name or '')}." if is_named else ""
    return f"{clean(message.sponsor_name)} {act.news}", (f"This is about {_request(message)}.{by}", act.then)


def _cmo_acted(message: Message) -> tuple[str, tuple[str, ...]]:
    act = _known(_known(message.act).of_cmo)
    then = act.then
    if message.tells_of_damage:
        then = "Not all is well with the goods: quality must decide."
        if message.is_closed:
            then = "Not all is well with the goods, and the request is closed: take it up with the CMO in an inquiry."
    return f"{clean(message.cmo_name)} {act.news}", (then,)


def _address_changed(message: Message) -> tuple[str, tuple[str, ...]]:
    sponsor = clean(message.sponsor_name)
    return "Your address in slamon was changed", (
        f"{clean(message.detail or '')} changed the address that {sponsor} uses for {clean(message.recipient_name)}.",
        "Messages are no longer sent here, and links that were sent here have ended.",
        f"If you did not expect this, tell {sponsor} at once.",
    )


def _ending(message: Message) -> str:
    if message.act is None:  # it stopped because other terms know it no more
        return "The clock has stopped"
    if message.act.of_cmo is not None:
        return f"{clean(message.cmo_name)} {message.act.of_cmo.news}"
    return message.act.ending[0].upper() + message.act.ending[1:]


def _known(words: _Known | None) -> _Known:
    """The words that the kind of the message needs. Raises LookupError for a fact of which nobody has them."""
    if words is None:
        raise LookupError("the message tells of a fact that has no words for its reader")
    return words


def _duties(clocks: tuple[ClockLine, ...], otherwise: str) -> str:
    """`confirm receipt and answer`."""
    return " and ".join(dict.fromkeys(clock.words.duty for clock in clocks)) or otherwise


def _undone(clocks: tuple[ClockLine, ...]) -> str:
    """`confirmed receipt or answered`."""
    return " or ".join(dict.fromkeys(clock.words.undone for clock in clocks)) or "answered"


def _within(message: Message) -> str:
    if all(clock.is_dated for clock in message.clocks):
        return ""
    past_target = message.kind in PAST_TARGET
    allowed = {target(c.target_seconds if past_target else c.limit_seconds, c.unit) for c in message.clocks}
    return f"within {allowed.pop()}" if len(allowed) == 1 else "in time"


def _is_ours(message: Message) -> bool:
    """Whether it is the sponsor who is timed."""
    return bool(message.clocks) and all(clock.is_the_sponsors for clock in message.clocks)


def _request(message: Message) -> str:
    return f"request {clean(message.number)}" if message.number else "a request"


def _a_request(message: Message) -> str:
    kind = clean(message.request_type)
    if kind == "inquiry":
        return "an inquiry"
    return f"{'an' if kind[:1] in 'aeiou' and kind else 'a'} {kind} request".replace("  ", " ")


def _facts(message: Message) -> list[LabelledValue]:
    if message.lines:
        return _line_facts(message)
    facts = [
        LabelledValue("Request", clean(message.number)),
        LabelledValue("Type", clean(message.request_type).capitalize()),
        LabelledValue("Subject", one_line(message.topic or "", SUBJECT_LENGTH)),
    ]
    if message.to_cmo:
        place = " – ".join(filter(None, (clean(message.cmo_name), clean(message.site_name))))
        facts += [
            LabelledValue("Priority", clean(message.priority).capitalize()),
            LabelledValue("For", place),
            LabelledValue("Your order reference", clean(message.order_reference or "")),
        ]
    else:
        facts.append(LabelledValue("CMO", clean(message.cmo_name)))
    for alike in _alike(message.clocks[:CLOCKS_SHOWN]):
        facts += _clock_facts(message, alike)
    if len(message.clocks) > CLOCKS_SHOWN:
        facts.append(LabelledValue("More clocks", str(len(message.clocks) - CLOCKS_SHOWN)))
    if message.closes_at:
        facts.append(_instant_fact(message, "Closes", message.closes_at))
    if message.filed_at:
        facts.append(_instant_fact(message, "Filed", message.filed_at))
    if message.number and not message.to_cmo:
        facts.append(LabelledValue("Contact attempts so far", str(message.contact_attempts)))
    if message.kind is MessageKind.NOT_REACHED:
        facts.append(LabelledValue("Reason", _detail(message)))
    return [fact for fact in facts if fact.value]


def _alike(clocks: tuple[ClockLine, ...]) -> list[tuple[ClockLine, ...]]:
    """Clocks with the same target and limit together: one table of times tells them all."""
    groups: dict[tuple[object, ...], list[ClockLine]] = {}
    for clock in clocks:
        times = clock.target_at, clock.limit_at, clock.target_seconds, clock.limit_seconds, clock.unit, clock.is_dated
        groups.setdefault(times, []).append(clock)
    return [tuple(group) for group in groups.values()]


def _clock_facts(message: Message, alike: tuple[ClockLine, ...]) -> list[LabelledValue]:
    clock = alike[0]
    names = list(dict.fromkeys(clean(each.words.label) for each in alike))
    if clock.is_dated:
        return [_instant_fact(message, names[0].capitalize(), clock.limit_at)] if clock.limit_at else []
    allowed, limit = target(clock.target_seconds, clock.unit), target(clock.limit_seconds, clock.unit)
    if message.to_cmo:
        duty = _duties(alike, "answer").capitalize()
        labels = f"{duty}: your target, {allowed}", f"{duty}: your limit, {limit}"
        facts = []
    else:
        labels = "Target", "Limit"
        label = "Clock" if len(names) == 1 else "Clocks"
        facts = [LabelledValue(label, f"{' and '.join(names)} (target {allowed}, limit {limit})")]
    facts += _lateness(message, clock)
    if clock.target_at is None and clock.limit_at is None:
        return [*facts, LabelledValue(labels[0], "not known while the clock is paused")]
    if clock.target_at and message.kind not in PAST_LIMIT:
        facts.append(_instant_fact(message, labels[0], clock.target_at))
    if clock.limit_at:
        facts.append(_instant_fact(message, labels[1], clock.limit_at))
    return facts


def _lateness(message: Message, clock: ClockLine) -> list[LabelledValue]:
    past_target = message.kind in PAST_TARGET
    crossed = clock.target_at if past_target else clock.limit_at
    if crossed is None or message.kind not in PAST_TARGET | PAST_LIMIT:
        return []
    # The wall clock tells the lateness; where the target counts working time, say so.
    of = "" if clock.unit == "hours" else " of real time"
    return [
        LabelledValue("Late by", f"{span(message.at - crossed)}{of} past the {'target' if past_target else 'limit'}")
    ]


def _instant_fact(message: Message, label: str, instant: datetime) -> LabelledValue:
    other = beside(instant, message.other_zone, message.reader_zone)
    return LabelledValue(label, moment(instant, message.reader_zone), other)


def _button(message: Message) -> str | None:
    if not message.link:
        return None
    if message.to_cmo:
        return "Open the request"
    if message.kind is MessageKind.DIGEST:
        return "Open the list"
    if not message.number:
        return "Open slamon"
    is_to_be_taken = message.kind in TO_BE_TAKEN and message.may_take and not message.taken_by
    return "Take it" if is_to_be_taken else "Open request"


def _footer(message: Message) -> tuple[str, ...]:
    if message.to_cmo and message.link:
        name = clean(message.recipient_name) or "you"
        return OPENING_CHANGES_NOTHING, NO_ACCOUNT.format(name=name)
    return (NO_DETAILS_HERE,) if message.number and not message.to_cmo else ()


def _notes(message: Message) -> list[str]:
    notes = []
    if message.kind is MessageKind.REPEAT:
        notes.append("Repeat of an earlier message.")
    if message.is_repeat:
        notes.append("Repeat of an earlier message, which may have reached you already.")
    if message.instead_of:
        notes.append(f"Sent in place of {one_line(message.instead_of, 2 * NAME_LENGTH)}, who cannot be told.")
    if message.redirected_from:
        notes.append(f"Redirected by a setting; meant for {one_line(message.redirected_from, DETAIL_LENGTH)}.")
    return notes


def _quoted(message: Message) -> str | None:
    is_his_own = message.kind is MessageKind.RECEIPT and message.to_cmo and not message.redirected_from
    return message.submitted if is_his_own else None
