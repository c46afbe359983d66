"""The only place that reads a clock.

Business time decides deadlines: the host's clock corrected by the database's. Real time stamps sessions, links and
attempts; monotonic time rules waits and heartbeats. The demo runs business time faster and nothing else does.
"""

import time
from datetime import UTC, datetime, timedelta


class Clock:
    """Reads business, real and monotonic time. `speed` is business seconds per real second."""

    def __init__(self, *, speed: float = 1.0, business_start: datetime | None = None) -> None:
        self.speed = speed
        self._real_start = self.real_now()
        self._business_start = business_start or self._real_start
        self._offset = timedelta(0)

    def real_now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def now(self) -> datetime:
        """Business time, aware UTC."""
        if self.speed == 1.0:
            return self.real_now() + self._offset
        return self._business_start + (self.real_now() - self._real_start) * self.speed

    def business_span(self, real_seconds: float) -> timedelta:
        """How far business time moves in so many real seconds."""
        return timedelta(seconds=real_seconds * self.speed)

    def real_seconds_until(self, business: datetime) -> float:
        return (business - self.now()).total_seconds() / self.speed

    def follow(self, reference: datetime) -> timedelta:
        """Correct business time to `reference`, which is now by the database; the correction in force is returned."""
        self._offset = reference - self.real_now()
        return self._offset
