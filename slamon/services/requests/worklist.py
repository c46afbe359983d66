"""Open requests that wait for the sponsor, and those the CMO has without a running clock.

The list by urgency has requests with running clocks only; with these two lists every open request is in one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from sqlalchemy import ColumnElement

from slamon.db import paging
from slamon.db.requests import CmoRequest, is_cmos_turn, is_sponsors_turn, is_standing
from slamon.services.access.callers import Caller
from slamon.services.requests.queries import RequestFilter, RequestSummary, filters, request_lines, summaries
from slamon.services.transaction import Tx

A_PAGE = 50


class Holder(StrEnum):
    """Whose turn it is."""

    US = "us"
    CMO = "cmo"


@dataclass(frozen=True, slots=True)
class Worklist:
    """A page of requests, the oldest first; `after` leads to the next one."""

    rows: Sequence[RequestSummary]
    after: str | None


def worklist(tx: Tx, holder: Holder, wanted: RequestFilter, *, by: Caller, after: str | None = None) -> Worklist:
    """Open requests of the reader's list that `holder` must move on, those filed first in front.

    Of the CMO's only those without a running clock; the sponsor's also while the sponsor's own clock runs. Of `wanted`
    only type, CMO, project and priority count. Raises Invalid for an `after` no page gave out.
    """
    order = (CmoRequest.filed_at, CmoRequest.id)
    own = replace(wanted, state=None, site_id=None, open_only=False, cmos_turn_only=False, overdue=None)
    lines = request_lines().where(*filters(own, by, tx.business_now), *_held_by(holder)).order_by(*order)
    if after is not None:
        lines = lines.where(paging.after(order, paging.place_behind(after, paging.instant, UUID)))
    rows, has_more = summaries(tx, lines, by, A_PAGE, at="filed_at")
    last = rows[-1].request if has_more else None
    return Worklist(rows, paging.cursor_after(last.filed_at, last.id) if last else None)


def _held_by(holder: Holder) -> list[ColumnElement[bool]]:
    match holder:
        case Holder.US:
            return [is_sponsors_turn()]
        case Holder.CMO:
            return [is_standing(), is_cmos_turn()]
        case _:
            assert_never(holder)
