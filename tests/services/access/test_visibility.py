"""Keys, their scopes and limits, and that one CMO never sees another; who may what is the table of `test_rights.py`."""

from pathlib import Path

import pytest

from slamon.domain.scopes import Scope
from tests.callers import Api
from tests.installation import open_world

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize("authorization", [None, "Bearer", "Bearer slk_unknown", "Bearer ñ"])
def test_without_a_known_key_nothing_is_answered(api: Api, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization.encode("latin-1")}
    answer = api.nobody.get("/v1/requests", headers=headers)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="slamon"')


def test_who_calls_is_asked_before_the_body_is_read(api: Api) -> None:
    assert api.nobody.post("/v1/requests", content=b"{", headers=JSON).status_code == 401


@pytest.mark.parametrize(
    ("media", "content"),
    [
        ("application/json", b"\xff"),
        ("application/json", b'{"subject": "' + b"x" * 100_000 + b'"}'),
        ("text/plain", b"{}"),
    ],
)
def test_whoever_has_no_key_that_counts_is_told_that_alone(api: Api, media: str, content: bytes) -> None:
    stranger = api.with_key("slk_unknown")
    assert stranger.post("/v1/requests", content=content, headers={"Content-Type": media}).status_code == 401


def test_the_document_too_is_for_callers_with_a_key(api: Api) -> None:
    assert api.nobody.get("/v1/openapi.json").status_code == 401
    assert api.pm.get("/v1/openapi.json").json()["paths"]["/v1/sites"]["post"]["operationId"] == "createSite"


@pytest.mark.parametrize(
    ("scope", "read", "file", "act"),
    [(Scope.READ, 200, 403, 403), (Scope.FILE, 403, 201, 403), (Scope.ACT, 403, 403, 200)],
)
def test_a_key_does_no_more_than_its_scopes(api: Api, scope: Scope, read: int, file: int, act: int) -> None:
    path = f"/v1/requests/{api.filed()['id']}"
    caller = api.caller(api.world.cast.pm, scope)
    assert (
        caller.get(path).status_code,
        caller.post("/v1/requests", json=api.inquiry()).status_code,
        caller.post(f"{path}/actions/follow_up", json={"text": "Any news?"}).status_code,
    ) == (read, file, act)


@pytest.mark.parametrize("part", ["admin", "pm", "auditor"])
def test_staff_make_keys_for_themselves(api: Api, part: str) -> None:
    body = {"person_id": str(getattr(api.world.cast, part)), "scopes": ["read"]}
    made = getattr(api, part).post("/v1/api-keys", json=body)
    assert made.status_code == 201
    assert api.with_key(made.json()["secret"]).get("/v1/requests").status_code == 200


@pytest.mark.parametrize(
    ("part", "owner"), [("admin", "pm"), ("admin", "contact"), ("pm", "lead"), ("contact", "contact")]
)
def test_nobody_makes_a_key_for_somebody_else_and_a_cmo_none_at_all(api: Api, part: str, owner: str) -> None:
    body = {"person_id": str(getattr(api.world.cast, owner)), "scopes": ["read"]}
    answer = getattr(api, part).post("/v1/api-keys", json=body)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "person_id")


def test_a_key_makes_none_that_can_do_more(api: Api) -> None:
    reader = api.caller(api.world.cast.pm, Scope.READ)
    body = {"person_id": str(api.world.cast.pm), "scopes": ["read", "act"]}
    assert reader.post("/v1/api-keys", json=body).status_code == 403


def test_only_administrators_make_keys_for_service_accounts(api: Api) -> None:
    body = {"service_name": "IRT bridge", "service_roles": ["project_manager"], "scopes": ["read"]}
    assert api.lead.post("/v1/api-keys", json=body).status_code == 403


def test_a_service_account_makes_no_key_in_a_persons_name(api: Api) -> None:
    service = {"service_name": "Bridge", "service_roles": ["project_manager"], "scopes": ["read"]}
    bridge = api.with_key(api.admin.post("/v1/api-keys", json=service).json()["secret"])
    body = {"person_id": str(api.world.cast.pm), "scopes": ["read"]}
    assert bridge.post("/v1/api-keys", json=body).status_code == 422


def test_a_request_of_another_cmo_cannot_be_acted_on_or_listed(api: Api) -> None:
    path = f"/v1/requests/{api.filed()['id']}"
    assert api.other_contact.post(f"{path}/actions/acknowledge").status_code == 404
    assert api.other_contact.get("/v1/requests").json()["items"] == []
    assert len(api.contact.get("/v1/requests").json()["items"]) == 1


def test_a_contact_of_one_site_does_not_see_the_next_one(api: Api) -> None:
    path = f"/v1/requests/{api.filed(site_id=str(api.world.cast.second_site))['id']}"
    assert api.contact.get(path).status_code == 404
    assert api.cmo_lead.get(path).status_code == 200


def test_a_record_is_found_under_its_own_kind_only(api: Api) -> None:
    cast = api.world.cast
    assert api.admin.get(f"/v1/cmos/{cast.sponsor}").status_code == 404
    assert api.admin.get(f"/v1/people/{cast.contact}").status_code == 404
    assert api.admin.get(f"/v1/contacts/{cast.pm}").status_code == 404
    change = {"name": "X", "reason": "y"}
    assert api.lead.patch(f"/v1/contacts/{cast.admin}", json=change).status_code == 404


def test_a_caller_may_not_call_too_often(tmp_path: Path) -> None:
    with open_world(f"sqlite:///{tmp_path}/world.db", api_calls_per_minute=3) as world:
        api = Api(world)
        answers = [api.pm.get("/v1/sites") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert 1 <= int(answers[3].headers["retry-after"]) <= 60
        assert api.lead.get("/v1/sites").status_code == 200


def test_who_reads_too_often_can_still_write(tmp_path: Path) -> None:
    with open_world(f"sqlite:///{tmp_path}/world.db", api_calls_per_minute=2) as world:
        api = Api(world)
        assert [api.pm.get("/v1/sites").status_code for _ in range(3)] == [200, 200, 429]
        filed = [api.pm.post("/v1/requests", json=api.inquiry(subject=f"No. {each}")) for each in range(3)]
        assert [answer.status_code for answer in filed] == [201, 201, 429]
