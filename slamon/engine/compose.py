"""Turns outbox rows into the messages their readers may see: times, names, numbers, links.

What a request is about stays out, but for its subject line where `blinding` allows that in mails.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import parseaddr
from typing import Any
from uuid import UUID

from sqlalchemy import exists, func, or_, select, tuple_
from sqlalchemy.orm import Session, load_only

from slamon.channels import ChannelDefinition, Channels
from slamon.config import Settings
from slamon.db.outbox import WAITING, Attempt, Notification, NotificationState
from slamon.db.parties import Organization, OrganizationKind, Person, Project, Site
from slamon.db.requests import ClockRow, CmoRequest, CrossingRow, CrossingStatus, FactRow
from slamon.db.statements import held_by_id
from slamon.domain.clocks.kinds import ClockDefinition
from slamon.domain.fold import needs_review
from slamon.domain.lifecycle import ENDED, State
from slamon.domain.terms import REPETITIONS, LadderRole, Level, Terms
from slamon.domain.timeline import SYSTEM, Fact, FactKind
from slamon.engine.blinding import subjects_for_mails
from slamon.services.access.form_links import new_link, opens, store_links
from slamon.services.access.one_time_links import one_time_token, welcome_address
from slamon.services.audit.timelines import fact_of
from slamon.services.directory.duties import ASKED_OF
from slamon.services.directory.recipients import Recipients
from slamon.services.directory.records import sponsor_name
from slamon.services.outbox.addresses import Addresses
from slamon.services.outbox.digests import digest_size, members
from slamon.services.outbox.retractions import Said, clocks_holding, said_of
from slamon.services.outbox.threads import IN_THREAD, thread_of, told_in_threads
from slamon.services.policies.policies import load_terms
from slamon.services.requests.queries import clocks_by_request
from slamon.services.transaction import Tx
from slamon.wording.clocks import ClockWords
from slamon.wording.message import LADDER_KINDS, OPENS_AN_ACCOUNT, ClockLine, DigestLine, Message, MessageKind
from slamon.wording.messages import PAST_LIMIT
from slamon.wording.words import Words

_PAGES = {MessageKind.ALARM.value: "/status", MessageKind.KEY_MADE.value: "/keys"}
MOST_READ = 1000  # steps looked at for the lines of a digest; beyond, they are only counted
MOST_LISTED = {False: 30, True: 200}  # lines of a digest: staff have the list itself, a contact has only the mail

# Of a request only this may be told; the rest is not even read.
_TOLD = (
    CmoRequest.number, CmoRequest.type, CmoRequest.priority, CmoRequest.state, CmoRequest.filed_at,
    CmoRequest.cmo_id, CmoRequest.site_id, CmoRequest.cmo_reference, CmoRequest.terms_digest,
    CmoRequest.project_id, CmoRequest.contact_id, CmoRequest.filed_by_id,  # who its people are
)  # fmt: skip
_NO_ATTEMPTS = (MessageKind.DIGEST, MessageKind.RECEIPT, MessageKind.CMO_ACTED, MessageKind.WITHDRAWN)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message and the channel it takes, which a redirect may have changed."""

    channel: str
    message: Message


