"""From the due instant to the message, and how fast a backlog drains: real processes, loopback Slack and mail servers.

    python -m bench.due [--open 10000 1000000] [--rounds 5] [--backlog 10000]

Both set-ups: one process on SQLite, and an API, a ticker and two workers on PostgreSQL (fsync on) and Valkey.
"""

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
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
CLAIM = text(
    "UPDATE cmo_request SET wake_at = wake_at WHERE id IN "
    "(SELECT id FROM cmo_request WHERE wake_at IS NOT NULL ORDER BY wake_at LIMIT 1000 OFFSET :done)"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--open", type=int, nargs="+", default=[10_000])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--backlog", type=int, default=10_000)
    parser.add_argument("--only", choices=("SQLite", "PostgreSQL"))
    arguments = parser.parse_args()
    configure_logging("error")
    for name, opened in (("SQLite", sqlite_house), ("PostgreSQL", postgres_house)):
        if arguments.only not in (None, name):
            continue
        for count in arguments.open:
            with opened() as house:
                background = frozen("background", TARGET, default_policies(STANDARD.clocks)[0]["ladder"])
                seed(house.world, count, background, first=now() - timedelta(days=1), apart=timedelta(0))
                latency(f"{name}, {count:,} open", house, arguments.rounds)
                if count == arguments.open[0]:
                    backlog(name, house, arguments.backlog)


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


def latency(name: str, house: ProcessInstallation, rounds: int) -> None:
    """Seconds from the due instant to the arrival, 1 and 100 requests due at once; each in Slack and by mail."""
    for count in (1, 100):
        seconds: list[float] = []
        for each in range(rounds if count > 1 else rounds * 4):
            due = now() + LEAD_TIME
            prefix = f"{count}{each:02d}"
            seen = arrived(house)
            seed(house.world, count, due_terms(), first=due - ALLOWED, apart=timedelta(0), prefix=prefix)
            await_messages(house, seen + 2 * count)
            messages = [*house.slack.posts, *house.mailbox.mails]
            mine = [message for message in messages if message.key and message.key.startswith(f"INQ-{prefix}-")]
            seconds += [(message.arrived_at - due).total_seconds() for message in mine]
        seconds.sort()
        p50, p99 = statistics.median(seconds), seconds[min(len(seconds) - 1, int(len(seconds) * 0.99))]
        print(f"{name}, {count} due at once: p50 {p50:.2f} s, p99 {p99:.2f} s of {len(seconds)} messages", flush=True)


def backlog(name: str, house: ProcessInstallation, count: int) -> None:
    """How many crossings are recorded and how many messages delivered a second."""
    hold(house, True)
    claim_rate, before = raw_claims(house), recorded(house)
    seed(house.world, count, due_terms(), first=now() - 2 * ALLOWED, apart=timedelta(0), prefix="back")
    began = time.perf_counter()
    while recorded(house) < before + count:
        threading.Event().wait(0.05)
    record_rate = count / (time.perf_counter() - began)
    seen = arrived(house)
    hold(house, False)
    began = time.perf_counter()
    await_messages(house, seen + 2 * count)
    delivery_rate = 2 * count / (time.perf_counter() - began)
    print(f"{name}, backlog of {count:,}: {record_rate:,.0f} recorded and {delivery_rate:,.0f} delivered a second")
    print(f"{name}: {claim_rate:,.0f} bare claims a second, recording is 1/{claim_rate / record_rate:.0f} of that")
    send_rate = raw_sends(house)
    share = delivery_rate / send_rate
    print(f"{name}: {send_rate:,.0f} bare sends a second, delivering is {share:.2f} of that", flush=True)


def raw_claims(house: ProcessInstallation) -> float:
    """Rows a second that bare UPDATEs of a thousand rows each claim and commit."""
    began = time.perf_counter()
    for done in range(0, 10_000, 1000):
        with house.world.runtime.db.write() as session:
            session.execute(CLAIM, {"done": done})
    return 10_000 / (time.perf_counter() - began)


def raw_sends(house: ProcessInstallation) -> float:
    """Messages a second that one process hands to the same two servers and keeps no record of, half in each channel."""
    environment = house.environment
    slack = SlackChannel(environment["SLAMON_SLACK_TOKEN"], environment["SLAMON_SLACK_BASE_URL"])
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
    with house.world.runtime.db.read() as session:
        return session.scalar(select(func.count()).select_from(CrossingRow).where(CrossingRow.level == "target")) or 0


def hold(house: ProcessInstallation, on: bool) -> None:
    with house.world.runtime.write() as tx:
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
