"""What requests of one type are told apart by, for policies: the kind of data asked for, the category of an inquiry."""

from collections.abc import Mapping
from enum import StrEnum

from slamon.domain.lifecycle import RequestType


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


class InquiryCategory(StrEnum):
    SCHEDULE_CAPACITY = "schedule_capacity"
    TECHNICAL = "technical"
    QUALITY = "quality"
    REGULATORY = "regulatory"
    COMMERCIAL = "commercial"
    INVOICE = "invoice"
    LOGISTICS = "logistics"
    OTHER = "other"


KINDS: Mapping[RequestType, tuple[str, ...]] = {
    RequestType.SHIPMENT: (),
    RequestType.DATA: tuple(DataKind),
    RequestType.INQUIRY: tuple(InquiryCategory),
}
