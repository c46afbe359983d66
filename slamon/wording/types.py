"""What request types, their fields and codes, and the states of a request are called in English.

Looked up with `[]`: a field, code or state without words fails a test, not a reader.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


class FieldWords(NamedTuple):
    """What stands above a field; a hint beside it; and the sentence that asks for it where it is empty."""

    label: str
    hint: str = ""
    missing: str = ""


class RowWords(NamedTuple):
    """What one row of a field with several is called, and the button that adds another."""

    one: str
    add: str


class PartWords(NamedTuple):
    """How far a part of a request is: an item, a question."""

    open: str
    supplied: str
    declined: str = "declined"


@dataclass(frozen=True, slots=True)
class TypeWords:
    """One request type. Fields, rows and groups are named as in the shapes of its model, codes by their value.

    `heading` is the filing page's, `choice` and `choice_hint` offer it. `expected` is what the contact may announce
    (`order confirmation` expected on ...), `to_expect` the same as a verb (expects to `confirm the order`). Messages
    say `short` of the type, and `a_request` of one of its requests.
    """

    name: str
    short: str
    a_request: str
    heading: str
    choice: str
    choice_hint: str
    groups: Mapping[str, str]
    fields: Mapping[str, FieldWords]
    rows: Mapping[str, RowWords]
    codes: Mapping[str, str]
    expected: str = "answer"
    to_expect: str = "answer"
    part: PartWords = field(default=PartWords("still owed", "supplied"))


class StateWords(NamedTuple):
    """One state as staff and as the CMO's contact read it; {sponsor} is the sponsor's name.

    `our_turn` is what staff read instead where the sponsor must move, and `sponsor_now` what the contact does.
    `next_for_contact` is what comes next for the CMO where no clock says it.
    """

    to_staff: str
    to_contact: str
    our_turn: str = ""
    sponsor_now: str = ""
    next_for_contact: str = ""


STATES: Mapping[str, StateWords] = {
    "filed": StateWords(
        "Filed, not confirmed yet",
        "Sent to you, receipt not confirmed yet",
        next_for_contact="Please confirm receipt.",
    ),
    "acknowledged": StateWords("Received by the CMO", "Received, not answered yet", next_for_contact="Please answer."),
    "awaiting_sponsor": StateWords(
        "Waiting for the sponsor",
        "Waiting for {sponsor}",
        our_turn="Waiting for our reply",
        sponsor_now="{sponsor} replies to you.",
    ),
    "partly_answered": StateWords(
        "Answered in part", "Answered in part", next_for_contact="Please send what is still owed."
    ),
    "answered": StateWords(
        "Answered",
        "Answered",
        our_turn="Answered: accept or send back",
        sponsor_now="{sponsor} looks at your answer.",
    ),
    "confirmed": StateWords(
        "Order confirmed",
        "Order confirmed, not dispatched yet",
        next_for_contact="Please confirm dispatch once it has left.",
    ),
    "partly_dispatched": StateWords(
        "Dispatched in part",
        "Dispatched in part",
        next_for_contact="Please confirm dispatch of the rest once it has left.",
    ),
    "dispatched": StateWords(
        "Dispatched",
        "Dispatched, delivery not confirmed yet",
        next_for_contact="Please confirm delivery once it has arrived.",
    ),
    "partly_delivered": StateWords(
        "Delivered in part",
        "Delivered in part",
        next_for_contact="Please confirm the rest once it has left and arrived.",
    ),
    "delivered": StateWords(
        "Delivered",
        "Delivered",
        our_turn="Delivered: accept and close",
        sponsor_now="Everything has arrived; {sponsor} closes the request.",
    ),
    "in_review": StateWords(
        "Waiting for quality’s decision",
        "Delivered, waiting for {sponsor}’s quality department",
        our_turn="Waiting for our quality’s decision",
        sponsor_now="{sponsor}’s quality department decides on the goods.",
    ),
    "declined": StateWords(
        "Declined",
        "Declined",
        our_turn="Declined: accept or send back",
        sponsor_now="{sponsor} looks at your refusal.",
    ),
    "closed": StateWords("Closed", "Closed"),
    "cancelled": StateWords("Cancelled", "Cancelled"),
}

# Fields that every request has, and their codes.
REQUEST_FIELDS: Mapping[str, FieldWords] = {
    "project_id": FieldWords("Project"),
    "site_id": FieldWords("CMO and site", missing="choose a CMO and site"),
    "contact_id": FieldWords("Contact", hint="The site’s own contact"),
    "subject": FieldWords("Subject"),
    "description": FieldWords("Description"),
    "priority": FieldWords("Priority"),
    "gxp": FieldWords("GxP relevant"),
    "due_on": FieldWords("Needed on"),
    "cmo_reference": FieldWords("CMO’s order reference"),
    "parent_id": FieldWords("Follows request", hint="its number", missing="is the number of no request you can read"),
}
REQUEST_CODES: Mapping[str, str] = {"routine": "Routine", "urgent": "Urgent", "critical": "Critical"}

SHIPMENT = TypeWords(
    name="Shipment request",
    short="shipment",
    a_request="a shipment request",
    heading="Ask for a shipment",
    choice="A shipment",
    choice_hint="Goods to a clinical site, depot or laboratory",
    expected="order confirmation",
    to_expect="confirm the order",
    groups={
        "order": "Order",
        "destination": "Where to",
        "delivery": "When and how",
        "conditions": "Conditions and documents",
        "goods": "Goods",
    },
    rows={"detail.lines": RowWords("Line", "Add another line")},
    fields={
        "detail.order_type": FieldWords("Order"),
        "detail.irt_order_no": FieldWords("IRT order number"),
        "detail.protocol_number": FieldWords("Protocol number"),
        "detail.origin": FieldWords("Origin", hint="if it does not leave from the site"),
        "detail.destination": FieldWords("Destination"),
        "detail.destination.kind": FieldWords("Destination is a"),
        "detail.destination.name": FieldWords("Destination’s name"),
        "detail.destination.attention": FieldWords("Attention"),
        "detail.destination.address": FieldWords("Address"),
        "detail.destination.country": FieldWords("Country", missing="choose the destination’s country"),
        "detail.destination.time_zone": FieldWords("Time zone", hint="of the destination; left out, UTC"),
        "detail.destination.phone": FieldWords("Phone"),
        "detail.destination.email": FieldWords("E-mail address"),
        "detail.destination.receiving_hours": FieldWords("Receiving hours"),
        "detail.requested_ship_date": FieldWords("Requested ship date"),
        "detail.required_delivery_from": FieldWords("Needed there from"),
        "detail.required_delivery_to": FieldWords("Needed there by"),
        "detail.incoterm": FieldWords("Incoterm"),
        "detail.transport": FieldWords("Transport"),
        "detail.storage": FieldWords("Storage"),
        "detail.storage.code": FieldWords(
            "Storage condition", hint="or two temperatures", missing="choose a storage condition"
        ),
        "detail.storage.min_c": FieldWords("Lowest °C"),
        "detail.storage.max_c": FieldWords("Highest °C"),
        "detail.logger_required": FieldWords("Temperature logger required"),
        "detail.release_reference": FieldWords("Release reference", hint="QP certificate or regulatory green light"),
        "detail.documents": FieldWords("Documents"),
        "detail.hazard": FieldWords("Hazard"),
        "detail.instructions": FieldWords("Instructions"),
        "detail.lines": FieldWords("Lines"),
        "detail.lines.product_code": FieldWords("Product code", missing="name at least one product"),
        "detail.lines.description": FieldWords("Description"),
        "detail.lines.presentation": FieldWords("Presentation"),
        "detail.lines.lots_or_kits": FieldWords("Lots or kits"),
        "detail.lines.quantity": FieldWords("Quantity"),
        "detail.lines.unit": FieldWords("Unit"),
        "detail.lines.label_group": FieldWords("Label group"),
        "detail.lines.min_shelf_life_days": FieldWords("Least shelf life in days"),
    },
    codes={
        "initial": "Initial",
        "resupply": "Resupply",
        "manual": "Manual",
        "emergency": "Emergency",
        "return": "Return",
        "destruction": "Destruction",
        "clinical_site": "Clinical site",
        "depot": "Depot",
        "cmo": "CMO",
        "laboratory": "Laboratory",
        "EXW": "EXW, ex works",
        "FCA": "FCA, free carrier",
        "CPT": "CPT, carriage paid to",
        "CIP": "CIP, carriage and insurance paid to",
        "DAP": "DAP, delivered at place",
        "DPU": "DPU, delivered at place unloaded",
        "DDP": "DDP, delivered duty paid",
        "FAS": "FAS, free alongside ship",
        "FOB": "FOB, free on board",
        "CFR": "CFR, cost and freight",
        "CIF": "CIF, cost, insurance and freight",
        "air": "Air",
        "road": "Road",
        "sea": "Sea",
        "courier": "Courier",
        "cryogenic": "Cryogenic, below −150 °C",
        "ultra_frozen": "Ultra frozen, −90 to −60 °C",
        "frozen": "Frozen, −25 to −15 °C",
        "refrigerated": "Refrigerated, 2 to 8 °C",
        "controlled_room": "Controlled room temperature, 15 to 25 °C",
        "room_max_30": "Room temperature, at most 30 °C",
        "none": "None",
        "coa": "Certificate of analysis",
        "coc": "Certificate of conformity",
        "proforma_invoice": "Proforma invoice",
        "import_licence": "Import licence",
        "packing_list": "Packing list",
        "sds": "Safety data sheet",
        "tse_bse": "TSE/BSE statement",
        "dangerous_goods": "Dangerous goods",
        "controlled_substance": "Controlled substance",
        "kit": "Kit",
        "vial": "Vial",
        "bottle": "Bottle",
        "blister": "Blister",
        "carton": "Carton",
        "box": "Box",
        "g": "g",
        "kg": "kg",
        "ml": "ml",
        "l": "l",
        "each": "Each",
    },
)

DATA = TypeWords(
    name="Data request",
    short="data",
    a_request="a data request",
    heading="Ask for data",
    choice="Data",
    choice_hint="Certificates, assay results, batch records, temperatures",
    groups={"data": "Which data"},
    rows={"detail.items": RowWords("Item", "Add another item")},
    fields={
        "detail.purpose": FieldWords("Purpose"),
        "detail.items": FieldWords("Items"),
        "detail.items.kind": FieldWords("Kind", missing="choose at least one item"),
        "detail.items.lots": FieldWords("Lots", hint="commas between"),
        "detail.items.period_from": FieldWords("Period from"),
        "detail.items.period_to": FieldWords("Period to"),
        "detail.items.format": FieldWords("Format"),
        "detail.items.note": FieldWords("Note"),
    },
    codes={
        "release": "Release",
        "filing": "Filing",
        "inspection": "Inspection",
        "investigation": "Investigation",
        "oversight": "Oversight",
        "coa": "Certificate of analysis",
        "coc": "Certificate of conformity",
        "batch_record": "Batch record",
        "assay_result": "Assay result",
        "stability_data": "Stability data",
        "storage_temperature": "Storage temperature",
        "deviation_report": "Deviation report",
        "oos_report": "OOS report",
        "capa_status": "CAPA status",
        "change_control": "Change control",
        "inventory": "Inventory",
        "retention_sample": "Retention sample",
        "audit_response": "Audit response",
        "other": "Other",
        "pdf": "PDF",
        "csv": "CSV",
        "xlsx": "Excel (XLSX)",
        "original": "Original",
    },
)

INQUIRY = TypeWords(
    name="Inquiry",
    short="inquiry",
    a_request="an inquiry",
    heading="Ask questions",
    choice="An answer",
    choice_hint="One or several questions",
    groups={"questions": "Questions"},
    rows={"detail.questions": RowWords("Question", "Add another question")},
    fields={
        "detail.category": FieldWords("Category"),
        "detail.questions": FieldWords("Questions", missing="write at least one question"),
    },
    codes={
        "schedule_capacity": "Schedule capacity",
        "technical": "Technical",
        "quality": "Quality",
        "regulatory": "Regulatory",
        "commercial": "Commercial",
        "invoice": "Invoice",
        "logistics": "Logistics",
        "other": "Other",
    },
    part=PartWords("not answered yet", "answered"),
)
