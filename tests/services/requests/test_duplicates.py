"""Likely duplicates: shown before a filing, never in its way for good."""

from typing import Any

import pytest
from sqlalchemy import event, text, update

from bench.seed import seed_open_requests
from slamon.db.requests import CmoRequest
from slamon.domain.catalogue import STANDARD
from slamon.domain.lifecycle import RequestType, State
from slamon.errors import LikelyDuplicate
from slamon.services.requests.duplicates import marks, refuse_duplicates
from tests.callers import Api
from tests.db.test_plans import explain
from tests.installation import Installation
from tests.services.requests.test_queries import SHIPMENT


def data(api: Api, *lots: str, **more: Any) -> dict[str, Any]:
    detail = {"purpose": "release", "items": [{"kind": "coa", "lots": list(lots)}]}
    return api.inquiry(**{"type": "data", "subject": "Certificates", "detail": detail, **more})


def file(api: Api, body: dict[str, Any], **more: Any) -> Any:
    return api.pm.post("/v1/requests", json={**body, **more})


def test_the_same_lot_again_is_shown_and_filed_only_on_purpose(any_api: Api) -> None:
    api = any_api
    first = file(api, data(api, "A17", "A18")).json()
    again = data(api, "B01", " a17 ", subject="CoA, please")
    refused = file(api, again)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:slamon:problem:likely-duplicate")
    assert refused.json()["look_alikes"] == [
        {"id": first["id"], "number": first["number"], "subject": "Certificates", "same": "lot"}
    ]
    assert len(api.pm.get("/v1/requests").json()["items"]) == 1
    assert file(api, again, file_anyway=True).status_code == 201
    assert len(file(api, again).json()["look_alikes"]) == 2


@pytest.mark.parametrize(
    "named", [{"cmo_reference": "PO-77"}, {"irt_order_no": "IRT-1"}, {"lots_or_kits": "Kits 100–140"}]
)
def test_an_order_number_or_kits_in_common_are_a_sign_too(api: Api, named: dict[str, str]) -> None:
    def shipment() -> dict[str, Any]:
        detail: dict[str, Any] = {**SHIPMENT["detail"]}  # type: ignore[dict-item]
        detail["lines"] = [{**detail["lines"][0], **{k: v for k, v in named.items() if k == "lots_or_kits"}}]
        detail.update({k: v for k, v in named.items() if k == "irt_order_no"})
        return api.inquiry(**{**SHIPMENT, "detail": detail, "cmo_reference": named.get("cmo_reference")})

    assert file(api, shipment()).status_code == 201
    assert file(api, shipment()).status_code == 409


def test_another_cmo_another_type_or_an_ended_request_are_no_look_alikes(api: Api) -> None:
    cast = api.installation.cast
    first = file(api, data(api, "A17", cmo_reference="PO-77")).json()
    assert file(api, data(api, "A17", site_id=str(cast.other_site))).status_code == 201
    assert file(api, api.inquiry(cmo_reference="PO-77")).status_code == 201
    assert file(api, data(api, "A17")).status_code == 409
    api.pm.post(f"/v1/requests/{first['id']}/actions/cancel", json={"reason": "Not needed"})
    assert file(api, data(api, "A17")).status_code == 201


def test_without_a_lot_or_an_order_number_nothing_is_compared(api: Api) -> None:
    for _ in range(2):
        assert file(api, api.inquiry()).status_code == 201
    assert marks(STANDARD.types[RequestType.DATA], {"items": [{"lots": ["", "  "]}]}, None) == frozenset()


def test_looking_for_them_follows_the_cmos_open_requests_of_that_type(any_installation: Installation) -> None:
    seed_open_requests(any_installation, 300)
    with any_installation.runtime.db.engine.begin() as connection:  # most are closed, and PostgreSQL knows
        connection.execute(update(CmoRequest).values(state=State.CLOSED.value))
        connection.execute(text("ANALYZE" if not any_installation.runtime.db.is_sqlite else "SELECT 1"))
    any_installation.file(cmo_reference="PO-77")
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, sql: str, given: Any, *_: Any) -> None:
        asked.append((sql, given))

    event.listen(any_installation.runtime.db.engine, "before_cursor_execute", note)
    filer = any_installation.caller(any_installation.cast.pm)
    asked.clear()
    with any_installation.runtime.db.read() as session, pytest.raises(LikelyDuplicate):
        refuse_duplicates(
            session, STANDARD.types[RequestType.INQUIRY], any_installation.cast.cmo, {}, "PO-77", by=filer
        )
    plan = explain(any_installation, *asked[-1])
    assert "ix_cmo_request_open_of_cmo" in plan
    assert "TEMP B-TREE" not in plan
    assert "Sort" not in plan
