"""What each action is called on the page of whoever takes it: its title, its button, a note, and what is said once it
is done. `{sponsor}` stands for the sponsor's name."""

from collections.abc import Mapping
from dataclasses import dataclass

from slamon.domain.lifecycle import Action


@dataclass(frozen=True, slots=True)
class Wording:
    """`title` names the form where it is folded away; `button` sends it."""

    title: str
    button: str
    done: str
    note: str = ""


TO_CONTACT: Mapping[Action, Wording] = {
    Action.ACKNOWLEDGE: Wording("Confirm receipt", "Received", "Thank you. Receipt is confirmed"),
    Action.ANSWER: Wording("Answer", "Send answer", "Thank you. Your answer was sent"),
    Action.CONFIRM_ORDER: Wording(
        "Confirm the order", "Confirm the order", "Thank you. The order is confirmed",
        "A day later than the one asked for is a proposal: {sponsor} agrees to it or not.",
    ),
    Action.CONFIRM_PACKED: Wording("Confirm packing", "Confirm packing", "Thank you. Packing is confirmed"),
    Action.CONFIRM_DISPATCH: Wording("Confirm dispatch", "Confirm dispatch", "Thank you. Dispatch is confirmed"),
    Action.CONFIRM_DELIVERY: Wording("Confirm delivery", "Confirm delivery", "Thank you. Delivery is confirmed"),
    Action.ASK: Wording(
        "Ask a question first", "Send question", "Thank you. Your question was sent",
        "While {sponsor} owes you a reply, your clock is paused.",
    ),
    Action.DECLINE: Wording("Decline, with a reason", "Decline this request", "Your refusal was sent"),
    Action.RESPOND: Wording(
        "Write a message", "Send message", "Thank you. Your message was sent"
    ),
    Action.REPORT_LOST: Wording(
        "Report a consignment lost", "Report it lost", "Thank you. The loss was reported",
        "{sponsor}’s quality department is told at once.",
    ),
    Action.WAIT: Wording(
        "You wait for somebody else", "Note the wait", "The wait is noted",
        "For a courier, an authority, a laboratory. Your clock is paused until then; {sponsor} sees it.",
    ),
    Action.RESUME: Wording("The wait is over", "End the wait", "The wait is ended: your clock runs again"),
    Action.HAND_ON: Wording(
        "Not me: hand it on", "Hand it on", "Thank you. Your colleague gets a mail with a link of their own",
        "Your clock goes on. Your own link keeps working.",
    ),
    Action.CORRECT: Wording(
        "Correct an earlier message", "Send correction", "Thank you. Your correction was sent",
        "What was sent stays readable; your correction stands beside it.",
    ),
}  # fmt: skip

TO_STAFF: Mapping[Action, Wording] = {
    Action.TAKE: Wording(
        "Take the escalation", "Take it", "You have taken it. The repeats stop.",
        "It stops the repeats, not the clock.",
    ),
    Action.REPLY: Wording(
        "Reply to the CMO’s question", "Send reply", "Reply sent.", "Your reply starts the CMO’s clock again."
    ),
    Action.AGREE: Wording(
        "Agree to the ship date", "Agree to this date", "Agreed. The order is confirmed.",
        "The order is confirmed for that day; the CMO is told.",
    ),
    Action.REFUSE: Wording(
        "Refuse the ship date", "Refuse this date", "Refused. The CMO must name another date.",
        "The CMO is told why and must confirm the order again.",
    ),
    Action.DECIDE: Wording(
        "Decide on the goods", "Record the decision", "The decision is recorded.",
        "For goods that are lost, damaged, or of a temperature nobody can vouch for.",
    ),
    Action.ACCEPT: Wording(
        "Accept and close", "Accept and close", "Accepted and closed.", "The CMO is told; the request is closed."
    ),
    Action.REJECT: Wording(
        "Send back", "Send back", "Sent back to the CMO.", "The CMO is told why, and the request is open again."
    ),
    Action.REOPEN: Wording(
        "Open it again", "Open it again", "The request is open again.",
        "Possible for 30 days after closing. The CMO is told why.",
    ),
    Action.FOLLOW_UP: Wording(
        "Follow up", "Send follow-up", "Follow-up sent.",
        "The CMO’s contact gets a mail with a fresh link, and the clock for their reply starts.",
    ),
    Action.CONFIRM_DELIVERY: Wording(
        "Confirm delivery, on the destination’s word", "Confirm delivery", "The delivery is recorded.",
        "For what the destination told you. The CMO is still asked for its own word; its clock runs from the delivery.",
    ),
    Action.REPORT_LOST: Wording(
        "Report a consignment lost", "Report it lost", "The loss is recorded.", "Quality is told at once."
    ),
    Action.WAIT: Wording(
        "The CMO waits for somebody else", "Note the wait", "The wait is noted.",
        "For a courier, an authority, a laboratory. The CMO’s clock is paused until then.",
    ),
    Action.RESUME: Wording("The wait is over", "End the wait", "The wait is ended: the CMO’s clock runs again."),
    Action.AMEND: Wording(
        "Change the request", "Change the request", "Changed. The CMO is told.",
        "Change what is different and leave the rest. The first value stays readable; the CMO is told.",
    ),
    Action.CORRECT: Wording(
        "Correct an earlier message", "Send correction", "Correction sent.",
        "What was sent stays readable; the correction stands beside it.",
    ),
    Action.CANCEL: Wording(
        "Cancel the request", "Cancel the request", "Cancelled.", "Running clocks end; the CMO is told."
    ),
}  # fmt: skip

# Instead of the thanks for an order, where the day must first be agreed.
DATE_PROPOSED = "Thank you. Your ship date was proposed; the sponsor agrees to it or not"
# Of these no copy goes to the contact's mailbox.
WITHOUT_RECEIPT = frozenset({Action.HAND_ON})
