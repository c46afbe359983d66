"""The form of every action, as data: its fields are drawn from what the action says, and from how far the request is.

The contact's page, the staff's own acts and the staff's records of a call or mail are all drawn from it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from itertools import groupby
from types import NoneType, UnionType
from typing import Annotated, Any, Union, cast, get_args, get_origin
from zoneinfo import ZoneInfo

from slamon.domain.actions import parts
from slamon.domain.actions.parts import Said
from slamon.domain.actions.shipping import ConfirmPacked
from slamon.domain.actions.talk import REOPENED_WITHIN
from slamon.domain.lifecycle import Action, Parts, Rule
from slamon.domain.priority import Priority
from slamon.domain.progress import Condition, Consignment, Disposition, ItemStatus, Readout
from slamon.domain.stored import hints_of
from slamon.domain.timeline import Fact, Via
from slamon.web.forms.amending import amendable_fields
from slamon.web.forms.parts import ActionForm, Basis, Choice, Field, Kind
from slamon.web.view.instants import civil_day
from slamon.web.view.progress import CONDITIONS, DISPOSITIONS, READOUTS, figure, line_amount, line_title, part_title
from slamon.web.view.words import label
from slamon.wording.actions import FieldWords

_LONGEST = 10_000
_CHOOSE = {"": "Choose…"}
_NOW = "left empty: now"
_THEN = "left empty: the time of the call or mail"
_CODES: Mapping[type[StrEnum], Mapping[Any, str]] = {Condition: CONDITIONS, Disposition: DISPOSITIONS}


def form_of(action: str, rule: Rule, basis: Basis) -> ActionForm:
    """The form of an action that is open now; what the life cycle says it needs is marked as required."""
    definition = basis.case.catalogue.actions[action]
    if action == Action.ANSWER:
        fields = _answer(basis)
    else:
        asked = [_Asked(definition.says, name, basis) for name in definition.asks]
        fields = tuple(_grouped(asked))
    return ActionForm(action, _marked(fields, rule), takes_file=definition.takes_file)


def forms_of(open_now: Mapping[str, Rule], basis: Basis) -> dict[str, ActionForm]:
    """The forms of all actions open now, without those that could lead nowhere."""
    forms = {action: form_of(action, rule, basis) for action, rule in open_now.items()}
    return {action: form for action, form in forms.items() if _leads_somewhere(action, basis)}


def as_on_page(first: Sequence[str], actions: Iterable[str]) -> list[str]:
    """Actions in the order of a page: those it names, then the others."""
    return sorted(actions, key=lambda action: first.index(action) if action in first else len(first))


def recorded(form: ActionForm, basis: Basis) -> ActionForm:
    """The same form for somebody who writes down a contact's call or mail: who, how, when, and what proves it."""
    how = {Via.PHONE_RECORDED: "by phone", Via.EMAIL_RECORDED: "by mail"}
    who: dict[Any, str] = dict(basis.contacts)
    if basis.request.contact_id not in who:  # disabled, or of other sites by now: nobody is chosen unasked
        who = _CHOOSE | who
    around = (
        _choice("on_behalf_of", "Who", who, value=str(basis.request.contact_id)),
        _choice("via", "How", how, value=Via.PHONE_RECORDED.value),
        Field("occurred_at", "When", Kind.MOMENT, is_required=True),
    )
    evidence = Field("evidence", "Evidence", hint="who told whom, where the mail is kept", is_required=True, most=1000)
    # Days are as they were told then: by now they may lie in the past.
    own = tuple(replace(each, least="", hint=_THEN if each.hint == _NOW else each.hint) for each in form.fields)
    return ActionForm(form.action, (*around, *own, evidence))


def _leads_somewhere(action: str, basis: Basis) -> bool:
    waits_until = basis.progress.waits_until
    is_waiting = waits_until is not None and waits_until > basis.now
    if action == Action.REOPEN:
        ended_at = basis.progress.ended_at
        return ended_at is None or basis.now - ended_at <= REOPENED_WITHIN
    if action == Action.CORRECT:
        return bool(_corrigible(basis))
    if action == Action.CONFIRM_PACKED:
        return bool(basis.progress.left_to_pack)
    return is_waiting if action == Action.RESUME else not (is_waiting and action == Action.WAIT)