class Composer:
    """Composes the messages of a batch of outbox rows; what they tell is read now, for all of them at once."""

    def __init__(self, tx: Tx, rows: Sequence[Notification], settings: Settings, words: Words) -> None:
        session = tx.session
        self._tx, self._settings, self._words, self._channels = tx, settings, words, tx.rules.channels
        self._domain = parseaddr(settings.mail_from)[1].rpartition("@")[2] or "localhost"
        self._folded = {
            row.id: members(session, row.id, most=MOST_READ) for row in rows if row.kind == MessageKind.DIGEST
        }
        told = [*rows, *(member for folded in self._folded.values() for member in folded)]
        self._people = held_by_id(session, Person, {row.person_id for row in rows if row.person_id})
        self._requests = _requests(session, {row.request_id for row in told if row.request_id})
        requests = self._requests.values()
        projects = held_by_id(session, Project, {request.project_id for request in requests})
        self._restricted = {project_id for project_id, project in projects.items() if project.restricted}
        parties = {r.cmo_id for r in requests} | {person.organization_id for person in self._people.values()}
        self._organizations = held_by_id(session, Organization, parties)
        self._addresses = Addresses.of(session, {*self._people, *parties})
        self._sites = held_by_id(session, Site, {request.site_id for request in requests})
        self._terms = load_terms(session, [request.terms_digest for request in requests]) if requests else {}
        self._clocks = clocks_by_request(tx, list(self._requests))
        self._standing = _standing(session, {row.request_id for row in told if row.kind in LADDER_KINDS})
        alone = {row.request_id for row in rows if row.request_id and row.kind != MessageKind.DIGEST}
        self._reached = _contact_attempts(session, alone)
        self._topics = subjects_for_mails(session, alone, settings)
        self._sponsor = sponsor_name(session, settings)
        escalated = {row.request_id for row in told if row.kind in PAST_LIMIT and row.request_id}
        self._taken = _last_taken(session, escalated)
        about = [self._requests[request_id] for request_id in escalated]
        self._recipients = Recipients(tx, about) if about else None
        self._facts = _facts(
            session, {(row.request_id, row.fact_sequence) for row in rows if row.request_id and row.fact_sequence}
        )
        in_thread = {row.request_id for row in rows if row.request_id and _in_thread(row, self._channels)}
        self._told = told_in_threads(tx, in_thread)
        self._links: list[dict[str, Any]] = []

    def still_true(self, row: Notification) -> bool:
        """A step is worth telling while a clock that passed it runs and it stands, a closing while it lies ahead, a
        withdrawal where what it withdraws may have arrived, a fresh link while one opens anything.

        A step that only repeats an escalation is not once somebody has taken that. Everything else always is.
        """
        if row.kind == MessageKind.DIGEST:
            folded = self._folded[row.id]
            return len(folded) == MOST_READ or any(self.still_true(member) for member in folded)
        if row.request_id is None:
            return True
        if row.kind == MessageKind.FRESH_LINK and row.person_id:
            return self._opens(self._requests[row.request_id], row.person_id)
        if row.kind == MessageKind.CLOSING_SOON:
            lies_ahead = row.closes_at is None or self._tx.business_now <= row.closes_at
            return self._requests[row.request_id].state == State.ANSWERED and lies_ahead
        if row.kind == MessageKind.WITHDRAWN:
            return _may_have_arrived(self._tx.session, row)
        if row.kind in REPETITIONS and self._taken_since(row, row.queued_at):
            return False
        return row.kind not in LADDER_KINDS or bool(self._still_owed(row))

    def is_early(self, row: Notification) -> bool:
        """Whether it withdraws a message that is leaving just now: it must not overtake it."""
        if row.kind != MessageKind.WITHDRAWN:
            return False
        told = Notification.withdrawn_by == row.id, Notification.state == NotificationState.SENDING
        return self._tx.session.scalar(select(Notification.id).where(*told).limit(1)) is not None

    def _still_owed(self, row: Notification) -> set[str]:
        """Of the clocks a step tells of, those that have not stopped and still have passed it."""
        if row.request_id is None:
            return set()
        running = {str(clock.clock_id) for clock in self._clocks[row.request_id] if clock.stopped_at is None}
        return running.intersection(clocks_holding(row, self._standing[row.request_id]))

    def is_left(self, row: Notification) -> bool:
        """Whether the message is for one person, who was disabled since it was queued; nothing of it has left yet.

        What tells an old address of a change leaves all the same: its reader may not know who disabled them.
        """
        person = self._people[row.person_id] if row.person_id else None
        if person is None or person.is_enabled:
            return False
        channel = self._channels[row.channel]
        is_left = channel.shared is None or row.address == self._addresses.own(person, channel)
        return is_left and row.state in WAITING and row.kind != MessageKind.ADDRESS_CHANGED

    def _taken_since(self, row: Notification, since: datetime) -> FactRow | None:
        taken = self._taken.get(row.request_id) if row.request_id else None
        return taken if taken is not None and taken.occurred_at >= since else None

    def readdress(self, row: Notification) -> bool:
        """Bring the row in line with how its reader is reached now; False where this channel no longer reaches them."""
        person = self._people[row.person_id] if row.person_id else None
        if person is None or row.kind == MessageKind.ADDRESS_CHANGED:
            return True
        address = self._address(row, person, self._channels[row.channel])
        row.address = address or row.address
        return address is not None

    def _address(self, row: Notification, person: Person, channel: ChannelDefinition) -> str | None:
        """The person's own, or the CMO's place where it was to a place."""
        own, request = self._addresses.own(person, channel), self._requests[row.request_id] if row.request_id else None
        place = self._addresses.shared(request.cmo_id, channel) if request else None
        if row.address != place and not channel.is_place(row.address):
            return own
        if request and request.project_id in self._restricted:
            return own  # the project may have become restricted since this was queued
        if row.kind in (MessageKind.TAKEN, MessageKind.CLOSING, MessageKind.WITHDRAWN):  # in a thread that stays
            return row.address
        return place or own

    def outgoing(self, row: Notification) -> Outgoing:
        """The message of one row. A contact gets a link of their own, which opens once `store_links` was called."""
        settings = self._settings
        person = self._people[row.person_id] if row.person_id else None
        to_cmo = person is not None and self._is_of_cmo(person)
        redirected = settings.redirect_all_to
        channel = self._channels.for_links if redirected else self._channels[row.channel]
        plain = Message(
            key=row.dedupe_key,
            kind=MessageKind(row.kind),
            address=redirected or row.address,
            recipient_name=person.name if person else "",
            to_cmo=to_cmo,
            at=self._tx.business_now,
            reader_zone=person.time_zone if person else settings.sponsor_time_zone,
            other_zone=settings.sponsor_time_zone,
            sponsor_name=self._sponsor,
            language=self._words.language,
            link=f"{settings.base_url}{_PAGES[row.kind]}" if row.kind in _PAGES else None,
            detail=row.detail,
            closes_at=row.closes_at,
            instead_of=row.instead_of,
            redirected_from=f"{row.channel}: {row.address}" if redirected else None,
            message_id=f"<{row.id}@{self._domain}>",
        )
        if row.request_id is None:
            if row.kind in OPENS_AN_ACCOUNT and person is not None:
                token = one_time_token(self._tx, person.id)
                plain = replace(plain, link=welcome_address(settings.base_url, token))
            return Outgoing(channel.name, plain)
        request = self._requests[row.request_id]
        if row.kind == MessageKind.DIGEST:
            return Outgoing(channel.name, self._digest(plain, row, request))
        return Outgoing(channel.name, self._about(plain, row, request, channel))

    def store_links(self) -> None:
        """Store the links of all messages made so far."""
        store_links(self._tx, self._links)
        self._links = []

    def _about(self, plain: Message, row: Notification, request: CmoRequest, channel: ChannelDefinition) -> Message:
        site = self._sites[request.site_id]
        fact_row = self._facts.get((request.id, row.fact_sequence))
        fact = fact_of(fact_row) if fact_row else None
        is_taken = row.kind == MessageKind.TAKEN
        taken = fact_row if is_taken else self._taken_since(row, self._breached_at(row, request))
        return replace(
            plain,
            may_take=self._may_take(row, request),
            taken_by=taken.by_name if taken else None,
            taken_at=taken.occurred_at if taken else None,
            other_zone=self._settings.sponsor_time_zone if plain.to_cmo else site.time_zone,
            link=self._link(request, row.person_id, plain.to_cmo),
            number=request.number,
            request_type=self._words.types[request.type].short,
            a_request=self._words.types[request.type].a_request,
            priority=self._words.request_codes[request.priority],
            cmo_name=self._organizations[request.cmo_id].name,
            site_name=site.name,
            topic=self._topics.get(request.id) if channel.names_subjects else None,
            order_reference=request.cmo_reference if plain.to_cmo else None,
            filed_at=request.filed_at,
            clocks=self._clock_lines([row], request),
            contact_attempts=self._reached.get(request.id, 0),
            act=self._words.facts[fact.kind] if fact else None,
            actor_name=fact.by.name if fact and fact.by != SYSTEM else None,
            tells_of_damage=fact is not None and needs_review(fact),
            is_closed=State(request.state) in ENDED,
            submitted=_submitted(row, fact),
            message_id=f"<{request.id}@{self._domain}>" if row.kind == MessageKind.FILED else plain.message_id,
            thread_id=self._thread(row, request, channel),
        )

    def _digest(self, plain: Message, row: Notification, request: CmoRequest) -> Message:
        """One line a request, with the gravest of its steps; those that have waited longest come first."""
        by_request: defaultdict[UUID, list[Notification]] = defaultdict(list)
        for member in filter(self.still_true, self._folded[row.id]):
            if member.request_id:
                by_request[member.request_id].append(member)
        told = []
        for request_id, of_it in by_request.items():
            gravest = max(of_it, key=_gravity).kind
            told.append(([member for member in of_it if member.kind == gravest], self._requests[request_id]))
        told.sort(key=lambda pair: (-_gravity(pair[0][0]), pair[1].filed_at))
        listed = told[: MOST_LISTED[plain.to_cmo]]
        return replace(
            plain,
            cmo_name=self._organizations[request.cmo_id].name,
            link=None if plain.to_cmo else f"{self._settings.base_url}/requests?cmo={request.cmo_id}",
            lines=tuple(
                DigestLine(
                    number=about.number,
                    request_type=self._words.types[about.type].short,
                    kind=MessageKind(alike[0].kind),
                    clocks=self._clock_lines(alike, about),
                    link=self._link(about, row.person_id, plain.to_cmo),
                )
                for alike, about in listed
            ),
            more_lines=max(digest_size(self._tx.session, row.id), len(told)) - len(listed),
        )

    def _link(self, request: CmoRequest, person_id: UUID | None, to_cmo: bool) -> str | None:
        base = self._settings.base_url
        if not to_cmo:
            return f"{base}/requests/{request.id}"
        if person_id is None or not self._opens(request, person_id):
            return None
        person, days = self._people[person_id], self._settings.link_days
        token, link = new_link(self._tx, request.id, person, days=days)
        self._links.append(link)
        return f"{base}/r/{token}"

    def _opens(self, request: CmoRequest, person_id: UUID) -> bool:
        return opens(self._tx.session, request, self._people[person_id])

    def _is_of_cmo(self, person: Person) -> bool:
        return self._organizations[person.organization_id].kind == OrganizationKind.CMO

    def _clock_lines(self, rows: Sequence[Notification], request: CmoRequest) -> tuple[ClockLine, ...]:
        """The clocks that these messages of one request name; of a step those that still wait."""
        terms, definitions = self._terms[request.terms_digest], self._tx.rules.catalogue.clocks
        # Other terms may no longer have a clock that ran before.
        known = [clock for clock in self._clocks[request.id] if clock.kind in terms.clocks]
        wanted = {
            clock for row in rows for clock in (self._still_owed(row) if row.kind in LADDER_KINDS else row.clocks)
        }
        named = [clock for clock in known if str(clock.clock_id) in wanted]
        if not wanted:  # what the CMO owes by the hour
            named = [c for c in known if c.stopped_at is None and definitions[c.kind].takes_general_steps]
        words = self._words.clocks
        return tuple(_clock_line(each, definitions[each.kind], words[each.kind], terms) for each in named)

    def _may_take(self, row: Notification, request: CmoRequest) -> bool:
        person = self._people[row.person_id] if row.person_id else None
        wanted = ASKED_OF[LadderRole.LEAD]
        if self._recipients is None or person is None or row.kind not in PAST_LIMIT:
            return False
        return self._recipients.may(person, request, wanted)

    def _breached_at(self, row: Notification, request: CmoRequest) -> datetime:
        """The first limit of the clocks that the message is about; when it was queued, while none is known."""
        own = (clock.limit_at for clock in self._clocks[request.id] if str(clock.clock_id) in row.clocks)
        return min(filter(None, (*own, row.queued_at)))

    def _thread(self, row: Notification, request: CmoRequest, channel: ChannelDefinition) -> str | None:
        if not channel.has_threads:
            return f"<{request.id}@{self._domain}>"
        return thread_of(row, self._told[request.id], self._channels)


