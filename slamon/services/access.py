"""Who is calling and what they may do: signed-in people, API keys, one-time links."""

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from uuid import UUID

from pwdlib import PasswordHash
from sqlalchemy import Connection, bindparam, case, select, update
from sqlalchemy.orm import Session

from slamon.channels import MessageKind
from slamon.db.access import ApiKey, OneTimeLink, SignIn
from slamon.db.parties import Organization, OrganizationKind, Person, PersonSite, PersonStatus
from slamon.db.requests import CmoRequest
from slamon.domain.terms import DeliveryChannel
from slamon.domain.timeline import CMO_ROLES, Actor, Role
from slamon.errors import Forbidden, Invalid, LinkGone, NotFound, NotSignedIn
from slamon.services.audit import record
from slamon.services.notices import outbox_row, queue
from slamon.services.outbox import raise_alarm

IDLE = timedelta(minutes=15)
LONGEST_SESSION = timedelta(hours=12)
ONE_TIME_LINK_LIFE = timedelta(hours=24)
LOCK_AFTER_FAILURES = 5
LOCK_FOR = timedelta(minutes=15)
COMMON_PASSWORDS = frozenset(
    {"password1234", "passwordpassword", "123456789012", "qwertyuiopas", "administrator", "letmeinletmein"}
)


class Scope(StrEnum):
    """What an API key may be used for; a key's rights are its owner's roles cut by these."""

    READ = "read"
    FILE = "file"
    ACT = "act"
    ADMIN = "admin"


ALL_SCOPES = frozenset(Scope)


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


def admin_only(caller: Caller) -> Actor:
    caller.needs(Scope.ADMIN)
    if Role.ADMIN not in caller.roles:
        raise Forbidden("Only an administrator may do this.")
    return caller.as_actor({Role.ADMIN})


def staff_only(caller: Caller) -> None:
    caller.needs(Scope.READ)
    if caller.is_cmo:
        raise Forbidden("Only the sponsor's staff may do this.")


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
        roles=held & CMO_ROLES if cmo_id else held - CMO_ROLES,
        scopes=frozenset(Scope(scope) for scope in scopes),
        person_id=person_id,
        cmo_id=cmo_id,
        site_ids=frozenset(site_ids) if cmo_id and Role.CMO_LEAD not in held else frozenset(),
    )


def roles_on(caller: Caller, request: CmoRequest, owners: "Owners") -> frozenset[Role]:
    """The caller's roles that count on this request: own projects, own CMO, own site."""
    if caller.is_cmo:
        serves = not caller.site_ids or request.site_id in caller.site_ids
        return caller.roles if serves and caller.cmo_id == request.cmo_id else frozenset()
    return staff_roles(caller, request.filed_by_id, owners)


def staff_roles(caller: Caller, filed_by_id: UUID | None, owners: "Owners") -> frozenset[Role]:
    """As `roles_on`, for the sponsor's side."""
    if caller.person_id is None:
        return caller.roles
    roles = set(caller.roles)
    if caller.person_id not in owners.manager_ids | {filed_by_id}:
        roles.discard(Role.PROJECT_MANAGER)
    if caller.person_id not in owners.lead_ids:
        roles.discard(Role.LEAD)
    return frozenset(roles)


@dataclass(frozen=True, slots=True)
class Owners:
    manager_ids: frozenset[UUID]
    lead_ids: frozenset[UUID]


def secret_digest(secret: str) -> str:
    """How secrets we hand out are stored. They are random and long, so a plain hash cannot be searched."""
    return hashlib.sha256(secret.encode()).hexdigest()


# --- people signing in -------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _hasher() -> PasswordHash:
    return PasswordHash.recommended()


@lru_cache(maxsize=1)
def _nobodys_hash() -> str:
    return _hasher().hash(secrets.token_urlsafe(16))


def sign_in(session: Session, *, email: str, password: str, real_now: datetime) -> str | None:
    """A session token for the right address and password, else None. Five failures lock the account for a while.

    The caller commits either way: failures are counted. Unknown, locked and wrong look the same from outside.
    """
    statement = select(Person).where(Person.email_key == email.strip().casefold()).with_for_update()
    person = session.scalars(statement).one_or_none()
    # An unknown address costs the same hashing, so its absence cannot be timed.
    right = _hasher().verify(password, person.password_hash if person and person.password_hash else _nobodys_hash())
    if person is None or person.status != PersonStatus.ACTIVE or person.password_hash is None:
        return None
    if person.locked_until is not None and person.locked_until > real_now:
        return None
    if not right:
        person.failed_sign_ins += 1
        if person.failed_sign_ins >= LOCK_AFTER_FAILURES:
            person.locked_until, person.failed_sign_ins = real_now + LOCK_FOR, 0
            actor = Actor(str(person.id), person.name, Role(person.roles[0]))
            record(session, by=actor, action="locked", entity="person", entity_id=person.id, now=real_now)
            told = f"The account {person.id} was locked after {LOCK_AFTER_FAILURES} failed sign-ins in a row."
            raise_alarm(session, f"locked/{person.id}", told, now=real_now, real_now=real_now)
        return None
    person.failed_sign_ins, person.locked_until = 0, None
    return begin_session(session, person, real_now=real_now)


