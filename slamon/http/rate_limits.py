"""How often one caller may call: moving windows in this process's memory, so each process counts for itself."""

import math
from collections import defaultdict, deque
from ipaddress import IPv4Address, ip_address, ip_network
from threading import Lock

from slamon.clock import Clock
from slamon.errors import TooMany

_MINUTE = 60.0  # seconds
# Offices share an address and mail scanners open links several times; neither must be locked out. Looking and acting
# are counted apart, so that nothing a scanner reads takes away what its reader may send.
LINK_PER_NETWORK = 240  # a minute, as all of these
LINK_PER_TOKEN = 40
SIGN_IN_PER_NETWORK = 20
ASK_PER_NETWORK = 10


def network_of(host: str) -> str:
    """What one visitor has of the internet: an IPv4 address, or the /64 of an IPv6 one."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host[:64]
    if isinstance(address, IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ip_network((address, 64), strict=False))


class Limits:
    """Counts the calls of one application."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._calls: defaultdict[tuple[str, ...], deque[float]] = defaultdict(deque)  # of the last minute
        self._swept = clock.monotonic()
        self._counting = Lock()

    def count(self, most: int, *whose: str) -> None:
        """Note one call. Raises TooMany beyond `most` in any minute, naming the seconds to wait; it is not counted."""
        now = self._clock.monotonic()
        with self._counting:
            if now - self._swept > _MINUTE:
                self._forget(now)
            calls = self._calls[whose]
            while calls and calls[0] <= now - _MINUTE:
                calls.popleft()
            if len(calls) >= most:
                raise TooMany(math.ceil(calls[0] + _MINUTE - now))
            calls.append(now)

    def _forget(self, now: float) -> None:
        """Strangers come under ever new addresses: those who have not called for a minute are not kept."""
        self._swept = now
        for whose in [whose for whose, calls in self._calls.items() if not calls or calls[-1] <= now - _MINUTE]:
            del self._calls[whose]

    def count_link(self, method: str, network: str, token: str) -> None:
        """Note that somebody opened or used a mailed link. Raises TooMany.

        Uses are counted for the link itself; looks for each network that looks, or a scanner would use them all up.
        """
        if method in ("GET", "HEAD"):
            self.count(LINK_PER_NETWORK, "look", network)
            self.count(LINK_PER_TOKEN, "look", network, token[:64])
        else:
            self.count(LINK_PER_NETWORK, "use", network)
            self.count(LINK_PER_TOKEN, "use", token[:64])