def _marked(fields: tuple[Field, ...], rule: Rule) -> tuple[Field, ...]:
    names = {each.name for each in fields}
    # Of several ways to say it, a group of items says it by itself.
    needed = {need.split("|")[0] for need in rule.needs if "items" not in names or "items" not in need.split("|")}
    return tuple(replace(each, is_required=True) if each.name in needed else each for each in fields)


# --- fields as an action has them ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Asked:
    """A field that an action asks for."""

    says: type[Said]
    name: str
    basis: Basis

    @property
    def notes(self) -> tuple[Any, ...]:
        """Its limits, widget and group."""
        return getattr(self._hint, "__metadata__", ())

    @property
    def type(self) -> Any:
        hint = get_args(self._hint)[0] if get_origin(self._hint) is Annotated else self._hint
        is_optional = get_origin(hint) in (Union, UnionType)
        return next(each for each in get_args(hint) if each is not NoneType) if is_optional else hint

    @property
    def _hint(self) -> Any:
        return hints_of(cast(Any, self.says))[self.name]

    @property
    def words(self) -> FieldWords:
        return self.basis.words.actions[self.says.action].fields[self.name]

    @property
    def group(self) -> str:
        return next((note.name for note in self.notes if isinstance(note, parts.Group)), "")

    def drawn(self) -> tuple[Field, ...]:
        """The form's fields for it: one, none where there is nothing to choose, or several."""
        widget = next((note for note in self.notes if isinstance(note, parts.Widget)), None)
        return _WIDGETS[widget.name](self) if widget else (self.plain(),)

    def plain(self, **more: Any) -> Field:
        """The field as its type has it."""
        own = {"name": self.name, "label": self.words.label, "hint": self.words.hint}
        return Field(**{**own, **self._kind(), **more})

    def _kind(self) -> dict[str, Any]:
        type_ = self.type
        if type_ is datetime:
            return {"kind": Kind.MOMENT}
        if type_ is date:
            return {"kind": Kind.DATE}
        if type_ in (int, float, Decimal):
            return {"kind": Kind.NUMBER}
        if isinstance(type_, type) and issubclass(type_, StrEnum):
            words = _CODES.get(type_) or {code: label(code) for code in type_}
            return {"kind": Kind.CHOICE, "choices": _choices({**_CHOOSE, **words})}
        if get_origin(type_) is tuple:
            return {"is_list": True, "most": 2000}
        return next((_LIMITED[type(note)](note) for note in self.notes if type(note) in _LIMITED), {})


_LIMITED: Mapping[type, Callable[[Any], dict[str, Any]]] = {
    parts.FreeText: lambda _: {"kind": Kind.TEXT, "most": _LONGEST},
    parts.OneLine: lambda note: {"most": note.most},
    parts.Address: lambda _: {"most": 254},
}


def _grouped(asked: Sequence[_Asked]) -> Iterator[Field]:
    """The fields, those of a group under one heading."""
    for group, together in groupby(asked, key=lambda each: each.group):
        fields = tuple(field for each in together for field in each.drawn())
        if group:
            yield Field(
                group, asked[0].basis.words.actions[asked[0].says.action].fields[group].label, Kind.GROUP, parts=fields
            )
        else:
            yield from fields


def _choices(options: Mapping[Any, str]) -> tuple[Choice, ...]:
    return tuple(Choice(str(value), words) for value, words in options.items())


def _text(name: str, title: str, **more: Any) -> Field:
    return Field(name, title, Kind.TEXT, most=_LONGEST, **more)


def _choice(name: str, title: str, options: Mapping[Any, str], **more: Any) -> Field:
    return Field(name, title, Kind.CHOICE, choices=_choices(options), **more)


# --- fields that depend on how far the request has come ------------------------------------------------------------


