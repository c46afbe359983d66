"""One description of every action's form, as data: what may be filled in, derived from how far the request has come.

The contact's page, the staff's own acts and the staff's records of a call or mail are all drawn from it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from slamon.db.requests import FactRow, Priority
from slamon.domain.lifecycle import Action, Parts, Rule
from slamon.domain.progress import Consignment, ItemStatus, Readout
from slamon.domain.timeline import CMO_ROLES, FactKind, Role, Via
from slamon.domain.validation import REOPENED_WITHIN
from slamon.web.forms.amending import amendable_fields
from slamon.web.forms.parts import ActionForm, Basis, Choice, Field, Kind
from slamon.web.view.instants import civil_day
from slamon.web.view.progress import CONDITIONS, DISPOSITIONS, READOUTS, figure, line_amount, line_title, part_title
from slamon.web.view.words import FACTS, label

_LONGEST = 10_000


def form_of(action: Action, rule: Rule, basis: Basis) -> ActionForm:
    """The form of an action that is open now; what the life cycle says it needs is marked as required."""
    make = _FIELDS.get(action)
    fields = _marked(make(basis) if make else (), rule)
    return ActionForm(action, fields, takes_file=action in _TAKES_FILE)


def forms_of(open_now: Mapping[Action, Rule], basis: Basis) -> dict[Action, ActionForm]:
    """The forms of all actions open now, without those that could lead nowhere."""
    forms = {action: form_of(action, rule, basis) for action, rule in open_now.items()}
    return {action: form for action, form in forms.items() if _leads_somewhere(action, basis)}


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


_TAKES_FILE = frozenset({Action.ANSWER, Action.ASK, Action.CONFIRM_DISPATCH, Action.CONFIRM_DELIVERY})


def _leads_somewhere(action: Action, basis: Basis) -> bool:
    waits_until = basis.progress.waits_until
    is_waiting = waits_until is not None and waits_until > basis.now
    if action is Action.REOPEN:
        ended_at = basis.progress.ended_at
        return ended_at is None or basis.now - ended_at <= REOPENED_WITHIN
    if action is Action.CORRECT:
        return bool(_corrigible(basis))
    if action is Action.CONFIRM_PACKED:
        return bool(basis.progress.left_to_pack)
    return is_waiting if action is Action.RESUME else not (is_waiting and action is Action.WAIT)


def _marked(fields: tuple[Field, ...], rule: Rule) -> tuple[Field, ...]:
    names = {each.name for each in fields}
    # Of several ways to say it, a group of items says it by itself.
    needed = {need.split("|")[0] for need in rule.needs if "items" not in names or "items" not in need.split("|")}
    return tuple(replace(each, is_required=True) if each.name in needed else each for each in fields)


# --- fields that several actions share ------------------------------------------------------------------------------


def _text(name: str, title: str, **more: Any) -> Field:
    return Field(name, title, Kind.TEXT, most=_LONGEST, **more)


def _choice(name: str, title: str, options: Mapping[Any, str], **more: Any) -> Field:
    return Field(name, title, Kind.CHOICE, choices=tuple(Choice(str(v), words) for v, words in options.items()), **more)


_REMARKS = _text("text", "Remarks")
_CHOOSE = {"": "Choose…"}
_NOW = "left empty: now"
_THEN = "left empty: the time of the call or mail"
_COMMAS = "commas between several"


_NONE_OF_A_LINE = "0 or empty where none of a line is in it"


def _quantities(basis: Basis) -> Field:
    """How much of each line is sent: at first what is packed, or all that is left."""
    detail, packed = basis.progress.detail, basis.progress.packed_to_send
    parts = tuple(
        _quantity(basis, line, line_title(detail, line), packed.get(line, 0) if packed else left, left)
        for line, left in basis.progress.left_to_send.items()
    )
    return Field("lines", "Quantities", Kind.GROUP, parts=parts, hint=_NONE_OF_A_LINE)


def _quantity(basis: Basis, line: int, title: str, value: Decimal | int, left: Decimal) -> Field:
    hint = f"of {line_amount(basis.progress.detail, line, left)} left"
    return Field(f"lines.{line}.quantity", title, Kind.NUMBER, value=figure(value), hint=hint)


def _packed_lines(basis: Basis) -> Field:
    """How much of each line is packed, and which lots or kits: at first those that were asked for."""
    detail = basis.progress.detail
    parts = tuple(
        Field(
            f"lines.{line}",
            line_title(detail, line),
            Kind.GROUP,
            parts=(
                _quantity(basis, line, "Quantity", left, left),
                Field(
                    f"lines.{line}.lots_or_kits",
                    "Lots or kits",
                    value=detail["lines"][line - 1].get("lots_or_kits") or "",
                ),
            ),
        )
        for line, left in basis.progress.left_to_pack.items()
    )
    return Field("lines", "What is packed", Kind.GROUP, parts=parts, hint=_NONE_OF_A_LINE)


def _which(consignments: Sequence[Consignment]) -> tuple[Field, ...]:
    """A choice of consignment, where there is one to make."""
    if len(consignments) < 2:
        return ()
    options = {each.number: f"Consignment {each.number}: {each.tracking_number}" for each in consignments}
    return (_choice("consignment", "Consignment", {**_CHOOSE, **options}, is_required=True),)


# --- what each action asks for --------------------------------------------------------------------------------------


def _acknowledge(basis: Basis) -> tuple[Field, ...]:
    title = f"{basis.words.expected} expected on"
    title = title[:1].upper() + title[1:]
    return (Field("expected_on", title, Kind.DATE, least=basis.today.isoformat()),)


def _answer(basis: Basis) -> tuple[Field, ...]:
    progress, is_inquiry = basis.progress, basis.type.parts is Parts.QUESTIONS
    if is_inquiry and len(progress.items) == 1:
        return (_text("text", "Answer"),)
    # One open item is what the answer is about; of several it is said which. An answer in words answers every question.
    status = ItemStatus.SUPPLIED if is_inquiry or len(progress.open_items) == 1 else ItemStatus.OPEN
    blocks = tuple(_item(basis, number, status) for number in progress.open_items)
    title = "Question by question" if is_inquiry else "Items"
    group = Field("items", title, Kind.GROUP, parts=blocks, is_folded=is_inquiry)
    if is_inquiry:
        return (_text("text", "Answer", is_required=True), group)
    return (group, _text("text", "Remarks"))


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
    parts = (
        _choice(f"{place}.status", "Status", words, value=status.value),
        *(() if is_question else named),
        Field(f"{place}.text", "Answer to this one" if is_question else "Note", most=_LONGEST),
        Field(f"{place}.reason", "Reason, if declined", most=4000),
    )
    return Field(place, part_title(basis.type, basis.words, basis.progress.detail, number), Kind.GROUP, parts=parts)


def _confirm_order(basis: Basis) -> tuple[Field, ...]:
    wanted = basis.progress.detail.get("requested_ship_date")
    today = basis.today.isoformat()
    hint = f"asked for: {civil_day(date.fromisoformat(wanted))}" if wanted else ""
    value = wanted if wanted and wanted >= today else ""
    return (
        Field("planned_ship_on", "Planned ship date", Kind.DATE, hint=hint, value=value, least=today),
        _REMARKS,
    )


def _confirm_packed(basis: Basis) -> tuple[Field, ...]:
    return (
        _packed_lines(basis),
        _loggers(must=bool(basis.progress.detail.get("logger_required"))),
        Field("packed_at", "Packed at", Kind.MOMENT, hint=_NOW),
    )


def _loggers(*, must: bool = False) -> Field:
    return Field("logger_serials", "Serial numbers of the loggers", is_required=must, hint=_COMMAS, most=2000)


def _confirm_dispatch(basis: Basis) -> tuple[Field, ...]:
    return (
        *_told_since(basis),
        _quantities(basis),
        Field("courier", "Courier"),
        Field("tracking_number", "Tracking number", hint="air waybill, consignment note", most=80),
        Field("expected_delivery_on", "Delivery expected on", Kind.DATE),
        Field("dispatched_at", "Dispatched at", Kind.MOMENT, hint=_NOW),
        Field("service", "Service", most=120),
        _loggers(),
        _REMARKS,
    )


def _told_since(basis: Basis) -> tuple[Field, ...]:
    """For a dispatch written down late: the consignments of which the sponsor was told in another way since."""
    before = {each.number for each in basis.progress.consignments}
    since = [each for each in basis.case.progress().consignments if each.number not in before]
    if not since:
        return ()
    options = {each.number: f"consignment {each.number}: {each.tracking_number}, told of later" for each in since}
    hint = "of one told of later the quantities stay as they are"
    return (_choice("consignment", "Which goods", {"": "goods not told of yet", **options}, hint=hint),)


def _confirm_delivery(basis: Basis) -> tuple[Field, ...]:
    readouts: Mapping[Any, str] = READOUTS
    if basis.progress.detail.get("logger_required"):
        readouts = {**_CHOOSE, **{code: words for code, words in READOUTS.items() if code is not Readout.NOT_REQUIRED}}
    else:
        readouts = {Readout.NOT_REQUIRED: READOUTS[Readout.NOT_REQUIRED], **READOUTS}
    progress = basis.progress
    awaited = (*progress.under_way, *progress.unconfirmed) if basis.is_cmo else progress.under_way
    return (
        *_which(awaited),
        Field("received_by", "Received by"),
        Field("delivered_at", "Delivered at", Kind.MOMENT, hint=_NOW),
        _choice("condition", "Condition", {**_CHOOSE, **CONDITIONS}),
        _choice("readout", "Logger readout", readouts, is_required="" in readouts),
        Field(
            "temperatures",
            "Temperatures of the readout",
            Kind.GROUP,
            parts=(
                Field("min_c", "Lowest °C", Kind.NUMBER),
                Field("max_c", "Highest °C", Kind.NUMBER),
                Field("minutes_out", "Minutes out of range", Kind.NUMBER),
            ),
        ),
        _REMARKS,
    )


def _report_lost(basis: Basis) -> tuple[Field, ...]:
    return (*_which(basis.progress.under_way), _text("text", "What is known"))


def _decide(basis: Basis) -> tuple[Field, ...]:
    return (
        *_which(basis.progress.undecided),
        _choice("disposition", "The goods are", {**_CHOOSE, **DISPOSITIONS}),
        _text("reason", "Why"),
    )


def _wait(_: Basis) -> tuple[Field, ...]:
    return (_text("reason", "For whom, and what for"), Field("until", "Until", Kind.MOMENT))


def _hand_on(_: Basis) -> tuple[Field, ...]:
    return (Field("name", "Colleague’s name"), Field("email", "Colleague’s e-mail address", most=254))


def _correct(basis: Basis) -> tuple[Field, ...]:
    options = {fact.sequence: _quoted(fact, basis.zone) for fact in _corrigible(basis)}
    return (_choice("corrects", "Which message", options), _text("text", "What is right"))


def _corrigible(basis: Basis) -> list[FactRow]:
    """The messages of one's own side, the latest first."""
    own = [fact for fact in basis.facts if (Role(fact.by_role) in CMO_ROLES) == basis.is_cmo]
    return [fact for fact in reversed(own) if fact.content.get("text") or fact.reason]


