"""How often one visitor may call: moving windows in this process's memory, so each process counts for itself."""

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from slamon.errors import TooMany

# Offices share an address and mail scanners open links several times; neither must be locked out.
FORM_PER_ADDRESS = parse("240/minute")
FORM_PER_TOKEN = parse("40/minute")
SIGN_IN_PER_ADDRESS = parse("20/minute")


class Limits:
    """Counts calls of one application."""

    def __init__(self) -> None:
        self._window = MovingWindowRateLimiter(MemoryStorage())

    def count(self, rule: RateLimitItem, *whose: str) -> None:
        """Note one call. Raises TooMany, naming the seconds to wait, once `rule` is used up for `whose`."""
        if not self._window.hit(rule, *whose):
            # No now() of ours takes part: how long a full window lasts is the longest anybody waits.
            raise TooMany(rule.get_expiry())
