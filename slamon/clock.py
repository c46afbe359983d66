"""The only place that reads a clock.

Business time decides deadlines; real time stamps sessions, links and attempts. Both are anchored every minute to the
database's clock, on SQLite the host's, and run on monotonic time between: what one host queues, another finds due.
Monotonic time rules waits and heart-beats. The demo runs business time faster and nothing else does.
"""

import time
from datetime import UTC, datetime, timedelta


class Clock:
    """Reads business, real and monotonic time. `speed` is business seconds per real second."""

    def __init__(self, *, speed: float = 1.0, business_start: datetime | None = None) -> None:
        self.speed = speed
        self._real_anchor = (self.host_now(), self.monotonic())
        self._anchor = (business_start or self._real_anchor[0], self._real_anchor[1])

    def host_now(self) -> datetime:
        """What this machine believes the time to be; nothing but `follow` should."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def real_now(self) -> datetime:
        """Real time, aware UTC. It runs on from its anchor: a host's clock that is set does not move it."""
        real, monotonic = self._real_anchor
        return real + timedelta(seconds=self.monotonic() - monotonic)

    def now(self) -> datetime:
        """Business time, aware UTC; it runs on from an anchor of its own."""
        business, monotonic = self._anchor
        return business + timedelta(seconds=(self.monotonic() - monotonic) * self.speed)

    def business_span(self, real_seconds: float) -> timedelta:
        """How far business time moves in so many real seconds."""
        return timedelta(seconds=real_seconds * self.speed)

    def real_time_of(self, business: datetime) -> datetime:
        """When it will be so late; at most a day from now, for a clock that hardly moves."""
        return self.real_now() + timedelta(seconds=min(self.real_seconds_until(business), 86_400))

    def real_seconds_until(self, business: datetime) -> float:
        return (business - self.now()).total_seconds() / self.speed

    def follow(self, reference: datetime) -> timedelta:
        """Anchor real and business time to `reference`, which is now; by how much that is ahead of the host's clock."""
        self._real_anchor = (reference, self.monotonic())
        if self.speed == 1.0:
            self._anchor = self._real_anchor
        return reference - self.host_now()

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)
