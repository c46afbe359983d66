"""Who is told what: turns crossings and facts into outbox rows. Which words they become is decided when they leave."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session
from structlog.contextvars import get_contextvars

from slamon.channels import MessageKind
from slamon.db.base import new_id
from slamon.db.outbox import Notification
from slamon.db.parties import Organization, OrganizationKind, Person, PersonStatus, Project
from slamon.db.requests import CmoRequest
from slamon.db.statements import insert_ignoring
from slamon.domain.ladder import Crossing
from slamon.domain.progress import needs_review
from slamon.domain.terms import DeliveryChannel, LadderRole, Recipient
from slamon.domain.timeline import CMO_ROLES, Fact, FactKind, Role

# Who hears of it: the contact of what the sponsor did, the manager of what the CMO did. Of some acts nobody is told.
UNTOLD = frozenset(
    {FactKind.FILED, FactKind.TAKEN, FactKind.HANDED_ON, FactKind.TERMS_CHANGED, FactKind.ADDRESS_CHANGED}
)
_STAFF_WIDE = {
    LadderRole.HEAD: Role.HEAD,
    LadderRole.QUALITY: Role.QUALITY,
    LadderRole.STEERING: Role.STEERING,
}


@dataclass(frozen=True, slots=True)
class Reader:
    """One person and the address a message takes to them; a Slack address may be a channel."""

    person: Person
    channel: DeliveryChannel
    address: str


class Directory:
    """The people a batch of requests may concern, loaded at once."""

    def __init__(self, session: Session, requests: Sequence[CmoRequest]) -> None:
        cmo_ids = {request.cmo_id for request in requests}
        project_ids = {request.project_id for request in requests}
        self._cmos = {cmo.id: cmo for cmo in session.scalars(select(Organization).where(Organization.id.in_(cmo_ids)))}
        self._projects = {
            project.id: project for project in session.scalars(select(Project).where(Project.id.in_(project_ids)))
        }
        sponsor = select(Organization.id).where(Organization.kind == OrganizationKind.SPONSOR)
        people = session.scalars(
            select(Person).where(or_(Person.organization_id.in_(cmo_ids), Person.organization_id.in_(sponsor)))
        )
        self._people = {person.id: person for person in people}

    def contact(self, request: CmoRequest) -> Person | None:
        """The request's contact; while the account is disabled, the backup."""
        return self._standing(request.contact_id)

    def readers(self, request: CmoRequest, to: Recipient) -> Iterator[Reader]:
        for person in self._persons(request, to):
            address = self._address(request, person, to)
            yield (
                Reader(person, to.channel, address) if address else Reader(person, DeliveryChannel.EMAIL, person.email)
            )

    def person(self, person_id: UUID) -> Person | None:
        return self._people.get(person_id)

    def quality(self, request: CmoRequest) -> list[Person]:
        return list(self._persons(request, Recipient(DeliveryChannel.EMAIL, LadderRole.QUALITY)))

    def manager(self, request: CmoRequest) -> Person | None:
        return self._standing(self._projects[request.project_id].pm_id)

    def _address(self, request: CmoRequest, person: Person, to: Recipient) -> str | None:
        if to.channel is DeliveryChannel.EMAIL:
            return person.email
        own, cmo_channel = person.slack_user_id, self._cmos[request.cmo_id].slack_channel
        return (cmo_channel or own) if to.role is LadderRole.LEAD else (own or self._shared_channel(to, cmo_channel))

    @staticmethod
    def _shared_channel(to: Recipient, cmo_channel: str | None) -> str | None:
        return cmo_channel if to.role in (LadderRole.LEAD_BACKUP, LadderRole.HEAD, LadderRole.QUALITY) else None

    def _persons(self, request: CmoRequest, to: Recipient) -> Iterator[Person]:
        if to.person_id is not None:
            ids: Iterable[UUID | None] = [UUID(to.person_id)]
        elif to.role in _STAFF_WIDE:
            ids = self._with_role(_STAFF_WIDE[to.role], None)
        elif to.role is LadderRole.CMO_LEAD:
            ids = self._with_role(Role.CMO_LEAD, request.cmo_id)
        else:
            ids = [self._single(request, to.role)]
            if to.role is LadderRole.LEAD and self._standing(ids[0]) is None:  # nobody leads this CMO: the heads do
                ids = self._with_role(Role.HEAD, None)
        for person_id in ids:
            person = self._standing(person_id)
            if person is not None and self._may_know(person, request):
                yield person

    def _may_know(self, person: Person, request: CmoRequest) -> bool:
        """People of the sponsor, and of the request's own CMO and site, whatever person a policy names."""
        return person.serves(request.cmo_id, request.site_id) or not set(person.roles) & CMO_ROLES

    def _single(self, request: CmoRequest, role: LadderRole | None) -> UUID | None:
        project, cmo = self._projects[request.project_id], self._cmos[request.cmo_id]
        if role is LadderRole.CMO_CONTACT:
            return request.contact_id
        if role is LadderRole.CMO_BACKUP:
            return self._backup_of(request.contact_id)
        if role is LadderRole.PROJECT_MANAGER:
            return project.pm_id
        lead = cmo.lead_id or project.lead_id
        return lead if role is LadderRole.LEAD else self._backup_of(lead)

    def _backup_of(self, person_id: UUID | None) -> UUID | None:
        person = self._people.get(person_id) if person_id else None
        return person.backup_id if person else None

    def _standing(self, person_id: UUID | None) -> Person | None:
        person = self._people.get(person_id) if person_id else None
        if person is None or person.status != PersonStatus.DISABLED:
            return person
        stand_in = self._people.get(person.backup_id) if person.backup_id else None
        return stand_in if stand_in and stand_in.status != PersonStatus.DISABLED else None

    def _with_role(self, role: Role, organization_id: UUID | None) -> list[UUID]:
        return [
            person.id
            for person in self._people.values()
            if role.value in person.roles
            and (person.organization_id == organization_id if organization_id else True)
            and (role in CMO_ROLES) == (organization_id is not None)
        ]


