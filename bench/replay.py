"""The request log replayed against the stopwatch: `python -m bench.replay`.

Reading, mapping, judging and counting together, on one core, best of three; the figures are checked each time.
"""

from __future__ import annotations

import time as stopwatch
from pathlib import Path

from slamon.domain.catalogue import STANDARD
from slamon.imports.incidents import replay

LOG = Path(__file__).parent.parent / "tests" / "data" / "incident_events.csv.gz"
ROUNDS = 3
WANTED = 2_000  # requests a second
NET_AFTER_24H = 5_630


def run(rounds: int = ROUNDS) -> dict[str, object]:
    """Return and print requests a second and whether the figures were right."""
    best, right, requests = float("inf"), True, 0
    for _ in range(rounds):
        begun = stopwatch.perf_counter()
        result = replay(LOG, STANDARD.clocks, weekdays_only=False)
        best = min(best, stopwatch.perf_counter() - begun)
        requests = result.requests
        right = right and result.net_answer_after_24h == NET_AFTER_24H
    rate = round(requests / best)
    verdict = "figures as in tests/data/README.md" if right else "WRONG FIGURES"
    print(f"replay: {requests:,} requests in {best:.2f} s, {rate:,} a second (wanted {WANTED:,}); {verdict}")
    return {
        "requests": requests,
        "seconds": round(best, 3),
        "requests_per_second": rate,
        "wanted": WANTED,
        "figures_right": right,
    }


if __name__ == "__main__":
    run()