def _promise(asked: _Asked) -> tuple[Field, ...]:
    """A day of the CMO's own, which cannot be past."""
    title = f"{asked.basis.type_words.expected} expected on"
    return (asked.plain(label=title[:1].upper() + title[1:], least=asked.basis.today.isoformat()),)


def _ship_date(asked: _Asked) -> tuple[Field, ...]:
    wanted, today = asked.basis.progress.detail.get("requested_ship_date"), asked.basis.today.isoformat()
    hint = f"asked for: {civil_day(date.fromisoformat(wanted))}" if wanted else ""
    value = wanted if wanted and wanted >= today else ""
    return (asked.plain(hint=hint, value=value, least=today),)


def _sent_lines(asked: _Asked) -> tuple[Field, ...]:
    """How much of each line is sent: at first what is packed, or all that is left."""
    progress = asked.basis.progress
    packed = progress.packed_to_send
    parts_ = tuple(
        _quantity(asked.basis, line, line_title(progress.detail, line), packed.get(line, 0) if packed else left, left)
        for line, left in progress.left_to_send.items()
    )
    return (asked.plain(kind=Kind.GROUP, parts=parts_, is_list=False),)


def _quantity(basis: Basis, line: int, title: str, value: Decimal | int, left: Decimal) -> Field:
    hint = f"of {line_amount(basis.progress.detail, line, left)} left"
    return Field(f"lines.{line}.quantity", title, Kind.NUMBER, value=figure(value), hint=hint)


def _packed_lines(asked: _Asked) -> tuple[Field, ...]:
    """How much of each line is packed, and which lots or kits: at first those that were asked for."""
    detail = asked.basis.progress.detail
    parts_ = tuple(
        Field(
            f"lines.{line}",
            line_title(detail, line),
            Kind.GROUP,
            parts=(
                _quantity(asked.basis, line, "Quantity", left, left),
                Field(
                    f"lines.{line}.lots_or_kits",
                    "Lots or kits",
                    value=detail["lines"][line - 1].get("lots_or_kits") or "",
                ),
            ),
        )
        for line, left in asked.basis.progress.left_to_pack.items()
    )
    return (asked.plain(kind=Kind.GROUP, parts=parts_, is_list=False),)


def _loggers(asked: _Asked) -> tuple[Field, ...]:
    must = asked.says is ConfirmPacked and bool(asked.basis.progress.detail.get("logger_required"))
    return (asked.plain(is_required=must),)


def _which(asked: _Asked, consignments: Sequence[Consignment]) -> tuple[Field, ...]:
    """A choice of consignment, where there is one to make."""
    if len(consignments) < 2:
        return ()
    options = {each.number: f"Consignment {each.number}: {each.tracking_number}" for each in consignments}
    return (asked.plain(kind=Kind.CHOICE, choices=_choices({**_CHOOSE, **options}), is_required=True),)


def _awaited(asked: _Asked) -> tuple[Field, ...]:
    progress = asked.basis.progress
    return _which(asked, (*progress.under_way, *progress.unconfirmed) if asked.basis.is_cmo else progress.under_way)


def _told_since(asked: _Asked) -> tuple[Field, ...]:
    """For a dispatch written down late: the consignments of which the sponsor was told in another way since."""
    before = {each.number for each in asked.basis.progress.consignments}
    since = [each for each in asked.basis.case.progress().consignments if each.number not in before]
    if not since:
        return ()
    options = {each.number: f"consignment {each.number}: {each.tracking_number}, told of later" for each in since}
    return (asked.plain(kind=Kind.CHOICE, choices=_choices({"": "goods not told of yet", **options})),)


def _readout(asked: _Asked) -> tuple[Field, ...]:
    if asked.basis.progress.detail.get("logger_required"):
        with_logger = {code: words for code, words in READOUTS.items() if code is not Readout.NOT_REQUIRED}
        return (asked.plain(choices=_choices({**_CHOOSE, **with_logger}), is_required=True),)
    return (asked.plain(choices=_choices({Readout.NOT_REQUIRED: READOUTS[Readout.NOT_REQUIRED], **READOUTS})),)


