"""Reading requests: lists in keyset pages, and one request with all that belongs to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.orm import Session

from slamon.db.attachments import Attachment
from slamon.db.outbox import Notification
from slamon.db.paging import MOST_A_PAGE, Page, after, cursor_after, instant, place_behind
from slamon.db.parties import Organization, Person, Project, Site
from slamon.db.requests import (
    ClockRow,
    CmoRequest,
    CrossingRow,
    FactRow,
    by_request,
    has_priority,
    is_cmos_turn,
    is_open,
)
from slamon.domain.clocks.ownership import Owner, ownership_periods, time_by_owner
from slamon.domain.lifecycle import Rule, State
from slamon.domain.stage import possible_actions
from slamon.domain.timeline import Role
from slamon.errors import Invalid
from slamon.services.access.callers import Caller
from slamon.services.access.rights import Deed, allow, roles_on
from slamon.services.access.visibility import find_seen, in_scope, sees
from slamon.services.deadlines.loading import LoadedRequest, load_request
from slamon.services.requests.attachments import attachments_of
from slamon.services.transaction import Tx
from slamon.wording.message import MessageKind


class Order(StrEnum):
    URGENCY = "urgency"
    FILED = "filed"


@dataclass(frozen=True, slots=True)
class RequestFilter:
    """Which requests to list. `overdue` means that a running clock is past its target; `cmos_turn_only` leaves out
    those that wait for the sponsor."""

    state: State | None = None
    open_only: bool = False
    cmos_turn_only: bool = False
    type: str | None = None
    cmo_id: UUID | None = None
    site_id: UUID | None = None
    project_id: UUID | None = None
    priority: str | None = None
    overdue: bool | None = None
    order: Order = Order.URGENCY
    cursor: str | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class RequestSummary:
    """One line of a list: the request and the names a reader wants beside it."""

    request: CmoRequest
    cmo_name: str
    site: Site
    project_code: str
    clocks: Sequence[ClockRow] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RequestDetail:
    """One request as its page shows it. `roles` are the caller's on it."""

    row: RequestSummary
    contact: Person
    manager: Person
    case: LoadedRequest
    roles: frozenset[Role]
    crossings: Sequence[CrossingRow]
    notifications: Sequence[tuple[Notification, str | None]]
    attachments: Sequence[Attachment]


def list_requests(tx: Tx, wanted: RequestFilter, *, by: Caller) -> Page[RequestSummary]:
    """A page of requests the caller may see. Urgency lists those whose clocks run, the most pressing first."""
    allow(by, Deed.READ_REQUESTS)
    order, is_descending = wanted.order, wanted.order is Order.FILED
    at = CmoRequest.filed_at if is_descending else CmoRequest.urgent_at
    place = (at.desc(), CmoRequest.id.desc()) if is_descending else (at, CmoRequest.id)
    lines = request_lines().where(*filters(wanted, by, tx.business_now)).order_by(*place)
    if not is_descending:
        lines = lines.where(at.is_not(None))
    if wanted.cursor is not None:
        made_for, *last = place_behind(wanted.cursor, str, instant, UUID)
        if made_for != order:
            raise Invalid("cursor", f"belongs to the order '{made_for}'; start again without it")
        lines = lines.where(after((at, CmoRequest.id), last, is_descending=is_descending))
    size = min(max(wanted.limit, 1), MOST_A_PAGE)
    rows, has_more = summaries(tx, lines, by, size, at=at.key, is_descending=is_descending)
    last_row = rows[-1].request if has_more else None
    return Page(rows, cursor_after(order, getattr(last_row, at.key), last_row.id) if last_row else None)


def visible_request(session: Session, request_id: UUID, *, by: Caller) -> CmoRequest:
    """The request, if the caller may see it. Raises NotFound otherwise, whether it exists or not."""
    allow(by, Deed.READ_REQUESTS)
    return find_seen(session, CmoRequest, request_id, by=by, called="request")


def request_with_number(tx: Tx, number: str, *, by: Caller) -> CmoRequest | None:
    """The request of this number (or of this id, as text), if there is one that the caller may see."""
    allow(by, Deed.READ_REQUESTS)
    try:
        named = CmoRequest.id == UUID(number)
    except ValueError:
        named = CmoRequest.number == number.upper()
    return tx.session.scalar(select(CmoRequest).where(named, sees(by, CmoRequest)))


