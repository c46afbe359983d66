"""Doing a thing once, whoever asks again: idempotency keys, and people acting at the same moment."""

import itertools
import threading
from collections.abc import Callable
from functools import partial
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


def requests_stored(installation: Installation) -> int:
    with installation.runtime.db.read() as session:
        return session.scalar(select(func.count()).select_from(CmoRequest)) or 0


def test_the_same_call_with_the_same_key_is_done_once(any_api: Api) -> None:
    key = {"Idempotency-Key": "order-1"}
    first = any_api.pm.post("/v1/requests", json=any_api.inquiry(), headers=key)
    any_api.installation.clock.advance(hours=23)
    again = any_api.pm.post("/v1/requests", json=any_api.inquiry(), headers=key)
    assert (again.status_code, again.text) == (first.status_code, first.text)
    assert {name: again.headers[name] for name in ("location", "etag")} == {
        name: first.headers[name] for name in ("location", "etag")
    }
    assert again.headers["idempotency-replayed"] == "true"
    assert requests_stored(any_api.installation) == 1


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
    assert requests_stored(api.installation) == 2


def test_a_failed_call_leaves_its_key_free(api: Api) -> None:
    key = {"Idempotency-Key": "order-1"}
    assert api.pm.post("/v1/requests", json=api.inquiry(site_id=str(uuid4())), headers=key).status_code == 422
    assert api.pm.post("/v1/requests", json=api.inquiry(), headers=key).status_code == 201


def test_a_key_is_forgotten_after_a_day(any_api: Api) -> None:
    api = any_api
    key = {"Idempotency-Key": "order-1"}
    api.pm.post("/v1/requests", json=api.inquiry(), headers=key)
    api.installation.clock.advance(hours=24, seconds=1)
    assert "idempotency-replayed" not in api.pm.post("/v1/requests", json=api.inquiry(), headers=key).headers


@pytest.mark.parametrize("key", ["", "a b", "é", "x" * 256])
def test_an_odd_idempotency_key_is_refused(api: Api, key: str) -> None:
    answer = api.pm.post("/v1/requests", json=api.inquiry(), headers={"Idempotency-Key": key.encode("latin-1")})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "idempotency-key")


def test_an_answer_that_holds_a_secret_is_never_kept(api: Api) -> None:
    body = {"person_id": str(api.installation.cast.admin), "scopes": ["read"]}
    answer = api.admin.post("/v1/api-keys", json=body, headers={"Idempotency-Key": "one"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "Idempotency-Key")


def test_an_invitation_asked_for_twice_is_mailed_once(api: Api) -> None:
    url, key = f"/v1/people/{api.installation.cast.pm}/invite", {"Idempotency-Key": "one"}
    first, again = (api.admin.post(url, headers=key) for _ in range(2))
    assert (again.status_code, again.text) == (202, first.text)
    api.installation.work()
    assert len(api.installation.email.sent_to(PM, MessageKind.INVITATION)) == 1


def test_the_same_call_made_twice_at_once_is_done_once(any_api: Api) -> None:
    body, key = any_api.inquiry(), {"Idempotency-Key": "order-1"}
    answers = at_once(any_api, 6, lambda caller: caller.post("/v1/requests", json=body, headers=key))
    assert {(status, body["id"]) for status, body in answers} == {(201, answers[0][1]["id"])}
    assert requests_stored(any_api.installation) == 1


def test_a_call_made_again_uses_up_no_number(any_api: Api) -> None:
    key = {"Idempotency-Key": "order-1"}
    for _ in range(3):
        any_api.pm.post("/v1/requests", json=any_api.inquiry(), headers=key)
    at_once(any_api, 4, lambda caller: caller.post("/v1/requests", json=any_api.inquiry(), headers=key))
    assert any_api.filed()["number"] == "INQ-2026-000002"


def test_who_file_at_once_each_get_a_number_of_their_own_and_none_is_left_out(any_api: Api) -> None:
    keys = itertools.cycle([{"Idempotency-Key": f"order-{number}"} for number in range(4)])
    calls = [partial(_file, any_api, next(keys)) for _ in range(12)]  # each key three times
    answers = at_once(any_api, 12, *calls)
    assert {status for status, _ in answers} == {201}
    assert sorted({body["number"] for _, body in answers}) == [f"INQ-2026-00000{number}" for number in (1, 2, 3, 4)]
    assert requests_stored(any_api.installation) == 4


def _file(api: Api, headers: dict[str, str], caller: TestClient) -> Response:
    return caller.post("/v1/requests", json=api.inquiry(), headers=headers)


def test_what_would_be_refused_by_now_gets_its_first_answer_when_it_comes_again(any_api: Api) -> None:
    key = {"Idempotency-Key": "order-1"}
    body = any_api.inquiry(cmo_reference="PO-77")  # what it filed looks like what it asks for
    first = any_api.pm.post("/v1/requests", json=body, headers=key)
    again = any_api.pm.post("/v1/requests", json=body, headers=key)
    assert (again.status_code, again.text) == (201, first.text)
    assert any_api.pm.post("/v1/requests", json=body).status_code == 409


def test_a_refused_filing_leaves_its_key_and_the_next_number_alone(any_api: Api) -> None:
    any_api.filed(cmo_reference="PO-77")
    body, key = any_api.inquiry(cmo_reference="PO-77"), {"Idempotency-Key": "order-1"}
    assert any_api.pm.post("/v1/requests", json=body, headers=key).status_code == 409
    filed = any_api.pm.post("/v1/requests", json={**body, "file_anyway": True}, headers=key)
    assert (filed.status_code, filed.json()["number"]) == (201, "INQ-2026-000002")


def test_the_answer_that_is_kept_says_the_number_whatever_the_texts_say(any_api: Api) -> None:
    any_api.filed()
    body, key = any_api.inquiry(subject="[number] of [number]", description='"number":""'), {"Idempotency-Key": "one"}
    first, again = (any_api.pm.post("/v1/requests", json=body, headers=key) for _ in range(2))
    assert first.json()["number"] == "INQ-2026-000002"
    assert (first.json()["subject"], first.text) == ("[number] of [number]", again.text)


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
