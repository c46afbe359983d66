"""The contact's way in without an account: links that open one request for one person."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from slamon.db.outbox import FormLink
from slamon.db.parties import Organization, Person, PersonStatus, Site, Standing
from slamon.db.requests import CmoRequest
from slamon.db.statements import locked_request
from slamon.domain.lifecycle import OPEN_STATES, State
from slamon.domain.normal_form import is_blank
from slamon.domain.scopes import Scope
from slamon.errors import Invalid, LinkGone, NotFound, TooMany
from slamon.services.access.callers import Caller, caller_of, secret_digest
from slamon.services.access.rights import Deed, admit, allow_on, owners_of
from slamon.services.access.visibility import find_seen
from slamon.services.audit.trail import record
from slamon.services.outbox.addresses import to_account
from slamon.services.outbox.outbox import outbox_row, queue
from slamon.services.transaction import Tx
from slamon.wording.message import MessageKind

FRESH_LINK_EVERY = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Opened:
    request: CmoRequest
    person: Person
    caller: Caller


def issue_link(tx: Tx, request_id: UUID, person_id: UUID, *, days: int) -> str:
    """A new token that opens the request for the person; see `new_link`."""
    token, row = new_link(tx, request_id, tx.session.get_one(Person, person_id), days=days)
    store_links(tx, [row])
    return token


def new_link(tx: Tx, request_id: UUID, person: Person, *, days: int) -> tuple[str, dict[str, Any]]:
    """A new token and its row for `store_links`; earlier ones stay valid until they expire, are revoked, or the
    request closes.

    It ends when the person's address changes: a change committed after the person was read ends this one too.
    """
    token = secrets.token_urlsafe(32)
    row = {
        "token_digest": secret_digest(token),
        "request_id": request_id,
        "person_id": person.id,
        "minted_at": tx.real_now,
        "expires_at": tx.real_now + timedelta(days=days),
        "access_generation": person.access_generation,
    }
    return token, row


def store_links(tx: Tx, rows: Sequence[dict[str, Any]]) -> None:
    """Make the tokens of `new_link` open their requests."""
    if rows:
        tx.session.connection().execute(insert(FormLink), rows)


def open_link(tx: Tx, token: str) -> Opened:
    """What a token opens. Raises LinkGone with the reason: as `refuse_unopenable`, unknown, superseded, expired or
    revoked.
    """
    link, person, request = _behind(tx.session, token)
    if link.revoked_at is not None:
        raise LinkGone("revoked")
    if link.expires_at <= tx.real_now:
        raise LinkGone("expired")
    caller = caller_of(person, tx.session.get_one(Organization, person.organization_id), {Scope.ACT})
    return Opened(request, person, caller)


def open_to_act(tx: Tx, token: str) -> Opened:
    """As `open_link`, with the request locked: what ended the link until then is seen."""
    locked_request(tx.session, open_link(tx, token).request.id)
    tx.session.expire_all()
    return open_link(tx, token)


def refuse_unopenable(session: Session, request: CmoRequest, person: Person) -> None:
    """Raise LinkGone where no link opens this request for this person, however fresh.

    Asked anew at each use, so a link needs no ending when a role, a site or a CMO changes.
    """
    if person.status == PersonStatus.DISABLED:
        raise LinkGone("disabled")
    if not person.serves(request.cmo_id, request.site_id):
        raise LinkGone("unknown")
    places = session.get_one(Organization, request.cmo_id), session.get_one(Site, request.site_id)
    if any(place.status != Standing.ACTIVE for place in places):
        raise LinkGone("inactive")
    if State(request.state) not in OPEN_STATES:
        raise LinkGone("closed")


def opens(session: Session, request: CmoRequest, person: Person) -> bool:
    """Whether a fresh link would open the request for this person."""
    try:
        refuse_unopenable(session, request, person)
    except LinkGone:
        return False
    return True


def revoke_links(tx: Tx, request_id: UUID, person_id: UUID, *, by: Caller, reason: str) -> int:
    """Withdraw a contact's links to one request; returns how many. They can ask for a fresh one."""
    admit(by, Deed.WITHDRAW_LINKS)
    if by.is_cmo:
        raise NotFound("request", request_id)
    request = find_seen(tx.session, CmoRequest, request_id, by=by, called="request")
    actor = allow_on(by, Deed.WITHDRAW_LINKS, owners_of(tx.session, request))
    if is_blank(reason):
        raise Invalid("reason", "say why; the trail keeps it")
    theirs = (FormLink.request_id == request_id, FormLink.person_id == person_id, FormLink.revoked_at.is_(None))
    digests = tx.session.scalars(
        update(FormLink).where(*theirs).values(revoked_at=tx.real_now).returning(FormLink.token_digest)
    )
    revoked = len(digests.all())
    if revoked:
        record(
            tx,
            by=actor,
            action="revoke_links",
            entity="cmo_request",
            entity_id=request_id,
            new={"person_id": str(person_id), "links": revoked},
            reason=reason,
        )
    return revoked


def send_fresh_link(tx: Tx, token: str) -> None:
    """Mail a new link to the address the old one was for; never to one that the visitor names.

    Raises LinkGone where there is nothing to open any more, TooMany when one was sent a moment ago.
    """
    _, person, request = _behind(tx.session, token)
    newest = tx.session.scalars(
        select(FormLink.minted_at)
        .where(FormLink.request_id == request.id, FormLink.person_id == person.id)
        .order_by(FormLink.minted_at.desc())
        .limit(1)
    ).one()
    if tx.real_now - newest < FRESH_LINK_EVERY:
        raise TooMany(int((newest + FRESH_LINK_EVERY - tx.real_now).total_seconds()) + 1)
    slot = int(tx.real_now.timestamp() // FRESH_LINK_EVERY.total_seconds())
    key = f"{request.number}/{MessageKind.FRESH_LINK.value}/{person.id}/{slot}"
    queue(
        tx.session,
        [
            outbox_row(
                tx, key, MessageKind.FRESH_LINK, *to_account(tx, person),
                request_id=request.id, person_id=person.id)
        ],
    )  # fmt: skip


def fresh_link_address(session: Session, token: str) -> str | None:
    """Where `send_fresh_link` would mail to; None where it would refuse."""
    try:
        _, person, _ = _behind(session, token)
    except LinkGone:
        return None
    return person.email


def _behind(session: Session, token: str) -> tuple[FormLink, Person, CmoRequest]:
    """The link with its person and request, as long as another could be mailed in its place. Raises LinkGone."""
    link = session.get(FormLink, secret_digest(token))
    if link is None:
        raise LinkGone("unknown")
    person, request = session.get_one(Person, link.person_id), session.get_one(CmoRequest, link.request_id)
    if person.status != PersonStatus.DISABLED and link.access_generation != person.access_generation:
        raise LinkGone("superseded")
    refuse_unopenable(session, request, person)
    return link, person, request
