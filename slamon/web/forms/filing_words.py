"""What the filing form calls its fields, and what it says where one of them is empty or wrong."""

from collections.abc import Mapping
from typing import Any

_TITLES = {
    "site_id": "CMO and site",
    "contact_id": "CMO and site",
    "priority": "Priority",
    "subject": "Subject",
    "description": "Description",
    "due_on": "Needed on",
    "cmo_reference": "CMO’s order reference",
    "detail.order_type": "Order",
    "detail.destination.kind": "Destination is a",
    "detail.destination.name": "Destination’s name",
    "detail.destination.attention": "Attention",
    "detail.destination.address": "Address",
    "detail.destination.country": "Country",
    "detail.requested_ship_date": "Requested ship date",
    "detail.required_delivery_to": "Needed there by",
    "detail.irt_order_no": "IRT order number",
    "detail.storage.code": "Storage condition",
    "detail.instructions": "Instructions",
    "detail.purpose": "Purpose",
    "detail.category": "Category",
}
_COLUMNS = {
    "product_code": "Product code",
    "description": "Description",
    "quantity": "Quantity",
    "unit": "Unit",
    "lots": "Lots",
    "format": "Format",
}
_ROWS = {"lines": "Line", "items": "Item", "questions": "Question"}
_PLAIN = {
    "missing": "must not be empty",
    "string_too_short": "must not be empty",
    "string_too_long": "is too long",
    "string_pattern_mismatch": "must be one line of plain text",
    "too_short": "must not be empty",
    "enum": "choose one of the list",
    "literal_error": "choose one of the list",
    "uuid_parsing": "choose one of the list",
    "decimal_parsing": "must be a number",
    "float_parsing": "must be a number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "greater_than_equal": "is too low",
    "less_than_equal": "is too high",
    "decimal_max_digits": "has too many digits",
    "decimal_max_places": "has too many decimal places",
    "decimal_whole_digits": "has too many digits",
    "greater_than": "must be more than zero",
}
# Whole sentences, which need no title before them.
_SENTENCES = {
    "site_id": "choose a CMO and site",
    "detail.storage.code": "choose a storage condition",
    "detail.questions.0": "write at least one question",
    "detail.items.0.kind": "choose at least one item",
    "detail.lines.0.product_code": "name at least one product",
}
_EMPTY = frozenset({"missing", "string_too_short", "too_short", "value_error"})


def title(name: str) -> str:
    """What stands above a field; of a field in a row, its column's title."""
    parts = name.split(".")
    if parts[1:] and parts[1] in _ROWS:
        is_first = len(parts) == 3 or parts[3] == "kind"
        return f"{_ROWS[parts[1]]} {int(parts[2]) + 1}" if is_first else _COLUMNS[parts[3]]
    return _TITLES[name]


def sayings(problems: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """The summary of what is wrong: the field's name, its words as a link, and what follows them."""
    said = []
    for name, message in problems.items():
        if not name or message == _SENTENCES.get(name):
            said.append((name, message[:1].upper() + message[1:], ""))
        else:
            said.append((name, _full_title(name), f": {message}"))
    return said


def plain(name: str, error: Mapping[str, Any]) -> str:
    """What is wrong with the field, out of pydantic's error."""
    kind, message = error["type"], str(error["msg"]).removeprefix("Value error, ")
    if name in _SENTENCES and kind in _EMPTY:
        return _SENTENCES[name]
    if name == "detail.destination.country" and kind == "string_pattern_mismatch":
        return "must be two letters, such as CH"
    return _PLAIN.get(kind) or message[:1].lower() + message[1:]


def _full_title(name: str) -> str:
    parts = name.split(".")
    if parts[1:] and parts[1] in _ROWS and len(parts) > 3 and parts[3] != "kind":
        return f"{_ROWS[parts[1]]} {int(parts[2]) + 1}, {title(name).lower()}"
    try:
        return title(name)
    except (KeyError, ValueError):  # not a field of the form
        return "The form"
