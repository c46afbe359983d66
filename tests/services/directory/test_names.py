"""Names that look the same are taken once, whatever is typed; text of which nothing is seen is none."""

from typing import Any

import pytest
from sqlalchemy import text

from tests.callers import Api
from tests.installation import Installation
from tests.services.requests.test_queries import SHIPMENT

LIKE_RHEIN = "RHEIN\u00a0Fill \u200bAG"  # the cast's first CMO


def place(api: Api, **more: Any) -> dict[str, Any]:
    return {"cmo_id": str(api.installation.cast.cmo), "country": "CH", "time_zone": "Europe/Zurich", **more}


def project(api: Api, **more: Any) -> dict[str, Any]:
    return {
        "name": "Auriga",
        "pm_id": str(api.installation.cast.pm),
        "cmo_ids": [str(api.installation.cast.cmo)],
        **more,
    }


def test_a_name_that_looks_the_same_is_taken(any_api: Api) -> None:
    admin = any_api.admin
    calendar = admin.get("/v1/calendars").json()["items"][0]["name"]
    taken = [
        admin.post("/v1/cmos", json={"name": LIKE_RHEIN}),
        admin.post("/v1/sites", json=place(any_api, name="ba\u200dsel")),
        admin.post("/v1/projects", json=project(any_api, code="aur\u2011101")),
        admin.post("/v1/calendars", json={"name": f"{calendar.upper()}\u2060", "weekly": "24x7"}),
        admin.patch(f"/v1/cmos/{any_api.installation.cast.other_cmo}", json={"name": LIKE_RHEIN, "reason": "Renamed"}),
    ]
    assert [(answer.status_code, answer.json()["type"]) for answer in taken] == [
        (409, "urn:slamon:problem:already-exists")
    ] * 5
    assert "'Rhein Fill AG'" in taken[0].json()["detail"]


def test_a_name_is_stored_as_typed_and_may_be_respelled(any_api: Api) -> None:
    admin, path = any_api.admin, f"/v1/cmos/{any_api.installation.cast.cmo}"
    assert admin.patch(path, json={"name": LIKE_RHEIN, "reason": "Respelled"}).json()["name"] == LIKE_RHEIN
    assert admin.post("/v1/cmos", json={"name": "Rhein Fill AG"}).status_code == 409
    assert admin.post(
        "/v1/sites", json=place(any_api, name="Basel", cmo_id=str(any_api.installation.cast.other_cmo))
    ).is_success


def test_an_address_with_a_hidden_character_is_refused(api: Api) -> None:
    contact = {"cmo_id": str(api.installation.cast.cmo), "name": "Ann", "email": "con\u200btact@cmo.example"}
    assert api.admin.post("/v1/contacts", json=contact).status_code == 422


def test_rows_that_looked_the_same_before_are_kept_marked_and_refused_only_anew(any_installation: Installation) -> None:
    db = any_installation.runtime.db
    with db.write() as session:
        for table, place_in, name in (("organization", "", LIKE_RHEIN), ("site", "organization_id, ", "BASEL")):
            columns = f"{place_in}name_key, kind, status, created_at, created_by, version"
            columns += ", country, time_zone" if place_in else ""
            session.execute(
                text(
                    f"INSERT INTO {table} (id, name, name_rank, {columns}) SELECT :id, :name, 1, {columns} "
                    f"FROM {table} WHERE name = :like"
                ),
                {"id": "f" * 32, "name": name, "like": {"organization": "Rhein Fill AG", "site": "Basel"}[table]},
            )
    api = Api(any_installation)
    cmos = {cmo["name"]: cmo for cmo in api.admin.get("/v1/cmos").json()["items"]}
    assert {name: cmo["shares_name"] for name, cmo in cmos.items() if "hein" in name or "HEIN" in name} == {
        "Rhein Fill AG": False,
        LIKE_RHEIN: True,
    }
    assert api.admin.post("/v1/cmos", json={"name": "rhein fill ag"}).status_code == 409
    marked = f"/v1/cmos/{cmos[LIKE_RHEIN]['id']}"
    assert api.admin.patch(marked, json={"slack_channel": "C1", "reason": "Theirs"}).json()["shares_name"] is True
    renamed = api.admin.patch(marked, json={"name": "Rhein Fill South", "reason": "Told apart"})
    assert (renamed.status_code, renamed.json()["shares_name"]) == (200, False)


NOTHING = ["\u200b", "\u00a0\u2060 ", "\u3164\u2800", "\ufeff"]


@pytest.mark.parametrize("nothing", NOTHING)
def test_text_of_which_nothing_is_seen_is_refused_where_text_is_needed(api: Api, nothing: str) -> None:
    request = api.filed()
    path = f"/v1/requests/{request['id']}/actions"
    answer = {"items": [{"item": 1, "status": "supplied", "text": nothing}], "text": nothing}
    tried = [
        api.admin.post("/v1/cmos", json={"name": nothing}),
        api.pm.post("/v1/requests", json=api.inquiry(subject=nothing)),
        api.pm.post(
            "/v1/requests", json=api.inquiry(detail={"category": "other", "questions": ["Is week 20 free?", nothing]})
        ),
        api.contact.post(f"{path}/ask", json={"text": nothing}),
        api.contact.post(f"{path}/answer", json=answer),
        api.pm.post(f"{path}/cancel", json={"reason": nothing}),
        api.admin.patch(f"/v1/cmos/{api.installation.cast.cmo}", json={"name": "New", "reason": nothing}),
    ]
    assert [refused.status_code for refused in tried] == [422] * len(tried)


def test_optional_text_of_which_nothing_is_seen_is_empty(api: Api) -> None:
    assert api.filed(description="\u200b\u00a0")["description"] == ""


def test_lots_and_references_are_compared_by_what_is_seen(api: Api) -> None:
    def asked(lot: str) -> dict[str, Any]:
        detail = {"purpose": "release", "items": [{"kind": "coa", "lots": [lot]}]}
        return api.inquiry(type="data", detail=detail, subject="Certificates")

    assert api.pm.post("/v1/requests", json=asked("A\u201117")).status_code == 201
    assert api.pm.post("/v1/requests", json=asked("a-\u200b17")).status_code == 409
    assert len(api.pm.get("/v1/owed", params={"lot": "\u00a0A-17"}).json()["items"]) == 1
    order = api.inquiry(**SHIPMENT, cmo_reference="PO\u00a077")
    assert api.pm.post("/v1/requests", json=order).status_code == 201
    assert api.pm.post("/v1/requests", json={**order, "cmo_reference": "po 77\u2060"}).status_code == 409


def test_a_byte_order_mark_before_json_is_no_part_of_it(api: Api) -> None:
    body = api.pm.build_request("POST", "/v1/requests", json=api.inquiry()).content
    marked = api.pm.post("/v1/requests", content=b"\xef\xbb\xbf" + body, headers={"Content-Type": "application/json"})
    assert marked.status_code == 201