def _requests(session: Session, ids: set[UUID]) -> dict[UUID, CmoRequest]:
    """The requests, as far as messages may tell of them."""
    statement = select(CmoRequest).where(CmoRequest.id.in_(ids)).options(load_only(*_TOLD))
    return {request.id: request for request in session.scalars(statement)} if ids else {}


def _in_thread(row: Notification, channels: Channels) -> bool:
    return row.channel in channels.with_threads and row.kind in IN_THREAD


def _facts(session: Session, keys: set[tuple[UUID, int]]) -> dict[tuple[UUID, int | None], FactRow]:
    if not keys:
        return {}
    facts = session.scalars(select(FactRow).where(tuple_(FactRow.request_id, FactRow.sequence).in_(keys)))
    return {(fact.request_id, fact.sequence): fact for fact in facts}


def _clock_line(clock: ClockRow, definition: ClockDefinition, words: ClockWords, terms: Terms) -> ClockLine:
    allowed = terms.clocks[clock.kind]
    return ClockLine(
        words=words,
        started_at=clock.started_at,
        target_at=clock.target_at,
        limit_at=clock.limit_at,
        unit=allowed.mode.unit,
        target_seconds=int(allowed.target.total_seconds()),
        limit_seconds=int(allowed.limit.total_seconds()),
        is_dated=definition.is_dated,
        is_the_sponsors=definition.is_the_sponsors,
    )


