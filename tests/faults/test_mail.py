"""Faults 27 to 30: what mail servers do to us. Our channel is the real one."""

from pathlib import Path

import pytest
from sqlalchemy import select

from slamon.clock import Clock
from slamon.db.outbox import Attempt
from slamon.services.outbox.outbox import counts, failed
from tests.faults.alerts import at_rest, file_alerts
from tests.faults.installation import FaultyInstallation, open_town, town
from tests.faults.judge import judge
from tests.installation import CONTACT, HEAD, OTHER_CONTACT, PM, open_installation
from tests.scenarios.installation import eventually
from tests.servers.slack_and_mail import closed_port
from workers.embedded import embedded_workers

__all__ = ["town"]


def attempts(town: FaultyInstallation, key: str) -> list[Attempt]:
    with town.installation.runtime.db.read() as session:
        of_it = Attempt.notification_id == town.row(key).id
        return list(session.scalars(select(Attempt).where(of_it).order_by(Attempt.number)))


@pytest.mark.parametrize("server", ["refuses the connection", "has no address", "offers no STARTTLS"])
def test_fault_27_while_no_mail_server_can_be_reached_slack_goes_on_and_mails_wait(
    town: FaultyInstallation, server: str
):
    reachable = town.mailbox.url
    (alert,) = town.fall_due()
    town.mail_by(
        {
            "refuses the connection": f"smtp://127.0.0.1:{closed_port()}?starttls=never",
            "has no address": "smtp://mail.invalid?starttls=never",
            "offers no STARTTLS": f"smtp://127.0.0.1:{town.mailbox.port}?starttls=required",
        }[server]
    )
    for _ in range(5):
        town.later(seconds=20)
    assert alert.told(town) == (1, 0)
    assert 3 <= len(attempts(town, alert.email)) <= 5
    town.mail_by(reachable)
    town.later(minutes=10)
    town.all_told([alert])
    assert "Repeat" not in str(town.mailbox.to(CONTACT)[-1].message["Subject"])


def test_fault_28_a_server_that_greylists_for_a_quarter_of_an_hour_gets_each_mail_once(town: FaultyInstallation):
    (alert,) = town.fall_due()
    town.mailbox.refuse(CONTACT, "451 4.7.1 Greylisted, try again later")
    town.installation.work()
    for _ in range(15):
        town.later(minutes=1)
    assert alert.told(town) == (1, 0)
    tries = attempts(town, alert.email)
    assert 4 <= len(tries) <= 10  # ever more seldom
    town.mailbox.accept(CONTACT)
    town.later(minutes=10)
    town.all_told([alert])
    assert "Repeat" not in str(town.mailbox.to(CONTACT)[-1].message["Subject"])


def test_fault_29_a_server_silent_after_the_data_holds_up_no_other_mail(tmp_path: Path):
    settings = {"heartbeat_seconds": 0.5, "hand_over_seconds": 1, "retry_base_seconds": 0.5, "digest_above": 100}
    with (
        open_installation(f"sqlite:///{tmp_path}/town.db", Clock(), **settings) as installation,
        open_town(tmp_path, installation) as town,
        embedded_workers(installation.runtime),
    ):
        town.mail_by(town.mailbox.url, patience_seconds=5)
        town.mailbox.script(["silent_after_accept"])
        alerts = file_alerts(town, 3)
        eventually(lambda: len(town.mailbox.mails) == 6, within=4, what="all mails, while one is not confirmed")
        eventually(lambda: at_work(town) == 1, within=1, what="the outcome of all others")
        eventually(lambda: at_rest(town), within=30, what="rest")
        judge(town, kills_in_send=1)
        assert len(town.mailbox.mails) == 7  # the one nobody confirmed came again, under the same Message-ID
        assert [alert.told(town)[0] for alert in alerts] == [1, 1, 1]


def at_work(town: FaultyInstallation) -> int:
    with town.installation.runtime.db.read() as session:
        return counts(session)["sending"]


def test_fault_30_of_three_readers_one_is_refused_and_the_others_read_it_once(town: FaultyInstallation):
    town.fall_due(0, others=1)
    town.mailbox.refuse(PM, "550 5.1.1 No such user")
    town.installation.work()
    town.later(hours=1)
    assert [len(told_of_target(town, reader)) for reader in (OTHER_CONTACT, HEAD, PM)] == [1, 1, 0]
    with town.installation.runtime.db.read() as session:
        (dead,) = failed(session)
    assert dead[0].address == PM
    assert dead[0].attempts == 1
    judge(town)


def told_of_target(town: FaultyInstallation, reader: str) -> list[str]:
    return [mail.key for mail in town.mailbox.to(reader) if mail.key and "/target/" in mail.key]
