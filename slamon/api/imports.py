"""The spreadsheet import over HTTP: one upload, one transaction, all or nothing."""

import json
from dataclasses import asdict, dataclass
from typing import Annotated

from fastapi import Depends, Query, Request, Response
from starlette.exceptions import HTTPException

from slamon.api.routes import described, router_at
from slamon.http import problems
from slamon.http.transaction import Posted, Reply, may, reply
from slamon.imports.directory import import_directory
from slamon.imports.drafts import BadRows
from slamon.imports.tables import COLUMNS, read_table
from slamon.schemas.imports import DirectoryImport, ImportQuery, Remark
from slamon.services.access.rights import Deed, allow
from slamon.services.transaction import Tx

router = router_at("/v1", "Imports")

# What the body is, by its media type; read_table tells files apart by their names.
_NAMES = {
    "text/csv": "upload.csv",
    "application/gzip": "upload.csv.gz",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "upload.xlsx",
}
_BODY = {"required": True, "content": {media: {"schema": {"type": "string", "format": "binary"}} for media in _NAMES}}


@dataclass(frozen=True, slots=True)
class Upload:
    name: str
    content: bytes


async def _uploaded(request: Request) -> Upload:
    media = request.headers.get("content-type", "").partition(";")[0].strip().casefold()
    if media not in _NAMES:
        raise HTTPException(415, f"Send {', '.join(_NAMES)}.")
    return Upload(_NAMES[media], await request.body())


@router.post(
    "/imports/directory",
    **described(
        DirectoryImport, may(Deed.IMPORT_DIRECTORY), "Add the CMOs, sites and contacts of a spreadsheet", 409, 413, 415
    ),
    operation_id="importDirectory",
    description="One flat table; a row is one contact of one CMO, at one site or at several between "
    "semicolons. All rows or none: bad ones end in 422, "
    f"each with its row, column and reason. What is there already stays as it is. Columns: {', '.join(COLUMNS)}.",
    openapi_extra={"requestBody": _BODY},
)
def import_spreadsheet(
    request: Request,
    call: Posted,
    upload: Annotated[Upload, Depends(_uploaded)],
    query: Annotated[ImportQuery, Query()],
) -> Response:
    by = allow(call.caller, Deed.IMPORT_DIRECTORY)
    rows = read_table(upload.name, upload.content, query.sheet)

    def work(tx: Tx) -> Reply:
        with tx.session.begin_nested() as trial:
            result = import_directory(tx, rows, by=by)
            if query.dry_run:
                trial.rollback()
        return reply(DirectoryImport.model_validate({"dry_run": query.dry_run, **asdict(result)}))

    try:
        return call.write(work)
    except BadRows as bad:
        return _refusal(request, bad)


def _refusal(request: Request, bad: BadRows) -> Response:
    """The problem every Invalid ends in, its errors being all bad cells; `field` stands in every error of a problem."""
    plain = problems.answer(request, bad)
    problem = json.loads(bytes(plain.body))
    problem["errors"] = [{"field": one.column, **Remark.model_validate(one).model_dump()} for one in bad.problems]
    return Response(json.dumps(problem, ensure_ascii=False), plain.status_code, media_type=problems.MEDIA_TYPE)
