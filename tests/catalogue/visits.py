"""A request type that slamon does not ship: visits. Its rules and its fields; nothing else in the house knows it."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from enum import StrEnum
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
from slamon.schemas.fields import Body, Country, Day, Name, Quantity, Question, Text, Zone
from slamon.schemas.shapes import Shown
from slamon.schemas.types.base import NewRequest
from slamon.wording.types import FieldWords, PartWords, RowWords, TypeWords
from slamon.wording.words import ENGLISH


class VisitRoute(StrEnum):
    ON_SITE = "on_site"
    REMOTE = "remote"


class Visitor(Body):
    name: Name
    hours: Quantity


class VisitDetail(Body):
    visit_on: Annotated[Day, Shown(group="visit", column="visit_on")]
    scope: Annotated[Text, Shown(group="visit", column="visit_scope")]
    route: Annotated[VisitRoute | None, Shown(group="visit")] = None
    country: Annotated[Country | None, Shown(group="visit")] = None
    zone: Annotated[Zone | None, Shown(group="visit")] = None
    visitors: Annotated[list[Visitor], Shown(group="visit")] = Field([], max_length=20)
    questions: Annotated[list[Question], Shown(group="questions", column="question", without="{subject}")] = Field(
        min_length=1, max_length=50
    )


class VisitRequest(NewRequest):
    """Answer the questions of a visit."""

    type: Literal["visit"]
    detail: VisitDetail


def _day(detail: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "visit day", date.fromisoformat(detail["visit_on"]).isoformat()


_ANSWERING: Ways = ((When.SOMETHING_IS_OWED, ACKNOWLEDGED), (When.OTHERWISE, ANSWERED))

VISIT = RequestTypeDefinition(
    name="visit",
    prefix="VIS",
    body="tests.catalogue.visits:VisitRequest",
    parts=Parts.QUESTIONS,
    rules=information(_ANSWERING, ACKNOWLEDGED),
    already_done=information_done(_ANSWERING),
    by_itself=UNOPPOSED,
    clocks=INFORMATION_CLOCKS,
    amendable={"visit_on": (), "scope": (), "route": (), "country": (), "zone": (), "visitors": ("name", "hours")},
    due_day="visit_on",
    marks=_day,
)
VISIT_WORDS = TypeWords(
    name="Visit",
    short="visit",
    a_request="a visit request",
    heading="Announce a visit",
    choice="a visit",
    choice_hint="A visit, with questions to prepare",
    groups={"visit": "The visit", "questions": "What to prepare"},
    fields={
        "detail.visit_on": FieldWords("Day of the visit"),
        "detail.scope": FieldWords("Scope of the visit"),
        "detail.route": FieldWords("How they come"),
        "detail.country": FieldWords("Country of the visit"),
        "detail.zone": FieldWords("Zone of the visit"),
        "detail.visitors": FieldWords("Visitors"),
        "detail.visitors.name": FieldWords("Visitor’s name"),
        "detail.visitors.hours": FieldWords("Hours on site"),
        "detail.questions": FieldWords("Visit questions", missing="write at least one visit question"),
    },
    rows={
        "detail.questions": RowWords("Visit question", "Add another visit question"),
        "detail.visitors": RowWords("Visitor", "Add another visitor"),
    },
    codes={"on_site": "on site", "remote": "by video call"},
    part=PartWords("open", "answered"),
)
CATALOGUE = replace(STANDARD, types={**STANDARD.types, "visit": VISIT})
WORDS = replace(ENGLISH, types={**ENGLISH.types, "visit": VISIT_WORDS})
