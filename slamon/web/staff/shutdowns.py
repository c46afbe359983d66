"""Shutdowns that CMOs announce: the list, the form to write one down, and each with the deadlines it would move."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Annotated, Any, TypeVar
from uuid import UUID, uuid4

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from slamon.db.parties import Organization, Person, Site
from slamon.db.shutdowns import Shutdown, ShutdownStatus
from slamon.domain.timeline import Via
from slamon.errors import Conflict, Invalid, InvalidFields, KeyReused, NotFound, StaleVersion
from slamon.schemas.fields import Because
from slamon.schemas.shutdowns import NewShutdown
from slamon.services.access import idempotency
from slamon.services.access.idempotency import KeptAnswer
from slamon.services.access.rights import Deed, is_allowed
from slamon.services.deadlines import shutdowns
from slamon.services.deadlines.shutdowns import Announcement
from slamon.services.transaction import Tx
from slamon.web.forms.action_reading import Refused
from slamon.web.forms.filing_words import plain
from slamon.web.forms.parts import Choice, Field, Kind
from slamon.web.pages import runtime_of, see_other
from slamon.web.session import Posting, Submitted, Typed, Visit, Visiting, may, may_on_record
from slamon.web.staff import choices
from slamon.web.staff.layout import staff_page
from slamon.web.staff.requests import version_in
from slamon.web.staff.shutdown_moves import ask, ask_if_long, moves_of
from slamon.web.view.instants import Zones, local_instant, today_in
from slamon.wording.errors import problem
from slamon.wording.language import Language
from slamon.wording.words import Words

router = APIRouter(include_in_schema=False)
ShutdownId = Annotated[UUID, Path()]
Said = TypeVar("Said", bound=BaseModel)

ANNOUNCE, AGREE, REFUSE, APPLY, PREVIEW = "announce", "agree", "refuse", "apply", "preview"
STATUS_OF = {AGREE: ShutdownStatus.AGREED, REFUSE: ShutdownStatus.REFUSED}


@router.api_route("/shutdowns", methods=["GET", "HEAD"], dependencies=[may(Deed.READ_RECORDS)])
def show_all(request: Request, visit: Visiting, past: str = "", after: str | None = None) -> Response:
    """Those still to come or under way, undecided ones first; with `past`, those that are over."""
    with runtime_of(request).read() as tx:
        page = shutdowns.listed(tx, by=visit.caller, are_over=bool(past), cursor=after or None)
    to_decide = [each for each in page.rows if each[0].status == ShutdownStatus.ANNOUNCED and not past]
    context: dict[str, Any] = {
        "to_decide": sorted(to_decide, key=_first_day),
        "others": [each for each in page.rows if each not in to_decide],
        "is_past": bool(past),
        "next": page.next_cursor,
        "may_announce": is_allowed(visit.caller, Deed.ANNOUNCE_SHUTDOWNS),
    }
    return staff_page(request, visit, "shutdowns.html", context)


@router.api_route("/shutdowns/new", methods=["GET", "HEAD"], dependencies=[may(Deed.ANNOUNCE_SHUTDOWNS)])
def show_form(request: Request, visit: Visiting) -> Response:
    with runtime_of(request).db.read() as session:
        return _form(request, session, visit)


@router.post("/shutdowns/new", dependencies=[may(Deed.ANNOUNCE_SHUTDOWNS)])
def announce(request: Request, visit: Posting, typed: Submitted) -> Response:
    """Write one down, on the CMO's word. The same form sent twice does so once."""
    try:
        site_id, said = _announcement(typed, visit.zone, runtime_of(request).words)
        once = idempotency.Call(visit.caller.id, f"page/{typed.key()}", ANNOUNCE)
        with runtime_of(request).write() as tx:
            before = idempotency.begin(tx, once)
            if before is not None:
                return see_other(before.headers["location"])
            row = shutdowns.announce(tx, site_id, said, by=visit.caller)
            ask_if_long(tx, row.id, visit)
            address = f"/shutdowns/{row.id}?done={ANNOUNCE}"
            idempotency.keep(tx.session, once, KeptAnswer(303, {"location": address}, ""))
        return see_other(address)
    except (Invalid, Conflict, KeyReused) as error:
        with runtime_of(request).db.read() as session:
            return _form(request, session, visit, _refusal(request, error, ANNOUNCE, typed))