def _quoted(fact: FactRow, zone: str) -> str:
    said = " ".join(str(fact.content.get("text") or fact.reason).split())
    on = civil_day(fact.occurred_at.astimezone(ZoneInfo(zone)).date())
    words = said if len(said) <= 50 else f"{said[:49]}…"
    return f"{on}, {fact.by_name} {FACTS[FactKind(fact.kind)]}: “{words}”"


def _amend(basis: Basis) -> tuple[Field, ...]:
    asked = basis.request
    contacts: dict[Any, str] = {asked.contact_id: "stays as it is"} | dict(basis.contacts)
    columns = (
        _text("reason", "Why"),
        Field("changes.due_on", "Needed on", Kind.DATE, value=asked.due_on.isoformat() if asked.due_on else ""),
        *(_priority(asked.priority) if basis.may_set_priority else ()),
        _choice("changes.contact_id", "Contact", contacts, value=str(asked.contact_id)),
        Field("changes.cmo_reference", "CMO’s order reference", most=80, value=asked.cmo_reference or ""),
    )
    return (*columns, *amendable_fields(basis.type, basis.words, basis.progress.detail))


def _priority(value: str) -> tuple[Field, ...]:
    return (_choice("changes.priority", "Priority", {each: label(each) for each in Priority}, value=value),)


