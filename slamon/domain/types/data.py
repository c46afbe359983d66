"""Data requests: certificates, results and records about our product, each supplied or declined."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

from slamon.domain.lifecycle import Parts, RequestTypeDefinition, Ways, When
from slamon.domain.types.common import (
    ACKNOWLEDGED,
    ANSWERED,
    INFORMATION_CLOCKS,
    PARTLY,
    UNOPPOSED,
    information,
    information_done,
)


class DataKind(StrEnum):
    COA = "coa"
    COC = "coc"
    BATCH_RECORD = "batch_record"
    ASSAY_RESULT = "assay_result"
    STABILITY_DATA = "stability_data"
    STORAGE_TEMPERATURE = "storage_temperature"
    DEVIATION_REPORT = "deviation_report"
    OOS_REPORT = "oos_report"
    CAPA_STATUS = "capa_status"
    CHANGE_CONTROL = "change_control"
    INVENTORY = "inventory"
    RETENTION_SAMPLE = "retention_sample"
    AUDIT_RESPONSE = "audit_response"
    OTHER = "other"


def _kinds(detail: Mapping[str, Any]) -> Iterator[str]:
    for item in detail.get("items", ()):
        yield str(item["kind"])


def _lots(detail: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for item in detail.get("items", ()):
        for lot in item.get("lots", ()):
            yield "lot", lot


_ANSWERING: Ways = ((When.SOMETHING_IS_OWED, PARTLY), (When.OTHERWISE, ANSWERED))
_BACK: Ways = ((When.SOMETHING_IS_SUPPLIED, PARTLY), (When.OTHERWISE, ACKNOWLEDGED))

DATA = RequestTypeDefinition(
    name="data",
    prefix="DAT",
    body="slamon.schemas.types.data:DataRequest",
    parts=Parts.ITEMS,
    rules=information(_ANSWERING, _BACK),
    already_done=information_done(_ANSWERING),
    by_itself=UNOPPOSED,
    closes_gxp_by_itself=False,
    clocks=INFORMATION_CLOCKS,
    kinds=tuple(DataKind),
    kinds_in=_kinds,
    amendable={"items": ("lots",)},
    marks=_lots,
)
