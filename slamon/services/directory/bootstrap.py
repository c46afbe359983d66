"""The first records of an installation: the sponsor, its first administrator, the default policies."""

import json
from collections.abc import Mapping
from datetime import timedelta
from importlib.resources import files
from typing import Any

from sqlalchemy import select

from slamon.db.parties import Organization, OrganizationKind, Person, PersonStatus
from slamon.db.policies import Policy
from slamon.domain.clocks.kinds import Clocks
from slamon.domain.terms import Mode, clocks_from_json, clocks_to_json, ladder_from_json, ladder_to_json
from slamon.domain.timeline import SYSTEM, Role
from slamon.errors import Conflict
from slamon.services.directory.records import SPONSOR, create, the_sponsor
from slamon.services.transaction import Tx


def bootstrap(tx: Tx, sponsor_name: str) -> Organization:
    """The sponsor, with the default policies; doing it again changes nothing."""
    sponsor = tx.session.scalars(SPONSOR).one_or_none()
    if sponsor is None:
        values = {"name": sponsor_name, "kind": OrganizationKind.SPONSOR.value}
        sponsor = create(tx, Organization, values, by=SYSTEM, reason="first start")
    if tx.session.scalars(select(Policy.id).limit(1)).one_or_none() is None:
        for values in default_policies(tx.rules.catalogue.clocks):
            in_force = {**values, "effective_from": tx.business_now - timedelta(days=3650)}
            create(tx, Policy, in_force, by=SYSTEM, reason="default policies")
    return sponsor


def first_admin(tx: Tx, name: str, email: str) -> Person:
    """The first administrator, invited; they set their own password by a one-time link. Again, it changes nothing.

    Raises Conflict where the address is somebody else's, or the account is disabled.
    """
    sponsor = the_sponsor(tx.session)
    known = tx.session.scalars(select(Person).where(Person.email_key == email.strip().casefold())).one_or_none()
    if known is not None:
        if known.organization_id != sponsor.id or Role.ADMIN not in known.roles:
            raise Conflict(f"{known.email} is {known.name}'s, who is no administrator; name another address.")
        if known.status == PersonStatus.DISABLED:
            raise Conflict(f"The account of {known.name}, {known.email}, is disabled; name another address.")
        return known
    values = {
        "organization_id": sponsor.id,
        "name": name,
        "email": email,
        "roles": [Role.ADMIN.value],
        "status": PersonStatus.INVITED.value,
        "time_zone": "UTC",
    }
    return create(tx, Person, values, by=SYSTEM, reason="first start")


def default_policies(clocks: Clocks) -> list[dict[str, Any]]:
    """The 24 to 48 hour rule and its ladder for each of the clocks, as shipped in `default_policies.json`."""
    shipped = json.loads((files("slamon.services.directory") / "default_policies.json").read_text("utf-8"))
    ladders = shipped["ladder"]
    return [
        {
            "name": line["name"],
            **{column: line.get(column) for column in ("type", "kind", "priority")},
            "clocks": clocks_to_json(clocks_from_json(_clocks(line, clocks))),
            "ladder": ladder_to_json(ladder_from_json([*ladders[line["ladder"]], *ladders["always"]])),
        }
        for line in shipped["policies"]
    ]


def _clocks(line: Mapping[str, Any], clocks: Clocks) -> dict[str, dict[str, Any]]:
    """Every clock, as a shipped line has it: the same amounts for all it does not name itself."""
    allowed = {"target": line["target"], "limit": line["limit"]}
    found: dict[str, dict[str, Any]] = {}
    for name, definition in clocks.items():
        if definition.is_dated:
            found[name] = {"mode": Mode.DATE.value}
            continue
        cap = {"pause_cap": line["pause_cap"]} if definition.takes_pause_cap else {}
        found[name] = {**allowed, **cap, **line.get(name, {})}
    return found
