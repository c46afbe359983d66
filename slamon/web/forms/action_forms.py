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
from slamon.web.view.progress import line_amount, line_title, part_title, typed_figure
from slamon.web.view.words import label
from slamon.wording.actions import FieldWords
from slamon.wording.language import capital

_LONGEST = 10_000


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
    gettext, vias = basis.words.language.gettext, basis.words.codes.vias
    how = {via: vias[via] for via in (Via.PHONE_RECORDED, Via.EMAIL_RECORDED)}
    who: dict[Any, str] = dict(basis.contacts)
    if basis.request.contact_id not in who:  # disabled, or of other sites by now: nobody is chosen unasked
        who = _choose(basis) | who
    around = (
        _choice("on_behalf_of", gettext("Who"), who, value=str(basis.request.contact_id)),
        _choice("via", gettext("How"), how, value=Via.PHONE_RECORDED.value),
        Field("occurred_at", gettext("When"), Kind.MOMENT, is_required=True),
    )
    hint = gettext("who told whom, where the mail is kept")
    evidence = Field("evidence", gettext("Evidence"), hint=hint, is_required=True, most=1000)
    # Days are as they were told then: by now they may lie in the past.
    then = gettext("left empty: the time of the call or mail")
    own = tuple(
        replace(each, least="", hint=then if each.kind is Kind.MOMENT and each.hint else each.hint)
        for each in form.fields
    )
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
            return {"kind": Kind.CHOICE, "choices": _choices({**_choose(self.basis), **_codes(type_, self.basis)})}
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


def _codes(kind: type[StrEnum], basis: Basis) -> Mapping[Any, str]:
    own = basis.words.codes
    known: Mapping[type[StrEnum], Mapping[str, str]] = {Condition: own.conditions, Disposition: own.dispositions}
    return known.get(kind) or {code: label(code) for code in kind}


def _choose(basis: Basis) -> dict[Any, str]:
    return {"": basis.words.language.gettext("Choose…")}


def _choices(options: Mapping[Any, str]) -> tuple[Choice, ...]:
    return tuple(Choice(str(value), words) for value, words in options.items())


def _text(name: str, title: str, **more: Any) -> Field:
    return Field(name, title, Kind.TEXT, most=_LONGEST, **more)


def _choice(name: str, title: str, options: Mapping[Any, str], **more: Any) -> Field:
    return Field(name, title, Kind.CHOICE, choices=_choices(options), **more)


# --- fields that depend on how far the request has come ------------------------------------------------------------


def _promise(asked: _Asked) -> tuple[Field, ...]:
    """A day of the CMO's own, which cannot be past."""
    title = asked.basis.words.language.gettext("{what} expected on", what=capital(asked.basis.type_words.expected))
    return (asked.plain(label=title, least=asked.basis.today.isoformat()),)


def _ship_date(asked: _Asked) -> tuple[Field, ...]:
    wanted, today = asked.basis.progress.detail.get("requested_ship_date"), asked.basis.today.isoformat()
    language, hint = asked.basis.words.language, ""
    if wanted:
        hint = language.gettext("asked for: {day}", day=civil_day(date.fromisoformat(wanted), language))
    value = wanted if wanted and wanted >= today else ""
    return (asked.plain(hint=hint, value=value, least=today),)


def _sent_lines(asked: _Asked) -> tuple[Field, ...]:
    """How much of each line is sent: at first what is packed, or all that is left."""
    progress = asked.basis.progress
    packed = progress.packed_to_send
    language = asked.basis.words.language
    parts_ = tuple(
        _quantity(
            asked.basis,
            line,
            line_title(progress.detail, line, language),
            packed.get(line, 0) if packed else left,
            left,
        )
        for line, left in progress.left_to_send.items()
    )
    return (asked.plain(kind=Kind.GROUP, parts=parts_, is_list=False),)


def _quantity(basis: Basis, line: int, title: str, value: Decimal | int, left: Decimal) -> Field:
    language = basis.words.language
    hint = language.gettext("of {amount} left", amount=line_amount(basis.progress.detail, line, left, language))
    return Field(f"lines.{line}.quantity", title, Kind.NUMBER, value=typed_figure(value), hint=hint)