def person_by_email(session: Session, email: str) -> Person:
    person = session.scalars(select(Person).where(Person.email_key == email.strip().casefold())).one_or_none()
    if person is None:
        raise NotFound("person with the address", email)
    return person


def begin_session(session: Session, person: Person, *, real_now: datetime) -> str:
    token = secrets.token_urlsafe(32)
    session.add(
        SignIn(
            token_digest=secret_digest(token),
            person_id=person.id,
            began_at=real_now,
            seen_at=real_now,
            access_generation=person.access_generation,
        )
    )
    return token


def signed_in(session: Session, token: str, *, real_now: datetime) -> Caller:
    """The person behind a session token. Raises NotSignedIn when it ended, idled out or grew too old."""
    row = session.get(SignIn, secret_digest(token))
    if row is None or row.ended_at is not None:
        raise NotSignedIn("Please sign in.")
    if real_now - row.seen_at > IDLE or real_now - row.began_at > LONGEST_SESSION:
        raise NotSignedIn("Your session has ended. Please sign in again.")
    person = session.get_one(Person, row.person_id)
    if person.status != PersonStatus.ACTIVE:
        raise NotSignedIn("This account is not active.")
    if row.access_generation != person.access_generation:
        raise NotSignedIn("Your session has ended. Please sign in again.")
    return caller_of(person, session.get_one(Organization, person.organization_id))


def keep_session(session: Session, token: str, *, real_now: datetime) -> None:
    """Note that the session is in use; written at most once a minute."""
    session.execute(
        update(SignIn)
        .where(SignIn.token_digest == secret_digest(token), SignIn.seen_at < real_now - timedelta(minutes=1))
        .values(seen_at=real_now)
    )


def sign_out(session: Session, token: str, *, real_now: datetime) -> None:
    session.execute(update(SignIn).where(SignIn.token_digest == secret_digest(token)).values(ended_at=real_now))


def invite(session: Session, person_id: UUID, *, by: Actor, now: datetime, real_now: datetime) -> Person:
    """Mail the person a one-time link with which they set a password. Nobody else gets to see it; sessions end."""
    person = session.get(Person, person_id)
    if person is None:
        raise NotFound("person", person_id)
    if person.status == PersonStatus.DISABLED:
        raise Invalid("person", "is disabled; enable the account first")
    _end_sessions(session, person_id, real_now)
    key = f"{MessageKind.INVITATION.value}/{person_id}/{real_now.isoformat()}"
    row = outbox_row(
        key, MessageKind.INVITATION, DeliveryChannel.EMAIL, person.email,
        now=now, real_now=real_now, person_id=person_id,
    )  # fmt: skip
    queue(session, [row])
    record(session, by=by, action="invited", entity="person", entity_id=person_id, now=now)
    return person


def one_time_token(session: Session, person_id: UUID, *, real_now: datetime) -> str:
    """A token with which the person sets a password once; earlier ones end."""
    session.execute(
        update(OneTimeLink)
        .where(OneTimeLink.person_id == person_id, OneTimeLink.used_at.is_(None))
        .values(used_at=real_now)
    )
    token = secrets.token_urlsafe(32)
    session.add(
        OneTimeLink(
            token_digest=secret_digest(token),
            person_id=person_id,
            expires_at=real_now + ONE_TIME_LINK_LIFE,
            access_generation=session.get_one(Person, person_id).access_generation,
        )
    )
    return token


def _end_sessions(session: Session, person_id: UUID, real_now: datetime) -> None:
    session.execute(
        update(SignIn).where(SignIn.person_id == person_id, SignIn.ended_at.is_(None)).values(ended_at=real_now)
    )


def person_behind(session: Session, token: str, *, real_now: datetime, lock: bool = False) -> Person:
    """Whose password a one-time link sets. Raises LinkGone."""
    link = session.get(OneTimeLink, secret_digest(token))
    if link is None:
        raise LinkGone("unknown")
    if link.used_at is not None or link.expires_at <= real_now:
        raise LinkGone("expired")
    person = session.get_one(Person, link.person_id, with_for_update=lock or None, populate_existing=lock)
    if person.status == PersonStatus.DISABLED or link.access_generation != person.access_generation:
        raise LinkGone("revoked")
    return person


