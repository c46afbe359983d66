"""A policy line's review date is told to whoever looks after the line, once, on the sponsor's day."""

from typing import Any

from slamon.engine import heartbeat
from slamon.wording.message import MessageKind
from tests.callers import Api
from tests.installation import ADMIN, PM, Installation

LINE = {"name": "AUR-1 capacity", "clocks": {"answer": {"target": "PT24H", "limit": "PT48H"}}, "ladder": []}
OTHER_ADMIN = {"name": "Otto Owner", "email": "otto@sponsor.example", "roles": ["admin"]}


def reviews(installation: Installation) -> list[tuple[str, str]]:
    """Who was told, in which words."""
    heartbeat.beat(installation.runtime, "embedded", 0)
    installation.work()
    return [
        (mail.address, mail.detail or "") for mail in installation.email.sent if mail.kind is MessageKind.REVIEW_DUE
    ]


def added(api: Api, **more: Any) -> dict[str, Any]:
    answer = api.admin.post("/v1/policies", json={**LINE, "type": "inquiry", "priority": "urgent", **more})
    assert answer.status_code == 201, answer.text
    line: dict[str, Any] = answer.json()
    return line


def test_on_the_review_date_the_owner_is_told_once_what_the_line_covers(any_api: Api) -> None:
    installation = any_api.installation
    line = added(any_api, review_due_on="2026-03-04", cmo_id=str(installation.cast.cmo), kind="technical")
    assert line["owner_id"] == str(installation.cast.admin)
    assert reviews(installation) == []
    installation.clock.advance(days=2)
    [(address, words)] = reviews(installation)
    assert address == ADMIN
    assert "type inquiry, kind technical, priority urgent, CMO Rhein Fill AG." in words
    assert line["id"] in words
    assert "AUR-1" not in words
    assert len(reviews(installation)) == 1


def test_a_later_date_is_told_again_and_a_line_that_has_ended_is_not(api: Api) -> None:
    installation = api.installation
    line = added(api, review_due_on="2026-03-03")
    installation.clock.advance(days=1)
    assert len(reviews(installation)) == 1
    path = f"/v1/policies/{line['id']}"
    assert api.admin.patch(path, json={"review_due_on": "2026-03-05", "reason": "Reviewed"}).status_code == 200
    installation.clock.advance(days=2)
    assert len(reviews(installation)) == 2
    ended = {"review_due_on": "2026-03-07", "effective_to": "2026-03-06T00:00:00Z", "reason": "Agreement ends"}
    assert api.admin.patch(path, json=ended).status_code == 200
    installation.clock.advance(days=3)
    assert len(reviews(installation)) == 2


def test_only_an_administrator_can_look_after_a_line_and_the_others_step_in_for_one_who_left(api: Api) -> None:
    installation = api.installation
    refused = api.admin.post("/v1/policies", json={**LINE, "owner_id": str(installation.cast.pm)})
    assert [error["field"] for error in refused.json()["errors"]] == ["owner_id"]
    otto = api.admin.post("/v1/people", json=OTHER_ADMIN).json()
    added(api, review_due_on="2026-03-03", owner_id=otto["id"])
    gone = {"status": "disabled", "reason": "Left", "handed_to": str(installation.cast.admin)}
    assert api.admin.patch(f"/v1/people/{otto['id']}", json=gone).status_code == 200
    installation.clock.advance(days=1)
    assert [address for address, _ in reviews(installation)] == [ADMIN]
    assert not installation.email.sent_to(PM, MessageKind.REVIEW_DUE)
