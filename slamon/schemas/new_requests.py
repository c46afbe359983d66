"""What a request asks for, by type: shipment, data, inquiry. Nothing unknown is taken, and every text has its limit."""

from enum import StrEnum
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator

from slamon.domain.kinds import DataKind, InquiryCategory
from slamon.domain.priority import Priority
from slamon.schemas.fields import (
    Body,
    Country,
    Day,
    Email,
    Flag,
    Line40,
    Line80,
    Line120,
    LongText,
    Name,
    Quantity,
    Question,
    ShortText,
    Text,
    Zone,
)


class OrderType(StrEnum):
    INITIAL = "initial"
    RESUPPLY = "resupply"
    MANUAL = "manual"
    EMERGENCY = "emergency"
    RETURN = "return"
    DESTRUCTION = "destruction"


class DestinationKind(StrEnum):
    CLINICAL_SITE = "clinical_site"
    DEPOT = "depot"
    CMO = "cmo"
    LABORATORY = "laboratory"


class Incoterm(StrEnum):
    """Incoterms 2020."""

    EXW = "EXW"
    FCA = "FCA"
    CPT = "CPT"
    CIP = "CIP"
    DAP = "DAP"
    DPU = "DPU"
    DDP = "DDP"
    FAS = "FAS"
    FOB = "FOB"
    CFR = "CFR"
    CIF = "CIF"


class Transport(StrEnum):
    AIR = "air"
    ROAD = "road"
    SEA = "sea"
    COURIER = "courier"


class StorageCode(StrEnum):
    """Cryogenic < -150, ultra frozen -90..-60, frozen -25..-15, refrigerated 2..8, controlled room 15..25 °C."""

    CRYOGENIC = "cryogenic"
    ULTRA_FROZEN = "ultra_frozen"
    FROZEN = "frozen"
    REFRIGERATED = "refrigerated"
    CONTROLLED_ROOM = "controlled_room"
    ROOM_MAX_30 = "room_max_30"
    NONE = "none"


class ShippingDocument(StrEnum):
    COA = "coa"
    COC = "coc"
    PROFORMA_INVOICE = "proforma_invoice"
    IMPORT_LICENCE = "import_licence"
    PACKING_LIST = "packing_list"
    SDS = "sds"
    TSE_BSE = "tse_bse"


class Hazard(StrEnum):
    NONE = "none"
    DANGEROUS_GOODS = "dangerous_goods"
    CONTROLLED_SUBSTANCE = "controlled_substance"


class Unit(StrEnum):
    KIT = "kit"
    VIAL = "vial"
    BOTTLE = "bottle"
    BLISTER = "blister"
    CARTON = "carton"
    BOX = "box"
    G = "g"
    KG = "kg"
    ML = "ml"
    L = "l"
    EACH = "each"


class DataFormat(StrEnum):
    PDF = "pdf"
    CSV = "csv"
    XLSX = "xlsx"
    ORIGINAL = "original"


class DataPurpose(StrEnum):
    RELEASE = "release"
    FILING = "filing"
    INSPECTION = "inspection"
    INVESTIGATION = "investigation"
    OVERSIGHT = "oversight"


Temperature = Annotated[float, Field(ge=-273.15, le=200, allow_inf_nan=False, description="°C")]


class Storage(Body):
    """A named condition, or the two temperatures between which the goods must stay."""

    code: StorageCode | None = None
    min_c: Temperature | None = None
    max_c: Temperature | None = None

    @model_validator(mode="after")
    def _one_or_the_other(self) -> Self:
        ends = (self.min_c, self.max_c)
        if (self.code is None) == (None in ends) or (self.code is not None and ends != (None, None)):
            raise ValueError("give either a code, or both min_c and max_c")
        if self.min_c is not None and self.max_c is not None and self.min_c >= self.max_c:
            raise ValueError("min_c must be below max_c")
        return self


class Destination(Body):
    kind: DestinationKind
    name: Name
    attention: Name | None = None
    address: ShortText
    country: Country
    time_zone: Zone | None = None
    phone: Line40 | None = None
    email: Email | None = None
    receiving_hours: Name | None = None


class ShipmentLine(Body):
    product_code: Line40
    description: Name | None = None
    presentation: Line120 | None = Field(None, description="Strength and presentation.")
    lots_or_kits: Name | None = Field(None, description="Lot, or range of kits.")
    quantity: Quantity
    unit: Unit
    label_group: Line80 | None = Field(None, description="Label group or country.")
    min_shelf_life_days: Annotated[int, Field(ge=0, le=3650)] | None = None


