"""A test message: does this channel reach this address?"""

import secrets

from slamon.channels import Receipt
from slamon.domain.terms import DeliveryChannel
from slamon.errors import DeliveryError, Invalid, Unavailable
from slamon.runtime import Runtime
from slamon.services.directory.records import sponsor_name
from slamon.wording.message import Message, MessageKind


def send_test(runtime: Runtime, channel: DeliveryChannel, address: str) -> Receipt:
    """Send it now, with no transaction open. Raises DeliveryError."""
    now, settings = runtime.clock.now(), runtime.settings
    with runtime.db.read() as session:
        sponsor = sponsor_name(session, settings)
    message = Message(
        key=f"test/{channel.value}/{now.isoformat()}",
        kind=MessageKind.TEST,
        address=address,
        recipient_name=address,
        to_cmo=False,
        at=now,
        reader_zone=settings.sponsor_time_zone,
        other_zone=settings.sponsor_time_zone,
        sponsor_name=sponsor,
        detail="If you can read this, slamon reaches you here.",
        message_id=f"<{secrets.token_hex(8)}@slamon>",
    )
    return runtime.channels[channel].send(message)


def tested_slack_channel(runtime: Runtime, channel: str) -> str:
    """The id of a Slack channel given by name or id, after a test message was posted there.

    A name changes and cannot be searched for; its id does neither. Without a Slack token the text comes back as it is.
    Raises Invalid where Slack refuses the post, and Unavailable where it cannot be reached.
    """
    try:
        receipt = send_test(runtime, DeliveryChannel.SLACK, channel)
    except DeliveryError as error:
        if error.permanent:
            raise Invalid("slack_channel", f"no test message could be posted there: {error}") from error
        raise Unavailable(f"Slack could not be asked for this channel: {error}") from error
    channel_id, colon, _ = receipt.provider_id.partition(":")
    return channel_id if colon else channel
