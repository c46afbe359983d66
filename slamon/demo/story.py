"""What the start page tells: the latest happenings of the whole house, newest first. Reads only."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from slamon.channels import MessageKind
from slamon.channels.moments import span
from slamon.db.outbox import Notification, NotificationState
from slamon.db.parties import Person, Site
from slamon.db.requests import CmoRequest, CrossingRow, FactRow
from slamon.demo.stage import Stage
from slamon.domain.terms import DeliveryChannel, Level
from slamon.domain.timeline import CMO_ROLES, FactKind, Via

SHOWN = 30
NOT_NEWS = (MessageKind.RECEIPT, MessageKind.CMO_ACTED)  # the deed itself stands in the story
DEEDS = {
    FactKind.FILED: "filed",
    FactKind.ACKNOWLEDGED: "confirmed receipt of",
    FactKind.ASKED: "asked a question about",
    FactKind.REPLIED: "replied to the question about",
    FactKind.ANSWERED: "answered",
    FactKind.DECLINED: "declined",
    FactKind.FOLLOWED_UP: "followed up",
    FactKind.ACCEPTED: "accepted the answer to",
    FactKind.REJECTED: "sent back the answer to",
    FactKind.CANCELLED: "cancelled",
    FactKind.TAKEN: "took the escalation of",
}
RUNGS = {
    Level.REMINDER: ("soon", "three quarters of the target gone"),
    Level.TARGET: ("late", "target passed"),
    Level.LIMIT: ("breached", "limit passed: breach"),
    Level.REPEAT: ("breached", "breach not taken by anybody: told again"),
    Level.BACKUP: ("breached", "breach still not taken: the backup is told"),
    Level.STEP_3: ("breached", "escalated to head and quality"),
    Level.STEP_4: ("breached", "escalated to steering"),
}
DEED, CROSSING, MESSAGE = range(3)  # the order of what happened at the same instant


@dataclass(frozen=True, slots=True)
class Line:
    """One happening: `who` `before` the request's number `after`, at `where`. `href` shows the message itself."""

    at: datetime
    rank: int
    tone: str
    who: str
    before: str
    number: str
    request_id: UUID
    after: str = ""
    where: str = ""
    href: str | None = None

    def ago(self, now: datetime) -> str:
        return f"{span(now - self.at)} ago"


def latest(session: Session, stage: Stage) -> list[Line]:
    lines = [*_deeds(session), *_crossings(session), *_messages(session, stage)]
    return sorted(lines, key=lambda line: (line.at, line.rank), reverse=True)[:SHOWN]


def channel_of(address: str) -> str:
    """The workspace's channel for a Slack address: a user's direct channel, else the channel without its #."""
    return f"D{address[1:]}" if address.startswith("U") else address.removeprefix("#")


def _deeds(session: Session) -> Iterator[Line]:
    statement = (
        select(FactRow, CmoRequest, Site.name)
        .join(CmoRequest, CmoRequest.id == FactRow.request_id)
        .join(Site, Site.id == CmoRequest.site_id)
        .order_by(FactRow.recorded_at.desc())
        .limit(SHOWN)
    )
    for fact, request, site in session.execute(statement).tuples():
        yield Line(
            at=fact.recorded_at,
            rank=DEED,
            tone="done" if fact.by_role in CMO_ROLES else "plain",
            who=fact.by_name,
            before=DEEDS[FactKind(fact.kind)],
            number=request.number,
            request_id=request.id,
            after="through the web form" if fact.via == Via.WEB_FORM else "",
            where=site,
        )


def _crossings(session: Session) -> Iterator[Line]:
    """Clocks of one request that passed a rung together make one line."""
    statement = (
        select(CrossingRow, CmoRequest, Site.name)
        .join(CmoRequest, CmoRequest.id == CrossingRow.request_id)
        .join(Site, Site.id == CmoRequest.site_id)
        .order_by(CrossingRow.crossed_at.desc(), CrossingRow.clock)
        .limit(SHOWN)
    )
    together: dict[tuple[str, str, datetime], list[tuple[CrossingRow, CmoRequest, str]]] = {}
    for found in session.execute(statement).tuples():
        crossing, request, _ = found
        together.setdefault((request.number, crossing.level, crossing.crossed_at), []).append(found)
    for rows in together.values():
        crossing, request, site = rows[0]
        tone, words = RUNGS[Level(crossing.level)]
        yield Line(
            at=crossing.crossed_at,
            rank=CROSSING,
            tone=tone,
            who="Clock",
            before="of",
            number=request.number,
            request_id=request.id,
            after=f"{words} ({' and '.join(row.clock for row, _, _ in rows)})",
            where=site,
        )


def _messages(session: Session, stage: Stage) -> Iterator[Line]:
    statement = (
        select(Notification, CmoRequest, Person.name)
        .join(CmoRequest, CmoRequest.id == Notification.request_id)
        .join(Person, Person.id == Notification.person_id)
        .where(Notification.state == NotificationState.SENT, Notification.kind.not_in(NOT_NEWS))
        .order_by(Notification.sent_at.desc())
        .limit(SHOWN)
    )
    places = {mail.key: mail.place for mail in stage.mailbox.mails.copy()}
    posted = {post.key for post in stage.slack.posts.copy()}
    for message, request, person in session.execute(statement).tuples():
        is_slack = message.channel == DeliveryChannel.SLACK
        shared = is_slack and message.address.startswith("#")
        href = f"/demo/inbox/mail/{places[message.dedupe_key]}" if message.dedupe_key in places else None
        if message.dedupe_key in posted:
            href = f"/demo/inbox/slack/{channel_of(message.address)}"
        yield Line(
            at=message.sent_at or message.queued_at,
            rank=MESSAGE,
            tone="slack" if is_slack else "mail",
            who="Slack" if is_slack else "Mail",
            before=f"to {f'{message.address} for {person}' if shared else person} about",
            number=request.number,
            request_id=request.id,
            href=href,
        )
