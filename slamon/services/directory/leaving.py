"""Disabling an account: what the person holds is handed over in the same transaction, each piece with its own trace."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from slamon.db.drafts import Draft
from slamon.db.parties import Organization, Person, PersonStatus, Project
from slamon.db.policies import Policy
from slamon.db.requests import CmoRequest
from slamon.db.statements import locked_request
from slamon.domain.lifecycle import FILERS
from slamon.domain.timeline import Actor, FactKind, Via
from slamon.errors import Holding, Invalid
from slamon.services.access import address_changes
from slamon.services.access.callers import caller_of
from slamon.services.access.visibility import is_seen
from slamon.services.audit.timelines import note_now
from slamon.services.audit.trail import record
from slamon.services.directory import records
from slamon.services.directory.holdings import KEPT_AS, held_by
from slamon.services.directory.notifications import fact_rows
from slamon.services.directory.recipients import Recipients
from slamon.services.outbox.outbox import queue
from slamon.services.transaction import Tx

_FIELD = {
    "project_manager": "pm_id",
    "project_lead": "lead_id",
    "cmo_lead": "lead_id",
    "backup": "backup_id",
    "policy_owner": "owner_id",
}


def change_person(
    tx: Tx,
    person_id: UUID,
    values: Mapping[str, Any],
    *,
    by: Actor,
    reason: str,
    handed_to: UUID | None = None,
    expected_version: int | None = None,
) -> Person:
    """As `directory.change`; `handed_to` takes everything that somebody who is disabled holds.

    Raises StillHolds where something is held and nobody is named, and Invalid for somebody who may not take it all.
    """
    if handed_to is not None:
        if values.get("status") != PersonStatus.DISABLED:
            raise Invalid("handed_to", "names who takes over from somebody; send it with status 'disabled'")
        address_changes.locked_requests(tx.session, person_id)  # before the person, as everywhere
        person = records.find(tx.session, Person, person_id, lock=True)
        _Handing(tx, person, _successor(tx.session, person, handed_to), by, reason).do()
        values = {**values, "backup_id": handed_to}  # for terms already frozen, which name the person
    return records.change(tx, Person, person_id, values, by=by, reason=reason, expected_version=expected_version)


def _successor(session: Session, person: Person, successor_id: UUID) -> Person:
    successor = session.get(Person, successor_id)
    fits = successor is not None and successor.organization_id == person.organization_id and successor.id != person.id
    if successor is None or not fits or not successor.is_enabled:
        raise Invalid("handed_to", "must be somebody else of the same organization whose account is not disabled")
    return successor


@dataclass(frozen=True, slots=True)
class _Handing:
    """One handing over, in the caller's transaction."""

    tx: Tx
    person: Person
    successor: Person
    by: Actor
    reason: str

    def do(self) -> None:
        session, held = self.tx.session, held_by(self.tx, self.person)
        # Every row is locked before the trail's head is: `record` holds that until the commit.
        requests = [locked_request(session, each.id) for each in held if each.part == "contact"]
        drafts = [session.get_one(Draft, each.id, with_for_update=True) for each in held if each.part == "draft"]
        named_by = [each for each in held if each.part in _FIELD or each.part == "policy"]
        for each in named_by:
            records.find(session, KEPT_AS[each.part], each.id, lock=True)
        self._requests([request for request in requests if request])
        for draft in drafts:
            self._draft(draft)
        for each in named_by:
            self._record(each)

    def _requests(self, requests: Sequence[CmoRequest]) -> None:
        """Each open request gets the fact, and the new contact the link."""
        tx, successor = self.tx, self.successor
        people = Recipients(tx, requests)
        for request in requests:
            if not successor.serves(request.cmo_id, request.site_id):
                raise Invalid("handed_to", f"{successor.name} does not serve the site of {request.number}")
            fact = note_now(
                tx,
                request,
                FactKind.HANDED_ON,
                by=self.by,
                via=Via.API,
                reason=self.reason,
                content={"contact": {"id": str(successor.id), "name": successor.name}},
            )
            request.contact_id = successor.id
            queue(tx.session, fact_rows(tx, request, fact, people))

    def _draft(self, draft: Draft) -> None:
        if not set(self.successor.roles) & FILERS:
            told = f"{self.successor.name} may not file, and {self.person.name} has drafts; discard those first"
            raise Invalid("handed_to", told)
        successor = caller_of(self.successor, self.tx.session.get_one(Organization, self.successor.organization_id))
        project_id = draft.content.get("project_id")
        if project_id and not is_seen(self.tx.session, Project, UUID(str(project_id)), by=successor):
            told = f"{self.successor.name} may not see the project of a draft of {self.person.name}; discard that first"
            raise Invalid("handed_to", told)
        draft.created_by, draft.version = str(self.successor.id), draft.version + 1
        record(
            self.tx,
            by=self.by,
            action="hand_over",
            entity="draft",
            entity_id=draft.id,
            old={"created_by": str(self.person.id)},
            new={"created_by": draft.created_by},
            reason=self.reason,
        )

    def _record(self, held: Holding) -> None:
        """Name the successor where the person was named. Nobody backs up themselves: they are left without."""
        if held.part == "policy":
            values: dict[str, Any] = {"ladder": self._renamed(self.tx.session.get_one(Policy, held.id).ladder)}
        else:
            values = {_FIELD[held.part]: None if held.id == self.successor.id else self.successor.id}
        try:
            records.change(self.tx, KEPT_AS[held.part], held.id, values, by=self.by, reason=self.reason)
        except Invalid as refused:
            told = f"{self.successor.name} cannot take {held}: {refused.message}"
            raise Invalid("handed_to", told) from refused

    def _renamed(self, ladder: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The ladder with every step for the person addressed to the successor."""
        gone, new = str(self.person.id), {"person_id": str(self.successor.id)}
        return [
            {**step, "to": [{**to, **(new if to.get("person_id") == gone else {})} for to in step["to"]]}
            for step in ladder
        ]
