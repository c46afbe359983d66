"""What the cycle, lists, pages and previews cost over 10,000 and over 1,000,000 open requests, on both databases.

python -m bench.million [--open 1000000] [--rounds 9] [--database SQLite]
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from bench.seed import seed_open_requests
from slamon.channels.registry import SHIPPED
from slamon.db import claims
from slamon.engine import cycle
from slamon.runtime import configure_logging
from tests.callers import Api
from tests.installation import NOBODY, Installation, open_installation
from tests.pages import Site
from tests.servers.postgres import create_database, running_postgres
from tests.servers.process import open_directory

DUE = 100
SMALL = 10_000
DATA_EVERY = 10  # requests, of which one asks for data
LIMIT_RATIO = 2.0
TIGHTER = {"answer": {"target": "PT2H", "limit": "PT4H", "mode": "calendar"}}


def one_pass(installation: Installation) -> float:
    """Seconds to lease, decide and commit exactly 100 due requests."""
    installation.clock.advance(seconds=DUE)
    now, real_now = installation.clock.now(), installation.clock.real_now()
    began = time.perf_counter()
    with installation.runtime.db.write() as session:
        ids = claims.lease_requests(session, now=now, again_at=real_now, most=cycle.REQUESTS_IN_HAND)
    cycle.check_requests(installation.runtime, NOBODY, ids)
    spent = time.perf_counter() - began
    assert len(ids) == DUE, f"{len(ids)} were due"
    return spent


def idle_pass(installation: Installation) -> float:
    """Seconds of a pass that finds nothing."""
    began = time.perf_counter()
    with installation.runtime.db.look_up() as connection:
        claims.next_due(connection, SHIPPED.names)
    return time.perf_counter() - began


class Reader:
    """Somebody who reads an installation through HTTP, without a network: by the API and by the pages."""

    def __init__(self, installation: Installation) -> None:
        api, site = Api(installation), Site(installation)
        self.api, self.pages, self.installation = api.lead, site.staff(installation.cast.lead), installation
        line = {"name": "Tighter", "site_id": str(installation.cast.site), "clocks": TIGHTER, "ladder": []}
        policy = api.admin.post("/v1/policies", json=line).json()["id"]
        day = installation.clock.now().date()
        shut = {"first_day": str(day), "last_day": str(day), "name": "Carnival", "announced_by": "By phone"}
        shutdown = api.lead.post(f"/v1/sites/{installation.cast.site}/shutdowns", json=shut).json()["id"]
        first = self.get("/v1/requests?limit=50").json()
        request = first["items"][0]["id"]
        cast = installation.cast
        self.addresses = {
            "list, first page": "/v1/requests?limit=50",
            "list, next page": f"/v1/requests?limit=50&cursor={first['next_cursor']}",
            "list by the day of filing": "/v1/requests?limit=50&sort=filed",
            **{
                f"list that fits nothing, by {each.partition('=')[0]}": f"/v1/requests?{each}"
                for each in (
                    "type=shipment", "state=acknowledged", "priority=critical", f"cmo_id={cast.other_cmo}",
                    f"site_id={cast.second_site}", f"project_id={cast.other_project}",
                )
            },
            "request": f"/v1/requests/{request}",
            "board": "/requests",
            "page of a request": f"/requests/{request}",
            "status page": "/status",
            "owed": "/v1/owed",
            "page of what is owed": "/owed",
            "page of a shutdown": f"/shutdowns/{shutdown}",
            "preview of a policy": f"/v1/policies/{policy}/preview",
            "preview of a calendar": f"/v1/calendars/{cast.calendar}/preview",
            "preview of a shutdown": f"/v1/shutdowns/{shutdown}/preview",
        }  # fmt: skip

    def get(self, address: str) -> Any:
        answer = (self.api if address.startswith("/v1/") else self.pages).get(address)
        assert answer.status_code == 200, answer.text
        return answer

    def timed(self, name: str) -> float:
        """Seconds that this address takes."""
        began = time.perf_counter()
        self.get(self.addresses[name])
        return time.perf_counter() - began


def run(open_requests: int, rounds: int, databases: Sequence[str]) -> dict[str, float]:
    """Median milliseconds and the ratio large to small, for each database; rounds are interleaved."""
    figures: dict[str, float] = {}
    for database in databases:
        with WORLDS[database]() as (small, large):
            for installation, count in ((small, SMALL), (large, open_requests)):
                began = time.perf_counter()
                seed_open_requests(installation, count, data_every=DATA_EVERY)
                print(f"{database}: {count:,} open requests seeded in {time.perf_counter() - began:.0f} s", flush=True)
            for name, measure in (("pass", one_pass), ("idle", idle_pass)):
                figures |= _compare(f"{database} {name}", partial(measure, small), partial(measure, large), rounds)
            readers = Reader(small), Reader(large)
            for name in readers[0].addresses:
                few, many = (partial(reader.timed, name) for reader in readers)
                figures |= _compare(f"{database} {name}", few, many, rounds)
    return figures


def _compare(name: str, few: Callable[[], float], many: Callable[[], float], rounds: int) -> dict[str, float]:
    few(), many()  # warm
    times = [(few(), many()) for _ in range(rounds)]
    low, high = (statistics.median(column) * 1000 for column in zip(*times, strict=True))
    print(f"{name}: {low:.2f} ms at {SMALL:,}, {high:.2f} ms at the large table, ratio {high / low:.2f}", flush=True)
    return {f"{name} small ms": low, f"{name} large ms": high, f"{name} ratio": high / low}


@contextmanager
def _postgres_installations() -> Iterator[tuple[Installation, Installation]]:
    with ExitStack() as stack:
        server = stack.enter_context(running_postgres(stack.enter_context(open_directory()), durable=True))
        small, large = (
            stack.enter_context(open_installation(create_database(server, name))) for name in ("small", "large")
        )
        yield small, large


@contextmanager
def _sqlite_installations() -> Iterator[tuple[Installation, Installation]]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        small, large = (
            stack.enter_context(open_installation(f"sqlite:///{folder}/{name}.db")) for name in ("small", "large")
        )
        yield small, large


WORLDS = {"PostgreSQL": _postgres_installations, "SQLite": _sqlite_installations}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--open", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--database", choices=WORLDS, nargs="*", default=list(WORLDS))
    arguments = parser.parse_args()
    configure_logging("error")
    figures = run(arguments.open, arguments.rounds, arguments.database)
    ratios = {name.removesuffix(" ratio"): figure for name, figure in figures.items() if name.endswith(" ratio")}
    above = [f"{name} ({ratio:.2f})" for name, ratio in ratios.items() if ratio > LIMIT_RATIO]
    print(f"{len(ratios) - len(above)} of {len(ratios)} within the limit of {LIMIT_RATIO}; above: {', '.join(above)}")


if __name__ == "__main__":
    main()
