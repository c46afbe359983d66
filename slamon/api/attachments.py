"""The files of a request: send one, list them, fetch one."""

import re
from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Response
from fastapi import Request as HttpRequest
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException

from slamon.api.routes import answers, described, router_at
from slamon.domain.timeline import Via
from slamon.errors import Invalid
from slamon.files.kinds import TAKEN
from slamon.http.transaction import Call, Key, Known, Reply, created, may_on_record, once, reply
from slamon.http.uploads import Upload, download, file_in, form_with_file
from slamon.schemas.attachments import Attachment, Attachments
from slamon.services.access.rights import Deed
from slamon.services.requests import queries
from slamon.services.requests.attachments import attach, attachment_of, attachments_of, may_attach
from slamon.services.transaction import Tx

router = router_at("/v1/requests", "Attachments")

_FORM = "multipart/form-data"
_FIELDS = {
    "file": {"type": "string", "format": "binary", "description": f"One of {TAKEN}."},
    "size": {"type": "integer", "minimum": 1, "description": "In bytes; compared with what arrived."},
    "sha256": {"type": "string", "pattern": "^[0-9a-fA-F]{64}$", "description": "Compared with what arrived."},
}
_BODY = {
    "required": True,
    "content": {
        _FORM: {
            "schema": {"type": "object", "required": ["file"], "properties": _FIELDS, "additionalProperties": False}
        }
    },
}


async def _uploaded(request: HttpRequest, call: Known, request_id: UUID) -> AsyncIterator[Upload]:
    """The file in the body, which is read only if the caller may send one."""
    if request.headers.get("content-type", "").partition(";")[0].strip().casefold() != _FORM:
        raise HTTPException(415, f"Send {_FORM}.")
    await run_in_threadpool(_admit, call, request_id)
    async with form_with_file(request, call.runtime) as form:
        yield _read(form)


def _admit(call: Call, request_id: UUID) -> None:
    with call.reading() as tx:
        may_attach(tx.session, request_id, by=call.caller)


def _read(form: FormData) -> Upload:
    for name in form:
        if name not in _FIELDS:
            raise Invalid(name, "is not known here")
    size, sha256 = form.get("size"), form.get("sha256")
    if size is not None and not re.fullmatch("[1-9][0-9]{0,17}", str(size), re.ASCII):
        raise Invalid("size", "must be a whole number of bytes")
    if sha256 is not None and not re.fullmatch("[0-9a-fA-F]{64}", str(sha256), re.ASCII):
        raise Invalid("sha256", "must be 64 hexadecimal digits")
    declared = None if size is None else int(str(size))
    upload = file_in(form, size=declared, sha256=None if sha256 is None else str(sha256))
    if upload is None:
        raise Invalid("file", "is missing; send it with a name")
    return upload


@router.post(
    "/{request_id}/attachments",
    status_code=201,
    response_model=Attachment,
    operation_id="attachFile",
    summary="Send a file",
    description=f"For whoever may act on the request, while it is open. Taken are {TAKEN}; name, media type and bytes "
    "must agree. The same bytes under the same name again: 200 and the file that is there. An act names files in "
    "`attachments`.",
    responses={**answers(404, 409, body=True), 200: {"model": Attachment, "description": "It was there."}},
    openapi_extra={"requestBody": _BODY},
    dependencies=[may_on_record(Deed.ATTACH)],
)
def attach_file(
    request: HttpRequest,
    call: Known,
    request_id: UUID,
    upload: Annotated[Upload, Depends(_uploaded, scope="function")],
    idempotency_key: Key = None,
) -> Response:
    stored = upload.store(call.runtime)

    def work(tx: Tx) -> Reply:
        row, is_new = attach(tx, request_id, stored, by=call.caller, via=Via.API)
        told = Attachment.model_validate(row)
        return created(told, f"/v1/requests/{request_id}/attachments/{row.id}") if is_new else reply(told)

    return once(call, request, idempotency_key, f"{stored.name}\n{stored.sha256}".encode()).write(work)


@router.get(
    "/{request_id}/attachments",
    **described(Attachments, may_on_record(Deed.READ_REQUESTS), "The files of a request", 404),
)
def list_attachments(call: Known, request_id: UUID) -> Response:
    with call.reading() as tx:
        queries.visible_request(tx.session, request_id, by=call.caller)
        rows = attachments_of(tx.session, request_id)
        return reply(Attachments(items=[Attachment.model_validate(row) for row in rows])).response()


@router.get(
    "/{request_id}/attachments/{attachment_id}",
    response_class=Response,
    operation_id="getAttachment",
    summary="Fetch a file",
    description="Its hash is checked first. A file that is not what was uploaded is not handed out.",
    responses={
        **answers(404, 500),
        200: {
            "description": "The file, under its own media type.",
            "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}},
        },
    },
    dependencies=[may_on_record(Deed.READ_REQUESTS)],
)
def get_attachment(call: Known, request_id: UUID, attachment_id: UUID) -> Response:
    with call.reading() as tx:
        queries.visible_request(tx.session, request_id, by=call.caller)
        row = attachment_of(tx.session, request_id, attachment_id)
    return download(call.runtime, row, asked_by=call.caller.id)
