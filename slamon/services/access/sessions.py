"""Sessions of people who signed in, by a token of which only the digest is stored."""

import secrets
from datetime import timedelta
from uuid import UUID

from sqlalchemy import update

from slamon.db.access import SignIn
from slamon.db.parties import Organization, Person, PersonStatus
from slamon.errors import NotSignedIn
from slamon.services.access.callers import Caller, caller_of, secret_digest
from slamon.services.transaction import Tx

LONGEST_SESSION = timedelta(hours=12)


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


def end_sessions(tx: Tx, person_id: UUID) -> None:
    tx.session.execute(
        update(SignIn).where(SignIn.person_id == person_id, SignIn.ended_at.is_(None)).values(ended_at=tx.real_now)
    )
