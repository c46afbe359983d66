"""Drafts of requests: kept while they are written, filed or discarded by their author."""

from typing import Annotated
from uuid import UUID

from fastapi import Body, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from slamon.api.act_route import ActRoute
from slamon.api.requests import file_for, still_seen
from slamon.api.routes import described, router_at
from slamon.errors import Invalid
from slamon.http.transaction import ExpectedVersion, Known, Posted, Reply, may, reply
from slamon.schemas.drafts import Draft, DraftContent, DraftFiling, Drafts
from slamon.schemas.filings import read_filing
from slamon.schemas.requests import FiledApart, Request
from slamon.services.access.rights import Deed
from slamon.services.requests import drafts
from slamon.services.transaction import Tx

router = router_at("/v1/drafts", "Requests", route_class=ActRoute)


_NO_MORE = DraftFiling()


@router.put(
    "/{draft_id}",
    **described(
        Draft, may(Deed.KEEP_DRAFTS), "Keep a request that is not filed yet", 404, 409, 412, body=True, etag=True
    ),
    description="Under an id of the caller's choice, a new UUID; again under the same id, it replaces what was kept. "
    "Only its author sees it. With If-Match it must be there already.",
)
def save_draft(call: Known, draft_id: UUID, body: DraftContent, expected: ExpectedVersion) -> Response:
    try:
        content = body.model_dump(mode="json", exclude_unset=True)
    except ValueError as error:  # more levels than pydantic writes
        raise Invalid("detail", "is nested deeper than anybody means") from error

    def work(tx: Tx) -> Reply:
        row = drafts.save(tx, draft_id, content, by=call.caller, expected_version=expected)
        return reply(Draft.model_validate(row), version=row.version)

    return call.write(work)


@router.get("", **described(Drafts, may(Deed.KEEP_DRAFTS), "List one's own drafts"))
def list_drafts(call: Known) -> Response:
    with call.reading() as tx:
        items = [Draft.model_validate(row) for row in drafts.drafts_of(tx.session, call.caller)]
    return reply(Drafts(items=items)).response()


@router.get("/{draft_id}", **described(Draft, may(Deed.KEEP_DRAFTS), "Read a draft", 404, etag=True))
def get_draft(call: Known, draft_id: UUID) -> Response:
    with call.reading() as tx:
        row = drafts.find(tx.session, draft_id, by=call.caller)
        return reply(Draft.model_validate(row), version=row.version).response()


@router.post(
    "/{draft_id}/file",
    **described(Request | FiledApart, may(Deed.KEEP_DRAFTS), "File a draft", 404, 409, 412, body=True, is_new=True),
    description="As if its content were sent to `POST /v1/requests`; the draft is gone then. What is missing is named.",
)
def file_draft(
    call: Posted, draft_id: UUID, expected: ExpectedVersion, said: Annotated[DraftFiling, Body()] = _NO_MORE
) -> Response:
    def work(tx: Tx) -> Reply:
        draft = drafts.take(tx.session, draft_id, by=call.caller, expected_version=expected)
        try:
            filing = read_filing(tx.rules.catalogue, draft.content)
        except ValidationError as wrong:
            told = [{**error, "loc": ("body", *error["loc"])} for error in wrong.errors()]
            raise RequestValidationError(told, body=draft.content) from wrong
        return file_for(call, tx, filing, split=said.split, file_anyway=said.file_anyway)

    return call.write(work, before_replay=still_seen(call))


@router.post(
    "/{draft_id}/discard",
    **described(Draft, may(Deed.KEEP_DRAFTS), "Discard a draft", 404, 412),
    description="It is deleted; the trail keeps what it said. The answer is the last of it.",
)
def discard_draft(call: Posted, draft_id: UUID, expected: ExpectedVersion) -> Response:
    def work(tx: Tx) -> Reply:
        row = drafts.discard(tx, draft_id, by=call.caller, expected_version=expected)
        return reply(Draft.model_validate(row))

    return call.write(work)
