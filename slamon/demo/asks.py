"""What the cast asks for: requests of all three types, made from real orders."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from slamon.demo.extract import RealOrder, orders
from slamon.domain.lifecycle import RequestType
from slamon.domain.priority import Priority
from slamon.services.requests.filing import Filing

TRANSPORT = {"Air": "air", "Truck": "road", "Ocean": "sea", "Air Charter": "air"}
INCOTERMS_2020 = {"DDU": "DAP"}  # orders of 2006 to 2011 name terms that have successors since


@dataclass(frozen=True, slots=True)
class Ask:
    """One request to one real site, about the `order`-th of its real orders."""

    type: RequestType
    site: str
    order: int = 0
    topic: str = ""
    priority: Priority = Priority.ROUTINE


def filing_of(ask: Ask, *, site_id: UUID, project_id: UUID, today: date) -> Filing:
    """The filing, as a project manager would have typed it; dates follow from `today`."""
    mine = [order for order in orders() if order.site == ask.site]
    order = mine[ask.order % len(mine)]
    subject, description, detail = _CONTENT[ask.type](ask, order, today)
    return Filing(
        type=ask.type,
        project_id=project_id,
        site_id=site_id,
        subject=subject[:200],
        description=description,
        priority=ask.priority,
        gxp=ask.type is RequestType.DATA,
        due_on=today + timedelta(days=21) if ask.type is RequestType.SHIPMENT else None,
        cmo_reference=order.number,
        detail=detail,
    )


Content = tuple[str, str, Mapping[str, Any]]


def _shipment(ask: Ask, order: RealOrder, today: date) -> Content:
    goods = f"{order.product} {order.strength}".strip()
    ship_on = today + timedelta(days=10)
    incoterm = INCOTERMS_2020.get(order.incoterm, order.incoterm)
    detail = {
        "order_type": "emergency" if ask.priority is not Priority.ROUTINE else "resupply",
        "destination": {
            "kind": "depot",
            "name": f"Central medical store, {order.country_name}",
            "address": f"Goods receiving, {order.country_name}",
            "country": order.country,
        },
        "requested_ship_date": ship_on.isoformat(),
        "incoterm": incoterm,
        "transport": TRANSPORT[order.mode],
        "storage": {"code": "room_max_30" if order.is_test_kit else "controlled_room"},
        "documents": ["coa", "packing_list"],
        "lines": [
            {
                "product_code": order.number,
                "description": order.product,
                "presentation": f"{order.strength} {order.form.lower()}, {order.units_per_pack} a pack".strip(),
                "quantity": str(order.packs),
                "unit": "kit" if order.is_test_kit else "box",
            }
        ],
    }
    description = (
        f"Please confirm that {order.packs:,} packs for {order.country_name} can leave by {ship_on:%d %b %Y}, "
        f"{incoterm} by {TRANSPORT[order.mode]}, and name the courier."
    )
    return f"Resupply {order.number}: {goods} to {order.country_name}", description, detail


def _data(ask: Ask, order: RealOrder, today: date) -> Content:
    kind = ask.topic or "coa"
    name = {
        "coa": "Certificate of analysis",
        "storage_temperature": "Storage temperatures",
        "stability_data": "Stability data",
        "deviation_report": "Deviation report",
    }[kind]
    since = today - timedelta(days=30)
    detail = {
        "purpose": "release",
        "items": [
            {
                "kind": kind,
                "lots": [order.number],
                "format": "pdf",
                "period_from": since.isoformat(),
                "period_to": today.isoformat(),
            }
        ],
    }
    description = f"Please send the {name.lower()} for the lot of order {order.number}; we release against it."
    return f"{name} for order {order.number}", description, detail


def _inquiry(ask: Ask, order: RealOrder, today: date) -> Content:
    category = ask.topic or "schedule_capacity"
    question = {
        "schedule_capacity": f"Is the slot for order {order.number} in {today:%B} still firm?",
        "technical": f"Which blister tooling runs order {order.number}?",
        "logistics": f"Which courier collects order {order.number}, and when?",
        "quality": f"Does the change to the cleaning procedure touch order {order.number}?",
    }[category]
    detail = {"category": category, "questions": [question]}
    return question, question, detail


_CONTENT = {
    RequestType.SHIPMENT: _shipment,
    RequestType.DATA: _data,
    RequestType.INQUIRY: _inquiry,
}
