"""Messages to test with: one complete escalation to a lead, varied by `a_message(field=...)`."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from slamon.wording.facts import FACTS
from slamon.wording.message import ClockLine, Message, MessageKind
from slamon.wording.words import ENGLISH
from tests.servers.slack_and_mail import NOON

FILED_AT = NOON - timedelta(hours=49)

ACKNOWLEDGEMENT = ClockLine(
    words=ENGLISH.clocks["acknowledgement"],
    started_at=FILED_AT,
    target_at=FILED_AT + timedelta(hours=24),
    limit_at=FILED_AT + timedelta(hours=48),
    unit="hours",
    target_seconds=24 * 3600,
    limit_seconds=48 * 3600,
)
ANSWER = replace(ACKNOWLEDGEMENT, words=ENGLISH.clocks["answer"])

ESCALATION = Message(
    key="SHP-2026-000042/acknowledgement/1/limit/lead",
    kind=MessageKind.LIMIT,
    address="C0LONZA",
    recipient_name="Lea Lead",
    to_cmo=False,
    at=NOON,
    reader_zone="Europe/Zurich",
    other_zone="America/New_York",
    sponsor_name="Nordlicht Bio",
    link="https://slamon.example/requests/SHP-2026-000042",
    number="SHP-2026-000042",
    request_type="shipment",
    a_request="a shipment request",
    priority="urgent",
    cmo_name="Halden Pharma",
    site_name="Halden Boston",
    order_reference="PO-7781-ACTIVE-ARM",
    filed_at=FILED_AT,
    clocks=(ACKNOWLEDGEMENT,),
    contact_attempts=3,
    act=FACTS["corrected"],
    actor_name="Ana Actor",
    submitted="Kit 17 goes to arm B",
    message_id="<n1@slamon.example>",
)

TO_CONTACT = replace(
    ESCALATION,
    kind=MessageKind.FILED,
    address="ana@halden.example",
    recipient_name="Ana Contact",
    to_cmo=True,
    at=FILED_AT,
    link="https://slamon.example/r/s3cr3t-t0ken",
    reader_zone="America/New_York",
    other_zone="Europe/Zurich",
)


def a_message(**changes: Any) -> Message:
    return replace(ESCALATION, **changes)


def to_contact(**changes: Any) -> Message:
    return replace(TO_CONTACT, **changes)
