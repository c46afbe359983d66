"""The API keys in the reader's own name, each to be revoked."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from slamon.errors import Invalid
from slamon.services.access import api_keys
from slamon.services.access.rights import Deed
from slamon.web.pages import runtime_of, see_other
from slamon.web.session import Posting, Submitted, Visit, Visiting, may
from slamon.web.staff.layout import staff_page
from slamon.web.view.instants import Zones
from slamon.wording.errors import in_full

router = APIRouter(include_in_schema=False, prefix="/keys", dependencies=[may(Deed.MAKE_OWN_KEYS)])


@router.api_route("", methods=["GET", "HEAD"])
def show(request: Request, visit: Visiting, done: str = "") -> Response:
    return _page(request, visit, done=bool(done))


@router.post("/{key_id}/revoke")
def revoke(request: Request, visit: Posting, typed: Submitted, key_id: UUID) -> Response:
    try:
        reason = typed.text("reason")
        if reason is None:
            raise Invalid("reason", "say why; the trail keeps it")
        with runtime_of(request).write() as tx:
            api_keys.revoke(tx, key_id, by=visit.caller, reason=reason)
    except Invalid as error:
        return _page(request, visit, problem=in_full(error, runtime_of(request).words.language), status=422)
    return see_other("/keys?done=revoked")


def _page(
    request: Request, visit: Visit, *, done: bool = False, problem: str | None = None, status: int = 200
) -> HTMLResponse:
    zones = Zones(visit.zone, visit.zone, runtime_of(request).words.language)
    with runtime_of(request).db.read() as session:
        found = [
            (key, zones.at(key.created_at), zones.maybe(key.revoked_at))
            for key in api_keys.own_keys(session, visit.caller)
        ]
        context: dict[str, Any] = {"keys": found, "done": done, "problem": problem}
        return staff_page(request, visit, "keys.html", context, status=status)
