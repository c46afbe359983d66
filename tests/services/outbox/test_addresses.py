"""Where a message reaches somebody: their own address on a channel, or the place that those of a CMO share."""

from dataclasses import replace

from slamon.channels import AddressKind, Channels
from slamon.channels.registry import SHIPPED
from slamon.channels.slack import SLACK
from slamon.db.parties import Organization, Person
from slamon.services.outbox.addresses import Addresses
from tests.installation import LEAD, Installation

ROOM = AddressKind(field="room", pattern="[a-z-]+", example="rhein-fill")
ROOMS = replace(SLACK, name="rooms", own=None, shared=ROOM)


def test_a_channel_without_personal_addresses_reaches_nobody_by_themselves(installation: Installation) -> None:
    installation.address(Organization, installation.cast.cmo, "rooms", "rhein-fill")
    with installation.runtime.read() as tx:
        lead = tx.session.get_one(Person, installation.cast.lead)
        addresses = Addresses.of(tx.session, [lead.id, installation.cast.cmo])
        assert addresses.own(lead, ROOMS) is None
        assert addresses.shared(installation.cast.cmo, ROOMS) == "rhein-fill"
        with_rooms = Channels((ROOMS, *SHIPPED.registered))
        assert addresses.reaching(lead, with_rooms) == addresses.reaching(lead, SHIPPED)


def test_the_channel_that_carries_links_takes_the_address_of_the_account(installation: Installation) -> None:
    with installation.runtime.read() as tx:
        lead = tx.session.get_one(Person, installation.cast.lead)
        assert Addresses(()).own(lead, SHIPPED.for_links) == LEAD
        assert Addresses(()).own(lead, SLACK) is None
