"""The register of what each CMO owes, item by item and lot by lot: the open items of open data requests."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from slamon.db.jobs import Job, JobKind
from slamon.db.paging import cursor_after, id_behind
from slamon.db.parties import Organization, Site
from slamon.db.requests import CmoRequest, is_open
from slamon.domain.catalogue import Catalogue
from slamon.domain.clocks.state import ClockState
from slamon.domain.lifecycle import Parts, State
from slamon.domain.normal_form import normal_form
from slamon.domain.stored import as_json, read
from slamon.domain.terms import ClockKind
from slamon.services.access import jobs
from slamon.services.access.callers import Caller
from slamon.services.access.jobs import AT_ONCE, Step
from slamon.services.access.rights import Deed, allow
from slamon.services.access.visibility import seen_among, sees
from slamon.services.deadlines.loading import LoadedRequest, load_requests
from slamon.services.transaction import Tx

MOST_REQUESTS = 100
MOST_ITEMS = 500  # after which a page ends, with all items of its last request
A_STEP = 100  # requests looked at in one step of a job


def asks_for_items(clock: ClockState) -> bool:
    """Whether items are late when it is: not so with a receipt, nor with what the sponsor owes."""
    return not clock.definition.is_the_sponsors and clock.kind != ClockKind.ACKNOWLEDGEMENT


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
    type: str
    state: State
    item: int
    kind: str
    lots: tuple[str, ...]
    filed_at: datetime
    due_on: str | None
    target_at: datetime | None
    limit_at: datetime | None
    clocks: Sequence[ClockState]

    @property
    def overdue_after(self) -> datetime | None:
        """The first instant that one of the clocks asking for it passes, or has passed; None while none does."""
        asking = [clock for clock in self.clocks if asks_for_items(clock) and clock.stopped_at is None]
        return min((at for clock in asking for at in (clock.target_at, clock.limit_at) if at), default=None)

    @property
    def site_name(self) -> str:
        return self.site.name

    def as_line(self) -> "OwedLine":
        return OwedLine(**{each.name: getattr(self, each.name) for each in fields(OwedLine)})


@dataclass(frozen=True, slots=True)
class OwedLine:
    """One item as a spreadsheet of the register tells it."""

    request_id: UUID
    cmo_name: str
    site_name: str
    lots: tuple[str, ...]
    type: str
    kind: str
    number: str
    item: int
    state: State
    due_on: str | None
    overdue_after: datetime | None
    target_at: datetime | None
    limit_at: datetime | None


@dataclass(frozen=True, slots=True)
class Register:
    """A page of it: `examined` requests were looked at."""

    items: Sequence[OutstandingItem]
    next_cursor: str | None
    examined: int


def outstanding_items(tx: Tx, wanted: OutstandingFilter, *, by: Caller, most: int | None = None) -> Register:
    """What is owed, the oldest request first; of a CMO's people, what their own CMO and site owe.

    A page looks at `most` requests, `MOST_REQUESTS` unless told, and ends earlier with `MOST_ITEMS` items; it may hold
    fewer than the next, or none. Raises Invalid for a cursor of another list.
    """
    allow(by, Deed.READ_REQUESTS)
    most = MOST_REQUESTS if most is None else most
    statement = (
        select(CmoRequest, Organization.name, Site)
        .join(Organization, Organization.id == CmoRequest.cmo_id)
        .join(Site, Site.id == CmoRequest.site_id)
        .where(*_filters(tx.rules.catalogue, wanted, by))
        .order_by(CmoRequest.id)
        .limit(most + 1)
    )
    found = tx.session.execute(statement).all()
    rows = found[:most]
    parties = {request.id: (name, site) for request, name, site in rows}
    lot = normal_form(wanted.lot) if wanted.lot else None
    items: list[OutstandingItem] = []
    for examined, case in enumerate(load_requests(tx, [request for request, *_ in rows]), 1):
        open_items = _open_items(case, *parties[case.request.id])
        items += [item for item in open_items if lot is None or lot in map(normal_form, item.lots)]
        if len(items) >= MOST_ITEMS and case.request.id != found[-1][0].id:
            return Register(items, cursor_after(case.request.id), examined)
    return Register(items, cursor_after(rows[-1][0].id) if len(found) > most else None, len(rows))


def every_line(tx: Tx, wanted: OutstandingFilter, *, by: Caller) -> Iterator[OwedLine]:
    """The whole register, page by page; for one that is not long."""
    while True:
        page = outstanding_items(tx, wanted, by=by)
        yield from (item.as_line() for item in page.items)
        if page.next_cursor is None:
            return
        wanted = replace(wanted, cursor=page.next_cursor)


# --- the whole register in the background -----------------------------------------------------------------------------


def is_long(tx: Tx, wanted: OutstandingFilter, *, by: Caller) -> bool:
    """Whether the whole register takes so long that it should be put together in the background."""
    allow(by, Deed.READ_REQUESTS)
    filters = _filters(tx.rules.catalogue, wanted, by)
    one_more = select(CmoRequest.id).where(*filters).order_by(CmoRequest.id).offset(AT_ONCE).limit(1)
    return tx.session.scalar(one_more) is not None


def ask(tx: Tx, wanted: OutstandingFilter, *, by: Caller) -> Job:
    """A job that puts it together. Raises Conflict for too many jobs at once."""
    allow(by, Deed.READ_REQUESTS)
    question = {"cmo_id": str(wanted.cmo_id) if wanted.cmo_id else None, "lot": wanted.lot}
    return jobs.ask(tx, JobKind.OWED, question, by=by)


def wanted_of(job: Job, cursor: str | None = None) -> OutstandingFilter:
    """Which part of the register a job is about."""
    cmo_id = job.question["cmo_id"]
    return OutstandingFilter(UUID(cmo_id) if cmo_id else None, job.question["lot"], cursor)


def count(tx: Tx, job: Job, by: Caller) -> int:
    """How many requests the job has to look at."""
    found = select(CmoRequest.id).where(*_filters(tx.rules.catalogue, wanted_of(job), by)).subquery()
    return tx.session.scalar(select(func.count()).select_from(found)) or 0


def step(tx: Tx, job: Job, by: Caller) -> Step:
    """The items of the next requests of the job."""
    page = outstanding_items(tx, wanted_of(job, job.found.get("after")), by=by, most=A_STEP)
    place = {} if page.next_cursor is None else {"after": page.next_cursor}
    lines = [as_json(item.as_line()) for item in page.items]
    return Step(place, page.examined, is_last=page.next_cursor is None, lines=lines)


def lines_of(session: Session, job: Job, *, by: Caller, after: int, most: int) -> tuple[list[OwedLine], int | None]:
    """Items the job has found, from the one behind number `after`; and the number to go on behind, if any.

    Those of requests that the caller may read no longer are left out.
    """
    rows, following = jobs.page_of(session, job.id, after=after, most=most)
    lines = [read(OwedLine, row) for row in rows]
    seen = seen_among(session, CmoRequest, [line.request_id for line in lines], by=by)
    return [line for line in lines if line.request_id in seen], following


def _open_items(case: LoadedRequest, cmo_name: str, site: Site) -> Iterator[OutstandingItem]:
    request, progress, clocks = case.request, case.progress(), case.clocks()
    of_request = next((clock for clock in clocks if clock.kind == ClockKind.ANSWER), None)
    others = [clock for clock in clocks if clock.kind != ClockKind.ANSWER]
    of_items = case.item_clocks() if progress.open_items else {}
    for number in progress.open_items:
        item, answer = progress.detail["items"][number - 1], of_items.get(number, of_request)
        yield OutstandingItem(
            cmo_id=request.cmo_id,
            cmo_name=cmo_name,
            site=site,
            request_id=request.id,
            number=request.number,
            type=request.type,
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


def _filters(catalogue: Catalogue, wanted: OutstandingFilter, by: Caller) -> list[ColumnElement[bool]]:
    with_items = [name for name, each in catalogue.types.items() if each.parts is Parts.ITEMS]
    filters = [is_open(), CmoRequest.type.in_(with_items), CmoRequest.state != State.DECLINED, sees(by, CmoRequest)]
    if wanted.cmo_id is not None:
        filters.append(CmoRequest.cmo_id == wanted.cmo_id)
    if wanted.cursor is not None:
        filters.append(CmoRequest.id > id_behind(wanted.cursor))
    return filters
