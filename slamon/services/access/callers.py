"""Who is calling: signed-in people, API keys, one-time links. What they may do stands in `rights`."""

import hashlib
import json
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, bindparam, case, select
from sqlalchemy.orm import Session

from slamon.addresses import address_key
from slamon.db.access import ApiKey
from slamon.db.json_lists import json_lists
from slamon.db.parties import Organization, OrganizationKind, Person, PersonSite, PersonStatus
from slamon.domain.scopes import ALL_SCOPES, Scope
from slamon.domain.timeline import CMO_ROLES, Actor, Role
from slamon.errors import Forbidden, Invalid, NotFound, NotSignedIn
from slamon.services.audit.trail import record
from slamon.services.transaction import Tx


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody known: a person or a service account. `cmo_id` is set for people of a CMO only.

    Without `site_ids` they act for every site of the CMO.
    """

    id: str
    name: str
    roles: frozenset[Role]
    scopes: frozenset[Scope] = ALL_SCOPES
    person_id: UUID | None = None
    cmo_id: UUID | None = None
    site_ids: frozenset[UUID] = frozenset()

    @property
    def is_cmo(self) -> bool:
        return self.cmo_id is not None

    def needs(self, scope: Scope) -> None:
        if scope not in self.scopes:
            raise Forbidden(f"This key lacks the scope '{scope}'.")

    def as_actor(self, roles: Iterable[Role] = ()) -> Actor:
        """The caller as history will name them, in the first of `roles` they hold."""
        wanted = frozenset(roles) or self.roles
        role = next((role for role in Role if role in self.roles & wanted), None)
        if role is None:
            raise Forbidden("None of your roles allows this.")
        return Actor(id=self.id, name=self.name, role=role)


def caller_of(person: Person, organization: Organization, scopes: Iterable[Scope] = ALL_SCOPES) -> Caller:
    of_cmo = organization.id if organization.kind == OrganizationKind.CMO else None
    return _person_calling(person.id, person.name, person.roles, scopes, of_cmo, person.site_ids)


def _person_calling(
    person_id: UUID,
    name: str,
    roles: Iterable[str],
    scopes: Iterable[str],
    cmo_id: UUID | None,
    site_ids: Iterable[UUID],
) -> Caller:
    held = frozenset(Role(role) for role in roles)
    return Caller(
        id=str(person_id),
        name=name,
        roles=held & (CMO_ROLES | {Role.AUDITOR}) if cmo_id else held - CMO_ROLES,
        scopes=frozenset(Scope(scope) for scope in scopes),
        person_id=person_id,
        cmo_id=cmo_id,
        site_ids=frozenset(site_ids) if cmo_id and Role.CMO_LEAD not in held else frozenset(),
    )


def secret_digest(secret: str) -> str:
    """How secrets we hand out are stored. They are random and long, so a plain hash cannot be searched."""
    return hashlib.sha256(secret.encode()).hexdigest()


def person_by_email(session: Session, email: str) -> Person:
    person = session.scalars(select(Person).where(Person.email_key == address_key(email))).one_or_none()
    if person is None:
        raise NotFound("person with the address", email)
    return person


def issue_key(
    tx: Tx,
    *,
    scopes: Iterable[Scope],
    by: Actor,
    person_id: UUID | None = None,
    service_name: str | None = None,
    service_roles: Iterable[Role] = (),
) -> tuple[ApiKey, str]:
    """A new key and its secret, which is shown this once and stored only hashed."""
    if (person_id is None) == (service_name is None):
        raise Invalid("person_id", "a key belongs to one person or to one named service account")
    if person_id is not None and tx.session.get(Person, person_id) is None:
        raise NotFound("person", person_id)
    secret = f"slk_{secrets.token_urlsafe(32)}"
    key = ApiKey(
        person_id=person_id,
        service_name=service_name,
        service_roles=sorted(role.value for role in service_roles),
        prefix=secret[:12],
        secret_digest=secret_digest(secret),
        scopes=sorted(scope.value for scope in set(scopes)),
        created_at=tx.real_now,
        created_by=by.id,
    )
    tx.session.add(key)
    new = {"prefix": key.prefix, "scopes": key.scopes, "service_name": service_name, "roles": key.service_roles}
    tx.session.flush()
    record(tx, by=by, action="create", entity="api_key", entity_id=key.id, new=new)
    return key, secret


class KeyFound(NamedTuple):
    """An API key that is not revoked, and whose it is: a person's of the sponsor or a CMO, or a service's."""

    key_id: UUID | None
    scopes: Sequence[str]
    service_name: str | None
    service_roles: Sequence[str]
    person_id: UUID
    name: str
    roles: Sequence[str]
    status: str
    cmo_id: UUID | None
    site_ids: str | None  # as JSON


# Built once, without the ORM: every call of the API runs it, by itself or within another. Takes the parameter `digest`.
KEY_FOUND = (
    select(
        ApiKey.id.label("key_id"), ApiKey.scopes, ApiKey.service_name, ApiKey.service_roles,
        Person.id.label("person_id"), Person.name, Person.roles, Person.status,
        case((Organization.kind == OrganizationKind.CMO, Organization.id)).label("cmo_id"),
        select(json_lists(PersonSite.site_id)).where(PersonSite.person_id == Person.id).scalar_subquery()
        .label("site_ids"),
    )
    .outerjoin(Person, Person.id == ApiKey.person_id)
    .outerjoin(Organization, Organization.id == Person.organization_id)
    .where(ApiKey.secret_digest == bindparam("digest"), ApiKey.revoked_at.is_(None))
)  # fmt: skip


def caller_by_key(reader: Connection | Session, secret: str) -> Caller:
    """Who calls with this API key. Raises NotSignedIn for an unknown or revoked key, or a disabled owner."""
    row = reader.execute(KEY_FOUND, {"digest": secret_digest(secret)}).one_or_none()
    return calling(None if row is None else KeyFound(*row))


def calling(found: KeyFound | None) -> Caller:
    """Who calls with the key found. Raises NotSignedIn as `caller_by_key`."""
    if found is None or found.key_id is None:
        raise NotSignedIn("This API key is unknown or revoked.")
    if found.service_name is not None:
        return _service_calling(found.key_id, found.service_name, found.service_roles, found.scopes)
    if found.status == PersonStatus.DISABLED:
        raise NotSignedIn("The owner of this API key is disabled.")
    site_ids = [UUID(site_id) for (site_id,) in json.loads(found.site_ids or "[]")]
    return _person_calling(found.person_id, found.name, found.roles, found.scopes, found.cmo_id, site_ids)


def caller_again(session: Session, caller_id: str) -> Caller:
    """Somebody who asked for something earlier, with the rights they have now, for reading alone.

    Raises NotSignedIn for a person disabled since, or a service account whose key was revoked.
    """
    person = session.get(Person, UUID(caller_id))
    if person is not None and person.status != PersonStatus.DISABLED:
        return caller_of(person, session.get_one(Organization, person.organization_id), [Scope.READ])
    key = session.get(ApiKey, UUID(caller_id))
    if key is None or key.service_name is None or key.revoked_at is not None:
        raise NotSignedIn("Whoever asked for this has no access any more.")
    return _service_calling(key.id, key.service_name, key.service_roles, [Scope.READ])


def _service_calling(key_id: UUID, name: str, roles: Iterable[str], scopes: Iterable[str]) -> Caller:
    held = frozenset(map(Role, roles)) - {Role.ADMIN}
    return Caller(id=str(key_id), name=name, roles=held, scopes=frozenset(map(Scope, scopes)))
