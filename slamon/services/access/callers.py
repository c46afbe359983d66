"""Who is calling: signed-in people, API keys, one-time links. What they may do stands in `rights`."""

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Connection, bindparam, case, delete, select, update
from sqlalchemy.orm import Session

from slamon.addresses import address_key
from slamon.db.access import ApiKey, FormerPassword, OneTimeLink, SignIn, SignInTry
from slamon.db.parties import Organization, OrganizationKind, Person, PersonSite, PersonStatus
from slamon.domain.timeline import CMO_ROLES, SYSTEM, Actor, Role
from slamon.errors import Conflict, Forbidden, Invalid, LinkGone, NotFound, NotSignedIn
from slamon.services.access.passwords import REMEMBERED
from slamon.services.audit.trail import record
from slamon.services.outbox.addresses import to_account
from slamon.services.outbox.outbox import outbox_row, queue
from slamon.services.transaction import Tx
from slamon.wording.message import MessageKind

LONGEST_SESSION = timedelta(hours=12)
ONE_TIME_LINK_LIFE = timedelta(hours=24)
ON_THE_HOST = "whoever ran the command on the host"  # who saw a link that a command printed


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


# --- people signing in -------------------------------------------------------------------------------------------


def person_by_email(session: Session, email: str) -> Person:
    person = session.scalars(select(Person).where(Person.email_key == address_key(email))).one_or_none()
    if person is None:
        raise NotFound("person with the address", email)
    return person


def begin_session(tx: Tx, person: Person) -> str:
    token = secrets.token_urlsafe(32)
    tx.session.add(
        SignIn(
            token_digest=secret_digest(token),
            person_id=person.id,
            began_at=tx.real_now,
            seen_at=tx.real_now,
            access_generation=person.access_generation,
        )
    )
    return token


def signed_in(tx: Tx, token: str, *, idle: timedelta) -> Caller:
    """The person behind a session token. Raises NotSignedIn when it ended, was `idle` too long or grew too old."""
    row = tx.session.get(SignIn, secret_digest(token))
    if row is None or row.ended_at is not None:
        raise NotSignedIn("Please sign in.")
    if tx.real_now - row.seen_at > idle or tx.real_now - row.began_at > LONGEST_SESSION:
        raise NotSignedIn("Your session has ended. Please sign in again.")
    person = tx.session.get_one(Person, row.person_id)
    if person.status != PersonStatus.ACTIVE:
        raise NotSignedIn("This account is not active.")
    if row.access_generation != person.access_generation:
        raise NotSignedIn("Your session has ended. Please sign in again.")
    return caller_of(person, tx.session.get_one(Organization, person.organization_id))


def keep_session(tx: Tx, token: str) -> None:
    """Note that the session is in use; written at most once a minute."""
    tx.session.execute(
        update(SignIn)
        .where(SignIn.token_digest == secret_digest(token), SignIn.seen_at < tx.real_now - timedelta(minutes=1))
        .values(seen_at=tx.real_now)
    )


def sign_out(tx: Tx, token: str) -> None:
    tx.session.execute(update(SignIn).where(SignIn.token_digest == secret_digest(token)).values(ended_at=tx.real_now))


def invite(tx: Tx, person_id: UUID, *, by: Actor) -> Person:
    """Mail a person of the sponsor a one-time link with which they set a password; nobody else sees it.

    Their sessions and earlier links end.
    """
    person = _staff_member(tx.session, tx.session.get(Person, person_id), person_id)
    _shut_out(tx, person)
    key = f"{MessageKind.INVITATION.value}/{person_id}/{tx.real_now.isoformat()}"
    row = outbox_row(tx, key, MessageKind.INVITATION, *to_account(tx, person), person_id=person_id)
    queue(tx.session, [row])
    record(tx, by=by, action="invited", entity="person", entity_id=person_id)
    return person


