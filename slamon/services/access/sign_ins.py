"""Signing in with a password: whom an address names, which tries are refused, and who is told of a lock-out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from slamon.addresses import address_key
from slamon.db.access import SignInTry, TryKind
from slamon.db.parties import Organization, OrganizationKind, Person, PersonStatus
from slamon.domain.timeline import SYSTEM
from slamon.services.access.callers import secret_digest
from slamon.services.access.sessions import begin_session
from slamon.services.audit.trail import record
from slamon.services.outbox.addresses import to_account
from slamon.services.outbox.outbox import outbox_row, queue, raise_alarm
from slamon.services.transaction import Tx
from slamon.wording.message import MessageKind

TRIES_COUNT_FOR = timedelta(days=1)
LINKS_A_DAY = 5
LINK_EVERY = timedelta(minutes=5)
_LOCKED = "Too many wrong passwords were given for your account, so for an hour only a link like this one lets you in."
_ASKED = "Somebody asked for it on the sign-in page."


@dataclass(frozen=True, slots=True)
class Lock:
    """So many failures within `within` lock for `lasts`, counted from the last of them."""

    failures: int
    within: timedelta
    lasts: timedelta

    def ends(self, failed_at: Sequence[datetime]) -> datetime | None:
        """When the latest lock that these failures, oldest first, brought about ends; None where there was none."""
        runs = zip(failed_at, failed_at[self.failures - 1 :], strict=False)
        ends = [last + self.lasts for first, last in runs if last - first <= self.within]
        return ends[-1] if ends else None


# A network that fails is locked out of the account by itself; the account as a whole only where many networks fail.
NETWORK_LOCK = Lock(5, within=timedelta(minutes=15), lasts=timedelta(minutes=15))
ACCOUNT_LOCK = Lock(51, within=timedelta(hours=1), lasts=timedelta(hours=1))


class Refusal(StrEnum):
    """Why somebody is not let in. Each is the same for an address that nobody has."""

    WRONG = "wrong"
    NETWORK_LOCKED = "network_locked"
    ACCOUNT_LOCKED = "account_locked"


@dataclass(frozen=True, slots=True)
class Account:
    """What signing in knows of a typed address. `password_hash` is None where nobody can sign in with it."""

    address_digest: str
    person_id: UUID | None
    password_hash: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """A session's token, or why there is none."""

    token: str | None = None
    refusal: Refusal | None = None


def account_of(session: Session, email: str) -> Account:
    """The account of an address; one that nobody has gives an account without a password."""
    key = address_key(email)
    person = session.scalars(select(Person).where(Person.email_key == key)).one_or_none()
    if person is None:
        return Account(secret_digest(key), None, None)
    password_hash = person.password_hash if person.status == PersonStatus.ACTIVE else None
    return Account(secret_digest(person.email_key), person.id, password_hash)


def lock_on(tx: Tx, account: Account, network: str) -> Refusal | None:
    """Whether tries from this network are refused at present, even with the right password."""
    since = tx.real_now - (ACCOUNT_LOCK.within + ACCOUNT_LOCK.lasts)
    failures = tx.session.execute(
        select(SignInTry.tried_at, SignInTry.network)
        .where(
            SignInTry.address_digest == account.address_digest,
            SignInTry.tried_at >= since,
            SignInTry.kind == TryKind.FAILED,
        )
        .order_by(SignInTry.tried_at)
    ).all()
    here = NETWORK_LOCK.ends([tried_at for tried_at, from_network in failures if from_network == network])
    everywhere = ACCOUNT_LOCK.ends([tried_at for tried_at, _ in failures])
    if everywhere is not None and everywhere > tx.real_now:
        return Refusal.ACCOUNT_LOCKED
    return Refusal.NETWORK_LOCKED if here is not None and here > tx.real_now else None


