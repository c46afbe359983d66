"""A test message: does this channel reach this address?"""

import secrets

from slamon.channels import AddressKind, Receipt
from slamon.errors import DeliveryError, Invalid, Unavailable
from slamon.runtime import Runtime
from slamon.services.directory.records import sponsor_name
from slamon.wording.message import Message, MessageKind


def send_test(runtime: Runtime, channel: str, address: str) -> Receipt:
    """Send it now, with no transaction open. Raises DeliveryError."""
    now, settings = runtime.clock.now(), runtime.settings
    with runtime.db.read() as session:
        sponsor = sponsor_name(session, settings)
    message = Message(
        key=f"test/{channel}/{now.isoformat()}",
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


def tested(runtime: Runtime, channel: str, kind: AddressKind, address: str) -> str:
    """What is kept of an address, after a test message went there where its kind asks for one.

    Raises Invalid where the message is refused, and Unavailable where the far side cannot be reached.
    """
    if kind.kept_after_test is None:
        return address
    typed = kind.checked(address)
    try:
        receipt = send_test(runtime, channel, typed)
    except DeliveryError as error:
        if error.permanent:
            raise Invalid(kind.field, f"no test message could be posted there: {error}") from error
        name = runtime.registered[channel].words.name
        raise Unavailable(f"{name} could not be asked for this channel: {error}") from error
    return kind.kept_after_test(typed, receipt)
