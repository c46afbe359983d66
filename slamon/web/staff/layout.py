"""What every staff page shows around its own content: who is signed in, where one can go, what is switched off."""

from collections.abc import Mapping
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse

from slamon.services.access.rights import Deed, is_allowed
from slamon.web.pages import SIGNED_IN, page, runtime_of
from slamon.web.session import Visit


def staff_page(
    request: Request, visit: Visit, template: str, context: Mapping[str, Any], *, status: int = 200
) -> HTMLResponse:
    runtime = runtime_of(request)
    around = {
        "visit": visit,
        "path": request.scope["path"],
        "sponsor": visit.sponsor,
        "redirected_to": runtime.settings.redirect_all_to,
        "speed": runtime.clock.speed,
        "now_ms": int(visit.now.timestamp() * 1000),
        "is_filer": is_allowed(visit.caller, Deed.FILE),
    }
    return page(request, template, {**around, **context}, status=status, headers=SIGNED_IN)