def request_detail(tx: Tx, request_id: UUID, *, by: Caller) -> RequestDetail:
    """One request with its timeline, crossings and messages; its clocks are the case's."""
    session, request = tx.session, visible_request(tx.session, request_id, by=by)
    found = session.execute(request_lines().where(CmoRequest.id == request_id)).one()
    project = session.get_one(Project, request.project_id)
    case = load_request(tx, request)
    notifications = (
        select(Notification, Person.name)
        .outerjoin(Person, Person.id == Notification.person_id)
        # each step a digest told is listed itself
        .where(Notification.request_id == request_id, Notification.kind != MessageKind.DIGEST)
        .order_by(Notification.id)
    )
    return RequestDetail(
        row=RequestSummary(*found),
        contact=session.get_one(Person, request.contact_id),
        manager=session.get_one(Person, project.pm_id),
        case=case,
        roles=roles_on(by, case.owners(session)),
        crossings=session.scalars(
            select(CrossingRow)
            .where(CrossingRow.request_id == request_id)
            .order_by(CrossingRow.crossed_at, CrossingRow.clock)
        ).all(),
        notifications=[] if by.is_cmo else list(session.execute(notifications)),
        attachments=attachments_of(session, request_id),
    )


def linked_requests(session: Session, request: CmoRequest, by: Caller) -> Sequence[CmoRequest]:
    """The request it follows, if any, and those that follow it, in the order of filing; of those that `by` may read."""
    is_linked = CmoRequest.parent_id == request.id
    if request.parent_id is not None:
        is_linked |= CmoRequest.id == request.parent_id
    return session.scalars(select(CmoRequest).where(is_linked, sees(by, CmoRequest)).order_by(CmoRequest.id)).all()


def actions_open_to(session: Session, case: LoadedRequest, by: Caller) -> dict[str, Rule]:
    """What the caller may do with the request now, each with its rule."""
    roles = roles_on(by, case.owners(session))
    return possible_actions(case.catalogue, case.type, State(case.request.state), case.progress(), roles)


def facts_of(session: Session, request_id: UUID) -> Sequence[FactRow]:
    """The timeline in the order in which things happened."""
    statement = select(FactRow).where(FactRow.request_id == request_id)
    return session.scalars(statement.order_by(FactRow.occurred_at, FactRow.recorded_at, FactRow.sequence)).all()


def owned_time(tx: Tx, request: CmoRequest) -> dict[Owner, timedelta]:
    """How long each side, third parties and closed hours have held the request up."""
    case = load_request(tx, request)
    return time_by_owner(ownership_periods(case.catalogue, case.terms, case.type, case.timeline, tx.business_now))


def clocks_of(tx: Tx, request_id: UUID) -> Sequence[ClockRow]:
    return clocks_by_request(tx, [request_id])[request_id]


def request_lines() -> Select[CmoRequest, str, Site, str]:
    return (
        select(CmoRequest, Organization.name, Site, Project.code)
        .join(Organization, Organization.id == CmoRequest.cmo_id)
        .join(Site, Site.id == CmoRequest.site_id)
        .join(Project, Project.id == CmoRequest.project_id)
    )


def summaries(
    tx: Tx, lines: Select[CmoRequest, str, Site, str], by: Caller, most: int, *, at: str, is_descending: bool = False
) -> tuple[list[RequestSummary], bool]:
    """The first lines of a list that is ordered by the column `at` and the id, and whether there are more.

    What an auditor's scope names is looked up one by one.
    """
    ways = in_scope(tx.session, by)
    found = {line[0].id: line for way in ways for line in tx.session.execute(lines.where(way).limit(most + 1))}
    ordered = sorted(found.values(), key=lambda line: (getattr(line[0], at), line[0].id), reverse=is_descending)[:most]
    clocks = clocks_by_request(tx, [request.id for request, *_ in ordered])
    rows = [RequestSummary(request, cmo, site, code, clocks[request.id]) for request, cmo, site, code in ordered]
    return rows, len(found) > most


def filters(wanted: RequestFilter, by: Caller, now: datetime) -> list[ColumnElement[bool]]:
    """The conditions for requests that are wanted and that the caller may see."""
    equal = {
        CmoRequest.state: wanted.state,
        CmoRequest.type: wanted.type,
        CmoRequest.cmo_id: wanted.cmo_id,
        CmoRequest.site_id: wanted.site_id,
        CmoRequest.project_id: wanted.project_id,
    }
    found = [sees(by, CmoRequest), *(column == value for column, value in equal.items() if value is not None)]
    if wanted.priority is not None:
        found.append(has_priority(wanted.priority))
    if wanted.open_only:
        found.append(is_open())
    if wanted.cmos_turn_only:
        found.append(is_cmos_turn())
    if wanted.overdue is True:
        found.append(CmoRequest.urgent_at < now)
    if wanted.overdue is False:
        found.append(or_(CmoRequest.urgent_at.is_(None), CmoRequest.urgent_at >= now))
    return found


def clocks_by_request(tx: Tx, ids: Sequence[UUID]) -> Mapping[UUID, list[ClockRow]]:
    """The clocks of many requests, each request's in the order of the catalogue; an empty list where it has none."""
    order = {kind: place for place, kind in enumerate(tx.rules.catalogue.clocks)}
    rows = tx.session.scalars(select(ClockRow).where(ClockRow.request_id.in_(ids)))
    return by_request(sorted(rows, key=lambda row: (order[row.kind], row.generation)))
