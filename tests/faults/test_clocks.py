"""Fault 31: a host's clock is wrong, or is set while everything runs. The time of day is the database's, and lengths
are monotonic time."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from slamon.cli.main import app
from slamon.clock import Clock
from slamon.db.outbox import Notification, NotificationState
from slamon.db.policies import Policy
from slamon.db.requests import CrossingRow
from slamon.domain.timeline import SYSTEM
from slamon.engine import heartbeat
from slamon.engine.cycle import InlineDispatcher, tick
from slamon.engine.heartbeat import NOW_AND_THEN_BEATS, Watch
from slamon.runtime import Runtime
from slamon.services.directory.records import create
from slamon.services.outbox.message_keys import about_crossing
from tests.faults.alerts import Alert, file_alerts
from tests.faults.installation import FaultyInstallation, open_town
from tests.faults.judge import judge
from tests.installation import CMO_CHANNEL, Installation, ManualClock, open_installation
from tests.scenarios.installation import eventually

HOUR, TEN_MINUTES = timedelta(hours=1), timedelta(minutes=10)


class WrongClock(Clock):
    """The clock of a host that is set wrong, and may be set anew while it runs."""

    def __init__(self, ahead: timedelta) -> None:
        self.ahead = ahead
        super().__init__()

    def host_now(self) -> datetime:
        return super().host_now() + self.ahead


def started(installation: Installation, clock: Clock, kind: str) -> Installation:
    """The same installation on another host, where a process of this kind has begun to beat."""
    runtime = replace(installation.runtime, clock=clock, process_id=uuid4())
    heartbeat.beat(runtime, kind, 0)
    return Installation(runtime, clock, installation.slack, installation.email, installation.cast)


def pass_until_told(town: FaultyInstallation, ticker: Runtime, worker: Runtime, alert: Alert) -> None:
    """Let one host find what is due and the other do it."""
    watch = Watch(8)

    def told() -> bool:
        tick(ticker, InlineDispatcher(worker), watch)
        return alert.told(town) == (1, 1)

    eventually(told, within=30, what="the alert")


def pass_in_vain(runtime: Runtime) -> None:
    """Nothing is due, however often one looks."""
    for _ in range(3):
        tick(runtime, InlineDispatcher(runtime), Watch(8))


@pytest.fixture
def town(postgres_url: str, tmp_path: Path) -> Iterator[FaultyInstallation]:
    with open_installation(postgres_url, Clock()) as installation, open_town(tmp_path, installation) as found:
        yield found


@pytest.mark.parametrize("ahead", [TEN_MINUTES, -TEN_MINUTES])
def test_fault_31_hosts_ten_minutes_apart_agree_on_what_is_due(town: FaultyInstallation, ahead: timedelta):
    """The API and the workers run where the clock is wrong; the ticker and the database where it is right."""
    wrong = started(town.installation, WrongClock(ahead), "worker")
    ticker = started(town.installation, Clock(), "ticker")
    (alert,) = file_alerts(replace(town, installation=wrong))
    pass_until_told(town, ticker.runtime, wrong.runtime, alert)
    pass_in_vain(ticker.runtime)
    judge(town)


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_fault_31_a_hosts_clock_is_set_by_an_hour_and_the_deadlines_stay(town: FaultyInstallation, jump: timedelta):
    clock = WrongClock(timedelta(0))
    host = started(town.installation, clock, "worker").runtime
    told, due, later = file_alerts(town, 3, apart_seconds=1)
    pass_until_told(town, host, host, told)
    clock.ahead = jump
    pass_until_told(town, host, host, due)  # between two looks at the database's clock
    heartbeat.beat(host, "worker", NOW_AND_THEN_BEATS)
    assert abs(host.vitals.clock_skew_seconds + jump.total_seconds()) < 5
    pass_until_told(town, host, host, later)
    pass_in_vain(host)
    judge(town)


def test_fault_31_on_sqlite_the_hosts_clock_is_the_only_one_and_nothing_fires_twice(tmp_path: Path):
    clock = WrongClock(timedelta(0))
    with (
        open_installation(f"sqlite:///{tmp_path}/town.db", clock) as installation,
        open_town(tmp_path, installation) as town,
    ):
        (alert,) = file_alerts(town, in_seconds=1800)
        for ahead in (timedelta(0), HOUR, timedelta(0), HOUR):
            clock.ahead = ahead
            heartbeat.beat(installation.runtime, "embedded", NOW_AND_THEN_BEATS)
            installation.work()
        assert alert.told(town) == (1, 1)
        judge(town)


def test_fault_31_a_jump_between_two_heart_beats_declares_nobody_dead(town: FaultyInstallation):
    clock = WrongClock(timedelta(0))
    sender, ticker = started(town.installation, clock, "worker"), started(town.installation, clock, "ticker")
    (alert,) = file_alerts(town)
    pass_until_told(town, ticker.runtime, sender.runtime, alert)
    with town.installation.runtime.db.write() as session:
        row = session.get_one(Notification, town.row(alert.slack).id)
        row.state, row.taken_by = NotificationState.SENDING.value, sender.runtime.process_id
    watch = Watch(8)
    for ahead in (timedelta(0), HOUR, -HOUR):
        clock.ahead = ahead
        heartbeat.follow_database(ticker.runtime)
        watch.release_dead(ticker.runtime)
        assert town.row(alert.slack).state == NotificationState.SENDING


@pytest.mark.parametrize(
    ("friday", "nine_on_monday"),
    [
        (datetime(2026, 3, 27, 16, tzinfo=UTC), datetime(2026, 3, 30, 7, tzinfo=UTC)),
        (datetime(2026, 10, 23, 15, tzinfo=UTC), datetime(2026, 10, 26, 8, tzinfo=UTC)),
    ],
)
def test_fault_31_over_the_weekend_of_a_clock_change_a_working_hour_stays_one(
    tmp_path: Path, friday: datetime, nine_on_monday: datetime
):
    """A request filed at five on Friday, to be answered within two working hours; the site opens from eight to six."""
    with (
        open_installation(f"sqlite:///{tmp_path}/town.db", ManualClock(friday)) as installation,
        open_town(tmp_path, installation) as town,
    ):
        working_hours_policy(installation)
        request = installation.file(site_id=installation.cast.site)
        for _ in range(4 * 24):
            installation.clock.advance(hours=1)
            installation.work()
        with installation.runtime.db.read() as session:
            (crossing,) = session.scalars(select(CrossingRow).where(CrossingRow.level == "target"))
        assert crossing.crossed_at == nine_on_monday
        about = about_crossing(["acknowledgement"], nine_on_monday)
        assert [post.key for post in town.slack.posts] == [f"{request.number}/target/{about}/slack/{CMO_CHANNEL}"]
        judge(town)


def working_hours_policy(installation: Installation) -> None:
    now = installation.clock.now()
    values = {
        "name": "Two working hours",
        "cmo_id": installation.cast.cmo,
        "site_id": installation.cast.site,
        "clocks": {"acknowledgement": {"target": "PT2H", "limit": "PT48H", "mode": "calendar"}},
        "ladder": [{"level": "target", "anchor": "target", "to": [{"channel": "slack", "role": "lead"}]}],
        "effective_from": now,
    }
    with installation.runtime.write() as tx:
        create(tx, Policy, values, by=SYSTEM)


def test_fault_31_the_skew_is_shown_and_the_process_is_not_taken_for_dead(
    town: FaultyInstallation, postgres_url: str, monkeypatch: pytest.MonkeyPatch
):
    started(town.installation, WrongClock(-TEN_MINUTES), "worker")
    monkeypatch.setenv("SLAMON_DATABASE_URL", postgres_url)
    shown = json.loads(CliRunner().invoke(app, ["status", "--json"]).stdout)
    (process,) = shown["processes"]
    assert process["alive"]
    assert abs(process["clock_skew_seconds"] - 600) < 5
    assert CliRunner().invoke(app, ["alive", "worker"]).exit_code == 0
