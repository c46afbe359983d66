"""Everything the demo's own mail server and Slack workspace have received, as each reader would find it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from slamon.channels.slack import SLACK
from slamon.db.parties import Organization, OrganizationKind, Person, Site
from slamon.demo.cast import SPONSOR_ZONE
from slamon.demo.fakes.mailbox import ReceivedMail
from slamon.demo.fakes.slack_server import Post
from slamon.demo.slack_view import Block, shown_blocks
from slamon.demo.stage import Stage
from slamon.services.outbox.addresses import Addresses
from slamon.wording.instants import short_moment

MOST_LISTED = 60


@dataclass(frozen=True, slots=True)
class Reader:
    """Whose mailbox: a person as the demo's pages name them."""

    name: str
    address: str
    belongs_to: str
    zone: str
    is_cmo: bool
    slack_user_id: str | None = None


@dataclass(frozen=True, slots=True)
class Box:
    """One mailbox or Slack channel with what lies in it."""

    name: str
    belongs_to: str
    href: str
    count: int


@dataclass(frozen=True, slots=True)
class Item:
    """One message in a list of messages."""

    at: datetime
    is_slack: bool
    to: str
    belongs_to: str
    title: str
    href: str

    @property
    def when(self) -> str:
        return short_moment(self.at, SPONSOR_ZONE)


@dataclass(frozen=True, slots=True)
class ShownPost:
    """A Slack post with its blocks and, below a root, its thread."""

    ts: str
    when: str
    blocks: Sequence[Block]
    replies: Sequence["ShownPost"] = ()


def readers(session: Session) -> dict[str, Reader]:
    """Everybody with an address, by address."""
    statement = (
        select(Person, Organization)
        .join(Organization, Organization.id == Person.organization_id)
        .order_by(Organization.kind.desc(), Organization.name, Person.id)
    )
    sites = dict(session.execute(select(Site.id, Site.name)).all())
    people = session.execute(statement).all()
    addresses, found = Addresses.of(session, [person.id for person, _ in people]), {}
    for person, organization in people:
        of_sites = " and ".join(sites[site_id] for site_id in person.site_ids)
        is_cmo = organization.kind == OrganizationKind.CMO
        role = str(person.roles[0]).removeprefix("cmo_").replace("_", " ")
        found[person.email_key] = Reader(
            name=person.name,
            address=person.email,
            belongs_to=f"{role}, {of_sites or organization.name}" if is_cmo else role,
            zone=person.time_zone,
            is_cmo=is_cmo,
            slack_user_id=addresses.own(person, SLACK),
        )
    return found


def reader_of(mail: ReceivedMail, known: Mapping[str, Reader]) -> Reader:
    address = mail.recipients[0] if mail.recipients else ""
    return known.get(address.casefold(), Reader(address, address, "", SPONSOR_ZONE, is_cmo=False))


def mailboxes(stage: Stage, known: Mapping[str, Reader]) -> list[Box]:
    """The mailboxes that hold something: the sponsor's people first, then the CMOs' contacts."""
    counts = Counter(reader_of(mail, known).address for mail in stage.mailbox.mails.copy())
    return [
        Box(reader.name, reader.belongs_to, f"/demo/inbox?box={reader.address}", counts[reader.address])
        for reader in known.values()
        if reader.address in counts
    ]


def channels(stage: Stage, known: Mapping[str, Reader]) -> list[Box]:
    """The Slack channels that hold something, shared ones first."""
    counts = Counter(post.channel for post in stage.slack.posts.copy())
    return [
        Box(*channel_name(channel, known), channel_href(channel), counts[channel])
        for channel in sorted(counts, key=lambda name: (not name.startswith("#"), name))
    ]


def channel_href(channel: str) -> str:
    return f"/demo/inbox/slack/{channel.removeprefix('#')}"


def channel_name(channel: str, known: Mapping[str, Reader]) -> tuple[str, str]:
    """What Slack would call it: `#cmo-aspen`, or the person a direct message goes to."""
    user_id = f"U{channel[1:]}"
    person = next((reader for reader in known.values() if reader.slack_user_id == user_id), None)
    return (person.name, "direct messages") if person else (channel, "channel")


def items(stage: Stage, known: Mapping[str, Reader], box: str | None = None) -> list[Item]:
    """All messages, or those of one mailbox, newest first."""
    mails = [(mail, reader_of(mail, known)) for mail in stage.mailbox.mails.copy()]
    found = [
        Item(
            at=mail.arrived_at,
            is_slack=False,
            to=reader.name,
            belongs_to=reader.belongs_to,
            title=str(mail.message["Subject"] or ""),
            href=f"/demo/inbox/mail/{mail.place}",
        )
        for mail, reader in mails
        if box is None or reader.address == box
    ]
    if box is None:
        found += [_item_of(post, known) for post in stage.slack.posts.copy()]
    return sorted(found, key=lambda item: item.at, reverse=True)[:MOST_LISTED]


def conversation(stage: Stage, channel: str) -> list[ShownPost]:
    """A channel's posts, oldest first, each with its thread."""
    posts = stage.slack.in_channel(channel)
    roots = {post.ts for post in posts if post.thread_ts is None}
    return [
        _shown(post, [_shown(reply) for reply in posts if reply.thread_ts == post.ts])
        for post in posts
        if post.thread_ts is None or post.thread_ts not in roots
    ]


def _shown(post: Post, replies: Sequence[ShownPost] = ()) -> ShownPost:
    return ShownPost(
        ts=post.ts, when=short_moment(post.arrived_at, SPONSOR_ZONE), blocks=shown_blocks(post), replies=replies
    )


def _item_of(post: Post, known: Mapping[str, Reader]) -> Item:
    name, kind = channel_name(post.channel, known)
    return Item(
        at=post.arrived_at,
        is_slack=True,
        to=name,
        belongs_to=kind,
        title=post.text.partition("\n")[0].replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">"),
        href=f"{channel_href(post.channel)}#p{post.ts}",
    )
