"""Where a message went and for whom, as every page says it: the channel or address that was used, never only a name."""

from slamon.channels import ChannelDefinition, Channels, ChannelWords
from slamon.db.outbox import Notification
from slamon.domain.terms import LadderRole
from slamon.wording.words import Words, mapped


def way(row: Notification, name: str | None, channels: Channels, words: Words) -> str:
    """`Slack channel C0CMOESC (for Leo Lead, lead)`, `E-mail to Corinne Contact`; `name` is the reader's."""
    return _worded(row, name, channels, words, is_after=False)


def sent(row: Notification, name: str | None, channels: Channels, words: Words) -> str:
    """The same behind the name of the message: `to Corinne Contact by e-mail`, `in Slack channel C0CMOESC (...)`."""
    return _worded(row, name, channels, words, is_after=True)


def small_print(row: Notification, channels: Channels, words: Words) -> list[str]:
    """What `way` leaves out: the address, the part in which the reader was told, in whose place."""
    gettext, is_in_place = words.language.gettext, _is_in_place(row, channels)
    notes = [] if is_in_place else [row.address]
    if (part := _part(row, words)) and not is_in_place:
        notes.append(gettext("as {part}", part=part))
    if row.instead_of:
        notes.append(gettext("in place of {name}, who could not be told", name=row.instead_of))
    return notes


def words_of(channel: ChannelDefinition, words: Words) -> ChannelWords:
    """What a channel is called in the language of these words."""
    in_language: ChannelWords = mapped(channel.words, words.language.pgettext)
    return in_language


def _worded(row: Notification, name: str | None, channels: Channels, words: Words, *, is_after: bool) -> str:
    gettext = words.language.gettext
    if row.redirected_to:
        own, reader = words_of(channels.for_links, words), name or row.address
        told = gettext("{address}, redirected (for {name})", address=row.redirected_to, name=reader)
        return (own.told_person if is_after else own.to_person).format(told)
    own = words_of(channels.or_for_links(row.channel), words)
    if not _is_in_place(row, channels):
        return (own.told_person if is_after else own.to_person).format(name or row.address)
    reader = words.language.listed(filter(None, (name, _part(row, words))))
    place = (own.told_place if is_after else own.to_place).format(row.address)
    return gettext("{place} (for {name})", place=place, name=reader) if reader else place


def _part(row: Notification, words: Words) -> str:
    gettext = words.language.gettext
    if row.told_as == LadderRole.LEAD_BACKUP:
        return gettext("backup of the lead")
    if row.told_as == LadderRole.CMO_BACKUP:
        return gettext("backup of the contact")
    return words.codes.roles.get(row.told_as or "", "")


def _is_in_place(row: Notification, channels: Channels) -> bool:
    """Whether it went to a place that several read."""
    return channels.or_for_links(row.channel).is_place(row.address) and not row.redirected_to
