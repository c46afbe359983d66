"""What a data request asks for: documents and results, item by item."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from slamon.domain.types.data import DataKind
from slamon.schemas.fields import Body, Day, Flag, Line40, ShortText, shown
from slamon.schemas.shapes import Shown
from slamon.schemas.types.base import EXAMPLE_PARTIES, NewRequest


class DataFormat(StrEnum):
    PDF = "pdf"
    CSV = "csv"
    XLSX = "xlsx"
    ORIGINAL = "original"


class DataPurpose(StrEnum):
    RELEASE = "release"
    FILING = "filing"
    INSPECTION = "inspection"
    INVESTIGATION = "investigation"
    OVERSIGHT = "oversight"


class DataItem(Body):
    kind: Annotated[DataKind, Shown(column="data_kind", without="other")]
    lots: Annotated[list[Line40], Shown(column="lots")] = Field([], max_length=100)
    period_from: Day | None = None
    period_to: Day | None = None
    format: Annotated[DataFormat, Shown(start="pdf")] = DataFormat.PDF
    note: ShortText = ""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.period_from and self.period_to and self.period_from > self.period_to:
            raise ValueError("period_from must not be after period_to")
        return self


class DataDetail(Body):
    purpose: Annotated[DataPurpose, Shown(group="data", column="purpose", without="oversight")]
    items: Annotated[list[DataItem], Shown(group="data", rows=3)] = Field(min_length=1, max_length=50)


class DataRequest(NewRequest):
    """Hand over data about our product."""

    model_config = shown(
        **EXAMPLE_PARTIES,
        type="data",
        subject="Certificates of analysis, lots A17 and A18",
        gxp=True,
        detail={"purpose": "release", "items": [{"kind": "coa", "lots": ["A17", "A18"]}]},
    )

    type: Literal["data"]
    detail: DataDetail
    split: Flag = Field(
        False,
        description="Where the kinds asked for have different terms: file one request for each, all of them or none. "
        "The answer is then a list. Left out, it is filed as one, under the longest.",
    )
