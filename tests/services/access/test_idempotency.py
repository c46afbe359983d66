"""Doing a thing once, whoever asks again: idempotency keys, and people acting at the same moment."""

import threading
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from httpx2 import Response
from sqlalchemy import func, select
from starlette.testclient import TestClient

from slamon.db.requests import CmoRequest
from slamon.wording.message import MessageKind
from tests.callers import Api
from tests.installation import PM, Installation


def requests_stored(world: Installation) -> int:
    with world.runtime.db.read() as session:
        return session.scalar(select(func.count()).select_from(CmoRequest)) or 0


def test_the_same_call_with_the_same_key_is_done_once(any_api: Api) -> None:
    key = {"Idempotency-Key": "order-1"}
    first = any_api.pm.post("/v1/requests", json=any_api.inquiry(), headers=key)
    any_api.world.clock.advance(hours=23)
    again = any_api.pm.post("/v1/requests", json=any_api.inquiry(), headers=key)
    assert (again.status_code, again.text) == (first.status_code, first.text)
    assert {name: again.headers[name] for name in ("location", "etag")} == {
        name: first.headers[name] for name in ("location", "etag")
    }
    assert again.headers["idempotency-replayed"] == "true"
    assert requests_stored(any_api.world) == 1


def test_a_key_that_came_with_another_call_is_refused(api: Api) -> None:
    key = {"Idempotency-Key": "order-1"}
    filed = api.pm.post("/v1/requests", json=api.inquiry(), headers=key).json()
    other = api.pm.post("/v1/requests", json=api.inquiry(subject="Else"), headers=key)
    assert (other.status_code, other.json()["type"]) == (422, "urn:slamon:problem:idempotency-key-reused")
    elsewhere = api.pm.post(f"/v1/requests/{filed['id']}/actions/follow_up", json=api.inquiry(), headers=key)
    assert elsewhere.status_code == 422


def test_another_callers_same_key_is_another_key(api: Api) -> None:
    key = {"Idempotency-Key": "order-1"}
    api.pm.post("/v1/requests", json=api.inquiry(), headers=key)
    assert api.lead.post("/v1/requests", json=api.inquiry(), headers=key).status_code == 201
    assert requests_stored(api.world) == 2


def test_a_failed_call_leaves_its_key_free(api: Api) -> None:
    key = {"Idempotency-Key": "order-1"}
    assert api.pm.post("/v1/requests", json=api.inquiry(site_id=str(uuid4())), headers=key).status_code == 422
    assert api.pm.post("/v1/requests", json=api.inquiry(), headers=key).status_code == 201


def test_a_key_is_forgotten_after_a_day(any_api: Api) -> None:
    api = any_api
    key = {"Idempotency-Key": "order-1"}
    api.pm.post("/v1/requests", json=api.inquiry(), headers=key)
    api.world.clock.advance(hours=24, seconds=1)
    assert "idempotency-replayed" not in api.pm.post("/v1/requests", json=api.inquiry(), headers=key).headers


@pytest.mark.parametrize("key", ["", "a b", "é", "x" * 256])
def test_an_odd_idempotency_key_is_refused(api: Api, key: str) -> None:
    answer = api.pm.post("/v1/requests", json=api.inquiry(), headers={"Idempotency-Key": key.encode("latin-1")})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "idempotency-key")


def test_an_answer_that_holds_a_secret_is_never_kept(api: Api) -> None:
    body = {"person_id": str(api.world.cast.admin), "scopes": ["read"]}
    answer = api.admin.post("/v1/api-keys", json=body, headers={"Idempotency-Key": "one"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "Idempotency-Key")


def test_an_invitation_asked_for_twice_is_mailed_once(api: Api) -> None:
    url, key = f"/v1/people/{api.world.cast.pm}/invite", {"Idempotency-Key": "one"}
    first, again = (api.admin.post(url, headers=key) for _ in range(2))
    assert (again.status_code, again.text) == (202, first.text)
    api.world.work()
    assert len(api.world.email.sent_to(PM, MessageKind.INVITATION)) == 1


def test_the_same_call_made_twice_at_once_is_done_once(any_api: Api) -> None:
    body, key = any_api.inquiry(), {"Idempotency-Key": "order-1"}
    answers = at_once(any_api, 6, lambda caller: caller.post("/v1/requests", json=body, headers=key))
    assert {(status, body["id"]) for status, body in answers} == {(201, answers[0][1]["id"])}
    assert requests_stored(any_api.world) == 1


def test_of_two_people_acting_at_once_one_wins_and_the_other_is_told(any_api: Api) -> None:
    path = f"/v1/requests/{any_api.filed()['id']}/actions"
    any_api.contact.post(f"{path}/answer", json={"text": "Yes"})
    answers = at_once(
        any_api,
        2,
        lambda caller: caller.post(f"{path}/accept"),
        lambda caller: caller.post(f"{path}/reject", json={"reason": "Too vague"}),
    )
    assert sorted(status for status, _ in answers) == [200, 409]


def at_once(api: Api, times: int, *calls: Callable[[TestClient], Response]) -> list[tuple[int, dict[str, Any]]]:
    """Make calls in threads that start together; each thread takes the next of `calls`."""
    caller, barrier = api.pm, threading.Barrier(times)
    answers: list[tuple[int, dict[str, Any]]] = []

    def one(call: Callable[[TestClient], Response]) -> None:
        barrier.wait(10)
        answer = call(caller)
        answers.append((answer.status_code, answer.json()))

    threads = [threading.Thread(target=one, args=(calls[n % len(calls)],)) for n in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return answers
