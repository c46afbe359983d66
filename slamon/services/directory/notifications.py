"""Who is told what: turns crossings and facts into outbox rows. Which words they become is decided when they leave."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from slamon.db.outbox import Notification
from slamon.db.parties import Person
from slamon.db.requests import CmoRequest
from slamon.domain.actions.talk import HandedOn
from slamon.domain.clocks.ladder import Crossing, CrossingKey
from slamon.domain.fold import needs_review
from slamon.domain.terms import LadderRole
from slamon.domain.timeline import Fact, FactKind
from slamon.services.directory.duties import ASKED_OF
from slamon.services.directory.recipients import Addressee, Recipients, Told
from slamon.services.outbox.addresses import to_account
from slamon.services.outbox.message_keys import MessageKey, about_crossing, reader_key
from slamon.services.outbox.outbox import outbox_row
from slamon.services.transaction import Moment, Tx
from slamon.wording.message import MessageKind

# Who hears of it: the contact of what the sponsor did, the manager of what the CMO did. Of some acts nobody is told.
UNTOLD = frozenset(
    {FactKind.FILED, FactKind.TAKEN, FactKind.HANDED_ON, FactKind.TERMS_CHANGED, FactKind.ADDRESS_CHANGED}
)


def ladder_rows(
    tx: Tx, request: CmoRequest, told: Sequence[Crossing], recipients: Recipients, *, again: Collection[CrossingKey]
) -> list[dict[str, Any]]:
    """Outbox rows for the crossings to tell; `again` are those that were told before and withdrawn.

    Clocks that passed the same step at the same instant share a message. Steps that mean the same at one instant make
    one message for a reader of both.
    """
    rows: list[dict[str, Any]] = []
    for passed in dict.fromkeys((crossing.step, crossing.crossed_at, crossing.level) for crossing in told):
        step, at, level = passed
        alike = [crossing for crossing in told if (crossing.step, crossing.crossed_at, crossing.level) == passed]
        clocks = [str(crossing.clock) for crossing in alike]
        is_again = any(crossing.key in again for crossing in alike)
        about = about_crossing(clocks, at, request.fact_count if is_again else None)
        kind, readers = MessageKind(level.value), [each for to in step.to for each in recipients.readers(request, to)]
        if any(recipients.is_empty(request, to) for to in step.to):
            rows += nobody_there_rows(tx, request, recipients)
        if not readers:  # a step with no reader must not be silent
            readers = recipients.nearest(request, step.to)
        once: dict[tuple[str, str, UUID], Addressee] = {}
        for reader in readers:
            once.setdefault((reader.channel, reader.address, reader.person.id), reader)
        for reader in once.values():
            who = reader_key(tx.rules.channels[reader.channel], reader.address, reader.person.id)
            rows.append(
                outbox_row(
                    tx, str(MessageKey(request.number, kind, about, reader.channel, who)), kind, reader.channel,
                    reader.address,
                    request_id=request.id, person_id=reader.person.id, clocks=clocks, crossed_at=at,
                    told_as=reader.role, instead_of=reader.instead_of)
            )  # fmt: skip
    return rows


def fact_rows(tx: Tx, request: CmoRequest, fact: Fact, recipients: Recipients) -> list[dict[str, Any]]:
    """Outbox rows for one act: the contact hears the sponsor's acts and gets receipts, the manager hears the CMO's.

    Whoever wrote an act of the CMO down needs no news of it; nobody hears of a hand-on that a later one has overtaken.
    """
    if fact.kind == FactKind.HANDED_ON and fact.said(HandedOn).contact.id == request.contact_id:
        return contact_rows(tx, request, recipients, fact.sequence, MessageKind.FILED)
    if fact.kind in UNTOLD:
        return []
    rows: list[dict[str, Any]] = []
    news: dict[UUID, Addressee] = {}
    if fact.by.is_cmo:
        rows += _receipt_rows(tx, request, fact, recipients)
        told = recipients.news_readers(request, LadderRole.PROJECT_MANAGER)
        news = {each.person.id: each for each in told if str(each.person.id) != fact.recorded_by.id}
    else:
        rows += contact_rows(tx, request, recipients, fact.sequence, MessageKind.SPONSOR_ACTED)
    if needs_review(fact):
        news = {each.person.id: each for each in recipients.news_readers(request, LadderRole.QUALITY)} | news
    return rows + [_row(tx, request, MessageKind.CMO_ACTED, each, sequence=fact.sequence) for each in news.values()]


def _receipt_rows(tx: Tx, request: CmoRequest, fact: Fact, recipients: Recipients) -> list[dict[str, Any]]:
    """A receipt for whoever acted; where they have left since, whoever at the CMO is told in their place."""
    person = recipients.person(UUID(fact.by.id))
    if person is None:
        return []
    if not person.is_enabled:
        return contact_rows(tx, request, recipients, fact.sequence, MessageKind.RECEIPT)
    [reader] = _by_account(tx, [Told(person, fact.by.role.value)])
    return [_row(tx, request, MessageKind.RECEIPT, reader, sequence=fact.sequence)]


def contact_rows(
    tx: Tx, request: CmoRequest, recipients: Recipients, sequence: int, kind: MessageKind
) -> list[dict[str, Any]]:
    """Mails that tell the contact of the fact `sequence`; staff are told where nobody at the CMO can be."""
    told = recipients.told(request, LadderRole.CMO_CONTACT)
    if not told:
        return nobody_there_rows(tx, request, recipients)
    return [_row(tx, request, kind, each, sequence=sequence) for each in _by_account(tx, told)]


def nobody_there_rows(tx: Tx, request: CmoRequest, recipients: Recipients) -> list[dict[str, Any]]:
    """Outbox rows that tell the manager that no message about this request reaches the CMO; once for each contact."""
    managers = recipients.news_readers(request, LadderRole.PROJECT_MANAGER)
    return [_row(tx, request, MessageKind.NOBODY_THERE, each, str(request.contact_id)) for each in managers]


def not_reached_rows(tx: Tx, request: CmoRequest, person: Person, detail: str) -> list[dict[str, Any]]:
    """Mails that tell the manager that the CMO's server refused a mail to `person`; once for each address."""
    managers = _by_account(tx, Recipients(tx, [request]).told(request, LadderRole.PROJECT_MANAGER))
    about = f"{person.id}@{person.email}"
    return [_row(tx, request, MessageKind.NOT_REACHED, each, about, detail=detail[:500]) for each in managers]


