"""What a person holds: everything that would be nobody's if their account were disabled."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from slamon.db.drafts import Draft
from slamon.db.parties import Organization, Person, PersonStatus, Project, Standing
from slamon.db.policies import Policy, not_ended
from slamon.db.requests import CmoRequest, is_open
from slamon.errors import Holding, StillHolds
from slamon.services.access.callers import Caller
from slamon.services.access.visibility import seen_among
from slamon.services.transaction import Tx

# What each part is a part of; a draft is its own.
KEPT_AS: Mapping[str, type[Any]] = {
    "project_manager": Project,
    "project_lead": Project,
    "cmo_lead": Organization,
    "backup": Person,
    "contact": CmoRequest,
    "policy_owner": Policy,
    "policy": Policy,
}


def held_by(tx: Tx, person: Person) -> list[Holding]:
    """Projects, CMOs and people that name the person, open requests whose contact they are, drafts, policy lines.

    A project or CMO that is inactive counts while it has open requests.
    """
    in_use = select(CmoRequest.id).where(is_open())
    project = or_(Project.status == Standing.ACTIVE, in_use.where(CmoRequest.project_id == Project.id).exists())
    cmo = or_(Organization.status == Standing.ACTIVE, in_use.where(CmoRequest.cmo_id == Organization.id).exists())
    enabled = Person.status != PersonStatus.DISABLED
    contact = (CmoRequest.cmo_id == person.organization_id, CmoRequest.contact_id == person.id, is_open())
    lasting = (Policy.former_of.is_(None), not_ended(tx.business_now))
    listed = {
        "project_manager": select(Project.id, Project.code).where(Project.pm_id == person.id, project),
        "project_lead": select(Project.id, Project.code).where(Project.lead_id == person.id, project),
        "cmo_lead": select(Organization.id, Organization.name).where(Organization.lead_id == person.id, cmo),
        "backup": select(Person.id, Person.name).where(Person.backup_id == person.id, enabled),
        "contact": select(CmoRequest.id, CmoRequest.number).where(*contact),
        "policy_owner": select(Policy.id, Policy.name).where(Policy.owner_id == person.id, *lasting),
    }
    held = [
        Holding(part, row_id, name)
        for part, statement in listed.items()
        for row_id, name in tx.session.execute(statement.order_by(statement.selected_columns[0]))
    ]
    drafts = select(Draft).where(Draft.created_by == str(person.id)).order_by(Draft.id)
    held += [Holding("draft", draft.id, str(draft.content["type"])) for draft in tx.session.scalars(drafts)]
    policies = tx.session.scalars(select(Policy).where(*lasting).order_by(Policy.id))
    return held + [Holding("policy", line.id, line.name) for line in policies if _names(line, person)]


def refuse_while_holding(tx: Tx, person: Person) -> None:
    """Raise StillHolds where something would be nobody's."""
    if held := held_by(tx, person):
        raise StillHolds(person.name, held)


def as_seen(session: Session, holds: Sequence[Holding], *, by: Caller) -> list[Holding]:
    """The same without the names of what the caller may not see."""
    seen: set[UUID] = set()
    for kept in set(KEPT_AS.values()):
        if ids := [each.id for each in holds if KEPT_AS.get(each.part) is kept]:
            seen |= seen_among(session, kept, ids, by=by)
    return [
        each if each.id in seen or each.part not in KEPT_AS else replace(each, name="something you may not see")
        for each in holds
    ]


def _names(line: Policy, person: Person) -> bool:
    return any(to.get("person_id") == str(person.id) for step in line.ladder for to in step["to"])