def _answer(basis: Basis) -> tuple[Field, ...]:
    progress, is_inquiry = basis.progress, basis.type.parts is Parts.QUESTIONS
    words = basis.words.actions[Action.ANSWER].fields
    if is_inquiry and len(progress.items) == 1:
        return (_text("text", "Answer"),)
    # One open item is what the answer is about; of several it is said which. An answer in words answers every question.
    status = ItemStatus.SUPPLIED if is_inquiry or len(progress.open_items) == 1 else ItemStatus.OPEN
    blocks = tuple(_item(basis, number, status) for number in progress.open_items)
    title = "Question by question" if is_inquiry else words["items"].label
    group = Field("items", title, Kind.GROUP, parts=blocks, is_folded=is_inquiry)
    if is_inquiry:
        return (_text("text", "Answer", is_required=True), group)
    return (group, _text("text", words["text"].label))


def _item(basis: Basis, number: int, status: ItemStatus) -> Field:
    place, is_question = f"items.{number}", basis.type.parts is Parts.QUESTIONS
    words = {
        ItemStatus.SUPPLIED: "answered" if is_question else "supplied",
        ItemStatus.DECLINED: "declined, with a reason",
        ItemStatus.OPEN: "not yet",
    }
    named = (
        Field(f"{place}.document_number", "Document number", most=80),
        Field(f"{place}.document_version", "Version", most=40),
    )
    parts_ = (
        _choice(f"{place}.status", "Status", words, value=status.value),
        *(() if is_question else named),
        Field(f"{place}.text", "Answer to this one" if is_question else "Note", most=_LONGEST),
        Field(f"{place}.reason", "Reason, if declined", most=4000),
    )
    title = part_title(basis.type, basis.type_words, basis.progress.detail, number)
    return Field(place, title, Kind.GROUP, parts=parts_)


def _message(asked: _Asked) -> tuple[Field, ...]:
    options = {fact.sequence: _quoted(fact, asked.basis) for fact in _corrigible(asked.basis)}
    return (asked.plain(kind=Kind.CHOICE, choices=_choices(options)),)


def _corrigible(basis: Basis) -> list[Fact]:
    """The messages of one's own side, the latest first."""
    return [fact for fact in reversed(list(basis.case.timeline)) if fact.by.is_cmo == basis.is_cmo and fact.words]


def _quoted(fact: Fact, basis: Basis) -> str:
    said = " ".join(fact.words.split())
    on = civil_day(fact.occurred_at.astimezone(ZoneInfo(basis.zone)).date())
    words = said if len(said) <= 50 else f"{said[:49]}…"
    return f"{on}, {fact.by.name} {basis.words.facts[fact.kind].did}: “{words}”"


def _changes(asked: _Asked) -> tuple[Field, ...]:
    basis = asked.basis
    request = basis.request
    contacts: dict[Any, str] = {request.contact_id: "stays as it is"} | dict(basis.contacts)
    columns = (
        Field("changes.due_on", "Needed on", Kind.DATE, value=request.due_on.isoformat() if request.due_on else ""),
        *(_priority(request.priority) if basis.may_set_priority else ()),
        _choice("changes.contact_id", "Contact", contacts, value=str(request.contact_id)),
        Field("changes.cmo_reference", "CMO’s order reference", most=80, value=request.cmo_reference or ""),
    )
    return (*columns, *amendable_fields(basis.type, basis.type_words, basis.progress.detail))


def _priority(value: str) -> tuple[Field, ...]:
    return (_choice("changes.priority", "Priority", {each: label(each) for each in Priority}, value=value),)


_WIDGETS: Mapping[str, Callable[[_Asked], tuple[Field, ...]]] = {
    "promise": _promise,
    "ship_date": _ship_date,
    "packed_lines": _packed_lines,
    "sent_lines": _sent_lines,
    "loggers": _loggers,
    "told_since": _told_since,
    "awaited": _awaited,
    "under_way": lambda asked: _which(asked, asked.basis.progress.under_way),
    "undecided": lambda asked: _which(asked, asked.basis.progress.undecided),
    "readout": _readout,
    "message": _message,
    "changes": _changes,
}
