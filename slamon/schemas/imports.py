"""The outcome of a spreadsheet import, as the API gives it."""

import operator
from typing import Annotated

from pydantic import Field

from slamon.schemas.fields import Answer, Body


class ImportQuery(Body):
    dry_run: Annotated[bool, Field(description="Check everything, answer as if done, store nothing.")] = False
    sheet: Annotated[
        str | None, Field(max_length=100, description="Sheet of the workbook; left out, the first that is not hidden.")
    ] = None


class Remark(Answer):
    """What is to be said of a cell, or of a whole file in row 1. `sheet` and `cell` stand there of a workbook."""

    row: int
    column: str
    message: str = Field(validation_alias="reason")
    sheet: str | None = Field(None, exclude_if=operator.not_)
    cell: str | None = Field(None, exclude_if=operator.not_, examples=["B7"])


class DirectoryImport(Answer):
    dry_run: bool
    created: Annotated[dict[str, int], Field(examples=[{"cmos": 2, "sites": 2, "contacts": 3, "calendars": 2}])]
    unchanged: Annotated[dict[str, int], Field(examples=[{"cmos": 0, "sites": 0, "contacts": 0}])]
    differing: list[Remark] = Field(description="Cells that disagree with a record already there, which stays.")
    notes: list[Remark] = Field(
        [], exclude_if=operator.not_, description="How the file was read, where one might think otherwise."
    )
