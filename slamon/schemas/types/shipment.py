"""What a shipment request asks for: goods line by line, to where, by when and how."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from slamon.schemas.fields import (
    Body,
    Country,
    Day,
    Email,
    Flag,
    Line40,
    Line80,
    Line120,
    Name,
    Quantity,
    ShortText,
    Temperature,
    Text,
    Zone,
    shown,
)
from slamon.schemas.shapes import Shown
from slamon.schemas.types.base import EXAMPLE_PARTIES, NewRequest


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


class Storage(Body):
    """A named condition, or the two temperatures between which the goods must stay."""

    code: Annotated[StorageCode | None, Shown(column="storage")] = None
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
    kind: Annotated[DestinationKind, Shown(start="clinical_site", column="destination_kind")]
    name: Annotated[Name, Shown(column="destination_name")]
    attention: Name | None = None
    address: Annotated[ShortText, Shown(column="destination_address")]
    country: Annotated[Country, Shown(column="destination_country")]
    time_zone: Annotated[Zone | None, Shown(column="destination_time_zone")] = None
    phone: Line40 | None = None
    email: Email | None = None
    receiving_hours: Name | None = None


class ShipmentLine(Body):
    product_code: Annotated[Line40, Shown(column="product_code")]
    description: Name | None = None
    presentation: Line120 | None = Field(None, description="Strength and presentation.")
    lots_or_kits: Annotated[Name | None, Shown(column="lots")] = Field(None, description="Lot, or range of kits.")
    quantity: Annotated[Quantity, Shown(column="quantity")]
    unit: Annotated[Unit, Shown(start="kit", column="unit")]
    label_group: Line80 | None = Field(None, description="Label group or country.")
    min_shelf_life_days: Annotated[int, Field(ge=0, le=3650)] | None = None


_ORDER, _DELIVERY, _CONDITIONS = Shown(group="order"), Shown(group="delivery"), Shown(group="conditions")


class ShipmentDetail(Body):
    order_type: Annotated[OrderType, Shown(group="order", start="resupply", column="order_type")]
    irt_order_no: Annotated[Line40 | None, _ORDER] = None
    protocol_number: Annotated[Line80 | None, _ORDER] = None
    origin: Annotated[Name | None, _ORDER] = Field(
        None, description="Where it leaves from, if not from the request's site."
    )
    destination: Annotated[Destination, Shown(group="destination")]
    requested_ship_date: Annotated[Day | None, _DELIVERY] = None
    required_delivery_from: Annotated[Day | None, _DELIVERY] = None
    required_delivery_to: Annotated[Day | None, Shown(group="delivery", column="required_delivery_to")] = None
    incoterm: Annotated[Incoterm | None, _DELIVERY] = None
    transport: Annotated[Transport | None, _DELIVERY] = None
    storage: Annotated[Storage, _CONDITIONS]
    logger_required: Annotated[Flag, Shown(group="conditions", start="yes")] = False
    release_reference: Annotated[Line120 | None, _CONDITIONS] = Field(
        None, description="QP certificate or regulatory green light."
    )
    documents: Annotated[list[ShippingDocument], _CONDITIONS] = Field([], max_length=20)
    hazard: Annotated[Hazard, Shown(group="conditions", start="none")] = Hazard.NONE
    instructions: Annotated[Text, _CONDITIONS] = ""
    lines: Annotated[list[ShipmentLine], Shown(group="goods")] = Field(min_length=1, max_length=200)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        first, last = self.required_delivery_from, self.required_delivery_to
        if first and last and first > last:
            raise ValueError("required_delivery_from must not be after required_delivery_to")
        if self.requested_ship_date and last and self.requested_ship_date > last:
            raise ValueError("requested_ship_date must not be after required_delivery_to")
        return self


class ShipmentRequest(NewRequest):
    """Ship goods to a destination."""

    model_config = shown(
        **EXAMPLE_PARTIES,
        type="shipment",
        subject="Resupply of site 1204",
        priority="urgent",
        detail={
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
    )

    type: Literal["shipment"]
    detail: ShipmentDetail
