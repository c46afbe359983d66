"""Filing over HTTP with every check on, against the bare inserts of what it leaves: `python -m bench.filing`.

Eight clients on kept connections file inquiries, each with an Idempotency-Key, at a real process: `slamon api` on
PostgreSQL, `slamon serve` on SQLite. In turns with them, eight connections of psycopg (one of sqlite3) insert the rows
one such filing left in every table, one transaction each, at the same durability. On PostgreSQL the same clients then
file requests of all three types, in turns at one `slamon api` and spread over two. Outgoing messages are held, so that
filing alone is measured; clients, server and database share the machine.
"""

import argparse
import json
import socket
import sqlite3
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
from psycopg.types.json import set_json_loads
from sqlalchemy import make_url

from slamon.domain.timeline import SYSTEM
from slamon.runtime import configure_logging
from slamon.services.outbox.outbox import stop_outgoing
from tests.installation import Cast
from tests.scenarios.installation import ProcessInstallation, running_house
from tests.servers.postgres import create_database, running_postgres
from tests.servers.process import open_directory
from tests.servers.slack_and_mail import closed_port

CLIENTS = 8
WANTED = {"PostgreSQL": (0.50, 100), "SQLite": (0.20, 100)}  # least ratio to the bare inserts, most p99 milliseconds
TABLES = ("idempotency_key", "cmo_request", "fact", "clock", "notification")
COUNT = (
    "INSERT INTO number_counter (type, year, last) VALUES ('inquiry', 2026, 1) "
    "ON CONFLICT (type, year) DO UPDATE SET last = number_counter.last + 1 RETURNING last"
)
NO_REDIS = "redis://127.0.0.1:1/0"  # filing needs none

Once = Callable[[], None]
Ready = Callable[[], Once]
Rows = Mapping[str, Sequence[Mapping[str, Any]]]
Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Contest:
    """The sides: clients of the API, who connect anew for each round, and the connections that insert.

    `at_one` and `at_two` file all three types, at one process and at two; none on SQLite, which one process has.
    """

    filers: Sequence[Ready]
    inserters: Sequence[Ready]
    at_one: Sequence[Ready] = ()
    at_two: Sequence[Ready] = ()


def run(rounds: int = 3, seconds: float = 5) -> dict[str, float]:
    """Medians over the rounds, by database: filings and bare inserts a second, their ratio, p50 and p99 in ms."""
    figures: dict[str, float] = {}
    for database, opened in (("PostgreSQL", _on_postgres), ("SQLite", _on_sqlite)):
        with opened() as contest:
            figures |= {f"{database} {name}": value for name, value in _measure(contest, rounds, seconds).items()}
        least, most = WANTED[database]
        print(
            f"filing on {database}: {figures[f'{database} filed']:,.0f} a second with {CLIENTS} clients, "
            f"bare inserts {figures[f'{database} inserted']:,.0f}, "
            f"ratio {figures[f'{database} ratio']:.2f} (wanted {least:.2f}); "
            f"p50 {figures[f'{database} p50 ms']:.1f} ms, p99 {figures[f'{database} p99 ms']:.1f} ms (wanted {most})",
            flush=True,
        )
    print(
        f"all three types on PostgreSQL: {figures['PostgreSQL at one']:,.0f} a second at one process, "
        f"{figures['PostgreSQL at two']:,.0f} at two, {figures['PostgreSQL two to one']:.2f} times (wanted: above 1)",
        flush=True,
    )
    return figures


