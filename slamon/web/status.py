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

from slamon.channels.console import ConsoleChannel
from slamon.db.outbox import Notification
from slamon.db.parties import Person
from slamon.domain.timeline import Actor, Role
from slamon.engine import health
from slamon.errors import Conflict, Invalid
from slamon.services import outbox
from slamon.services.access import admin_only
from slamon.web import choices
from slamon.web.deliveries import sent, small_print
from slamon.web.moments import Moment, Zones, span
from slamon.web.pages import runtime_of, see_other
from slamon.web.session import Posting, Submitted, Typed, Visit, Visiting
from slamon.web.staff import staff_page

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


@router.api_route("/status", methods=["GET", "HEAD"])
def show(request: Request, visit: Visiting, done: str = "") -> Response:
    with runtime_of(request).db.read() as session:
        return _page(request, session, visit, done=done)


@router.post("/status/messages/{message_id}/resend")
def resend(request: Request, visit: Posting, message_id: UUID) -> Response:
    by = _keeper(visit)
    runtime = runtime_of(request)
    try:
        with runtime.db.write() as session:
            outbox.resend(session, message_id, by=by, now=visit.now, real_now=visit.real_now)
    except Conflict as conflict:
        return _again(request, visit, conflict)
    return see_other("/status?done=resend")


@router.post("/status/messages/{message_id}/dismiss")
def dismiss(request: Request, visit: Posting, typed: Submitted, message_id: UUID) -> Response:
    by = _keeper(visit)
    try:
        with runtime_of(request).db.write() as session:
            outbox.dismiss(session, message_id, by=by, reason=_reason(typed), now=visit.now)
    except (Conflict, Invalid) as error:
        return _again(request, visit, error, typed, str(message_id))
    return see_other("/status?done=dismiss")


@router.post("/status/outgoing")
def switch(request: Request, visit: Posting, typed: Submitted) -> Response:
    """Hold all outgoing messages back, or let them go again; administrators only."""
    by = admin_only(visit.caller)
    try:
        with runtime_of(request).db.write() as session:
            outbox.stop_outgoing(session, typed("stop") == "yes", by=by, reason=_reason(typed), now=visit.now)
    except Invalid as error:
        return _again(request, visit, error, typed, "outgoing")
    return see_other("/status?done=outgoing")


def _keeper(visit: Visit) -> Actor:
    return visit.caller.as_actor(outbox.KEEPERS)


def _reason(typed: Typed) -> str:
    reason = typed.text("reason")
    if reason is None:
        raise Invalid("reason", "say why; the trail keeps it")
    return reason


def _again(
    request: Request, visit: Visit, error: Conflict | Invalid, typed: Typed | None = None, form: str = ""
) -> HTMLResponse:
    with runtime_of(request).db.read() as session:
        refused = {"form": form, "message": str(error), "reason": typed("reason") if typed else ""}
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
    context: dict[str, Any] = {
        "dead_letters": _letters(session, visit, outbox.failed(session)),
        "retrying": _letters(session, visit, outbox.retrying(session, most=RETRYING)),
        "most_retrying": RETRYING,
        "leaderless": choices.leaderless(session),
        "health": health.look(session, runtime),
        "degraded": health.BROKER_AWAY if health.broker_answers(runtime.settings) is False else None,
        "consoles": [name for name, channel in runtime.channels.items() if isinstance(channel, ConsoleChannel)],
        "channels": list(runtime.channels),
        "may_keep": bool(visit.caller.roles & outbox.KEEPERS),
        "is_admin": Role.ADMIN in visit.caller.roles,
        "done": done,
        "refused": refused,
    }
    return staff_page(request, visit, "status.html", context, status=status)


def _letters(session: Session, visit: Visit, found: Sequence[tuple[Notification, str | None]]) -> list[Letter]:
    ids = {row.person_id for row, _ in found}
    names = {person.id: person.name for person in session.scalars(select(Person).where(Person.id.in_(ids)))}
    zones = Zones(visit.zone, visit.zone)
    return [
        Letter(
            row=row,
            number=number,
            way=sent(row, names.get(row.person_id) if row.person_id else None),
            notes=small_print(row),
            queued=zones.at(row.queued_at),
            again=_again_in(row.next_attempt_at - visit.real_now),
        )
        for row, number in found
    ]


def _again_in(wait: timedelta) -> str:
    return f"next attempt in {span(wait)}" if wait > timedelta(0) else "next attempt due now"
