"""What is said about any request: questions, answers, messages, acceptance, waits, corrections, changes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, ClassVar
from uuid import UUID

from slamon.domain.actions.parts import (
    ActionDefinition,
    Address,
    AmendableDetail,
    Between,
    Columns,
    Contradiction,
    Count,
    Described,
    FreeText,
    NoneOf,
    OneLine,
    Said,
    Standing,
    Widget,
    given,
)
from slamon.domain.normal_form import is_blank
from slamon.domain.priority import Priority
from slamon.domain.progress import ItemStatus
from slamon.domain.stored import Key
from slamon.domain.timeline import FactKind, NamedPerson

REOPENED_WITHIN = timedelta(days=30)
UNKNOWN = "not told in the imported file"
Number = Annotated[int, Between(1, 200)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledge(Said):
    action: ClassVar = "acknowledge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask(Said):
    action: ClassVar = "ask"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply(Said):
    action: ClassVar = "reply"


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemAnswer:
    """What becomes of one data item or one question. Declined, it needs a reason."""

    item: Annotated[Number, Described("Place of the item or question, from 1.")]
    status: Annotated[ItemStatus, NoneOf((ItemStatus.OPEN,))] = ItemStatus.SUPPLIED
    text: Annotated[str, FreeText(20_000)] = ""
    document_number: Annotated[str, OneLine(80)] = ""
    document_version: Annotated[str, OneLine(40)] = ""
    reason: Annotated[str, FreeText(4000)] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(Said):
    action: ClassVar = "answer"

    items: Annotated[
        tuple[ItemAnswer, ...] | None,
        Count(1, 50),
        Widget("items"),
        Described("Left out, the answer is to everything still open."),
    ] = None


def _check_answer(said: Answer, standing: Standing) -> Answer:
    owed = standing.progress.items
    if said.items is None:
        return replace(said, items=tuple(ItemAnswer(item=number) for number in standing.progress.open_items))
    numbers = [part.item for part in said.items]
    for number in numbers:
        if not 1 <= number <= len(owed):
            raise Contradiction("items", f"there is no item {number}; this request has {len(owed)}")
    if len(set(numbers)) != len(numbers):
        raise Contradiction("items", "an item stands twice; name each once")
    says_something = bool(not is_blank(said.text) or said.attachments)
    for part in said.items:
        if part.status == ItemStatus.DECLINED and is_blank(part.reason):
            raise Contradiction("items", f"item {part.item} is declined without a reason; say why")
        with_it = not is_blank(part.text) or part.document_number
        if part.status == ItemStatus.SUPPLIED and not (with_it or says_something):
            raise Contradiction("items", f"item {part.item} comes with nothing: give text, document number or file")
    return said


@dataclass(frozen=True, slots=True, kw_only=True)
class Respond(Said):
    action: ClassVar = "respond"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decline(Said):
    action: ClassVar = "decline"


def _check_decline(said: Decline, _: Standing) -> Decline:
    if said.expected_on:
        raise Contradiction("expected_on", "is for the CMO to say, of an answer still to come; leave it out")
    return said


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp(Said):
    action: ClassVar = "follow_up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Accept(Said):
    action: ClassVar = "accept"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject(Said):
    action: ClassVar = "reject"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopen(Said):
    action: ClassVar = "reopen"


def _check_reopen(said: Reopen, standing: Standing) -> Reopen:
    ended_at = standing.progress.ended_at
    if ended_at is not None and standing.at - ended_at > REOPENED_WITHIN:
        raise Contradiction("reason", "it was closed more than 30 days ago; file a new request with this as its parent")
    return said


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel(Said):
    action: ClassVar = "cancel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Take(Said):
    action: ClassVar = "take"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait(Said):
    action: ClassVar = "wait"

    until: Annotated[datetime | None, Described("When the wait for a third party ends.")] = None


def _check_wait(said: Wait, standing: Standing) -> Wait:
    """A wait ends by itself; all waits of a request together are bounded by the tightest cap of its clocks."""
    at, terms, until = standing.at, standing.terms, given(said.until)
    if until <= at:
        raise Contradiction("until", "must lie in the future")
    caps = [clock.pause_cap for clock in terms.clocks.values() if clock.pause_cap is not None]
    if not caps:
        raise Contradiction("until", f"the policy '{terms.policy_name}' does not let clocks wait for a third party")
    left = min(caps) - standing.known.waited
    if until - at > left:
        minutes = max(0, left // timedelta(minutes=1))
        more = f"{minutes // 60} hours" if minutes >= 60 else f"{minutes} minutes"
        raise Contradiction("until", f"lies too far ahead: by the policy, waits may last {more} more in all")
    return replace(said, until=until.astimezone(UTC))


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume(Said):
    action: ClassVar = "resume"


@dataclass(frozen=True, slots=True, kw_only=True)
class Correct(Said):
    action: ClassVar = "correct"

    corrects: Annotated[
        int | None, Between(1), Widget("message"), Described("Sequence of the fact whose text this corrects.")
    ] = None


def _check_correct(said: Correct, standing: Standing) -> Correct:
    """A correction points at something the same side wrote."""
    corrected = next((fact for fact in standing.timeline if fact.sequence == said.corrects), None)
    if corrected is None or not corrected.words:
        raise Contradiction("corrects", "names no message; give the sequence of a fact with a text")
    if corrected.by.is_cmo != standing.is_cmo:
        raise Contradiction("corrects", "names a message of the other side; a correction is for one's own")
    return said


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOn(Said):
    action: ClassVar = "hand_on"

    name: Annotated[str, OneLine(200)] = ""
    email: Annotated[str, Address()] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOn(Said):
    """What the fact says of a hand-on: who has the request now."""

    action: ClassVar = "hand_on"

    contact: NamedPerson


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Fields left out stay as they are; of rows (lines, items) each change says the row's `number`, from 1."""

    due_on: date | None = None
    priority: Priority | None = None
    cmo_reference: Annotated[str, OneLine(80)] = ""
    contact_id: UUID | None = None
    detail: Annotated[Mapping[str, Any] | None, AmendableDetail()] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Amend(Said):
    action: ClassVar = "amend"

    changes: Annotated[Changes | None, Widget("changes")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    before: Annotated[Any, Key("from")]
    after: Annotated[Any, Key("to")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Amended(Said):
    """What the fact says of an amendment: each field changed, from what to what; `detail` holds several fields."""

    action: ClassVar = "amend"

    changes: Mapping[str, Change]

    def new(self, name: str) -> Any:
        """The value that a field was changed to; None where it was not changed."""
        return self.changes[name].after if name in self.changes else None

    @property
    def new_detail(self) -> Mapping[str, Any]:
        """What of the detail was changed, to what."""
        return self.new("detail") or {}


def _plain(says: type[Said], fact: str, *asks: str, **more: Any) -> ActionDefinition[Said]:
    return ActionDefinition(says, (fact,), asks, **more)


def _dated(at: str, **says: str) -> Columns:
    """Columns of an act; a text or reason that the file does not tell is said to be unknown."""
    return Columns(at, says, dict.fromkeys(says, UNKNOWN))


TALK: tuple[ActionDefinition[Any], ...] = (
    _plain(Acknowledge, FactKind.ACKNOWLEDGED, "expected_on", columns=_dated("acknowledged_at")),
    _plain(Ask, FactKind.ASKED, "text", takes_file=True, columns=_dated("asked_at", text="asked_text")),
    _plain(Reply, FactKind.REPLIED, "text", columns=_dated("replied_at", text="replied_text")),
    ActionDefinition(
        Answer,
        (FactKind.ANSWERED,),
        ("items", "text"),
        takes_file=True,
        check=_check_answer,
        columns=Columns("answered_at", {"text": "answered_text"}),
    ),
    _plain(Respond, FactKind.RESPONDED, "text"),
)
CHANGES: tuple[ActionDefinition[Any], ...] = (
    ActionDefinition(
        Decline,
        (FactKind.DECLINED,),
        ("reason",),
        check=_check_decline,
        columns=_dated("declined_at", reason="declined_reason"),
    ),
    ActionDefinition(Wait, (FactKind.WAITING,), ("reason", "until"), check=_check_wait),
    _plain(Resume, FactKind.RESUMED),
    _plain(FollowUp, FactKind.FOLLOWED_UP, "text"),
    _plain(Accept, FactKind.ACCEPTED, columns=_dated("closed_at")),
    _plain(Reject, FactKind.REJECTED, "reason"),
    ActionDefinition(Reopen, (FactKind.REOPENED,), ("reason",), check=_check_reopen),
    _plain(Amend, FactKind.AMENDED, "reason", "changes"),
    ActionDefinition(Correct, (FactKind.CORRECTED,), ("corrects", "text"), check=_check_correct),
    _plain(HandOn, FactKind.HANDED_ON, "name", "email"),
    _plain(Cancel, FactKind.CANCELLED, "reason", columns=_dated("cancelled_at", reason="cancelled_reason")),
    _plain(Take, FactKind.TAKEN),
)
