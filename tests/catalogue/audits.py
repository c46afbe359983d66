"""A request type that slamon does not ship: audits. Its rules and its fields; nothing else in the house knows it."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field

from slamon.domain.catalogue import STANDARD
from slamon.domain.lifecycle import Parts, RequestTypeDefinition, Ways, When
from slamon.domain.types.common import (
    ACKNOWLEDGED,
    ANSWERED,
    INFORMATION_CLOCKS,
    UNOPPOSED,
    information,
    information_done,
)
from slamon.schemas.fields import Body, Day, Question, Text
from slamon.schemas.shapes import Shown
from slamon.schemas.types.base import NewRequest
from slamon.wording.types import FieldWords, PartWords, RowWords, TypeWords
from slamon.wording.words import ENGLISH


class AuditDetail(Body):
    audit_on: Annotated[Day, Shown(group="audit", column="audit_on")]
    scope: Annotated[Text, Shown(group="audit", column="audit_scope")]
    questions: Annotated[list[Question], Shown(group="questions", column="question", without="{subject}")] = Field(
        min_length=1, max_length=50
    )


class AuditRequest(NewRequest):
    """Answer the questions of an audit."""

    type: Literal["audit"]
    detail: AuditDetail


def _day(detail: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "audit day", date.fromisoformat(detail["audit_on"]).isoformat()


_ANSWERING: Ways = ((When.SOMETHING_IS_OWED, ACKNOWLEDGED), (When.OTHERWISE, ANSWERED))

AUDIT = RequestTypeDefinition(
    name="audit",
    prefix="AUD",
    body="tests.catalogue.audits:AuditRequest",
    parts=Parts.QUESTIONS,
    rules=information(_ANSWERING, ACKNOWLEDGED),
    already_done=information_done(_ANSWERING),
    by_itself=UNOPPOSED,
    clocks=INFORMATION_CLOCKS,
    due_day="audit_on",
    marks=_day,
)
AUDIT_WORDS = TypeWords(
    name="Audit",
    heading="Announce an audit",
    choice="An audit",
    choice_hint="A visit, with questions to prepare",
    groups={"audit": "The audit", "questions": "What to prepare"},
    fields={
        "detail.audit_on": FieldWords("Day of the audit"),
        "detail.scope": FieldWords("Scope of the audit"),
        "detail.questions": FieldWords("Audit questions", missing="write at least one audit question"),
    },
    rows={"detail.questions": RowWords("Audit question", "Add another audit question")},
    codes={},
    part=PartWords("open", "answered"),
)
CATALOGUE = replace(STANDARD, types={**STANDARD.types, "audit": AUDIT})
WORDS = replace(ENGLISH, types={**ENGLISH.types, "audit": AUDIT_WORDS})