def ladder_rows(
    request: CmoRequest,
    told: Sequence[Crossing],
    directory: Directory,
    *,
    now: datetime,
    real_now: datetime,
) -> list[dict[str, Any]]:
    """Outbox rows for the rungs to tell. Clocks that passed the same rung at the same instant share a message."""
    rows: list[dict[str, Any]] = []
    for step, at in dict.fromkeys((crossing.step, crossing.crossed_at) for crossing in told):
        clocks = [str(crossing.clock) for crossing in told if (crossing.step, crossing.crossed_at) == (step, at)]
        level, readers = step.level, [reader for to in step.to for reader in directory.readers(request, to)]
        if not readers:  # a rung nobody holds must not be silent
            readers = [Reader(pm, DeliveryChannel.EMAIL, pm.email) for pm in [directory.manager(request)] if pm]
        for reader in dict.fromkeys((r.channel, r.address, r.person.id) for r in readers):
            channel, address, person_id = reader
            who = address if channel is DeliveryChannel.SLACK else person_id
            key = f"{request.number}/{level.value}/{'+'.join(clocks)}/{channel.value}/{who}"
            rows.append(
                outbox_row(
                    key, MessageKind(level.value), channel, address, now=now, real_now=real_now,
                    request_id=request.id, person_id=person_id, clocks=clocks,
                )
            )  # fmt: skip
    return rows


