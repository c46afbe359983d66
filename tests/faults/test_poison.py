"""Fault 34: a request, or a message, that kills whoever touches it. It is set aside, and the others go on."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import select

from slamon.db.outbox import Notification, NotificationState
from slamon.engine.cycle import MOST_CHECKS
from slamon.engine.deliver import BROKEN_ATTEMPTS
from tests.faults.alerts import Alert, alert_policy, file_alerts
from tests.faults.test_processes import SMALL, WORKER
from tests.scenarios.installation import ProcessInstallation, eventually, running_house

pytestmark = pytest.mark.slow
ONE, MANY = "one process, SQLite", "several, PostgreSQL and Redis"


@pytest.fixture(params=[ONE, MANY])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ProcessInstallation]:
    if request.param == ONE:
        database, redis_url = f"sqlite:///{tmp_path}/house.db", None
    else:
        database, redis_url = request.getfixturevalue("postgres_url"), request.getfixturevalue("valkey_url")
    processes = {"ticker": ("slamon", "ticker"), "worker": WORKER}
    with running_house(tmp_path, database, redis_url, processes=processes, **SMALL) as running:
        alert_policy(running.installation)
        yield running


def deaths(house: ProcessInstallation, point: str, done: Callable[[], bool]) -> int:
    """How often the worker dies at that point, always started again, until all is done."""
    name = next(name for name in house.processes if name in ("serve", "worker"))
    house.restart(name, crash_at=point)
    times = 0

    def look() -> bool:
        nonlocal times
        if house.processes[name].poll() is not None:
            times += 1
            house.restart(name, crash_at=point)
        return done()

    eventually(look, within=180, what="an end of the dying")
    return times


def told(house: ProcessInstallation, alerts: Sequence[Alert]) -> bool:
    return all(min(alert.told(house)) for alert in alerts)


def test_fault_34_a_request_that_kills_whoever_checks_it_is_set_aside(house: ProcessInstallation):
    alerts = file_alerts(house, 6, in_seconds=5)
    poison, others = alerts[2], [*alerts[:2], *alerts[3:]]

    def done() -> bool:
        return "request_set_aside" in house.logs() and told(house, others)

    assert deaths(house, f"in_check:{poison.number}", done) <= MOST_CHECKS + 2
    assert poison.told(house) == (0, 0)


def test_fault_34_a_message_that_kills_whoever_sends_it_becomes_a_dead_letter(house: ProcessInstallation):
    alerts = file_alerts(house, 6, in_seconds=5)
    poison, others = alerts[2], [*alerts[:2], *alerts[3:]]

    def state() -> str:
        with house.installation.runtime.db.read() as session:
            row = session.scalars(select(Notification).where(Notification.dedupe_key == poison.slack)).one_or_none()
            return row.state if row else "not yet"

    def done() -> bool:
        return state() == NotificationState.FAILED and told(house, others) and poison.told(house)[1] > 0

    assert deaths(house, f"after_intent:{poison.slack}", done) == BROKEN_ATTEMPTS
    assert poison.told(house)[0] == 0
