"""What the start page tells: the latest happenings of the whole house, newest first. Reads only."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from slamon.channels.slack import SLACK
from slamon.db.outbox import Notification, NotificationState
from slamon.db.parties import Person, Site
from slamon.db.requests import CmoRequest, CrossingRow, FactRow
from slamon.demo.stage import Stage
from slamon.domain.terms import Level
from slamon.domain.timeline import CMO_ROLES, Via
from slamon.wording.clocks import ClockWords
from slamon.wording.instants import span
from slamon.wording.message import MessageKind

SHOWN = 25
MESSAGES_READ = 150
NOT_NEWS = (MessageKind.RECEIPT,)  # the contact knows what he sent
RUNGS = {
    Level.REMINDER: ("soon", "three quarters of the target gone"),
    Level.TARGET: ("late", "target passed"),
    Level.LIMIT: ("breached", "limit passed: breach"),
    Level.REPEAT: ("breached", "breach not taken by anybody: told again"),
    Level.BACKUP: ("breached", "breach still not taken: the backup is told"),
    Level.STEP_3: ("breached", "escalated to head and quality"),
    Level.STEP_4: ("breached", "escalated to steering"),
}


@dataclass(frozen=True, slots=True)
class Telling:
    """One message that went out; `href` shows it as its reader sees it."""

    to: str
    is_slack: bool
    href: str | None


@dataclass(frozen=True, slots=True)
class Happening:
    """One happening: `who` `before` the request's number `after`, at `where`, and whom it was `told` to."""

    at: datetime
    tone: str
    who: str
    before: str
    number: str
    request_id: UUID
    after: str
    where: str
    told: tuple[Telling, ...]

    def ago(self, now: datetime) -> str:
        return f"{span(now - self.at)} ago"


# What a message is about: the fact it reports, or the step, the clocks that passed it and when.
Cause = tuple[UUID, str, object]


def latest(session: Session, stage: Stage) -> list[Happening]:
    told = _tellings(session, stage)
    lines = [*_deeds(session, stage, told), *_crossings(session, told, stage.runtime.words.clocks)]
    return sorted(lines, key=lambda line: line.at, reverse=True)[:SHOWN]


def channel_of(address: str) -> str:
    """The workspace's channel for a Slack address: a user's direct channel, else the channel without its #."""
    return f"D{address[1:]}" if address.startswith("U") else address.removeprefix("#")


def _deeds(session: Session, stage: Stage, told: Mapping[Cause, list[Telling]]) -> Iterator[Happening]:
    statement = (
        select(FactRow, CmoRequest.number, Site.name)
        .join(CmoRequest, CmoRequest.id == FactRow.request_id)
        .join(Site, Site.id == CmoRequest.site_id)
        .order_by(FactRow.recorded_at.desc())
        .limit(SHOWN)
    )
    for fact, number, site in session.execute(statement):
        yield Happening(
            at=fact.recorded_at,
            tone="done" if fact.by_role in CMO_ROLES else "plain",
            who=fact.by_name,
            before=stage.runtime.words.facts[fact.kind].deed,
            number=number,
            request_id=fact.request_id,
            after="through the web form" if fact.via == Via.WEB_FORM else "",
            where=site,
            told=tuple(told.get((fact.request_id, "fact", fact.sequence), ())),
        )


def _crossings(
    session: Session, told: Mapping[Cause, list[Telling]], words: Mapping[str, ClockWords]
) -> Iterator[Happening]:
    """Clocks of one request that passed a step together make one line."""
    statement = (
        select(CrossingRow, CmoRequest.number, Site.name)
        .join(CmoRequest, CmoRequest.id == CrossingRow.request_id)
        .join(Site, Site.id == CmoRequest.site_id)
        .order_by(CrossingRow.crossed_at.desc(), CrossingRow.clock)
        .limit(SHOWN)
    )
    together: dict[tuple[str, str, datetime], list[tuple[CrossingRow, str]]] = {}
    for crossing, number, site in session.execute(statement):
        together.setdefault((number, crossing.level, crossing.crossed_at), []).append((crossing, site))
    for (number, level, at), rows in together.items():
        crossing, site = rows[0]
        tone, passed = RUNGS[Level(level)]
        clocks = [row.clock for row, _ in rows]
        yield Happening(
            at=at,
            tone=tone,
            who="Clock",
            before="of",
            number=number,
            request_id=crossing.request_id,
            after=f"{passed} ({' and '.join(words[clock].name for clock in sorted(set(clocks)))})",
            where=site,
            told=tuple(told.get((crossing.request_id, level, (frozenset(clocks), at)), ())),
        )


def _tellings(session: Session, stage: Stage) -> dict[Cause, list[Telling]]:
    """The newest messages that left, by what they are about; Slack before mail."""
    statement = (
        select(Notification, Person.name)
        .join(Person, Person.id == Notification.person_id)
        .where(Notification.state == NotificationState.SENT, Notification.kind.not_in(NOT_NEWS))
        .order_by(Notification.sent_at.desc())
        .limit(MESSAGES_READ)
    )
    hrefs = {mail.key: f"/demo/inbox/mail/{mail.place}" for mail in stage.mailbox.mails.copy()}
    hrefs |= {post.key: f"/demo/inbox/slack/{channel_of(post.channel)}#p{post.ts}" for post in stage.slack.posts.copy()}
    told: dict[Cause, list[Telling]] = {}
    rows = sorted(session.execute(statement), key=lambda row: (row[0].channel != SLACK.name, row[0].id))
    for message, person in rows:
        is_fact = message.fact_sequence is not None
        about: object = message.fact_sequence if is_fact else (frozenset(message.clocks), message.crossed_at)
        if message.request_id is not None:
            cause = (message.request_id, "fact" if is_fact else message.kind, about)
            told.setdefault(cause, []).append(_telling(message, person, hrefs.get(message.dedupe_key)))
    return told


def _telling(message: Notification, person: str, href: str | None) -> Telling:
    is_slack = message.channel == SLACK.name
    shared = is_slack and message.address.startswith("#")
    return Telling(f"{message.address} (for {person})" if shared else person, is_slack, href)
