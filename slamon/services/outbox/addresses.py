"""Where a message reaches somebody: a person's own address on a channel, or the place shared by those of a CMO."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from slamon.channels import AddressKind, ChannelDefinition, Channels
from slamon.db.parties import Address, Organization, Person
from slamon.services.transaction import Tx


class Addresses:
    """The addresses of some people and organizations, read at once."""

    def __init__(self, rows: Iterable[Address]) -> None:
        self._values = {(row.owner_id, row.channel): row.value for row in rows}

    @classmethod
    def of(cls, session: Session, owner_ids: Iterable[UUID]) -> "Addresses":
        """Those of some people and organizations."""
        ids = set(owner_ids)
        return cls(session.scalars(select(Address).where(Address.owner_id.in_(ids))) if ids else ())

    @classmethod
    def of_organizations(cls, session: Session, organization_ids: Iterable[UUID]) -> "Addresses":
        """Those of some organizations and of all their people."""
        ids = set(organization_ids)
        people = select(Person.id).where(Person.organization_id.in_(ids))
        return cls(session.scalars(select(Address).where(Address.owner_id.in_(ids) | Address.owner_id.in_(people))))

    def own(self, person: Person, channel: ChannelDefinition) -> str | None:
        """The person's own address on a channel; None where it does not reach them."""
        if channel.own is None:
            return person.email if channel.carries_links else None
        return self._values.get((person.id, channel.name))

    def shared(self, organization_id: UUID, channel: ChannelDefinition) -> str | None:
        """The place in a channel that those concerned with a CMO read; None where there is none."""
        return None if channel.shared is None else self._values.get((organization_id, channel.name))

    def reaching(self, person: Person, channels: Channels) -> tuple[str, str]:
        """The first channel on which the person has an address of their own, and that address."""
        return next((channel.name, own) for channel in channels if (own := self.own(person, channel)))

    def fields(self, owner: Person | Organization, channels: Channels) -> dict[str, str | None]:
        """The owner's addresses by the names of their fields, as the API and the trail have them."""
        kinds = address_kinds(type(owner), channels)
        return {kind.field: self._values.get((owner.id, name)) for name, kind in kinds.items()}


def address_kinds(owner: type[object], channels: Channels) -> Mapping[str, AddressKind]:
    """What addresses a kind of record may have, by channel."""
    if owner is Person:
        return {channel.name: channel.own for channel in channels if channel.own}
    if owner is Organization:
        return {channel.name: channel.shared for channel in channels if channel.shared}
    return {}


def keep_address(session: Session, owner: Person | Organization, channel: str, value: str | None) -> None:
    """Store the owner's address on a channel instead of the one there was; None takes it away.

    For an owner who is stored, and locked where others may change them at the same time.
    """
    session.execute(delete(Address).where(Address.owner_id == owner.id, Address.channel == channel))
    if value is not None:
        session.add(Address(owner=owner.__tablename__, owner_id=owner.id, channel=channel, value=value))
        session.flush()


def to_account(tx: Tx, person: Person) -> tuple[str, str]:
    """The channel and address for what is meant for this person alone: links, receipts, notices about their account."""
    return tx.rules.channels.for_links.name, person.email
