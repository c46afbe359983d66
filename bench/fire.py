"""Kills processes at random moments while alerts fall due, and counts what was lost and what came twice.

    python -m bench.fire [--alerts 1500] [--kills 25] [--seed 1]

Real processes on PostgreSQL and Valkey: an API, two tickers, two workers; a Slack and a mail server that log every
accept. Whatever is killed is started again at once, as a supervisor would.
"""

import argparse
import random
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from uuid import UUID

from sqlalchemy import select

from slamon.db.outbox import Process
from slamon.domain.timeline import SYSTEM
from slamon.runtime import configure_logging
from slamon.services.outbox.outbox import stop_outgoing
from tests.faults.alerts import Alert, alert_policy, file_alerts
from tests.faults.judge import doubles_are_few_and_marked, keys
from tests.scenarios.installation import ProcessInstallation, running_house
from tests.servers.postgres import create_database, running_postgres
from tests.servers.process import open_directory
from tests.servers.valkey import running_valkey

COMMANDS = {
    "ticker-1": ("slamon", "ticker"),
    "ticker-2": ("slamon", "ticker"),
    "worker-1": ("dramatiq", "workers.main", "--processes", "1", "--threads", "8"),
    "worker-2": ("dramatiq", "workers.main", "--processes", "1", "--threads", "8"),
}
LEAD_TIME_SECONDS = 30  # from filing the first alert to when it falls due
SPREAD_SECONDS = 60  # over which the alerts fall due
PATIENCE_SECONDS = 180


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--alerts", type=int, default=1500)
    parser.add_argument("--kills", type=int, default=25)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    configure_logging("error")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(running_postgres(stack.enter_context(open_directory()), durable=True))
        redis_url = stack.enter_context(running_valkey(stack.enter_context(open_directory())))
        settings = {"LOG_LEVEL": "warning", "DIGEST_ABOVE": 10**6}  # each alert is counted by itself
        url = create_database(server, "fire")
        house = stack.enter_context(running_house(folder, url, redis_url, processes=COMMANDS, **settings))
        return burn(house, file_all(house, arguments.alerts), random.Random(arguments.seed), arguments.kills)


def file_all(house: ProcessInstallation, alerts: int) -> list[Alert]:
    """File requests that fall due within the next minute; each alerts the lead in Slack and the contact by mail."""
    installation = house.installation
    alert_policy(installation)
    with installation.runtime.write() as tx:  # the notices of filing wait as well
        stop_outgoing(tx, True, by=SYSTEM, reason="filing")
    apart, begins = SPREAD_SECONDS / alerts, time.monotonic() + LEAD_TIME_SECONDS
    filed: list[Alert] = []
    while len(filed) < alerts:
        in_seconds = begins + len(filed) * apart - time.monotonic()
        filed += file_alerts(house, min(50, alerts - len(filed)), in_seconds=in_seconds, apart_seconds=apart)
    with installation.runtime.write() as tx:
        stop_outgoing(tx, False, by=SYSTEM, reason="fire")
    return filed


def burn(house: ProcessInstallation, alerts: list[Alert], dice: random.Random, kills: int) -> int:
    wanted = {key for alert in alerts for key in (alert.slack, alert.email)}
    pause, killed, recovery = threading.Event(), Counter[str](), Recovery(house)
    began = time.monotonic()
    next_kill = began + max(0.0, (alerts[0].due_at - house.installation.clock.now()).total_seconds())
    while time.monotonic() - began < LEAD_TIME_SECONDS + SPREAD_SECONDS + PATIENCE_SECONDS:
        if sum(killed.values()) < kills and time.monotonic() >= next_kill:
            name = dice.choice([*COMMANDS, "api"])
            house.kill(name)
            kind = name.split("-")[0]
            killed[kind] += 1
            recovery.begin(name, kind)
            next_kill = time.monotonic() + dice.uniform(1, 3)
        house.restart_dead()
        recovery.look()
        if wanted <= set(keys(house)) and sum(killed.values()) >= kills:
            break
        pause.wait(0.2)
    return report(house, wanted, killed, recovery, time.monotonic() - began)


class Recovery:
    """How long after a kill a process of its kind reports that was not there before."""

    def __init__(self, house: ProcessInstallation) -> None:
        self._house = house
        self._open: dict[str, tuple[str, float]] = {}
        self._known: set[UUID] = set()
        self.seconds: list[float] = []

    def begin(self, name: str, kind: str) -> None:
        self._known.update(self._beating(kind))
        self._open[name] = (kind, time.monotonic())  # killed again: counted from there

    def look(self) -> None:
        for name, (kind, since) in list(self._open.items()):
            new = next((process for process in self._beating(kind) if process not in self._known), None)
            if new is not None:
                self._known.add(new)
                self.seconds.append(time.monotonic() - since)
                del self._open[name]

    def _beating(self, kind: str) -> list[UUID]:
        with self._house.installation.runtime.db.read() as session:
            return list(session.scalars(select(Process.id).where(Process.kind == kind)))


def longest_silence(house: ProcessInstallation) -> float:
    """Seconds between two messages while alerts were falling due: what a killed process made others wait."""
    arrivals = sorted(m.arrived_at for m in (*house.slack.posts, *house.mailbox.mails) if m.key and "/target/" in m.key)
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(arrivals)]
    return max(gaps, default=0.0)


def report(
    house: ProcessInstallation, wanted: set[str], killed: Counter[str], recovery: Recovery, seconds: float
) -> int:
    count = Counter(keys(house))
    lost = wanted - count.keys()
    doubled = [key for key, times in count.items() if times > 1]
    posts = [post.key for post in house.slack.posts]
    print(f"{sum(killed.values())} SIGKILLs: {', '.join(f'{n} {name}' for name, n in sorted(killed.items()))}")
    print(f"{len(wanted)} alerts due, {len(wanted) - len(lost)} delivered, {len(lost)} lost")
    print(f"{len(doubled)} doubled, {sum(1 for key in doubled if posts.count(key) > 1)} of them in Slack")
    try:
        doubles_are_few_and_marked(house, sum(killed.values()))
        print("each under the same key and marked as a repeat")
        are_marked = True
    except AssertionError as error:
        print(error)
        are_marked = False
    back = recovery.seconds
    print(f"back after a kill: median {statistics.median(back):.1f} s, longest {max(back):.1f} s")
    print(f"longest silence while alerts fell due: {longest_silence(house):.1f} s")
    print(f"{sum(count.values())} messages in {seconds:.0f} s")
    verified = house.run("slamon", "verify")
    print(verified.stdout.strip() or verified.stderr.strip())
    return 0 if are_marked and not lost and verified.returncode == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