@router.api_route("/shutdowns/{shutdown_id}", methods=["GET", "HEAD"], dependencies=[may_on_record(Deed.READ_RECORDS)])
def show(request: Request, visit: Visiting, shutdown_id: ShutdownId, done: str = "") -> Response:
    with runtime_of(request).read() as tx:
        return _page(request, tx, visit, shutdown_id, done=done)


@router.post("/shutdowns/{shutdown_id}/preview", dependencies=[may_on_record(Deed.READ_RECORDS)])
def work_out(request: Request, visit: Posting, typed: Submitted, shutdown_id: ShutdownId) -> Response:
    """Let the deadlines it would move be worked out in the background, for whoever asks."""
    try:
        with runtime_of(request).write() as tx:
            ask(tx, shutdown_id, visit)
    except Conflict as error:
        with runtime_of(request).read() as tx:
            return _page(request, tx, visit, shutdown_id, refused=_refusal(request, error, PREVIEW, typed))
    return see_other(f"/shutdowns/{shutdown_id}?done={PREVIEW}#moved")


@router.post("/shutdowns/{shutdown_id}/{deed}", dependencies=[may_on_record(Deed.DECIDE_SHUTDOWNS)])
def decide(request: Request, visit: Posting, typed: Submitted, shutdown_id: ShutdownId, deed: str) -> Response:
    """Agree, with or without open requests; refuse; or apply an agreed one to them."""
    if deed not in (AGREE, REFUSE, APPLY):
        raise NotFound("page", request.scope["path"])
    done = APPLY if deed == AGREE and typed(APPLY) else deed
    try:
        reason = _checked(Because, {"reason": typed("reason")}, runtime_of(request).words).reason
        with runtime_of(request).write() as tx:
            if deed in STATUS_OF:
                _decide(tx, visit, typed, shutdown_id, STATUS_OF[deed], reason)
            if done == APPLY:
                shutdowns.apply_to_open(tx, shutdown_id, by=visit.caller, reason=reason, via=Via.STAFF_PAGE)
                ask_if_long(tx, shutdown_id, visit)
    except (Invalid, Conflict, StaleVersion) as error:
        with runtime_of(request).read() as tx:
            return _page(request, tx, visit, shutdown_id, refused=_refusal(request, error, deed, typed))
    return see_other(f"/shutdowns/{shutdown_id}?done={done}")


def _decide(tx: Tx, visit: Visit, typed: Typed, shutdown_id: UUID, status: ShutdownStatus, reason: str) -> None:
    # Of a button pressed twice the second finds it said, whatever version its page had. Only the column is read: the
    # use case reads the row, under lock.
    is_said = tx.session.scalar(select(Shutdown.status).where(Shutdown.id == shutdown_id)) == status
    shutdowns.decide(
        tx, shutdown_id, status, by=visit.caller, reason=reason, expected_version=None if is_said else version_in(typed)
    )


def _first_day(line: tuple[Shutdown, Site, str]) -> Any:
    return line[0].first_day


# --- the form -------------------------------------------------------------------------------------------------------


def _fields(session: Session, visit: Visit, words: Words) -> tuple[Field, ...]:
    gettext, today = words.language.gettext, today_in(visit.zone, visit.now).isoformat()
    sites = (
        Choice(str(site.id), f"{cmo}, {site.name} ({site.country})")
        for cmo, site in choices.sites_to_close(session, visit.caller)
    )
    most = words.language.ngettext(
        "closed too; {n} day at most", "closed too; {n} days at most", shutdowns.LONGEST_DAYS
    )
    day = partial(Field, kind=Kind.DATE, is_required=True)
    return (
        Field(
            "site_id",
            words.request_fields["site_id"].label,
            Kind.CHOICE,
            is_required=True,
            choices=(Choice("", gettext("Choose…")), *sites),
        ),
        Field("name", gettext("What it is"), hint=gettext("for example Summer shutdown"), is_required=True),
        day("first_day", gettext("First day"), hint=gettext("closed from its midnight on, at the site")),
        day("last_day", gettext("Last day"), hint=most, least=today),
        Field(
            "announced_by",
            gettext("Who at the CMO said so"),
            hint=gettext("and how: by phone, by mail"),
            is_required=True,
        ),
        Field("announced_at", gettext("When"), Kind.MOMENT, hint=gettext("left empty: now")),
    )


