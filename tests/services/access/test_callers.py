"""Callers through HTTP: nobody without a known key, and nobody too often."""

from pathlib import Path

import pytest

from tests.callers import Api
from tests.installation import open_installation

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


def test_a_caller_may_not_call_too_often(tmp_path: Path) -> None:
    with open_installation(f"sqlite:///{tmp_path}/installation.db", api_calls_per_minute=3) as installation:
        api = Api(installation)
        answers = [api.pm.get("/v1/sites") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert 1 <= int(answers[3].headers["retry-after"]) <= 60
        assert api.lead.get("/v1/sites").status_code == 200


def test_who_reads_too_often_can_still_write(tmp_path: Path) -> None:
    with open_installation(f"sqlite:///{tmp_path}/installation.db", api_calls_per_minute=2) as installation:
        api = Api(installation)
        assert [api.pm.get("/v1/sites").status_code for _ in range(3)] == [200, 200, 429]
        filed = [api.pm.post("/v1/requests", json=api.inquiry(subject=f"No. {each}")) for each in range(3)]
        assert [answer.status_code for answer in filed] == [201, 201, 429]
