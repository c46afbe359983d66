"""An installation in this process whose clock stands still, joined by its real channels to a Slack and a mail server
that misbehave when told to."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select

from slamon.channels.email import EmailChannel
from slamon.channels.slack import SlackChannel
from slamon.db.outbox import Notification
from slamon.db.parties import Organization
from slamon.db.policies import Policy
from slamon.domain.timeline import SYSTEM
from slamon.runtime import configure_logging
from slamon.services.directory.records import create
from slamon.services.outbox.addresses import keep_address
from tests.faults.alerts import Alert, alert_policy, file_alerts
from tests.faults.judge import judge
from tests.installation import Installation, open_installation
from tests.scenarios.installation import ProcessInstallation
from tests.servers.slack_and_mail import TOKEN, running_mailbox, running_slack

PATIENCE_SECONDS = 0.3  # of both channels with a far side that says nothing
OTHER_CHANNEL = "C0OTHER"


@dataclass
class FaultyInstallation(ProcessInstallation):
    """A house without processes: its work is done when it is told to."""

    slack_url: str = ""

    def post_with(self, token: str) -> None:
        """Speak to Slack with this token from now on, as after a change of the settings."""
        channel = SlackChannel(token, self.slack_url, PATIENCE_SECONDS, clock=self.installation.clock)
        self.installation.runtime.channels["slack"] = channel

    def mail_by(self, url: str, *, patience_seconds: float = PATIENCE_SECONDS) -> None:
        """Send mails by this server from now on, as after a change of the settings."""
        self.installation.runtime.channels["email"] = EmailChannel(
            url,
            "Auriga Bio <requests@auriga.example>",
            clock=self.installation.clock,
            answer_timeout_seconds=patience_seconds,
        )

    def fall_due(self, count: int = 1, *, others: int = 0) -> list[Alert]:
        """Alerts that are due and nobody has looked at yet, as are `others`, of the other CMO and in its channel."""
        alerts = file_alerts(self, count, in_seconds=60)
        for _ in range(others):
            self.installation.file(site_id=self.installation.cast.other_site)
        self.installation.work()  # the notices of their filing
        self.installation.clock.advance(seconds=62)
        return alerts

    def later(self, **span: float) -> None:
        self.installation.clock.advance_real(**span)
        self.installation.work()

    def row(self, key: str) -> Notification:
        with self.installation.runtime.db.read() as session:
            return session.scalars(select(Notification).where(Notification.dedupe_key == key)).one()

    def all_told(self, alerts: list[Alert]) -> None:
        """Each came once by both ways, and the judge agrees."""
        assert [alert.told(self) for alert in alerts] == [(1, 1)] * len(alerts)
        judge(self)


@contextmanager
def open_town(folder: Path, installation: Installation) -> Iterator[FaultyInstallation]:
    configure_logging("error")
    clock = installation.clock
    with running_slack(clock.real_now) as (slack, slack_url), running_mailbox(clock.real_now) as mailbox:
        found = FaultyInstallation(installation, "", slack, mailbox, {}, folder, slack_url=slack_url)
        found.post_with(TOKEN)
        found.mail_by(mailbox.url)
        alert_policy(installation)
        give_other_cmo_a_channel(installation)
        yield found


@pytest.fixture
def town(tmp_path: Path) -> Iterator[FaultyInstallation]:
    with open_installation(f"sqlite:///{tmp_path}/town.db") as installation, open_town(tmp_path, installation) as found:
        yield found


def give_other_cmo_a_channel(installation: Installation) -> None:
    """Its requests tell its lead there after a minute, and three readers by mail."""
    now, cmo = installation.clock.now(), installation.cast.other_cmo
    to = [{"channel": "email", "role": role} for role in ("project_manager", "cmo_contact", "head")]
    to.append({"channel": "slack", "role": "lead"})
    values = {
        "name": "Other alert",
        "cmo_id": cmo,
        "clocks": {"acknowledgement": {"target": "PT60S", "limit": "PT48H", "mode": "elapsed"}},
        "ladder": [{"level": "target", "anchor": "target", "to": to}],
        "effective_from": now,
    }
    with installation.runtime.write() as tx:
        keep_address(tx.session, tx.session.get_one(Organization, cmo), "slack", OTHER_CHANNEL)
        create(tx, Policy, values, by=SYSTEM)
