"""What states, facts, roles and messages are called on a page; field names of typed details made readable."""

from datetime import date
from enum import StrEnum
from typing import NamedTuple, TypeVar

from slamon.db.shutdowns import ShutdownStatus
from slamon.domain.terms import Level
from slamon.domain.timeline import Role, Via
from slamon.web.view.instants import civil_day
from slamon.wording.message import MessageKind

Code = TypeVar("Code", bound=StrEnum)

ROLES = {
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
}
VIAS = {
    Via.API: "by API",
    Via.STAFF_PAGE: "on this site",
    Via.WEB_FORM: "by web form",
    Via.PHONE_RECORDED: "by phone",
    Via.EMAIL_RECORDED: "by mail",
    Via.REPLAY: "imported",
    Via.SYSTEM: "by itself",
}
LEVELS = {
    Level.REMINDER: "Reminder due",
    Level.TARGET: "Target passed",
    Level.LIMIT: "Limit passed",
    Level.REPEAT: "Not taken: told again",
    Level.BACKUP: "Not taken: backup told",
    Level.STEP_3: "Escalated to head and quality",
    Level.STEP_4: "Escalated to steering",
}
MESSAGES = {
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
}


class Told(NamedTuple):
    """What something is called, and the colour of its pill."""

    words: str
    tone: str


SHUTDOWNS = {
    ShutdownStatus.ANNOUNCED: Told("Announced, not decided", "soon"),
    ShutdownStatus.AGREED: Told("Agreed", "met"),
    ShutdownStatus.REFUSED: Told("Refused", "off"),
}
_LABELS = {
    "due_on": "Needed on",
    "cmo_reference": "CMO’s order reference",
    "contact_id": "Contact",
}
_DAYS = ("_date", "_from", "_to", "_on")


def shown(name: str, value: object) -> str:
    """A value of a detail as text: civil dates as elsewhere, lists with commas."""
    if isinstance(value, list | tuple):
        return ", ".join(shown(name, each) for each in value)
    if name.endswith(_DAYS) and isinstance(value, str):
        return civil_day(date.fromisoformat(value))
    return label(value) if isinstance(value, bool) else str(value)


def named(kind: type[Code], text: str) -> Code | None:
    """The member of `kind` that `text` names; None for anything else."""
    try:
        return kind(text)
    except ValueError:
        return None


def label(name: object) -> str:
    """A field name or a code in words: `requested_ship_date` is "Requested ship date"."""
    if isinstance(name, bool):
        return "yes" if name else "no"
    text = str(name)
    return _LABELS.get(text, (text[:1].upper() + text[1:]).replace("_", " "))
