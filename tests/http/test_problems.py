"""Every error is a problem (RFC 9457), names what was refused, and gives nothing away."""

import sqlite3
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from slamon.app import create_app
from slamon.db.database import Database
from tests.callers import Api

JSON, TEXT = {"Content-Type": "application/json"}, {"Content-Type": "text/plain"}
PROBLEM = "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path", "send", "status", "kind"),
    [
        ("GET", "/v1/nothing", {}, 404, "not-found"),
        ("GET", f"/v1/requests/{UUID(int=7)}", {}, 404, "not-found"),
        ("DELETE", "/v1/sites", {}, 405, "method-not-allowed"),
        ("POST", "/v1/requests", {"content": b"{", "headers": JSON}, 400, "malformed"),
        ("POST", "/v1/requests", {"content": b"[" * 100_000, "headers": JSON}, 400, "malformed"),
        ("POST", "/v1/requests", {"content": b'{"a": "\xff"}', "headers": JSON}, 400, "malformed"),
        ("POST", "/v1/requests", {"content": b"{}", "headers": TEXT}, 415, "unsupported-media-type"),
        ("POST", "/v1/requests", {"content": b"x" * 10_000_000, "headers": JSON}, 413, "too-large"),
        ("POST", "/v1/requests", {"json": {}}, 422, "invalid"),
        ("POST", "/v1/people", {"json": {}}, 422, "invalid"),
        ("GET", "/v1/requests?sort=age", {}, 422, "invalid"),
        ("GET", "/v1/requests?colour=red", {}, 422, "invalid"),
        ("GET", "/v1/requests?cursor=abc", {}, 422, "invalid"),
        ("GET", "/v1/sites?cursor=abc", {}, 422, "invalid"),
        ("POST", "/v1/outgoing", {"json": {"stopped": True, "reason": "x"}}, 403, "forbidden"),
    ],
)  # fmt: skip
def test_every_error_is_a_problem(
    api: Api, method: str, path: str, send: dict[str, Any], status: int, kind: str
) -> None:
    answer = api.pm.request(method, path, **send)
    assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM)
    assert answer.json()["type"] == f"urn:slamon:problem:{kind}"
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


def test_a_body_sent_in_chunks_is_refused_once_it_has_grown_too_large(api: Api) -> None:
    chunks = (b"x" * 100_000 for _ in range(100))
    assert api.pm.post("/v1/requests", content=chunks, headers=JSON).status_code == 413


def test_an_address_says_which_methods_it_takes(api: Api) -> None:
    assert api.pm.delete("/v1/sites").headers["allow"] == "GET, POST"


def test_every_refused_field_is_named_and_no_value_comes_back(api: Api) -> None:
    body = api.inquiry(
        filed_at="2020-01-01T00:00:00Z", priority="s3cret", detail={"category": "technical", "questions": [""]}
    )
    errors = api.pm.post("/v1/requests", json=body).json()["errors"]
    assert {error["field"] for error in errors} == {"filed_at", "priority", "detail.questions.0"}
    assert "s3cret" not in str(errors)


def test_what_nobody_expected_is_a_problem_without_details(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise RuntimeError("s3cret")

    caller = api.pm
    monkeypatch.setattr(api.installation.runtime.clock, "now", broken)
    with capture_logs() as logs:
        answer = caller.get("/v1/requests?cursor=t0ken")
    assert (answer.status_code, answer.headers["content-type"]) == (500, PROBLEM)
    assert "s3cret" not in answer.text
    assert [(line["event"], line["route"]) for line in logs] == [
        ("defect", "/v1/requests"),
        ("request", "/v1/requests"),
    ]
    assert "t0ken" not in str(logs)


def test_a_database_that_is_away_is_said_with_when_to_come_back(api: Api) -> None:
    nowhere = Database("postgresql+psycopg://nobody@127.0.0.1:1/none")
    away = TestClient(create_app(replace(api.installation.runtime, db=nowhere), with_workers=False))
    answer = away.get("/v1/requests", headers={"Authorization": "Bearer slk_any"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


def test_a_commit_that_fails_is_never_answered_as_done(api: Api) -> None:
    """FastAPI's own way, a dependency that commits on its way out, answered 200 first and failed afterwards."""
    caller = api.pm

    def disk_is_full(_connection: object) -> None:
        full = sqlite3.OperationalError("database or disk is full")
        full.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise OperationalError("COMMIT", {}, full)

    event.listen(api.installation.runtime.db.engine, "commit", disk_is_full)
    answer = caller.post("/v1/requests", json=api.inquiry())
    event.remove(api.installation.runtime.db.engine, "commit", disk_is_full)
    assert answer.status_code == 503
    assert caller.get("/v1/requests").json()["items"] == []


def test_the_log_names_the_route_and_never_a_secret_in_the_address(api: Api) -> None:
    with capture_logs() as logs:
        api.nobody.get("/r/s3cret-token")
    assert [line["route"] for line in logs if line["event"] == "request"] == ["/r/{token}"]
    assert "s3cret" not in str(logs)


def test_a_callers_own_request_id_comes_back(api: Api) -> None:
    assert api.pm.get("/v1/sites", headers={"X-Request-Id": "irt-55.7"}).headers["x-request-id"] == "irt-55.7"


def test_a_request_id_that_could_forge_a_log_line_is_replaced(api: Api) -> None:
    assert api.pm.get("/v1/sites", headers={"X-Request-Id": 'a"b c'}).headers["x-request-id"] != 'a"b c'


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/v1/policies/what-if", "POST"),
        ("DELETE", "/v1/policies/resolve", "GET"),
        ("PUT", "/v1/policies", "GET, POST"),
        ("GET", "/v1/imports/directory", "POST"),
        ("DELETE", "/v1/requests/01980a4e-8f6b-7c3d-9a51-2f1c7d9e0a11", "GET"),
    ],
)
def test_allow_names_the_methods_an_address_has_and_no_others(api: Api, method: str, path: str, allowed: str) -> None:
    answer = api.admin.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
