"""Where a message went and for whom, as every page says it: the channel or address that was used, never only a name."""

from slamon.channels import Channels
from slamon.db.outbox import Notification
from slamon.domain.terms import LadderRole
from slamon.web.view.words import ROLES

_PARTS = {role.value: words for role, words in ROLES.items()} | {
    LadderRole.LEAD_BACKUP.value: "backup of the lead",
    LadderRole.CMO_BACKUP.value: "backup of the contact",
}


def way(row: Notification, name: str | None, channels: Channels) -> str:
    """`Slack channel C0CMOESC (for Leo Lead, lead)`, `E-mail to Corinne Contact`; `name` is the reader's."""
    return _worded(row, name, channels, is_after=False)


def sent(row: Notification, name: str | None, channels: Channels) -> str:
    """The same behind the name of the message: `to Corinne Contact by e-mail`, `in Slack channel C0CMOESC (...)`."""
    return _worded(row, name, channels, is_after=True)


def small_print(row: Notification, channels: Channels) -> list[str]:
    """What `way` leaves out: the address, the part in which the reader was told, in whose place."""
    is_in_place = _is_in_place(row, channels)
    notes = [] if is_in_place else [row.address]
    if (part := _PARTS.get(row.told_as or "")) and not is_in_place:
        notes.append(f"as {part}")
    if row.instead_of:
        notes.append(f"in place of {row.instead_of}, who could not be told")
    return notes


def _worded(row: Notification, name: str | None, channels: Channels, *, is_after: bool) -> str:
    if row.redirected_to:
        words, reader = channels.for_links.words, f"{row.redirected_to}, redirected (for {name or row.address})"
        return (words.told_person if is_after else words.to_person).format(reader)
    words = channels.or_for_links(row.channel).words
    if not _is_in_place(row, channels):
        return (words.told_person if is_after else words.to_person).format(name or row.address)
    reader = ", ".join(filter(None, (name, _PARTS.get(row.told_as or ""))))
    place = (words.told_place if is_after else words.to_place).format(row.address)
    return f"{place} (for {reader})" if reader else place


def _is_in_place(row: Notification, channels: Channels) -> bool:
    """Whether it went to a place that several read."""
    return channels.or_for_links(row.channel).is_place(row.address) and not row.redirected_to
