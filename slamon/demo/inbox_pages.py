"""The inbox: every mail and every Slack message of the demo, as its reader would see it."""

from collections.abc import Mapping

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, Response

from slamon.demo import inbox
from slamon.demo.fakes.mailbox import ReceivedMail
from slamon.demo.page import page, stage_of
from slamon.demo.stage import Stage
from slamon.wording.instants import moment

# A mail brings its own styles and links. It may run nothing and load nothing; its links leave the frame.
MAIL_SANDBOX = "allow-same-origin allow-popups allow-top-navigation-by-user-activation"
MAIL_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
        f"frame-ancestors 'self'; sandbox {MAIL_SANDBOX}"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

router = APIRouter(prefix="/demo/inbox", include_in_schema=False)


@router.get("")
def messages(request: Request, box: str | None = None) -> HTMLResponse:
    """All messages, or one person's mail."""
    stage, known = _at(request)
    here = f"/demo/inbox?box={box}" if box else "/demo/inbox"
    reader = known.get(box.casefold()) if box else None
    items = inbox.items(stage, known, box)
    return _page(request, "inbox.html", here, known, items=items, box=reader, most=inbox.MOST_LISTED)


@router.get("/mail/{place}")
def mail(request: Request, place: int, view: str = "html") -> HTMLResponse:
    """One mail, as its reader's program shows it with times in their own zone, or its plain text."""
    stage, known = _at(request)
    shown = _mail(stage, place)
    reader = inbox.reader_of(shown, known)
    context = {
        "mail": shown,
        "reader": reader,
        "when": moment(shown.arrived_at, reader.zone),
        "as_text": view == "text",
        "sandbox": MAIL_SANDBOX,
    }
    return _page(request, "mail.html", f"/demo/inbox?box={reader.address}", known, **context)


@router.get("/mail/{place}/body")
def mail_body(request: Request, place: int) -> Response:
    """The mail's HTML, for the frame; its links open in the whole window."""
    html = _mail(stage_of(request), place).html
    framed = html.replace("<head>", '<head><base target="_top">', 1)
    return HTMLResponse(framed, headers=MAIL_HEADERS)


@router.get("/slack/{channel}")
def slack(request: Request, channel: str) -> HTMLResponse:
    """One channel, or one person's direct messages."""
    stage, known = _at(request)
    full = channel if stage.slack.in_channel(channel) else f"#{channel}"
    name, kind = inbox.channel_name(full, known)
    posts = inbox.conversation(stage, full)
    return _page(request, "slack.html", inbox.channel_href(channel), known, name=name, kind=kind, posts=posts)


def _page(
    request: Request, template: str, here: str, known: Mapping[str, inbox.Reader], **context: object
) -> HTMLResponse:
    """A page beside the list of mailboxes and channels, in which it is `here`."""
    stage = stage_of(request)
    boxes = {"mailboxes": inbox.mailboxes(stage, known), "channels": inbox.channels(stage, known)}
    return page(request, template, {**boxes, "here": here, "stage": stage, **context})


def _at(request: Request) -> tuple[Stage, dict[str, inbox.Reader]]:
    stage = stage_of(request)
    with stage.runtime.db.read() as session:
        return stage, inbox.readers(session)


def _mail(stage: Stage, place: int) -> ReceivedMail:
    mails = stage.mailbox.mails.copy()
    if not 1 <= place <= len(mails):
        raise HTTPException(404)
    return mails[place - 1]
