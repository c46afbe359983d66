"""The only place that reads a clock.

Business time decides deadlines: anchored every minute to the database's clock, on SQLite the host's, and running on
monotonic time between. Real time stamps sessions, links and attempts; monotonic time rules waits and heart-beats. The
demo runs business time faster and nothing else does.
"""

import time
from datetime import UTC, datetime, timedelta


class Clock:
    """Reads business, real and monotonic time. `speed` is business seconds per real second."""

    def __init__(self, *, speed: float = 1.0, business_start: datetime | None = None) -> None:
        self.speed = speed
        self._anchor = (business_start or self.real_now(), self.monotonic())

    def real_now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def now(self) -> datetime:
        """Business time, aware UTC. It runs on from its anchor: a host's clock that is set does not move it."""
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
        """Anchor business time to `reference`, which is now; returns by how much that is ahead of the host's clock."""
        if self.speed == 1.0:
            self._anchor = (reference, self.monotonic())
        return reference - self.real_now()

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)
