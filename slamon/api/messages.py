"""Outgoing messages: the dead letters a person must look at, and the switch that holds everything back."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import ConfigDict, Field
from sqlalchemy.orm import Session

from slamon.api.answers import answers
from slamon.api.call import Call, Known, Posted, Reply, Route, by_key, reply
from slamon.api.fields import Answer, Because, Body, Flag, Reason
from slamon.api.records import ListQuery
from slamon.db.outbox import Notification
from slamon.db.parties import Person
from slamon.domain.timeline import Actor
from slamon.services import listings, outbox
from slamon.services.access import Scope, admin_only, staff_only

router = APIRouter(prefix="/v1", route_class=Route, dependencies=[by_key], tags=["Messages"])


class Message(Answer):
    """A message as the outbox knows it; what it said is never shown here."""

    id: UUID
    request_id: UUID | None
    kind: str
    channel: str
    address: str = Field(description="The Slack channel or user, or the mail address, that it is for.")
    redirected_to: str | None = Field(description="The mail address it went to instead, where a redirect was on.")
    recipient: str | None = Field(None, description="Who it is meant for; they may read it in a shared channel.")
    told_as: str | None = Field(description="The part in which they are told, such as lead or cmo_contact.")
    instead_of: str | None = Field(description="Who should have been told and cannot be.")
    state: str
    attempts: int
    queued_at: datetime
    error: str | None


class DeadLetter(Message):
    request_number: str | None


class DeadLetterPage(Answer):
    items: list[DeadLetter]
    next_cursor: str | None


class Outgoing(Answer):
    stopped: bool
    redirected_to: str | None = Field(description="Staging: every message goes to this one address.")
    counts: dict[str, int] = Field(description="Messages not yet done with, by state.")


class OutgoingSwitch(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"stopped": True, "reason": "Restoring a backup"}]})
    stopped: Flag
    reason: Reason


def _keeper(call: Call, scope: Scope) -> Actor:
    call.caller.needs(scope)
    return call.caller.as_actor(outbox.KEEPERS)


@router.get(
    "/messages",
    response_model=DeadLetterPage,
    operation_id="listMessages",
    summary="List messages that could not be delivered, newest first",
    responses=answers(),
)
def list_messages(call: Known, query: Annotated[ListQuery, Query()]) -> Response:
    _keeper(call, Scope.READ)
    with call.reading() as session:
        page = listings.failed_messages(session, cursor=query.cursor, limit=query.limit)
        items = [
            DeadLetter(**_message(row, name).model_dump(), request_number=number) for row, number, name in page.rows
        ]
    return reply(DeadLetterPage(items=items, next_cursor=page.next_cursor)).response()


@router.post(
    "/messages/{message_id}/resend",
    response_model=Message,
    operation_id="resendMessage",
    summary="Send a message again that could not be delivered",
    responses=answers(404, 409),
)
def resend_message(call: Posted, message_id: UUID) -> Response:
    by = _keeper(call, Scope.ACT)

    def work(session: Session) -> Reply:
        return _told(session, outbox.resend(session, message_id, by=by, now=call.now, real_now=call.real_now))

    return call.write(work)


@router.post(
    "/messages/{message_id}/dismiss",
    response_model=Message,
    operation_id="dismissMessage",
    summary="Set a message aside that could not be delivered",
    responses=answers(404, 409, body=True),
)
def dismiss_message(call: Posted, message_id: UUID, body: Because) -> Response:
    by = _keeper(call, Scope.ACT)

    def work(session: Session) -> Reply:
        return _told(session, outbox.dismiss(session, message_id, by=by, reason=body.reason, now=call.now))

    return call.write(work)


@router.get(
    "/outgoing",
    response_model=Outgoing,
    operation_id="getOutgoing",
    summary="Whether messages leave",
    responses=answers(),
)
def get_outgoing(call: Known) -> Response:
    staff_only(call.caller)
    with call.reading() as session:
        return _state(call, session).response()


@router.post(
    "/outgoing",
    response_model=Outgoing,
    operation_id="switchOutgoing",
    summary="Hold every message back, or let them go again",
    description="Nothing is lost meanwhile: messages wait.",
    responses=answers(body=True),
)
def switch_outgoing(call: Posted, body: OutgoingSwitch) -> Response:
    by = admin_only(call.caller)

    def work(session: Session) -> Reply:
        outbox.stop_outgoing(session, body.stopped, by=by, reason=body.reason, now=call.now)
        session.flush()
        return _state(call, session)

    return call.write(work)


def _state(call: Call, session: Session) -> Reply:
    return reply(
        Outgoing(
            stopped=outbox.is_stopped(session),
            redirected_to=call.runtime.settings.redirect_all_to,
            counts=outbox.counts(session),
        )
    )


def _told(session: Session, row: Notification) -> Reply:
    person = session.get(Person, row.person_id) if row.person_id else None
    return reply(_message(row, person.name if person else None))


def _message(row: Notification, name: str | None) -> Message:
    return Message.model_validate(row).model_copy(update={"recipient": name})
