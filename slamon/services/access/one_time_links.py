"""One-time links with which somebody of the sponsor sets a password: mailed, shown, used up."""

import secrets
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from slamon.db.access import FormerPassword, OneTimeLink, SignInTry
from slamon.db.parties import Organization, OrganizationKind, Person, PersonStatus
from slamon.domain.timeline import SYSTEM, Actor, Role
from slamon.errors import Conflict, Invalid, LinkGone, NotFound
from slamon.services.access.callers import person_by_email, secret_digest
from slamon.services.access.passwords import REMEMBERED
from slamon.services.access.sessions import end_sessions
from slamon.services.audit.trail import record
from slamon.services.outbox.addresses import to_account
from slamon.services.outbox.outbox import outbox_row, queue
from slamon.services.transaction import Tx
from slamon.wording.message import MessageKind

ONE_TIME_LINK_LIFE = timedelta(hours=24)


ON_THE_HOST = "whoever ran the command on the host"  # who saw a link that a command printed


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
    end_sessions(tx, person.id)
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
