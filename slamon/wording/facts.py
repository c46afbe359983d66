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
    """A fact in words: `did` stands after a name in the history.

    `of_cmo` and `of_sponsor` are there where the other side is told of it. `ending` is what an escalation that is over
    says of it.
    """

    did: str
    of_cmo: CmoNews | None = None
    of_sponsor: SponsorNews | None = None
    ending: str = "the clock has stopped"


FACTS: Mapping[str, FactWords] = {
    "filed": FactWords(did="filed the request"),
    "acknowledged": FactWords(
        did="confirmed receipt",
        of_cmo=CmoNews("confirmed receipt", "confirmation of receipt"),
    ),
    "asked": FactWords(
        did="asked a question",
        of_cmo=CmoNews("asked a question", "question", "The request now waits for your reply."),
    ),
    "replied": FactWords(
        did="replied",
        of_sponsor=SponsorNews("replied to your question", "Open the request to read the reply."),
        ending="the CMO has its reply",
    ),
    "answered": FactWords(did="answered", of_cmo=CmoNews("answered", "answer")),
    "declined": FactWords(did="declined", of_cmo=CmoNews("declined", "refusal")),
    "followed_up": FactWords(
        did="followed up",
        of_sponsor=SponsorNews("sent a follow-up", "Open the request to read it and to reply."),
    ),
    "accepted": FactWords(
        did="accepted",
        of_sponsor=SponsorNews("accepted your answer", "The request is closed. Nothing more is needed from you."),
        ending="the request is closed",
    ),
    "rejected": FactWords(
        did="did not accept",
        of_sponsor=SponsorNews("asks you to look at your answer again", "Open the request to see what is missing."),
    ),
    "cancelled": FactWords(
        did="cancelled the request",
        of_sponsor=SponsorNews("cancelled the request", "Nothing more is needed from you."),
        ending="the request was cancelled",
    ),
    "taken": FactWords(did="took the escalation"),
    "responded": FactWords(did="responded", of_cmo=CmoNews("responded", "response")),
    "reopened": FactWords(
        did="opened the request again",
        of_sponsor=SponsorNews("opened the request again", "Open the request to see why."),
    ),
    "order_confirmed": FactWords(
        did="confirmed the order",
        of_cmo=CmoNews("confirmed the order", "confirmation of the order"),
    ),
    "date_proposed": FactWords(
        did="proposed another ship date",
        of_cmo=CmoNews(
            "proposed another ship date", "proposal of another ship date", "The request now waits for your reply."
        ),
    ),
    "date_agreed": FactWords(
        did="agreed to the ship date",
        of_sponsor=SponsorNews("agreed to your ship date", "The order is confirmed."),
        ending="the ship date is agreed",
    ),
    "date_refused": FactWords(
        did="did not agree to the ship date",
        of_sponsor=SponsorNews("did not agree to your ship date", "Open the request to see why, and to name another."),
        ending="the ship date is refused",
    ),
    "packed": FactWords(
        did="confirmed that it is packed",
        of_cmo=CmoNews("has packed the goods", "confirmation that it is packed"),
    ),
    "dispatched": FactWords(
        did="confirmed dispatch",
        of_cmo=CmoNews("confirmed dispatch", "confirmation of dispatch"),
    ),
    "delivered": FactWords(
        did="confirmed delivery",
        of_cmo=CmoNews("confirmed delivery", "confirmation of delivery"),
        of_sponsor=SponsorNews(
            "was told of the delivery", "Please confirm it yourself: your clock runs from that delivery."
        ),
    ),
    "lost": FactWords(
        did="reported a consignment lost",
        of_cmo=CmoNews("reported a consignment lost", "report of a loss"),
        of_sponsor=SponsorNews("was told that a consignment is lost", "Open the request to see which."),
    ),
    "decided": FactWords(
        did="decided on the goods",
        of_sponsor=SponsorNews("has decided on the goods", "Open the request to see the decision."),
        ending="quality has decided",
    ),
    "waiting": FactWords(
        did="waits for a third party",
        of_cmo=CmoNews("waits for a third party", "note of a wait"),
        of_sponsor=SponsorNews("has noted that a third party is waited for", "Your clocks are paused meanwhile."),
    ),
    "resumed": FactWords(
        did="waits no longer",
        of_cmo=CmoNews("waits for a third party no longer", "note that the wait is over"),
        of_sponsor=SponsorNews("has noted that nobody else is waited for", "Your clocks run again."),
    ),
    "amended": FactWords(
        did="changed the request",
        of_sponsor=SponsorNews("changed the request", "Open the request to see what changed, from what to what."),
    ),
    "corrected": FactWords(
        did="corrected an earlier message",
        of_cmo=CmoNews("corrected a message", "correction"),
        of_sponsor=SponsorNews("corrected a message", "Open the request to read it."),
    ),
    "handed_on": FactWords(did="handed the request on"),
    "terms_changed": FactWords(did="changed the terms"),
    "address_changed": FactWords(did="changed the contact's address"),
}
