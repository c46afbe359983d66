"""What every kind of fact is called wherever people read of it: history, conversation, messages, the demo."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CmoNews:
    """An act of the CMO in a message to the manager ("Rhein Fill AG ..."), and in the receipt for whoever acted.

    `then` is a sentence on what comes next.
    """

    news: str
    receipt: str
    then: str = ""


@dataclass(frozen=True, slots=True)
class SponsorNews:
    """An act of the sponsor in a message to the contact ("Auriga Bio ..."), and what the contact does then."""

    news: str
    then: str


@dataclass(frozen=True, slots=True)
class FactWords:
    """A fact in words: `did` after a name in the history; `deed` before a request's number.

    `of_cmo` and `of_sponsor` are there where the other side is told of it. `ending` is what an escalation that is over
    says of it.
    """

    did: str
    deed: str
    of_cmo: CmoNews | None = None
    of_sponsor: SponsorNews | None = None
    ending: str = "the clock has stopped"


FACTS: Mapping[str, FactWords] = {
    "filed": FactWords(did="filed the request", deed="filed"),
    "acknowledged": FactWords(
        did="confirmed receipt",
        deed="confirmed receipt of",
        of_cmo=CmoNews("confirmed receipt", "confirmation of receipt"),
    ),
    "asked": FactWords(
        did="asked a question",
        deed="asked a question about",
        of_cmo=CmoNews("asked a question", "question", "The request now waits for your reply."),
    ),
    "replied": FactWords(
        did="replied",
        deed="replied to the question about",
        of_sponsor=SponsorNews("replied to your question", "Open the request to read the reply."),
        ending="the CMO has its reply",
    ),
    "answered": FactWords(did="answered", deed="answered", of_cmo=CmoNews("answered", "answer")),
    "declined": FactWords(did="declined", deed="declined", of_cmo=CmoNews("declined", "refusal")),
    "followed_up": FactWords(
        did="followed up",
        deed="followed up",
        of_sponsor=SponsorNews("sent a follow-up", "Open the request to read it and to reply."),
    ),
    "accepted": FactWords(
        did="accepted",
        deed="accepted the answer to",
        of_sponsor=SponsorNews("accepted your answer", "The request is closed. Nothing more is needed from you."),
        ending="the request is closed",
    ),
    "rejected": FactWords(
        did="did not accept",
        deed="sent back the answer to",
        of_sponsor=SponsorNews("asks you to look at your answer again", "Open the request to see what is missing."),
    ),
    "cancelled": FactWords(
        did="cancelled the request",
        deed="cancelled",
        of_sponsor=SponsorNews("cancelled the request", "Nothing more is needed from you."),
        ending="the request was cancelled",
    ),
    "taken": FactWords(did="took the escalation", deed="took the escalation of"),
    "responded": FactWords(did="responded", deed="wrote a message about", of_cmo=CmoNews("responded", "response")),
    "reopened": FactWords(
        did="opened the request again",
        deed="opened again",
        of_sponsor=SponsorNews("opened the request again", "Open the request to see why."),
    ),
    "order_confirmed": FactWords(
        did="confirmed the order",
        deed="confirmed the order of",
        of_cmo=CmoNews("confirmed the order", "confirmation of the order"),
    ),
    "date_proposed": FactWords(
        did="proposed another ship date",
        deed="proposed another ship date for",
        of_cmo=CmoNews(
            "proposed another ship date", "proposal of another ship date", "The request now waits for your reply."
        ),
    ),
    "date_agreed": FactWords(
        did="agreed to the ship date",
        deed="agreed to the ship date of",
        of_sponsor=SponsorNews("agreed to your ship date", "The order is confirmed."),
        ending="the ship date is agreed",
    ),
    "date_refused": FactWords(
        did="did not agree to the ship date",
        deed="refused the ship date of",
        of_sponsor=SponsorNews("did not agree to your ship date", "Open the request to see why, and to name another."),
        ending="the ship date is refused",
    ),
    "packed": FactWords(
        did="confirmed that it is packed",
        deed="confirmed packing of",
        of_cmo=CmoNews("has packed the goods", "confirmation that it is packed"),
    ),
    "dispatched": FactWords(
        did="confirmed dispatch",
        deed="confirmed dispatch of",
        of_cmo=CmoNews("confirmed dispatch", "confirmation of dispatch"),
    ),
    "delivered": FactWords(
        did="confirmed delivery",
        deed="confirmed delivery of",
        of_cmo=CmoNews("confirmed delivery", "confirmation of delivery"),
        of_sponsor=SponsorNews(
            "was told of the delivery", "Please confirm it yourself: your clock runs from that delivery."
        ),
    ),
    "lost": FactWords(
        did="reported a consignment lost",
        deed="reported a loss of",
        of_cmo=CmoNews("reported a consignment lost", "report of a loss"),
        of_sponsor=SponsorNews("was told that a consignment is lost", "Open the request to see which."),
    ),
    "decided": FactWords(
        did="decided on the goods",
        deed="decided on the goods of",
        of_sponsor=SponsorNews("has decided on the goods", "Open the request to see the decision."),
        ending="quality has decided",
    ),
    "waiting": FactWords(
        did="waits for a third party",
        deed="waits for a third party with",
        of_cmo=CmoNews("waits for a third party", "note of a wait"),
        of_sponsor=SponsorNews("has noted that a third party is waited for", "Your clocks are paused meanwhile."),
    ),
    "resumed": FactWords(
        did="waits no longer",
        deed="waits no longer with",
        of_cmo=CmoNews("waits for a third party no longer", "note that the wait is over"),
        of_sponsor=SponsorNews("has noted that nobody else is waited for", "Your clocks run again."),
    ),
    "amended": FactWords(
        did="changed the request",
        deed="changed",
        of_sponsor=SponsorNews("changed the request", "Open the request to see what changed, from what to what."),
    ),
    "corrected": FactWords(
        did="corrected an earlier message",
        deed="corrected a message about",
        of_cmo=CmoNews("corrected a message", "correction"),
        of_sponsor=SponsorNews("corrected a message", "Open the request to read it."),
    ),
    "handed_on": FactWords(did="handed the request on", deed="handed on"),
    "terms_changed": FactWords(did="changed the terms", deed="changed the terms of"),
    "address_changed": FactWords(did="changed the contact's address", deed="changed the contact's address of"),
}
