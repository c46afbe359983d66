"""Files of a request: who may send one, which there are, and what becomes of one that has gone bad.

The bytes are put into the store before the transaction that says whose they are. Where that one fails they stay behind
and belong to nobody, which harms nothing: the same bytes sent again find their place taken.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from slamon.db.attachments import Attachment
from slamon.db.database import note
from slamon.db.requests import CmoRequest
from slamon.db.statements import locked_request
from slamon.domain.lifecycle import OPEN_STATES, State
from slamon.domain.timeline import SYSTEM, Actor, NamedFile, Via, stamp
from slamon.errors import Conflict, Invalid, NotFound
from slamon.files.intake import Stored
from slamon.services.access.callers import Caller
from slamon.services.access.rights import RIGHTS, Deed, admit, as_held, owners_of, roles_on
from slamon.services.access.visibility import find_seen, sees
from slamon.services.audit.trail import record
from slamon.services.outbox.outbox import raise_alarm
from slamon.services.transaction import Tx

MOST_OF_A_REQUEST = 200
ATTACHMENT, ATTACHED = "attachment", "attach_file"  # as the trail calls them


def may_attach(session: Session, request_id: UUID, *, by: Caller) -> None:
    """Whether a file would be taken, asked before its bytes are read. Raises what `attach` would."""
    admit(by, Deed.ATTACH)
    _uploader(session, find_seen(session, CmoRequest, request_id, by=by, called="request"), by)


def attach(tx: Tx, request_id: UUID, stored: Stored, *, by: Caller, via: Via) -> tuple[Attachment, bool]:
    """Make a stored file one of a request's, and say whether it is new: the same bytes under the same name are not.

    Raises NotFound (also for what the caller may not see), Forbidden, and Conflict once the request is closed.
    """
    admit(by, Deed.ATTACH)
    request = locked_request(tx.session, request_id, sees(by, CmoRequest))
    if request is None:
        raise NotFound("request", request_id)
    actor = _uploader(tx.session, request, by)
    same = (Attachment.request_id == request_id, Attachment.sha256 == stored.sha256, Attachment.name == stored.name)
    before = tx.session.scalars(select(Attachment).where(*same)).one_or_none()
    if before is not None:
        return before, False
    row = Attachment(
        request_id=request_id,
        name=stored.name,
        media_type=stored.media_type,
        size=stored.size,
        sha256=stored.sha256,
        uploaded_by_id=actor.id,
        uploaded_by_name=actor.name,
        uploaded_by_role=actor.role.value,
        via=via.value,
        created_at=stamp(tx.business_now),
    )
    tx.session.add(row)
    tx.session.flush()
    record(tx, by=actor, action=ATTACHED, entity=ATTACHMENT, entity_id=row.id, new=as_trail_has_it(row))
    note(tx.session, "attached", attachment=str(row.id), size=row.size)
    return row, True


def as_trail_has_it(row: Attachment) -> dict[str, Any]:
    """What the trail keeps of an upload, so that a row changed behind our back is found."""
    return {"request_id": str(row.request_id), "name": row.name, "size": row.size, "sha256": row.sha256}


def attachments_of(session: Session, request_id: UUID) -> Sequence[Attachment]:
    """A request's files in the order in which they came."""
    return session.scalars(select(Attachment).where(Attachment.request_id == request_id).order_by(Attachment.id)).all()


def attachment_of(session: Session, request_id: UUID, attachment_id: UUID) -> Attachment:
    """One file of a request that the caller is known to see. Raises NotFound, also for another request's."""
    row = session.get(Attachment, attachment_id)
    if row is None or row.request_id != request_id:
        raise NotFound("file", attachment_id)
    return row


def named_in_act(session: Session, request_id: UUID, ids: Sequence[UUID]) -> tuple[NamedFile, ...]:
    """The files that an act names, as its fact keeps them. Raises Invalid for a foreign one."""
    if not ids:
        return ()
    found = {row.id: row for row in attachments_of(session, request_id)}
    for attachment_id in ids:
        if attachment_id not in found:
            raise Invalid("attachments", f"no file {attachment_id} belongs to this request; upload it there first")
    return tuple(named_file(found[attachment_id]) for attachment_id in dict.fromkeys(ids))


def named_file(row: Attachment) -> NamedFile:
    """A stored file as a fact names it."""
    return NamedFile(row.id, row.name, row.size, row.sha256)


def record_damage(tx: Tx, row: Attachment, what: str, *, asked_by: str) -> None:
    """Put into the trail that a file was not handed out and why, and tell the administrators once a day.

    `asked_by` is the id of whoever wanted it.
    """
    number = tx.session.get_one(CmoRequest, row.request_id).number
    record(
        tx,
        by=SYSTEM,
        action="file_damaged",
        entity=ATTACHMENT,
        entity_id=row.id,
        new={"request": number, "sha256": row.sha256, "asked_by": asked_by},
        reason=f"The stored file {what}.",
    )
    detail = f"A file of {number} {what} and is not handed out. Bring it back from a backup: {row.sha256}"
    raise_alarm(tx, f"file/{row.sha256[:16]}", detail)


def _uploader(session: Session, request: CmoRequest, by: Caller) -> Actor:
    """The caller as the sender of a file: whoever may act on the request."""
    roles = roles_on(by, owners_of(session, request))
    actor = as_held(by, roles).as_actor(RIGHTS[Deed.ATTACH].roles)
    if State(request.state) not in OPEN_STATES:
        raise Conflict(f"The request is {request.state}; it takes no files any more.")
    count = select(func.count()).where(Attachment.request_id == request.id)
    if session.scalars(count).one() >= MOST_OF_A_REQUEST:
        raise Conflict(f"The request has {MOST_OF_A_REQUEST} files, the most it takes.")
    return actor
