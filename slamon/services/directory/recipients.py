"""Who is told: the one rule by which a message finds somebody who can do what it asks for.

Whoever holds the part is told; where they are disabled, or may no longer do what is asked, their backup; where the
backup may not either, the next part up, and in the end the administrators. At the CMO: contact, backup, its leads.
A message for staff therefore always has a reader; where nobody at the CMO is left, staff are told exactly that.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import or_, select

from slamon.channels import ChannelDefinition
from slamon.db.parties import Organization, OrganizationKind, Person, Project, Site, Standing
from slamon.db.requests import CmoRequest
from slamon.db.statements import held_by_id
from slamon.domain.terms import LadderRole, Recipient
from slamon.domain.timeline import CMO_ROLES, Role
from slamon.services.access.rights import Owners, owners
from slamon.services.directory.duties import ASKED_OF, may_do
from slamon.services.outbox.addresses import Addresses
from slamon.services.outbox.outbox import last_resort
from slamon.services.transaction import Tx

# The parts that everybody with a role holds; the others are held by one person.
_HELD_BY_ROLE = {
    LadderRole.HEAD: Role.HEAD,
    LadderRole.QUALITY: Role.QUALITY,
    LadderRole.STEERING: Role.STEERING,
    LadderRole.CMO_LEAD: Role.CMO_LEAD,
}
_SPONSOR = OrganizationKind.SPONSOR
_OF_CMO = frozenset({LadderRole.CMO_CONTACT, LadderRole.CMO_BACKUP, LadderRole.CMO_LEAD})
# Who is told, in this order, until somebody can be; after staff's come the administrators.
_UP: Mapping[LadderRole, tuple[LadderRole, ...]] = {
    LadderRole.PROJECT_MANAGER: (LadderRole.LEAD, LadderRole.HEAD),
    LadderRole.LEAD: (LadderRole.HEAD,),
    LadderRole.LEAD_BACKUP: (LadderRole.HEAD,),
    LadderRole.HEAD: (),
    LadderRole.QUALITY: (LadderRole.HEAD,),
    LadderRole.STEERING: (LadderRole.HEAD,),
    LadderRole.CMO_CONTACT: (LadderRole.CMO_LEAD,),
    LadderRole.CMO_LEAD: (LadderRole.CMO_CONTACT,),
    LadderRole.CMO_BACKUP: (),
}
_NAMES = {
    LadderRole.PROJECT_MANAGER: "project manager",
    LadderRole.LEAD: "lead",
    LadderRole.LEAD_BACKUP: "backup of the lead",
    LadderRole.HEAD: "head",
    LadderRole.QUALITY: "quality",
    LadderRole.STEERING: "steering",
    LadderRole.CMO_CONTACT: "contact",
    LadderRole.CMO_BACKUP: "backup of the contact",
    LadderRole.CMO_LEAD: "lead of the CMO",
}


class Told(NamedTuple):
    """Somebody who is told, the role in which, and in place of whom, if it is not their own part."""

    person: Person
    role: str
    instead_of: str | None = None


@dataclass(frozen=True, slots=True)
class Addressee:
    """One person and the address a message takes to them; it may be a place that others read too."""

    person: Person
    channel: str
    address: str
    role: str
    instead_of: str | None = None


class Recipients:
    """The people a batch of requests may concern, loaded at once; nobody who is `unreachable` counts."""

    def __init__(self, tx: Tx, requests: Sequence[CmoRequest], *, unreachable: UUID | None = None) -> None:
        session = tx.session
        self._unreachable, self._channels = unreachable, tx.rules.channels
        cmo_ids = {request.cmo_id for request in requests}
        self._projects = held_by_id(session, Project, {request.project_id for request in requests})
        self._sites = held_by_id(session, Site, {request.site_id for request in requests})
        ours = or_(Organization.id.in_(cmo_ids), Organization.kind == OrganizationKind.SPONSOR)
        everybody = select(Organization, Person).outerjoin(Person, Person.organization_id == Organization.id)
        self._organizations: dict[UUID, Organization] = {}
        self._people: dict[UUID, Person] = {}
        for organization, person in session.execute(everybody.where(ours).order_by(Person.id)):
            self._organizations[organization.id] = organization
            if person is not None:
                self._people[person.id] = person
        self._owners_of: dict[tuple[UUID, UUID], Owners] = {}
        self._addresses = Addresses.of_organizations(session, self._organizations)

    def told(self, request: CmoRequest, part: LadderRole) -> list[Told]:
        """Who hears what is meant for `part`. Empty only for a CMO none of whose people can be told."""
        for each in (part, *_UP[part]):
            found = self._holding(request, each)
            if found:
                missing = self._missing(request, part)
                is_theirs = [each is part and self._is_held_by(request, each, person) for person in found]
                return [
                    Told(person, each.value, None if own else missing)
                    for person, own in zip(found, is_theirs, strict=True)
                ]
        if part in _OF_CMO:
            return []
        staff = [p for p in self._people.values() if self._organizations[p.organization_id].kind == _SPONSOR]
        missing = self._missing(request, part)
        # Of a restricted project, those who may read it first; but somebody always.
        nearest = last_resort(p for p in staff if self._may_know(p, request)) or last_resort(staff)
        return [Told(person, role.value, missing) for role, person in nearest]

    def readers(self, request: CmoRequest, to: Recipient) -> Iterator[Addressee]:
        """Whom a recipient of the ladder reaches, and where. Empty for nobody at the CMO, or nobody who may know."""
        for person, role, instead_of in self._addressed(request, to):
            channel = self._channels.or_for_links(to.channel)
            address = self._address(request, person, to, channel)
            to_account = self._channels.for_links.name, person.email
            yield Addressee(person, *((channel.name, address) if address else to_account), role, instead_of)

    def news_readers(self, request: CmoRequest, part: LadderRole) -> list[Addressee]:
        """Who hears news meant for a part of the sponsor's, each on the first channel that reaches them themselves."""
        return [
            Addressee(told.person, *self._addresses.reaching(told.person, self._channels), told.role, told.instead_of)
            for told in self.told(request, part)
        ]

    def nearest(self, request: CmoRequest, to: Sequence[Recipient]) -> list[Addressee]:
        """Who hears of a step none of whose recipients there is: the manager, or who stands in."""
        first = to[0]
        if first.person_id is not None:
            person = self._people.get(UUID(first.person_id))
            missing = person.name if person and self._may_know(person, request) else None
        else:
            missing = self._missing(request, first.role) if first.role else None
        mail = Recipient(self._channels.for_links.name, LadderRole.PROJECT_MANAGER)
        return [replace(reader, instead_of=missing) for reader in self.readers(request, mail)]

    def is_empty(self, request: CmoRequest, to: Recipient) -> bool:
        """Whether this recipient is of the CMO, and nobody of the CMO can be told."""
        return to.role in (LadderRole.CMO_CONTACT, LadderRole.CMO_LEAD) and not self.told(request, to.role)

    def person(self, person_id: UUID) -> Person | None:
        return self._people.get(person_id)

    def may(self, person: Person, request: CmoRequest, wanted: frozenset[Role]) -> bool:
        """Whether the person can be told of the request and holds one of the roles `wanted` on it."""
        organization = self._organizations[person.organization_id]
        if not (person.is_enabled and self._may_know(person, request)) or person.id == self._unreachable:
            return False
        standings = {organization.status, self._sites[request.site_id].status}
        if person.is_of_cmo and standings != {Standing.ACTIVE}:
            return False  # no link of theirs would open
        return may_do(person, organization, self._owners(request), wanted)

    def _address(self, request: CmoRequest, person: Person, to: Recipient, channel: ChannelDefinition) -> str | None:
        if person.is_of_cmo and not channel.carries_links:
            return None  # a contact's link is personal
        own, place = self._addresses.own(person, channel), self._addresses.shared(request.cmo_id, channel)
        if self._projects[request.project_id].restricted:
            return own  # whoever reads the CMO's place need not know of it
        if to.role is LadderRole.LEAD:
            return place or own
        is_shared = to.role in (LadderRole.LEAD_BACKUP, LadderRole.HEAD, LadderRole.QUALITY)
        return own or (place if is_shared else None)

    def _addressed(self, request: CmoRequest, to: Recipient) -> list[Told]:
        if to.person_id is not None:
            return self._named(request, UUID(to.person_id))
        if to.role is None or (to.role is LadderRole.LEAD_BACKUP and self._holder(request, to.role) is None):
            return []  # the lead has no backup: the step goes to whoever `ladder_rows` falls back on
        return self.told(request, to.role)

    def _named(self, request: CmoRequest, person_id: UUID) -> list[Told]:
        """A person whom the policy names: they, their backup, or the part above them."""
        person = self._people.get(person_id)
        if person is None or not self._may_know(person, request):
            return []
        standing = self._first(request, [person.id, person.backup_id], frozenset())
        if standing is not None:
            return [Told(standing, "person", None if standing is person else person.name)]
        above = LadderRole.CMO_LEAD if person.is_of_cmo else LadderRole.LEAD
        return [Told(each.person, each.role, person.name) for each in self.told(request, above)]

    def _holding(self, request: CmoRequest, part: LadderRole) -> list[Person]:
        """Who holds the part and can do what is asked of it; of each who cannot, the backup who can."""
        wanted = ASKED_OF.get(part, frozenset())
        if part in _HELD_BY_ROLE:
            holders = self._with_role(request, part)
            found = [self._first(request, [holder.id, holder.backup_id], wanted) for holder in holders]
            return list(dict.fromkeys(person for person in found if person is not None))
        one = self._first(request, self._candidates(request, part), wanted)
        return [one] if one is not None else []

    def _candidates(self, request: CmoRequest, part: LadderRole) -> Iterator[UUID | None]:
        """Those who may hold a part that one person holds, in the order in which they are asked."""
        project, cmo = self._projects[request.project_id], self._organizations[request.cmo_id]
        named = (cmo.lead_id, project.lead_id) if part is LadderRole.LEAD else (self._holder(request, part),)
        for person_id in named:
            yield person_id
            yield self._backup_of(person_id)

    def _holder(self, request: CmoRequest, part: LadderRole) -> UUID | None:
        project, cmo = self._projects[request.project_id], self._organizations[request.cmo_id]
        match part:
            case LadderRole.CMO_CONTACT:
                return request.contact_id
            case LadderRole.CMO_BACKUP:
                return self._backup_of(request.contact_id)
            case LadderRole.PROJECT_MANAGER:
                return project.pm_id
            case LadderRole.LEAD:
                return cmo.lead_id or project.lead_id
            case LadderRole.LEAD_BACKUP:
                return self._backup_of(cmo.lead_id or project.lead_id)
            case _:
                return None

    def _first(self, request: CmoRequest, candidates: Iterable[UUID | None], wanted: frozenset[Role]) -> Person | None:
        people = (self._people.get(person_id) for person_id in candidates if person_id)
        return next((person for person in people if person and self.may(person, request, wanted)), None)

    def _is_held_by(self, request: CmoRequest, part: LadderRole, person: Person) -> bool:
        if part in _HELD_BY_ROLE:
            return person in self._with_role(request, part)
        return person.id == self._holder(request, part)

    def _missing(self, request: CmoRequest, part: LadderRole) -> str:
        """Who should have been told: the holder's name and part, or the part that nobody holds."""
        person_id = self._holder(request, part)
        holder = self._people.get(person_id) if person_id else None
        return f"{holder.name}, {_NAMES[part]}" if holder else f"the {_NAMES[part]}"

    def _may_know(self, person: Person, request: CmoRequest) -> bool:
        """Whether they may read the request, whatever person a policy names.

        People of the request's own CMO and site; people of the sponsor, of a restricted project only who answers for
        it, head and quality.
        """
        if person.is_of_cmo:
            return person.serves(request.cmo_id, request.site_id)
        if not self._projects[request.project_id].restricted:
            return True
        owners = self._owners(request)
        is_owner = person.id in owners.manager_ids | owners.lead_ids
        return is_owner or bool({Role.HEAD.value, Role.QUALITY.value}.intersection(person.roles))

    def _owners(self, request: CmoRequest) -> Owners:
        key = request.project_id, request.cmo_id
        if key not in self._owners_of:
            project, cmo = self._projects[request.project_id], self._organizations[request.cmo_id]
            leads = (project.lead_id, cmo.lead_id)
            backups = {person_id: self._backup_of(person_id) for person_id in (project.pm_id, *leads) if person_id}
            self._owners_of[key] = owners(project.pm_id, leads, backups)
        return self._owners_of[key]

    def _backup_of(self, person_id: UUID | None) -> UUID | None:
        person = self._people.get(person_id) if person_id else None
        return person.backup_id if person else None

    def _with_role(self, request: CmoRequest, part: LadderRole) -> list[Person]:
        role = _HELD_BY_ROLE[part]
        at = {request.cmo_id} if role in CMO_ROLES else self._organizations.keys() - {request.cmo_id}
        return [p for p in self._people.values() if role.value in p.roles and p.organization_id in at]
