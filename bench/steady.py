"""One embedded process over many open requests: how soon it works, what it costs to sit idle, how soon it tells.

    python -m bench.steady [--open 1000000] [--idle 60] [--soak 600] [--rate 50]

The soak files `rate` requests a second through the API and watches memory and tables grow.
"""

import argparse
import os
import statistics
import tempfile
import threading
import time
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import httpx
from sqlalchemy import func, inspect, select, table

from bench.due import arrived, await_messages, due_terms, in_words, measure_waits, now
from bench.seed import TARGET, frozen, seed
from slamon.domain.catalogue import STANDARD
from slamon.runtime import configure_logging
from slamon.services.directory.bootstrap import default_policies
from tests.scenarios.installation import ProcessInstallation, running_house

PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")
STARTS = 5
# Grow with what is filed; every other table stays as it is.
SHOULD_GROW = {"cmo_request", "fact", "clock", "notification", "attempt", "form_link", "idempotency_key"}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--open", type=int, default=1_000_000)
    parser.add_argument("--idle", type=int, default=60, help="seconds")
    parser.add_argument("--soak", type=int, default=600, help="seconds; 0 for none")
    parser.add_argument("--rate", type=int, default=50, help="requests filed a second")
    arguments = parser.parse_args()
    configure_logging("error")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        settings = {
            "DIGEST_ABOVE": 10**6,
            "LOG_LEVEL": "warning",
            "API_CALLS_PER_MINUTE": 10**6,
            "HEARTBEAT_SECONDS": 2,
        }
        house = stack.enter_context(running_house(folder, f"sqlite:///{folder}/steady.db", None, **settings))
        starts_and_stops(house)
        background = frozen("background", TARGET, default_policies(STANDARD.clocks)[0]["ladder"])
        seed(house.installation, arguments.open, background, first=now() - timedelta(days=1), apart=timedelta(0))
        idle(house, arguments.open, arguments.idle)
        for (_, due), seconds in measure_waits({"SQLite": house}, 3).items():
            print(f"{arguments.open:,} open, {due} due at once: {in_words(seconds)}", flush=True)
        if arguments.soak:
            soak(house, arguments.soak, arguments.rate)


def starts_and_stops(house: ProcessInstallation) -> None:
    """Seconds from the start of the process until it is ready and until a message for what was due already has arrived,
    and from SIGTERM to its end.
    """
    ready, starts, stops = [], [], []
    for each in range(STARTS):
        began = time.monotonic()
        house.processes["serve"].terminate()
        house.processes["serve"].wait(timeout=30)
        stops.append(time.monotonic() - began)
        seen = arrived(house)
        seed(house.installation, 1, due_terms(), first=now() - timedelta(hours=2), prefix=f"s{each:03d}")
        began = time.monotonic()
        house.restart_dead()
        house.await_ready()
        ready.append(time.monotonic() - began)
        await_messages(house, seen + 1)
        starts.append(time.monotonic() - began)
        await_messages(house, seen + 2)
    print(f"start to ready: {statistics.median(ready):.1f} s, longest {max(ready):.1f} s")
    print(f"start to first message: {statistics.median(starts):.1f} s, longest {max(starts):.1f} s")
    print(f"SIGTERM to exit: {statistics.median(stops):.1f} s, longest {max(stops):.1f} s", flush=True)


def idle(house: ProcessInstallation, count: int, seconds: int) -> None:
    pid = house.processes["serve"].pid
    threading.Event().wait(10)
    before, began = cpu_seconds(pid), time.monotonic()
    threading.Event().wait(seconds)
    share = (cpu_seconds(pid) - before) / (time.monotonic() - began)
    print(f"idle with {count:,} open: {share:.2%} of a core, {megabytes(pid):.0f} MB", flush=True)


def soak(house: ProcessInstallation, seconds: int, rate: int) -> None:
    cast, key = house.installation.cast, house.installation.key(house.installation.cast.pm)
    body = {
        "type": "inquiry", "project_id": str(cast.project), "site_id": str(cast.site), "subject": "soak",
        "detail": {"category": "schedule_capacity", "questions": ["Which slots?"]},
    }  # fmt: skip
    pid, pause = house.processes["serve"].pid, threading.Event()
    before, memory, filed, late = rows(house), [], 0, 0
    began = time.monotonic()
    with httpx.Client(base_url=house.base_url, headers={"Authorization": f"Bearer {key}"}, timeout=30) as client:
        while (elapsed := time.monotonic() - began) < seconds:
            answer = client.post("/v1/requests", json=body, headers={"Idempotency-Key": f"soak-{filed}"})
            assert answer.status_code == 201, answer.text
            filed += 1
            if filed % (rate * 10) == 0:
                memory.append(megabytes(pid))
            ahead = filed / rate - elapsed
            late += ahead < -1
            pause.wait(max(0.0, ahead))
    third = max(1, len(memory) // 3)
    print(f"soak: {filed:,} filed in {seconds} s, {late} of them more than a second behind the wanted rate")
    thirds = [statistics.mean(part) for part in (memory[:third], memory[third:-third] or memory, memory[-third:])]
    print(f"memory in MB, first, middle and last third: {', '.join(f'{mean:.0f}' for mean in thirds)}")
    grown = {name: count - before[name] for name, count in rows(house).items() if count != before[name]}
    print(f"rows added: {grown}")
    unexpected = {name for name in grown if name not in SHOULD_GROW and abs(grown[name]) > 20}
    print("no other table grew" if not unexpected else f"UNEXPECTED growth of {unexpected}")


def rows(house: ProcessInstallation) -> dict[str, int]:
    with house.installation.runtime.db.read() as session:
        names = inspect(house.installation.runtime.db.engine).get_table_names()
        return {name: session.scalar(select(func.count()).select_from(table(name))) or 0 for name in names}


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def megabytes(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE / 1e6


if __name__ == "__main__":
    main()
