"""What states, facts, roles and messages are called on a page; field names of typed details made readable."""

from collections.abc import Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import NamedTuple, TypeVar

from slamon.db.shutdowns import ShutdownStatus
from slamon.domain.lifecycle import RequestType, State
from slamon.domain.terms import Level
from slamon.domain.timeline import Role, Via
from slamon.web.view.instants import civil_day
from slamon.wording.message import MessageKind

Code = TypeVar("Code", bound=StrEnum)

TYPES = {
    RequestType.SHIPMENT: "Shipment request",
    RequestType.DATA: "Data request",
    RequestType.INQUIRY: "Inquiry",
}
STATES = {
    State.FILED: "Filed, not confirmed yet",
    State.ACKNOWLEDGED: "Received by the CMO",
    State.AWAITING_SPONSOR: "Waiting for the sponsor",
    State.PARTLY_ANSWERED: "Answered in part",
    State.ANSWERED: "Answered",
    State.CONFIRMED: "Order confirmed",
    State.PARTLY_DISPATCHED: "Dispatched in part",
    State.DISPATCHED: "Dispatched",
    State.PARTLY_DELIVERED: "Delivered in part",
    State.DELIVERED: "Delivered",
    State.IN_REVIEW: "Waiting for quality’s decision",
    State.DECLINED: "Declined",
    State.CLOSED: "Closed",
    State.CANCELLED: "Cancelled",
}
# The same as the CMO's contact reads them; {sponsor} is the sponsor's name.
STATES_TO_CONTACT = {
    State.FILED: "Sent to you, receipt not confirmed yet",
    State.ACKNOWLEDGED: "Received, not answered yet",
    State.AWAITING_SPONSOR: "Waiting for {sponsor}",
    State.PARTLY_ANSWERED: "Answered in part",
    State.ANSWERED: "Answered",
    State.CONFIRMED: "Order confirmed, not dispatched yet",
    State.PARTLY_DISPATCHED: "Dispatched in part",
    State.DISPATCHED: "Dispatched, delivery not confirmed yet",
    State.PARTLY_DELIVERED: "Delivered in part",
    State.DELIVERED: "Delivered",
    State.IN_REVIEW: "Delivered, waiting for {sponsor}’s quality department",
    State.DECLINED: "Declined",
    State.CLOSED: "Closed",
    State.CANCELLED: "Cancelled",
}
# What the sponsor's own people read where it is their turn.
OUR_TURN = {
    State.AWAITING_SPONSOR: "Waiting for our reply",
    State.ANSWERED: "Answered: accept or send back",
    State.DELIVERED: "Delivered: accept and close",
    State.IN_REVIEW: "Waiting for our quality’s decision",
    State.DECLINED: "Declined: accept or send back",
}
# What comes next for the CMO where no clock says it.
NEXT_FOR_CONTACT = {
    State.FILED: "Please confirm receipt.",
    State.ACKNOWLEDGED: "Please answer.",
    State.PARTLY_ANSWERED: "Please send what is still owed.",
    State.CONFIRMED: "Please confirm dispatch once it has left.",
    State.PARTLY_DISPATCHED: "Please confirm dispatch of the rest once it has left.",
    State.DISPATCHED: "Please confirm delivery once it has arrived.",
    State.PARTLY_DELIVERED: "Please confirm the rest once it has left and arrived.",
}
# What the sponsor does then, as the contact reads it.
SPONSOR_NOW = {
    State.ANSWERED: "{sponsor} looks at your answer.",
    State.DECLINED: "{sponsor} looks at your refusal.",
    State.DELIVERED: "Everything has arrived; {sponsor} closes the request.",
    State.IN_REVIEW: "{sponsor}’s quality department decides on the goods.",
}
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
    "irt_order_no": "IRT order number",
    "protocol_no": "Protocol number",
    "protocol_number": "Protocol number",
    "lots": "Lots",
    "requested_ship_date": "Requested ship date",
    "min_c": "Lowest °C",
    "max_c": "Highest °C",
    "lots_or_kits": "Lots or kits",
    "required_delivery_to": "Needed there by",
    "required_delivery_from": "Needed there from",
    "due_on": "Needed on",
    "cmo_reference": "CMO’s order reference",
    "site_id": "Site",
    "contact_id": "Contact",
    "project_id": "Project",
    "coa": "Certificate of analysis",
    "coc": "Certificate of conformity",
    "sds": "Safety data sheet",
    "tse_bse": "TSE/BSE statement",
    "capa_status": "CAPA status",
    "oos_report": "OOS report",
    "cmo": "CMO",
    "g": "g",
    "kg": "kg",
    "ml": "ml",
    "l": "l",
    "pdf": "PDF",
    "csv": "CSV",
    "xlsx": "Excel (XLSX)",
    "cryogenic": "Cryogenic, below −150 °C",
    "ultra_frozen": "Ultra frozen, −90 to −60 °C",
    "frozen": "Frozen, −25 to −15 °C",
    "refrigerated": "Refrigerated, 2 to 8 °C",
    "controlled_room": "Controlled room temperature, 15 to 25 °C",
    "room_max_30": "Room temperature, at most 30 °C",
}


# Fields of a typed detail that hold a code of ours; anything else is somebody's own text and stays to the letter.
_CODED = frozenset(
    {"order_type", "kind", "transport", "code", "documents", "hazard", "format", "purpose", "category"}
)  # fmt: skip


_DAYS = ("_date", "_from", "_to", "_on")


def shown(name: str, value: object) -> str:
    """A value of a typed detail as text: codes in words, civil dates as elsewhere, lists with commas."""
    if isinstance(value, list | tuple):
        return ", ".join(shown(name, each) for each in value)
    if name.endswith(_DAYS) and isinstance(value, str):
        return civil_day(date.fromisoformat(value))
    return label(value) if isinstance(value, bool) or name in _CODED else str(value)


def columns_of(rows: Sequence[Mapping[str, object]]) -> list[str]:
    """The fields that at least one of the records fills, in the order in which they first appear."""
    return list(dict.fromkeys(name for row in rows for name, value in row.items() if value not in (None, "", [])))


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
