"""While Redis is away or silent, the ticker does the work itself; when it is back, the workers do."""

import socket
from collections.abc import Iterator

import pytest
import redis

from slamon.db import schema
from slamon.engine.cycle import tick
from slamon.engine.heartbeat import Watch
from tests.servers import closed_port
from tests.world import CONTACT, World
from workers.actors import Actors
from workers.broker import build_broker
from workers.ticker import OrInline


@pytest.fixture(params=["nobody listens", "somebody listens and says nothing"])
def away(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "nobody listens":
        yield f"redis://127.0.0.1:{closed_port()}/0"
    else:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            yield f"redis://127.0.0.1:{silent.getsockname()[1]}/0"


def tick_over(world: World, redis_url: str) -> None:
    settings = world.runtime.settings.model_copy(update={"redis_url": redis_url})
    broker = build_broker(settings)
    carrier = OrInline(Actors(world.runtime, broker), world.runtime)
    for _ in range(2):
        tick(world.runtime, carrier, Watch(8))
    broker.close()


def test_the_ticker_does_the_work_while_redis_is_away(world: World, away: str):
    world.file()
    world.clock.advance(hours=25)
    tick_over(world, away)
    assert [message.kind for message in world.email.sent_to(CONTACT)] == ["filed", "target"]


def test_with_redis_there_the_work_is_handed_over(world: World, valkey_url: str):
    world.file()
    tick_over(world, valkey_url)
    assert not world.email.sent
    with redis.Redis.from_url(valkey_url) as client:
        assert client.llen(f"dramatiq-{schema.newest_revision()}:deliver") == 1
        client.flushdb()


@pytest.mark.parametrize("redis_url", [None, "redis://127.0.0.1:1/0"])
def test_no_broker_ends_a_send_by_its_own_clock(world: World, redis_url: str | None):
    broker = build_broker(world.runtime.settings.model_copy(update={"redis_url": redis_url}))
    assert not {type(part).__name__ for part in broker.middleware} & {"TimeLimit", "AgeLimit", "Retries"}
    broker.close()