def _gravity(row: Notification) -> int:
    return Level(row.kind).rank


def _standing(session: Session, request_ids: set[UUID | None]) -> defaultdict[UUID, set[Said]]:
    """What may be said of the crossings of each request that stand."""
    found = defaultdict[UUID, set[Said]](set)
    if request_ids:
        of_them = CrossingRow.request_id.in_(request_ids), CrossingRow.status == CrossingStatus.OPEN
        for row in session.scalars(select(CrossingRow).where(*of_them)):
            found[row.request_id].add(said_of(row))
    return found


def _may_have_arrived(session: Session, withdrawal: Notification) -> bool:
    """Whether a message it withdraws has left, or may have: then its reader is owed the withdrawal.

    The mail that carries a withdrawal for Slack, or for a reader who left, names none: it was owed already.
    """
    unclear = (Attempt.notification_id == Notification.id) & or_(
        Attempt.outcome.is_(None), Attempt.outcome == "unknown"
    )
    left = or_(Notification.state == NotificationState.SENT, exists().where(unclear))
    found = session.scalars(select(left).where(Notification.withdrawn_by == withdrawal.id)).all()
    return any(found) or not found


def _last_taken(session: Session, request_ids: set[UUID]) -> dict[UUID, FactRow]:
    """When and by whom an escalation of each request was last taken."""
    if not request_ids:
        return {}
    facts = select(FactRow).where(FactRow.request_id.in_(request_ids), FactRow.kind == FactKind.TAKEN)
    return {fact.request_id: fact for fact in session.scalars(facts.order_by(FactRow.occurred_at, FactRow.sequence))}


def _contact_attempts(session: Session, request_ids: set[UUID]) -> dict[UUID, int]:
    """How often people of the CMO were written to about each request so far; receipts of their own acts aside."""
    if not request_ids:
        return {}
    statement = (
        select(Notification.request_id, func.count())
        .join(Person, Person.id == Notification.person_id)
        .join(CmoRequest, CmoRequest.id == Notification.request_id)
        .where(
            Notification.request_id.in_(request_ids),
            Notification.state == NotificationState.SENT,
            # Each step that a digest told is counted.
            Notification.kind.not_in(_NO_ATTEMPTS),
            Person.organization_id == CmoRequest.cmo_id,
        )
        .group_by(Notification.request_id)
    )
    return {request_id: count for request_id, count in session.execute(statement) if request_id}


def _submitted(row: Notification, fact: Fact | None) -> str | None:
    """What the contact himself wrote: given back to him in his receipt and told to nobody else."""
    own = fact is not None and fact.by.id == fact.recorded_by.id == str(row.person_id)
    if fact is None or row.kind != MessageKind.RECEIPT or not own:
        return None
    return fact.words or None
