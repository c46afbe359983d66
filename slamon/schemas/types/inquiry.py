"""What an inquiry asks: one or several questions."""

from typing import Annotated, Literal

from pydantic import Field

from slamon.domain.types.inquiry import InquiryCategory
from slamon.schemas.fields import Body, Question, shown
from slamon.schemas.shapes import Shown
from slamon.schemas.types.base import EXAMPLE_PARTIES, NewRequest


class InquiryDetail(Body):
    category: Annotated[InquiryCategory, Shown(group="questions", column="category", without="other")]
    questions: Annotated[list[Question], Shown(group="questions", rows=3, column="question", without="{subject}")] = (
        Field(min_length=1, max_length=50, description="Numbered by their place, from 1.")
    )


class InquiryRequest(NewRequest):
    """Answer some questions."""

    model_config = shown(
        **EXAMPLE_PARTIES,
        type="inquiry",
        subject="Capacity in May",
        detail={
            "category": "schedule_capacity",
            "questions": ["Is the filling line free in week 20?", "Could it run two shifts?"],
        },
    )

    type: Literal["inquiry"]
    detail: InquiryDetail
