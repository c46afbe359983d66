"""Outgoing messages: the dead letters a person must look at, and the switch that holds everything back."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response
from sqlalchemy.orm import Session

from slamon.api.routes import described, router_at
from slamon.db import paging
from slamon.db.outbox import Notification
from slamon.db.parties import Person
from slamon.http.transaction import Call, Known, Posted, Reply, may, may_on_record, reply
from slamon.schemas.fields import Because
from slamon.schemas.messages import DeadLetter, DeadLetterPage, Message, Outgoing, OutgoingSwitch
from slamon.schemas.records import ListQuery
from slamon.services.access.rights import Deed, allow
from slamon.services.access.visibility import sees
from slamon.services.directory.record_rights import keeper_of_message
from slamon.services.outbox import outbox
from slamon.services.transaction import Tx

router = router_at("/v1", "Messages")


@router.get(
    "/messages",
    **described(DeadLetterPage, may(Deed.READ_DEAD_LETTERS), "List messages that could not be delivered, newest first"),
)
def list_messages(call: Known, query: Annotated[ListQuery, Query()]) -> Response:
    with call.reading() as tx:
        seen = sees(call.caller, Notification)
        page = paging.failed_messages(tx.session, only=seen, cursor=query.cursor, limit=query.limit)
        items = [
            DeadLetter(**_message(row, name).model_dump(), request_number=number) for row, number, name in page.rows
        ]
    return reply(DeadLetterPage(items=items, next_cursor=page.next_cursor)).response()


@router.post(
    "/messages/{message_id}/resend",
    **described(
        Message, may_on_record(Deed.KEEP_DEAD_LETTERS), "Send a message again that could not be delivered", 404, 409
    ),
)
def resend_message(call: Posted, message_id: UUID) -> Response:
    def work(tx: Tx) -> Reply:
        by = keeper_of_message(tx.session, message_id, by=call.caller)
        return _told(tx.session, outbox.resend(tx, message_id, by=by))

    return call.write(work)


@router.post(
    "/messages/{message_id}/dismiss",
    **described(
        Message,
        may_on_record(Deed.KEEP_DEAD_LETTERS),
        "Set a message aside that could not be delivered",
        404,
        409,
        body=True,
    ),
)
def dismiss_message(call: Posted, message_id: UUID, body: Because) -> Response:
    def work(tx: Tx) -> Reply:
        by = keeper_of_message(tx.session, message_id, by=call.caller)
        return _told(tx.session, outbox.dismiss(tx, message_id, by=by, reason=body.reason))

    return call.write(work)


@router.get("/outgoing", **described(Outgoing, may(Deed.READ_STATUS), "Whether messages leave"))
def get_outgoing(call: Known) -> Response:
    with call.reading() as tx:
        return _state(call, tx.session).response()


@router.post(
    "/outgoing",
    **described(Outgoing, may(Deed.SWITCH_OUTGOING), "Hold every message back, or let them go again", body=True),
    description="Nothing is lost meanwhile: messages wait.",
)
def switch_outgoing(call: Posted, body: OutgoingSwitch) -> Response:
    by = allow(call.caller, Deed.SWITCH_OUTGOING)

    def work(tx: Tx) -> Reply:
        outbox.stop_outgoing(tx, body.stopped, by=by, reason=body.reason)
        tx.session.flush()
        return _state(call, tx.session)

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
