"""How fast a draft policy is tried on the past: 15,000 requests on SQLite, one core."""

import statistics
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from bench.seed import TARGET, frozen, seed
from slamon.db.base import new_id
from slamon.domain.catalogue import STANDARD
from slamon.domain.timeline import Role
from slamon.services.access.callers import Caller
from slamon.services.directory.bootstrap import default_policies
from slamon.services.policies.policies import PolicyLine
from slamon.services.reports.what_if import Question, what_if
from tests.installation import START, open_installation

REQUESTS = 15_000
ROUNDS = 3


def run() -> None:
    line = default_policies(STANDARD.clocks)[0]
    draft = PolicyLine(id=new_id(), version=1, **line)
    by = Caller("bench", "bench", frozenset({Role.ADMIN}))
    with (
        tempfile.TemporaryDirectory() as folder,
        open_installation(f"sqlite:///{Path(folder)}/what_if.db") as installation,
    ):
        seed(installation, REQUESTS, frozen("lived under", TARGET, line["ladder"]), first=START)
        installation.clock.advance(days=30)
        seconds = []
        for _ in range(ROUNDS):
            began = time.process_time()
            with installation.runtime.read() as tx:
                asked = Question(draft, START, START + timedelta(days=2))
                found = what_if(tx, asked, by=by)
            seconds.append(time.process_time() - began)
            (cmo,) = found.cmos.values()
            assert (found.covered, cmo.appeared) == (REQUESTS, 2 * REQUESTS), found
    print(
        f"what-if over {REQUESTS:,} requests: {statistics.median(seconds):.1f} s of CPU time (wanted: 15)", flush=True
    )
