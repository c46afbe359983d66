"""The figures of the whole installation in Prometheus's text format. They name no person, address or request."""

from collections import Counter
from collections.abc import Iterator

from prometheus_client import generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from slamon import __version__
from slamon.engine.health import Health
from slamon.engine.heartbeat import ProcessStatus

TOPICS = ("cycle", "requests", "messages")
COUNTED = {
    "crossings": ("Rungs of the ladder that were passed, as found by this process.", ("level",)),
    "attempts": ("Tries to send a message that have ended, as made by this process.", ("channel", "outcome")),
}


def exposition(health: Health | None, broker: bool | None) -> bytes:
    """All figures; with no look at the database, only that it is away. `broker` is None where there is none."""
    return generate_latest(_Figures(health, broker))


class _Figures:
    """A collector for one scrape."""

    def __init__(self, health: Health | None, broker: bool | None) -> None:
        self._health = health
        self._broker = broker

    def collect(self) -> Iterator[Metric]:
        yield _info()
        yield _gauge("database_up", "Whether the database answers.", self._health is not None)
        if self._broker is not None:
            yield _gauge("broker_up", "Whether Redis answers.", self._broker)
        if self._health is not None:
            yield from _of_installation(self._health)
            yield from _of_processes(self._health.pulses)


def _of_installation(health: Health) -> Iterator[Metric]:
    troubled = {trouble.topic for trouble in health.troubles}
    standing = GaugeMetricFamily("slamon_standing_still", "Whether it stands still.", labels=("what",))
    for topic in TOPICS:
        standing.add_metric((topic,), topic in troubled)
    yield standing
    if health.since_pass is not None:
        age = health.since_pass.total_seconds()
        yield _gauge("cycle_age_seconds", "Since any loop last finished a pass.", age)
    yield _gauge("due_lag_seconds", "How late the oldest due request is.", health.due_lag.total_seconds())
    depth = GaugeMetricFamily("slamon_outbox_messages", "Messages that are not done with.", labels=("state",))
    for state, count in health.messages.items():
        depth.add_metric((state,), count)
    yield depth
    waiting = health.oldest_waiting.total_seconds()
    yield _gauge("outbox_oldest_waiting_seconds", "Age of the oldest message that waits.", waiting)
    yield _gauge("outgoing_stopped", "Whether all outgoing messages are held.", health.is_stopped)


def _of_processes(pulses: tuple[ProcessStatus, ...]) -> Iterator[Metric]:
    kinds = GaugeMetricFamily("slamon_processes", "Processes that beat.", labels=("kind",))
    for kind, count in sorted(Counter(pulse.kind for pulse in pulses if pulse.is_alive).items()):
        kinds.add_metric((kind,), count)
    yield kinds
    passes = GaugeMetricFamily("slamon_pass_seconds", "How long a loop's last pass took.", labels=("process",))
    skew = GaugeMetricFamily("slamon_clock_skew_seconds", "The database's clock less the host's.", labels=("process",))
    for pulse in pulses:
        if pulse.since_pass is not None:
            passes.add_metric((_label(pulse),), pulse.pass_seconds)
        skew.add_metric((_label(pulse),), pulse.clock_skew_seconds)
    yield from (passes, skew)
    for name, (words, labels) in COUNTED.items():
        family = CounterMetricFamily(f"slamon_{name}", words, labels=("process", *labels))
        for pulse in pulses:
            for what, count in pulse.counted.items():
                counted, *values = what.split(".")
                if counted == name:
                    family.add_metric((_label(pulse), *values), count)
        yield family


def _info() -> Metric:
    family = GaugeMetricFamily("slamon_release_info", "The release that answers.", labels=("release",))
    family.add_metric((__version__,), 1)
    return family


def _gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(f"slamon_{name}", words, value=value)


def _label(pulse: ProcessStatus) -> str:
    """A process by its kind and the random end of its id: a new one, and so a new series, after each start."""
    return f"{pulse.kind}-{pulse.id.hex[-8:]}"