_FIELDS: Mapping[Action, Callable[[Basis], tuple[Field, ...]]] = {
    Action.ACKNOWLEDGE: _acknowledge,
    Action.ASK: lambda _: (_text("text", "Question"),),
    Action.REPLY: lambda _: (_text("text", "Reply"),),
    Action.ANSWER: _answer,
    Action.RESPOND: lambda _: (_text("text", "Message"),),
    Action.CONFIRM_ORDER: _confirm_order,
    Action.REFUSE: lambda _: (_text("reason", "Why"),),
    Action.CONFIRM_PACKED: _confirm_packed,
    Action.CONFIRM_DISPATCH: _confirm_dispatch,
    Action.CONFIRM_DELIVERY: _confirm_delivery,
    Action.REPORT_LOST: _report_lost,
    Action.DECIDE: _decide,
    Action.DECLINE: lambda _: (_text("reason", "Why this cannot be done"),),
    Action.WAIT: _wait,
    Action.FOLLOW_UP: lambda _: (_text("text", "Message"),),
    Action.REJECT: lambda _: (_text("reason", "What is missing or wrong"),),
    Action.REOPEN: lambda _: (_text("reason", "Why"),),
    Action.AMEND: _amend,
    Action.CORRECT: _correct,
    Action.HAND_ON: _hand_on,
    Action.CANCEL: lambda _: (_text("reason", "Why"),),
}
