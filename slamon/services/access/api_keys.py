"""What becomes of API keys once they are made: their owners are told, see them and revoke them."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, select, true
from sqlalchemy.orm import Session

from slamon.db.access import ApiKey
from slamon.db.parties import Person
from slamon.domain.timeline import Actor
from slamon.errors import NotFound
from slamon.services.access.callers import Caller
from slamon.services.access.rights import Deed, allow, is_allowed
from slamon.services.audit.trail import record
from slamon.services.outbox.addresses import to_account
from slamon.services.outbox.outbox import outbox_row, queue
from slamon.services.transaction import Tx
from slamon.wording.message import MessageKind


def tell_owner(tx: Tx, key: ApiKey, *, by: Actor) -> None:
    """Mail the owner of a person's key that it was made and by whom; of a service's key there is nobody to tell."""
    owner = tx.session.get(Person, key.person_id) if key.person_id else None
    if owner is None:
        return
    who = "you" if by.id == str(owner.id) else by.name
    row = outbox_row(
        tx,
        f"{MessageKind.KEY_MADE.value}/{key.id}",
        MessageKind.KEY_MADE,
        *to_account(tx, owner),
        person_id=owner.id,
        detail=f"Made by {who}. It begins {key.prefix} and may {', '.join(key.scopes)}.",
    )
    queue(tx.session, [row])


def seen_by(by: Caller) -> ColumnElement[bool]:
    """The condition for keys they may see: their own, or all for who keeps them."""
    return true() if is_allowed(by, Deed.KEEP_KEYS) else ApiKey.person_id == by.person_id


def own_keys(session: Session, by: Caller) -> Sequence[ApiKey]:
    """The keys in their name, the newest first."""
    statement = select(ApiKey).where(ApiKey.person_id == by.person_id).order_by(ApiKey.id.desc())
    return session.scalars(statement).all()


def revoke(tx: Tx, key_id: UUID, *, by: Caller, reason: str) -> ApiKey:
    """End a key at once; doing it again changes nothing. Raises NotFound, also for a key they may not see."""
    actor = allow(by, Deed.MAKE_OWN_KEYS)
    key = tx.session.scalars(select(ApiKey).where(ApiKey.id == key_id, seen_by(by)).with_for_update()).one_or_none()
    if key is None:
        raise NotFound("API key", key_id)
    if key.revoked_at is None:
        _revoke(tx, key, by=actor, reason=reason)
    return key


def revoke_all(tx: Tx, person_id: UUID, *, by: Actor, reason: str) -> None:
    """End every key in somebody's name at once."""
    running = select(ApiKey).where(ApiKey.person_id == person_id, ApiKey.revoked_at.is_(None)).order_by(ApiKey.id)
    for key in tx.session.scalars(running.with_for_update()):
        _revoke(tx, key, by=by, reason=reason)


def _revoke(tx: Tx, key: ApiKey, *, by: Actor, reason: str) -> None:
    key.revoked_at = tx.real_now
    record(tx, by=by, action="revoke", entity="api_key", entity_id=key.id, reason=reason)
