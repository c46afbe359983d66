"""From the due instant to the message, and how fast a backlog drains: real processes, loopback Slack and mail servers.

    python -m bench.due [--open 10000 1000000] [--rounds 3] [--backlog 5000]

Both set-ups: one process on SQLite, and an API, a ticker and two workers on PostgreSQL (fsync on) and Valkey. Their
rounds are interleaved; rates are medians of the rounds, waits percentiles of all messages.
"""

import argparse
import statistics
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select, text

from bench.seed import TARGET, frozen, seed
from slamon.channels.email import EmailChannel
from slamon.channels.slack import SlackChannel
from slamon.clock import Clock
from slamon.db.requests import CrossingRow
from slamon.domain.catalogue import STANDARD
from slamon.domain.terms import ClockKind
from slamon.domain.timeline import SYSTEM, stamp
from slamon.runtime import configure_logging
from slamon.services.directory.bootstrap import default_policies
from slamon.services.outbox.outbox import stop_outgoing
from slamon.wording.message import Message, MessageKind
from tests.scenarios.installation import ProcessInstallation, running_house
from tests.servers.postgres import create_database, running_postgres
from tests.servers.process import open_directory
from tests.servers.valkey import running_valkey

PROCESSES = {
    "ticker": ("slamon", "ticker"),
    "worker-1": ("dramatiq", "workers.main", "--processes", "1", "--threads", "8"),
    "worker-2": ("dramatiq", "workers.main", "--processes", "1", "--threads", "8"),
}
TO = [{"channel": "slack", "role": "lead"}, {"channel": "email", "role": "cmo_contact"}]
LADDER = [{"level": "target", "anchor": "target", "to": TO}]
ALLOWED = timedelta(hours=1)
LEAD_TIME = timedelta(seconds=3)
RAW_SENDS = 1000
SINGLES = 4  # requests that fall due by themselves, a round
CLAIM = text(
    "UPDATE cmo_request SET wake_at = wake_at WHERE id IN "
    "(SELECT id FROM cmo_request WHERE wake_at IS NOT NULL ORDER BY wake_at LIMIT 1000 OFFSET :done)"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--open", type=int, nargs="+", default=[10_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--backlog", type=int, default=5_000, help="requests; each is two messages")
    parser.add_argument("--only", choices=("SQLite", "PostgreSQL"))
    arguments = parser.parse_args()
    configure_logging("error")
    set_ups = {"SQLite": sqlite_house, "PostgreSQL": postgres_house}
    for count in arguments.open:
        with ExitStack() as stack:
            houses = {
                name: stack.enter_context(opened())
                for name, opened in set_ups.items()
                if arguments.only in (None, name)
            }
            background = frozen("background", TARGET, default_policies(STANDARD.clocks)[0]["ladder"])
            for house in houses.values():
                seed(house.installation, count, background, first=now() - timedelta(days=1), apart=timedelta(0))
            waits = measure_waits(houses, arguments.rounds)
            for (name, due), seconds in waits.items():
                print(f"{name}, {count:,} open, {due} due at once: {in_words(seconds)}", flush=True)
            if count == arguments.open[0]:
                measure_backlogs(houses, arguments.rounds, arguments.backlog)


@contextmanager
def sqlite_house() -> Iterator[ProcessInstallation]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        yield stack.enter_context(
            running_house(folder, f"sqlite:///{folder}/due.db", None, DIGEST_ABOVE=10**6, LOG_LEVEL="warning")
        )


@contextmanager
def postgres_house() -> Iterator[ProcessInstallation]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(running_postgres(stack.enter_context(open_directory()), durable=True))
        redis_url = stack.enter_context(running_valkey(stack.enter_context(open_directory())))
        url = create_database(server, "due")
        yield stack.enter_context(
            running_house(
                folder, url, redis_url, processes=PROCESSES, DIGEST_ABOVE=10**6, LOG_LEVEL="warning"
            )
        )  # fmt: skip


def measure_waits(houses: Mapping[str, ProcessInstallation], rounds: int) -> dict[tuple[str, int], list[float]]:
    """Seconds from the due instant to each message, 1 and 100 requests due at once; each in Slack and by mail."""
    waits = defaultdict[tuple[str, int], list[float]](list)
    for number in range(rounds):
        for name, house in houses.items():
            for each in range(SINGLES):
                waits[name, 1] += wait_for(house, 1, f"1{number}{each:02d}")
            waits[name, 100] += wait_for(house, 100, f"m{number:03d}")
    return waits


def wait_for(house: ProcessInstallation, count: int, prefix: str) -> list[float]:
    due = now() + LEAD_TIME
    seen = arrived(house)
    seed(house.installation, count, due_terms(), first=due - ALLOWED, apart=timedelta(0), prefix=prefix)
    await_messages(house, seen + 2 * count)
    messages = [*house.slack.posts, *house.mailbox.mails]
    mine = [message for message in messages if message.key and message.key.startswith(f"INQ-{prefix}-")]
    return [(message.arrived_at - due).total_seconds() for message in mine]


