"""The demo's settings: its own throughout, but for the visitor's Slack and SMTP settings where there are any."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from sqlite3 import Connection
from typing import Any

from pydantic import SecretStr, ValidationError
from sqlalchemy import event

from slamon.clock import Clock
from slamon.config import Settings
from slamon.demo.cast import SPONSOR, SPONSOR_ZONE
from slamon.errors import SlamonError
from slamon.runtime import Runtime, build_runtime

# What may come from the visitor's environment or .env file; all else there is for their real installation.
VISITORS_MAIL = ("smtp_url", "mail_from", "smtp_timeout_seconds")
VISITORS_SLACK = ("slack_token", "slack_base_url", "slack_timeout_seconds")
VISITORS = frozenset({*VISITORS_MAIL, *VISITORS_SLACK, "redirect_all_to"})
SENDER = "Meridian Bio (demo) <requests@meridian-bio.example>"
PLAY_SECRET = "demo-only-" * 4


@dataclass(frozen=True, slots=True)
class Carriers:
    """Where the demo's own mail and Slack servers listen."""

    smtp_url: str
    slack_base_url: str
    slack_token: str


@dataclass(frozen=True, slots=True)
class DemoSettings:
    """`own` sends everything to the demo's own servers, `live` to the visitor's where they gave some."""

    own: Settings
    live: Settings
    sends_mail_out: bool
    sends_slack_out: bool


def demo_settings(directory: str, base_url: str, carriers: Carriers) -> DemoSettings:
    """Raises SlamonError naming a Slack or SMTP setting that cannot be read."""
    fixed: dict[str, Any] = {
        **{name: field.default for name, field in Settings.model_fields.items() if name not in VISITORS},
        "database_url": f"sqlite:///{directory}/demo.db",
        "base_url": base_url,
        "secret_key": SecretStr(PLAY_SECRET),
        "sponsor_name": SPONSOR,
        "sponsor_time_zone": SPONSOR_ZONE,
        "log_level": "warning",
    }
    try:
        given = Settings(**fixed)
    except ValidationError as error:
        named = ", ".join(f"SLAMON_{'_'.join(map(str, each['loc'])).upper()}: {each['msg']}" for each in error.errors())
        raise SlamonError(f"The demo takes Slack and SMTP settings from your environment. {named}") from None
    mail, slack = _is_given(given.smtp_url), _is_given(given.slack_token)
    own_mail = {"smtp_url": SecretStr(carriers.smtp_url), "mail_from": SENDER}
    own_slack = {"slack_token": SecretStr(carriers.slack_token), "slack_base_url": carriers.slack_base_url}
    own = given.model_copy(update={**own_mail, **own_slack, "redirect_all_to": None})
    live = given.model_copy(
        update={
            **({} if mail else own_mail),
            **({} if slack else own_slack),
            "redirect_all_to": given.redirect_all_to if mail else None,
        }
    )
    return DemoSettings(own, live, sends_mail_out=mail, sends_slack_out=slack)


@contextmanager
def open_runtime(settings: Settings, clock: Clock) -> Iterator[Runtime]:
    """A runtime on the demo's throw-away database, which need not survive a power cut."""
    try:
        runtime = build_runtime(settings, clock)
    except ValueError as error:
        raise SlamonError(f"The demo cannot use your mail settings. {error}") from error

    @event.listens_for(runtime.db.engine, "connect")
    def _hurry(connection: Connection, _record: object) -> None:
        connection.execute("PRAGMA synchronous=OFF")

    try:
        yield runtime
    finally:
        runtime.close()


def _is_given(secret: SecretStr | None) -> bool:
    return secret is not None and bool(secret.get_secret_value())