def stand_in_rows(tx: Tx, row: Notification) -> list[dict[str, Any]]:
    """The same message for who stands in: its reader was disabled before it left, or their mail is refused.

    Empty for one that concerns nobody else: an invitation, a link that was asked for, an alarm that others got too.
    """
    if row.request_id is None or row.kind == MessageKind.FRESH_LINK:
        return []
    request = tx.session.get_one(CmoRequest, row.request_id)
    if row.kind == MessageKind.FILED and request.contact_id != row.person_id:
        return []  # it was handed on, and whoever has it now got a notice of their own
    recipients = Recipients(tx, [request], unreachable=row.person_id)
    person = recipients.person(row.person_id) if row.person_id else None
    if person is None:
        return []
    otherwise = LadderRole.CMO_CONTACT if person.is_of_cmo else LadderRole.PROJECT_MANAGER
    parts = [LadderRole(role) for role in (row.told_as, *person.roles) if role in set(LadderRole)]
    part = parts[0] if parts else otherwise
    told = recipients.told(request, part)
    if not told and person.is_of_cmo:
        return nobody_there_rows(tx, request, recipients)
    return [
        outbox_row(
            tx, f"{row.dedupe_key}/{each.person.id}", MessageKind(row.kind), *to_account(tx, each.person),
            request_id=request.id, person_id=each.person.id, clocks=row.clocks,
            crossed_at=row.crossed_at, fact_sequence=row.fact_sequence, detail=row.detail, closes_at=row.closes_at,
            told_as=each.role, instead_of=row.instead_of or each.instead_of or person.name)
        for each in told
    ]  # fmt: skip


def closing_soon_rows(
    tx: Tx, request: CmoRequest, sequence: int, closes_at: datetime, recipients: Recipients
) -> list[dict[str, Any]]:
    """Outbox rows that tell the manager, or who stands in, when the request closes by itself.

    `sequence` is that of the act from which the days are counted: of each the notice is one. Who cannot object is
    promised no closing: they are told that nobody can be asked.
    """
    may_object = ASKED_OF[LadderRole.PROJECT_MANAGER]
    return [
        _row(
            tx, request, MessageKind.CLOSING_SOON, reader, sequence=sequence,
            closes_at=closes_at if recipients.may(reader.person, request, may_object) else None)
        for reader in recipients.news_readers(request, LadderRole.PROJECT_MANAGER)
    ]  # fmt: skip


def _by_account(tx: Tx, told: Iterable[Told]) -> list[Addressee]:
    """The same people, each to be reached by the mail of their account."""
    return [Addressee(each.person, *to_account(tx, each.person), each.role, each.instead_of) for each in told]


def _row(
    tx: Tx,
    request: CmoRequest,
    kind: MessageKind,
    reader: Addressee,
    about: str = "",
    *,
    sequence: int | None = None,
    detail: str | None = None,
    closes_at: datetime | None = None,
) -> dict[str, Any]:
    """The outbox row for one reader; what it is about, which makes its key one, is the fact `sequence` or `about`."""
    key = MessageKey(request.number, kind, about or str(sequence), reader.channel, str(reader.person.id))
    return outbox_row(
        tx, str(key), kind, reader.channel, reader.address,
        request_id=request.id, person_id=reader.person.id, fact_sequence=sequence, detail=detail, closes_at=closes_at,
        told_as=reader.role, instead_of=reader.instead_of,
    )  # fmt: skip


def filed_row(moment: Moment, request_id: UUID, number: str, contact_id: UUID, address: str) -> dict[str, Any]:
    """The outbox row that tells a contact of a request just filed."""
    channel = moment.rules.channels.for_links.name
    key = MessageKey(number, MessageKind.FILED, "1", channel, str(contact_id))
    return outbox_row(
        moment, str(key), MessageKind.FILED, channel, address,
        request_id=request_id, person_id=contact_id, fact_sequence=1, told_as=LadderRole.CMO_CONTACT.value,
    )  # fmt: skip
