"""One pass of the cycle with 100 due requests, over 10,000 and over 1,000,000 open ones, on both databases.

python -m bench.million [--open 1000000] [--rounds 9]
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.seed import seed_open_requests
from slamon.channels.registry import SHIPPED
from slamon.db import claims
from slamon.engine import cycle
from slamon.runtime import configure_logging
from tests.installation import NOBODY, Installation, open_world
from tests.servers.postgres import create_database, running_postgres
from tests.servers.process import open_directory

DUE = 100
LIMIT_RATIO = 2.0


def one_pass(world: Installation) -> float:
    """Seconds to hand out, decide and commit exactly 100 due requests."""
    world.clock.advance(seconds=DUE)
    now, real_now = world.clock.now(), world.clock.real_now()
    began = time.perf_counter()
    with world.runtime.db.write() as session:
        ids = claims.hand_out_requests(session, now=now, again_at=real_now, most=cycle.REQUESTS_IN_HAND)
    cycle.check_requests(world.runtime, NOBODY, ids)
    spent = time.perf_counter() - began
    assert len(ids) == DUE, f"{len(ids)} were due"
    return spent


def idle_pass(world: Installation) -> float:
    """Seconds of a pass that finds nothing."""
    began = time.perf_counter()
    with world.runtime.db.look_up() as connection:
        claims.next_due(connection, SHIPPED.names)
    return time.perf_counter() - began


def run(open_requests: int, rounds: int) -> dict[str, float]:
    """Median milliseconds and the ratio large to small, for each database; rounds are interleaved."""
    figures: dict[str, float] = {}
    for database, opened in (("PostgreSQL", _postgres_worlds), ("SQLite", _sqlite_worlds)):
        with opened() as (small, large):
            for world, count in ((small, 10_000), (large, open_requests)):
                began = time.perf_counter()
                seed_open_requests(world, count)
                print(f"{database}: {count:,} open requests seeded in {time.perf_counter() - began:.0f} s", flush=True)
            for name, measure in (("pass", one_pass), ("idle", idle_pass)):
                figures |= _compare(f"{database} {name}", measure, small, large, rounds)
    return figures


def _compare(
    name: str, measure: Callable[[Installation], float], small: Installation, large: Installation, rounds: int
) -> dict[str, float]:
    measure(small), measure(large)  # warm
    times = [(measure(small), measure(large)) for _ in range(rounds)]
    low, high = (statistics.median(column) * 1000 for column in zip(*times, strict=True))
    print(f"{name}: {low:.2f} ms at 10,000, {high:.2f} ms at the large table, ratio {high / low:.2f}", flush=True)
    return {f"{name} small ms": low, f"{name} large ms": high, f"{name} ratio": high / low}


@contextmanager
def _postgres_worlds() -> Iterator[tuple[Installation, Installation]]:
    with ExitStack() as stack:
        server = stack.enter_context(running_postgres(stack.enter_context(open_directory()), durable=True))
        small, large = (stack.enter_context(open_world(create_database(server, name))) for name in ("small", "large"))
        yield small, large


@contextmanager
def _sqlite_worlds() -> Iterator[tuple[Installation, Installation]]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        small, large = (stack.enter_context(open_world(f"sqlite:///{folder}/{name}.db")) for name in ("small", "large"))
        yield small, large


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--open", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    configure_logging("error")
    figures = run(arguments.open, arguments.rounds)
    for database in ("PostgreSQL", "SQLite"):
        ratio = figures[f"{database} pass ratio"]
        print(f"{database}: {'within' if ratio <= LIMIT_RATIO else 'ABOVE'} the limit of {LIMIT_RATIO} ({ratio:.2f})")


if __name__ == "__main__":
    main()
