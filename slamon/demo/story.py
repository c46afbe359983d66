"""What the start page tells: the ordinary history of the requests that move, in one list, newest first."""

from itertools import islice
from typing import NamedTuple

from sqlalchemy import select

from slamon.db.outbox import Notification
from slamon.db.requests import CmoRequest
from slamon.demo.cast import HEAD, SPONSOR_ZONE, caller
from slamon.demo.stage import Stage
from slamon.services.requests.queries import request_detail
from slamon.services.transaction import Tx
from slamon.web.staff.history import Entry, history
from slamon.web.view.fact_details import telling
from slamon.web.view.instants import Zones

SHOWN = 25
REQUESTS = 6
MESSAGES_READ = 100


class Line(NamedTuple):
    """One line of the history of a request, and where that is."""

    entry: Entry
    request: CmoRequest
    site: str


def latest(tx: Tx, stage: Stage) -> list[Line]:
    newest = select(Notification.request_id).order_by(Notification.id.desc()).limit(MESSAGES_READ)
    moving = dict.fromkeys(request_id for request_id in tx.session.scalars(newest) if request_id)
    by, words = caller(tx.session, HEAD), stage.runtime.words
    lines: list[Line] = []
    for request_id in islice(moving, REQUESTS):
        whole = request_detail(tx, request_id, by=by)
        zones = Zones(own=SPONSOR_ZONE, other=whole.row.site.time_zone)
        about = telling(tx.session, whole.case, whole.case.progress().detail, zones, words)
        entries = history(whole, about, stage.runtime.registered)
        lines += [Line(entry, whole.row.request, whole.row.site.name) for entry in entries]
    return sorted(lines, key=lambda line: line.entry.at.epoch_ms, reverse=True)[:SHOWN]
