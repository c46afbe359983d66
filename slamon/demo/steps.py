"""The three things to watch, and how far they have come: an answer in time, silence at the target, the breach."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from slamon.channels.slack import SLACK
from slamon.db.outbox import Notification, NotificationState
from slamon.db.parties import Person, Site
from slamon.db.requests import ClockRow, CmoRequest, CrossingRow, FactRow
from slamon.demo.cast import LEAD
from slamon.demo.scenes import Star
from slamon.demo.stage import Stage
from slamon.demo.story import channel_of
from slamon.domain.terms import Level
from slamon.domain.timeline import FactKind, Via
from slamon.services.outbox.message_keys import MessageKey
from slamon.wording.instants import span
from slamon.wording.message import MessageKind


@dataclass(frozen=True, slots=True)
class Step:
    """`seconds` is how long it will take, in the visitor's own time; None when it is done or nobody can say."""

    title: str
    text: str
    is_done: bool = False
    seconds: float | None = None
    links: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Followed:
    """A request the page follows, with what it takes to tell its story."""

    request: CmoRequest
    site: str
    contact: str
    clocks: Sequence[ClockRow]
    levels: frozenset[str]
    messages: Sequence[Notification]

    @property
    def page(self) -> tuple[str, str]:
        return (self.request.number, f"/requests/{self.request.id}")


def steps(session: Session, stage: Stage) -> list[Step]:
    return [_in_time(session, stage), *_silent(session, stage)]


def real_span(seconds: float) -> str:
    """How long the visitor will wait."""
    return span(timedelta(seconds=round(seconds)))


def _in_time(session: Session, stage: Stage) -> Step:
    title = "A CMO answers in time"
    followed = _followed(session, stage, Star.ANSWERED)
    if followed is None:
        return Step(title, "A project manager is about to file a data request.")
    where = f"{followed.contact} at {followed.site}"
    statement = select(FactRow).where(FactRow.request_id == followed.request.id, FactRow.kind == FactKind.ACKNOWLEDGED)
    receipt = session.scalars(statement).first()
    if receipt is None:
        text = f"Filed. {where} has the mail with the link and will open it soon, after a delay from a real log."
        return Step(title, text, links=(followed.page, *_mail_links(stage, followed, MessageKind.FILED, "the mail")))
    how = "the web form, without an account" if receipt.via == Via.WEB_FORM else "another way"
    waited = span(receipt.occurred_at - followed.request.filed_at)
    text = f"{where} confirmed receipt {waited} after filing, through {how}. The acknowledgement clock stopped in time."
    return Step(title, text, is_done=True, links=(followed.page,))


def _silent(session: Session, stage: Stage) -> list[Step]:
    titles = ("Another meets silence: expected at 24 h", "Breach at 48 h: escalated in Slack and by mail")
    followed = _followed(session, stage, Star.SILENT)
    if followed is None:
        return [Step(title, "Waiting for the request to be filed.") for title in titles]
    running = [clock for clock in followed.clocks if clock.stopped_at is None and clock.target_at and clock.limit_at]
    return [_target(stage, followed, titles[0], running), _breach(stage, followed, titles[1], running)]


def _target(stage: Stage, followed: Followed, title: str, running: Sequence[ClockRow]) -> Step:
    where = f"{followed.contact} at {followed.site}"
    if Level.TARGET in followed.levels:
        text = f"{where} did not answer within 24 hours. The project manager was told in Slack, the CMO by mail."
        links = (
            *_slack_links(stage, followed, "target"),
            *_mail_links(stage, followed, MessageKind.TARGET, "the mail to the CMO"),
        )
        return Step(title, text, is_done=True, links=(followed.page, *links))
    if not running:
        return Step(title, "Somebody answered in time. That is the point: nobody is bothered.", links=(followed.page,))
    text = f"{where} got the mail and a reminder, and says nothing."
    return Step(title, text, seconds=_until(stage, [clock.target_at for clock in running]), links=(followed.page,))


def _breach(stage: Stage, followed: Followed, title: str, running: Sequence[ClockRow]) -> Step:
    if Level.LIMIT in followed.levels:
        text = "48 hours without an answer. The lead was told in the CMO's Slack channel and by mail."
        links = (
            *_slack_links(stage, followed, "limit"),
            *_mail_links(stage, followed, MessageKind.LIMIT, "the mail to the lead", LEAD),
        )
        return Step(title, text, is_done=True, links=(followed.page, *links))
    if not running:
        return Step(title, "Answered before the limit: no breach, no escalation.", links=(followed.page,))
    text = "If the silence lasts, the lead hears of it: in the CMO's Slack channel and by mail."
    return Step(title, text, seconds=_until(stage, [clock.limit_at for clock in running]), links=(followed.page,))


def _followed(session: Session, stage: Stage, star: Star) -> Followed | None:
    statement = (
        select(CmoRequest, Site.name, Person.name)
        .join(Site, Site.id == CmoRequest.site_id)
        .join(Person, Person.id == CmoRequest.contact_id)
        .where(CmoRequest.number == stage.number_of(star))
    )
    found = session.execute(statement).one_or_none()
    if found is None:
        return None
    request, site, contact = found
    sent = (Notification.request_id == request.id, Notification.state == NotificationState.SENT)
    return Followed(
        request=request,
        site=site,
        contact=contact,
        clocks=session.scalars(select(ClockRow).where(ClockRow.request_id == request.id)).all(),
        levels=frozenset(session.scalars(select(CrossingRow.level).where(CrossingRow.request_id == request.id))),
        messages=session.scalars(select(Notification).where(*sent).order_by(Notification.id)).all(),
    )


def _slack_links(stage: Stage, followed: Followed, kind: str) -> list[tuple[str, str]]:
    if stage.sends_slack_out:
        return []
    told = [m for m in followed.messages if m.kind == kind and m.channel == SLACK.name]
    return [("the Slack message", f"/demo/inbox/slack/{channel_of(message.address)}") for message in told[:1]]


def _mail_links(
    stage: Stage, followed: Followed, kind: MessageKind, words: str, to: str | None = None
) -> list[tuple[str, str]]:
    """The first mail of that kind about the request, or the one `to` that address."""
    keyed = ((mail, MessageKey.parse(mail.key)) for mail in stage.mailbox.mails.copy())
    mails = [
        mail
        for mail, key in keyed
        if key and (key.number, key.kind) == (followed.request.number, kind) and (to is None or to in mail.recipients)
    ]
    return [(words, f"/demo/inbox/mail/{mail.place}") for mail in mails[:1]]


def _until(stage: Stage, instants: Sequence[datetime | None]) -> float:
    clock = stage.runtime.clock
    return min(max(0.0, clock.real_seconds_until(at)) for at in instants if at is not None)
