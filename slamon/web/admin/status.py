"""Whether deadlines are watched and messages leave: what stands still, dead letters, processes, the stop switch."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from slamon.channels.console import is_shown_only
from slamon.db.outbox import Notification
from slamon.db.parties import Person
from slamon.engine import health
from slamon.errors import Conflict, Invalid
from slamon.runtime import Runtime
from slamon.services.access.rights import Deed, allow, is_allowed
from slamon.services.access.visibility import sees
from slamon.services.directory.record_rights import keeper_of_message
from slamon.services.outbox import outbox
from slamon.web.pages import runtime_of, see_other
from slamon.web.session import Posting, Submitted, Typed, Visit, Visiting, may, may_on_record
from slamon.web.staff import choices
from slamon.web.staff.deliveries import sent, small_print, words_of
from slamon.web.staff.layout import staff_page
from slamon.web.view.instants import Moment, Zones, span
from slamon.wording.errors import in_full
from slamon.wording.language import Language

router = APIRouter(include_in_schema=False)

RETRYING = 50  # how many of the messages being retried are listed


@dataclass(frozen=True, slots=True)
class Letter:
    """A message that did not arrive, or has not so far; `again` says when it is tried next."""

    row: Notification
    number: str | None
    way: str
    notes: list[str]
    queued: Moment
    again: str


@router.api_route("/status", methods=["GET", "HEAD"], dependencies=[may(Deed.READ_STATUS)])
def show(request: Request, visit: Visiting, done: str = "") -> Response:
    with runtime_of(request).db.read() as session:
        return _page(request, session, visit, done=done)


@router.post("/status/messages/{message_id}/resend", dependencies=[may_on_record(Deed.KEEP_DEAD_LETTERS)])
def resend(request: Request, visit: Posting, message_id: UUID) -> Response:
    runtime = runtime_of(request)
    try:
        with runtime.write() as tx:
            by = keeper_of_message(tx.session, message_id, by=visit.caller)
            outbox.resend(tx, message_id, by=by)
    except Conflict as conflict:
        return _again(request, visit, conflict)
    return see_other("/status?done=resend")


@router.post("/status/messages/{message_id}/dismiss", dependencies=[may_on_record(Deed.KEEP_DEAD_LETTERS)])
def dismiss(request: Request, visit: Posting, typed: Submitted, message_id: UUID) -> Response:
    try:
        with runtime_of(request).write() as tx:
            by = keeper_of_message(tx.session, message_id, by=visit.caller)
            outbox.dismiss(tx, message_id, by=by, reason=_reason(typed))
    except (Conflict, Invalid) as error:
        return _again(request, visit, error, typed, str(message_id))
    return see_other("/status?done=dismiss")


@router.post("/status/outgoing", dependencies=[may(Deed.SWITCH_OUTGOING)])
def switch(request: Request, visit: Posting, typed: Submitted) -> Response:
    """Hold all outgoing messages back, or let them go again; administrators only."""
    by = allow(visit.caller, Deed.SWITCH_OUTGOING)
    try:
        with runtime_of(request).write() as tx:
            outbox.stop_outgoing(tx, typed("stop") == "yes", by=by, reason=_reason(typed))
    except Invalid as error:
        return _again(request, visit, error, typed, "outgoing")
    return see_other("/status?done=outgoing")


def _reason(typed: Typed) -> str:
    reason = typed.text("reason")
    if reason is None:
        raise Invalid("reason", "say why; the trail keeps it")
    return reason


def _again(
    request: Request, visit: Visit, error: Conflict | Invalid, typed: Typed | None = None, form: str = ""
) -> HTMLResponse:
    with runtime_of(request).db.read() as session:
        refused = {
            "form": form,
            "message": in_full(error, runtime_of(request).words.language),
            "reason": typed("reason") if typed else "",
        }
        status = 422 if isinstance(error, Invalid) else 409
        return _page(request, session, visit, refused=refused, status=status)


def _page(
    request: Request,
    session: Session,
    visit: Visit,
    *,
    done: str = "",
    refused: dict[str, str] | None = None,
    status: int = 200,
) -> HTMLResponse:
    runtime = runtime_of(request)
    seen = sees(visit.caller, Notification)
    context: dict[str, Any] = {
        "dead_letters": _letters(session, runtime, visit, outbox.failed(session, seen)),
        "retrying": _letters(session, runtime, visit, outbox.retrying(session, seen, most=RETRYING)),
        "most_retrying": RETRYING,
        "leaderless": choices.leaderless(session, visit.caller, runtime.words.language),
        "health": health.look(session, runtime),
        "degraded": health.BROKER_AWAY if health.broker_answers(runtime.settings) is False else None,
        "consoles": [
            (words_of(channel, runtime.words).name, channel.setting)
            for channel in runtime.registered
            if is_shown_only(runtime.channels[channel.name])
        ],
        "may_keep": is_allowed(visit.caller, Deed.KEEP_DEAD_LETTERS),
        "is_admin": is_allowed(visit.caller, Deed.SWITCH_OUTGOING),
        "done": done,
        "refused": refused,
    }
    return staff_page(request, visit, "status.html", context, status=status)


def _letters(
    session: Session, runtime: Runtime, visit: Visit, found: Sequence[tuple[Notification, str | None]]
) -> list[Letter]:
    channels, words = runtime.registered, runtime.words
    ids = {row.person_id for row, _ in found}
    names = {person.id: person.name for person in session.scalars(select(Person).where(Person.id.in_(ids)))}
    zones = Zones(visit.zone, visit.zone, words.language)
    return [
        Letter(
            row=row,
            number=number,
            way=sent(row, names.get(row.person_id) if row.person_id else None, channels, words),
            notes=small_print(row, channels, words),
            queued=zones.at(row.queued_at),
            again=_again_in(row.next_attempt_at - visit.real_now, words.language),
        )
        for row, number in found
    ]


def _again_in(wait: timedelta, language: Language) -> str:
    if wait <= timedelta(0):
        return language.gettext("next attempt due now")
    return language.gettext("next attempt in {time}", time=span(wait, language))