def in_words(seconds: Sequence[float]) -> str:
    ordered = sorted(seconds)
    p50, p99 = statistics.median(ordered), ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return f"p50 {p50:.2f} s, p99 {p99:.2f} s of {len(ordered)} messages"


def measure_backlogs(houses: Mapping[str, ProcessInstallation], rounds: int, count: int) -> None:
    """How many crossings are recorded and how many messages delivered a second, beside the bare work."""
    figures = defaultdict[tuple[str, str], list[float]](list)
    for number in range(rounds):
        for name, house in houses.items():
            for what, rate in backlog(house, count, f"b{number:03d}").items():
                figures[name, what].append(rate)
    for (name, what), rates in figures.items():
        low, high = min(rates), max(rates)
        print(f"{name}, backlog of {count:,}: {what}: {statistics.median(rates):,.2f} ({low:,.2f} to {high:,.2f})")


def backlog(house: ProcessInstallation, count: int, prefix: str) -> dict[str, float]:
    hold(house, True)
    claims, before = raw_claims(house), recorded(house)
    seed(house.installation, count, due_terms(), first=now() - 2 * ALLOWED, apart=timedelta(0), prefix=prefix)
    began = time.perf_counter()
    while recorded(house) < before + count:
        threading.Event().wait(0.05)
    records = count / (time.perf_counter() - began)
    seen = arrived(house)
    hold(house, False)
    began = time.perf_counter()
    await_messages(house, seen + 2 * count)
    deliveries = 2 * count / (time.perf_counter() - began)
    sends = raw_sends(house)
    return {
        "recorded a second": records,
        "bare claims a second": claims,
        "delivered a second": deliveries,
        "bare sends a second": sends,
        "delivered as a share of bare sends": deliveries / sends,
    }


def raw_claims(house: ProcessInstallation) -> float:
    """Rows a second that bare UPDATEs of a thousand rows each claim and commit."""
    began = time.perf_counter()
    for done in range(0, 10_000, 1000):
        with house.installation.runtime.db.write() as session:
            session.execute(CLAIM, {"done": done})
    return 10_000 / (time.perf_counter() - began)


def raw_sends(house: ProcessInstallation) -> float:
    """Messages a second that one process hands to the same two servers and keeps no record of, half in each channel."""
    environment = house.environment
    slack = SlackChannel(environment["SLAMON_SLACK_TOKEN"], environment["SLAMON_SLACK_BASE_URL"], clock=Clock())
    email = EmailChannel(environment["SLAMON_SMTP_URL"], environment["SLAMON_MAIL_FROM"], clock=Clock())
    at = datetime.now(UTC)
    for_cmo = Message(
        key="raw", kind=MessageKind.FILED, address="maria@alpine.example", recipient_name="Maria", to_cmo=True, at=at,
        reader_zone="Europe/Zurich", other_zone="UTC", sponsor_name="Auriga Bio", number="INQ-2026-0001", filed_at=at,
        request_type="inquiry", priority="routine", cmo_name="Alpine", site_name="Visp",
        link="http://127.0.0.1/r/x",
    )  # fmt: skip
    for_lead = replace(for_cmo, address="C0RAW", to_cmo=False)
    with ThreadPoolExecutor(8) as pool:
        began = time.perf_counter()
        slack_sends = pool.map(slack.send, [for_lead] * RAW_SENDS)
        for _ in (*pool.map(email.send, [for_cmo] * RAW_SENDS), *slack_sends):
            pass
        return 2 * RAW_SENDS / (time.perf_counter() - began)


def due_terms():  # type: ignore[no-untyped-def]
    return frozen("due", ALLOWED, LADDER, ClockKind.ACKNOWLEDGEMENT)


def recorded(house: ProcessInstallation) -> int:
    with house.installation.runtime.db.read() as session:
        return session.scalar(select(func.count()).select_from(CrossingRow).where(CrossingRow.level == "target")) or 0


def hold(house: ProcessInstallation, on: bool) -> None:
    with house.installation.runtime.write() as tx:
        stop_outgoing(tx, on, by=SYSTEM, reason="backlog")


def arrived(house: ProcessInstallation) -> int:
    return len(house.slack.posts) + len(house.mailbox.mails)


def await_messages(house: ProcessInstallation, wanted: int) -> None:
    pause, deadline = threading.Event(), time.monotonic() + 300
    while arrived(house) < wanted:
        assert time.monotonic() < deadline, f"{arrived(house)} of {wanted} messages\n{house.logs()[-3000:]}"
        pause.wait(0.02)


def now() -> datetime:
    """The next whole second: facts carry no fractions."""
    return stamp(datetime.now(UTC))


if __name__ == "__main__":
    main()
