"""The list of requests: what needs attention first, then everything open, then everything."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from slamon.domain.lifecycle import State
from slamon.domain.priority import Priority
from slamon.runtime import Runtime
from slamon.services.access.rights import Deed, is_allowed
from slamon.services.requests.queries import Order, RequestFilter, RequestSummary, list_requests
from slamon.services.requests.worklist import Holder, worklist
from slamon.web.pages import runtime_of, see_other
from slamon.web.session import Visit, Visiting, may
from slamon.web.staff import choices
from slamon.web.staff.layout import staff_page
from slamon.web.view.countdowns import Countdown, Tone, countdown, most_pressing, stored_clock
from slamon.web.view.instants import Moment, Zones
from slamon.web.view.words import named
from slamon.wording.language import Language

router = APIRouter(include_in_schema=False)

TABS = ("attention", "open", "all")
FILTERS = ("state", "type", "cmo", "project", "priority", "overdue")


@dataclass(frozen=True, slots=True)
class RequestLine:
    """One request in the list."""

    row: RequestSummary
    pressing: Countdown | None
    filed: Moment
    ended: Countdown | None  # of the CMO's clocks the last to end, where none presses


@dataclass(frozen=True, slots=True)
class Section:
    """Requests under one heading; `more` is the address of those that follow, where there are any."""

    lines: Sequence[RequestLine]
    more: str | None = None


@router.api_route("/", methods=["GET", "HEAD"], dependencies=[may(Deed.READ_REQUESTS)])
def start(_visit: Visiting) -> Response:
    return see_other("/requests")


@router.api_route("/requests", methods=["GET", "HEAD"], dependencies=[may(Deed.READ_REQUESTS)])
def show_worklist(
    request: Request,
    visit: Visiting,
    tab: str = "attention",
    state: Annotated[str, Query()] = "",
    type: Annotated[str, Query()] = "",  # noqa: A002  the name in the address
    cmo: str = "",
    project: str = "",
    priority: str = "",
    overdue: str = "",
    after: str | None = None,
    part: str = "",
) -> Response:
    """A filter that names nothing known is left out, as an empty one is. `part` shows further pages of one section."""
    runtime = runtime_of(request)
    tab = tab if tab in TABS else "attention"
    chosen = dict(zip(FILTERS, (state, type, cmo, project, priority, overdue), strict=True))
    chosen = {name: value for name, value in chosen.items() if value}
    wanted = RequestFilter(
        state=named(State, state),
        type=type if type in runtime.catalogue.types else None,
        cmo_id=choices.chosen(cmo),
        project_id=choices.chosen(project),
        priority=named(Priority, priority),
        overdue=True if overdue or tab == "attention" else None,
        open_only=tab != "all",
        order=Order.URGENCY if overdue or (tab != "all" and not state) else Order.FILED,
        cursor=after or None,
        cmos_turn_only=tab != "all" and not state and not overdue,
    )
    if state and not overdue:
        wanted = replace(wanted, overdue=None)
    only = named(Holder, part)
    with runtime.read() as tx:
        found, following = [], None
        if only is None:
            page = list_requests(tx, wanted, by=visit.caller)
            found, following = page.rows, page.next_cursor
        # Behind the last request whose clock runs come those that no clock brings back to mind.
        is_last = following is None and tab != "all" and not state and not overdue
        holders = [only] if only else list(Holder) if is_last else []
        place = (after or None) if only else None
        pages = {holder: worklist(tx, holder, wanted, by=visit.caller, after=place) for holder in holders}
        context: dict[str, Any] = {
            "tabs": _tabs(runtime.words.language),
            "tab": tab,
            "chosen": chosen,
            "lines": _lines(found, visit, runtime),
            "standing": {
                holder: Section(_lines(page.rows, visit, runtime), _address(tab, chosen, page.after, holder))
                for holder, page in pages.items()
                if page.rows
            },
            "next": _address(tab, chosen, following),
            "is_first": after is None,
            "cmos": choices.cmos(tx.session, visit.caller),
            "projects": choices.projects(tx.session, visit.caller),
            "states": State,
            "types": runtime.catalogue.types,
            "priorities": Priority,
            "may_file": is_allowed(visit.caller, Deed.FILE),
        }
        return staff_page(request, visit, "board.html", context)


def _tabs(language: Language) -> dict[str, str]:
    gettext = language.gettext
    return dict(zip(TABS, (gettext("Needs attention"), gettext("Open"), gettext("All")), strict=True))


def _lines(rows: Sequence[RequestSummary], visit: Visit, runtime: Runtime) -> list[RequestLine]:
    lines = []
    for row in rows:
        zones = Zones(own=visit.zone, other=row.site.time_zone, language=runtime.words.language)
        states = (stored_clock(clock, runtime.catalogue.clocks) for clock in row.clocks)
        countdowns = tuple(countdown(state, zones, visit.now, runtime.words.clocks) for state in states)
        lines.append(
            RequestLine(row, most_pressing(countdowns), zones.at(row.request.filed_at), _last_ended(countdowns))
        )
    return lines


def _last_ended(countdowns: Sequence[Countdown]) -> Countdown | None:
    ended = [each for each in countdowns if each.stopped and not each.is_the_sponsors and each.tone is not Tone.OFF]
    return max(ended, key=lambda each: each.stopped.epoch_ms if each.stopped else 0, default=None)


def _address(tab: str, chosen: dict[str, str], after: str | None, part: str = "") -> str | None:
    if after is None:
        return None
    only = {"part": part} if part else {}
    return "/requests?" + urlencode({"tab": tab, **chosen, **only, "after": after})