class ShipmentDetail(Body):
    order_type: OrderType
    irt_order_no: Line40 | None = None
    protocol_number: Line80 | None = None
    origin: Name | None = Field(None, description="Where it leaves from, if not from the request's site.")
    destination: Destination
    requested_ship_date: Day | None = None
    required_delivery_from: Day | None = None
    required_delivery_to: Day | None = None
    incoterm: Incoterm | None = None
    transport: Transport | None = None
    storage: Storage
    logger_required: Flag = False
    release_reference: Line120 | None = Field(None, description="QP certificate or regulatory green light.")
    documents: list[ShippingDocument] = Field([], max_length=20)
    hazard: Hazard = Hazard.NONE
    instructions: Text = ""
    lines: list[ShipmentLine] = Field(min_length=1, max_length=200)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        first, last = self.required_delivery_from, self.required_delivery_to
        if first and last and first > last:
            raise ValueError("required_delivery_from must not be after required_delivery_to")
        if self.requested_ship_date and last and self.requested_ship_date > last:
            raise ValueError("requested_ship_date must not be after required_delivery_to")
        return self


class DataItem(Body):
    kind: DataKind
    lots: list[Line40] = Field([], max_length=100)
    period_from: Day | None = None
    period_to: Day | None = None
    format: DataFormat = DataFormat.PDF
    note: ShortText = ""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.period_from and self.period_to and self.period_from > self.period_to:
            raise ValueError("period_from must not be after period_to")
        return self


class DataDetail(Body):
    purpose: DataPurpose
    items: list[DataItem] = Field(min_length=1, max_length=50)


class InquiryDetail(Body):
    category: InquiryCategory
    questions: list[Question] = Field(min_length=1, max_length=50, description="Numbered by their place, from 1.")


class _Request(Body):
    project_id: UUID
    site_id: UUID
    contact_id: UUID | None = Field(None, description="Left out, the site's own contact is chosen.")
    subject: Name
    description: LongText = ""
    priority: Priority = Priority.ROUTINE
    gxp: Flag = False
    due_on: Day | None = None
    cmo_reference: Line80 | None = Field(None, description="The CMO's own order reference.")
    parent_id: UUID | None = Field(None, description="The request this one follows: a replacement for what was lost.")
    file_anyway: Flag = Field(
        False, description="File it although open requests to this CMO name the same lot or order number."
    )


_PARTIES = {
    "project_id": "01980a4e-8f6b-7c3d-9a51-2f1c7d9e0a11",
    "site_id": "01980a4e-8f6b-7c3d-9a51-2f1c7d9e0a12",
}


class ShipmentRequest(_Request):
    """Ship goods to a destination."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **_PARTIES,
                    "type": "shipment",
                    "subject": "Resupply of site 1204",
                    "priority": "urgent",
                    "detail": {
                        "order_type": "resupply",
                        "irt_order_no": "IRT-55012",
                        "destination": {
                            "kind": "clinical_site",
                            "name": "Hôpital Saint-Louis",
                            "address": "1 avenue Claude Vellefaux, 75010 Paris",
                            "country": "FR",
                        },
                        "required_delivery_from": "2026-03-16",
                        "required_delivery_to": "2026-03-18",
                        "transport": "courier",
                        "storage": {"code": "refrigerated"},
                        "logger_required": True,
                        "documents": ["packing_list", "coa"],
                        "lines": [{"product_code": "AUR-1", "quantity": "24", "unit": "kit"}],
                    },
                }
            ]
        }
    )
    type: Literal["shipment"]
    detail: ShipmentDetail


class DataRequest(_Request):
    """Hand over data about our product."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **_PARTIES,
                    "type": "data",
                    "subject": "Certificates of analysis, lots A17 and A18",
                    "gxp": True,
                    "detail": {"purpose": "release", "items": [{"kind": "coa", "lots": ["A17", "A18"]}]},
                }
            ]
        }
    )
    type: Literal["data"]
    detail: DataDetail
    split: Flag = Field(
        False,
        description="Where the kinds asked for have different terms: file one request for each, all of them or none. "
        "The answer is then a list. Left out, it is filed as one, under the longest.",
    )


class InquiryRequest(_Request):
    """Answer some questions."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **_PARTIES,
                    "type": "inquiry",
                    "subject": "Capacity in May",
                    "detail": {
                        "category": "schedule_capacity",
                        "questions": ["Is the filling line free in week 20?", "Could it run two shifts?"],
                    },
                }
            ]
        }
    )
    type: Literal["inquiry"]
    detail: InquiryDetail


NewRequest = Annotated[ShipmentRequest | DataRequest | InquiryRequest, Field(discriminator="type")]
