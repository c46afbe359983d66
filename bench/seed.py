"""Fills a founded installation with open requests, fast: COPY on PostgreSQL, one prepared insert on SQLite."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

from slamon.channels.email import EMAIL
from slamon.db.base import new_id
from slamon.db.outbox import Notification
from slamon.db.policies import FrozenTerms
from slamon.db.requests import ClockRow, CmoRequest, FactRow
from slamon.db.statements import insert_ignoring
from slamon.domain.catalogue import STANDARD
from slamon.domain.clocks.ladder import evaluate
from slamon.domain.clocks.state import clock_states
from slamon.domain.terms import ALWAYS, ClockKind, ClockTerms, Terms, ladder_from_json, terms_digest
from slamon.domain.timeline import GENESIS, Actor, Fact, FactKind, Role, Timeline, Via
from slamon.services.audit.timelines import fact_values
from slamon.services.deadlines.reconcile import clock_values
from slamon.services.directory.bootstrap import default_policies
from slamon.services.outbox.outbox import outbox_row
from slamon.services.transaction import Tx
from slamon.wording.message import MessageKind
from tests.installation import START, Installation

TARGET = timedelta(days=400)
REMINDER = TARGET * 3 / 4
BATCH = 20_000


_FILED = {"subject": "seeded", "description": "", "priority": "routine", "gxp": False}
_INQUIRY = {"type": "inquiry", "detail": {}}
_ITEMS = [{"kind": kind, "lots": ["A17", "A18"], "format": "pdf"} for kind in ("coa", "batch_record", "assay_result")]
_DATA = {"type": "data", "detail": {"purpose": "release", "items": _ITEMS}}


def frozen(name: str, target: timedelta, ladder: Sequence[dict[str, Any]], *clocks: ClockKind) -> Terms:
    """Terms with the same target for each of the clocks; unless told, for those that run from the filing."""
    clock = ClockTerms(target, target * 2)
    clocks = clocks or (ClockKind.ACKNOWLEDGEMENT, ClockKind.ANSWER)
    content = Terms(
        "seed", name, 1, None, ALWAYS, dict.fromkeys(clocks, clock), ladder_from_json(list(ladder))
    ).to_json()
    return Terms.from_json(content)


def seed_open_requests(installation: Installation, count: int, *, data_every: int | None = None) -> None:
    """Add `count` open requests; business time is set so that none of them is due yet.

    They are inquiries; where told every so-manieth asks for three items of data instead.

    Request i is filed i seconds after the first, under a policy whose reminder comes `REMINDER` after filing: each
    second that business time moves makes exactly one more request due.
    """
    terms = frozen("seeded", TARGET, default_policies(STANDARD.clocks)[0]["ladder"])
    seed(installation, count, terms, first=START, data_every=data_every)
    gap = START + REMINDER - installation.clock.now()
    installation.clock.advance(seconds=gap.total_seconds())


def seed(
    installation: Installation,
    count: int,
    terms: Terms,
    *,
    first: datetime,
    apart: timedelta = timedelta(seconds=1),
    prefix: str = "2025",
    data_every: int | None = None,
) -> None:
    """Add `count` open requests under `terms`, the first filed at `first` and each `apart` from the one before."""
    content = terms.to_json()
    digest = terms_digest(content)
    with installation.runtime.write() as tx:
        session = tx.session
        insert_ignoring(session, FrozenTerms, [{"digest": digest, "content": content}], ["digest"])
    for start in range(0, count, BATCH):
        numbers = range(start, min(start + BATCH, count))
        rows = list(
            _rows(installation, digest, terms, numbers, first=first, apart=apart, prefix=prefix, data_every=data_every)
        )
        with installation.runtime.db.engine.begin() as connection:  # a request that is due may be picked up at once
            _store(connection, CmoRequest, [request for request, _, _ in rows])
            _store(connection, FactRow, [fact for _, fact, _ in rows])
            _store(connection, ClockRow, [clock for _, _, clocks in rows for clock in clocks])
            _store(connection, Notification, [_told(tx, installation, request) for request, _, _ in rows])
    # As PostgreSQL itself would by and by; on SQLite nobody does.
    if count >= BATCH and not installation.runtime.db.is_sqlite:
        with installation.runtime.db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("ANALYZE"))


def _rows(
    installation: Installation,
    digest: str,
    terms: Terms,
    numbers: Sequence[int],
    *,
    first: datetime,
    apart: timedelta,
    prefix: str,
    data_every: int | None,
) -> Iterator[tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]]]:
    cast = installation.cast
    actor = Actor(str(cast.pm), "Petra Manager", Role.PROJECT_MANAGER)
    template = evaluate(terms, _timeline(actor, first), first, clocks=STANDARD.clocks)
    assert template.next_check_at is not None
    assert template.urgent_at is not None
    clocks = clock_states(terms, _timeline(actor, first), clocks=STANDARD.clocks)
    for number in numbers:
        later = number * apart
        at, request_id = first + later, new_id()
        what = _DATA if data_every and number % data_every == 0 else _INQUIRY
        content = {**_FILED, **what, "contact": {"id": str(cast.contact), "name": "Corinne Contact"}, "terms": digest}
        fact = Fact(1, FactKind.FILED, at, at, actor, actor, Via.API, content=content)
        head = fact.digest(str(request_id), GENESIS)
        request = {
            "id": request_id,
            "number": f"{'DAT' if what is _DATA else 'INQ'}-{prefix}-{number:06d}"[:16],
            "type": what["type"],
            "project_id": cast.project,
            "cmo_id": cast.cmo,
            "site_id": cast.site,
            "contact_id": cast.contact,
            "filed_by_id": cast.pm,
            "priority": "routine",
            "subject": "seeded",
            "description": "",
            "gxp": False,
            "detail": what["detail"],
            "state": "filed",
            "filed_at": at,
            "reopen_count": 0,
            "terms_digest": digest,
            "fact_count": 1,
            "head_digest": head,
            "urgent_at": template.urgent_at + later,
            "next_check_at": template.next_check_at + later,
            "wake_at": template.next_check_at + later,
            "failed_checks": 0,
            "created_at": at,
            "created_by": actor.id,
            "version": 1,
        }
        moved = [
            {
                column: value + later if isinstance(value, datetime) else value
                for column, value in clock_values(clock).items()
            }
            for clock in clocks
        ]
        kinds = [{"request_id": request_id, "kind": clock.kind, "generation": clock.id.generation} for clock in clocks]
        yield (
            request,
            fact_values(request_id, fact, head),
            [kind | values for kind, values in zip(kinds, moved, strict=True)],
        )


def _told(tx: Tx, installation: Installation, request: dict[str, Any]) -> dict[str, Any]:
    """The notice of the filing, long sent."""
    key, contact = f"{request['number']}/filed/1/email/{installation.cast.contact}", installation.cast.contact
    row = outbox_row(
        replace(tx, business_now=request["filed_at"], real_now=request["filed_at"]),
        key,
        MessageKind.FILED,
        EMAIL.name,
        "contact@cmo.example",
        request_id=request["id"],
        person_id=contact,
    )
    return row | {"state": "sent", "attempts": 1, "sent_at": request["filed_at"], "provider_id": "seeded"}


def _timeline(actor: Actor, at: datetime) -> Timeline:
    return Timeline([Fact(1, FactKind.FILED, at, at, actor, actor, Via.API)])


def _store(connection: Connection, table: type[Any], rows: list[dict[str, Any]]) -> None:
    columns = list(rows[0])
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(columns))
        statement = f"INSERT INTO {table.__tablename__} ({', '.join(columns)}) VALUES ({marks})"
        values = [tuple(_for_sqlite(row[column]) for column in columns) for row in rows]
        connection.connection.cursor().executemany(statement, values)
        return
    cursor = connection.connection.cursor()
    with cursor.copy(f"COPY {table.__tablename__} ({', '.join(columns)}) FROM STDIN") as copy:  # type: ignore[attr-defined]
        for row in rows:
            copy.write_row([_for_postgres(row[column]) for column in columns])


def _for_sqlite(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
    if isinstance(value, dict | list):
        return json.dumps(value)
    return value.hex if hasattr(value, "hex") and not isinstance(value, float | bytes) else value


def _for_postgres(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, dict | list) else value
