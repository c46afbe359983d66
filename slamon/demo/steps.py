"""The three things to watch, and how far they have come: an answer in time, silence at the target, the breach."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import select

from slamon.db.requests import CmoRequest
from slamon.demo.cast import HEAD, LEAD, caller
from slamon.demo.inbox import channel_href
from slamon.demo.scenes import Star
from slamon.demo.stage import Stage
from slamon.domain.terms import Level
from slamon.domain.timeline import FactKind, Via
from slamon.services.requests.queries import RequestDetail, request_detail
from slamon.services.transaction import Tx
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


class Silence(NamedTuple):
    """A step of the ladder that silence leads to: what the page says once it is passed, before, and if it never is."""

    level: Level
    kind: MessageKind
    title: str
    passed: str
    awaited: str
    spared: str
    mail: str
    mail_to: str | None


_SILENCE = (
    Silence(
        Level.TARGET, MessageKind.TARGET, "Another meets silence: expected at 24 h",
        "{who} did not answer within 24 hours. The project manager was told in Slack, the CMO by mail.",
        "{who} got the mail and a reminder, and says nothing.",
        "Somebody answered in time. That is the point: nobody is bothered.",
        "the mail to the CMO", None,
    ),
    Silence(
        Level.LIMIT, MessageKind.LIMIT, "Breach at 48 h: escalated in Slack and by mail",
        "48 hours without an answer. The lead was told in the CMO's Slack channel and by mail.",
        "If the silence lasts, the lead hears of it: in the CMO's Slack channel and by mail.",
        "Answered before the limit: no breach, no escalation.",
        "the mail to the lead", LEAD,
    ),
)  # fmt: skip


def steps(tx: Tx, stage: Stage) -> list[Step]:
    silent = _followed(tx, stage, Star.SILENT)
    return [_in_time(stage, _followed(tx, stage, Star.ANSWERED)), *(_silence(stage, silent, each) for each in _SILENCE)]


def real_span(seconds: float) -> str:
    """How long the visitor will wait."""
    return span(timedelta(seconds=round(seconds)))


def _followed(tx: Tx, stage: Stage, star: Star) -> RequestDetail | None:
    request_id = tx.session.scalar(select(CmoRequest.id).where(CmoRequest.number == stage.number_of(star)))
    return request_detail(tx, request_id, by=caller(tx.session, HEAD)) if request_id else None


def _in_time(stage: Stage, followed: RequestDetail | None) -> Step:
    title = "A CMO answers in time"
    if followed is None:
        return Step(title, "A project manager is about to file a data request.")
    receipt = next(iter(followed.case.timeline.of(FactKind.ACKNOWLEDGED)), None)
    if receipt is None:
        text = (
            f"Filed. {_who(followed)} has the mail with the link and will open it soon, after a delay from a real log."
        )
        return Step(title, text, links=(_page(followed), *_mail(stage, followed, MessageKind.FILED, "the mail")))
    how = "the web form, without an account" if receipt.via == Via.WEB_FORM else "another way"
    waited = span(receipt.occurred_at - followed.row.request.filed_at)
    text = f"{_who(followed)} confirmed receipt {waited} after filing, through {how}."
    return Step(title, f"{text} The acknowledgement clock stopped in time.", is_done=True, links=(_page(followed),))


def _silence(stage: Stage, followed: RequestDetail | None, step: Silence) -> Step:
    if followed is None:
        return Step(step.title, "Waiting for the request to be filed.")
    page = _page(followed)
    if any(crossing.level == step.level for crossing in followed.crossings):
        number = followed.row.request.number
        posts = [] if stage.sends_slack_out else [post for _, post in stage.posts(step.kind, number)][-1:]
        links = (
            page,
            *(("the Slack message", channel_href(post.channel)) for post in posts),
            *_mail(stage, followed, step.kind, step.mail, step.mail_to),
        )
        return Step(step.title, step.passed.format(who=_who(followed)), is_done=True, links=links)
    running = [clock for clock in followed.case.clocks() if clock.stopped_at is None]
    ends = [clock.target_at if step.level is Level.TARGET else clock.limit_at for clock in running]
    waits = [max(0.0, stage.runtime.clock.real_seconds_until(at)) for at in ends if at is not None]
    if not waits:
        return Step(step.title, step.spared, links=(page,))
    return Step(step.title, step.awaited.format(who=_who(followed)), seconds=min(waits), links=(page,))


def _who(followed: RequestDetail) -> str:
    return f"{followed.contact.name} at {followed.row.site.name}"


def _page(followed: RequestDetail) -> tuple[str, str]:
    return followed.row.request.number, f"/requests/{followed.row.request.id}"


def _mail(
    stage: Stage, followed: RequestDetail, kind: MessageKind, words: str, to: str | None = None
) -> Iterator[tuple[str, str]]:
    """The first mail of that kind about the request, or the one `to` that address."""
    mails = [mail for _, mail in stage.mails(kind, followed.row.request.number) if to in (None, *mail.recipients)]
    return ((words, f"/demo/inbox/mail/{mail.place}") for mail in mails[-1:])