def _packed_lines(asked: _Asked) -> tuple[Field, ...]:
    """How much of each line is packed, and which lots or kits: at first those that were asked for."""
    detail, language = asked.basis.progress.detail, asked.basis.words.language
    parts_ = tuple(
        Field(
            f"lines.{line}",
            line_title(detail, line, language),
            Kind.GROUP,
            parts=(
                _quantity(asked.basis, line, language.gettext("Quantity"), left, left),
                Field(
                    f"lines.{line}.lots_or_kits",
                    language.gettext("Lots or kits"),
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
    gettext = asked.basis.words.language.gettext
    options = {
        each.number: gettext("Consignment {number}: {what}", number=each.number, what=each.tracking_number)
        for each in consignments
    }
    choices = _choices({**_choose(asked.basis), **options})
    return (asked.plain(kind=Kind.CHOICE, choices=choices, is_required=True),)


def _awaited(asked: _Asked) -> tuple[Field, ...]:
    progress = asked.basis.progress
    return _which(asked, (*progress.under_way, *progress.unconfirmed) if asked.basis.is_cmo else progress.under_way)


def _told_since(asked: _Asked) -> tuple[Field, ...]:
    """For a dispatch written down late: the consignments of which the sponsor was told in another way since."""
    before = {each.number for each in asked.basis.progress.consignments}
    since = [each for each in asked.basis.case.progress().consignments if each.number not in before]
    if not since:
        return ()
    gettext = asked.basis.words.language.gettext
    options = {
        each.number: gettext(
            "consignment {number}: {tracking_number}, told of later",
            number=each.number,
            tracking_number=each.tracking_number,
        )
        for each in since
    }
    return (asked.plain(kind=Kind.CHOICE, choices=_choices({"": gettext("goods not told of yet"), **options})),)


def _readout(asked: _Asked) -> tuple[Field, ...]:
    readouts = asked.basis.words.codes.readouts
    if asked.basis.progress.detail.get("logger_required"):
        with_logger = {code: words for code, words in readouts.items() if code != Readout.NOT_REQUIRED}
        return (asked.plain(choices=_choices({**_choose(asked.basis), **with_logger}), is_required=True),)
    without = {Readout.NOT_REQUIRED.value: readouts[Readout.NOT_REQUIRED]}
    return (asked.plain(choices=_choices({**without, **readouts})),)


def _answer(basis: Basis) -> tuple[Field, ...]:
    progress, is_inquiry = basis.progress, basis.type.parts is Parts.QUESTIONS
    gettext, words = basis.words.language.gettext, basis.words.actions[Action.ANSWER].fields
    if is_inquiry and len(progress.items) == 1:
        return (_text("text", gettext("Answer")),)
    # One open item is what the answer is about; of several it is said which. An answer in words answers every question.
    status = ItemStatus.SUPPLIED if is_inquiry or len(progress.open_items) == 1 else ItemStatus.OPEN
    blocks = tuple(_item(basis, number, status) for number in progress.open_items)
    title = gettext("Question by question") if is_inquiry else words["items"].label
    group = Field("items", title, Kind.GROUP, parts=blocks, is_folded=is_inquiry)
    if is_inquiry:
        return (_text("text", gettext("Answer"), is_required=True), group)
    return (group, _text("text", words["text"].label))


def _item(basis: Basis, number: int, status: ItemStatus) -> Field:
    place, is_question = f"items.{number}", basis.type.parts is Parts.QUESTIONS
    gettext = basis.words.language.gettext
    words = {
        ItemStatus.SUPPLIED: gettext("answered") if is_question else gettext("supplied"),
        ItemStatus.DECLINED: gettext("declined, with a reason"),
        ItemStatus.OPEN: gettext("not yet"),
    }
    named = (
        Field(f"{place}.document_number", gettext("Document number"), most=80),
        Field(f"{place}.document_version", gettext("Version"), most=40),
    )
    parts_ = (
        _choice(f"{place}.status", gettext("Status"), words, value=status.value),
        *(() if is_question else named),
        Field(f"{place}.text", gettext("Answer to this one") if is_question else gettext("Note"), most=_LONGEST),
        Field(f"{place}.reason", gettext("Reason, if declined"), most=4000),
    )
    title = part_title(basis.type, basis.words, basis.progress.detail, number)
    return Field(place, title, Kind.GROUP, parts=parts_)


def _message(asked: _Asked) -> tuple[Field, ...]:
    options = {fact.sequence: _quoted(fact, asked.basis) for fact in _corrigible(asked.basis)}
    return (asked.plain(kind=Kind.CHOICE, choices=_choices(options)),)


def _corrigible(basis: Basis) -> list[Fact]:
    """The messages of one's own side, the latest first."""
    return [fact for fact in reversed(list(basis.case.timeline)) if fact.by.is_cmo == basis.is_cmo and fact.words]


def _quoted(fact: Fact, basis: Basis) -> str:
    said = " ".join(fact.words.split())
    language, short = basis.words.language, said if len(said) <= 50 else f"{said[:49]}…"
    return language.gettext(
        "{day}, {name} {did}: “{text}”",
        day=civil_day(fact.occurred_at.astimezone(ZoneInfo(basis.zone)).date(), language),
        name=fact.by.name,
        did=basis.words.facts[fact.kind].did,
        text=short,
    )


def _changes(asked: _Asked) -> tuple[Field, ...]:
    basis = asked.basis
    request, fields = basis.request, basis.words.request_fields
    stays = basis.words.language.gettext("stays as it is")
    contacts: dict[Any, str] = {request.contact_id: stays} | dict(basis.contacts)
    columns = (
        Field(
            "changes.due_on",
            fields["due_on"].label,
            Kind.DATE,
            value=request.due_on.isoformat() if request.due_on else "",
        ),
        *(_priority(basis, request.priority) if basis.may_set_priority else ()),
        _choice("changes.contact_id", fields["contact_id"].label, contacts, value=str(request.contact_id)),
        Field("changes.cmo_reference", fields["cmo_reference"].label, most=80, value=request.cmo_reference or ""),
    )
    return (*columns, *amendable_fields(basis.type, basis.words, basis.progress.detail))


def _priority(basis: Basis, value: str) -> tuple[Field, ...]:
    words = {each: basis.words.request_codes[each] for each in Priority}
    return (_choice("changes.priority", basis.words.request_fields["priority"].label, words, value=value),)


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
