"""The first records of an installation: the sponsor, its first administrator, the default policies."""

import json
from datetime import datetime, timedelta
from importlib.resources import files
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from slamon.db.parties import Organization, OrganizationKind, Person, PersonStatus
from slamon.db.policies import Policy
from slamon.domain.terms import ClockKind, clocks_from_json, clocks_to_json, ladder_from_json, ladder_to_json
from slamon.domain.timeline import SYSTEM, Role
from slamon.services.directory import create


def found(session: Session, sponsor_name: str, *, now: datetime) -> Organization:
    """The sponsor, with the default policies; doing it again changes nothing."""
    statement = select(Organization).where(Organization.kind == OrganizationKind.SPONSOR)
    sponsor = session.scalars(statement.limit(1)).one_or_none()
    if sponsor is None:
        values = {"name": sponsor_name, "kind": OrganizationKind.SPONSOR.value}
        sponsor = create(session, Organization, values, by=SYSTEM, now=now, reason="first start")
    if session.scalars(select(Policy.id).limit(1)).one_or_none() is None:
        for values in default_policies():
            in_force = {**values, "effective_from": now - timedelta(days=3650)}
            create(session, Policy, in_force, by=SYSTEM, now=now, reason="default policies")
    return sponsor


def first_admin(session: Session, name: str, email: str, *, now: datetime) -> Person:
    """The first administrator, invited; they set their own password by a one-time link."""
    sponsor = session.scalars(select(Organization).where(Organization.kind == OrganizationKind.SPONSOR)).one()
    values = {
        "organization_id": sponsor.id,
        "name": name,
        "email": email,
        "roles": [Role.ADMIN.value],
        "status": PersonStatus.INVITED.value,
        "time_zone": "UTC",
    }
    return create(session, Person, values, by=SYSTEM, now=now, reason="first start")


def default_policies() -> list[dict[str, Any]]:
    """The 24 to 48 hour rule and its ladder, as shipped in `default_policies.json`."""
    shipped = json.loads((files("slamon.services") / "default_policies.json").read_text("utf-8"))
    return [
        {
            "name": line["name"],
            "priority": line["priority"],
            "clocks": clocks_to_json(
                clocks_from_json({kind.value: {"target": line["target"], "limit": line["limit"]} for kind in ClockKind})
            ),
            "ladder": ladder_to_json(ladder_from_json(shipped["ladder"][line["ladder"]])),
        }
        for line in shipped["policies"]
    ]
