"""How often one visitor may call: moving windows in this process's memory, so each process counts for itself."""

from ipaddress import IPv4Address, ip_address, ip_network

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from slamon.errors import TooMany

# Offices share an address and mail scanners open links several times; neither must be locked out. Looking and acting
# are counted apart, so that nothing a scanner reads takes away what its reader may send.
LINK_PER_NETWORK = parse("240/minute")
LINK_PER_TOKEN = parse("40/minute")
SIGN_IN_PER_NETWORK = parse("20/minute")
ASK_PER_NETWORK = parse("10/minute")


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
    """Counts calls of one application."""

    def __init__(self) -> None:
        self._window = MovingWindowRateLimiter(MemoryStorage())

    def count(self, rule: RateLimitItem, *whose: str) -> None:
        """Note one call. Raises TooMany, naming the seconds to wait, once `rule` is used up for `whose`."""
        if not self._window.hit(rule, *whose):
            # No now() of ours takes part: how long a full window lasts is the longest anybody waits.
            raise TooMany(rule.get_expiry())

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
