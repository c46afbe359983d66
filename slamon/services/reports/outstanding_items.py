"""The register of what each CMO owes, item by item and lot by lot: the open items of open data requests."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, select

from slamon.db.paging import cursor_after, id_behind
from slamon.db.parties import Organization, Site
from slamon.db.requests import CmoRequest, is_open
from slamon.domain.clocks.state import ClockState
from slamon.domain.lifecycle import RequestType, State
from slamon.domain.normal_form import normal_form
from slamon.domain.terms import ClockKind
from slamon.services.access.callers import Caller
from slamon.services.access.rights import Deed, allow
from slamon.services.access.visibility import sees
from slamon.services.deadlines.loading import LoadedRequest, load_requests
from slamon.services.transaction import Tx

MOST_REQUESTS = 200


@dataclass(frozen=True, slots=True)
class OutstandingFilter:
    """Which part of the register; a lot is compared by its normal form."""

    cmo_id: UUID | None = None
    lot: str | None = None
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class OutstandingItem:
    """One item nobody has supplied or declined yet. `lots` are those it asks for.

    `target_at` and `limit_at` are its own: those of the answer clock, or of its kind where one request asks for kinds
    with different terms. `clocks` are its request's, with its own answer clock.
    """

    cmo_id: UUID
    cmo_name: str
    site: Site
    request_id: UUID
    number: str
    state: State
    item: int
    kind: str
    lots: tuple[str, ...]
    filed_at: datetime
    due_on: str | None
    target_at: datetime | None
    limit_at: datetime | None
    clocks: Sequence[ClockState]


@dataclass(frozen=True, slots=True)
class Register:
    items: Sequence[OutstandingItem]
    next_cursor: str | None


def outstanding_items(tx: Tx, wanted: OutstandingFilter, *, by: Caller) -> Register:
    """What is owed, the oldest request first; of a CMO's people, what their own CMO and site owe.

    A page looks at so many requests, so it may hold fewer items than the next, or none. Raises Invalid for a cursor
    of another list.
    """
    allow(by, Deed.READ_REQUESTS)
    statement = (
        select(CmoRequest, Organization.name, Site)
        .join(Organization, Organization.id == CmoRequest.cmo_id)
        .join(Site, Site.id == CmoRequest.site_id)
        .where(is_open(), CmoRequest.state != State.DECLINED, *_filters(wanted, by))
        .order_by(CmoRequest.id)
        .limit(MOST_REQUESTS + 1)
    )
    found = tx.session.execute(statement).all()
    rows = found[:MOST_REQUESTS]
    parties = {request.id: (name, site) for request, name, site in rows}
    lot = normal_form(wanted.lot) if wanted.lot else None
    items = [
        item
        for case in load_requests(tx.session, tx.rules.catalogue, [request for request, *_ in rows])
        for item in _open_items(case, *parties[case.request.id])
        if lot is None or lot in map(normal_form, item.lots)
    ]
    return Register(items, cursor_after(rows[-1][0].id) if len(found) > MOST_REQUESTS else None)


def _open_items(case: LoadedRequest, cmo_name: str, site: Site) -> Iterator[OutstandingItem]:
    request, progress, clocks = case.request, case.progress(), case.clocks()
    of_request = next((clock for clock in clocks if clock.kind is ClockKind.ANSWER), None)
    others = [clock for clock in clocks if clock.kind is not ClockKind.ANSWER]
    of_items = case.item_clocks() if progress.open_items else {}
    for number in progress.open_items:
        item, answer = progress.detail["items"][number - 1], of_items.get(number, of_request)
        yield OutstandingItem(
            cmo_id=request.cmo_id,
            cmo_name=cmo_name,
            site=site,
            request_id=request.id,
            number=request.number,
            state=State(request.state),
            item=number,
            kind=item["kind"],
            lots=tuple(item.get("lots", ())),
            filed_at=request.filed_at,
            due_on=request.due_on.isoformat() if request.due_on else None,
            target_at=answer.target_at if answer else None,
            limit_at=answer.limit_at if answer else None,
            clocks=[*others, *([answer] if answer else [])],
        )


def _filters(wanted: OutstandingFilter, by: Caller) -> list[ColumnElement[bool]]:
    filters: list[ColumnElement[bool]] = [CmoRequest.type == RequestType.DATA, sees(by, CmoRequest)]
    if wanted.cmo_id is not None:
        filters.append(CmoRequest.cmo_id == wanted.cmo_id)
    if wanted.cursor is not None:
        filters.append(CmoRequest.id > id_behind(wanted.cursor))
    return filters
