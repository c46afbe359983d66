"""The whole register as a spreadsheet: at once where it is short, otherwise put together in the background."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response, StreamingResponse

from slamon.db.jobs import JobKind
from slamon.domain.normal_form import normal_form, visible
from slamon.services.access import jobs
from slamon.services.access.rights import Deed
from slamon.services.reports.outstanding_items import (
    OutstandingFilter,
    OwedLine,
    ask,
    every_line,
    is_long,
    lines_of,
    wanted_of,
)
from slamon.web.pages import SIGNED_IN, runtime_of, see_other
from slamon.web.session import Posting, Submitted, Visiting, may
from slamon.web.staff import choices
from slamon.web.staff.layout import staff_page
from slamon.web.view.words import yes_or_no
from slamon.wording.words import Words

router = APIRouter(include_in_schema=False)
JobId = Annotated[UUID, Path()]

AT_A_TIME = 1000  # lines read from the database while a spreadsheet is handed out
_MEANT_AS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


@dataclass(frozen=True, slots=True)
class _Sheet:
    """How one reader gets it: a row for each item and lot, times in their zone, overdue as of now."""

    lot: str | None
    zone: str
    now: datetime
    words: Words

    def heading(self) -> str:
        mark = "\ufeff"  # by which spreadsheets know UTF-8
        gettext = self.words.language.gettext
        columns = (
            gettext("CMO"), gettext("Site"), gettext("Lot"), gettext("Owed"), gettext("Request"), gettext("Item"),
            gettext("State"), gettext("Needed on"), gettext("Overdue"), gettext("Target ({zone})", zone=self.zone),
            gettext("Limit ({zone})", zone=self.zone),
        )  # fmt: skip
        return mark + _written([columns])

    def written(self, lines: Iterable[OwedLine]) -> str:
        return _written(row for line in lines for row in self._rows(line))

    def _rows(self, line: OwedLine) -> Iterator[Sequence[str]]:
        is_overdue = line.overdue_after is not None and line.overdue_after < self.now
        overdue = yes_or_no(is_overdue, self.words.language)
        for lot in lots_shown(line.lots, self.lot):
            said = (
                line.cmo_name, line.site_name, lot, self.words.types[line.type].codes[line.kind], line.number,
                str(line.item), self.words.states[line.state].to_staff, line.due_on or "", overdue,
                self._local(line.target_at), self._local(line.limit_at),
            )  # fmt: skip
            yield [_plain(each) for each in said]

    def _local(self, instant: datetime | None) -> str:
        return f"{instant.astimezone(ZoneInfo(self.zone)):%Y-%m-%d %H:%M}" if instant else ""


@router.get("/owed.csv", dependencies=[may(Deed.READ_REQUESTS)])
def spreadsheet(request: Request, visit: Visiting, cmo: str = "", lot: str = "") -> Response:
    """The whole in one file. A register that is too long for that leads back to its page, where one asks for it."""
    wanted = OutstandingFilter(choices.chosen(cmo), visible(lot))
    runtime = runtime_of(request)
    with runtime.read() as tx:
        if is_long(tx, wanted, by=visit.caller):
            return see_other("/owed" + (f"?{request.url.query}" if request.url.query else ""))
        sheet = _Sheet(wanted.lot, visit.zone, visit.now, runtime.words)
        content = sheet.heading() + sheet.written(every_line(tx, wanted, by=visit.caller))
    return Response(content.encode(), **_as_file())


@router.post("/owed/sheets", dependencies=[may(Deed.READ_REQUESTS)])
def put_together(request: Request, visit: Posting, typed: Submitted) -> Response:
    """Let a long one be put together in the background. Raises Conflict for somebody who has too much under way."""
    wanted = OutstandingFilter(choices.chosen(typed("cmo")), visible(typed("lot")))
    with runtime_of(request).write() as tx:
        job = ask(tx, wanted, by=visit.caller)
    return see_other(f"/owed/sheets/{job.id}")


@router.get("/owed/sheets/{job_id}", dependencies=[may(Deed.READ_REQUESTS)])
def show(request: Request, visit: Visiting, job_id: JobId) -> Response:
    """How far it is, for whoever asked."""
    with runtime_of(request).db.read() as session:
        job = jobs.find(session, job_id, by=visit.caller, kind=JobKind.OWED)
        context = {"job": job, "kept_for": job.expires_at - visit.real_now}
        return staff_page(request, visit, "owed_sheet.html", context)


@router.get("/owed/sheets/{job_id}/owed.csv", dependencies=[may(Deed.READ_REQUESTS)])
def download(request: Request, visit: Visiting, job_id: JobId) -> Response:
    """What was put together, read bit by bit; before it is done this leads back to its page."""
    db = runtime_of(request).db
    with db.read() as session:
        job = jobs.find(session, job_id, by=visit.caller, kind=JobKind.OWED)
    if not job.is_done:
        return see_other(f"/owed/sheets/{job_id}")
    sheet = _Sheet(wanted_of(job).lot, visit.zone, visit.now, runtime_of(request).words)

    def parts() -> Iterator[str]:
        yield sheet.heading()
        after: int | None = 0
        while after is not None:
            with db.read() as session:
                lines, after = lines_of(session, job, by=visit.caller, after=after, most=AT_A_TIME)
            yield sheet.written(lines)

    return StreamingResponse(parts(), **_as_file())


def lots_shown(lots: Sequence[str], wanted: str | None) -> Sequence[str]:
    """The lots an item is listed under: of a register asked for one lot only that one."""
    if wanted is None:
        return lots or ("",)
    return [lot for lot in lots if normal_form(lot) == normal_form(wanted)]


def _as_file() -> dict[str, Any]:
    headers = {**SIGNED_IN, "Content-Disposition": 'attachment; filename="owed.csv"'}
    return {"media_type": "text/csv; charset=utf-8", "headers": headers}


def _written(rows: Iterable[Sequence[str]]) -> str:
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    return written.getvalue()


def _plain(text: str) -> str:
    """What somebody else wrote must stay text: a spreadsheet would run a cell that begins like a formula."""
    return f"'{text}" if text.startswith(_MEANT_AS_FORMULA) else text
