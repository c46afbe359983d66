"""What people read of each clock: its names, what it asks for, and when it starts."""

from collections.abc import Mapping
from dataclasses import dataclass

from slamon.domain.terms import ClockKind


@dataclass(frozen=True, slots=True)
class ClockWords:
    """The words of one clock.

    `name` is what is waited for, as pages call it; `label` the clock itself, as policies and messages call it. `duty`
    follows "please", `undone` follows "has not". `headline` says on pages who must do what; where that is the contact,
    "by" and the target follow. `starts` follows "The clock started"; of a clock that ends on a day, "the end of the
    day".
    """

    name: str
    label: str
    duty: str
    undone: str
    headline: str
    starts: str


ENGLISH_CLOCKS: Mapping[str, ClockWords] = {
    ClockKind.ACKNOWLEDGEMENT.value: ClockWords(
        name="receipt",
        label="acknowledgement",
        duty="confirm receipt",
        undone="confirmed receipt",
        headline="Please confirm receipt",
        starts="when the request was filed",
    ),
    ClockKind.ANSWER.value: ClockWords(
        name="answer",
        label="answer",
        duty="answer",
        undone="answered",
        headline="Please answer",
        starts="when the request was filed",
    ),
    ClockKind.ORDER_CONFIRMATION.value: ClockWords(
        name="order confirmation",
        label="order confirmation",
        duty="confirm the order",
        undone="confirmed the order",
        headline="Please confirm the order",
        starts="when the CMO first acted on the request",
    ),
    ClockKind.REPLY.value: ClockWords(
        name="reply",
        label="reply",
        duty="reply",
        undone="replied",
        headline="Please reply to the last message",
        starts="with the oldest message of the sponsor that nobody had answered",
    ),
    ClockKind.DISPATCH_CONFIRMATION.value: ClockWords(
        name="confirmation of dispatch",
        label="dispatch confirmation",
        duty="confirm dispatch",
        undone="confirmed dispatch",
        headline="Please confirm dispatch",
        starts="when the goods left; until that is told, at the end of the planned ship date",
    ),
    ClockKind.DELIVERY_CONFIRMATION.value: ClockWords(
        name="confirmation of delivery",
        label="delivery confirmation",
        duty="confirm delivery",
        undone="confirmed delivery",
        headline="Please confirm delivery",
        starts="when the goods arrived, whoever said so; until that is told, at the end of the expected day",
    ),
    ClockKind.FULFILMENT.value: ClockWords(
        name="due date",
        label="fulfilment",
        duty="keep the due date",
        undone="kept the due date",
        headline="Needed",
        starts="first agreed, at the destination; a later revision does not move it",
    ),
    ClockKind.PROMISE.value: ClockWords(
        name="promised date",
        label="promise",
        duty="keep the date you named",
        undone="kept the date it named",
        headline="You promised it",
        starts="the CMO named, at its site",
    ),
    ClockKind.SPONSOR.value: ClockWords(
        name="sponsor’s reply",
        label="sponsor",
        duty="reply to the CMO",
        undone="replied to the CMO",
        headline="We owe the CMO a reply",
        starts="when the CMO asked",
    ),
    ClockKind.EXCURSION_DECISION.value: ClockWords(
        name="quality’s decision",
        label="excursion decision",
        duty="decide on the goods",
        undone="decided on the goods",
        headline="Quality has to decide",
        starts="when the sponsor was told that something is wrong with the goods",
    ),
}
