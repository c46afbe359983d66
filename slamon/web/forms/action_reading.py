"""From what somebody typed into an action's form to what the use case is told, checked by the API's own model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from slamon.domain.lifecycle import Action, Parts
from slamon.domain.normal_form import listed
from slamon.domain.progress import ItemStatus
from slamon.errors import Invalid, InvalidFields
from slamon.schemas.acts import Given, read_act
from slamon.services.requests.acts import ACTED_THEMSELVES
from slamon.web.forms.filing_fields import read_in_two_ways, reads_in_two_ways
from slamon.web.forms.filing_words import plain
from slamon.web.forms.parts import ActionForm, Basis, Field, Kind
from slamon.web.session import Typed
from slamon.web.view.instants import local_instant
from slamon.wording.errors import problem
from slamon.wording.language import Language

# What each entry of a list is counted by.
_COUNTED_BY = {"lines": "line", "items": "item"}
# The rules speak to programs too; a person reads words.
_IN_WORDS = {
    "in_range": "“in range”",
    " min_c": " the lowest",
    "min_c": "The lowest",
    "max_c": "the highest",
}


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a form came back, with what was typed into it. `form` is an action or the page's own name for a form.

    `problems` are by the form's fields; under "" stands what belongs to none of them.
    """

    status: int
    form: str
    problems: Mapping[str, str]
    message: str
    typed: Typed
    error: Invalid | None = None

    def on(self, forms: Mapping[str, ActionForm], language: Language) -> "Refused":
        """The same with its problems at the fields of the form it belongs to."""
        form = next((form for action, form in forms.items() if action == self.form), None)
        return replace(self, problems=problems_of(self.error, form, language) if self.error else self.problems)


def given_by(form: ActionForm, typed: Typed, basis: Basis, *, attachments: tuple[UUID, ...] = ()) -> Given:
    """What the form says. Raises InvalidFields."""
    content, problems = _content(form, typed, basis, has_file=bool(attachments))
    try:
        given = read_act(basis.case.catalogue, form.action, {**content, "attachments": list(attachments)})
    except ValidationError as wrong:
        unfit = {_name(error["loc"], content): in_words(plain(error, basis.words)) for error in wrong.errors()}
        raise InvalidFields({**unfit, **problems}) from wrong
    if problems:
        raise InvalidFields(problems)
    return given


def words_of(action: str, typed: Typed, basis: Basis, *, attachments: tuple[UUID, ...] = ()) -> Given:
    """The words alone, of a form that is not open: done already, or too late; the use case knows which."""
    says = basis.case.catalogue.actions[action].says
    text, reason = typed.text("text") or "", typed.text("reason") or ""
    return Given(says(text=text, reason=reason, attachments=attachments), ACTED_THEMSELVES)


def problems_of(error: Invalid, form: ActionForm | None, language: Language) -> dict[str, str]:
    """What is wrong, by the name of the form's field; under "" what belongs to none of them."""
    own = {error.field: in_words(problem(error, language))}
    found = dict(error.problems) if isinstance(error, InvalidFields) else own
    if form is None:  # one that this module did not draw
        return found
    names = {"file"} | {each.name for each in form.leaves()} | {each.name for each in form.fields}
    return {(name if name in names else ""): message for name, message in found.items()}


def in_words(message: str) -> str:
    for code, words in _IN_WORDS.items():
        message = message.replace(code, words)
    return message


def _content(form: ActionForm, typed: Typed, basis: Basis, *, has_file: bool) -> tuple[dict[str, Any], dict[str, str]]:
    """What was typed, as the API would be sent it, and what of it cannot be meant."""
    values: dict[str, Any] = {}
    problems: dict[str, str] = {}
    gettext = basis.words.language.gettext
    for field in form.leaves():
        try:
            value = _value(field, typed, basis)
        except Invalid as wrong:
            problems[field.name] = problem(wrong, basis.words.language)
            continue
        is_said_by_file = has_file and field.name == "text"
        if field.is_required and not value and not is_said_by_file:
            problems[field.name] = (
                gettext("choose one of the list") if field.kind is Kind.CHOICE else gettext("must not be empty")
            )
        if value:
            values[field.name] = value
    if form.action == Action.AMEND:
        values, taken_away = _changed(form, values, basis)
        problems |= taken_away
    content = _laid_out(values)
    problems |= _settle_lines(form, content, basis) | _settle_items(form, content, basis)
    return content, problems


def _value(field: Field, typed: Typed, basis: Basis) -> Any:
    gettext = basis.words.language.gettext
    text = typed.text(field.name)
    if text is None:
        return field.value if field.kind is Kind.CHOICE else None
    if field.kind is Kind.MOMENT:
        return local_instant(field.name, text, basis.zone).isoformat()
    if field.kind is Kind.DATE and field.least and _is_before(text, field.least):
        if field.is_required:
            raise Invalid(field.name, gettext("lies in the past; choose today or a later day"))
        raise Invalid(field.name, gettext("lies in the past; choose today or a later day, or leave it empty"))
    if field.kind is Kind.NUMBER and reads_in_two_ways(text):
        raise Invalid(field.name, read_in_two_ways(basis.words))
    if field.is_list:
        return listed(text)
    return text


