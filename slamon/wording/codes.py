"""What the codes of requests, people and messages are called on pages: closed sets, each with all its words."""

from collections.abc import Mapping
from dataclasses import dataclass

from slamon.domain.progress import Condition, Disposition, Readout
from slamon.domain.terms import Level
from slamon.domain.timeline import Role, Via
from slamon.wording.message import MessageKind


@dataclass(frozen=True, slots=True)
class CodeWords:
    """The words of one language, by the value of each code.

    `vias` says how an act came in, `levels` what a step of the ladder did, `messages` what a message is, `shutdowns`
    and `deliveries` how far one is, `counts` whether time counts, `in_common` what two requests share. `problems` are
    pydantic's, by their type; `typed` are the fields whose text is given back where it could not be used;
    `error_titles` and `error_sentences` stand on the page of an error, by its HTTP status.
    """

    roles: Mapping[str, str]
    vias: Mapping[str, str]
    levels: Mapping[str, str]
    messages: Mapping[str, str]
    conditions: Mapping[str, str]
    readouts: Mapping[str, str]
    dispositions: Mapping[str, str]
    shutdowns: Mapping[str, str]
    deliveries: Mapping[str, str]
    counts: Mapping[str, str]
    processes: Mapping[str, str]
    in_common: Mapping[str, str]
    problems: Mapping[str, str]
    typed: Mapping[str, str]
    error_titles: Mapping[int, str]
    error_sentences: Mapping[int, str]


CODES = CodeWords(
    roles={
        Role.PROJECT_MANAGER: "project manager",
        Role.LEAD: "lead",
        Role.HEAD: "head",
        Role.QUALITY: "quality",
        Role.STEERING: "steering",
        Role.ADMIN: "administrator",
        Role.AUDITOR: "auditor",
        Role.CMO_CONTACT: "CMO contact",
        Role.CMO_LEAD: "CMO lead",
        Role.SYSTEM: "system",
    },
    vias={
        Via.API: "by API",
        Via.STAFF_PAGE: "on this site",
        Via.WEB_FORM: "by web form",
        Via.PHONE_RECORDED: "by phone",
        Via.EMAIL_RECORDED: "by mail",
        Via.REPLAY: "imported",
        Via.SYSTEM: "by itself",
    },
    levels={
        Level.REMINDER: "Reminder due",
        Level.TARGET: "Target passed",
        Level.LIMIT: "Limit passed",
        Level.REPEAT: "Not taken: told again",
        Level.BACKUP: "Not taken: backup told",
        Level.STEP_3: "Escalated to head and quality",
        Level.STEP_4: "Escalated to steering",
    },
    messages={
        MessageKind.FILED: "New request",
        MessageKind.REMINDER: "Reminder",
        MessageKind.TARGET: "Target passed",
        MessageKind.LIMIT: "Limit passed",
        MessageKind.REPEAT: "Limit passed, again",
        MessageKind.BACKUP: "Limit passed, to the backup",
        MessageKind.STEP_3: "Escalation to head and quality",
        MessageKind.STEP_4: "Escalation to steering",
        MessageKind.DIGEST: "Digest",
        MessageKind.TAKEN: "Taken",
        MessageKind.CLOSING: "It is over",
        MessageKind.WITHDRAWN: "Breach withdrawn",
        MessageKind.CLOSING_SOON: "About to close",
        MessageKind.RECEIPT: "Receipt",
        MessageKind.SPONSOR_ACTED: "News from the sponsor",
        MessageKind.CMO_ACTED: "News from the CMO",
        MessageKind.FRESH_LINK: "Fresh link",
        MessageKind.ADDRESS_CHANGED: "Change of address",
        MessageKind.NOT_REACHED: "Contact not reached",
        MessageKind.NOBODY_THERE: "Nobody at the CMO can be told",
        MessageKind.INVITATION: "Invitation",
        MessageKind.REVIEW_DUE: "Policy review due",
        MessageKind.KEY_MADE: "Key made",
        MessageKind.ACCOUNT_LINK: "Link to a new password",
        MessageKind.LINK_MADE: "Link made on the host",
        MessageKind.ALARM: "Alarm",
        MessageKind.TEST: "Test",
    },
    conditions={
        Condition.INTACT: "intact",
        Condition.DAMAGED: "damaged",
        Condition.SHORT: "less than was sent",
        Condition.OVER: "more than was sent",
        Condition.WRONG_ITEM: "wrong item",
    },
    readouts={
        Readout.IN_RANGE: "temperature in range",
        Readout.EXCURSION: "temperature excursion",
        Readout.MISSING: "no logger readout",
        Readout.NOT_REQUIRED: "no logger travelled",
    },
    dispositions={Disposition.USABLE: "usable", Disposition.NOT_USABLE: "not usable"},
    shutdowns={"announced": "Announced, not decided", "agreed": "Agreed", "refused": "Refused"},
    deliveries={
        "queued": "waiting to be sent",
        "sending": "being sent",
        "unknown": "nobody can say yet whether it arrived",
        "folded": "part of a digest that is about to leave",
        "sent": "sent",
        "failed": "not reached",
        "suppressed": "not sent: no longer needed, or dismissed",
    },
    counts={"counted": "counted", "paused": "paused", "closed": "closed", "holiday": "holiday"},
    in_common={"lot": "lot", "order number": "order number", "lot and order number": "lot and order number"},
    processes={"api": "Api", "embedded": "Embedded", "ticker": "Ticker", "worker": "Worker"},
    problems={
        "missing": "must not be empty",
        "string_too_short": "must not be empty",
        "string_too_long": "is too long",
        "string_pattern_mismatch": "must be one line of plain text",
        "too_short": "must not be empty",
        "enum": "choose one of the list",
        "literal_error": "choose one of the list",
        "uuid_parsing": "choose one of the list",
        "decimal_parsing": "must be a number",
        "float_parsing": "must be a number",
        "int_parsing": "must be a whole number",
        "int_from_float": "must be a whole number",
        "greater_than_equal": "is too low",
        "less_than_equal": "is too high",
        "decimal_max_digits": "has too many digits",
        "decimal_max_places": "has too many decimal places",
        "decimal_whole_digits": "has too many digits",
        "greater_than": "must be more than zero",
    },
    typed={
        "text": "Text",
        "reason": "Reason",
        "evidence": "Evidence",
        "subject": "Subject",
        "description": "Description",
        "courier": "Courier",
        "tracking_number": "Tracking number",
        "received_by": "Received by",
        "name": "Name",
        "email": "Email",
    },
    error_titles={
        400: "That could not be read",
        401: "Please sign in",
        403: "Not allowed",
        404: "Nothing here",
        405: "Not possible at this address",
        409: "Not possible now",
        410: "This link is no longer valid",
        412: "Somebody acted first",
        413: "That is too large",
        422: "Something is missing or wrong",
        429: "Too many attempts",
        500: "Something went wrong on our side",
        503: "Not available right now",
    },
    error_sentences={
        404: "There is no page at this address, or it is not yours to see.",
        405: "The address is right, but it cannot be used this way.",
        413: "What you sent is larger than this site takes. Shorten it and send it again.",
        500: "Nothing was stored. The error was written down; please try again in a moment.",
    },
)
