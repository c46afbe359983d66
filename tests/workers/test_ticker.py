"""While Redis is away or silent, the ticker does the work itself; when it is back, the workers do."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis

from slamon.db import schema
from slamon.engine.cycle import tick
from slamon.engine.heartbeat import Watch
from tests.installation import CMO_CHANNEL, CONTACT, LEAD, Installation
from tests.scenarios.installation import eventually
from tests.servers.slack_and_mail import closed_port
from workers.actors import Actors
from workers.broker import build_broker
from workers.dispatchers import FailoverDispatcher, LocalDispatcher
from workers.senders import Senders


@pytest.fixture(params=["nobody listens", "somebody listens and says nothing"])
def away(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "nobody listens":
        yield f"redis://127.0.0.1:{closed_port()}/0"
    else:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            yield f"redis://127.0.0.1:{silent.getsockname()[1]}/0"


@contextmanager
def ticked_over(installation: Installation, redis_url: str) -> Iterator[None]:
    settings = installation.runtime.settings.model_copy(update={"redis_url": redis_url})
    broker = build_broker(settings)
    with Senders(installation.runtime) as senders:
        carrier = FailoverDispatcher(
            Actors(installation.runtime, broker, senders),
            LocalDispatcher(installation.runtime, senders),
            installation.clock,
        )
        tick(installation.runtime, carrier, Watch(8))
        yield
    broker.close()


def test_the_ticker_does_the_work_while_redis_is_away(installation: Installation, away: str):
    installation.file()
    installation.clock.advance(hours=25)
    with ticked_over(installation, away):
        eventually(lambda: len(installation.email.sent_to(CONTACT)) == 2, within=30, what="both mails")
    assert {message.kind for message in installation.email.sent_to(CONTACT)} == {"filed", "target"}


def test_with_redis_there_the_work_is_handed_over(installation: Installation, valkey_url: str):
    installation.file()
    with ticked_over(installation, valkey_url), redis.Redis.from_url(valkey_url) as client:
        assert client.llen(f"dramatiq-{schema.newest_revision()}:work") == 1
        client.flushdb()
    assert not installation.email.sent


def test_a_mail_server_that_hangs_holds_up_no_slack_message(installation: Installation):
    for _ in range(5):
        installation.file()
    installation.clock.advance(hours=49)
    answers = threading.Event()
    installation.email.meanwhile = lambda: answers.wait(20) and None  # type: ignore[func-returns-value]
    with Senders(installation.runtime) as senders:
        here = LocalDispatcher(installation.runtime, senders)
        for _ in range(2):
            tick(installation.runtime, here, Watch(8))
        eventually(lambda: len(installation.slack.sent_to(CMO_CHANNEL)) == 5, within=30, what="the breaches in Slack")
        assert not installation.email.sent
        answers.set()
        eventually(lambda: installation.email.sent_to(LEAD), within=30, what="the mails, once the server answers")


@pytest.mark.parametrize("redis_url", [None, "redis://127.0.0.1:1/0"])
def test_no_broker_ends_a_send_by_its_own_clock(installation: Installation, redis_url: str | None):
    broker = build_broker(installation.runtime.settings.model_copy(update={"redis_url": redis_url}))
    assert not {type(part).__name__ for part in broker.middleware} & {"TimeLimit", "AgeLimit", "Retries"}
    broker.close()