def _measure(contest: Contest, rounds: int, seconds: float) -> dict[str, float]:
    sides = {"filed": contest.filers, "inserted": contest.inserters, "at one": contest.at_one, "at two": contest.at_two}
    sides = {name: side for name, side in sides.items() if side}
    for side in sides.values():
        _hammer(side, 1)  # warm
    took: dict[str, list[list[float]]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            took[name].append(_hammer(side, seconds))
    waits = sorted(chain.from_iterable(took["filed"]))
    figures = {name: _median_rate(rounds_of, seconds) for name, rounds_of in took.items()}
    if contest.at_two:
        figures["two to one"] = _median_ratio(took["at two"], took["at one"])
    return {
        **figures,
        "ratio": _median_ratio(took["filed"], took["inserted"]),
        "p50 ms": waits[len(waits) // 2] * 1000,
        "p99 ms": waits[len(waits) * 99 // 100] * 1000,
    }


def _median_ratio(ours: Sequence[Sequence[float]], theirs: Sequence[Sequence[float]]) -> float:
    return statistics.median(len(mine) / len(other) for mine, other in zip(ours, theirs, strict=True))


def _median_rate(rounds: Sequence[Sequence[float]], seconds: float) -> float:
    return statistics.median(len(waits) for waits in rounds) / seconds


def _hammer(side: Sequence[Ready], seconds: float) -> list[float]:
    """How long each call took that ended within `seconds`; one thread for each of `side`."""
    calls = [ready() for ready in side]
    waits: list[list[float]] = [[] for _ in calls]
    until = time.perf_counter() + seconds

    def again_and_again(once: Once, taken: list[float]) -> None:
        began = time.perf_counter()
        while began < until:
            once()
            ended = time.perf_counter()
            if ended < until:
                taken.append(ended - began)
            began = ended

    threads = [threading.Thread(target=again_and_again, args=pair) for pair in zip(calls, waits, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return list(chain.from_iterable(waits))


@contextmanager
def _on_postgres() -> Iterator[Contest]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(running_postgres(stack.enter_context(open_directory()), durable=True))
        url = create_database(server, "filing")
        house = stack.enter_context(_house(folder, url, NO_REDIS))
        plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        connections = [stack.enter_context(psycopg.connect(plain)) for _ in range(CLIENTS)]
        for connection in connections:
            set_json_loads(_as_it_stands, connection)
        yield replace(_contest(house, connections, "%s"), **_of_all_types(house))


def _as_it_stands(content: str | bytes) -> str:
    return content if isinstance(content, str) else content.decode()


@contextmanager
def _on_sqlite() -> Iterator[Contest]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        house = stack.enter_context(_house(folder, f"sqlite:///{folder}/filing.db", None))
        connection = sqlite3.connect(folder / "filing.db", isolation_level="IMMEDIATE", check_same_thread=False)
        stack.callback(connection.close)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000"):
            connection.execute(f"PRAGMA {pragma}")
        yield _contest(house, [connection], "?")


@contextmanager
def _house(folder: Path, database_url: str, redis_url: str | None) -> Iterator[ProcessInstallation]:
    settings = {"API_CALLS_PER_MINUTE": 1_000_000, "LOG_LEVEL": "info"}
    with running_house(folder, database_url, redis_url, processes={}, **settings) as house:
        runtime = house.installation.runtime
        with runtime.write() as tx:
            stop_outgoing(tx, True, by=SYSTEM, reason="filing")
        yield house


def _contest(house: ProcessInstallation, connections: Sequence[Any], mark: str) -> Contest:
    key = house.installation.key(house.installation.cast.pm)
    filer = partial(_filer, house.base_url, key, _inquiry(house.installation.cast))
    filer()()
    rows = {table: _all(connections[0], table) for table in TABLES}
    return Contest([filer] * CLIENTS, [partial(_inserter, connection, rows, mark) for connection in connections])


def _of_all_types(house: ProcessInstallation) -> dict[str, Sequence[Ready]]:
    """The clients of one process, and of two, of which the second is started here; to each process all types."""
    cast, key, port = house.installation.cast, house.installation.key(house.installation.cast.pm), closed_port()
    house.start("second", "slamon", "api", "--port", str(port))
    urls = [house.base_url, f"http://127.0.0.1:{port}"]
    house.await_ready(urls[1])
    bodies = [_inquiry(cast), _shipment(cast), _data_request(cast)]
    for body in bodies:
        _filer(urls[0], key, body)()
    clients = [(urls[client % 2], bodies[client // 2 % 3]) for client in range(CLIENTS)]
    return {
        "at_one": [partial(_filer, urls[0], key, body) for _, body in clients],
        "at_two": [partial(_filer, url, key, body) for url, body in clients],
    }


def _inquiry(cast: Cast) -> Body:
    detail = {"category": "schedule_capacity", "questions": ["Is week 20 free?"]}
    return {"type": "inquiry", "subject": "Capacity in May", "detail": detail} | _parties(cast)


def _shipment(cast: Cast) -> Body:
    detail = {
        "order_type": "resupply",
        "destination": {"kind": "clinical_site", "name": "Site 1204", "address": "Paris", "country": "FR"},
        "required_delivery_to": "2100-03-18",
        "storage": {"min_c": 2, "max_c": 8},
        "lines": [{"product_code": "AUR-1", "quantity": "24.5", "unit": "kit"}],
    }
    return {"type": "shipment", "subject": "Resupply of site 1204", "detail": detail} | _parties(cast)


def _data_request(cast: Cast) -> Body:
    detail = {"purpose": "release", "items": [{"kind": "coa", "lots": ["A17"]}]}
    same_again = {"file_anyway": True}
    return {"type": "data", "subject": "Certificates", "detail": detail} | same_again | _parties(cast)


def _parties(cast: Cast) -> Body:
    return {"project_id": str(cast.project), "site_id": str(cast.site)}


def _filer(base_url: str, key: str, asked: Body) -> Once:
    """A call that files one request over a connection of its own and waits for the whole answer."""
    address, body = urlsplit(base_url), json.dumps(asked)
    head = (
        f"POST /v1/requests HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nIdempotency-Key: "
    )
    connection = socket.create_connection((str(address.hostname), address.port or 80))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def file() -> None:
        connection.sendall(f"{head}{uuid4()}\r\n\r\n{body}".encode())
        answer, end = connection.recv(65_536), -1
        assert answer.startswith(b"HTTP/1.1 201"), answer
        while end < 0 or len(answer) < end:
            top, found, _ = answer.lower().partition(b"\r\n\r\n")
            end = len(top) + 4 + int(top.split(b"content-length: ")[1].split(b"\r\n")[0]) if found else -1
            answer += b"" if 0 <= end <= len(answer) else connection.recv(65_536)

    return file


def _all(connection: Any, table: str) -> list[dict[str, Any]]:
    cursor = connection.execute(f"SELECT * FROM {table}")
    found = [dict(zip([column[0] for column in cursor.description], row, strict=True)) for row in cursor.fetchall()]
    connection.commit()
    return found


def _inserter(connection: Any, rows: Rows, mark: str) -> Once:
    """A call that inserts `rows` once more under new keys; the number is counted up as late as it can be."""
    statements = {table: _insert(table, found, mark) for table, found in rows.items()}

    def insert() -> None:
        request_id, own_id = uuid4().hex, uuid4().hex

        def put(table: str, **new: Any) -> None:
            values = chain.from_iterable({**row, **new}.values() for row in rows[table])
            connection.execute(statements[table], tuple(values))

        put("idempotency_key", key=own_id)
        number = f"INQ-2026-{connection.execute(COUNT).fetchone()[0]:06d}"
        put("cmo_request", id=request_id, number=number)
        put("fact", request_id=request_id)
        put("clock", request_id=request_id)
        put("notification", id=own_id, request_id=request_id, dedupe_key=f"{number}/filed/1/email/{own_id}")
        connection.commit()

    return insert


def _insert(table: str, rows: Sequence[Mapping[str, Any]], mark: str) -> str:
    marks = ", ".join(f"({', '.join([mark] * len(row))})" for row in rows)
    return f"INSERT INTO {table} ({', '.join(rows[0])}) VALUES {marks}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5)
    arguments = parser.parse_args()
    configure_logging("error")
    run(arguments.rounds, arguments.seconds)


if __name__ == "__main__":
    main()
