"""The channels that slamon ships, and the ones of a process, put together from its settings.

Their order decides: news for staff leave by the first that reaches them."""

import sys

from slamon.channels import Channel, Channels
from slamon.channels.console import ConsoleChannel
from slamon.channels.email import EMAIL
from slamon.channels.slack import SLACK
from slamon.clock import Clock
from slamon.config import Settings

SHIPPED = Channels((SLACK, EMAIL))


def build_channels(channels: Channels, settings: Settings, clock: Clock) -> dict[str, Channel]:
    """Each channel by its name; the console stands in for one that is not set up."""
    return {
        channel.name: channel.build(settings, clock) or ConsoleChannel(channel.name, sys.stderr) for channel in channels
    }
