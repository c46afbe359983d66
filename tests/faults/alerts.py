"""Requests that fall due when a test says so, each telling the lead in Slack and the contact by mail."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import func, select

from slamon.db.outbox import Notification, NotificationState
from slamon.db.policies import Policy
from slamon.db.requests import CmoRequest
from slamon.domain.lifecycle import RequestType
from slamon.domain.timeline import SYSTEM
from slamon.services.directory.records import create
from slamon.services.outbox.message_keys import about_crossing
from slamon.services.requests.filing import Filing, log_request
from tests.faults.judge import judge, keys
from tests.installation import CMO_CHANNEL, Installation
from tests.scenarios.installation import ProcessInstallation, eventually

TARGET = timedelta(hours=1)
UNDER_WAY = (NotificationState.QUEUED, NotificationState.UNKNOWN, NotificationState.SENDING)


@dataclass(frozen=True)
class Alert:
    """A request, when its only step is passed, and the keys of the two messages that say so."""

    number: str
    due_at: datetime
    slack: str
    email: str

    def told(self, house: ProcessInstallation) -> tuple[int, int]:
        """How often each of them arrived."""
        arrived = keys(house)
        return arrived.count(self.slack), arrived.count(self.email)


def alert_policy(installation: Installation) -> None:
    """The policy of the first CMO from now on: one clock, one step."""
    to = [{"channel": "slack", "role": "lead"}, {"channel": "email", "role": "cmo_contact"}]
    now = installation.clock.now()
    values = {
        "name": "Alert",
        "cmo_id": installation.cast.cmo,
        "clocks": {"acknowledgement": {"target": "PT1H", "limit": "PT48H", "mode": "elapsed"}},
        "ladder": [{"level": "target", "anchor": "target", "to": to}],
        "effective_from": now - timedelta(days=1),
    }
    with installation.runtime.write() as tx:
        create(tx, Policy, values, by=SYSTEM)


def file_alerts(
    house: ProcessInstallation, count: int = 1, *, in_seconds: float = 0, apart_seconds: float = 0
) -> list[Alert]:
    """File requests that fall due `in_seconds` and then one after the other, and wait for nothing."""
    installation, by = house.installation, house.installation.caller(house.installation.cast.pm)
    alerts, first = [], installation.clock.now() + timedelta(seconds=in_seconds) - TARGET
    with installation.runtime.write() as opened:
        for place in range(count):
            tx = replace(opened, business_now=first + timedelta(seconds=place * apart_seconds))
            filed = log_request(
                tx, Filing(RequestType.INQUIRY, installation.cast.project, installation.cast.site, "alert"), by=by
            )
            due_at = filed.clocks[0]["target_at"]
            key = f"{filed.number}/target/{about_crossing(['acknowledgement'], due_at)}"
            slack, email = f"{key}/slack/{CMO_CHANNEL}", f"{key}/email/{installation.cast.contact}"
            alerts.append(Alert(filed.number, due_at, slack, email))
    return alerts


def all_told(
    house: ProcessInstallation, alerts: Sequence[Alert], *, within: float = 15, kills_in_send: int = 0
) -> None:
    """Wait until each alert has arrived and nothing is under way, then ask the judge."""
    wanted = {key for alert in alerts for key in (alert.slack, alert.email)}
    eventually(lambda: wanted <= set(keys(house)), within=within, what="every alert")
    eventually(lambda: at_rest(house), within=within, what="rest")
    judge(house, kills_in_send=kills_in_send)


def being_sent(house: ProcessInstallation) -> set[str]:
    """The keys of the messages that somebody has said he is sending."""
    with house.installation.runtime.db.read() as session:
        sending = Notification.state == NotificationState.SENDING
        return set(session.scalars(select(Notification.dedupe_key).where(sending)))


def at_rest(house: ProcessInstallation) -> bool:
    """Whether nothing is due and no message is under way."""
    with house.installation.runtime.db.read() as session:
        now = house.installation.clock.now()
        due = select(func.count()).select_from(CmoRequest).where(CmoRequest.next_check_at < now)
        moving = select(func.count()).select_from(Notification).where(Notification.state.in_(UNDER_WAY))
        return not session.scalar(due) and not session.scalar(moving)
