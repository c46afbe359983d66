"""How a message looks in Slack: Block Kit, and the text for notifications. Pure; posts nothing."""

from slamon.wording.message import Message, MessageKind
from slamon.wording.messages import LabelledValue, Wording

TEXT_LENGTH = 2900  # longer texts were split or doubled by Slack (bolt-python 764)
HEADER_LENGTH = 150
FIELDS_PER_SECTION = 10
ONE_LINE = frozenset({MessageKind.TAKEN, MessageKind.CLOSING})  # said in a thread that has told the rest


def fallback_text(message: Message, wording: Wording) -> str:
    """Everything the blocks say, for notifications and readers without blocks; under 3,000 characters."""
    if message.kind in ONE_LINE:
        return _clip(escape(" ".join((*wording.notes, wording.subject + "."))), TEXT_LENGTH)
    lines = [wording.subject, *wording.notes, *wording.sentences, *(_plain(fact) for fact in wording.facts)]
    text = _clip(escape("\n".join(lines)), TEXT_LENGTH - len(message.link or "") - 1)
    return f"{text}\n{message.link}" if message.link else text


def blocks(message: Message, wording: Wording) -> list[dict[str, object]]:
    """The same in Block Kit; what is said in a thread that has told the rest is one line."""
    if message.kind in ONE_LINE:
        return [_section(escape(" ".join((*wording.notes, wording.subject + "."))))]
    made: list[dict[str, object]] = [
        {
            "type": "header",
            "text": {"type": "plain_text", "text": _clip(wording.headline, HEADER_LENGTH), "emoji": False},
        }
    ]
    if wording.notes:
        made.append({"type": "context", "elements": [_mrkdwn(f"*{escape(note)}*") for note in wording.notes]})
    if wording.sentences:
        made.append(_section(escape(" ".join(wording.sentences))))
    for start in range(0, len(wording.facts), FIELDS_PER_SECTION):
        some = wording.facts[start : start + FIELDS_PER_SECTION]
        made.append({"type": "section", "fields": [_mrkdwn(_field(fact)) for fact in some]})
    if wording.button and message.link:
        made.append({"type": "actions", "elements": [_button(wording, message.link)]})
    return made


def escape(text: str) -> str:
    """Slack's three control characters, so that no name can mention a channel or hide a link."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _button(wording: Wording, link: str) -> dict[str, object]:
    button: dict[str, object] = {
        "type": "button",
        "action_id": "open_request",
        "text": {"type": "plain_text", "text": wording.button, "emoji": False},
        "url": link,
    }
    return {**button, "style": "primary"} if wording.is_escalation else button


def _section(text: str) -> dict[str, object]:
    return {"type": "section", "text": _mrkdwn(_clip(text, TEXT_LENGTH))}


def _mrkdwn(text: str) -> dict[str, object]:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _field(fact: LabelledValue) -> str:
    beside = f"\n{escape(fact.beside)}" if fact.beside else ""
    label = f"<{fact.link}|{escape(fact.label)}>" if fact.link else escape(fact.label)
    return f"*{label}*\n{escape(fact.value)}{beside}"


def _plain(fact: LabelledValue) -> str:
    return f"{fact.label}: {fact.value}" + (f" · {fact.beside}" if fact.beside else "")


def _clip(text: str, length: int) -> str:
    if len(text) <= length:
        return text
    cut = text[: length - 1]
    entity = cut.rfind("&")  # never leave half of an &amp;
    return (cut[:entity] if entity >= 0 and ";" not in cut[entity:] and len(cut) - entity < 5 else cut) + "…"
