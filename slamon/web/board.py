"""The list of requests: what needs attention first, then everything open, then everything."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from slamon.db.requests import Priority
from slamon.domain.lifecycle import FILERS, RequestType, State
from slamon.services.queries import Order, Page, Row, Wanted, list_requests
from slamon.web import choices
from slamon.web.countdowns import Countdown, countdown, most_pressing, stored_clock
from slamon.web.moments import Moment, Zones
from slamon.web.pages import runtime_of, see_other
from slamon.web.session import Visit, Visiting
from slamon.web.staff import staff_page
from slamon.web.words import named

router = APIRouter(include_in_schema=False)

TABS = {"attention": "Needs attention", "open": "Open", "all": "All"}
# Here the sponsor's own side holds the ball, so no clock of the CMO runs.
WAITING_FOR_US = (State.AWAITING_SPONSOR, State.ANSWERED, State.DECLINED)
FILTERS = ("state", "type", "cmo", "project", "priority", "overdue")


@dataclass(frozen=True, slots=True)
class Line:
    """One request in the list."""

    row: Row
    pressing: Countdown | None
    countdowns: tuple[Countdown, ...]
    filed: Moment


@router.api_route("/", methods=["GET", "HEAD"])
def start(_visit: Visiting) -> Response:
    return see_other("/requests")


@router.api_route("/requests", methods=["GET", "HEAD"])
def board(
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
) -> Response:
    """A filter that names nothing known is left out, as an empty one is."""
    tab = tab if tab in TABS else "attention"
    chosen = dict(zip(FILTERS, (state, type, cmo, project, priority, overdue), strict=True))
    chosen = {name: value for name, value in chosen.items() if value}
    wanted = Wanted(
        state=named(State, state),
        type=named(RequestType, type),
        cmo_id=_id(cmo),
        project_id=_id(project),
        priority=named(Priority, priority),
        overdue=True if overdue or tab == "attention" else None,
        open_only=tab != "all",
        order=Order.URGENCY if overdue or (tab != "all" and not state) else Order.FILED,
        cursor=after or None,
    )
    if state and not overdue:
        wanted = replace(wanted, overdue=None)
    with runtime_of(request).db.read() as session:
        found = list_requests(session, wanted, by=visit.caller, now=visit.now)
        # Behind the last request whose clock runs come those that wait for our own side.
        shows_waiting = tab != "all" and found.next_cursor is None and not state and not overdue
        waiting = _waiting(session, wanted, visit) if shows_waiting else []
        context: dict[str, Any] = {
            "tabs": TABS,
            "tab": tab,
            "chosen": chosen,
            "lines": _lines(found.rows, visit),
            "waiting": _lines(waiting, visit),
            "next": _address(tab, chosen, found),
            "is_first": after is None,
            "cmos": choices.cmos(session),
            "projects": choices.projects(session),
            "states": State,
            "types": RequestType,
            "priorities": Priority,
            "may_file": bool(visit.caller.roles & FILERS),
        }
        return staff_page(request, visit, "board.html", context)


def _waiting(session: Session, wanted: Wanted, visit: Visit) -> list[Row]:
    rows: list[Row] = []
    for state in WAITING_FOR_US:
        same = replace(wanted, state=state, overdue=None, order=Order.FILED, cursor=None)
        rows += list_requests(session, same, by=visit.caller, now=visit.now).rows
    return sorted(rows, key=lambda row: row.request.filed_at)


def _lines(rows: Sequence[Row], visit: Visit) -> list[Line]:
    lines = []
    for row in rows:
        zones = Zones(own=visit.zone, other=row.site.time_zone)
        countdowns = tuple(countdown(stored_clock(clock), zones, visit.now) for clock in row.clocks)
        lines.append(Line(row, most_pressing(countdowns), countdowns, zones.at(row.request.filed_at)))
    return lines


def _address(tab: str, chosen: dict[str, str], found: Page) -> str | None:
    if found.next_cursor is None:
        return None
    return "/requests?" + urlencode({"tab": tab, **chosen, "after": found.next_cursor})


def _id(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None
