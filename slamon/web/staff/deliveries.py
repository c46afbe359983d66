"""Where a message went and for whom, as every page says it: the channel or address that was used, never only a name."""

from slamon.db.outbox import Notification
from slamon.domain.terms import DeliveryChannel, LadderRole
from slamon.web.view.words import ROLES

_PARTS = {role.value: words for role, words in ROLES.items()} | {
    LadderRole.LEAD_BACKUP.value: "backup of the lead",
    LadderRole.CMO_BACKUP.value: "backup of the contact",
}


def way(row: Notification, name: str | None) -> str:
    """`Slack channel C0CMOESC (for Leo Lead, lead)`, `E-mail to Corinne Contact`; `name` is the reader's."""
    if row.redirected_to:
        return f"E-mail to {row.redirected_to}, redirected (for {name or row.address})"
    if row.channel == DeliveryChannel.EMAIL:
        return f"E-mail to {name or row.address}"
    if row.is_to_slack_user:
        return f"Slack message to {name or row.address}"
    reader = ", ".join(filter(None, (name, _PARTS.get(row.told_as or ""))))
    return f"Slack channel {row.address}" + (f" (for {reader})" if reader else "")


def sent(row: Notification, name: str | None) -> str:
    """The same behind the name of the message: `to Corinne Contact by e-mail`, `in Slack channel C0CMOESC (...)`."""
    words = way(row, name)
    plain = words.removeprefix("E-mail to ")
    return f"to {plain} by e-mail" if plain != words else f"in {words}"


def small_print(row: Notification) -> list[str]:
    """What `way` leaves out: the address, the part in which the reader was told, in whose place."""
    is_channel = row.channel == DeliveryChannel.SLACK and not row.is_to_slack_user
    notes = [] if is_channel and not row.redirected_to else [row.address]
    if (part := _PARTS.get(row.told_as or "")) and (not is_channel or row.redirected_to):
        notes.append(f"as {part}")
    if row.instead_of:
        notes.append(f"in place of {row.instead_of}, who could not be told")
    return notes
