"""Turns an outbox row into the message its reader may see: times, names, number and link, never what it is about."""

from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import parseaddr

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from slamon.channels import ClockLine, Message, MessageKind
from slamon.config import Settings
from slamon.db.outbox import Notification, NotificationState
from slamon.db.parties import Organization, OrganizationKind, Person, Site
from slamon.db.requests import ClockRow, CmoRequest, FactRow
from slamon.domain.lifecycle import OPEN_STATES, Action, State
from slamon.domain.terms import ClockKind, DeliveryChannel, Mode, Terms
from slamon.services.access import one_time_token
from slamon.services.links import mint
from slamon.services.policies import load_terms
from slamon.services.settle import LADDER_KINDS

_ACTION_OF_FACT = {action.fact.value: action.value for action in Action}
_UNIT = {Mode.ELAPSED: "hours", Mode.CALENDAR: "working hours"}


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message and the channel it takes, which a redirect may have changed."""

    channel: DeliveryChannel
    message: Message


def compose(session: Session, row: Notification, settings: Settings, *, now: datetime, real_now: datetime) -> Outgoing:
    """Everything the reader may be told, read now; mints a link of its own for a contact."""
    person = session.get_one(Person, row.person_id) if row.person_id else None
    organization = session.get_one(Organization, person.organization_id) if person else None
    to_cmo = organization is not None and organization.kind == OrganizationKind.CMO
    redirected = settings.redirect_all_to
    channel = DeliveryChannel.EMAIL if redirected else DeliveryChannel(row.channel)
    domain = parseaddr(settings.mail_from)[1].rpartition("@")[2] or "localhost"
    plain = Message(
        key=row.dedupe_key,
        kind=MessageKind(row.kind),
        address=redirected or row.address,
        recipient_name=person.name if person else "",
        to_cmo=to_cmo,
        at=now,
        reader_zone=person.time_zone if person else settings.sponsor_time_zone,
        other_zone=settings.sponsor_time_zone,
        sponsor_name=settings.sponsor_name,
        link=f"{settings.base_url}/status" if row.kind == MessageKind.ALARM else None,
        detail=row.detail,
        redirected_from=f"{row.channel}: {row.address}" if redirected else None,
        message_id=f"<{row.id}@{domain}>",
    )
    request = session.get(CmoRequest, row.request_id) if row.request_id else None
    if request is None:
        if row.kind == MessageKind.INVITATION and person is not None:
            token = one_time_token(session, person.id, real_now=real_now)
            plain = replace(plain, link=f"{settings.base_url}/welcome/{token}")
        return Outgoing(channel, plain)
    site = session.get_one(Site, request.site_id)
    cmo = session.get_one(Organization, request.cmo_id)
    terms = load_terms(session, [request.terms_digest])[request.terms_digest]
    fact = session.get(FactRow, (request.id, row.fact_sequence)) if row.fact_sequence else None
    about = replace(
        plain,
        other_zone=settings.sponsor_time_zone if to_cmo else site.time_zone,
        link=_link(session, request, row, to_cmo, settings, real_now),
        number=request.number,
        request_type=request.type,
        priority=request.priority,
        cmo_name=cmo.name,
        site_name=site.name,
        order_reference=request.cmo_reference if to_cmo else None,
        filed_at=request.filed_at,
        clocks=_clock_lines(session, request, row, terms),
        contact_attempts=_contact_attempts(session, request),
        action=_ACTION_OF_FACT.get(fact.kind) if fact else None,
        actor_name=fact.by_name if fact else None,
        submitted=_submitted(row, fact),
        message_id=f"<{request.id}@{domain}>" if row.kind == MessageKind.FILED else plain.message_id,
        thread_id=_thread(session, request, row, channel, domain),
    )
    return Outgoing(channel, about)


def _link(
    session: Session,
    request: CmoRequest,
    row: Notification,
    to_cmo: bool,
    settings: Settings,
    real_now: datetime,
) -> str | None:
    if not to_cmo:
        return f"{settings.base_url}/requests/{request.id}"
    if State(request.state) not in OPEN_STATES or row.person_id is None:
        return None
    token = mint(session, request.id, row.person_id, real_now=real_now, days=settings.link_days)
    return f"{settings.base_url}/r/{token}"


def _clock_lines(session: Session, request: CmoRequest, row: Notification, terms: Terms) -> tuple[ClockLine, ...]:
    rows = session.scalars(select(ClockRow).where(ClockRow.request_id == request.id).order_by(ClockRow.kind)).all()
    wanted = set(row.clocks)
    if row.kind in LADDER_KINDS:  # of the clocks that passed the rung, those that still wait for the CMO
        wanted &= {clock.kind for clock in rows if clock.stopped_at is None}
    return tuple(
        ClockLine(
            name=clock.kind,
            started_at=clock.started_at,
            target_at=clock.target_at,
            limit_at=clock.limit_at,
            unit=_UNIT[terms.clocks[ClockKind(clock.kind)].mode],
            target_seconds=int(terms.clocks[ClockKind(clock.kind)].target.total_seconds()),
            limit_seconds=int(terms.clocks[ClockKind(clock.kind)].limit.total_seconds()),
        )
        for clock in rows
        if (clock.kind in wanted if wanted else clock.stopped_at is None)
    )


def _contact_attempts(session: Session, request: CmoRequest) -> int:
    """Messages that were sent to people of the CMO about this request so far."""
    statement = (
        select(func.count())
        .select_from(Notification)
        .join(Person, Person.id == Notification.person_id)
        .where(
            Notification.request_id == request.id,
            Notification.state == NotificationState.SENT,
            Person.organization_id == request.cmo_id,
        )
    )
    return session.scalar(statement) or 0


def _submitted(row: Notification, fact: FactRow | None) -> str | None:
    """What the contact himself wrote: given back to him in his receipt and told to nobody else."""
    own = fact is not None and fact.by_id == fact.recorded_by_id == str(row.person_id)
    if fact is None or row.kind != MessageKind.RECEIPT or not own:
        return None
    return str(fact.content.get("text") or fact.reason or "") or None


def _thread(
    session: Session, request: CmoRequest, row: Notification, channel: DeliveryChannel, domain: str
) -> str | None:
    if channel is DeliveryChannel.EMAIL:
        return f"<{request.id}@{domain}>"
    if row.kind != MessageKind.CLOSING:
        return None
    statement = (
        select(Notification.provider_id)
        .where(
            Notification.request_id == request.id,
            Notification.channel == DeliveryChannel.SLACK,
            Notification.address == row.address,
            Notification.state == NotificationState.SENT,
            Notification.kind == MessageKind.LIMIT,
        )
        .order_by(Notification.id)
        .limit(1)
    )
    return session.scalar(statement)