def show_link(tx: Tx, person_id: UUID, *, to: str, by: Actor) -> str:
    """The token of a one-time link for the eyes of `to`, where no mail can carry it to its owner alone.

    The trail says so, and the owner reads it where they set their password. Raises Conflict for an account that was
    used already: to that nobody is shown a link, save on the host.
    """
    person = _staff_member(tx.session, tx.session.get(Person, person_id, with_for_update=True), person_id)
    if person.password_hash is not None:
        raise Conflict(
            f"{person.name} has set a password before, and a link to such an account is only ever mailed to its owner. "
            f"Where no mail can be sent, 'slamon new-link {person.email}' on the host makes one."
        )
    _shut_out(tx, person)
    new = {"link_shown_to": to}
    record(tx, by=by, action="invited", entity="person", entity_id=person_id, new=new)
    return one_time_token(tx, person_id, shown_to=to)


def new_link(tx: Tx, email: str) -> str:
    """The token of a one-time link for whoever runs the host; everybody with an account is told.

    The person's sessions and earlier links end. It always lets the owner in, whatever strangers did to the account.
    Raises NotFound, Invalid.
    """
    person = _staff_member(tx.session, person_by_email(tx.session, email), email)
    _shut_out(tx, person)
    new = {"link_shown_to": ON_THE_HOST}
    record(tx, by=SYSTEM, action="new_link", entity="person", entity_id=person.id, new=new)
    detail = f"Its owner is {person.name}. Their sessions have ended. If they did not ask for it, look into it."
    rows = [
        outbox_row(
            tx, f"{MessageKind.LINK_MADE.value}/{person.id}/{tx.real_now.isoformat()}/{reader.id}",
            MessageKind.LINK_MADE, *to_account(tx, reader), person_id=reader.id, detail=detail)
        for reader in _with_an_account(tx.session)
    ]  # fmt: skip
    queue(tx.session, rows)
    return one_time_token(tx, person.id, shown_to=ON_THE_HOST)


def _shut_out(tx: Tx, person: Person) -> None:
    _end_sessions(tx, person.id)
    _end_links(tx, person.id)


def _staff_member(session: Session, person: Person | None, key: object) -> Person:
    """Somebody who may have an account. Raises NotFound, and Invalid for a contact and for somebody disabled."""
    if person is None:
        raise NotFound("person", key)
    if session.get_one(Organization, person.organization_id).kind != OrganizationKind.SPONSOR:
        raise Invalid("person", "is a contact at a CMO, who needs no account: they answer by the link in their mail")
    if person.status == PersonStatus.DISABLED:
        raise Invalid("person", "is disabled; enable the account first")
    return person


def _with_an_account(session: Session) -> Sequence[Person]:
    statement = select(Person).where(Person.status == PersonStatus.ACTIVE, Person.password_hash.is_not(None))
    return session.scalars(statement.order_by(Person.id)).all()


def one_time_token(tx: Tx, person_id: UUID, *, shown_to: str | None = None) -> str:
    """A token with which the person sets a password once; `shown_to` names whoever sees it beside its owner.

    Earlier ones go on working until one of them is used: a mail that is sent again must not end the one before it,
    nor a stranger's "forgot password" a link made on the host.
    """
    token = secrets.token_urlsafe(32)
    tx.session.add(
        OneTimeLink(
            token_digest=secret_digest(token),
            person_id=person_id,
            expires_at=tx.real_now + ONE_TIME_LINK_LIFE,
            shown_to=shown_to,
            access_generation=tx.session.get_one(Person, person_id).access_generation,
        )
    )
    return token


def welcome_address(base_url: str, token: str) -> str:
    """Where a one-time link leads."""
    return f"{base_url}/welcome/{token}"


def _end_links(tx: Tx, person_id: UUID) -> None:
    tx.session.execute(
        update(OneTimeLink)
        .where(OneTimeLink.person_id == person_id, OneTimeLink.used_at.is_(None))
        .values(used_at=tx.real_now)
    )