def fact_rows(
    request: CmoRequest, fact: Fact, directory: Directory, *, now: datetime, real_now: datetime
) -> list[dict[str, Any]]:
    """Outbox rows for one act: the contact hears the sponsor's acts and gets receipts, the manager hears the CMO's."""
    contact, manager = directory.contact(request), directory.manager(request)
    if fact.kind is FactKind.HANDED_ON and contact:
        filed = filed_row(
            request.id, request.number, contact.id, contact.email, fact.sequence, now=now, real_now=real_now
        )
        return [filed]
    told: list[tuple[MessageKind, Person]] = []
    if fact.kind in UNTOLD:
        return []
    if fact.by.is_cmo:
        submitter = directory.person(UUID(fact.by.id))
        if submitter:
            told.append((MessageKind.RECEIPT, submitter))
        if manager and str(manager.id) != fact.recorded_by.id:
            told.append((MessageKind.CMO_ACTED, manager))
    elif contact:
        told.append((MessageKind.SPONSOR_ACTED, contact))
    if needs_review(fact):
        told += [(MessageKind.CMO_ACTED, person) for person in directory.quality(request) if person is not manager]
    rows = []
    for kind, person in told:
        slack = person.slack_user_id if kind is MessageKind.CMO_ACTED else None
        channel = DeliveryChannel.SLACK if slack else DeliveryChannel.EMAIL
        key = f"{request.number}/{kind.value}/{fact.sequence}/{channel.value}/{person.id}"
        rows.append(
            outbox_row(
                key, kind, channel, slack or person.email, now=now, real_now=real_now,
                request_id=request.id, person_id=person.id, fact_sequence=fact.sequence,
            )
        )  # fmt: skip
    return rows


def closing_soon_rows(
    request: CmoRequest,
    sequence: int,
    closes_at: datetime,
    directory: Directory,
    *,
    now: datetime,
    real_now: datetime,
) -> list[dict[str, Any]]:
    """Outbox rows that tell the manager, or else who leads, when the request closes by itself.

    `sequence` is that of the act from which the days are counted: of each the notice is one.
    """
    manager = Recipient(DeliveryChannel.SLACK, LadderRole.PROJECT_MANAGER)
    lead = Recipient(DeliveryChannel.EMAIL, LadderRole.LEAD)
    told = (list(directory.readers(request, to)) for to in (manager, lead))
    return [
        outbox_row(
            f"{request.number}/{MessageKind.CLOSING_SOON.value}/{sequence}/{reader.channel.value}/{reader.person.id}",
            MessageKind.CLOSING_SOON, reader.channel, reader.address, now=now, real_now=real_now,
            request_id=request.id, person_id=reader.person.id, fact_sequence=sequence, closes_at=closes_at,
        )
        for reader in next(filter(None, told), ())
    ]  # fmt: skip


def filed_row(
    request_id: UUID,
    number: str,
    contact_id: UUID,
    address: str,
    sequence: int = 1,
    *,
    now: datetime,
    real_now: datetime,
) -> dict[str, Any]:
    """The outbox row that tells a contact of a request just filed, or handed on to them by the fact `sequence`."""
    key = f"{number}/{MessageKind.FILED.value}/{sequence}/{DeliveryChannel.EMAIL.value}/{contact_id}"
    return outbox_row(
        key, MessageKind.FILED, DeliveryChannel.EMAIL, address, now=now, real_now=real_now,
        request_id=request_id, person_id=contact_id, fact_sequence=sequence,
    )  # fmt: skip


def outbox_row(
    dedupe_key: str,
    kind: MessageKind,
    channel: DeliveryChannel,
    address: str,
    *,
    now: datetime,
    real_now: datetime,
    request_id: UUID | None = None,
    person_id: UUID | None = None,
    clocks: Sequence[str] = (),
    fact_sequence: int | None = None,
    detail: str | None = None,
    fallback_of: UUID | None = None,
    closes_at: datetime | None = None,
) -> dict[str, Any]:
    return {
        "id": new_id(),
        "dedupe_key": dedupe_key[:255],
        "kind": kind.value,
        "channel": channel.value,
        "address": address,
        "queued_at": now,
        "next_attempt_at": real_now,
        "request_id": request_id,
        "person_id": person_id,
        "clocks": list(clocks),
        "fact_sequence": fact_sequence,
        "detail": detail,
        "fallback_of": fallback_of,
        "closes_at": closes_at,
        "trace_id": get_contextvars().get("request_id"),  # of the HTTP request being answered, if any
    }


def queue(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    """Put messages into the outbox; one with the same key is already on its way and stays alone."""
    insert_ignoring(session, Notification, rows, ["dedupe_key"])
