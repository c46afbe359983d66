"""What follows when somebody's address changes, or their account is disabled or enabled again.

Links and sessions made before end, by the person's `access_generation`; the old address is told; what is open goes to
the new one; and the timelines of the contact's open requests say so. All in the transaction of the change.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import exists, or_, select, update
from sqlalchemy.orm import Session

from slamon.db.access import OneTimeLink
from slamon.db.outbox import WAITING, FormLink, Notification, in_state
from slamon.db.parties import Person, PersonStatus
from slamon.db.requests import CmoRequest, is_open
from slamon.db.statements import change_rows, locking
from slamon.domain.timeline import SYSTEM, Actor, FactKind, Via
from slamon.services.access.api_keys import revoke_all
from slamon.services.access.form_links import opens
from slamon.services.access.one_time_links import invite
from slamon.services.audit.timelines import note_now
from slamon.services.outbox.addresses import Addresses, to_account
from slamon.services.outbox.outbox import outbox_row, queue
from slamon.services.transaction import Tx
from slamon.wording.message import MessageKind

ENDED = "Your address was changed, so links mailed to the old one have ended."


@dataclass(frozen=True, slots=True)
class Reached:
    """How a person was reached before a change: by their account's address, and by channel."""

    email: str
    email_key: str
    addresses: Mapping[str, str]
    is_disabled: bool
    generation: int


def reached(tx: Tx, person: Person) -> Reached:
    is_disabled = person.status == PersonStatus.DISABLED
    return Reached(person.email, person.email_key, _own_addresses(tx, person), is_disabled, person.access_generation)


def locked_requests(session: Session, contact_id: UUID) -> Sequence[CmoRequest]:
    """The contact's open requests, locked. To be called before the person is locked, since acts lock in that order."""
    statement = select(CmoRequest).where(CmoRequest.contact_id == contact_id, is_open()).order_by(CmoRequest.id)
    return session.scalars(locking(statement)).all()


def end_secrets(person: Person, was: Reached) -> None:
    """End the links and sessions made so far, where the change asks for it."""
    is_disabled = person.status == PersonStatus.DISABLED
    if person.email_key != was.email_key or is_disabled != was.is_disabled:
        person.access_generation += 1


def follow(tx: Tx, person: Person, was: Reached, requests: Sequence[CmoRequest], *, by: Actor) -> dict[str, Any]:
    """Do what a stored change asks for; returns what the trail is to say of it beside the changed fields.

    `requests` are the contact's open ones, locked.
    """
    left, is_disabled = _left(tx, person, was), person.status == PersonStatus.DISABLED
    if left or is_disabled != was.is_disabled:
        _hand_out_again(tx, person)
    if is_disabled and not was.is_disabled:
        revoke_all(tx, person.id, by=by, reason="the owner was disabled")
    if not left:
        return {}
    _tell_old_addresses(tx, person, left, by=by)
    if person.email_key != was.email_key:
        via, contact = Via.SYSTEM if by == SYSTEM else Via.API, {"id": str(person.id), "name": person.name}
        content = {"contact": contact, "from": was.email, "to": person.email}
        for request in requests:
            note_now(tx, request, FactKind.ADDRESS_CHANGED, by=by, via=via, content=content)
        if not is_disabled:
            _send_forms_again(tx, person)
            if _awaits_password(tx, person, was):
                invite(tx, person.id, by=by)
    return {"told_at_old_address": sorted(left.values())}


def _own_addresses(tx: Tx, person: Person) -> dict[str, str]:
    """The person's own addresses by channel, that of their account aside."""
    addresses = Addresses.of(tx.session, [person.id])
    own = {channel.name: addresses.own(person, channel) for channel in tx.rules.channels if channel.own}
    return {channel: address for channel, address in own.items() if address}


def _left(tx: Tx, person: Person, was: Reached) -> dict[str, str]:
    """The addresses that are no longer the person's, by channel."""
    are = _own_addresses(tx, person)
    left = {channel: address for channel, address in was.addresses.items() if are.get(channel) != address}
    return left if person.email_key == was.email_key else {tx.rules.channels.for_links.name: was.email, **left}


def _tell_old_addresses(tx: Tx, person: Person, left: Mapping[str, str], *, by: Actor) -> None:
    kind = MessageKind.ADDRESS_CHANGED
    rows = [
        outbox_row(
            tx, f"{kind.value}/{person.id}/{person.version}/{channel}", kind, channel, address,
            person_id=person.id, detail=by.name)
        for channel, address in left.items()
    ]  # fmt: skip
    queue(tx.session, rows)


def _hand_out_again(tx: Tx, person: Person) -> None:
    """What waits for the person is composed anew: a message that was composed before the change is not sent."""
    mine = (Notification.person_id == person.id, Notification.kind != MessageKind.ADDRESS_CHANGED, in_state(*WAITING))
    change_rows(tx.session, update(Notification).where(*mine).values(next_attempt_at=tx.real_now))


def _send_forms_again(tx: Tx, person: Person) -> None:
    """Mail a link to each open request that waits for the contact, or to which they held a link."""
    held = exists().where(
        FormLink.request_id == CmoRequest.id,
        FormLink.person_id == person.id,
        FormLink.expires_at > tx.real_now,
        FormLink.revoked_at.is_(None),
    )
    waits = exists().where(
        Notification.request_id == CmoRequest.id,
        Notification.person_id == person.id,
        Notification.channel == tx.rules.channels.for_links.name,
        in_state(*WAITING),
    )
    wanted = (is_open(), or_(CmoRequest.contact_id == person.id, held), ~waits)
    kind = MessageKind.FRESH_LINK
    rows = [
        outbox_row(
            tx, f"{request.number}/{kind.value}/{person.id}/address {person.access_generation}", kind,
            *to_account(tx, person),
            request_id=request.id, person_id=person.id, detail=ENDED)
        for request in tx.session.scalars(select(CmoRequest).where(*wanted).order_by(CmoRequest.id))
        if opens(tx.session, request, person)
    ]  # fmt: skip
    queue(tx.session, rows)


def _awaits_password(tx: Tx, person: Person, was: Reached) -> bool:
    """Whether the person was mailed a link to set a password with and has not used it; one still queued needs no more.

    Of somebody who never set one the link may have expired meanwhile: it went to an address that was not theirs.
    """
    mails = (Notification.person_id == person.id, Notification.kind == MessageKind.INVITATION)
    if tx.session.scalar(select(exists().where(*mails, in_state(*WAITING)))):
        return False
    if person.status == PersonStatus.INVITED:
        return bool(tx.session.scalar(select(exists().where(*mails))))
    usable = (
        OneTimeLink.person_id == person.id,
        OneTimeLink.used_at.is_(None),
        OneTimeLink.expires_at > tx.real_now,
        OneTimeLink.access_generation == was.generation,
    )
    return bool(tx.session.scalar(select(exists().where(*usable))))