def _end_sessions(tx: Tx, person_id: UUID) -> None:
    tx.session.execute(
        update(SignIn).where(SignIn.person_id == person_id, SignIn.ended_at.is_(None)).values(ended_at=tx.real_now)
    )


def person_behind(tx: Tx, token: str, *, lock: bool = False) -> Person:
    """Whose password a one-time link sets. Raises LinkGone."""
    link = tx.session.get(OneTimeLink, secret_digest(token))
    if link is None:
        raise LinkGone("unknown")
    if link.used_at is not None or link.expires_at <= tx.real_now:
        raise LinkGone("expired")
    person = tx.session.get_one(Person, link.person_id, with_for_update=lock or None, populate_existing=lock)
    if person.status == PersonStatus.DISABLED or link.access_generation != person.access_generation:
        raise LinkGone("revoked")
    return person


def who_saw(session: Session, token: str) -> str | None:
    """Who saw a one-time link beside its owner; None for one that was mailed."""
    link = session.get(OneTimeLink, secret_digest(token))
    return link.shown_to if link else None


def last_passwords(session: Session, person: Person) -> list[str]:
    """The hashes of the person's last passwords, which they cannot set again."""
    former = session.scalars(
        select(FormerPassword.password_hash)
        .where(FormerPassword.person_id == person.id)
        .order_by(FormerPassword.replaced_at.desc(), FormerPassword.id.desc())
        .limit(REMEMBERED - 1)
    )
    return [*filter(None, [person.password_hash]), *former]


def set_password(tx: Tx, token: str, password_hash: str) -> Person:
    """Use up a one-time link; the hash is one that `Passwords.new_hash` made before this transaction began.

    Every other link and session of the person ends, and every lock on their account. Raises LinkGone.
    """
    tx.session.get(OneTimeLink, secret_digest(token), with_for_update=True)  # of two that use it at once, one wins
    person = person_behind(tx, token, lock=True)
    if person.password_hash is not None:
        _remember(tx, person.id, person.password_hash)
    person.password_hash, person.status = password_hash, PersonStatus.ACTIVE.value
    _shut_out(tx, person)
    tx.session.execute(delete(SignInTry).where(SignInTry.address_digest == secret_digest(person.email_key)))
    actor = Actor(str(person.id), person.name, Role(person.roles[0]))
    record(tx, by=actor, action="set_password", entity="person", entity_id=person.id)
    return person


def _remember(tx: Tx, person_id: UUID, password_hash: str) -> None:
    """Keep a replaced password's hash, and forget those that are old enough to be taken again."""
    theirs = select(FormerPassword.id).where(FormerPassword.person_id == person_id)
    kept = theirs.order_by(FormerPassword.replaced_at.desc(), FormerPassword.id.desc()).limit(REMEMBERED - 2)
    tx.session.execute(
        delete(FormerPassword).where(FormerPassword.person_id == person_id, FormerPassword.id.not_in(kept))
    )
    tx.session.add(FormerPassword(person_id=person_id, password_hash=password_hash, replaced_at=tx.real_now))


# --- programs calling the API ------------------------------------------------------------------------------------


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
    new = {
        "prefix": key.prefix,
        "scopes": key.scopes,
        "service_name": service_name,
        "roles": key.service_roles,
    }
    tx.session.flush()
    record(tx, by=by, action="create", entity="api_key", entity_id=key.id, new=new)
    return key, secret


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
        roles, scopes = frozenset(map(Role, key.service_roles)) - {Role.ADMIN}, frozenset(map(Scope, key.scopes))
        return Caller(id=str(key.key_id), name=key.service_name, roles=roles, scopes=scopes)
    if key.status == PersonStatus.DISABLED:
        raise NotSignedIn("The owner of this API key is disabled.")
    site_ids: Iterable[UUID] = ()
    if key.cmo_id is not None:
        site_ids = reader.scalars(select(PersonSite.site_id).where(PersonSite.person_id == key.person_id)).all()
    return _person_calling(key.person_id, key.name, key.roles, key.scopes, key.cmo_id, site_ids)
