"""The demo's start page: what to watch, what happens, and whom to be. Nobody signs in here; only the demo has it."""

import re
from importlib.resources import files
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.routing import Route

from slamon.db.requests import CmoRequest
from slamon.demo import inbox_pages
from slamon.demo.cast import LEAD, PM, STAFF, person
from slamon.demo.extract import sites
from slamon.demo.inbox import channel_href, reader_of, readers
from slamon.demo.page import open_templates, page, stage_of
from slamon.demo.scenes import KHB, Star
from slamon.demo.stage import Stage
from slamon.demo.steps import real_span, steps
from slamon.demo.story import latest
from slamon.services.access.sessions import begin_session
from slamon.wording.message import MessageKind

SESSION_COOKIE = "slamon_session"  # as slamon.web names it; neither room may import the other
PLAYABLE = {address.partition("@")[0]: address for _, address, _, _ in STAFF}

router = APIRouter(prefix="/demo", include_in_schema=False)


def add_demo_pages(app: FastAPI, stage: Stage) -> None:
    """Lay the demo's pages over the product's. Only names of this machine are answered to."""
    app.state.stage = stage
    app.state.demo_templates = open_templates()
    app.mount("/demo/static", StaticFiles(directory=str(files("slamon.demo") / "static")), name="demo_static")
    app.include_router(router)
    app.include_router(inbox_pages.router)
    # Before the product's own page: whoever is asked to sign in chooses whom to be instead.
    app.router.routes.insert(0, Route("/sign-in", _choose_instead))
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])


def _choose_instead(request: Request) -> RedirectResponse:
    return RedirectResponse(f"/demo/who?{request.url.query}", status_code=303)


@router.get("")
def start_page(request: Request) -> HTMLResponse:
    stage = stage_of(request)
    with stage.runtime.read() as tx:
        context = {
            **_contact_to_play(tx.session, stage),
            "steps": steps(tx, stage) if stage.has_cast else [],
            "lines": latest(tx, stage),
            "slack": _lead_channel(stage),
            "countries": len({site.country for site in sites()}),
            "sites": len(sites()),
            "real_span": real_span,
            "stage": stage,
            "staff": STAFF,
            "pm": PM,
            "lead": LEAD,
        }
    return page(request, "start.html", context)


@router.get("/who")
def choose(request: Request, next: str = "") -> HTMLResponse:  # noqa: A002  the name the sign-in page gives it
    """Whom to be, for a page that wants somebody signed in."""
    return page(request, "who.html", {"goes_to": _own_path(next), "staff": STAFF})


@router.post("/be/{who}")
def be(request: Request, who: str, goes_to: Annotated[str, Form()] = "") -> RedirectResponse:
    """Sign in as one of the sponsor's people, without a password: it is a play."""
    stage = stage_of(request)
    if who not in PLAYABLE:
        raise HTTPException(404)
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise HTTPException(403)
    with stage.runtime.write() as tx:
        played = person(tx.session, PLAYABLE[who])
        token = begin_session(tx, played)
        first_page = _own_path(goes_to) or _first_page(tx.session, stage, PLAYABLE[who])
    answer = RedirectResponse(first_page, status_code=303)
    answer.set_cookie(SESSION_COOKIE, token, httponly=True, samesite="lax", path="/")
    return answer


def _own_path(address: str) -> str:
    """The address if it is one of the product's pages for staff, else nothing."""
    return address if re.fullmatch(r"/(requests|status)(/[\w-]+)*", address) else ""


def _first_page(session: Session, stage: Stage, address: str) -> str:
    """Where this role has something to do: the form to file, the request that escalates, else the list."""
    if address == PM:
        return "/requests/new"
    if address == LEAD:
        followed = session.scalar(select(CmoRequest.id).where(CmoRequest.number == stage.number_of(Star.SILENT)))
        return f"/requests/{followed}" if followed else "/requests"
    return "/requests"


def _contact_to_play(session: Session, stage: Stage) -> dict[str, Any]:
    """The mail to open as the CMO's contact: of the visitor's own request, else of one that is long overdue."""
    mails, scenes = list(stage.mails(MessageKind.FILED)), stage.scenes.copy()
    own = next((mail for number, mail in mails if number not in scenes), None)
    overdue = {number for number, scene in scenes.items() if scene.ask.site == KHB}
    mail = own or next((mail for number, mail in mails if number in overdue), None)
    contact = reader_of(mail, readers(session)) if mail else None
    return {"contact_mail": mail, "contact": contact, "contact_mail_is_own": own is not None}


def _lead_channel(stage: Stage) -> str | None:
    """Where in Slack the followed request escalates, once it does; until then any escalation."""
    followed = list(stage.posts(MessageKind.LIMIT, stage.number_of(Star.SILENT) or ""))
    newest = next(iter([*followed, *stage.posts(MessageKind.LIMIT)]), None)
    return channel_href(newest[1].channel) if newest else None