def _announcement(typed: Typed, zone: str, words: Words) -> tuple[UUID, Announcement]:
    """What was typed, checked by the API's own model. Raises InvalidFields."""
    problems: dict[str, str] = {}
    said = {name: typed(name) for name in ("first_day", "last_day", "name", "announced_by") if typed(name)}
    site_id = choices.chosen(typed("site_id"))
    if site_id is None:
        problems["site_id"] = words.codes.problems["enum"]
    try:
        if typed("announced_at"):
            said["announced_at"] = local_instant("announced_at", typed("announced_at"), zone).isoformat()
    except Invalid as wrong:
        problems["announced_at"] = problem(wrong, words.language)
    try:
        checked = _checked(NewShutdown, said, words)
    except InvalidFields as wrong:
        problems |= wrong.problems
    if site_id is None or problems:
        raise InvalidFields(problems)
    return site_id, Announcement(**checked.model_dump())


def _checked(model: type[Said], content: Mapping[str, Any], words: Words) -> Said:
    """Raises InvalidFields."""
    try:
        return model.model_validate(content)
    except ValidationError as wrong:
        raise InvalidFields({str(error["loc"][0]): plain(error, words) for error in wrong.errors()}) from wrong


def _form(request: Request, session: Session, visit: Visit, refused: Refused | None = None) -> HTMLResponse:
    context = {
        "fields": _fields(session, visit, runtime_of(request).words),
        "refused": refused,
        "key": (refused.typed("key") if refused else "") or str(uuid4()),
    }
    return staff_page(request, visit, "shutdown_form.html", context, status=refused.status if refused else 200)


def _refusal(
    request: Request, error: Invalid | Conflict | KeyReused | StaleVersion, form: str, typed: Typed
) -> Refused:
    language = runtime_of(request).words.language
    gettext, said = language.gettext, problem(error, language)
    if isinstance(error, Invalid):
        problems = dict(error.problems) if isinstance(error, InvalidFields) else {error.field: said}
        return Refused(422, form, problems, gettext("Please look at what is marked."), typed, error)
    if isinstance(error, StaleVersion):
        message = gettext("Somebody decided first. Read what is new, then send it again if it fits.")
        return Refused(412, form, {}, message, typed)
    # The one conflict of an announcement is with its site.
    return Refused(409, form, {"site_id": said} if form == ANNOUNCE else {}, said, typed)


# --- one shutdown ---------------------------------------------------------------------------------------------------


def _page(
    request: Request, tx: Tx, visit: Visit, shutdown_id: UUID, *, done: str = "", refused: Refused | None = None
) -> HTMLResponse:
    row = shutdowns.find(tx.session, shutdown_id, by=visit.caller)
    site = tx.session.get_one(Site, row.site_id)
    cmo = tx.session.get_one(Organization, site.organization_id)
    words = runtime_of(request).words
    zones = Zones(own=visit.zone, other=site.time_zone, language=words.language)
    names = _names(tx.session, (row.created_by, row.decided_by, str(cmo.lead_id)))
    context: dict[str, Any] = {
        "row": row,
        "site": site,
        "cmo": cmo,
        "days": (row.last_day - row.first_day).days + 1,
        "announced": zones.at(row.announced_at),
        "decided": zones.maybe(row.decided_at),
        "names": names,
        "lead": names.get(str(cmo.lead_id)),
        "moves": moves_of(tx, shutdown_id, zones, visit, words),
        "may_decide": shutdowns.may_decide(tx.session, row, by=visit.caller),
        "done": _done(done, words.language),
        "refused": refused,
    }
    return staff_page(request, visit, "shutdown.html", context, status=refused.status if refused else 200)


def _done(done: str, language: Language) -> str | None:
    gettext = language.gettext
    return {
        ANNOUNCE: gettext("Written down. Nothing is closed until the CMO’s lead agrees."),
        AGREE: gettext("Agreed. Its days are closed for requests filed from now on."),
        REFUSE: gettext("Refused. Its days stay open for requests filed from now on."),
        APPLY: gettext("Agreed. Its days are closed, for open requests too."),
        PREVIEW: gettext("It is being worked out. You can leave this page and come back."),
    }.get(done)


def _names(session: Session, ids: Iterable[str | None]) -> dict[str, str]:
    """The names of those among the ids that are people's; programs act too."""
    people = [person_id for each in ids if each and (person_id := choices.chosen(each))]
    found = session.execute(select(Person.id, Person.name).where(Person.id.in_(people)))
    return {str(person_id): name for person_id, name in found}
