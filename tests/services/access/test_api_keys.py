"""API keys through HTTP: who makes them for whom, and what they can do."""

from typing import Any

import pytest

from slamon.domain.scopes import Scope
from tests.callers import Api, refused


@pytest.mark.parametrize(
    ("scope", "read", "file", "act"),
    [(Scope.READ, 200, 403, 403), (Scope.FILE, 403, 201, 403), (Scope.ACT, 403, 403, 200)],
)
def test_a_key_does_no_more_than_its_scopes(api: Api, scope: Scope, read: int, file: int, act: int) -> None:
    path = f"/v1/requests/{api.filed()['id']}"
    caller = api.caller(api.installation.cast.pm, scope)
    assert (
        caller.get(path).status_code,
        caller.post("/v1/requests", json=api.inquiry()).status_code,
        caller.post(f"{path}/actions/follow_up", json={"text": "Any news?"}).status_code,
    ) == (read, file, act)


@pytest.mark.parametrize("part", ["admin", "pm", "auditor"])
def test_staff_make_keys_for_themselves(api: Api, part: str) -> None:
    body = {"person_id": str(getattr(api.installation.cast, part)), "scopes": ["read"]}
    made = getattr(api, part).post("/v1/api-keys", json=body)
    assert made.status_code == 201
    assert api.with_key(made.json()["secret"]).get("/v1/requests").status_code == 200


@pytest.mark.parametrize(
    ("part", "owner"), [("admin", "pm"), ("admin", "contact"), ("pm", "lead"), ("contact", "contact")]
)
def test_nobody_makes_a_key_for_somebody_else_and_a_cmo_none_at_all(api: Api, part: str, owner: str) -> None:
    body = {"person_id": str(getattr(api.installation.cast, owner)), "scopes": ["read"]}
    answer = getattr(api, part).post("/v1/api-keys", json=body)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "person_id")


def test_a_key_makes_none_that_can_do_more(api: Api) -> None:
    reader = api.caller(api.installation.cast.pm, Scope.READ)
    body = {"person_id": str(api.installation.cast.pm), "scopes": ["read", "act"]}
    assert reader.post("/v1/api-keys", json=body).status_code == 403


def test_only_administrators_make_keys_for_service_accounts(api: Api) -> None:
    body = {"service_name": "IRT bridge", "service_roles": ["project_manager"], "scopes": ["read"]}
    assert api.lead.post("/v1/api-keys", json=body).status_code == 403


def test_a_service_account_makes_no_key_in_a_persons_name(api: Api) -> None:
    service = {"service_name": "Bridge", "service_roles": ["project_manager"], "scopes": ["read"]}
    bridge = api.with_key(api.admin.post("/v1/api-keys", json=service).json()["secret"])
    body = {"person_id": str(api.installation.cast.pm), "scopes": ["read"]}
    assert bridge.post("/v1/api-keys", json=body).status_code == 422


def test_an_api_key_is_shown_once_works_and_can_be_revoked(api: Api) -> None:
    body = {"service_name": "IRT bridge", "service_roles": ["project_manager"], "scopes": ["read", "file"]}
    made = api.admin.post("/v1/api-keys", json=body).json()
    bridge = api.with_key(made["secret"])
    assert bridge.post("/v1/requests", json=api.inquiry()).status_code == 201
    listed = api.admin.get("/v1/api-keys").text
    assert made["id"] in listed
    assert made["secret"] not in listed
    api.admin.post(f"/v1/api-keys/{made['id']}/revoke", json={"reason": "Leaked"})
    assert bridge.get("/v1/requests").status_code == 401


@pytest.mark.parametrize(
    ("key", "field"),
    [
        ({"scopes": ["read"]}, "body"),
        ({"scopes": [], "service_name": "x", "service_roles": ["head"]}, "scopes"),
        ({"scopes": ["read"], "service_name": "x"}, "body"),
        ({"scopes": ["read"], "service_name": "x", "service_roles": ["admin"]}, "service_roles.0"),
    ],
)
def test_a_key_without_an_owner_or_a_use_is_refused(api: Api, key: dict[str, Any], field: str) -> None:
    assert field in refused(api.admin.post("/v1/api-keys", json=key))
