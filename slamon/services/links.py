"""The contact's way in without an account: links that open one request for one person."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from slamon.channels import MessageKind
from slamon.db.outbox import FormLink
from slamon.db.parties import Organization, Person, PersonStatus
from slamon.db.requests import CmoRequest
from slamon.domain.lifecycle import FILERS, OPEN_STATES, State
from slamon.domain.normal_form import is_blank
from slamon.domain.terms import DeliveryChannel
from slamon.errors import Invalid, LinkGone, NotFound, TooMany
from slamon.services.access import Caller, Scope, caller_of, roles_on, secret_digest
from slamon.services.audit import record
from slamon.services.notices import outbox_row, queue
from slamon.services.timelines import owners_of

FRESH_LINK_EVERY = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Opened:
    request: CmoRequest
    person: Person
    caller: Caller


def mint(session: Session, request_id: UUID, person_id: UUID, *, real_now: datetime, days: int) -> str:
    """A new token; earlier ones stay valid until they expire, are revoked, or the request closes."""
    token = secrets.token_urlsafe(32)
    session.add(
        FormLink(
            token_digest=secret_digest(token),
            request_id=request_id,
            person_id=person_id,
            minted_at=real_now,
            expires_at=real_now + timedelta(days=days),
        )
    )
    return token


def open_link(session: Session, token: str, *, real_now: datetime) -> Opened:
    """What a token opens. Raises LinkGone with the reason: unknown, expired, revoked or closed."""
    link = session.get(FormLink, secret_digest(token))
    if link is None:
        raise LinkGone("unknown")
    person = session.get_one(Person, link.person_id)
    if link.revoked_at is not None or person.status == PersonStatus.DISABLED:
        raise LinkGone("revoked")
    if link.expires_at <= real_now:
        raise LinkGone("expired")
    request = session.get_one(CmoRequest, link.request_id)
    if not person.serves(request.cmo_id, request.site_id):
        raise LinkGone("unknown")
    if State(request.state) not in OPEN_STATES:
        raise LinkGone("closed")
    caller = caller_of(person, session.get_one(Organization, person.organization_id), {Scope.ACT})
    return Opened(request, person, caller)


def revoke_links(
    session: Session, request_id: UUID, person_id: UUID, *, by: Caller, reason: str, now: datetime, real_now: datetime
) -> int:
    """Withdraw a contact's links to one request; returns how many. He can ask for a fresh one at his own address."""
    by.needs(Scope.ACT)
    request = session.get(CmoRequest, request_id)
    if request is None or by.is_cmo:
        raise NotFound("request", request_id)
    actor = Caller(by.id, by.name, roles_on(by, request, owners_of(session, request))).as_actor(FILERS)
    if is_blank(reason):
        raise Invalid("reason", "say why; the trail keeps it")
    theirs = (FormLink.request_id == request_id, FormLink.person_id == person_id, FormLink.revoked_at.is_(None))
    digests = session.scalars(
        update(FormLink).where(*theirs).values(revoked_at=real_now).returning(FormLink.token_digest)
    )
    revoked = len(digests.all())
    if revoked:
        record(
            session, by=actor, action="revoke_links", entity="cmo_request", entity_id=request_id, now=now,
            new={"person_id": str(person_id), "links": revoked}, reason=reason,
        )  # fmt: skip
    return revoked


def send_fresh_link(session: Session, token: str, *, now: datetime, real_now: datetime) -> None:
    """Mail a new link to the address the old one was for; never to one that the visitor names.

    Raises LinkGone where there is nothing to open any more, TooMany when one was sent a moment ago.
    """
    link = session.get(FormLink, secret_digest(token))
    if link is None:
        raise LinkGone("unknown")
    person = session.get_one(Person, link.person_id)
    request = session.get_one(CmoRequest, link.request_id)
    if State(request.state) not in OPEN_STATES:
        raise LinkGone("closed")
    if person.status == PersonStatus.DISABLED:
        raise LinkGone("revoked")
    newest = session.scalars(
        select(FormLink.minted_at)
        .where(FormLink.request_id == request.id, FormLink.person_id == person.id)
        .order_by(FormLink.minted_at.desc())
        .limit(1)
    ).one()
    if real_now - newest < FRESH_LINK_EVERY:
        raise TooMany(int((newest + FRESH_LINK_EVERY - real_now).total_seconds()) + 1)
    slot = int(real_now.timestamp() // FRESH_LINK_EVERY.total_seconds())
    key = f"{request.number}/{MessageKind.FRESH_LINK.value}/{person.id}/{slot}"
    queue(
        session,
        [
            outbox_row(
                key, MessageKind.FRESH_LINK, DeliveryChannel.EMAIL, person.email, now=now, real_now=real_now,
                request_id=request.id, person_id=person.id,
            )
        ],
    )  # fmt: skip