def sign_in(tx: Tx, account: Account, *, is_right: bool, network: str, can_mail: bool) -> Outcome:
    """Begin a session, or count the failure; `is_right` was found out before this transaction began.

    A failure that locks is told to the administrators at once, and one that locks the whole account mails its owner a
    link past it. Refused tries of somebody already locked out do not count: nobody can make a lock last.
    """
    statement = select(Person).where(Person.id == account.person_id).with_for_update()
    person = tx.session.scalars(statement).one_or_none()
    refusal = lock_on(tx, account, network)
    if refusal is not None:
        return Outcome(refusal=refusal)
    is_unchanged = person is not None and person.password_hash == account.password_hash
    if is_right and person is not None and is_unchanged and person.status == PersonStatus.ACTIVE:
        _forget_failures(tx.session, account, network)
        return Outcome(token=begin_session(tx, person))
    _count(tx, account, TryKind.FAILED, network)
    refusal = lock_on(tx, account, network)
    if refusal is not None and person is not None and account.password_hash is not None:
        _tell(tx, person, refusal, network, can_mail=can_mail)
    return Outcome(refusal=refusal or Refusal.WRONG)


def ask_for_link(tx: Tx, email: str, *, network: str) -> None:
    """Mail the owner of an account a link to a new password. Of any other address it only counts that it was asked.

    One address gets so many a day; those it has go on working meanwhile.
    """
    account = account_of(tx.session, email)
    asked = select(func.count(), func.max(SignInTry.tried_at)).where(
        SignInTry.address_digest == account.address_digest,
        SignInTry.tried_at > tx.real_now - TRIES_COUNT_FOR,
        SignInTry.kind == TryKind.LINK_ASKED,
    )
    number, last = tx.session.execute(asked).one()
    if number >= LINKS_A_DAY or (last is not None and last > tx.real_now - LINK_EVERY):
        return
    _count(tx, account, TryKind.LINK_ASKED, network)
    person = tx.session.get(Person, account.person_id) if account.person_id else None
    if person is None or person.status == PersonStatus.DISABLED:
        return
    if tx.session.get_one(Organization, person.organization_id).kind == OrganizationKind.SPONSOR:
        _mail_link(tx, person, _ASKED)
        record(tx, by=SYSTEM, action="link_asked", entity="person", entity_id=person.id)


def _count(tx: Tx, account: Account, kind: TryKind, network: str) -> None:
    digest = account.address_digest
    tx.session.add(SignInTry(address_digest=digest, network=network, kind=kind.value, tried_at=tx.real_now))
    tx.session.flush()


def _forget_failures(session: Session, account: Account, network: str) -> None:
    """The owner's own slips, once they are in; those from elsewhere count on."""
    session.execute(
        delete(SignInTry).where(
            SignInTry.address_digest == account.address_digest,
            SignInTry.network == network,
            SignInTry.kind == TryKind.FAILED,
        )
    )


def _tell(tx: Tx, person: Person, refusal: Refusal, network: str, *, can_mail: bool) -> None:
    is_account = refusal is Refusal.ACCOUNT_LOCKED
    lock = ACCOUNT_LOCK if is_account else NETWORK_LOCK
    until = (tx.real_now + lock.lasts).isoformat()
    new = {"network": "every network" if is_account else network, "failures": lock.failures, "until": until}
    record(tx, by=SYSTEM, action="locked", entity="person", entity_id=person.id, new=new)
    told = (
        f"The account of {person.name} is locked for an hour after wrong passwords from many networks. "
        if is_account
        else f"Sign-ins to the account of {person.name} are refused from one network for 15 minutes "
        "after wrong passwords. "
    )
    more = "More of these today are in the trail and are not mailed."
    raise_alarm(tx, f"{refusal.value}/{person.id}", told + more)
    if is_account and can_mail:
        _mail_link(tx, person, _LOCKED)


def _mail_link(tx: Tx, person: Person, why: str) -> None:
    key = f"{MessageKind.ACCOUNT_LINK.value}/{person.id}/{tx.real_now.isoformat()}"
    row = outbox_row(tx, key, MessageKind.ACCOUNT_LINK, *to_account(tx, person), person_id=person.id, detail=why)
    queue(tx.session, [row])