def _is_before(text: str, least: str) -> bool:
    try:
        return date.fromisoformat(text) < date.fromisoformat(least)
    except ValueError:  # told by the model
        return False


def _changed(form: ActionForm, values: Mapping[str, Any], basis: Basis) -> tuple[dict[str, Any], dict[str, str]]:
    """Of an amendment only what differs from what stands there; what was emptied is refused by its field."""
    gettext, kept, taken_away = basis.words.language.gettext, {}, {}
    for field in form.leaves():
        value = values.get(field.name)
        if not field.name.startswith("changes."):
            kept[field.name] = value
        elif value is None and field.value:
            taken_away[field.name] = gettext("can be changed, not taken away")
        elif value is not None and _as_typed(value) != field.value:
            kept[field.name] = value
    if not any(name.startswith("changes.") for name in kept) and not taken_away:
        taken_away[""] = gettext("Nothing would change: write the new value over the old one.")
    return {name: value for name, value in kept.items() if value}, taken_away


def _as_typed(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)


def _laid_out(values: Mapping[str, Any]) -> dict[str, Any]:
    """Names with dots as the nested fields and numbered entries they stand for."""
    content: dict[str, Any] = {}
    for name, value in values.items():
        *way, last = name.split(".")
        place: Any = content
        for before, step, deeper in zip(["", *way], way, [*way[1:], last], strict=False):
            if step.isdecimal():
                counted_by = "number" if way[0] == "changes" else _COUNTED_BY[before]
                place = _entry(place, counted_by, int(step))
            else:
                place = place.setdefault(step, [] if deeper.isdecimal() else {})
        place[last] = value
    return content


def _entry(entries: list[dict[str, Any]], counted_by: str, number: int) -> dict[str, Any]:
    if not entries or entries[-1][counted_by] != number:
        entries.append({counted_by: number})
    return entries[-1]


def _settle_lines(form: ActionForm, content: dict[str, Any], basis: Basis) -> dict[str, str]:
    """Lines of which nothing is meant fall away; at least one must stay."""
    group = next((each for each in form.fields if each.name == "lines" and each.parts), None)
    if group is None:
        return {}
    if content.get("consignment"):  # one that is known, with what is in it
        content.pop("lines", None)
        return {}
    gettext = basis.words.language.gettext
    content["lines"] = [line for line in content.get("lines", ()) if not _is_zero(line.get("quantity", "0"))]
    if form.action == Action.CONFIRM_PACKED:
        unnamed = [line["line"] for line in content["lines"] if not line.get("lots_or_kits")]
        if unnamed:
            said = gettext("must not be empty: say what was packed")
            return {f"lines.{line}.lots_or_kits": said for line in unnamed}
    return {} if content["lines"] else {"lines": gettext("say how much of at least one line")}


def _is_zero(text: str) -> bool:
    try:
        return Decimal(text) == 0
    except InvalidOperation:
        return False


def _settle_items(form: ActionForm, content: dict[str, Any], basis: Basis) -> dict[str, str]:
    """Items of which nothing is said fall away; an inquiry answered as a whole names none."""
    group = next((each for each in form.fields if each.name == "items" and each.parts), None)
    if group is None:
        return {}
    gettext = basis.words.language.gettext
    items = [item for item in content.pop("items", []) if item["status"] != ItemStatus.OPEN]
    silent = [item for item in items if item["status"] == ItemStatus.DECLINED and "reason" not in item]
    if silent:
        said = gettext("must not be empty: say why it is declined")
        return {f"items.{item['item']}.reason": said for item in silent}
    if not items:
        return {"items": gettext("say of at least one what becomes of it")}
    is_whole = len(items) == len(group.parts) and all(set(item) == {"item", "status"} for item in items)
    all_answered = all(item["status"] == ItemStatus.SUPPLIED for item in items)
    if not (basis.type.parts is Parts.QUESTIONS and is_whole and all_answered):
        content["items"] = items
    return {}


def _name(where: Sequence[int | str], content: Mapping[str, Any]) -> str:
    """The form's name for a place in the content; the model's own check is about temperatures."""
    name, place = [], content
    for step in where:
        if isinstance(step, int):
            entry: Any = place[step] if step < len(place) else None  # type: ignore[index]
            if not isinstance(entry, dict):
                break
            name.append(str(next(entry[key] for key in ("line", "item", "number") if key in entry)))
            place = entry
        else:
            name.append(step)
            place = place.get(step, {}) if isinstance(place, dict) else {}
    return ".".join(name) or "min_c"
