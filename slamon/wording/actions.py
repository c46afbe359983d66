"""What every action is called on the pages where people take it; `{sponsor}` is the sponsor's name."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class FormWords:
    """An action's form on the page of one side. `title` names it where it is folded away; `button` sends it.

    `done` is said once it is sent; `done_as` instead where another than the usual fact was made, by its kind.
    """

    title: str
    button: str
    done: str
    note: str = ""
    done_as: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FieldWords:
    """What stands beside a field of a form."""

    label: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class ActionWords:
    """An action in words: `verb` as in "it is not possible to ... any more"; `fields` are those that its form asks for.

    A side that has no form of it has no words either.
    """

    verb: str
    to_contact: FormWords | None = None
    to_staff: FormWords | None = None
    fields: Mapping[str, FieldWords] = field(default_factory=dict)


ACTIONS: Mapping[str, ActionWords] = {
    "acknowledge": ActionWords(
        verb="confirm receipt",
        to_contact=FormWords(title="Confirm receipt", button="Received", done="Thank you. Receipt is confirmed"),
        fields={"expected_on": FieldWords("Answer expected on")},
    ),
    "ask": ActionWords(
        verb="ask a question",
        to_contact=FormWords(
            title="Ask a question first",
            button="Send question",
            done="Thank you. Your question was sent",
            note="While {sponsor} owes you a reply, your clock is paused.",
        ),
        fields={"text": FieldWords("Question")},
    ),
    "reply": ActionWords(
        verb="reply",
        to_staff=FormWords(
            title="Reply to the CMO’s question",
            button="Send reply",
            done="Reply sent.",
            note="Your reply starts the CMO’s clock again.",
        ),
        fields={"text": FieldWords("Reply")},
    ),
    "answer": ActionWords(
        verb="answer",
        to_contact=FormWords(title="Answer", button="Send answer", done="Thank you. Your answer was sent"),
        fields={"items": FieldWords("Items"), "text": FieldWords("Remarks")},
    ),
    "respond": ActionWords(
        verb="respond",
        to_contact=FormWords(title="Write a message", button="Send message", done="Thank you. Your message was sent"),
        fields={"text": FieldWords("Message")},
    ),
    "confirm_order": ActionWords(
        verb="confirm the order",
        to_contact=FormWords(
            title="Confirm the order",
            button="Confirm the order",
            done="Thank you. The order is confirmed",
            note="A day later than the one asked for is a proposal: {sponsor} agrees to it or not.",
            done_as={"date_proposed": "Thank you. Your ship date was proposed; the sponsor agrees to it or not"},
        ),
        fields={"planned_ship_on": FieldWords("Planned ship date"), "text": FieldWords("Remarks")},
    ),
    "agree": ActionWords(
        verb="agree to the ship date",
        to_staff=FormWords(
            title="Agree to the ship date",
            button="Agree to this date",
            done="Agreed. The order is confirmed.",
            note="The order is confirmed for that day; the CMO is told.",
        ),
    ),
    "refuse": ActionWords(
        verb="refuse the ship date",
        to_staff=FormWords(
            title="Refuse the ship date",
            button="Refuse this date",
            done="Refused. The CMO must name another date.",
            note="The CMO is told why and must confirm the order again.",
        ),
        fields={"reason": FieldWords("Why")},
    ),
    "confirm_packed": ActionWords(
        verb="confirm that it is packed",
        to_contact=FormWords(title="Confirm packing", button="Confirm packing", done="Thank you. Packing is confirmed"),
        fields={
            "lines": FieldWords("What is packed", "0 or empty where none of a line is in it"),
            "logger_serials": FieldWords("Serial numbers of the loggers", "commas between several"),
            "packed_at": FieldWords("Packed at", "left empty: now"),
        },
    ),
    "confirm_dispatch": ActionWords(
        verb="confirm dispatch",
        to_contact=FormWords(
            title="Confirm dispatch", button="Confirm dispatch", done="Thank you. Dispatch is confirmed"
        ),
        fields={
            "consignment": FieldWords("Which goods", "of one told of later the quantities stay as they are"),
            "lines": FieldWords("Quantities", "0 or empty where none of a line is in it"),
            "courier": FieldWords("Courier"),
            "tracking_number": FieldWords("Tracking number", "air waybill, consignment note"),
            "expected_delivery_on": FieldWords("Delivery expected on"),
            "dispatched_at": FieldWords("Dispatched at", "left empty: now"),
            "service": FieldWords("Service"),
            "logger_serials": FieldWords("Serial numbers of the loggers", "commas between several"),
            "text": FieldWords("Remarks"),
        },
    ),
    "confirm_delivery": ActionWords(
        verb="confirm delivery",
        to_contact=FormWords(
            title="Confirm delivery", button="Confirm delivery", done="Thank you. Delivery is confirmed"
        ),
        to_staff=FormWords(
            title="Confirm delivery, on the destination’s word",
            button="Confirm delivery",
            done="The delivery is recorded.",
            note="For what the destination told you. The CMO is still asked for its own word; its clock runs from the "
            "delivery.",
        ),
        fields={
            "consignment": FieldWords("Consignment"),
            "received_by": FieldWords("Received by"),
            "delivered_at": FieldWords("Delivered at", "left empty: now"),
            "condition": FieldWords("Condition"),
            "readout": FieldWords("Logger readout"),
            "temperatures": FieldWords("Temperatures of the readout"),
            "min_c": FieldWords("Lowest °C"),
            "max_c": FieldWords("Highest °C"),
            "minutes_out": FieldWords("Minutes out of range"),
            "text": FieldWords("Remarks"),
        },
    ),
    "report_lost": ActionWords(
        verb="report a consignment lost",
        to_contact=FormWords(
            title="Report a consignment lost",
            button="Report it lost",
            done="Thank you. The loss was reported",
            note="{sponsor}’s quality department is told at once.",
        ),
        to_staff=FormWords(
            title="Report a consignment lost",
            button="Report it lost",
            done="The loss is recorded.",
            note="Quality is told at once.",
        ),
        fields={"consignment": FieldWords("Consignment"), "text": FieldWords("What is known")},
    ),
    "decide": ActionWords(
        verb="decide on the goods",
        to_staff=FormWords(
            title="Decide on the goods",
            button="Record the decision",
            done="The decision is recorded.",
            note="For goods that are lost, damaged, or of a temperature nobody can vouch for.",
        ),
        fields={
            "consignment": FieldWords("Consignment"),
            "disposition": FieldWords("The goods are"),
            "reason": FieldWords("Why"),
        },
    ),
    "decline": ActionWords(
        verb="decline",
        to_contact=FormWords(
            title="Decline, with a reason", button="Decline this request", done="Your refusal was sent"
        ),
        fields={"reason": FieldWords("Why this cannot be done")},
    ),
    "wait": ActionWords(
        verb="wait for a third party",
        to_contact=FormWords(
            title="You wait for somebody else",
            button="Note the wait",
            done="The wait is noted",
            note="For a courier, an authority, a laboratory. Your clock is paused until then; {sponsor} sees it.",
        ),
        to_staff=FormWords(
            title="The CMO waits for somebody else",
            button="Note the wait",
            done="The wait is noted.",
            note="For a courier, an authority, a laboratory. The CMO’s clock is paused until then.",
        ),
        fields={"reason": FieldWords("For whom, and what for"), "until": FieldWords("Until")},
    ),
    "resume": ActionWords(
        verb="end the wait",
        to_contact=FormWords(
            title="The wait is over", button="End the wait", done="The wait is ended: your clock runs again"
        ),
        to_staff=FormWords(
            title="The wait is over", button="End the wait", done="The wait is ended: the CMO’s clock runs again."
        ),
    ),
    "follow_up": ActionWords(
        verb="follow up",
        to_staff=FormWords(
            title="Follow up",
            button="Send follow-up",
            done="Follow-up sent.",
            note="The CMO’s contact gets a mail with a fresh link, and the clock for their reply starts.",
        ),
        fields={"text": FieldWords("Message")},
    ),
    "accept": ActionWords(
        verb="accept",
        to_staff=FormWords(
            title="Accept and close",
            button="Accept and close",
            done="Accepted and closed.",
            note="The CMO is told; the request is closed.",
        ),
    ),
    "reject": ActionWords(
        verb="send back",
        to_staff=FormWords(
            title="Send back",
            button="Send back",
            done="Sent back to the CMO.",
            note="The CMO is told why, and the request is open again.",
        ),
        fields={"reason": FieldWords("What is missing or wrong")},
    ),
    "reopen": ActionWords(
        verb="open it again",
        to_staff=FormWords(
            title="Open it again",
            button="Open it again",
            done="The request is open again.",
            note="Possible for 30 days after closing. The CMO is told why.",
        ),
        fields={"reason": FieldWords("Why")},
    ),
    "amend": ActionWords(
        verb="change the request",
        to_staff=FormWords(
            title="Change the request",
            button="Change the request",
            done="Changed. The CMO is told.",
            note="Change what is different and leave the rest. The first value stays readable; the CMO is told.",
        ),
        fields={"reason": FieldWords("Why"), "changes": FieldWords("What changes")},
    ),
    "correct": ActionWords(
        verb="correct a message",
        to_contact=FormWords(
            title="Correct an earlier message",
            button="Send correction",
            done="Thank you. Your correction was sent",
            note="What was sent stays readable; your correction stands beside it.",
        ),
        to_staff=FormWords(
            title="Correct an earlier message",
            button="Send correction",
            done="Correction sent.",
            note="What was sent stays readable; the correction stands beside it.",
        ),
        fields={"corrects": FieldWords("Which message"), "text": FieldWords("What is right")},
    ),
    "hand_on": ActionWords(
        verb="hand the request on",
        to_contact=FormWords(
            title="Not me: hand it on",
            button="Hand it on",
            done="Thank you. Your colleague gets a mail with a link of their own",
            note="Your clock goes on. Your own link keeps working.",
        ),
        fields={"name": FieldWords("Colleague’s name"), "email": FieldWords("Colleague’s e-mail address")},
    ),
    "cancel": ActionWords(
        verb="cancel the request",
        to_staff=FormWords(
            title="Cancel the request",
            button="Cancel the request",
            done="Cancelled.",
            note="Running clocks end; the CMO is told.",
        ),
        fields={"reason": FieldWords("Why")},
    ),
    "take": ActionWords(
        verb="take the escalation",
        to_staff=FormWords(
            title="Take the escalation",
            button="Take it",
            done="You have taken it. The repeats stop.",
            note="It stops the repeats, not the clock.",
        ),
    ),
}