def set_password(session: Session, token: str, password: str, *, real_now: datetime) -> Person:
    """Use up a one-time link. Raises LinkGone, and Invalid for a password that is too short or too common."""
    person = person_behind(session, token, real_now=real_now, lock=True)
    if len(password) < 12:
        raise Invalid("password", "must have at least 12 characters")
    if len(password) > 200:
        raise Invalid("password", "must have at most 200 characters")
    if password.casefold() in COMMON_PASSWORDS or len(set(password)) < 4:
        raise Invalid("password", "is too easy to guess")
    person.password_hash = _hasher().hash(password)
    person.status, person.failed_sign_ins, person.locked_until = PersonStatus.ACTIVE.value, 0, None
    session.get_one(OneTimeLink, secret_digest(token)).used_at = real_now
    _end_sessions(session, person.id, real_now)
    actor = Actor(str(person.id), person.name, Role(person.roles[0]))
    record(session, by=actor, action="set_password", entity="person", entity_id=person.id, now=real_now)
    return person


# --- programs calling the API ------------------------------------------------------------------------------------


def issue_key(
    session: Session,
    *,
    scopes: Iterable[Scope],
    by: Actor,
    now: datetime,
    person_id: UUID | None = None,
    service_name: str | None = None,
    service_roles: Iterable[Role] = (),
) -> tuple[ApiKey, str]:
    """A new key and its secret, which is shown this once and stored only hashed."""
    if (person_id is None) == (service_name is None):
        raise Invalid("person_id", "a key belongs to one person or to one named service account")
    if person_id is not None and session.get(Person, person_id) is None:
        raise NotFound("person", person_id)
    secret = f"slk_{secrets.token_urlsafe(32)}"
    key = ApiKey(
        person_id=person_id,
        service_name=service_name,
        service_roles=sorted(role.value for role in service_roles),
        prefix=secret[:12],
        secret_digest=secret_digest(secret),
        scopes=sorted(scope.value for scope in set(scopes)),
        created_at=now,
        created_by=by.id,
    )
    session.add(key)
    new = {
        "prefix": key.prefix,
        "scopes": key.scopes,
        "service_name": service_name,
        "roles": key.service_roles,
    }
    session.flush()
    record(session, by=by, action="create", entity="api_key", entity_id=key.id, now=now, new=new)
    return key, secret


def revoke_key(session: Session, key_id: UUID, *, by: Actor, reason: str, now: datetime) -> ApiKey:
    key = session.get(ApiKey, key_id)
    if key is None:
        raise NotFound("API key", key_id)
    if key.revoked_at is None:
        key.revoked_at = now
        record(session, by=by, action="revoke", entity="api_key", entity_id=key.id, now=now, reason=reason)
    return key


# Built once, without the ORM: every call of the API runs it.
_KEY_AND_OWNER = (
    select(
        ApiKey.id.label("key_id"), ApiKey.scopes, ApiKey.service_name, ApiKey.service_roles,
        Person.id.label("person_id"), Person.name, Person.roles, Person.status,
        case((Organization.kind == OrganizationKind.CMO, Organization.id)).label("cmo_id"),
    )
    .outerjoin(Person, Person.id == ApiKey.person_id)
    .outerjoin(Organization, Organization.id == Person.organization_id)
    .where(ApiKey.secret_digest == bindparam("digest"), ApiKey.revoked_at.is_(None))
)  # fmt: skip


def caller_by_key(reader: Connection | Session, secret: str) -> Caller:
    """Who calls with this API key. Raises NotSignedIn for an unknown or revoked key, or a disabled owner."""
    key = reader.execute(_KEY_AND_OWNER, {"digest": secret_digest(secret)}).one_or_none()
    if key is None:
        raise NotSignedIn("This API key is unknown or revoked.")
    if key.service_name is not None:
        roles, scopes = frozenset(Role(role) for role in key.service_roles), frozenset(map(Scope, key.scopes))
        return Caller(id=str(key.key_id), name=key.service_name, roles=roles, scopes=scopes)
    if key.status == PersonStatus.DISABLED:
        raise NotSignedIn("The owner of this API key is disabled.")
    site_ids: Iterable[UUID] = ()
    if key.cmo_id is not None:
        site_ids = reader.scalars(select(PersonSite.site_id).where(PersonSite.person_id == key.person_id)).all()
    return _person_calling(key.person_id, key.name, key.roles, key.scopes, key.cmo_id, site_ids)
