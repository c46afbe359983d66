"""What a message may tell its reader, complete and before it becomes words.

A `Message` is everything a reader may be told, and nothing else: no product, lot, treatment or free text ever
enters it, so none can leave (blinding), but for a subject line where the sponsor allows it in mails.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from slamon.domain.terms import BREACH_LEVELS, Level
from slamon.wording.clocks import ClockWords
from slamon.wording.facts import FactWords
from slamon.wording.language import ENGLISH, Language


class MessageKind(StrEnum):
    """What a message is about; the ladder's levels are the kinds that escalate."""

    FILED = "filed"  # to the contact: a new request, please confirm receipt
    REMINDER = "reminder"
    TARGET = "target"
    LIMIT = "limit"
    REPEAT = "repeat"  # the breach again: nobody took it
    BACKUP = "backup"  # the breach to the lead's backup: still nobody took it
    STEP_3 = "step_3"
    STEP_4 = "step_4"
    DIGEST = "digest"  # many steps of one CMO in one message
    TAKEN = "taken"  # one line to those who were escalated to: somebody is on it
    CLOSING = "closing"  # one line to those who were escalated to: it is over
    WITHDRAWN = "withdrawn"  # to whoever was told of a breach: a late fact or other terms have undone it
    CLOSING_SOON = "closing_soon"  # to the project manager: an answered request is about to close by itself
    RECEIPT = "receipt"  # to the contact: this is what you submitted
    SPONSOR_ACTED = "sponsor_acted"  # to the contact: reply, follow-up, rejection, acceptance, cancellation
    CMO_ACTED = "cmo_acted"  # to the project manager: the CMO acknowledged, asked, answered or declined
    FRESH_LINK = "fresh_link"  # to the contact: the new link that was asked for
    NOT_REACHED = "not_reached"  # to the project manager: a mail to the contact was refused
    NOBODY_THERE = "nobody_there"  # to the project manager: nobody at the CMO can be told any more
    INVITATION = "invitation"  # to a member of staff: the link with which they set their password
    REVIEW_DUE = "review_due"  # to the owner of a policy line: its review date has come
    KEY_MADE = "key_made"  # to a member of staff: an API key was made in their name
    ACCOUNT_LINK = "account_link"  # to a member of staff: the link to a new password, asked for or past a lock
    LINK_MADE = "link_made"  # to everybody with an account: somebody made a link to an account on the host
    ADDRESS_CHANGED = "address_changed"  # to an address that is no longer its owner's: who changed it
    ALARM = "alarm"  # to the administrators: a route is down
    TEST = "test"  # from the set-up: does this channel work?


LADDER_KINDS = frozenset(MessageKind(level.value) for level in Level)
BREACH_KINDS = frozenset(MessageKind(level.value) for level in BREACH_LEVELS)
OPENS_AN_ACCOUNT = frozenset({MessageKind.INVITATION, MessageKind.ACCOUNT_LINK})  # their link sets a password


@dataclass(frozen=True, slots=True)
class ClockLine:
    """One clock as a message names it; instants are aware UTC, None while paused.

    `is_dated`: its deadline is a day somebody named, and no amount of hours.
    """

    words: ClockWords
    started_at: datetime
    target_at: datetime | None
    limit_at: datetime | None
    unit: str  # "hours" or "working hours"
    target_seconds: int
    limit_seconds: int
    is_dated: bool = False
    is_the_sponsors: bool = False


@dataclass(frozen=True, slots=True)
class DigestLine:
    """One request in a digest: the highest step it passed and the clocks that passed it."""

    number: str
    request_type: str
    kind: MessageKind
    clocks: tuple[ClockLine, ...]
    link: str | None


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one reader, complete: rendering adds words and layout only.

    `key` is the same on every attempt. `at` is the business time of the attempt. `reader_zone` is the
    reader's IANA zone, `other_zone` the other party's. `clocks` of an escalation are those that crossed.
    `act` has the words of the fact for the kinds that report one; in a closing, of what stopped the clock.
    `submitted` is what a contact sent, given back in their own receipt only. `request_type`, `a_request` and `priority`
    are words of the reader's `language`, as those of clocks and act are.
    """

    key: str
    kind: MessageKind
    address: str  # an e-mail address, or a Slack channel or user id
    recipient_name: str
    to_cmo: bool
    at: datetime
    reader_zone: str
    other_zone: str
    sponsor_name: str
    language: Language = ENGLISH
    link: str | None = None
    number: str = ""
    request_type: str = ""
    a_request: str = ""
    priority: str = ""
    cmo_name: str = ""
    site_name: str = ""
    topic: str | None = None  # the request's subject line, where mails may name it
    order_reference: str | None = None  # the CMO's own, in mails to the CMO only
    filed_at: datetime | None = None
    clocks: tuple[ClockLine, ...] = ()
    contact_attempts: int = 0  # messages that reached the contact's side so far
    act: FactWords | None = None
    tells_of_damage: bool = False  # the act tells of goods that are lost or not as they should be
    is_closed: bool = False  # nothing can be done in the request any more
    actor_name: str | None = None
    submitted: str | None = None
    detail: str | None = None  # plain words of the system itself; of a changed address the name of who changed it
    is_repeat: bool = False  # the same message may already have arrived
    redirected_from: str | None = None
    closes_at: datetime | None = None  # when the request closes by itself
    instead_of: str | None = None  # who should have been told and cannot be, by name and part
    may_take: bool = True  # of an escalation: whether its reader may take it
    taken_by: str | None = None  # who has taken the escalation, if anybody has
    taken_at: datetime | None = None
    lines: tuple[DigestLine, ...] = ()
    more_lines: int = 0  # requests of a digest that are not listed
    message_id: str = ""  # e-mail: this row's own, the same on every attempt
    thread_id: str | None = None  # the provider_id of the request's first message to this address
